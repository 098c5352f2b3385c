"""Commands that change or look for messages: APPEND, STORE, COPY, MOVE, EXPUNGE, SEARCH (RFC 3501 §6.3.11, §6.4)."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import BinaryIO

from mta.mailstore import service as mailstore
from mta.message.criteria import Criteria
from mta.serve.imap.replies import Bad, No, Ok
from mta.serve.imap.selecting import target
from mta.serve.imap.session import Session
from mta.serve.imap.signing_in import turn_on_condstore
from mta.values import SYSTEM_FLAGS, Appended, Cause
from mta.wire.imap import commands as c
from mta.wire.imap import responses, sequences
from mta.wire.imap.search import in_view, mentions_modseq, prepared
from mta.wire.imap.view import Selection

_SYSTEM = {name.lower(): bit for name, bit in SYSTEM_FLAGS.items()}


def known_flags(flags: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """System flags as bits, the others as keywords (RFC 3501 §2.3.2). \\Recent cannot be set, only ignored."""
    bits = 0
    keywords: dict[str, str] = {}
    for flag in flags:
        low = flag.lower()
        if low in _SYSTEM:
            bits |= _SYSTEM[low]
        elif low != "\\recent":
            if flag.startswith("\\"):
                raise Bad("There is no such system flag")
            keywords.setdefault(low, flag)
    return bits, tuple(keywords.values())


def chosen(selection: Selection, ranges: sequences.Ranges, *, uid: bool) -> array[int]:
    """The UIDs a command names. Unknown UIDs are no error, unknown numbers are (RFC 3501 §6.4.8, §9)."""
    if uid:
        return selection.view.by_uid(ranges)
    if selection.view.exceeds(ranges):
        raise Bad("There is no message of that number")
    return selection.view.by_sequence(ranges)


def writable(session: Session) -> Selection:
    if session.selected.read_only:
        raise No("The mailbox was opened with EXAMINE", b"READ-ONLY")
    return session.selected


# --- APPEND


async def append(session: Session, command: c.Append) -> Ok:
    """RFC 3501 §6.3.11, RFC 4315 §3 APPENDUID. OK means that the message is on disk."""
    with command.message:
        bits, keywords = known_flags(command.flags)
        box = await target(session, command.mailbox)
        appended = await session.call(
            _append,
            session.mailspace,
            box.id,
            command.message,
            bits,
            keywords,
            command.internal_date,
            session.cause,
        )
    session.wrote()
    return Ok("Message stored", b"APPENDUID %d %d" % (appended.uidvalidity, appended.uid))


def _append(
    mailspace: int,
    mailbox: int,
    message: BinaryIO,
    flags: int,
    keywords: tuple[str, ...],
    internal_date: int | None,
    cause: Cause,
) -> Appended:
    raw = message.read()
    if not raw:
        raise No("An empty message cannot be stored")
    if b"\0" in raw:
        # RFC 3501 §9: CHAR8 is any octet but NUL; RFC 3516 §4.4 names the code.
        raise No("A message with a NUL in it cannot be stored", b"UNKNOWN-CTE")
    return mailstore.append(
        mailspace,
        mailbox,
        raw,
        flags=flags,
        keywords=keywords,
        internal_date=internal_date,
        cause=cause,
    )


# --- STORE, COPY, MOVE, EXPUNGE


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


# --- SEARCH


async def search(session: Session, command: c.Search) -> Ok:
    """RFC 3501 §6.4.4; with RETURN the answer is RFC 4731's ESEARCH."""
    selection = await session.need_view()
    with_modseq = mentions_modseq(command.key)
    if with_modseq:
        turn_on_condstore(session)
    uids = await _find(session, selection, command.key)
    highest = await _highest_modseq(session, selection, uids) if with_modseq and uids else 0
    index = selection.view.index
    found = uids if command.uid else [index(uid) + 1 for uid in uids]
    if command.returns is None:
        extra = b" (MODSEQ %d)" % highest if highest else b""
        session.send(b"* SEARCH" + b"".join(b" %d" % number for number in found) + extra + b"\r\n")
    else:
        session.send(_esearch(session.tag, found, command.returns, uid=command.uid, highest=highest))
    return Ok("Found what there is")


async def _find(session: Session, selection: Selection, key: Criteria) -> list[int]:
    """The matching UIDs the client knows of: from the told view where it suffices, else from the store."""
    asked = prepared(key, selection.view, selection.first_recent)
    view = selection.view
    # Many keys over many messages take a while even without the store; a view is frozen, so a thread may look.
    uids = in_view(asked, view) if len(view) < 2000 else await session.call(in_view, asked, view)
    if uids is not None:
        return uids
    found = await session.call(mailstore.search_uids, session.mailspace, selection.mailbox, asked)
    index = selection.view.index
    return [uid for uid in found if index(uid) >= 0]


async def _highest_modseq(session: Session, selection: Selection, uids: list[int]) -> int:
    rows = await session.call(mailstore.fetch, session.mailspace, selection.mailbox, uids, ("uid", "modseq"))
    return max((row[1] for row in rows), default=0)


def _esearch(tag: str, found: Sequence[int], returns: Sequence[str], *, uid: bool, highest: int) -> bytes:
    parts = [b"* ESEARCH (TAG " + responses.quoted(tag.encode()) + b")"]
    if uid:
        parts.append(b"UID")
    if found:  # RFC 4731 §3.1: with no result, only COUNT is there
        if "MIN" in returns:
            parts.append(b"MIN %d" % min(found))
        if "MAX" in returns:
            parts.append(b"MAX %d" % max(found))
        if "ALL" in returns:
            parts.append(b"ALL " + sequences.show_numbers(found))
    if "COUNT" in returns:
        parts.append(b"COUNT %d" % len(found))
    if highest:
        parts.append(b"MODSEQ %d" % highest)
    return b" ".join(parts) + b"\r\n"
