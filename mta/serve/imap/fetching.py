"""FETCH (RFC 3501 §6.4.5): from the told view, from columns, or from the messages themselves.

Chunks of at most 2,000 rows, or about 1 MiB of messages, with a breath between them, so that no other
session waits for long; one store call per chunk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mta.mailstore import service as mailstore
from mta.mailstore.errors import NoSuchMessage
from mta.serve.imap import shelf
from mta.serve.imap.naming import chosen
from mta.serve.imap.replies import Ok
from mta.serve.imap.session import Session
from mta.serve.imap.signing_in import turn_on_condstore
from mta.values import SEEN
from mta.wire.imap import commands as c
from mta.wire.imap import fetch as wire
from mta.wire.imap.view import Selection

ROWS = 2000
BATCH_BYTES = 1024 * 1024
BATCH_MESSAGES = 100

Cuts = tuple[bytes | None, ...]


async def fetch(session: Session, command: c.Fetch) -> Ok:
    selection = await session.need_view()
    if command.changed_since is not None or c.Item("MODSEQ") in command.items:
        turn_on_condstore(session)
    uids = chosen(selection, command.messages, uid=command.uid).tolist()
    if command.changed_since is not None:
        uids = await _changed(session, selection, uids, command.changed_since)
    newly_seen = await _mark_seen(session, selection, command, uids)
    plan = wire.plan(
        command.items,
        uid=command.uid,
        modseq=command.changed_since is not None,
        flags=newly_seen,
    )
    line = wire.line_writer(plan, selection)
    missing = 0
    step = max(100, ROWS * 8 // max(8, len(plan.items)))
    for start in range(0, len(uids), step):
        chunk = uids[start : start + step]
        if plan.from_view:
            session.send(b"".join([line((uid,)) for uid in chunk]))
        else:
            rows = await session.call(
                mailstore.fetch, session.mailspace, selection.mailbox, chunk, plan.columns
            )
            missing += len(chunk) - len(rows)
            if plan.bodies:
                await _send_bodies(session, plan, line, rows)
            else:
                session.send(b"".join([line(row) for row in rows]))
        await session.breathe()
    if missing:
        # RFC 2180 §4.1.3, RFC 5530: the rest has been sent; the client will be told what went.
        session.wrote()
        return Ok("Some of these messages are not there any more", b"EXPUNGEISSUED")
    return Ok("Fetched")


async def _changed(session: Session, selection: Selection, uids: list[int], since: int) -> list[int]:
    """RFC 7162 §3.1.4.1: only those whose mod-sequence is greater."""
    changes = await session.call(mailstore.changes, session.mailspace, selection.mailbox, since)
    newer = {row.uid for row in changes.rows if row.modseq > since}
    return [uid for uid in uids if uid in newer]


async def _mark_seen(session: Session, selection: Selection, command: c.Fetch, uids: Sequence[int]) -> bool:
    """BODY[] sets \\Seen (RFC 3501 §6.4.5), before it is sent, so that the answer can say so."""
    if selection.read_only or not wire.marks_seen(command.items):
        return False
    view = selection.view
    unseen = [uid for uid in uids if not view.flags[view.index(uid)] & SEEN]
    if not unseen:
        return False
    await session.call(
        mailstore.store_flags,
        session.mailspace,
        selection.mailbox,
        unseen,
        "add",
        SEEN,
        (),
        cause=session.cause,
    )
    selection.expect(unseen, "add", SEEN, ())
    session.wrote()
    return True


async def _send_bodies(
    session: Session, plan: wire.Plan, line: wire.LineWriter, rows: Sequence[wire.Row]
) -> None:
    for batch in _batches(rows, plan):
        cuts = await session.call(_cut, session.mailspace, batch, plan)
        for row in batch:
            found = cuts.get(row[1])
            if found is not None:
                session.send(line(row, found))
        await session.breathe()


def _batches(rows: Sequence[wire.Row], plan: wire.Plan) -> Iterator[list[wire.Row]]:
    """Rows in pieces of about BATCH_BYTES of mail; `plan.columns` begins uid, message, size."""
    most = ROWS if plan.from_head else BATCH_MESSAGES
    batch: list[wire.Row] = []
    size = 0
    for row in rows:
        weight = len(row[3]) if plan.from_head else row[2]
        if batch and (size + weight > BATCH_BYTES or len(batch) >= most):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += weight
    if batch:
        yield batch


def _cut(mailspace: int, batch: Sequence[wire.Row], plan: wire.Plan) -> dict[int, Cuts]:
    """The sections' bytes by message id. Blocks. Messages that went meanwhile are left out."""
    found: dict[int, Cuts] = {}
    wanted: list[int] = []
    for row in batch:
        if plan.from_head and row[4]:
            found[row[1]] = wire.from_head(row[3], plan.sections)
        else:
            wanted.append(row[1])
    if len(wanted) == 1:
        try:
            opened = shelf.opened(mailspace, wanted[0])
        except NoSuchMessage:
            return found
        found[wanted[0]] = wire.cut(opened, plan.sections)
    elif wanted:
        for message, raw in mailstore.raws(mailspace, wanted):
            found[message] = wire.cut(wire.Opened(raw), plan.sections)
    return found
