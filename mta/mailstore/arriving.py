"""What an answer does to its conversation as it arrives: wakes it when it sleeps, passes the Inbox when it is muted.

Called by `Door.store`, inside the delivery's transaction; one query for each answer.
"""

from __future__ import annotations

from typing import Any

from mta.values import MUTED, SNOOZED, Cause

from . import acts, keywords, rows, sql
from .changing import Changing
from .lines import ASIDE
from .live import Entry, Live, new_action
from .models import Mailbox

FILTER = Cause("filter", "muted conversation")


def meet(changing: Changing, thread: int, cause: Cause, *, stay_asleep: bool) -> bool:
    """Look at a conversation that is being answered: whether it is muted; one that is not wakes.

    `stay_asleep`: a muted one does not wake.
    """
    found = sql.select(
        "SELECT b.role, p.message_id, p.keywords FROM mailstore_message m"
        " JOIN mailstore_placement p ON p.mailspace_id = m.mailspace_id AND p.message_id = m.id"
        "  AND p.expunged_modseq IS NULL AND NOT p.deleted"
        " JOIN mailstore_mailbox b ON b.id = p.mailbox_id"
        " WHERE m.mailspace_id = %s AND m.thread_id = %s AND (p.keywords <> '' OR b.role = 'snoozed')",
        [changing.id, thread],
    )
    low = MUTED.lower()
    muted = any(low in keywords.split(words) for role, _, words in found if role not in ASIDE)
    asleep = [message for role, message, _ in found if role == SNOOZED]
    if asleep and not (muted and stay_asleep):
        box = changing.role(SNOOZED).id
        lives = [live for live in rows.of_messages(changing.id, asleep) if live.mailbox == box]
        acts.awaken(changing, changing.entry("wake", cause, new_action(), box), lives, woken_at=None)
    return muted


def pass_by(
    changing: Changing, message: Live, inbox: Mailbox, role: str, reasons: dict[str, Any]
) -> tuple[Mailbox, Entry]:
    """Where a message goes instead of the Inbox. For undo it is as if it had been moved from there."""
    sql.update("mailstore_message", message.message, {"reasons": sql.as_json(reasons)})
    entry = changing.entry("skip inbox", FILTER, new_action(), inbox.id)
    entry.removed.append([inbox.id, 0, message.message, 0, changing.now, None, None])
    return changing.role(role), entry
