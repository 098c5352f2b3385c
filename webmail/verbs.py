"""What can be done to conversations and messages, by name: one verb, one call of the store, and the words for it.

Each verb gets what was asked (`Asked`) and says what happened (`Outcome`). Called by webmail.views.actions; the same
names with everything in a place, or in a search, are jobs (webmail.jobs). Texts say what happened to how many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from mta.filters import service as filters
from mta.mailstore import service as mailstore
from mta.mailstore.errors import NothingToUndo
from mta.values import JUNK, LABEL, TRASH, Done
from webmail import evidence, snoozing
from webmail.boxes import SLUGS, Box, box_of
from webmail.rules import from_sender
from webmail.templatetags.look import grouped
from webmail.unsubscribing import offer
from webmail.visit import Visit, number

MAX_LABELS = 100


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

    def labels(self, field: str) -> list[int]:
        """Labels that a field names by number; those that are not here do not exist."""
        here = {each.id for each in self.visit.mailboxes if each.role == LABEL}
        given = [number(each) for each in self.request.POST.getlist(field)[:MAX_LABELS]]
        return [each for each in given if each is not None and each in here]

    def until(self) -> int:
        """When what is snoozed shall come back, µs."""
        now = timezone.localtime()
        when = self.request.POST.get("when", "")
        preferences = self.visit.preferences
        try:
            if when == "picked":
                return snoozing.micros(snoozing.picked(self.request.POST.get("at", ""), now))
            at = snoozing.named(when, now, morning=preferences.morning, evening=preferences.evening)
        except snoozing.NotAhead as error:
            raise Refused(_("Choose a time that is still to come.")) from error
        return snoozing.micros(at)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done. `leaves`: the rows are no longer in the place they were looked at. `job`: it goes on in the
    background under this number, as this action. `more`: what else can be done now, by its name and address."""

    text: str
    done: Done | None = None
    leaves: bool = False
    job: int = 0
    action: str = ""
    more: tuple[str, str] | None = None


Verb = Callable[[Asked], Outcome]


# --- words --------------------------------------------------------------------------------------------------
def counted(one: str, many: str, count: int, **names: str) -> str:
    return ngettext(one, many, count) % ({"count": grouped(count)} | names)


def moment(micros: int) -> str:
    """`Tuesday 24 November, 08:00`"""
    at = timezone.localtime(snoozing.moment(micros))
    return formats.date_format(at, pgettext("date format of a moment to come", "l j F, H:i"))


def said(verb: str, count: int, *, target: str = "", until: int = 0) -> str:
    """What is said after a verb was done to so many conversations."""
    match verb:
        case "archive":
            return counted("Conversation archived.", "%(count)s conversations archived.", count)
        case "delete":
            return counted("Conversation moved to Trash.", "%(count)s conversations moved to Trash.", count)
        case "junk":
            return counted("Conversation moved to Spam.", "%(count)s conversations moved to Spam.", count)
        case "unjunk":
            return counted(
                "Not spam: moved to Inbox.", "Not spam: %(count)s conversations moved to Inbox.", count
            )
        case "read":
            return _("Marked as read.")
        case "unread":
            return _("Marked as unread.")
        case "star":
            return counted("Starred.", "%(count)s conversations starred.", count)
        case "unstar":
            return _("Star removed.")
        case "important":
            return counted("Marked as important.", "%(count)s conversations marked as important.", count)
        case "unimportant":
            return _("No longer marked as important.")
        case "mute":
            return counted("Conversation muted.", "%(count)s conversations muted.", count)
        case "unmute":
            return _("No longer muted.")
        case "snooze":
            return counted(
                "Snoozed until %(when)s.",
                "%(count)s conversations snoozed until %(when)s.",
                count,
                when=moment(until),
            )
        case "unsnooze":
            return counted("Back in the inbox.", "%(count)s conversations are back in the inbox.", count)
        case "move":
            return counted(
                "Conversation moved to %(target)s.",
                "%(count)s conversations moved to %(target)s.",
                count,
                target=target,
            )
        case "label":
            return _("Label %s added.") % target
        case "unlabel":
            return _("Label %s removed.") % target
        case "labels":
            return _("Labels changed.")
        case "filter":
            return counted(
                "The filter was applied to one conversation.",
                "The filter was applied to %(count)s conversations.",
                count,
            )
        case "delete-forever":
            return counted("Conversation deleted forever.", "%(count)s conversations deleted forever.", count)
    raise KeyError(verb)


