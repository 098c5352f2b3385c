"""Commands that change messages: STORE, COPY, MOVE, EXPUNGE (RFC 3501 §6.4)."""

from __future__ import annotations

from collections.abc import Sequence

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
from mta.wire.imap.view import Selection, altered


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
    before, failed = await session.call(_store, session, selection.mailbox, uids, command, bits, keywords)
    session.wrote()
    changed = {uid: row for uid, row in before.items() if uid not in failed}
    if command.silent:
        # What the client knew before has not been overtaken, so it knows what has become of it.
        selection.expect(
            {
                uid: altered(row.flags, row.keywords, command.mode, bits, keywords)
                for uid, row in changed.items()
                if row.modseq <= selection.modseq
            }
        )
        return _stored(selection, failed, uid=command.uid)
    await session.catch_up()
    await session.report(expunges=command.uid, with_uid=command.uid, always=changed)
    return _stored(selection, failed, uid=command.uid)


def _store(
    session: Session, mailbox: int, uids: Uids, command: c.Store, bits: int, keywords: tuple[str, ...]
) -> tuple[dict[int, ViewRow], frozenset[int]]:
    """(the messages as they were just before, the UIDs that had been changed meanwhile). Blocks."""
    wanted = list(uids)
    columns = ("uid", "flags", "deleted", "keywords", "modseq")
    before = {
        uid: ViewRow(uid, 0, flags | DELETED if deleted else flags, tuple(words.split()), modseq)
        for uid, flags, deleted, words, modseq in mailstore.fetch(session.mailspace, mailbox, wanted, columns)
    }
    failed = mailstore.store_flags(
        session.mailspace,
        mailbox,
        wanted,
        command.mode,
        bits,
        keywords,
        cause=session.cause,
        unchangedsince=command.unchanged_since,
    )
    return before, frozenset(failed)


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
