"""What mail programs do: append, flag, copy, move, expunge (what they read is in `views`).

One call per command, never per message; rows are plain tuples. Commands over many messages run in
chunks of 500 under one action id; COPY and multi-append are all or nothing even so (see `whole`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from mta.values import (
    DELETED,
    TRASH,
    Appended,
    Cause,
    Copied,
)

from . import acts, rows, sql, whole
from . import keywords as words
from .blobs import Prepared, prepare
from .changing import Changing
from .door import Door
from .errors import NoSuchMailbox
from .live import Entry, Live, Stay, new_action
from .models import Mailbox
from .writer import commit

FORWARDED = "$Forwarded"
APPENDS_AT_ONCE = 50  # of several messages in one command: about 50 ms of work


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message of an APPEND, as it came or prepared. `internal_date` in µs since the epoch, or None for now."""

    message: bytes | Prepared
    flags: int = 0
    keywords: tuple[str, ...] = ()
    internal_date: int | None = None


def take_recent(mailspace: int, mailbox: int, uidnext: int) -> int:
    """The first UID that is \\Recent for this session; later sessions see only newer ones as such."""

    def work(door: Door) -> int:
        box = door[mailspace].open_mailbox(mailbox)
        first = box.recent_uid
        if uidnext > first:
            door[mailspace].keep_recent(box, uidnext)
        return first

    current = (
        Mailbox.objects.filter(mailspace_id=mailspace, id=mailbox)
        .values_list("recent_uid", flat=True)
        .first()
    )
    if current is not None and current >= uidnext:
        return current
    return commit({mailspace}, work)


def append(
    mailspace: int,
    mailbox: int,
    raw: bytes,
    *,
    cause: Cause,
    flags: int = 0,
    keywords: Sequence[str] = (),
    internal_date: int | None = None,
) -> Appended:
    """Store one message that a person's program hands over; OverQuota when it does not fit."""
    return append_many(
        mailspace, mailbox, [Incoming(raw, flags, tuple(keywords), internal_date)], cause=cause
    )[0]


def append_many(
    mailspace: int, mailbox: int, incoming: Sequence[Incoming], *, cause: Cause
) -> list[Appended]:
    """Store several messages, all or nothing (MULTIAPPEND, RFC 3502)."""
    ready = [
        (one.message if isinstance(one.message, Prepared) else prepare(one.message), one) for one in incoming
    ]

    def work(changing: Changing, entry: Entry, piece: Sequence[tuple[Prepared, Incoming]]) -> list[Appended]:
        box = changing.open_mailbox(mailbox)
        return [_append(changing, box, entry, prepared, one) for prepared, one in piece]

    done = whole.in_chunks(
        mailspace, ready, work, verb="append", cause=cause, mailbox=mailbox, size=APPENDS_AT_ONCE
    )
    return [one for piece in done for one in piece]


def _append(changing: Changing, box: Mailbox, entry: Entry, prepared: Prepared, one: Incoming) -> Appended:
    message = changing.insert(
        prepared,
        flags=one.flags & ~DELETED,
        words=one.keywords,
        internal_date=one.internal_date,
        own=box.role in ("sent", "drafts"),
        check_quota=True,
    )
    uid = changing.place([message], box, entry, new=True, stays=[Stay(bool(one.flags & DELETED))])[0]
    return Appended(box.id, box.uidvalidity, uid, message.message, message.thread)


def store_flags(
    mailspace: int,
    mailbox: int,
    uids: Sequence[int],
    mode: str,
    flags: int,
    keywords: Sequence[str],
    *,
    cause: Cause,
    unchangedsince: int | None = None,
) -> tuple[int, ...]:
    """STORE: `mode` is add, remove or replace; `flags` may hold DELETED.

    Returns the UIDs that were not changed because their modseq is above `unchangedsince`
    (RFC 7162 §3.1.3).
    """
    action = new_action()
    failed: list[int] = []
    given = words.checked(keywords)
    for piece in rows.chunks(sorted(set(uids))):

        def work(door: Door, piece: Sequence[int] = piece) -> list[int]:
            changing = door[mailspace]
            changing.open_mailbox(mailbox)
            entry = changing.entry("flags", cause, action, mailbox)
            lives = rows.at(mailspace, mailbox, piece)
            fresh = [live for live in lives if unchangedsince is None or live.modseq <= unchangedsince]
            new = {live.message: _combine(live, mode, flags & ~DELETED, given) for live in fresh}
            changing.flag(fresh, entry, new)
            if flags & DELETED or mode == "replace":
                changing.mark_deleted(fresh, bool(flags & DELETED) and mode != "remove", entry)
            kept = {live.uid for live in fresh}
            return [live.uid for live in lives if live.uid not in kept]

        failed += commit({mailspace}, work)
    return tuple(failed)


def _combine(live: Live, mode: str, flags: int, given: dict[str, str]) -> tuple[int, str]:
    """The (flags, keywords) of a message after STORE; `given` maps lower-case keywords to their spelling."""
    if not given and mode != "replace":
        return (live.flags | flags if mode == "add" else live.flags & ~flags), live.keywords
    have = words.split(live.keywords)
    if mode == "add":
        return live.flags | flags, words.joined({**given, **have})
    if mode == "remove":
        return live.flags & ~flags, words.joined(
            {low: word for low, word in have.items() if low not in given}
        )
    return flags, words.joined({low: have.get(low, word) for low, word in given.items()})


