"""Commands that change messages: STORE, COPY, MOVE, EXPUNGE (RFC 3501 §6.4)."""

from __future__ import annotations

from collections.abc import Sequence

from mta.mailstore import service as mailstore
from mta.serve.imap.naming import chosen, known_flags
from mta.serve.imap.replies import No, Ok
from mta.serve.imap.selecting import target
from mta.serve.imap.session import Session
from mta.serve.imap.signing_in import turn_on_condstore
from mta.wire.imap import commands as c
from mta.wire.imap import responses, sequences
from mta.wire.imap.view import Selection


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
    failed: frozenset[int] = frozenset()
    if uids:
        failed = frozenset(
            await session.call(
                mailstore.store_flags,
                session.mailspace,
                selection.mailbox,
                uids.tolist(),
                command.mode,
                bits,
                keywords,
                cause=session.cause,
                unchangedsince=command.unchanged_since,
            )
        )
    changed = [uid for uid in uids if uid not in failed]
    session.wrote()
    if command.silent:
        selection.expect(changed, command.mode, bits, keywords)
        return _stored(selection, failed, uid=command.uid)
    await session.catch_up()
    session.report(expunges=command.uid, with_uid=command.uid, always=frozenset(changed))
    return _stored(selection, failed, uid=command.uid)


def _stored(selection: Selection, failed: frozenset[int], *, uid: bool) -> Ok:
    if not failed:
        return Ok("Flags stored")
    numbers = sorted(failed if uid else (selection.view.index(one) + 1 for one in failed))
    return Ok("Some had been changed meanwhile", b"MODIFIED " + sequences.show_numbers(numbers))


async def copy(session: Session, command: c.Copy) -> Ok:
    """RFC 3501 §6.4.7: all or nothing; COPYUID is RFC 4315 §3."""
    selection = await session.need_view()
    uids = chosen(selection, command.messages, uid=command.uid)
    box = await target(session, command.mailbox)
    if not uids:
        return Ok("Nothing to copy")
    copied = await session.call(
        mailstore.copy, session.mailspace, selection.mailbox, uids.tolist(), box.id, cause=session.cause
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
        mailstore.move, session.mailspace, selection.mailbox, uids.tolist(), box.id, cause=session.cause
    )
    session.wrote()
    if moved.source:
        code = _copyuid(moved.uidvalidity, moved.source, moved.target)
        session.send(responses.status("*", "OK", "Moved", code))
    return Ok("Moved")


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
        uids = selection.view.by_uid(command.uids).tolist()
    if uids != []:
        await session.call(mailstore.expunge, session.mailspace, selection.mailbox, uids, cause=session.cause)
        session.wrote()
    return Ok("Expunged")
