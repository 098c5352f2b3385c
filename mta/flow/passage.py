"""What a message from outside is, on its way in: its envelope, what each step found, and what became of it. Values.

Made by `serve.smtp` (`Arrival`), filled in by the steps of `flow.receive`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mta.directory import InboundPolicy, Target
from mta.flow.errors import Refused
from mta.flow.lists import Spread
from mta.flow.placement import Decision, Refusal
from mta.mailstore.service import Prepared
from mta.queue.values import Wishes
from mta.trust import greylist
from mta.trust.verdict import NOTHING_KNOWN, Verdict


class MailLoop(Exception):
    """The message has passed too many hosts to still be on its way somewhere."""


class ComeAgain(Refused):
    """The message is doubtful and its sender a stranger: whoever tries again in some minutes is believed."""

    def __init__(self) -> None:
        super().__init__(greylist.REPLY[2])
        self.code, self.enhanced = greylist.REPLY[:2]


class Unwanted(Refused):
    """None of its recipients wants it."""

    def __init__(self, refusal: Refusal, trace_id: str) -> None:
        super().__init__(f"{refusal.text} [{trace_id}]")
        self.code, self.enhanced = refusal.code, refusal.enhanced


@dataclass(frozen=True, slots=True)
class Recipient:
    """One accepted RCPT and whom it means here."""

    address: str
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message with its envelope, as the server took it. `sender` is '' for a bounce.

    `each`: every recipient has an answer of its own (LMTP, RFC 2033), so that who refuses it need not hold it.
    """

    raw: bytes
    sender: str
    recipients: tuple[Recipient, ...]
    client_name: str  # what it called itself
    ip: str
    hostname: str
    protocol: str  # ESMTP, ESMTPS … (RFC 3848)
    tls: str | None = None
    utf8: bool = False  # SMTPUTF8 was asked for (RFC 6531)
    wishes: Wishes = field(default_factory=Wishes)  # for reports (RFC 3461)
    each: bool = False
    trusted: bool = False  # its host's network is in LIMITS_EXEMPT: it is never asked to come again


@dataclass(frozen=True, slots=True)
class Delivery:
    """One copy: a mailspace it goes to, under which of our addresses, what is known of it there, and where it goes."""

    mailspace: int
    address: str
    verdict: Verdict
    decision: Decision
    mask: int = 0  # the masked address that it came through


@dataclass(frozen=True, slots=True)
class Forward:
    """An alias of ours that points outside: `address` is ours, `target` is not."""

    address: str
    target: str
    alone: bool = True  # the address leads nowhere else


@dataclass(frozen=True, slots=True)
class Passage:
    """What the steps hand on; each fills in its part."""

    arrival: Arrival
    trace_id: str = ""
    at: int = 0
    verdict: Verdict = NOTHING_KNOWN
    prepared: Prepared | None = None
    policies: Mapping[str, InboundPolicy] = field(default_factory=dict)  # domain → what it wants
    weighed: Mapping[int, Verdict] = field(default_factory=dict)  # mailspace → what is known of it there
    deliveries: tuple[Delivery, ...] = ()
    forwards: tuple[Forward, ...] = ()
    spread: Spread | None = None  # to distribution lists
    refused: Mapping[str, Refusal] = field(default_factory=dict)  # address → why; held unless all are

    def policy(self, address: str) -> InboundPolicy:
        """Of the domain of one of its addresses here."""
        return self.policies[address.rpartition("@")[2]]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The promise behind a 250. `refused` are those who do not want it, where each recipient has its own answer."""

    trace_id: str
    refused: Mapping[str, Refused] = field(default_factory=dict)