def copy(mailspace: int, mailbox: int, uids: Sequence[int], target: int, *, cause: Cause) -> Copied:
    """COPY, all or nothing: the same message gets a second placement; a twin message where it already lies there."""

    def work(changing: Changing, entry: Entry, piece: Sequence[int]) -> Copied:
        box = changing.open_mailbox(target)
        lives = rows.at(mailspace, mailbox, piece)
        there = _lying_in(mailspace, target, lives)
        again = [live for live in lives if live.message in there]
        changing.check_quota(sum(live.size for live in again))
        twins = dict(zip([live.uid for live in again], changing.duplicate(again), strict=True))
        targets = changing.place([twins.get(live.uid, live) for live in lives], box, entry)
        return _copied(box, [(live.uid, uid) for live, uid in zip(lives, targets, strict=True)])

    wanted = sorted(set(uids))
    done = whole.in_chunks(mailspace, wanted, work, verb="copy", cause=cause, mailbox=mailbox)
    return Copied(
        done[0].uidvalidity,
        tuple(uid for piece in done for uid in piece.source),
        tuple(uid for piece in done for uid in piece.target),
    )


def move(mailspace: int, mailbox: int, uids: Sequence[int], target: int, *, cause: Cause) -> Copied:
    """MOVE (RFC 6851): swaps placements; one already in the target is replaced under a new UID."""
    action = new_action()
    pairs: list[tuple[int, int]] = []
    uidvalidity = 0
    for piece in rows.chunks(sorted(set(uids))):

        def work(door: Door, piece: Sequence[int] = piece) -> Copied:
            changing = door[mailspace]
            box = changing.open_mailbox(target)
            entry = changing.entry("move", cause, action, mailbox)
            return _copied(box, acts.move_lives(changing, rows.at(mailspace, mailbox, piece), box, entry))

        moved = commit({mailspace}, work)
        uidvalidity = moved.uidvalidity
        pairs += zip(moved.source, moved.target, strict=True)
    if not uidvalidity:
        uidvalidity = _uidvalidity(mailspace, target)
    return Copied(uidvalidity, tuple(p[0] for p in pairs), tuple(p[1] for p in pairs))


def expunge(
    mailspace: int, mailbox: int, uids: Sequence[int] | None = None, *, cause: Cause
) -> tuple[int, ...]:
    """EXPUNGE: remove placements marked \\Deleted (of these UIDs only, if given). Returns their UIDs."""
    action = new_action()
    gone: list[int] = []

    def work(door: Door, piece: Sequence[int] | None) -> list[int]:
        changing = door[mailspace]
        changing.open_mailbox(mailbox)
        found = (
            rows.in_mailbox(mailspace, mailbox, deleted=True)
            if piece is None
            else [live for live in rows.at(mailspace, mailbox, piece) if live.deleted]
        )
        changing.expunge(found, changing.entry("expunge", cause, action, mailbox))
        return [live.uid for live in found]

    if uids is not None:
        for piece in rows.chunks(sorted(set(uids))):
            gone += commit({mailspace}, partial(work, piece=piece))
        return tuple(gone)
    if not _marked(mailspace, mailbox):
        return ()
    while True:
        last = commit({mailspace}, partial(work, piece=None))
        gone += last
        if len(last) < rows.CHUNK:
            return tuple(sorted(gone))


def _marked(mailspace: int, mailbox: int) -> int:
    """How many are marked \\Deleted; mail programs expunge again and again where nothing is."""
    found = sql.select(
        "SELECT deleted FROM mailstore_mailbox WHERE mailspace_id = %s AND id = %s", [mailspace, mailbox]
    )
    return found[0][0] if found else 0


def remove(mailspace: int, mailbox: int, uids: Sequence[int], *, cause: Cause) -> None:
    """POP3's DELE at UPDATE: to Trash, so that it can be had back."""
    move(mailspace, mailbox, uids, _role_id(mailspace, TRASH), cause=cause)


def _role_id(mailspace: int, role: str) -> int:
    found = Mailbox.objects.filter(mailspace_id=mailspace, role=role, deleted_at__isnull=True).values_list(
        "id", flat=True
    )
    if not found:
        raise NoSuchMailbox("There is no such mailbox.")
    return found[0]


def _uidvalidity(mailspace: int, mailbox: int) -> int:
    found = Mailbox.objects.filter(mailspace_id=mailspace, id=mailbox, deleted_at__isnull=True)
    for value in found.values_list("uidvalidity", flat=True):
        return value
    raise NoSuchMailbox("There is no such mailbox.")


def _lying_in(mailspace: int, mailbox: int, lives: Sequence[Live]) -> set[int]:
    """Those of some messages that lie in a mailbox."""
    where, param = sql.among("message_id", [live.message for live in lives])
    found = sql.select(
        "SELECT message_id FROM mailstore_placement"
        f" WHERE mailspace_id = %s AND {where} AND mailbox_id = %s AND expunged_modseq IS NULL",
        [mailspace, *param, mailbox],
    )
    return {row[0] for row in found}


def _copied(box: Mailbox, pairs: Sequence[tuple[int, int]]) -> Copied:
    return Copied(box.uidvalidity, tuple(p[0] for p in pairs), tuple(p[1] for p in pairs))
