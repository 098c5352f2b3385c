"""Telling a client what it missed while it was away: QRESYNC (RFC 7162 §3.2).

VANISHED (EARLIER) names UIDs that are gone, never ones that the client is still told of as existing: those
leave in their turn, with VANISHED or EXPUNGE. Where old tombstones were compacted, every missing UID is named.
"""

from __future__ import annotations

from mta.mailstore import service as mailstore
from mta.serve.imap.session import Session
from mta.values import ViewChanges
from mta.wire.imap import responses, sequences
from mta.wire.imap.commands import Resync
from mta.wire.imap.sequences import Ranges
from mta.wire.imap.uids import Uids
from mta.wire.imap.view import Selection


async def vanished_since(session: Session, since: int, ranges: Ranges) -> bytes:
    """RFC 7162 §3.2.6: the VANISHED (EARLIER) response of a UID FETCH, or b""."""
    selection = await session.need_view()
    expunged, _complete = await session.call(
        mailstore.expunged_since, session.mailspace, selection.mailbox, since
    )
    if ranges == sequences.SAVED:
        return b""
    # A mailbox's last messages may be the ones that went: `*` is the highest UID there has been.
    within = Uids(sequences.resolve(ranges, max(1, selection.uidnext - 1)))
    gone = (Uids.merged(expunged) & within).without(selection.uids)
    return responses.vanished(gone, earlier=True) if gone else b""


async def resync(session: Session, resync: Resync) -> None:
    """RFC 7162 §3.2.5: what went and what changed since the client was last here, at the end of SELECT."""
    selection = session.selected
    if resync.uidvalidity != selection.uidvalidity or resync.modseq >= selection.modseq:
        return
    await session.need_view()
    expunged, complete, changes = await session.call(
        _look, session.mailspace, selection.mailbox, resync.modseq
    )
    known = Uids.merged(resync.known or ((1, max(1, selection.uidnext - 1)),))
    gone = (Uids.merged(expunged) & known).without(selection.uids)
    if not complete and resync.match is not None:
        gone = _after(gone, agreed(selection.uids, *resync.match))
    if gone:
        session.send(responses.vanished(gone, earlier=True))
    await _send_changes(session, selection, changes, known)


def _look(mailspace: int, mailbox: int, since: int) -> tuple[Ranges, bool, ViewChanges]:
    expunged, complete = mailstore.expunged_since(mailspace, mailbox, since)
    return expunged, complete, mailstore.changes(mailspace, mailbox, since)


async def _send_changes(session: Session, selection: Selection, changes: ViewChanges, known: Uids) -> None:
    """What changed after SELECT looked is among these; it will be told once more, which does no harm."""
    rows = [row for row in changes.rows if row.uid in known and row.uid in selection.uids]
    session.send(selection.announce({word for row in rows for word in row.keywords}))
    for number, row in enumerate(rows, start=1):
        at = selection.uids.index(row.uid) + 1
        flags = selection.flags(row.uid, row.flags, row.keywords)
        session.send(b"* %d FETCH (UID %d FLAGS (%b) MODSEQ (%d))\r\n" % (at, row.uid, flags, row.modseq))
        if number % 1000 == 0:
            await session.breathe()


def agreed(uids: Uids, numbers: Ranges, known: Ranges) -> int:
    """RFC 7162 §3.2.5.2: the highest UID up to which the client's numbers are still ours; 0 if none is."""
    theirs, named = Uids.merged(numbers), Uids.merged(known)
    # Below a UID that has kept its number nothing went, so the pairs agree up to some point and not beyond.
    low, high = 0, min(len(theirs), len(named))
    while low < high:
        middle = (low + high) // 2
        if uids.index(named[middle]) + 1 == theirs[middle]:
            low = middle + 1
        else:
            high = middle
    return named[low - 1] if low else 0


def _after(gone: Uids, uid: int) -> Uids:
    return gone[gone.below(uid + 1) :]
