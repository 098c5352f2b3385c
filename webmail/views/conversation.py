"""A conversation: `/mail/inbox/123/`, one message of it (for scripts), and the original of a message."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from hosting.access import senders_for
from mta.mailstore import service as mailstore
from mta.mailstore.service import Conversation
from mta.message.headers import decode_text, parse_header, split_message
from mta.values import JUNK, SEEN, TRASH
from webmail.boxes import COMPOSE, Box
from webmail.letters import folded, to_open, write_out
from webmail.rows import labels
from webmail.views.mail import targets
from webmail.visit import Visit, is_prefetch, number, show, visiting, wants_parts

MAX_ORIGINAL = 512 * 1024  # bytes that are shown; all of it can be downloaded


@visiting
def conversation(request: HttpRequest, visit: Visit, box: str, thread: int) -> HttpResponse:
    """The whole conversation. Looking at it makes it read; our script says so by itself once it is on screen."""
    place = visit.box(box)
    clock = mailstore.clocks([visit.mailspace])[visit.mailspace]
    found = _conversation(visit, place, thread, aside=bool(request.GET.get("aside")))
    unread = [message.id for message in found.messages if not message.flags & SEEN]
    if unread and visit.may_organise and not wants_parts(request) and not is_prefetch(request):
        mailstore.mark(visit.mailspace, [thread], seen=True, cause=visit.cause)
    letters = _letters(request, visit, found)
    newer, older, position = mailstore.neighbours(visit.mailspace, place.id, thread)
    total = _total(visit, place)
    query = request.GET.get("q", "")
    return show(
        request,
        visit,
        "webmail/conversation.html",
        {
            "box": place,
            "clock": clock,
            "conversation": found,
            "items": letters if "all" in request.GET else folded(letters),
            "reply_to": next((each for each in reversed(letters) if not each.draft), letters[-1]),
            "unread": bool(unread),
            "starred": any(message.flags & 4 for message in found.messages),
            "last": found.messages[-1],
            "chips": list(
                labels(found.boxes, Box(-3, "all", ""), {each.id: each for each in visit.mailboxes})
            ),
            "newer_url": place.conversation_url(newer) if newer and not query else "",
            "older_url": place.conversation_url(older) if older and not query else "",
            "position": position + 1 if not query else 0,
            "total": total,
            "back_url": f"/mail/search/?q={query}" if query else place.url,
            "query": query,
            "title": f"{found.subject or _('(no subject)')} - {visit.address} - Mailstead",
            "targets": targets(visit, place),
            "in_junk": place.slug == "spam",
            "in_trash": place.slug == "trash",
        },
    )


def _total(visit: Visit, place: Box) -> int:
    if place.id < 0:
        return visit.view_counts.get(place.id, (0, 0))[0]
    return next((each.threads for each in visit.mailboxes if each.id == place.id), 0)


def _conversation(visit: Visit, place: Box, thread: int, *, aside: bool) -> Conversation:
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


def _letters(request: HttpRequest, visit: Visit, found: Conversation) -> list[Any]:
    open_ids = to_open(visit.mailspace, found.messages)
    wanted = request.GET.get("open", "")
    if wanted == "all":
        open_ids = frozenset(message.id for message in found.messages)
    elif (named := number(wanted)) is not None:
        open_ids |= {named}
    trash = frozenset(each.id for each in visit.mailboxes if each.role in (TRASH, JUNK))
    return write_out(visit.mailspace, found, open_ids=open_ids, own=own_addresses(visit), trash=trash)


@visiting
def letter(request: HttpRequest, visit: Visit, message: int) -> HttpResponse:
    """One message, open: what a script puts in place of the closed line; `?closed` gives the line again."""
    about = mailstore.message(visit.mailspace, message)
    found = mailstore.conversation(visit.mailspace, about.thread, aside=True)
    here = next((each for each in found.messages if message in (each.id, *each.also)), None)
    if here is None:
        raise Http404(_("That message is no longer here."))
    opened = frozenset() if "closed" in request.GET else frozenset({here.id})
    letters = write_out(visit.mailspace, found, open_ids=opened, own=own_addresses(visit))
    shown = next(each for each in letters if each.id == here.id)
    return render(request, "webmail/letter.html", {"letter": shown, "compose_url": COMPOSE})


@visiting
def original(request: HttpRequest, visit: Visit, message: int) -> HttpResponse:
    """What was received, as it was received, with the header fields people ask about on top."""
    about = mailstore.message(visit.mailspace, message)
    raw = mailstore.raw(visit.mailspace, message)
    end, _start = split_message(raw)
    wanted = {
        "message-id": "Message-ID",
        "from": "From",
        "to": "To",
        "date": "Date",
        "return-path": "Return-Path",
    }
    wanted |= {"authentication-results": "Authentication-Results", "received-spf": "Received-SPF"}
    rows: list[tuple[str, str]] = []
    for field in parse_header(raw[:end]):
        if field.name in wanted and len(rows) < 20:
            rows.append((wanted[field.name], decode_text(field.value)[:1000]))
    delay = (about.internal_date - about.sent_at) // 1_000_000 if about.sent_at else None
    return show(
        request,
        visit,
        "webmail/original.html",
        {
            "message": about,
            "rows": rows,
            "delay": delay if delay is not None and 0 <= delay < 30 * 86_400 else None,
            "source": raw[:MAX_ORIGINAL].decode("utf-8", "replace").replace("\r\n", "\n"),
            "cut": len(raw) > MAX_ORIGINAL,
            "title": f"{_('Original message')} - {about.subject} - Mailstead",
        },
    )
