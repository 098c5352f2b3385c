"""The journal in words: who did what to how much, as the page "Recent changes" says it.

Pure: takes `HistoryLine`s of the store, gives `ChangeLine`s for templates/webmail/history.html. Never reads or changes
mail. Whoever adds a verb to the store's journal adds its sentence here; an unknown one is still said, plainly.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from mta.mailstore.service import HistoryLine
from mta.values import MailboxInfo
from webmail.boxes import box_of
from webmail.templatetags.look import as_datetime, grouped

# What a person may look at alone, and the journal's kinds of cause that it means.
CAUSES = ("web", "programs", "filter", "import", "task")
KINDS = {"web": "web", "programs": "imap", "filter": "filter", "import": "import", "task": "task"}
ICONS = {
    "web": "globe",
    "imap": "monitor-smartphone",
    "pop3": "monitor-smartphone",
    "smtp": "send",
    "filter": "funnel",
    "import": "import",
    "task": "server",
}
# A verb of the journal → its node on the thread line: how much of what was there it took away.
GRAVE = frozenset({"delete", "delete forever", "expunge", "junk", "delete mailbox", "discard"})
ARRIVALS = frozenset({"append", "import"})  # new mail: going back to a moment leaves it where it is
LEAVING = frozenset({"move", "delete", "junk", "archive", "expunge", "delete forever", "not junk"})
WITH_PLACE = frozenset({"move", "create", "rename", "colour", "delete mailbox"})
QUIET = frozenset(
    {"read", "unread", "star", "unstar", "flags", "answer", "forward", "receipt", "important", "unimportant"}
)

PAUSE = 15 * 60 * 1_000_000  # µs between small changes that are told as one
SMALL = 20  # messages


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One command as the page shows it, or several small ones of one kind in a row."""

    actions: tuple[str, ...]
    at: int
    who: str
    where: str  # the program, when `who` is a person
    text: str
    subjects: tuple[str, ...]
    more: int  # messages beyond those subjects
    icon: str
    weight: str  # grave, quiet or plain
    undone: bool
    undone_at: int | None
    partly: bool
    undoable: bool


@dataclass(frozen=True, slots=True)
class Day:
    """The changes of one day in the reader's zone."""

    title: str
    iso: str
    lines: tuple[ChangeLine, ...]


def cause_title(name: str) -> str:
    return {
        "web": _("In a browser"),
        "programs": _("Mail programs"),
        "filter": _("Filters"),
        "import": _("Imports"),
        "task": _("By the host itself"),
    }[name]


def days(lines: Iterable[HistoryLine], *, me: str, mailboxes: Sequence[MailboxInfo]) -> list[Day]:
    """The changes by day, in the current time zone, as they come: newest first."""
    names = {each.name: box_of(each).title for each in mailboxes if each.role != ""}
    by_day: dict[date, list[list[HistoryLine]]] = {}
    for line in lines:
        moment = as_datetime(line.at) or timezone.localtime()
        runs = by_day.setdefault(moment.date(), [])
        # Reading is no event: what somebody merely read in a day is one line, whatever came between.
        near = runs[-1:] if line.verb != "read" else [run for run in runs if run[0].verb == "read"]
        found = next((run for run in near if _goes_with(run, line)), None)
        if found is None:
            runs.append([line])
        else:
            found.append(line)
    today = timezone.localdate()
    return [
        Day(day_title(day, today), day.isoformat(), tuple(told(run, me=me, names=names) for run in runs))
        for day, runs in by_day.items()
    ]


def _goes_with(run: Sequence[HistoryLine], line: HistoryLine) -> bool:
    """Whether a command is one more of a row of small ones: a program that marks message after message."""

    def kind(one: HistoryLine) -> tuple[object, ...]:
        return (
            one.verb,
            one.cause,
            one.session,
            one.actor,
            one.mailbox,
            one.target,
            one.undone,
            one.undoable,
        )

    return (
        line.verb in QUIET | ARRIVALS
        and kind(run[-1]) == kind(line)
        and (line.verb == "read" or run[-1].at - line.at < PAUSE)
        and max(line.count, run[-1].count) <= SMALL
    )


def day_title(day: date, today: date) -> str:
    if day == today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    same_year = day.year == today.year
    return formats.date_format(
        day, pgettext("a day of this year", "l j F") if same_year else pgettext("a day", "l j F Y")
    )


