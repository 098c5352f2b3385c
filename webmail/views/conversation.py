"""A conversation: `/mail/inbox/123/`, and one message of it (for scripts)."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from hosting.access import senders_for
from mta.mailstore import service as mailstore
from mta.mailstore.service import Conversation
from mta.values import FLAGGED, IMPORTANT, JUNK, MUTED, SEEN, TRASH
from webmail import faces
from webmail.boxes import COMPOSE, Box
from webmail.letters import Letter, folded, to_open, write_out
from webmail.lookalike import circle_of
from webmail.marked_letters import marked
from webmail.pictures import rules_for
from webmail.rows import labels
from webmail.search_box import MAX_TEXT
from webmail.searching import marks_of, search_url
from webmail.views.mail import targets
from webmail.views.why import tell
from webmail.visit import Visit, is_prefetch, number, show, visiting, wants_parts


@visiting
def conversation(request: HttpRequest, visit: Visit, box: str, thread: int) -> HttpResponse:
    """The whole conversation. Looking at it makes it read, when the reader's choice says so; our script says so by
    itself once it is on screen, and looking ahead never does."""
    place = visit.box(box)
    clock = mailstore.clocks([visit.mailspace])[visit.mailspace]
    found = conversation_of(visit, place, thread, aside=bool(request.GET.get("aside")))
    found = _only_asked_for(visit, found, number(request.GET.get("message", "")))
    only = found.messages[0].id if "message" in request.GET and not visit.preferences.conversations else None
    unread = [message.id for message in found.messages if not message.flags & SEEN]
    if unread and visit.may_organise and not wants_parts(request) and not is_prefetch(request):
        _mark_read(visit, found, whole="message" not in request.GET)
    letters = letters_of(
        visit, found, opened=request.GET.get("open", ""), pictures=request.GET.get("pictures", "")
    )
    newer, older, position = _around(visit, place, thread, only)
    query = request.GET.get("q", "")[:MAX_TEXT]
    marks = marks_of(visit, query)
    letters = marked(letters, marks)
    return show(
        request,
        visit,
        "webmail/conversation.html",
        {
            "box": place,
            "clock": clock,
            "conversation": found,
            "items": letters if "all" in request.GET else folded(letters),
            "letters": letters,
            "reply_to": next((each for each in reversed(letters) if not each.draft), letters[-1]),
            "unread": bool(unread),
            "read_after": visit.preferences.read_after,
            "starred": any(message.flags & FLAGGED for message in found.messages),
            "important": any(IMPORTANT in message.keywords for message in found.messages),
            "muted": any(MUTED in message.keywords for message in found.messages),
            "last": found.messages[-1],
            "chips": _chips(visit, place, found),
            "only": only,
            "newer_url": newer if not query else "",
            "older_url": older if not query else "",
            "position": position if not query else 0,
            "total": visit.total(place),
            "back_url": search_url(q=query) if query else place.url,
            "query": query,
            "marks": marks,
            "title": f"{found.subject or _('(no subject)')} - {visit.address} - Mailstead",
            "targets": targets(visit, place),
            "in_junk": place.slug == "spam",
            **_why_in_spam(visit, found, letters),
            "in_trash": place.slug == "trash",
        },
    )


def _around(visit: Visit, place: Box, thread: int, only: int | None) -> tuple[str, str, int]:
    """The addresses of what is next to it in the list, newer and older, and its place there (0: not known)."""
    if only is None:
        newer, older, position = mailstore.neighbours(visit.mailspace, place.id, thread)
        near = [place.conversation_url(each) if each else "" for each in (newer, older)]
        return near[0], near[1], position + 1
    key = (mailstore.message(visit.mailspace, only).internal_date, only)
    after = mailstore.message_lines(visit.mailspace, place.id, after=key, limit=1)
    before = mailstore.message_lines(visit.mailspace, place.id, before=key, limit=1)
    near = [
        f"{place.conversation_url(line.thread)}?message={line.last_message}" if line else ""
        for line in (next(iter(page.rows), None) for page in (after, before))
    ]
    return near[0], near[1], 0


def _why_in_spam(visit: Visit, found: Conversation, letters: list[Letter]) -> dict[str, Any]:
    """What lies in Spam says by itself why: of the last such message, as the others have mostly the same reasons."""
    about = {each.id: each for each in found.messages}
    asked = next((each.id for each in reversed(letters) if each.open and each.junk), None)
    if asked is None:
        return {}
    return {"why_of": asked, "why": tell(visit, about[asked], looked_at=None)}


def _only_asked_for(visit: Visit, found: Conversation, message: int | None) -> Conversation:
    """With conversations switched off, a row is one message, and so is what it opens."""
    if message is None or visit.preferences.conversations:
        return found
    chosen = tuple(each for each in found.messages if message in (each.id, *each.also))
    if not chosen:
        raise Http404(_("That message is no longer here."))
    return Conversation(found.thread, chosen[0].subject, chosen[0].boxes, chosen, 0, 0)


def _mark_read(visit: Visit, found: Conversation, *, whole: bool) -> None:
    """Without a script there is no later: whoever never wants it by itself has the button."""
    if visit.preferences.read_after < 0:
        return
    if whole:
        mailstore.mark(visit.mailspace, [found.thread], seen=True, cause=visit.cause)
    else:
        ids = [twin for each in found.messages for twin in (each.id, *each.also)]
        mailstore.mark_messages(visit.mailspace, ids, seen=True, cause=visit.cause)


def _chips(visit: Visit, place: Box, found: Conversation) -> list[Any]:
    """Labels, and the Inbox when it is looked at from elsewhere (webmail spec 6.1)."""
    return list(labels(found.boxes, Box(-3, "all", ""), {each.id: each for each in visit.mailboxes}))


def conversation_of(visit: Visit, place: Box, thread: int, *, aside: bool) -> Conversation:
    """The messages to show: all but those in Spam and Trash, unless that is where the reader is."""
    found = mailstore.conversation(visit.mailspace, thread, aside=aside or place.slug in ("spam", "trash"))
    if not found.messages:
        found = mailstore.conversation(visit.mailspace, thread, aside=True)
    if not found.messages:
        raise Http404(_("That conversation is no longer here."))
    return found


def own_addresses(visit: Visit) -> frozenset[str]:
    """The addresses that mean the reader, in this mailspace."""
    mine = {
        each.address.lower() for each in senders_for(visit.account.pk) if each.mailspace == visit.mailspace
    }
    return frozenset(mine | {visit.address.lower()})


def letters_of(visit: Visit, found: Conversation, *, opened: str = "", pictures: str = "") -> list[Letter]:
    """The letters, open as they stand at first; `opened` is "all", or the number of one more; `pictures` is the word
    for those that are shown this time."""
    open_ids = to_open(visit.mailspace, found.messages)
    if opened == "all":
        open_ids = frozenset(message.id for message in found.messages)
    elif (named := number(opened)) is not None:
        open_ids |= {named}
    return _written(visit, found, open_ids, pictures)


def _written(visit: Visit, found: Conversation, open_ids: frozenset[int], pictures: str = "") -> list[Letter]:
    own = own_addresses(visit)
    letters = write_out(
        visit.mailspace,
        found,
        open_ids=open_ids,
        own=own,
        trash=frozenset(each.id for each in visit.mailboxes if each.role == TRASH),
        junk=frozenset(each.id for each in visit.mailboxes if each.role == JUNK),
        circle=partial(circle_of, visit.account.pk, visit.mailspace),
        hours=visit.hours,
        pictures=cache(partial(rules_for, visit, pictures)),
        dark=visit.preferences.dark_mail,
    )
    return faces.on_letters(visit, letters, own)


@visiting
def letter(request: HttpRequest, visit: Visit, message: int) -> HttpResponse:
    """One message, open: what a script puts in place of the closed line; `?closed` gives the line again."""
    about = mailstore.message(visit.mailspace, message)
    found = mailstore.conversation(visit.mailspace, about.thread, aside=True)
    here = next((each for each in found.messages if message in (each.id, *each.also)), None)
    if here is None:
        raise Http404(_("That message is no longer here."))
    opened = frozenset() if "closed" in request.GET else frozenset({here.id})
    shown = next(
        each for each in _written(visit, found, opened, request.GET.get("pictures", "")) if each.id == here.id
    )
    (shown,) = marked([shown], marks_of(visit, request.GET.get("q", "")))
    return render(request, "webmail/letter.html", {"letter": shown, "compose_url": COMPOSE, "visit": visit})