# --- verbs on whole conversations ---------------------------------------------------------------------------
def _archive(asked: Asked) -> Outcome:
    done = mailstore.archive(asked.space, asked.ids, cause=asked.visit.cause)
    leaves = asked.place.slug in ("inbox", "snoozed")
    return Outcome(said("archive", len(asked.ids)), done, leaves=leaves)


def _delete(asked: Asked) -> Outcome:
    done = mailstore.delete(asked.space, asked.ids, cause=asked.visit.cause)
    return Outcome(said("delete", len(asked.ids)), done, leaves=asked.place.slug != "trash")


def _junk(asked: Asked) -> Outcome:
    done = mailstore.junk(asked.space, asked.ids, cause=asked.visit.cause)
    leaves = asked.place.slug not in ("spam", "sent")
    return Outcome(said("junk", len(asked.ids)), done, leaves=leaves, more=_way_out(asked))


def _way_out(asked: Asked) -> tuple[str, str] | None:
    """Of a single conversation that was reported: the way out of the list that its last message came from."""
    if len(asked.ids) != 1:
        return None
    found = mailstore.conversation(asked.space, asked.ids[0], aside=True).messages
    last = next((each for each in reversed(found) if not each.own), None)
    if last is None or not last.list_id:
        return None
    if offer(evidence.known(last, mailstore.raw(asked.space, last.id))) is None:
        return None
    return _("Unsubscribe"), reverse("mail:unsubscribe", args=[last.id])


def _unjunk(asked: Asked) -> Outcome:
    done = mailstore.unjunk(asked.space, asked.ids, cause=asked.visit.cause)
    return Outcome(said("unjunk", len(asked.ids)), done, leaves=asked.place.slug == "spam")


def _read(asked: Asked) -> Outcome:
    done = mailstore.mark(asked.space, asked.ids, seen=True, cause=asked.visit.cause)
    return Outcome(said("read", len(asked.ids)), done)


def _unread(asked: Asked) -> Outcome:
    done = mailstore.mark(asked.space, asked.ids, seen=False, cause=asked.visit.cause)
    return Outcome(said("unread", len(asked.ids)), done)


def _star(asked: Asked) -> Outcome:
    done = mailstore.star(asked.space, asked.ids, on=True, cause=asked.visit.cause)
    return Outcome(said("star", len(asked.ids)), done)


def _unstar(asked: Asked) -> Outcome:
    done = mailstore.star(asked.space, asked.ids, on=False, cause=asked.visit.cause)
    return Outcome(said("unstar", len(asked.ids)), done, leaves=asked.place.slug == "starred")


def _important(asked: Asked) -> Outcome:
    done = mailstore.mark_important(asked.space, asked.ids, on=True, cause=asked.visit.cause)
    return Outcome(said("important", len(asked.ids)), done)


def _unimportant(asked: Asked) -> Outcome:
    done = mailstore.mark_important(asked.space, asked.ids, on=False, cause=asked.visit.cause)
    return Outcome(said("unimportant", len(asked.ids)), done)


def _mute(asked: Asked) -> Outcome:
    done = mailstore.mute(asked.space, asked.ids, on=True, cause=asked.visit.cause)
    leaves = asked.place.slug in ("inbox", "snoozed")
    return Outcome(said("mute", len(asked.ids)), done, leaves=leaves)


def _unmute(asked: Asked) -> Outcome:
    done = mailstore.mute(asked.space, asked.ids, on=False, cause=asked.visit.cause)
    return Outcome(said("unmute", len(asked.ids)), done)


def _snooze(asked: Asked) -> Outcome:
    until = asked.until()
    done = mailstore.snooze(asked.space, asked.ids, until=until, cause=asked.visit.cause)
    leaves = asked.place.slug in ("inbox", "archive")
    return Outcome(said("snooze", len(asked.ids), until=until), done, leaves=leaves)


