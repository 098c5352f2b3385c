"""Where a message goes in a mailspace, and why, in words its reader will see. Pure: decides, never stores.

Called by `flow.receive` for each mailspace that a message reaches.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mta.message.address import Address
from mta.trust.verdict import Verdict
from mta.values import ARCHIVE, INBOX


@dataclass(frozen=True, slots=True)
class Decision:
    """A mailbox role and the reason. `flags` are values' bits, set from the first moment."""

    role: str
    reason: str
    flags: int = 0


def decide(verdict: Verdict, *, address: str) -> Decision:
    """A message for `address` with this verdict. Without evidence against it, mail belongs in the Inbox."""
    return Decision(role=INBOX, reason=f"Sent to {address}")


def when_muted(
    decision: Decision, *, address: str, to: Iterable[Address]
) -> tuple[str, dict[str, str]] | None:
    """Where an answer goes, and why, if its reader muted the conversation: past the Inbox, unless it is written
    to `address`, the reader, and not only sent there (as a copy, or through a list). None: as decided."""
    written_to = {one.email.lower() for one in to}
    if decision.role != INBOX or address.lower() in written_to:
        return None
    return ARCHIVE, {"placement": "The conversation is muted, and you are not in To", "muted": "yes"}
