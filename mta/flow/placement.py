"""Where a message goes in a mailspace, and why, in words its reader will see. Pure: decides, never stores.

`decide` takes what is known of the message (`trust.verdict`) and what the recipient's domain wants done with doubtful
mail. What must not be taken is a `Refusal`; should it have been taken already, for another recipient's sake, `instead`
holds it. Called by `flow.receive` for each mailspace that a message reaches.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mta.directory import InboundPolicy
from mta.message.address import Address
from mta.trust.verdict import Verdict
from mta.values import ARCHIVE, INBOX, JUNK, QUARANTINE

STRONG = 1.5  # points of a finding that says enough by itself


@dataclass(frozen=True, slots=True)
class Decision:
    """A mailbox role and the reason. `flags` are values' bits, set from the first moment. `for_score`: it is in Junk
    or held for its points alone, which a filter of the reader's may overrule ("never spam")."""

    role: str
    reason: str
    flags: int = 0
    for_score: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """The message is not taken for this recipient. `text` goes to the sending host, `reason` to the reader if it
    was taken all the same."""

    code: int
    enhanced: str
    text: str
    reason: str

    @property
    def instead(self) -> Decision:
        return Decision(QUARANTINE, self.reason)


def decide(verdict: Verdict, *, address: str, policy: InboundPolicy) -> Decision | Refusal:
    """A message for `address` with this verdict. Without evidence against it, mail belongs in the Inbox."""
    if verdict.virus:
        return Decision(QUARANTINE, f"A virus scanner found “{verdict.virus}” in it")
    if verdict.policy == "reject":
        return _forged(verdict, policy)
    score = verdict.score
    if score >= policy.refuse_at:
        reason = _against(verdict)
        if policy.hold_spam:
            return Decision(QUARANTINE, reason, for_score=True)
        # RFC 7505 §4.2, RFC 3463 §3.8: a matter of policy, and of what is in it.
        return Refusal(550, "5.7.1", "This message looks too much like spam to be taken", reason)
    if verdict.policy == "quarantine":
        asks = f"{_claimed(verdict)} does not vouch for it, and asks for such mail to be treated as spam"
        return Decision(JUNK, asks)
    if score >= policy.junk_at:
        return Decision(JUNK, _against(verdict), for_score=True)
    return from_here(address)


def kind_held(verdict: Verdict, decision: Decision) -> str:
    """What held it, in a word for pages: "virus", "forged" or "spam"."""
    if verdict.virus:
        return "virus"
    return "spam" if decision.for_score or verdict.policy != "reject" else "forged"


def from_here(address: str) -> Decision:
    """A message for `address` from one of our own people, who signed in to send it."""
    return Decision(INBOX, f"Sent to {address}")


def not_onward(verdict: Verdict, *, policy: InboundPolicy) -> Refusal | None:
    """Why a message may not be sent on to another host, which would count it against ours; None if it may."""
    if verdict.virus:
        reason = f"A virus scanner found “{verdict.virus}” in it"
        return Refusal(550, "5.7.1", f"{reason}; it is not sent on", reason)
    decision = decide(verdict, address="", policy=replace(policy, hold_spam=False, hold_forged=False))
    return decision if isinstance(decision, Refusal) else None


def _forged(verdict: Verdict, policy: InboundPolicy) -> Decision | Refusal:
    name = _claimed(verdict)
    reason = f"It says that it is from {name}, and {name} says that such mail is not its own"
    if policy.hold_forged:
        return Decision(QUARANTINE, reason)
    # RFC 7372 §3.2 has 5.7.26 for several checks that failed together, which is what DMARC says.
    text = f"{name} asks for mail that it does not vouch for to be refused (DMARC)"
    return Refusal(550, "5.7.26", text, reason)


def _claimed(verdict: Verdict) -> str:
    """The domain that it says it is from; of several, or where From can be read in two ways, the one that asks."""
    judged = verdict.of("dmarc")
    return verdict.author or (judged.domain if judged else "") or "its sender"


def _against(verdict: Verdict) -> str:
    """The finding that weighs most, in its own words; or that it is many small ones."""
    worst = max(verdict.evidence, key=lambda each: each.score, default=None)
    if worst is None or not worst.reason or worst.score < STRONG:
        return "Many small signs of spam come together"
    return worst.reason.rstrip(".").removeprefix("It looks like spam: ")


def when_muted(
    decision: Decision, *, address: str, to: Iterable[Address]
) -> tuple[str, dict[str, str]] | None:
    """Where an answer goes, and why, if its reader muted the conversation: past the Inbox, unless it is written
    to `address`, the reader, and not only sent there (as a copy, or through a list). None: as decided."""
    written_to = {one.email.lower() for one in to}
    if decision.role != INBOX or address.lower() in written_to:
        return None
    return ARCHIVE, {"placement": "The conversation is muted, and you are not in To", "muted": "yes"}
