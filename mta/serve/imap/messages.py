"""Commands that change messages: STORE, COPY, MOVE, EXPUNGE (RFC 3501 §6.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mta.mailstore import service as mailstore
from mta.serve.imap.naming import chosen, known_flags
from mta.serve.imap.replies import No, Ok
from mta.serve.imap.selecting import target
from mta.serve.imap.session import Session
from mta.serve.imap.signing_in import turn_on_condstore
from mta.values import DELETED, ViewRow
from mta.wire.imap import commands as c
from mta.wire.imap import responses, sequences
from mta.wire.imap.uids import Uids
from mta.wire.imap.view import Flags, Selection, altered


def writable(session: Session) -> Selection:
    if session.selected.read_only:
        raise No("The mailbox was opened with EXAMINE", b"READ-ONLY")
    return session.selected


async def store(session: Session, command: c.Store) -> Ok:
    """RFC 3501 §6.4.6; UNCHANGEDSINCE and MODIFIED are RFC 7162 §3.1.3."""
    selection = writable(session)
    bits, keywords = known_flags(command.flags)
    if command.unchanged_since is not None:
        turn_on_condstore(session)
    await session.need_view()
    uids = chosen(selection, command.messages, uid=command.uid)
    if not uids:
        return Ok("Flags stored")
    asked = _Asked(command, tuple(uids), bits, keywords)
    stored = await session.call(_store, session, selection.mailbox, asked, selection.modseq)
    session.wrote()
    if command.silent:
        selection.expect(stored.expected)
    else:
        await session.catch_up()
        await session.report(expunges=command.uid, with_uid=command.uid, always=stored.before)
    return _stored(selection, stored.failed, uid=command.uid)


@dataclass(frozen=True, slots=True)
class _Asked:
    command: c.Store
    uids: tuple[int, ...]
    bits: int
    keywords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Stored:
    """The messages as they were just before, what the client believes of them now, and which were left alone."""

    before: dict[int, ViewRow]
    expected: dict[int, Flags]
    failed: frozenset[int]


def _store(session: Session, mailbox: int, asked: _Asked, known: int) -> _Stored:
    """`known`: the modseq up to which the client has been told. Blocks."""
    columns = ("uid", "flags", "deleted", "keywords", "modseq")
    rows = mailstore.fetch(session.mailspace, mailbox, asked.uids, columns)
    failed = frozenset(
        mailstore.store_flags(
            session.mailspace,
            mailbox,
            asked.uids,
            asked.command.mode,
            asked.bits,
            asked.keywords,
            cause=session.cause,
            unchangedsince=asked.command.unchanged_since,
        )
    )
    before = {
        uid: ViewRow(uid, 0, flags | DELETED if deleted else flags, tuple(words.split()), modseq)
        for uid, flags, deleted, words, modseq in rows
        if uid not in failed
    }
    # What the client knew has not been overtaken, so it knows what has become of it (RFC 3501 §6.4.6).
    expected = {
        uid: altered(row.flags, row.keywords, asked.command.mode, asked.bits, asked.keywords)
        for uid, row in before.items()
        if row.modseq <= known
    }
    return _Stored(before, expected if asked.command.silent else {}, failed)


def _stored(selection: Selection, failed: frozenset[int], *, uid: bool) -> Ok:
    if not failed:
        return Ok("Flags stored")
    numbers = Uids.of(failed) if uid else selection.uids.numbers(Uids.of(failed))
    return Ok("Some had been changed meanwhile", b"MODIFIED " + sequences.show(numbers.ranges))


async def copy(session: Session, command: c.Copy) -> Ok:
    """RFC 3501 §6.4.7: all or nothing; COPYUID is RFC 4315 §3."""
    selection = await session.need_view()
    uids = chosen(selection, command.messages, uid=command.uid)
    box = await target(session, command.mailbox)
    if not uids:
        return Ok("Nothing to copy")
    copied = await session.call(
        mailstore.copy, session.mailspace, selection.mailbox, list(uids), box.id, cause=session.cause
    )
    session.wrote()
    if not copied.source:
        raise No("Those messages are not there any more", b"EXPUNGEISSUED")
    return Ok("Copied", _copyuid(copied.uidvalidity, copied.source, copied.target))


async def move(session: Session, command: c.Move) -> Ok:
    """RFC 6851 §3.3: COPYUID comes untagged, before the EXPUNGEs that `_after` sends."""
    selection = writable(session)
    await session.need_view()
    uids = chosen(selection, command.messages, uid=command.uid)
    box = await target(session, command.mailbox)
    if box.id == selection.mailbox:
        raise No("The messages are there already", b"CANNOT")
    if not uids:
        return Ok("Nothing to move")
    moved = await session.call(
        mailstore.move, session.mailspace, selection.mailbox, list(uids), box.id, cause=session.cause
    )
    session.wrote()
    if moved.source:
        code = _copyuid(moved.uidvalidity, moved.source, moved.target)
        session.send(responses.status("*", "OK", "Moved", code))
    return await _removed(session, "Moved", len(moved.source))


def _copyuid(uidvalidity: int, source: Sequence[int], target: Sequence[int]) -> bytes:
    return b"COPYUID %d %b %b" % (
        uidvalidity,
        sequences.show_numbers(source),
        sequences.show_numbers(target),
    )


async def expunge(session: Session, command: c.Expunge) -> Ok:
    """RFC 3501 §6.4.3 and RFC 4315 §2.1; the EXPUNGE responses come out of the changed view."""
    selection = writable(session)
    uids = None
    if command.uids is not None:
        await session.need_view()
        uids = list(chosen(selection, command.uids, uid=True))
    gone: Sequence[int] = ()
    if uids != []:
        gone = await session.call(
            mailstore.expunge, session.mailspace, selection.mailbox, uids, cause=session.cause
        )
        session.wrote()
    return await _removed(session, "Expunged", len(gone))


async def _removed(session: Session, text: str, count: int) -> Ok:
    """RFC 7162 §3.2.7, §3.2.9: a client that can resynchronise is told up to where it now knows all."""
    if not count or not session.qresync:
        return Ok(text)
    await session.catch_up()
    await session.report()
    return Ok(text, b"HIGHESTMODSEQ %d" % session.selected.told_modseq)
