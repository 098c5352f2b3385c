"""How a message came to lie where it lies, from its placements and the journal.

A placement keeps when it was made, and the journal rows of that moment tell by which command and by whom: two
queries, whatever the size of the mailbox. Mail that was delivered has no journal row; its `verb` is empty. Reads
only; called for the web client's "Why is this here".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .errors import NoSuchMessage
from .models import Change, Placement

MOST_ROWS = 40  # journal rows of the few moments that are looked at


@dataclass(frozen=True, slots=True)
class Placed:
    """One placing. `left` are the mailboxes the message left in the same command; times in µs."""

    mailbox: int
    at: int
    verb: str = ""
    cause: str = ""
    session: str = ""
    actor: str = ""
    action: str = ""
    left: tuple[int, ...] = ()
    undoable: bool = False
    wake_at: int | None = None
    woken_at: int | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """`first` is how the message came into the mailspace, as far back as is kept; `places` where it lies now,
    the latest change first."""

    first: Placed
    places: tuple[Placed, ...]


def provenance(mailspace: int, message: int) -> Provenance:
    """Where a message lies and how it came there; NoSuchMessage when it was never placed here."""
    placements = list(
        Placement.objects.filter(mailspace_id=mailspace, message_id=message)
        .order_by("saved_at", "id")
        .values_list("mailbox_id", "uid", "saved_at", "expunged_modseq", "deleted", "wake_at", "woken_at")
    )
    if not placements:
        raise NoSuchMessage("That message is no longer here.")
    changes = list(
        Change.objects.filter(
            mailspace_id=mailspace, at__in=sorted({row[2] for row in placements}), is_open=False
        ).order_by("-id")[:MOST_ROWS]
    )

    def placed(row: tuple[int, int, int, int | None, bool, int | None, int | None]) -> Placed:
        mailbox, _uid, at, _gone, _deleted, wake_at, woken_at = row
        change = _placing(changes, message, mailbox, at)
        if change is None:
            return Placed(mailbox, at, wake_at=wake_at, woken_at=woken_at)
        removed = (place[0] for place in change.before.get("removed", ()) if place[2] == message)
        return Placed(
            mailbox,
            at,
            verb=change.verb,
            cause=change.cause,
            session=change.session,
            actor=change.actor,
            action=change.action,
            left=tuple(dict.fromkeys(removed)),
            undoable=not change.undone_by,
            wake_at=wake_at,
            woken_at=woken_at,
        )

    live = [placed(row) for row in placements if row[3] is None and not row[4]]
    return Provenance(placed(placements[0]), tuple(sorted(live, key=lambda each: -each.at)))


def _placing(changes: Iterable[Change], message: int, mailbox: int, at: int) -> Change | None:
    """The command that put the message there at that moment."""
    for change in changes:
        if change.at == at and any(
            place[0] == mailbox and place[2] == message for place in change.before.get("added", ())
        ):
            return change
    return None
