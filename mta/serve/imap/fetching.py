"""FETCH (RFC 3501 §6.4.5): which messages, what their answer needs, and sending it batch by batch.

While one batch is being sent the next one is read in a thread (`batches`); nothing of it runs in the event
loop, so that nobody else waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing

from mta.mailstore import service as mailstore
from mta.serve.imap.batches import JOINED, Batch, Batches, weight_of
from mta.serve.imap.naming import chosen
from mta.serve.imap.replies import Bad, No, Ok
from mta.serve.imap.resyncing import vanished_since
from mta.serve.imap.session import Session
from mta.serve.imap.signing_in import turn_on_condstore
from mta.values import DELETED, SEEN, Cause
from mta.wire.imap import commands as c
from mta.wire.imap import fetch as wire
from mta.wire.imap.uids import Uids
from mta.wire.imap.view import Flags, Selection

TABLE_FROM = 2000  # messages whose flags are read from the mailbox's table, which sessions share
READ_AT_ONCE = 5000
AHEAD = 2  # batches


async def fetch(session: Session, command: c.Fetch) -> Ok:
    selection = await session.need_view()
    if command.changed_since is not None or c.Item("MODSEQ") in command.items:
        turn_on_condstore(session)
    wanted = chosen(selection, command.messages, uid=command.uid)
    if command.vanished:
        if not session.qresync:
            raise Bad("ENABLE QRESYNC comes first")  # RFC 7162 §3.2.6
        session.send(await vanished_since(session, command.changed_since or 0, command.messages))
    if command.changed_since is not None:  # RFC 7162 §3.1.4.1: only those whose mod-sequence is greater
        wanted &= await session.call(_changed, session.mailspace, selection.mailbox, command.changed_since)
    if command.partial is not None:
        wanted = page(wanted, *command.partial)
    newly_seen = await _mark_seen(session, selection, command, wanted)
    plan = wire.plan(
        command.items,
        uid=command.uid,
        modseq=command.changed_since is not None or (newly_seen and selection.tell_modseq),
        flags=newly_seen,
    )
    batches = Batches(
        session.mailspace,
        selection.mailbox,
        selection.uids,
        wanted,
        plan,
        wire.Printer(plan, first_recent=0 if selection.rev2 else max(1, selection.first_recent)),
    )
    if plan.flags_only and len(wanted) >= TABLE_FROM:
        batches.table = await session.flag_table()
    missing, unknown_encoding = await _send(session, selection, batches)
    if unknown_encoding:
        # RFC 3516 §4.3: what could be decoded has been sent.
        raise No("A part is encoded in a way that is not known here", b"UNKNOWN-CTE")
    if missing:
        # RFC 2180 §4.1.3, RFC 5530: the rest has been sent; the client will be told what went.
        session.wrote()
        return Ok("Some of these messages are not there any more", b"EXPUNGEISSUED")
    return Ok("Fetched")


def page(uids: Uids, first: int, last: int) -> Uids:
    """RFC 9394 §3.1: the first to the last of these, counted from the front or (< 0) from the end."""
    low, high = sorted((abs(first), abs(last)))
    if first > 0:
        return uids.between(low - 1, high)
    return uids.between(len(uids) - high, len(uids) - low + 1)


def _changed(mailspace: int, mailbox: int, since: int) -> Uids:
    return Uids(mailstore.changed_uids(mailspace, mailbox, since))


async def _mark_seen(session: Session, selection: Selection, command: c.Fetch, wanted: Uids) -> bool:
    """BODY[] sets \\Seen (RFC 3501 §6.4.5), before it is sent, so that the answer can say so."""
    if selection.read_only or not wanted or not wire.marks_seen(command.items):
        return False
    seen = await session.call(_see, session.mailspace, selection.mailbox, wanted, session.cause)
    if not seen:
        return False
    selection.expect(seen)
    session.wrote()
    return True


def _see(mailspace: int, mailbox: int, wanted: Uids, cause: Cause) -> dict[int, Flags]:
    """Mark messages as read; the flags of those that were not, as they are now."""
    unseen = _unseen(mailspace, mailbox, wanted)
    if unseen:
        mailstore.store_flags(mailspace, mailbox, list(unseen), "add", SEEN, (), cause=cause)
    return unseen


def _unseen(mailspace: int, mailbox: int, wanted: Uids) -> dict[int, Flags]:
    """What the flags of those of these messages that are not \\Seen will be when they are."""
    found: dict[int, Flags] = {}
    for start in range(0, len(wanted), READ_AT_ONCE):
        piece = list(wanted[start : start + READ_AT_ONCE])
        columns = ("uid", "flags", "deleted", "keywords")
        for uid, flags, deleted, keywords in mailstore.fetch(mailspace, mailbox, piece, columns):
            if not flags & SEEN:
                bits = flags | SEEN | (DELETED if deleted else 0)
                found[uid] = bits, tuple(keywords.split())
    return found


async def _send(session: Session, selection: Selection, batches: Batches) -> tuple[int, bool]:
    """Returns how many messages are not there any more, and whether an encoding was not known."""
    missing, unknown_encoding = 0, False
    async with aclosing(_read_ahead(session, batches)) as found:
        async for batch in found:
            missing += batch.missing
            unknown_encoding |= batch.unknown_encoding
            if batch.keywords:
                session.send(selection.announce(batch.keywords))
            for piece in batch.pieces:
                if len(piece) > JOINED:  # by itself, so that it is not copied
                    await session.flush()
                session.send(piece)
            await session.breathe()
    return missing, unknown_encoding


async def _read_ahead(session: Session, batches: Batches) -> AsyncGenerator[Batch, None]:
    """The batches in order; while its user sends one, the next ones are being read."""
    ahead: deque[tuple[asyncio.Task[Batch], int]] = deque()

    def start() -> None:
        while len(ahead) < AHEAD and (work := batches.claim(sum(weight for _, weight in ahead))) is not None:
            ahead.append((asyncio.ensure_future(session.call(batches.read, work)), weight_of(work)))

    try:
        start()
        while ahead:
            batch = await ahead[0][0]
            ahead.popleft()
            start()
            yield batch
    finally:
        for task, _ in ahead:
            task.cancel()
