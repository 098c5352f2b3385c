"""What can be done to conversations and messages: `POST /mail/actions/<verb>/`. One verb, one call of the store.

A script gets JSON with the words for the toast and the action's id for Undo; a plain form gets a redirect and the
words as a message on the next page. Texts say what happened to how many. Nothing here is ever a GET.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from mta.mailstore import service as mailstore
from mta.mailstore.errors import NothingToUndo, StoreError
from mta.values import JUNK, TRASH, Done
from webmail.boxes import SLUGS, Box, box_of
from webmail.visit import Visit, number, visiting, wants_parts

MAX_AT_ONCE = 500


class Refused(Exception):
    """A request that cannot be done, in a sentence for the person who asked."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request names: conversations or messages, the place they are looked at in, a target."""

    visit: Visit
    request: HttpRequest
    ids: list[int]
    place: Box

    @property
    def space(self) -> int:
        return self.visit.mailspace

    def target(self) -> Box:
        """The mailbox to move to or the label to put on; made when `new` names one that is not here."""
        given = self.request.POST.get("target", "")
        if "/" in given or given in SLUGS:  # a place of the left column, by its address
            return self.visit.box(given)
        named = number(given)
        if named is not None:
            return box_of(mailstore.mailbox_by_id(self.space, named))
        name = self.request.POST.get("new", "").strip()
        if not name:
            raise Refused(_("Choose where to move it."))
        known = next((each for each in self.visit.mailboxes if each.name.casefold() == name.casefold()), None)
        return box_of(known or mailstore.create_mailbox(self.space, name, cause=self.visit.cause))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done. `leaves`: the rows are no longer in the place they were looked at."""

    text: str
    done: Done | None = None
    leaves: bool = False


Verb = Callable[[Asked], Outcome]


@require_POST
@visiting
def act(request: HttpRequest, visit: Visit, verb: str = "") -> HttpResponseBase:
    """Do one thing. Without a verb in the address the pressed button of the form names it."""
    if not visit.may_organise:
        return _answer(request, Outcome(_("You may read this mailbox, but not change it.")), status=403)
    name = verb or request.POST.get("verb", "")
    doing = _VERBS.get(name) or _MESSAGE_VERBS.get(name) or _OTHER_VERBS.get(name)
    ids = [each for each in map(number, request.POST.getlist("ids")) if each is not None][:MAX_AT_ONCE]
    if doing is None or (not ids and name not in _OTHER_VERBS):
        return _answer(request, Outcome(_("Nothing was chosen.")), status=400)
    try:
        outcome = doing(Asked(visit, request, ids, visit.box(request.POST.get("box") or "all")))
    except (Refused, StoreError) as error:
        return _answer(request, Outcome(str(error)), status=400)
    return _answer(request, outcome)


def _answer(request: HttpRequest, outcome: Outcome, status: int = 200) -> HttpResponse:
    done = outcome.done
    if wants_parts(request):
        answer: dict[str, object] = {"text": outcome.text, "leaves": outcome.leaves}
        if done is not None:
            answer |= {"action": done.action, "conversations": done.conversations, "skipped": done.skipped}
        return JsonResponse(answer, status=status)
    messages.add_message(request, messages.INFO if status == 200 else messages.ERROR, outcome.text)
    following = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(following, allowed_hosts={request.get_host()})
    return redirect(following if safe and following.startswith("/") else "mail:inbox")


# --- words --------------------------------------------------------------------------------------------------
def _counted(one: str, many: str, count: int, **names: str) -> str:
    return ngettext(one, many, count) % ({"count": count} | names)


# --- verbs on whole conversations ---------------------------------------------------------------------------
def _archive(asked: Asked) -> Outcome:
    done = mailstore.archive(asked.space, asked.ids, cause=asked.visit.cause)
    text = _counted("Conversation archived.", "%(count)d conversations archived.", len(asked.ids))
    return Outcome(text, done, leaves=asked.place.slug == "inbox")


def _delete(asked: Asked) -> Outcome:
    done = mailstore.delete(asked.space, asked.ids, cause=asked.visit.cause)
    text = _counted("Conversation moved to Trash.", "%(count)d conversations moved to Trash.", len(asked.ids))
    return Outcome(text, done, leaves=asked.place.slug != "trash")


def _junk(asked: Asked) -> Outcome:
    done = mailstore.junk(asked.space, asked.ids, cause=asked.visit.cause)
    text = _counted("Conversation moved to Spam.", "%(count)d conversations moved to Spam.", len(asked.ids))
    return Outcome(text, done, leaves=asked.place.slug not in ("spam", "sent"))


def _unjunk(asked: Asked) -> Outcome:
    done = mailstore.unjunk(asked.space, asked.ids, cause=asked.visit.cause)
    text = _counted(
        "Not spam: moved to Inbox.", "Not spam: %(count)d conversations moved to Inbox.", len(asked.ids)
    )
    return Outcome(text, done, leaves=asked.place.slug == "spam")


def _read(asked: Asked) -> Outcome:
    return Outcome(
        _("Marked as read."), mailstore.mark(asked.space, asked.ids, seen=True, cause=asked.visit.cause)
    )


def _unread(asked: Asked) -> Outcome:
    return Outcome(
        _("Marked as unread."), mailstore.mark(asked.space, asked.ids, seen=False, cause=asked.visit.cause)
    )


def _star(asked: Asked) -> Outcome:
    text = _counted("Starred.", "%(count)d conversations starred.", len(asked.ids))
    return Outcome(text, mailstore.star(asked.space, asked.ids, on=True, cause=asked.visit.cause))


def _unstar(asked: Asked) -> Outcome:
    done = mailstore.star(asked.space, asked.ids, on=False, cause=asked.visit.cause)
    return Outcome(_("Star removed."), done, leaves=asked.place.slug == "starred")


def _move(asked: Asked) -> Outcome:
    target = asked.target()
    done = mailstore.move_threads(asked.space, asked.ids, asked.place.id, target.id, cause=asked.visit.cause)
    text = _counted(
        "Conversation moved to %(target)s.",
        "%(count)d conversations moved to %(target)s.",
        len(asked.ids),
        target=target.name or target.title,
    )
    return Outcome(text, done, leaves=asked.place.id > 0 and asked.place.id != target.id)


def _label(asked: Asked) -> Outcome:
    target = asked.target()
    done = mailstore.label(asked.space, asked.ids, target.id, cause=asked.visit.cause)
    return Outcome(_("Label %s added.") % (target.name or target.title), done)


def _unlabel(asked: Asked) -> Outcome:
    target = asked.target()
    done = mailstore.unlabel(asked.space, asked.ids, target.id, cause=asked.visit.cause)
    text = _("Label %s removed.") % (target.name or target.title)
    return Outcome(text, done, leaves=asked.place.id == target.id)


def _delete_forever(asked: Asked) -> Outcome:
    done = mailstore.delete_forever(asked.space, asked.ids, cause=asked.visit.cause)
    text = _counted(
        "Conversation deleted forever.", "%(count)d conversations deleted forever.", len(asked.ids)
    )
    return Outcome(text, done, leaves=asked.place.slug in ("trash", "spam"))


# --- verbs on single messages -------------------------------------------------------------------------------
def _read_messages(asked: Asked) -> Outcome:
    done = mailstore.mark_messages(asked.space, asked.ids, seen=True, cause=asked.visit.cause)
    return Outcome(_("Marked as read."), done)


def _unread_messages(asked: Asked) -> Outcome:
    done = mailstore.mark_messages(asked.space, asked.ids, seen=False, cause=asked.visit.cause)
    return Outcome(_("Marked as unread."), done)


def _star_messages(asked: Asked) -> Outcome:
    done = mailstore.star_messages(asked.space, asked.ids, on=True, cause=asked.visit.cause)
    return Outcome(_("Starred."), done)


def _unstar_messages(asked: Asked) -> Outcome:
    done = mailstore.star_messages(asked.space, asked.ids, on=False, cause=asked.visit.cause)
    return Outcome(_("Star removed."), done)


def _delete_messages(asked: Asked) -> Outcome:
    done = mailstore.delete_messages(asked.space, asked.ids, cause=asked.visit.cause)
    return Outcome(
        _counted("Message moved to Trash.", "%(count)d messages moved to Trash.", len(asked.ids)), done
    )


# --- verbs without a choice of conversations ----------------------------------------------------------------
def _undo(asked: Asked) -> Outcome:
    action = asked.request.POST.get("action", "")[:64].replace("\0", "")  # which PostgreSQL does not take
    try:
        done = mailstore.undo(asked.space, action, cause=asked.visit.cause)
    except NothingToUndo as error:
        raise Refused(_("That can no longer be undone.")) from error
    if done.skipped:
        return Outcome(_("Undone, but for %d that changed since.") % done.skipped, done)
    return Outcome(_("Undone."), done)


def _empty(asked: Asked) -> Outcome:
    role = {"trash": TRASH, "spam": JUNK}.get(asked.place.slug)
    if role is None:
        raise Refused(_("Only Trash and Spam can be emptied."))
    done = mailstore.empty(asked.space, asked.place.id, cause=asked.visit.cause)
    return Outcome(_("%s is empty now.") % asked.place.title, done, leaves=True)


_VERBS: dict[str, Verb] = {
    "archive": _archive,
    "delete": _delete,
    "junk": _junk,
    "unjunk": _unjunk,
    "read": _read,
    "unread": _unread,
    "star": _star,
    "unstar": _unstar,
    "move": _move,
    "label": _label,
    "unlabel": _unlabel,
    "delete-forever": _delete_forever,
}
_MESSAGE_VERBS: dict[str, Verb] = {
    "read-messages": _read_messages,
    "unread-messages": _unread_messages,
    "star-messages": _star_messages,
    "unstar-messages": _unstar_messages,
    "delete-messages": _delete_messages,
}
_OTHER_VERBS: dict[str, Verb] = {"undo": _undo, "empty": _empty}
