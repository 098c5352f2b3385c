"""Messages that wait in Scheduled for their hour: the placement there is the truth.

As long as a message lies in Scheduled with its moment (`wake_at`), it will be sent; whatever takes it out, over the
web or over IMAP, keeps it here, and an undo that brings it back brings the moment back with it. `mta.flow.scheduled`
asks what is due and hands it to the queue in the transaction that moves it to Sent. One without a moment stays until
its writer says what becomes of it.
"""

from __future__ import annotations

from mta.values import SCHEDULED, SENT

from . import rows, sql
from .changing import Changing
from .door import Door
from .live import Live, Stay

AT_ONCE = 100


def scheduled_due(now: int, *, limit: int = AT_ONCE) -> list[tuple[int, int]]:
    """(mailspace, message) of what lies in Scheduled and should go by now, the earliest first."""
    found = sql.select(
        "SELECT p.mailspace_id, p.message_id FROM mailstore_placement p"
        " JOIN mailstore_mailbox b ON b.id = p.mailbox_id AND b.role = 'scheduled'"
        " WHERE p.expunged_modseq IS NULL AND NOT p.deleted AND p.wake_at IS NOT NULL AND p.wake_at <= %s"
        " ORDER BY p.wake_at LIMIT %s",
        [now, limit],
    )
    return [(mailspace, message) for mailspace, message in found]


def is_scheduled(mailspace: int, message: int) -> int | None:
    """The moment (µs) at which a message in Scheduled goes, 0 if it has none; None when it does not lie there."""
    found = sql.select(
        "SELECT p.wake_at FROM mailstore_placement p"
        " JOIN mailstore_mailbox b ON b.id = p.mailbox_id AND b.role = 'scheduled'"
        " WHERE p.mailspace_id = %s AND p.message_id = %s AND p.expunged_modseq IS NULL AND NOT p.deleted",
        [mailspace, message],
    )
    return (found[0][0] or 0) if found else None


def leave_scheduled(door: Door, mailspace: int, message: int, *, now: int) -> bool:
    """Within the transaction that sends it: from Scheduled to Sent. False when it is not due there any more."""
    changing = door[mailspace]
    lives = rows.of_messages(mailspace, [message])
    due = _due(changing, lives, now)
    if not due:
        return False
    changing.expunge(due)
    sent = changing.role(SENT)
    if all(live.mailbox != sent.id for live in lives):
        changing.place(due, sent, stays=[Stay(woken_at=now)] * len(due))  # it stands there as of now
    return True


def stay_scheduled(door: Door, mailspace: int, message: int, *, now: int) -> bool:
    """What is due may not go: it stays there, without a moment. False when it is not due there any more."""
    changing = door[mailspace]
    due = _due(changing, rows.of_messages(mailspace, [message]), now)
    if not due:
        return False
    changing.expunge(due)
    changing.place(due, changing.role(SCHEDULED), stays=[Stay(saved_at=live.saved_at) for live in due])
    return True


def _due(changing: Changing, lives: list[Live], now: int) -> list[Live]:
    waiting = changing.role(SCHEDULED).id
    here = [live for live in lives if live.mailbox == waiting and not live.deleted]
    return here if here and here[0].wake_at is not None and here[0].wake_at <= now else []
