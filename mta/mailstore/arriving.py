"""What happens as a message arrives, apart from storing it. An answer wakes its conversation when that sleeps, and
passes the Inbox when it is muted; a filter files it elsewhere, under labels, read.

Called by `Door.store`, inside the delivery's transaction; one query for each answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mta.values import ARCHIVE, MUTED, SNOOZED, Cause

from . import acts, keywords, rows, sql
from .changing import Changing
from .lines import ASIDE
from .live import Entry, Live, new_action
from .models import Mailbox

FILTER = Cause("filter", "muted conversation")


@dataclass(frozen=True, slots=True)
class Filing:
    """Where filters put a message, and how it looks there, in place of what it would be without them.

    `role` is "" for nowhere but under `labels` (of which those that are gone do not count; without any it is Archive).
    """

    role: str
    labels: tuple[int, ...]
    flags: int
    keywords: tuple[str, ...]
    verb: str
    cause: Cause


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


def file(
    changing: Changing,
    message: Live,
    plain: Mailbox,
    filing: Filing,
    *,
    before: tuple[int, str],
    muted: tuple[Mailbox, Entry] | None,
) -> tuple[Mailbox, int]:
    """Place a message where filters want it; the first place and its UID. For undo it is as if it had come to
    `plain` with the flags of `before`, and had then been filed."""
    entry = changing.entry(filing.verb, filing.cause, new_action(), plain.id)
    labels = [box for id_ in filing.labels if (box := changing.label(id_)) is not None]
    places: list[tuple[Mailbox, Entry | None]] = [(box, entry) for box in labels]
    main = filing.role or ("" if labels else ARCHIVE)
    if muted is not None:
        places.insert(0, muted)
    elif main == plain.role:
        places.insert(0, (plain, None))
    elif main:
        places.insert(0, (changing.role(main), entry))
    if main != plain.role and muted is None:
        entry.removed.append([plain.id, 0, message.message, 0, changing.now, None, None])
    if before != (message.flags, message.keywords):
        entry.flags[(*before, message.flags, message.keywords)].append(message.message)
        entry.threads.add(message.thread)
    uids = [changing.place([message], box, by, new=number == 0)[0] for number, (box, by) in enumerate(places)]
    return places[0][0], uids[0]