def told(run: Sequence[HistoryLine], *, me: str, names: Mapping[str, str]) -> ChangeLine:
    line, count = run[0], sum(each.count for each in run)
    subjects = [subject or _("(no subject)") for each in run for subject in each.subjects][:3]
    who, where = _who(line, me)
    mailbox, target = names.get(line.mailbox, line.mailbox), names.get(line.target, line.target)
    return ChangeLine(
        actions=tuple(each.action for each in run),
        at=line.at,
        who=who,
        where=where,
        text=sentence(line.verb, count, mailbox=mailbox, target=target),
        subjects=tuple(subjects),
        more=max(0, count - len(subjects)),
        icon="undo-2" if line.verb.startswith("undo") else ICONS.get(line.cause, "history"),
        weight="grave" if line.verb in GRAVE else "quiet" if line.verb in QUIET else "plain",
        undone=line.undone,
        undone_at=line.undone_at,
        partly=line.partly,
        undoable=line.undoable and not line.undone,
    )


def _who(line: HistoryLine, me: str) -> tuple[str, str]:
    """Who is to be named, and through what."""
    if line.cause == "web":
        return (_("You") if line.actor in ("", me) else line.actor), line.session
    if line.cause == "filter":
        name = re.sub(r"^filter\s+", "", line.session, flags=re.IGNORECASE)
        return (_("The filter “%s”") % name if name else _("A filter")), ""
    if line.cause == "import":
        return _("An import"), line.session
    if line.cause == "task":
        return _("Mailstead"), line.session
    return line.session or _("A mail program"), ("" if line.actor in ("", me) else line.actor)


def sentence(verb: str, count: int, *, mailbox: str = "", target: str = "") -> str:
    """What was done, after the name of who did it: "deleted 312 messages from Inbox"."""
    values = {"n": grouped(count), "mailbox": mailbox, "target": target}
    if verb.startswith("redo "):
        return _("did again: %s") % sentence(
            verb.removeprefix("redo "), count, mailbox=mailbox, target=target
        )
    if verb.startswith("undo "):
        return _("took back: %s") % sentence(
            verb.removeprefix("undo "), count, mailbox=mailbox, target=target
        )
    if verb in ("undo", "rewind"):
        return _("put the mailbox back to an earlier moment: %s") % _messages(count)
    if verb in ("create", "rename", "delete mailbox", "colour"):
        fixed = {
            "colour": _("gave the label %(mailbox)s another colour"),
            "create": _("made the label %(mailbox)s"),
            "rename": _("renamed the label %(mailbox)s"),
            "delete mailbox": _("removed the label %(mailbox)s"),
        }[verb]
        return (fixed % values).strip()
    pattern = _pattern(verb, count, into=bool(target), out_of=bool(mailbox))
    return pattern % values


def _pattern(verb: str, count: int, *, into: bool, out_of: bool) -> str:
    c = count
    if verb == "move" and into:
        if out_of:
            return ngettext(
                "moved a message from %(mailbox)s to %(target)s",
                "moved %(n)s messages from %(mailbox)s to %(target)s",
                c,
            )
        return ngettext("moved a message to %(target)s", "moved %(n)s messages to %(target)s", c)
    if verb == "label" and into:
        return ngettext(
            "put the label %(target)s on a message", "put the label %(target)s on %(n)s messages", c
        )
    if verb == "filter" and into:
        return ngettext("put a message into %(target)s", "put %(n)s messages into %(target)s", c)
    if verb == "expunge" and out_of:
        return ngettext("deleted a message from %(mailbox)s", "deleted %(n)s messages from %(mailbox)s", c)
    if verb == "copy" and into:
        return ngettext("copied a message to %(target)s", "copied %(n)s messages to %(target)s", c)
    if verb in ("append", "import") and out_of:
        return ngettext("put a message into %(mailbox)s", "put %(n)s messages into %(mailbox)s", c)
    known = {
        "archive": ngettext("archived a message", "archived %(n)s messages", c),
        "delete": ngettext("moved a message to Trash", "moved %(n)s messages to Trash", c),
        "junk": ngettext("moved a message to Spam", "moved %(n)s messages to Spam", c),
        "not junk": ngettext("said a message is no spam", "said %(n)s messages are no spam", c),
        "release": ngettext(
            "released a message from the quarantine", "released %(n)s messages from the quarantine", c
        ),
        "delete forever": ngettext("deleted a message forever", "deleted %(n)s messages forever", c),
        "expunge": ngettext("deleted a message", "deleted %(n)s messages", c),
        "move": ngettext("moved a message", "moved %(n)s messages", c),
        "copy": ngettext("copied a message", "copied %(n)s messages", c),
        "label": ngettext("put a label on a message", "put a label on %(n)s messages", c),
        "unlabel": ngettext("took a label off a message", "took a label off %(n)s messages", c),
        "labels": ngettext("changed the labels of a message", "changed the labels of %(n)s messages", c),
        "snooze": ngettext("put a message to sleep", "put %(n)s messages to sleep", c),
        "unsnooze": ngettext("woke a message", "woke %(n)s messages", c),
        "wake": ngettext("woke a message at its time", "woke %(n)s messages at their time", c),
        "read": ngettext("marked a message as read", "marked %(n)s messages as read", c),
        "unread": ngettext("marked a message as unread", "marked %(n)s messages as unread", c),
        "star": ngettext("starred a message", "starred %(n)s messages", c),
        "unstar": ngettext("took the star off a message", "took the star off %(n)s messages", c),
        "mute": ngettext("muted a message", "muted a conversation of %(n)s messages", c),
        "unmute": ngettext("unmuted a message", "unmuted a conversation of %(n)s messages", c),
        "important": ngettext("marked a message as important", "marked %(n)s messages as important", c),
        "unimportant": ngettext(
            "marked a message as not important", "marked %(n)s messages as not important", c
        ),
        "skip inbox": ngettext(
            "let a message of a muted conversation skip the inbox",
            "let %(n)s messages of muted conversations skip the inbox",
            c,
        ),
        "flags": ngettext("changed the marks of a message", "changed the marks of %(n)s messages", c),
        "append": ngettext("added a message", "added %(n)s messages", c),
        "import": ngettext("brought in a message", "brought in %(n)s messages", c),
        "discard": _("discarded a draft"),
        "overwrite": _("wrote over what a draft said elsewhere"),
        "receipt": _("settled a receipt"),
        "answer": _("answered a message"),
        "forward": _("forwarded a message"),
        "filter": ngettext("was applied to a message", "was applied to %(n)s messages", c),
    }
    return known.get(verb) or ngettext("changed a message", "changed %(n)s messages", c)


