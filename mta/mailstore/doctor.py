"""Recomputes everything the store keeps for a mailspace and says what differs. Changes nothing.

Most looks are one query for rows that must not be; the rest walks in chunks, so that a mailspace of any size
takes little memory. `recount` compares list lines, index and bytes. Reads one state of the database: where
mail is written meanwhile, nothing half-done is seen.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice, pairwise

from . import recount, rows, runs
from .models import Mailspace
from .threads import CLOSES_AT

SHOWN = 50  # of each kind

# Placements of nothing, or nowhere: what follows needs whole rows.
_DANGLING = {
    "placement {} lies in mailbox {}, which is not there": """
        SELECT p.id, p.mailbox_id FROM mailstore_placement p WHERE p.mailspace_id = %s AND NOT EXISTS (
               SELECT 1 FROM mailstore_mailbox b WHERE b.mailspace_id = p.mailspace_id AND b.id = p.mailbox_id)""",
    "placement {} is of message {}, which is not there": """
        SELECT p.id, p.message_id FROM mailstore_placement p
         WHERE p.mailspace_id = %s AND (p.expunged_modseq IS NULL OR p.message_id > 0) AND NOT EXISTS (
               SELECT 1 FROM mailstore_message m WHERE m.id = p.message_id AND m.mailspace_id = p.mailspace_id)""",
    "placement {} lies in removed mailbox {}": """
        SELECT p.id, p.mailbox_id FROM mailstore_mailbox b JOIN mailstore_placement p
            ON p.mailspace_id = b.mailspace_id AND p.mailbox_id = b.id AND p.expunged_modseq IS NULL
         WHERE b.mailspace_id = %s AND b.deleted_at IS NOT NULL""",
}

_WRONG = {
    # --- counts
    "usage kept {} in {}, counted {} in {}": """
        SELECT s.used_bytes, s.messages, c.used, c.number FROM mailstore_mailspace s,
               (SELECT COALESCE(SUM(m.size), 0) AS used, COUNT(*) AS number FROM mailstore_message m
                 WHERE m.mailspace_id = %s AND EXISTS (SELECT 1 FROM mailstore_placement p
                       WHERE p.mailspace_id = m.mailspace_id AND p.message_id = m.id
                         AND p.expunged_modseq IS NULL)) c
         WHERE s.id = %s AND (s.used_bytes <> c.used OR s.messages <> c.number)""",
    "{}: kept messages, unseen, recent, deleted, bytes {} {} {} {} {}, counted {} {} {} {} {}": """
        SELECT * FROM (
            SELECT b.name, b.messages, b.unseen, b.recent, b.deleted, b.size, COUNT(p.id) AS n,
                   COALESCE(SUM(CASE WHEN p.flags & 1 = 0 THEN 1 ELSE 0 END), 0) AS u,
                   COALESCE(SUM(CASE WHEN p.uid >= b.recent_uid THEN 1 ELSE 0 END), 0) AS r,
                   COALESCE(SUM(CASE WHEN p.deleted THEN 1 ELSE 0 END), 0) AS d, COALESCE(SUM(p.size), 0) AS s
              FROM mailstore_mailbox b LEFT JOIN mailstore_placement p
                ON p.mailspace_id = b.mailspace_id AND p.mailbox_id = b.id AND p.expunged_modseq IS NULL
             WHERE b.mailspace_id = %s
             GROUP BY b.id, b.name, b.messages, b.unseen, b.recent, b.deleted, b.size) c
         WHERE messages <> n OR unseen <> u OR recent <> r OR deleted <> d OR size <> s""",
    "placement {} does not say what its message {} says": """
        SELECT p.id, m.id FROM mailstore_message m JOIN mailstore_placement p
            ON p.mailspace_id = m.mailspace_id AND p.message_id = m.id AND p.expunged_modseq IS NULL
         WHERE m.mailspace_id = %s AND (p.flags <> m.flags OR p.keywords <> m.keywords OR p.size <> m.size
               OR p.internal_date <> m.internal_date)""",
    # --- numbers
    "{}: UID {} is not below UIDNEXT {}": """
        SELECT b.name, MAX(p.uid), b.uidnext FROM mailstore_mailbox b JOIN mailstore_placement p
            ON p.mailspace_id = b.mailspace_id AND p.mailbox_id = b.id
         WHERE b.mailspace_id = %s GROUP BY b.id, b.name, b.uidnext HAVING MAX(p.uid) >= b.uidnext""",
    "{}: a modseq of {} is above HIGHESTMODSEQ {}": """
        SELECT b.name, MAX(p.modseq), b.highestmodseq FROM mailstore_mailbox b JOIN mailstore_placement p
            ON p.mailspace_id = b.mailspace_id AND p.mailbox_id = b.id
         WHERE b.mailspace_id = %s GROUP BY b.id, b.name, b.highestmodseq HAVING MAX(p.modseq) > b.highestmodseq""",
    "tombstone {} of UID {} has modseq {}, fell at modseq {}": """
        SELECT id, uid, modseq, expunged_modseq FROM mailstore_placement
         WHERE mailspace_id = %s AND expunged_modseq IS NOT NULL
           AND (modseq <> expunged_modseq OR expunged_at IS NULL)""",
    "{}: HIGHESTMODSEQ {} is above the clock {}": """
        SELECT b.name, b.highestmodseq, s.clock FROM mailstore_mailbox b
          JOIN mailstore_mailspace s ON s.id = b.mailspace_id
         WHERE b.mailspace_id = %s AND b.highestmodseq > s.clock""",
    "{}: recent from UID {}, above UIDNEXT {}": """
        SELECT name, recent_uid, uidnext FROM mailstore_mailbox WHERE mailspace_id = %s AND recent_uid > uidnext""",
    "{}: UIDVALIDITY {} is not its own": """
        SELECT b.name, b.uidvalidity FROM mailstore_mailbox b JOIN mailstore_mailspace s ON s.id = b.mailspace_id
         WHERE b.mailspace_id = %s AND (b.uidvalidity > s.last_uidvalidity OR EXISTS (
               SELECT 1 FROM mailstore_mailbox o WHERE o.mailspace_id = b.mailspace_id AND o.id <> b.id
                  AND o.uidvalidity = b.uidvalidity))""",
    # --- conversations
    "thread {}: kept {} messages, counted {}": """
        SELECT t.id, t.messages, COUNT(m.id) FROM mailstore_thread t LEFT JOIN mailstore_message m
            ON m.mailspace_id = t.mailspace_id AND m.thread_id = t.id
         WHERE t.mailspace_id = %s GROUP BY t.id, t.messages HAVING t.messages <> COUNT(m.id)""",
    "message {} is of thread {}, which is not there": """
        SELECT m.id, m.thread_id FROM mailstore_message m WHERE m.mailspace_id = %s AND NOT EXISTS (
               SELECT 1 FROM mailstore_thread t WHERE t.id = m.thread_id AND t.mailspace_id = m.mailspace_id)""",
    "thread {} of {} messages is open or closed, and should be the other": f"""
        SELECT id, messages FROM mailstore_thread
         WHERE mailspace_id = %s AND is_open <> (messages < {CLOSES_AT})""",
    "thread row of thread {}, which is not there": """
        SELECT r.thread_id FROM mailstore_threadrow r WHERE r.mailspace_id = %s AND NOT EXISTS (
               SELECT 1 FROM mailstore_thread t WHERE t.id = r.thread_id AND t.mailspace_id = r.mailspace_id)""",
    # --- drafts
    "draft {} names message {}, which is not there": """
        SELECT d.id, d.message FROM mailstore_draft d WHERE d.mailspace_id = %s AND d.message IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM mailstore_message m
                            WHERE m.id = d.message AND m.mailspace_id = d.mailspace_id)""",
    "draft {} is {}, and its form in Drafts says otherwise": """
        SELECT d.id, d.state FROM mailstore_draft d
         WHERE d.mailspace_id = %s AND d.message IS NOT NULL AND (d.state = 'open') <> EXISTS (
               SELECT 1 FROM mailstore_placement p JOIN mailstore_mailbox b ON b.id = p.mailbox_id
                WHERE p.mailspace_id = d.mailspace_id AND p.message_id = d.message
                  AND p.expunged_modseq IS NULL AND b.role = 'drafts')""",
    "placement {} sleeps until {}, and lies neither in Snoozed nor in Scheduled": """
        SELECT p.id, p.wake_at FROM mailstore_placement p JOIN mailstore_mailbox b ON b.id = p.mailbox_id
         WHERE p.mailspace_id = %s AND p.wake_at IS NOT NULL AND p.expunged_modseq IS NULL
           AND b.role NOT IN ('snoozed', 'scheduled')""",
    # --- commands
    "command {} ({}): kept {} rows of the journal and {} undone, counted {} and {}": """
        SELECT a.action, a.verb, a.changes, a.undone, COUNT(c.id), SUM(CASE WHEN c.undone_by <> '' THEN 1 ELSE 0 END)
          FROM mailstore_action a JOIN mailstore_change c ON c.mailspace_id = a.mailspace_id AND c.action = a.action
         WHERE a.mailspace_id = %s AND NOT a.is_open GROUP BY a.id, a.action, a.verb, a.changes, a.undone
        HAVING COUNT(c.id) > a.changes OR (COUNT(c.id) = a.changes
               AND SUM(CASE WHEN c.undone_by <> '' THEN 1 ELSE 0 END) <> a.undone)""",
    "the journal's command {} has no line": """
        SELECT DISTINCT c.action FROM mailstore_change c WHERE c.mailspace_id = %s AND NOT EXISTS (
               SELECT 1 FROM mailstore_action a WHERE a.mailspace_id = c.mailspace_id AND a.action = c.action)""",
    "a {} began at modseq {} and was neither finished nor taken back": """
        SELECT c.verb, c.modseq FROM mailstore_change c
         WHERE c.mailspace_id = %s AND c.is_open AND c.at < (
               SELECT MAX(o.at) FROM mailstore_change o WHERE o.mailspace_id = c.mailspace_id) - 3600000000""",
}


def mailspaces() -> list[int]:
    """Every mailspace there is."""
    return list(Mailspace.objects.order_by("id").values_list("id", flat=True))


def differences(mailspace: int) -> list[str]:
    """What a recount finds different from what is kept; empty when the store is sound."""
    with rows.snapshot():
        found = list(_wrong(mailspace, _DANGLING))
        if found:
            return found
        looks: list[Callable[[int], Iterator[str]]] = [
            partial(_wrong, queries=_WRONG),
            _uids,
            recount.lines,
            recount.header_texts,
            recount.bytes_,
            recount.index,
            recount.header_words,
        ]
        return [text for look in looks for text in islice(look(mailspace), 10 * SHOWN)]


def _wrong(mailspace: int, queries: dict[str, str]) -> Iterator[str]:
    for text, query in queries.items():
        marks = [mailspace] * query.count("%s")
        for row in rows.select(f"{query} LIMIT {SHOWN}", marks):
            yield text.format(*row)


def _uids(mailspace: int) -> Iterator[str]:
    """Every UID below UIDNEXT is live, a tombstone, or among the compacted ones; none of them twice."""
    boxes = rows.select(
        """SELECT b.id, b.name, b.uidnext, b.highestmodseq, e.modseq, e.count, e.runs,
                  (SELECT COUNT(*) FROM mailstore_placement p
                    WHERE p.mailspace_id = b.mailspace_id AND p.mailbox_id = b.id)
             FROM mailstore_mailbox b LEFT JOIN mailstore_expungeduids e
               ON e.mailspace_id = b.mailspace_id AND e.mailbox_id = b.id
            WHERE b.mailspace_id = %s ORDER BY b.id""",
        [mailspace],
    )
    for id_, name, uidnext, highest, forgotten, kept, packed, placed in boxes:
        compact = runs.unpacked(bytes(packed or b""))
        if runs.count(compact) != (kept or 0):
            yield f"{name}: {kept} compacted UIDs kept, {runs.count(compact)} counted"
        if compact and (compact[-1][1] >= uidnext or forgotten > highest):
            yield f"{name}: the compacted UIDs go beyond UIDNEXT or HIGHESTMODSEQ"
        if any(left[1] + 1 >= right[0] for left, right in pairwise(compact)):
            yield f"{name}: the compacted UIDs are not in order"
        if placed + runs.count(compact) != uidnext - 1:
            yield f"{name}: {placed} placements and {runs.count(compact)} compacted UIDs below UIDNEXT {uidnext}"
        if compact:
            yield from _twice(mailspace, id_, name, compact)


def _twice(mailspace: int, mailbox: int, name: str, compact: runs.Runs) -> Iterator[str]:
    """Placements whose UID is among the compacted ones."""
    starts = [low for low, _ in compact]
    last = 0
    while True:
        found = rows.select(
            "SELECT uid FROM mailstore_placement WHERE mailspace_id = %s AND mailbox_id = %s AND uid > %s"
            " ORDER BY uid LIMIT 5000",
            [mailspace, mailbox, last],
        )
        for (uid,) in found:
            at = bisect_right(starts, uid)
            if at and compact[at - 1][1] >= uid:
                yield f"{name}: UID {uid} is a placement, and among the compacted ones"
        if not found:
            return
        last = found[-1][0]
