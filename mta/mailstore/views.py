"""A mailbox as mail programs see it: its UIDs at a modseq, its flags, what changed, chosen columns of messages.

Reads only, as plain tuples. What IMAP asks of whole mailboxes lies in the placements; a message's wide row is
joined when a column of it is wanted. Nothing here is O(mailbox) but `flag_table`, and `fetch` of so many.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

from mta.values import DELETED, FlagTable, ViewChanges, ViewRow

from . import rows, runs
from .models import ExpungedUids
from .runs import Runs
from .sql import select_wide

AT_ONCE = 4_000  # rows that a driver may turn into objects while nobody else in the process does anything

_LIVE = "mailspace_id = %s AND mailbox_id = %s AND expunged_modseq IS NULL"
_GONE = "mailspace_id = %s AND mailbox_id = %s AND expunged_modseq IS NOT NULL"


def uid_runs(mailspace: int, mailbox: int, *, uidnext: int, modseq: int) -> Runs:
    """The UIDs below `uidnext` that were in a mailbox at `modseq`, as ascending runs.

    Read from the holes: every UID below UIDNEXT is live, a tombstone, or among those compacted. What has been
    compacted is missing even where it fell after `modseq`: that is longer ago than the undo window.
    """
    with rows.snapshot():
        box = _box(mailspace, mailbox)
        if box is None:
            return ()
        compact, forgotten = _compacted(mailspace, mailbox)
        at = [mailspace, mailbox]
        there, tombstones = box.messages, box.uidnext - 1 - box.messages - forgotten
        if there < tombstones:
            found = rows.select(
                f"SELECT uid FROM mailstore_placement WHERE {_LIVE} AND uid < %s"
                f" UNION ALL SELECT uid FROM mailstore_placement WHERE {_GONE} AND expunged_modseq > %s AND uid < %s",
                [*at, uidnext, *at, modseq, uidnext],
            )
            return runs.of(sorted(row[0] for row in found))
        if not tombstones:
            return runs.missing(compact, below=uidnext)
        found = rows.select(
            f"SELECT uid FROM mailstore_placement WHERE {_GONE} AND expunged_modseq <= %s", [*at, modseq]
        )
    holes = runs.union(compact, runs.of(sorted(row[0] for row in found)))
    return runs.missing(holes, below=uidnext)


def expunged_since(mailspace: int, mailbox: int, modseq: int) -> tuple[Runs, bool]:
    """(UIDs expunged after `modseq` as runs, whether these are all that there were and no others).

    Where older tombstones were compacted since, nobody knows when each fell: then they are all UIDs that are
    not there (RFC 7162 §3.2.6).
    """
    with rows.snapshot():
        box = _box(mailspace, mailbox)
        if box is None:
            return (), True
        return _fell(mailspace, mailbox, modseq, box.forgotten), box.forgotten <= modseq


def _fell(mailspace: int, mailbox: int, since: int, forgotten: int) -> Runs:
    """The UIDs expunged after `since`; all that are not there, when some of these were compacted."""
    complete = forgotten <= since
    found = rows.select(
        f"SELECT uid FROM mailstore_placement WHERE {_GONE} AND expunged_modseq > %s",
        [mailspace, mailbox, since if complete else 0],
    )
    fell = runs.of(sorted(row[0] for row in found))
    return fell if complete else runs.union(_compacted(mailspace, mailbox)[0], fell)


class _Box(NamedTuple):
    messages: int
    uidnext: int
    highestmodseq: int
    forgotten: int  # the highest modseq of a compacted tombstone


def _box(mailspace: int, mailbox: int) -> _Box | None:
    found = rows.select(
        """SELECT b.messages, b.uidnext, b.highestmodseq, COALESCE(e.modseq, 0)
             FROM mailstore_mailbox b LEFT JOIN mailstore_expungeduids e
               ON e.mailspace_id = b.mailspace_id AND e.mailbox_id = b.id
            WHERE b.mailspace_id = %s AND b.id = %s AND b.deleted_at IS NULL""",
        [mailspace, mailbox],
    )
    return _Box(*found[0]) if found else None


def _compacted(mailspace: int, mailbox: int) -> tuple[Runs, int]:
    """(the compacted UIDs of a mailbox, how many they are)."""
    kept = ExpungedUids.objects.filter(mailspace_id=mailspace, mailbox_id=mailbox)
    found = kept.values_list("runs", "count").first()
    return (runs.unpacked(bytes(found[0])), found[1]) if found else ((), 0)


def flag_table(mailspace: int, mailbox: int) -> FlagTable:
    """The flags of a whole mailbox, a byte and four per message; one snapshot."""
    with rows.snapshot():
        box = _box(mailspace, mailbox)
        if box is None:
            return FlagTable(array("I"), b"", {}, 0, 0, gone=True)
        uids, flags = array("I"), bytearray()
        keywords: dict[int, tuple[str, ...]] = {}
        while found := rows.select(
            "SELECT uid, flags, deleted, keywords FROM mailstore_placement"
            f" WHERE {_LIVE} AND uid > %s ORDER BY uid LIMIT {AT_ONCE}",
            [mailspace, mailbox, uids[-1] if uids else 0],
        ):
            uids.extend([row[0] for row in found])
            flags.extend([bits | DELETED if deleted else bits for _, bits, deleted, _ in found])
            keywords |= {uid: tuple(words.split()) for uid, _, _, words in found if words}
    return FlagTable(uids, bytes(flags), keywords, box.highestmodseq, box.uidnext)


def changes(mailspace: int, mailbox: int, since: int = 0) -> ViewChanges:
    """What changed in a mailbox after modseq `since`; 0 for all of it. One snapshot."""
    with rows.snapshot():
        box = _box(mailspace, mailbox)
        if box is None:
            return ViewChanges((), (), since, 0, gone=True)
        if box.highestmodseq <= since:
            return ViewChanges((), (), box.highestmodseq, box.uidnext)
        at = [mailspace, mailbox]
        expunged: tuple[int, ...] = ()
        if since:
            expunged = tuple(runs.uids(_fell(mailspace, mailbox, since, box.forgotten)))
        found = rows.select(
            "SELECT uid, message_id, flags, deleted, keywords, modseq FROM mailstore_placement"
            f" WHERE {_LIVE}" + (" AND modseq > %s" if since else " ORDER BY uid"),
            [*at, since] if since else at,
        )
        found.sort()
    view = tuple(
        ViewRow(uid, message, flags | DELETED if deleted else flags, tuple(keywords.split()), modseq)
        for uid, message, flags, deleted, keywords, modseq in found
    )
    return ViewChanges(view, expunged, box.highestmodseq, box.uidnext)


def changed_uids(mailspace: int, mailbox: int, since: int) -> Runs:
    """The UIDs that came or whose flags changed after modseq `since`, as runs."""
    found = rows.select(
        f"SELECT uid FROM mailstore_placement WHERE {_LIVE} AND modseq > %s", [mailspace, mailbox, since]
    )
    return runs.of(sorted(row[0] for row in found))


PLACED = {
    "uid": "p.uid",
    "message": "p.message_id",
    "flags": "p.flags",
    "deleted": "p.deleted",
    "keywords": "p.keywords",
    "modseq": "p.modseq",
    "internal_date": "p.internal_date",
    "saved_at": "p.saved_at",
    "size": "p.size",
}
COLUMNS = PLACED | {
    "sent_at": "m.sent_at",
    "envelope": "m.envelope",
    "bodystructure": "m.bodystructure",
    "body": "m.body",
    # NULL where it does not hold all that is asked of it; parser 1 kept fewer fields.
    "head": "CASE WHEN m.head_complete AND m.parsed_by >= 2 THEN m.head END",
    "email_id": "m.email_id",
    "thread": "m.thread_id",
    "blob": "m.blob_id",
    "prefix": "m.prefix",
    "subject": "m.subject",
    "snippet": "m.snippet",
}
_JOINED = "mailstore_placement p JOIN mailstore_message m ON m.id = p.message_id"


def fetch(mailspace: int, mailbox: int, uids: Sequence[int], columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Chosen columns (see COLUMNS) of the live messages with these UIDs, in UID order.

    Booleans may come as 0 and 1; "flags" is without \\Deleted, which is "deleted". Columns of PLACED alone are
    read without the messages' wide rows.
    """
    chosen = ", ".join(COLUMNS[column] for column in columns)
    tables = "mailstore_placement p" if PLACED.keys() >= set(columns) else _JOINED
    found: list[tuple[Any, ...]] = []
    for where, params, wanted in rows.uid_conditions(uids):
        also = ", p.uid" if wanted is not None else ""
        sql = f"""SELECT {chosen}{also} FROM {tables}
                   WHERE p.mailspace_id = %s AND p.mailbox_id = %s AND p.expunged_modseq IS NULL
                     AND {where} ORDER BY p.uid"""
        read = select_wide(sql, [mailspace, mailbox, *params])
        found += read if wanted is None else [row[:-1] for row in read if row[-1] in wanted]
    return found


def message_ids_at(mailspace: int, mailbox: int, uids: Sequence[int]) -> list[int]:
    """Message ids for UIDs, in UID order."""
    return [row[0] for row in fetch(mailspace, mailbox, uids, ("message",))]