def _messages(count: int) -> str:
    return ngettext("%s message", "%s messages", count) % grouped(count)


def preview(lines: Sequence[HistoryLine], *, mailboxes: Sequence[MailboxInfo]) -> list[str]:
    """What putting the mailbox back would take back, in as few lines as it can be said: the same verb in the same
    place is one line, the largest first."""
    names = {each.name: box_of(each).title for each in mailboxes if each.role != ""}
    sums: Counter[tuple[str, str, str]] = Counter()
    for line in lines:
        verb = "move" if line.verb in LEAVING else line.verb  # whatever took it away, it returns
        sums[verb, line.mailbox if verb in WITH_PLACE else "", ""] += line.count
    return [
        returning(verb, count, mailbox=names.get(mailbox, mailbox), target=names.get(target, target))
        for (verb, mailbox, target), count in sums.most_common()
    ]


def returning(verb: str, count: int, *, mailbox: str = "", target: str = "") -> str:
    """What taking a change back does: "312 messages return to Inbox"."""
    c, values = count, {"n": grouped(count), "mailbox": mailbox, "target": target}
    if verb in LEAVING:
        return (
            ngettext("%(n)s message returns to %(mailbox)s", "%(n)s messages return to %(mailbox)s", c)
            if mailbox
            else ngettext(
                "%(n)s message returns to where it was", "%(n)s messages return to where they were", c
            )
        ) % values
    known = {
        "read": ngettext("%(n)s message is unread again", "%(n)s messages are unread again", c),
        "unread": ngettext("%(n)s message is read again", "%(n)s messages are read again", c),
        "star": ngettext("%(n)s message loses its star", "%(n)s messages lose their stars", c),
        "unstar": ngettext("%(n)s message has its star again", "%(n)s messages have their stars again", c),
        "label": ngettext("%(n)s message loses a label", "%(n)s messages lose a label", c),
        "unlabel": ngettext("%(n)s message has its label again", "%(n)s messages have their label again", c),
        "snooze": ngettext("%(n)s message is awake again", "%(n)s messages are awake again", c),
        "create": _("the label %(mailbox)s goes if it is empty"),
        "rename": _("the label %(mailbox)s has its old name again"),
        "colour": _("the label %(mailbox)s has its old colour again"),
        "delete mailbox": _("the label %(mailbox)s comes back"),
        "discard": _("a draft comes back"),
        "overwrite": _("a draft says again what was written over"),
    }
    plain = ngettext("%(n)s message is as it was", "%(n)s messages are as they were", c)
    return " ".join((known.get(verb) or plain).split()) % values


def moments(now: datetime) -> list[tuple[str, str, datetime]]:
    """Quick choices for "how it was at": name, words, moment; of those that are past."""
    morning = now.replace(hour=8, minute=0, second=0, microsecond=0)
    evening = (now - timedelta(days=1)).replace(hour=18, minute=0, second=0, microsecond=0)
    found = [
        ("hour", _("An hour ago"), now - timedelta(hours=1)),
        ("morning", _("This morning, 8:00"), morning),
        ("evening", _("Yesterday evening, 18:00"), evening),
        ("week", _("A week ago"), now - timedelta(days=7)),
    ]
    return [each for each in found if each[2] < now]
