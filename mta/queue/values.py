"""What travels between the queue and those who fill, empty and show it: small frozen values.

Never imports Django. Times are µs since the epoch, UTC; addresses are as `mta.message.address.parse_path`
returns them: the local part as written, the domain in lower case and A-labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# States of a recipient. The first four may still be tried; the others are settled.
HELD, QUEUED, DELIVERING, DEFERRED = "held", "queued", "delivering", "deferred"
DELIVERED, FAILED, EXPIRED, CANCELLED = "delivered", "failed", "expired", "cancelled"
# The sender let it go: before it arrived, or knowing that it will not. CANCELLED means that it never left.
GIVEN_UP = "given up"
WAITING = (HELD, QUEUED, DELIVERING, DEFERRED)
# µs, beyond every clock: what waits for its hour in a mailbox is due only when that hands it over.
PARKED = 10**18

# Kinds of an Outgoing: who put it there.
WEB, SUBMISSION, FORWARD, REPORT = "web", "submission", "forward", "report"


@dataclass(frozen=True, slots=True)
class NewRecipient:
    """A recipient to enqueue. `delivered_here` is for one whose copy is stored in the same transaction."""

    address: str
    delivered_here: bool = False
    notify: str = ""
    orcpt: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the sender wants to hear about one recipient (RFC 3461 §4.1, §4.2).

    `notify`: "NEVER", or of SUCCESS, FAILURE and DELAY, with commas; "" leaves it to us. `orcpt` in xtext.
    """

    notify: str = ""
    orcpt: str = ""

    @property
    def on_success(self) -> bool:
        return "SUCCESS" in self.notify

    def passed_on(self, *, alone: bool) -> Wish:
        """RFC 3461 §5.2.7: to one other address as it is; to several without SUCCESS, which is answered here."""
        if alone or not self.on_success:
            return self
        rest = ",".join(word for word in self.notify.split(",") if word != "SUCCESS")
        return Wish(rest or "NEVER", self.orcpt)


NO_WISH = Wish()


@dataclass(frozen=True, slots=True)
class Wishes:
    """What came beside an envelope: RET, ENVID (in xtext), the recipients' wishes, and when to send (µs)."""

    ret: str = ""
    envid: str = ""
    recipients: Mapping[str, Wish] = field(default_factory=dict)
    hold_until: int = 0

    def of(self, address: str) -> Wish:
        return self.recipients.get(address, NO_WISH)


@dataclass(frozen=True, slots=True)
class NewOutgoing:
    """A message to enqueue. `raw` has no Bcc field; `sender` is the envelope's, "" for <>."""

    kind: str
    sender: str
    raw: bytes
    recipients: tuple[NewRecipient, ...]
    mailspace: int | None = None
    message: int | None = None
    draft: int | None = None
    answered: int | None = None  # the message that this sending marked as answered or forwarded
    header_id: str = ""
    trace_id: str = ""
    utf8: bool = False
    ret: str = ""
    envid: str = ""
    not_before: int = 0
    parked: bool = False  # not due then by itself: `release` says when


@dataclass(frozen=True, slots=True)
class OutgoingInfo:
    """An Outgoing as those who deliver it see it; the bytes are fetched apart."""

    id: int
    kind: str
    sender: str
    mailspace: int | None
    message: int | None
    draft: int | None
    answered: int | None
    header_id: str
    trace_id: str
    size: int
    utf8: bool
    ret: str
    envid: str
    created_at: int
    not_before: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """A recipient that this worker, and no other, may try until `lease_until`."""

    id: int
    outgoing: int
    address: str
    domain: str
    attempts: int  # the one about to be made included
    claim: str
    lease_until: int
    expires_at: int
    warned_at: int | None
    notify: str
    orcpt: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one try of one recipient ended. `state` is DELIVERED, DEFERRED or FAILED.

    `reason` is a key of `mta.queue.reasons`; `remote` the host's name, `ip` its address, `tls` the
    protocol ("TLSv1.3") or ""; `code`, `enhanced` and `text` are the server's own words.
    """

    state: str
    reason: str
    code: int = 0
    enhanced: str = ""
    text: str = ""
    remote: str = ""
    ip: str = ""
    tls: str = ""
    started_at: int = 0
    reports: bool = False  # the other side took over the reports that were wished for (RFC 3461 §5.2.2)


@dataclass(frozen=True, slots=True)
class RecipientState:
    """A recipient as the sender sees it on the message in Sent; `said` is one plain sentence.

    `next_attempt` is set while another try is coming (or, in state "held", the first one).
    """

    address: str
    state: str
    said: str
    reason: str
    next_attempt: int | None
    attempts: int
    delivered_at: int | None
    remote: str
    tls: str
    code: int
    enhanced: str
    text: str
    outgoing: int
    finished_at: int | None = None  # when it was settled, whichever way


@dataclass(frozen=True, slots=True)
class AttemptInfo:
    """One line of a recipient's history."""

    address: str
    started_at: int
    ended_at: int
    state: str
    said: str
    code: int
    enhanced: str
    text: str
    remote: str
    ip: str
    tls: str
