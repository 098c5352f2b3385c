"""What people do to conversations and single messages: archive, delete, junk, label, move, read, star, snooze, mute.

What each verb means stands in `acts`. Each command is one action id, in chunks; over a selection of any size it
is a job (`jobs`). A placement that a mail program marked \\Deleted is for people as if it were expunged
(RFC 8621 §4.1.1): no verb looks at it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from mta.values import ANSWERED, FLAGGED, JUNK, SEEN, TRASH, Cause, Done

from . import acts, keywords, mailops, quarantine, rows, sql
from .acts import Act
from .door import Door
from .errors import CannotChange, NoSuchMessage
from .live import Live, new_action
from .models import Mailbox
from .writer import commit

THREADS_PER_CHUNK = 100


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


# --- places


def archive(mailspace: int, threads: Iterable[int], *, cause: Cause) -> Done:
    """Leave the Inbox; what lies nowhere else goes to Archive."""
    return _on_threads(mailspace, threads, "archive", cause, acts.archive)


def archive_messages(mailspace: int, messages: Iterable[int], *, cause: Cause) -> Done:
    """The same for single messages."""
    return _on_messages(mailspace, messages, "archive", cause, acts.archive)


def delete(mailspace: int, threads: Iterable[int], *, cause: Cause) -> Done:
    """Move whole conversations to Trash, wherever their messages lie (Junk included)."""
    return _on_threads(mailspace, threads, "delete", cause, acts.delete)


def delete_messages(mailspace: int, messages: Iterable[int], *, cause: Cause) -> Done:
    """Move single messages to Trash."""
    return _on_messages(mailspace, messages, "delete", cause, acts.delete)


def junk(mailspace: int, threads: Iterable[int], *, cause: Cause) -> Done:
    """Report as spam: what others wrote goes to Junk, my own messages stay where they are."""
    return _on_threads(mailspace, threads, "junk", cause, acts.junk)


def junk_messages(mailspace: int, messages: Iterable[int], *, cause: Cause) -> Done:
    """The same for single messages."""
    return _on_messages(mailspace, messages, "junk", cause, acts.junk)


def unjunk(mailspace: int, threads: Iterable[int], *, cause: Cause) -> Done:
    """Not spam: from Junk back to the Inbox."""
    return _on_threads(mailspace, threads, "not junk", cause, acts.unjunk)


def unjunk_messages(mailspace: int, messages: Iterable[int], *, cause: Cause) -> Done:
    """The same for single messages."""
    return _on_messages(mailspace, messages, "not junk", cause, acts.unjunk)


def release(mailspace: int, messages: Iterable[int], *, cause: Cause) -> Done:
    """What the quarantine held goes to the Inbox, with its date."""
    return _on_messages(mailspace, messages, "release", cause, quarantine.release)


def hold(mailspace: int, messages: Iterable[int], *, reasons: Mapping[str, Any]) -> int:
    """Into the quarantine, wherever the messages lie (for a virus out of Trash, too): something was found in them
    later. For good: undo does not know of it. `reasons` says why, as at delivery; how many messages."""

    def work(door: Door, piece: Sequence[int]) -> int:
        return quarantine.hold(door[mailspace], rows.of_messages(mailspace, piece), reasons)

    pieces = rows.chunks(list(dict.fromkeys(messages)), THREADS_PER_CHUNK)
    return sum(commit({mailspace}, partial(work, piece=piece)) for piece in pieces)


def mention_held(mailspace: int, tell: Callable[[Door, tuple[quarantine.Held, ...]], None]) -> int:
    """Let `tell` write to the owner of what is held and was not mentioned yet, in the same transaction; how many."""

    def work(door: Door) -> int:
        fresh = quarantine.mention(door[mailspace])
        if fresh:
            tell(door, fresh)
        return len(fresh)

    return commit({mailspace}, work)


def throw_away(mailspace: int, messages: Iterable[int], *, cause: Cause) -> Done:
    """What the quarantine held goes for good."""
    return _on_messages(mailspace, messages, "delete forever", cause, quarantine.throw_away)


def label(mailspace: int, threads: Iterable[int], mailbox: int, *, cause: Cause) -> Done:
    """Add a label (a second place); messages that have it already are left alone."""
    return _on_threads(mailspace, threads, "label", cause, acts.labels(add=[mailbox]))


def unlabel(mailspace: int, threads: Iterable[int], mailbox: int, *, cause: Cause) -> Done:
    """Take a label away; what lies nowhere else goes to Archive."""
    return _on_threads(mailspace, threads, "unlabel", cause, acts.labels(remove=[mailbox]))


def apply_labels(
    mailspace: int, threads: Iterable[int], *, add: Sequence[int], remove: Sequence[int], cause: Cause
) -> Done:
    """Add labels and take others away, as one action."""
    verb = "label" if add else "unlabel"
    return _on_threads(mailspace, threads, verb, cause, acts.labels(add=add, remove=remove))


def move_threads(
    mailspace: int, threads: Iterable[int], source: int | None, target: int, *, cause: Cause
) -> Done:
    """Move conversations from the box being looked at (None or < 0: a view) to a mailbox; see `acts.move`."""
    return _on_threads(mailspace, threads, "move", cause, acts.move(source, target))


def move_messages(
    mailspace: int, messages: Iterable[int], source: int | None, target: int, *, cause: Cause
) -> Done:
    """The same for single messages."""
    return _on_messages(mailspace, messages, "move", cause, acts.move(source, target))


def delete_forever(mailspace: int, threads: Iterable[int], *, cause: Cause) -> Done:
    """Remove what lies in Trash and Junk, and with it the messages that lie nowhere else."""
    return _on_threads(mailspace, threads, "delete forever", cause, acts.delete_forever)


def delete_messages_forever(mailspace: int, messages: Iterable[int], *, cause: Cause) -> Done:
    """The same for single messages."""
    return _on_messages(mailspace, messages, "delete forever", cause, acts.delete_forever)


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


# --- sleep


def snooze(mailspace: int, threads: Iterable[int], *, until: int, cause: Cause) -> Done:
    """Sleep in Snoozed until a moment (µs); see `acts.snooze`, and `waking` for the end of it."""
    return _on_threads(mailspace, threads, "snooze", cause, acts.snooze(until))


def unsnooze(mailspace: int, threads: Iterable[int], *, cause: Cause) -> Done:
    """Back to the Inbox now."""
    return _on_threads(mailspace, threads, "unsnooze", cause, acts.unsnooze)


# --- flags


def mark(mailspace: int, threads: Iterable[int], *, seen: bool, cause: Cause) -> Done:
    """Mark every message of some conversations read; or unread only the last one from others."""
    act = acts.seen if seen else acts.unseen
    return _on_threads(mailspace, threads, "read" if seen else "unread", cause, act)


def mark_messages(mailspace: int, messages: Iterable[int], *, seen: bool, cause: Cause) -> Done:
    """Mark single messages read or unread."""
    return _on_messages(mailspace, messages, "read" if seen else "unread", cause, acts.bits(SEEN, on=seen))


def star(mailspace: int, threads: Iterable[int], *, on: bool, cause: Cause) -> Done:
    """Star the last message of each conversation; unstar all of its messages."""
    act = acts.starred if on else acts.unstarred
    return _on_threads(mailspace, threads, "star" if on else "unstar", cause, act)


def star_messages(mailspace: int, messages: Iterable[int], *, on: bool, cause: Cause) -> Done:
    """Star or unstar single messages."""
    return _on_messages(mailspace, messages, "star" if on else "unstar", cause, acts.bits(FLAGGED, on=on))


def mute(mailspace: int, threads: Iterable[int], *, on: bool, cause: Cause) -> Done:
    """Archive conversations and keep answers out of the Inbox unless they are written to the reader; or no more."""
    act = acts.mute if on else acts.unmute
    return _on_threads(mailspace, threads, "mute" if on else "unmute", cause, act)


def mark_important(mailspace: int, threads: Iterable[int], *, on: bool, cause: Cause) -> Done:
    """Set or remove $Important on every message of some conversations."""
    verb = "important" if on else "unimportant"
    return _on_threads(mailspace, threads, verb, cause, acts.important(on=on))


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


def moved_on(door: Door, mailspace: int, message: int) -> None:
    """Within a transaction: something that is shown with a message and kept elsewhere has changed (how its sending
    stands), so that lists and open conversations look again. To mail programs it is a new MODSEQ and nothing else.
    """
    if mailspace not in door:
        return  # removed with all its mail since
    changing = door[mailspace]
    for live in rows.of_messages(mailspace, [message]):
        sql.execute(
            "UPDATE mailstore_placement SET modseq = %s WHERE id = %s AND expunged_modseq IS NULL",
            [changing.modseq, live.placement],
        )
        changing.touch_mailbox(changing.mailbox(live.mailbox))


def put_under(door: Door, mailspace: int, message: int, labels: Sequence[int]) -> None:
    """Within a sending transaction: what is sent carries these labels, too; those that are gone are passed over."""
    changing = door[mailspace]
    lives = rows.of_messages(mailspace, [message])
    there = {live.mailbox for live in lives}
    found = Mailbox.objects.filter(mailspace_id=mailspace, id__in=labels, role="", deleted_at__isnull=True)
    for label in found.order_by("id").values_list("id", flat=True):
        if label not in there:
            changing.place(lives[:1], changing.open_mailbox(label))


def withdraw(door: Door, mailspace: int, message: int) -> None:
    """Within a transaction that takes a sending back: the Sent copy goes at once, without a journal."""
    door[mailspace].expunge(rows.of_messages(mailspace, [message]))
