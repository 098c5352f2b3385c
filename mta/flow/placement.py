"""Where a message goes in a mailspace, and why, in words its reader will see. Pure: decides, never stores.

Called by `flow.receive` for each mailspace that a message reaches.
"""

from __future__ import annotations

from dataclasses import dataclass

from mta.trust.verdict import Verdict
from mta.values import INBOX


@dataclass(frozen=True, slots=True)
class Decision:
    """A mailbox role and the reason. `flags` are values' bits, set from the first moment."""

    role: str
    reason: str
    flags: int = 0


def decide(verdict: Verdict, *, address: str) -> Decision:
    """A message for `address` with this verdict. Without evidence against it, mail belongs in the Inbox."""
    return Decision(role=INBOX, reason=f"Sent to {address}")
