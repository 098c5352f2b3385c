"""The end of sleep: snoozed conversations come back to the Inbox when their time has come, or when one answers.

What is due comes to the top of the Inbox, unread. An answer brings its conversation back as it is delivered: it is
itself unread, and on top. Run from the beat, and by `Door.store`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from mta.values import SNOOZED, Cause, now_us

from . import acts, rows, sql
from .door import Door
from .live import new_action
from .writer import commit

AT_ONCE = 500  # placements of all mailspaces
THREADS = 50
CAUSE = Cause("task", "snooze")


def wake_due(now: int | None = None) -> int:
    """Wake whatever is due; returns how many conversations."""
    moment = now_us() if now is None else now
    woken = 0
    while due := _due(moment):
        for mailspace, threads in due.items():
            action = new_action()
            for piece in rows.chunks(sorted(threads), THREADS):
                work = partial(_wake, mailspace=mailspace, threads=piece, now=moment, action=action)
                commit({mailspace}, work)
            woken += len(threads)
    return woken


def _due(moment: int) -> dict[int, set[int]]:
    """Mailspace → conversations; written out as the partial index has it."""
    found = sql.select(
        "SELECT p.mailspace_id, m.thread_id FROM mailstore_placement p"
        " JOIN mailstore_mailbox b ON b.id = p.mailbox_id AND b.role = 'snoozed'"
        " JOIN mailstore_message m ON m.id = p.message_id"
        " WHERE p.expunged_modseq IS NULL AND NOT p.deleted AND p.wake_at IS NOT NULL AND p.wake_at <= %s"
        " ORDER BY p.wake_at LIMIT %s",
        [moment, AT_ONCE],
    )
    due: dict[int, set[int]] = defaultdict(set)
    for mailspace, thread in found:
        due[mailspace].add(thread)
    return due


def _wake(door: Door, *, mailspace: int, threads: Sequence[int], now: int, action: str) -> None:
    changing = door[mailspace]
    lives = [live for live in rows.of_threads(mailspace, threads) if not live.deleted]
    asleep = changing.role(SNOOZED).id
    due = [live for live in lives if live.mailbox == asleep and (live.wake_at or now + 1) <= now]
    entry = changing.entry("wake", CAUSE, action, asleep)
    acts.awaken(changing, entry, due, woken_at=max(now, door.now) if due else None)
