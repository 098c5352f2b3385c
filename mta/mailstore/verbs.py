"""What people do to conversations: archive, delete, junk, label, move, read, star.

The meanings are the design's: archive leaves Inbox and falls to Archive where nothing else is left;
delete replaces every placement by Trash and junk by Junk; removing the last label archives. Nothing
here removes a last placement but "delete forever". Each command is one action id, in chunks. A placement that a mail program
marked \\Deleted is for people as if it were expunged (RFC 8621 §4.1.1): no verb looks at it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby

from mta.values import (
    ANSWERED,
    ARCHIVE,
    DRAFTS,
    FLAGGED,
    INBOX,
    JUNK,
    SCHEDULED,
    SEEN,
    SNOOZED,
    TRASH,
    Cause,
    Done,
)

from . import keywords, mailops, rows
from .changing import Changing
from .door import Door
from .errors import CannotChange, NoSuchMessage
from .lines import ASIDE
from .live import Entry, Live, new_action
from .writer import commit

THREADS_PER_CHUNK = 100
NO_LABELS = frozenset({*ASIDE, DRAFTS, SCHEDULED, SNOOZED})

# Given the live placements of one conversation, do the verb; a pure choice would not save the reads.
Act = Callable[[Changing, Entry, list[Live]], None]


def _on_threads(mailspace: int, threads: Iterable[int], verb: str, cause: Cause, act: Act) -> Done:
    """Run a verb over whole conversations, in chunks under one action id."""
    return _in_chunks(mailspace, list(threads), rows.of_threads, verb, cause, act)


def _on_messages(mailspace: int, messages: Iterable[int], verb: str, cause: Cause, act: Act) -> Done:
    """Run a verb over single messages."""
    return _in_chunks(mailspace, list(messages), rows.of_messages, verb, cause, act)


def _in_chunks(
    mailspace: int,
    ids: list[int],
    load: Callable[[int, Sequence[int]], list[Live]],
    verb: str,
    cause: Cause,
    act: Act,
) -> Done:
    action = new_action()
    conversations = messages = 0

    def work(door: Door, piece: Sequence[int]) -> tuple[int, int]:
        changing = door[mailspace]
        entry = changing.entry(verb, cause, action)
        lives = [live for live in load(mailspace, piece) if not live.deleted]
        act(changing, entry, lives)
        touched = entry.messages()
        return len({live.thread for live in lives if live.message in touched}), len(touched)

    for piece in rows.chunks(list(dict.fromkeys(ids)), THREADS_PER_CHUNK):
        done = commit({mailspace}, partial(work, piece=piece))
        conversations += done[0]
        messages += done[1]
    return Done(action, conversations, messages)


def _settle(changing: Changing, entry: Entry, removed: Sequence[Live], role: str) -> None:
    """Put messages that people see nowhere any more into the mailbox with this role."""
    seen = changing.placed_anywhere([live.message for live in removed], visibly=True)
    changing.put([live for live in removed if live.message not in seen], changing.role(role), entry)


def _aside(changing: Changing, live: Live) -> bool:
    return changing.roles()[live.mailbox] in ASIDE


# --- verbs on conversations


def archive(mailspace: int, threads: Iterable[int], *, cause: Cause) -> Done:
    """Leave the Inbox; what lies nowhere else goes to Archive."""

    def act(changing: Changing, entry: Entry, lives: list[Live]) -> None:
        inbox = changing.role(INBOX).id
        leaving = [live for live in lives if live.mailbox == inbox]
        changing.expunge(leaving, entry)
        _settle(changing, entry, leaving, ARCHIVE)

    return _on_threads(mailspace, threads, "archive", cause, act)


def delete(mailspace: int, threads: Iterable[int], *, cause: Cause) -> Done:
    """Move whole conversations to Trash, wherever their messages lie (Junk included)."""

    def act(changing: Changing, entry: Entry, lives: list[Live]) -> None:
        _replace_all(changing, entry, lives, TRASH)

    return _on_threads(mailspace, threads, "delete", cause, act)


def delete_messages(mailspace: int, messages: Iterable[int], *, cause: Cause) -> Done:
    """Move single messages to Trash."""

    def act(changing: Changing, entry: Entry, lives: list[Live]) -> None:
        _replace_all(changing, entry, lives, TRASH)

    return _on_messages(mailspace, messages, "delete", cause, act)


def junk(mailspace: int, threads: Iterable[int], *, cause: Cause) -> Done:
    """Report as spam: what others wrote goes to Junk, my own messages stay where they are."""

    def act(changing: Changing, entry: Entry, lives: list[Live]) -> None:
        roles = changing.roles()
        mine = {live.message for live in lives if roles[live.mailbox] in ("sent", DRAFTS, SCHEDULED)}
        _replace_all(changing, entry, [live for live in lives if live.message not in mine], JUNK)

    return _on_threads(mailspace, threads, "junk", cause, act)


def _replace_all(changing: Changing, entry: Entry, lives: list[Live], role: str) -> None:
    box = changing.role(role)
    changing.expunge([live for live in lives if live.mailbox != box.id], entry)
    changing.put([live for live in lives if live.mailbox != box.id], box, entry)


def unjunk(mailspace: int, threads: Iterable[int], *, cause: Cause) -> Done:
    """Not spam: from Junk back to the Inbox."""

    def act(changing: Changing, entry: Entry, lives: list[Live]) -> None:
        source = changing.role(JUNK).id
        mailops.move_lives(
            changing, [live for live in lives if live.mailbox == source], changing.role(INBOX), entry
        )

    return _on_threads(mailspace, threads, "not junk", cause, act)


def label(mailspace: int, threads: Iterable[int], mailbox: int, *, cause: Cause) -> Done:
    """Add a label (a second place); messages that have it already are left alone."""

    def act(changing: Changing, entry: Entry, lives: list[Live]) -> None:
        box = changing.open_mailbox(mailbox)
        if box.role in NO_LABELS:
            raise CannotChange("Mail is moved there, not labelled.")
        changing.put([live for live in lives if not _aside(changing, live)], box, entry)

    return _on_threads(mailspace, threads, "label", cause, act)


def unlabel(mailspace: int, threads: Iterable[int], mailbox: int, *, cause: Cause) -> Done:
    """Take a label away; what lies nowhere else goes to Archive."""

    def act(changing: Changing, entry: Entry, lives: list[Live]) -> None:
        leaving = [live for live in lives if live.mailbox == mailbox]
        changing.expunge(leaving, entry)
        _settle(changing, entry, leaving, ARCHIVE)

    return _on_threads(mailspace, threads, "unlabel", cause, act)


def move_threads(
    mailspace: int, threads: Iterable[int], source: int | None, target: int, *, cause: Cause
) -> Done:
    """Move conversations from the box being looked at to a mailbox.

    From a view (All, Starred, a search: `source` None or < 0) they leave Inbox and Archive.
    Moving to Trash or Junk means deleting or reporting.
    """
    from_view = source is None or source < 0

    def act(changing: Changing, entry: Entry, lives: list[Live]) -> None:
        box = changing.open_mailbox(target)
        if box.role in (TRASH, JUNK):
            _replace_all(changing, entry, lives, box.role)
            return
        if box.role in NO_LABELS:
            raise CannotChange("Only drafts, snoozed and scheduled mail belong there.")
        sources = {changing.role(INBOX).id, changing.role(ARCHIVE).id} if from_view else {source}
        leaving = [live for live in lives if live.mailbox in sources and live.mailbox != target]
        joining = [live for live in lives if from_view and not _aside(changing, live)]
        changing.expunge(leaving, entry)
        changing.put([*joining, *leaving], box, entry)

    return _on_threads(mailspace, threads, "move", cause, act)


def delete_forever(mailspace: int, threads: Iterable[int], *, cause: Cause) -> Done:
    """Remove what lies in Trash and Junk, and with it the messages that lie nowhere else."""

    def act(changing: Changing, entry: Entry, lives: list[Live]) -> None:
        roles = changing.roles()
        changing.expunge([live for live in lives if roles[live.mailbox] in (TRASH, JUNK)], entry)

    return _on_threads(mailspace, threads, "delete forever", cause, act)


def empty(mailspace: int, mailbox: int, *, cause: Cause) -> Done:
    """Empty Trash or Junk."""
    action = new_action()
    removed = after = 0

    def work(door: Door, after: int) -> list[int]:
        changing = door[mailspace]
        if changing.open_mailbox(mailbox).role not in (TRASH, JUNK):
            raise CannotChange("Only Trash and Spam can be emptied.")
        lives = rows.in_mailbox(mailspace, mailbox, after=after)
        changing.expunge(lives, changing.entry("delete forever", cause, action, mailbox))
        return [live.uid for live in lives]

    while True:
        gone = commit({mailspace}, partial(work, after=after))
        removed += len(gone)
        if len(gone) < rows.CHUNK:
            return Done(action, 0, removed)
        after = gone[-1]


# --- flags


def mark(mailspace: int, threads: Iterable[int], *, seen: bool, cause: Cause) -> Done:
    """Mark every message of some conversations read; or unread only the last one from others."""

    def act(changing: Changing, entry: Entry, lives: list[Live]) -> None:
        if seen:
            _set_bits(changing, entry, lives, SEEN, on=True)
            return
        chosen = [
            live
            for _, group in groupby(lives, key=lambda live: live.thread)
            for live in _last(changing, list(group), prefer_received=True)
        ]
        _set_bits(changing, entry, chosen, SEEN, on=False)

    return _on_threads(mailspace, threads, "read" if seen else "unread", cause, act)


def star(mailspace: int, threads: Iterable[int], *, on: bool, cause: Cause) -> Done:
    """Star the last message of each conversation; unstar all of its messages."""

    def act(changing: Changing, entry: Entry, lives: list[Live]) -> None:
        if not on:
            _set_bits(changing, entry, lives, FLAGGED, on=False)
            return
        chosen = [
            live
            for _, group in groupby(lives, key=lambda live: live.thread)
            for live in _last(changing, list(group), prefer_received=False)
        ]
        _set_bits(changing, entry, chosen, FLAGGED, on=True)

    return _on_threads(mailspace, threads, "star" if on else "unstar", cause, act)


def mark_messages(mailspace: int, messages: Iterable[int], *, seen: bool, cause: Cause) -> Done:
    """Mark single messages read or unread."""

    def act(changing: Changing, entry: Entry, lives: list[Live]) -> None:
        _set_bits(changing, entry, lives, SEEN, on=seen)

    return _on_messages(mailspace, messages, "read" if seen else "unread", cause, act)


def star_messages(mailspace: int, messages: Iterable[int], *, on: bool, cause: Cause) -> Done:
    """Star or unstar single messages."""

    def act(changing: Changing, entry: Entry, lives: list[Live]) -> None:
        _set_bits(changing, entry, lives, FLAGGED, on=on)

    return _on_messages(mailspace, messages, "star" if on else "unstar", cause, act)


def set_answered(mailspace: int, message: int, *, cause: Cause, forwarded: bool = False) -> None:
    """Note that a message was answered, or forwarded ($Forwarded, RFC 5788)."""

    def work(door: Door) -> None:
        mark_answered(door, mailspace, message, cause=cause, forwarded=forwarded)

    commit({mailspace}, work)


def mark_answered(
    door: Door, mailspace: int, message: int, *, cause: Cause, forwarded: bool = False, on: bool = True
) -> None:
    """The same within a transaction of the caller's; `on` False when a sending is taken back."""
    lives = rows.of_messages(mailspace, [message])
    if not lives:
        raise NoSuchMessage("That message is no longer here.")
    changing = door[mailspace]
    entry = changing.entry("forward" if forwarded else "answer", cause, new_action())
    live = lives[0]
    flags, words = live.flags, keywords.split(live.keywords)
    note = keywords.checked([mailops.FORWARDED]) if forwarded else {}
    if not forwarded:
        flags = flags | ANSWERED if on else flags & ~ANSWERED
    words = {**note, **words} if on else {low: word for low, word in words.items() if low not in note}
    changing.flag([live], entry, {message: (flags, keywords.joined(words))})


def withdraw(door: Door, mailspace: int, message: int) -> None:
    """Within a transaction that takes a sending back: the Sent copy goes at once, without a journal."""
    door[mailspace].expunge(rows.of_messages(mailspace, [message]))


def _set_bits(changing: Changing, entry: Entry, lives: Sequence[Live], bits: int, *, on: bool) -> None:
    changing.flag(
        lives,
        entry,
        {live.message: (live.flags | bits if on else live.flags & ~bits, live.keywords) for live in lives},
    )


def _last(changing: Changing, lives: list[Live], *, prefer_received: bool) -> list[Live]:
    """The placement of the newest message (by id) outside Junk and Trash, if there is one."""
    roles = changing.roles()
    shown = [live for live in lives if roles[live.mailbox] not in ASIDE] or lives
    others = [live for live in shown if roles[live.mailbox] not in ("sent", DRAFTS, SCHEDULED)]
    pool = (
        others
        if prefer_received and others
        else [live for live in shown if roles[live.mailbox] != DRAFTS] or shown
    )
    return [max(pool, key=lambda live: live.message)] if pool else []