def _unsnooze(asked: Asked) -> Outcome:
    done = mailstore.unsnooze(asked.space, asked.ids, cause=asked.visit.cause)
    return Outcome(said("unsnooze", len(asked.ids)), done, leaves=asked.place.slug == "snoozed")


def _move(asked: Asked) -> Outcome:
    target = asked.target()
    done = mailstore.move_threads(asked.space, asked.ids, asked.place.id, target.id, cause=asked.visit.cause)
    text = said("move", len(asked.ids), target=target.name or target.title)
    leaves = asked.place.id > 0 and asked.place.id != target.id
    return Outcome(text, done, leaves=leaves, more=_always(asked, target, skip=asked.place.slug == "inbox"))


HABIT = 2  # moves of one sender to one label, after which a filter is offered


def _always(asked: Asked, target: Box, *, skip: bool, single: bool = False) -> tuple[str, str] | None:
    """After the second move of one sender to a label: the page of a filter that does it to all their mail."""
    if not target.is_label or len(asked.ids) != 1:
        return None
    (id_,) = asked.ids
    found = (
        (mailstore.message(asked.space, id_),)
        if single
        else mailstore.conversation(asked.space, id_, aside=True).messages
    )
    sender = next((each.from_.email.lower() for each in reversed(found) if not each.own), "")
    if not sender or mailstore.filed(asked.space, target.id, sender) < HABIT:
        return None
    line = from_sender(sender)
    if any(each.query == line and target.id in each.actions.labels for each in filters.rules(asked.space)):
        return None  # somebody thought of it before
    given = {"q": line, "label": target.id} | ({"skip": 1} if skip else {})
    return _("Always do this"), f"{reverse('mail:settings-filter-new')}?{urlencode(given)}"


def _label(asked: Asked) -> Outcome:
    target = asked.target()
    done = mailstore.label(asked.space, asked.ids, target.id, cause=asked.visit.cause)
    text = said("label", len(asked.ids), target=target.name or target.title)
    return Outcome(text, done, more=_always(asked, target, skip=False))


def _unlabel(asked: Asked) -> Outcome:
    target = asked.target()
    done = mailstore.unlabel(asked.space, asked.ids, target.id, cause=asked.visit.cause)
    text = said("unlabel", len(asked.ids), target=target.name or target.title)
    return Outcome(text, done, leaves=asked.place.id == target.id)


def _labels(asked: Asked) -> Outcome:
    """Several labels at once, put on and taken off: one action, one Undo."""
    add, remove = asked.labels("add"), asked.labels("remove")
    if not add and not remove:
        raise Refused(_("Choose a label."))
    done = mailstore.apply_labels(asked.space, asked.ids, add=add, remove=remove, cause=asked.visit.cause)
    names = {each.id: each.name for each in asked.visit.mailboxes}
    leaves = asked.place.id in remove
    only = box_of(mailstore.mailbox_by_id(asked.space, add[0])) if len(add) == 1 and not remove else None
    more = _always(asked, only, skip=False) if only else None
    return Outcome(label_words(names, add, remove), done, leaves=leaves, more=more)


def label_words(names: Mapping[int, str], add: Sequence[int], remove: Sequence[int]) -> str:
    if len(add) + len(remove) == 1:
        return said("label" if add else "unlabel", 1, target=names.get((*add, *remove)[0], ""))
    return said("labels", 1)


def _delete_forever(asked: Asked) -> Outcome:
    done = mailstore.delete_forever(asked.space, asked.ids, cause=asked.visit.cause)
    leaves = asked.place.slug in ("trash", "spam")
    return Outcome(said("delete-forever", len(asked.ids)), done, leaves=leaves)


# --- verbs on single messages -------------------------------------------------------------------------------
def _read_messages(asked: Asked) -> Outcome:
    done = mailstore.mark_messages(asked.space, asked.ids, seen=True, cause=asked.visit.cause)
    return Outcome(said("read", len(asked.ids)), done)


