"""SEARCH (RFC 3501 §6.4.4) and its answers."""

from __future__ import annotations

from collections.abc import Sequence

from mta.mailstore import service as mailstore
from mta.message.criteria import Criteria
from mta.serve.imap.replies import Ok
from mta.serve.imap.session import Session
from mta.serve.imap.signing_in import turn_on_condstore
from mta.wire.imap import commands as c
from mta.wire.imap import responses, sequences
from mta.wire.imap.search import mentions_modseq, prepared
from mta.wire.imap.view import Selection


async def search(session: Session, command: c.Search) -> Ok:
    """RFC 3501 §6.4.4; with RETURN the answer is RFC 4731's ESEARCH."""
    selection = await session.need_view()
    with_modseq = mentions_modseq(command.key)
    if with_modseq:
        turn_on_condstore(session)
    uids = await _find(session, selection, command.key)
    highest = await _highest_modseq(session, selection, uids) if with_modseq and uids else 0
    index = selection.uids.index
    found = uids if command.uid else [index(uid) + 1 for uid in uids]
    if command.returns is None:
        extra = b" (MODSEQ %d)" % highest if highest else b""
        session.send(b"* SEARCH" + b"".join(b" %d" % number for number in found) + extra + b"\r\n")
    else:
        session.send(_esearch(session.tag, found, command.returns, uid=command.uid, highest=highest))
    return Ok("Found what there is")


async def _find(session: Session, selection: Selection, key: Criteria) -> list[int]:
    """The matching UIDs the client knows of: from the told view where it suffices, else from the store."""
    asked = prepared(key, selection.uids, selection.first_recent)
    found = await session.call(mailstore.search_uids, session.mailspace, selection.mailbox, asked)
    index = selection.uids.index
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