def _unread_messages(asked: Asked) -> Outcome:
    done = mailstore.mark_messages(asked.space, asked.ids, seen=False, cause=asked.visit.cause)
    return Outcome(said("unread", len(asked.ids)), done)


def _star_messages(asked: Asked) -> Outcome:
    done = mailstore.star_messages(asked.space, asked.ids, on=True, cause=asked.visit.cause)
    return Outcome(_("Starred."), done)


def _unstar_messages(asked: Asked) -> Outcome:
    done = mailstore.star_messages(asked.space, asked.ids, on=False, cause=asked.visit.cause)
    return Outcome(said("unstar", len(asked.ids)), done, leaves=asked.place.slug == "starred")


def _archive_messages(asked: Asked) -> Outcome:
    done = mailstore.archive_messages(asked.space, asked.ids, cause=asked.visit.cause)
    text = counted("Message archived.", "%(count)s messages archived.", len(asked.ids))
    return Outcome(text, done, leaves=asked.place.slug in ("inbox", "snoozed"))


def _delete_messages(asked: Asked) -> Outcome:
    done = mailstore.delete_messages(asked.space, asked.ids, cause=asked.visit.cause)
    text = counted("Message moved to Trash.", "%(count)s messages moved to Trash.", len(asked.ids))
    return Outcome(text, done, leaves=asked.place.slug != "trash")


def _delete_messages_forever(asked: Asked) -> Outcome:
    done = mailstore.delete_messages_forever(asked.space, asked.ids, cause=asked.visit.cause)
    text = counted("Message deleted forever.", "%(count)s messages deleted forever.", len(asked.ids))
    return Outcome(text, done, leaves=asked.place.slug in ("trash", "spam"))


def _junk_messages(asked: Asked) -> Outcome:
    done = mailstore.junk_messages(asked.space, asked.ids, cause=asked.visit.cause)
    text = counted("Message moved to Spam.", "%(count)s messages moved to Spam.", len(asked.ids))
    return Outcome(text, done, leaves=asked.place.slug not in ("spam", "sent"))


def _unjunk_messages(asked: Asked) -> Outcome:
    done = mailstore.unjunk_messages(asked.space, asked.ids, cause=asked.visit.cause)
    text = counted(
        "Not spam: moved to Inbox.", "Not spam: %(count)s messages moved to Inbox.", len(asked.ids)
    )
    return Outcome(text, done, leaves=asked.place.slug == "spam")


def _move_messages(asked: Asked) -> Outcome:
    target = asked.target()
    done = mailstore.move_messages(asked.space, asked.ids, asked.place.id, target.id, cause=asked.visit.cause)
    text = counted(
        "Message moved to %(target)s.",
        "%(count)s messages moved to %(target)s.",
        len(asked.ids),
        target=target.name or target.title,
    )
    leaves = asked.place.id > 0 and asked.place.id != target.id
    more = _always(asked, target, skip=asked.place.slug == "inbox", single=True)
    return Outcome(text, done, leaves=leaves, more=more)


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


VERBS: dict[str, Verb] = {
    "archive": _archive,
    "delete": _delete,
    "junk": _junk,
    "unjunk": _unjunk,
    "read": _read,
    "unread": _unread,
    "star": _star,
    "unstar": _unstar,
    "important": _important,
    "unimportant": _unimportant,
    "mute": _mute,
    "unmute": _unmute,
    "snooze": _snooze,
    "unsnooze": _unsnooze,
    "move": _move,
    "label": _label,
    "unlabel": _unlabel,
    "labels": _labels,
    "delete-forever": _delete_forever,
}
MESSAGE_VERBS: dict[str, Verb] = {
    "archive-messages": _archive_messages,
    "read-messages": _read_messages,
    "unread-messages": _unread_messages,
    "star-messages": _star_messages,
    "unstar-messages": _unstar_messages,
    "delete-messages": _delete_messages,
    "delete-forever-messages": _delete_messages_forever,
    "junk-messages": _junk_messages,
    "unjunk-messages": _unjunk_messages,
    "move-messages": _move_messages,
}
OTHER_VERBS: dict[str, Verb] = {"undo": _undo, "empty": _empty}
