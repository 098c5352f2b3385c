"""Mail from outside, after its last dot: trace, place, store, answer.

Steps that pass one `Passage` along; what speaks for and against the message was found before (`flow.verify`). All
recipients are stored, or queued for where they are forwarded to, in one transaction; the answer exists only after that
commit. Whatever fails before it stores nothing, and the sender keeps the message. If nobody wants it, it is refused;
who alone does not has it held in the quarantine, since there is one answer for all. Never opens a socket; runs in a
thread, not in the event loop. Called by `serve.smtp`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from mta import directory
from mta.directory import LocalTarget, RemoteTarget
from mta.flow import bounce, filing, placement
from mta.flow.errors import Refused
from mta.flow.filing import Copy
from mta.flow.placement import Decision, Refusal
from mta.mailstore import service as mailstore
from mta.mailstore.service import Door, Prepared, Tokens, prepare
from mta.message import trace as trace_lines
from mta.queue import service as queue
from mta.queue.values import FORWARD, NewOutgoing, NewRecipient, Wishes
from mta.tracing import service as tracing
from mta.tracing.service import Event
from mta.trust import verdict
from mta.trust.verdict import NOTHING_KNOWN, Verdict
from mta.values import INBOX, QUARANTINE, Cause, now_us

# RFC 5321 §6.3: count Received lines, and take a number that no honest path reaches.
MOST_HOPS = 50


class MailLoop(Exception):
    """The message has passed too many hosts to still be on its way somewhere."""


class Unwanted(Refused):
    """None of its recipients wants it."""

    def __init__(self, refusal: Refusal, trace_id: str) -> None:
        super().__init__(f"{refusal.text} [{trace_id}]")
        self.code, self.enhanced = refusal.code, refusal.enhanced


@dataclass(frozen=True, slots=True)
class Recipient:
    """One accepted RCPT and whom it means here."""

    address: str
    targets: tuple[LocalTarget | RemoteTarget, ...]


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


@dataclass(frozen=True, slots=True)
class Delivery:
    """One copy: a mailspace it goes to, under which of our addresses, what is known of it there, and where it goes."""

    mailspace: int
    address: str
    verdict: Verdict
    decision: Decision


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
    deliveries: tuple[Delivery, ...] = ()
    forwards: tuple[Forward, ...] = ()
    refused: Mapping[str, Refusal] = field(default_factory=dict)  # address → why; held unless all are


@dataclass(frozen=True, slots=True)
class Accepted:
    """The promise behind a 250. `refused` are those who do not want it, where each recipient has its own answer."""

    trace_id: str
    refused: Mapping[str, Refused] = field(default_factory=dict)


def receive(arrival: Arrival, verdict: Verdict = NOTHING_KNOWN) -> Future[Accepted]:
    """Take a message in. The future is done after the commit; MailLoop and Unwanted are raised at once."""
    return store(place(trace(arrival, verdict)))


def trace(arrival: Arrival, verdict: Verdict = NOTHING_KNOWN) -> Passage:
    """Give the message its identity here, unless it is going round in circles."""
    if trace_lines.count_received(arrival.raw) > MOST_HOPS:
        raise MailLoop
    return Passage(arrival, trace_id=tracing.new_trace_id(), at=now_us(), verdict=verdict)


def place(passage: Passage) -> Passage:
    """Each mailspace gets one copy, under the first of its addresses; each outside target one, too.

    Raises Unwanted if none of them is to have it.
    """
    deliveries: dict[int, Delivery] = {}
    forwards: dict[str, Forward] = {}
    refused: dict[str, Refusal] = {}
    for recipient in passage.arrival.recipients:
        policy = directory.current().inbound_policy(recipient.address.rpartition("@")[2])
        for target in recipient.targets:
            match target:
                case RemoteTarget(address=outside):
                    refusal = placement.not_onward(passage.verdict, policy=policy)
                    if refusal is not None:
                        refused[recipient.address] = refusal
                    if refusal is None or not passage.arrival.each:
                        forward = Forward(recipient.address, outside, len(recipient.targets) == 1)
                        forwards.setdefault(outside, forward)
                case LocalTarget(mailspace=mailspace, address=address) if mailspace not in deliveries:
                    decision = placement.decide(passage.verdict, address=address, policy=policy)
                    if isinstance(decision, Refusal):
                        refused[recipient.address] = decision
                        if passage.arrival.each:
                            continue
                        decision = decision.instead
                    deliveries[mailspace] = Delivery(mailspace, address, passage.verdict, decision)
    passage = replace(
        passage, deliveries=tuple(deliveries.values()), forwards=tuple(forwards.values()), refused=refused
    )
    _want(passage)
    return passage


def _want(passage: Passage) -> None:
    """Raises Unwanted if all refuse, or if a copy of it would have to leave the house again: nothing that was
    accepted may end nowhere, and nothing bad is sent on in our name."""
    refused = passage.refused
    if not refused:
        return
    onward = {forward.address for forward in passage.forwards} & set(refused)
    if onward or len(refused) == len(passage.arrival.recipients):
        address = min(onward) if onward else min(refused)
        _tell(passage, refused[address])
        raise Unwanted(refused[address], passage.trace_id)


def _tell(passage: Passage, refusal: Refusal) -> None:
    """Somebody will ask where that mail is."""
    events = [_arrived(passage, ""), *_verified(passage, "")]
    for recipient in passage.arrival.recipients:
        detail = {"reply": f"{refusal.code} {refusal.enhanced} {refusal.text}", "reason": refusal.reason}
        events.append(_event(passage, tracing.REFUSED, recipient.address, "", detail))
    mailstore.submit([], lambda _door: tracing.record(events))


def store(passage: Passage) -> Future[Accepted]:
    """Everything in one transaction of the writer's; large bytes are written once, before it."""
    prepared = prepare(passage.arrival.raw)
    tokens = filing.ahead(prepared, [delivery.mailspace for delivery in passage.deliveries])
    confirmed = _confirmation(passage, prepared)

    def work(door: Door) -> Accepted:
        filed = [filing.store(door, _copy(passage, each, prepared, tokens)) for each in passage.deliveries]
        if passage.forwards:
            _forward(passage, prepared)
        if confirmed is not None:
            confirmed.store(door)
        decided = [decision for decision, _more in filed]
        tracing.record(
            _events(passage, prepared, decided) + [each for _decision, more in filed for each in more]
        )
        return answer(passage)

    mailspaces = [delivery.mailspace for delivery in passage.deliveries]
    if confirmed is not None:
        mailspaces += [mailspace for mailspace in confirmed.mailspaces if mailspace not in mailspaces]
    return mailstore.submit(mailspaces, work)


def answer(passage: Passage) -> Accepted:
    if not passage.arrival.each:
        return Accepted(passage.trace_id)
    refused = {address: Unwanted(each, passage.trace_id) for address, each in passage.refused.items()}
    return Accepted(passage.trace_id, refused)


def _confirmation(passage: Passage, prepared: Prepared) -> bounce.Confirmation | None:
    """The report that mail has arrived, where its sender asked for one (RFC 3461 §5.2.5), and is who it says."""
    arrival = passage.arrival
    forged = (found := passage.verdict.of("spf")) is not None and found.result in {"fail", "softfail"}
    if forged or not any(wish.on_success for wish in arrival.wishes.recipients.values()):
        return None
    arrived = {delivery.mailspace for delivery in passage.deliveries if delivery.decision.role == INBOX}
    confirmed = [
        recipient.address
        for recipient in arrival.recipients
        if arrival.wishes.of(recipient.address).on_success
        and any(isinstance(each, LocalTarget) and each.mailspace in arrived for each in recipient.targets)
    ]
    return bounce.confirmation(
        confirmed,
        arrival.raw,
        sender=arrival.sender,
        wishes=arrival.wishes,
        header_id=prepared.facts.message_id,
        trace_id=passage.trace_id,
        at=passage.at,
    )


def _copy(passage: Passage, delivery: Delivery, prepared: Prepared, tokens: Tokens | None) -> Copy:
    arrival = passage.arrival
    received = _received(passage, delivery.address)
    return Copy(
        mailspace=delivery.mailspace,
        address=delivery.address,
        sender=arrival.sender,
        decision=delivery.decision,
        prepared=prepared,
        raw=arrival.raw,
        prefix=_prefix(passage, delivery.address, received),
        received=received,
        trace_id=passage.trace_id,
        reasons=_reasons(delivery.verdict, delivery.decision),
        cause=Cause("smtp", session=f"{arrival.client_name} [{arrival.ip}]"),
        utf8=arrival.utf8,
        tokens=tokens,
    )


def _reasons(found: Verdict, decision: Decision) -> dict[str, Any]:
    """What the reader is told later: why it lies there and, when something was looked at, what was found."""
    evidence = verdict.written(found)
    held = {"held": placement.kind_held(found, decision)} if decision.role == QUARANTINE else {}
    return {"placement": decision.reason} | held | ({"evidence": evidence} if evidence else {})


def _forward(passage: Passage, prepared: Prepared) -> None:
    """One row of the queue for all outside targets. The sender stays who it was (bounces go back there)."""
    queue.enqueue(
        NewOutgoing(
            kind=FORWARD,
            sender=passage.arrival.sender,
            raw=_received(passage, passage.forwards[0].address) + passage.arrival.raw,
            recipients=tuple(_onward(forward, passage.arrival.wishes) for forward in passage.forwards),
            header_id=prepared.facts.message_id,
            trace_id=passage.trace_id,
            utf8=passage.arrival.utf8,
            ret=passage.arrival.wishes.ret,
            envid=passage.arrival.wishes.envid,
        )
    )


def _onward(forward: Forward, wishes: Wishes) -> NewRecipient:
    wish = wishes.of(forward.address).passed_on(alone=forward.alone)
    return NewRecipient(forward.target, notify=wish.notify, orcpt=wish.orcpt)


def _prefix(passage: Passage, address: str, received: bytes) -> bytes:
    """RFC 5321 §4.4: Return-Path first, for final delivery; then who it was for, and our Received."""
    return b"".join(
        (
            trace_lines.return_path(passage.arrival.sender),
            trace_lines.delivered_to(address),
            passage.verdict.results,  # RFC 8601 §4: above what it speaks of
            received,
        )
    )


def _received(passage: Passage, address: str) -> bytes:
    arrival = passage.arrival
    # RFC 5321 §7.6: "for" only where it cannot tell one recipient of another.
    only = address if len(arrival.recipients) == 1 else None
    return trace_lines.received(
        arrival.client_name,
        arrival.ip,
        None,
        arrival.hostname,
        arrival.protocol,
        arrival.tls,
        passage.trace_id,
        only,
        passage.at,
    )


def _events(passage: Passage, prepared: Prepared, decided: Sequence[Decision]) -> list[Event]:
    message_id = prepared.facts.message_id
    events = [_arrived(passage, message_id), *_verified(passage, message_id)]
    for delivery, decision in zip(passage.deliveries, decided, strict=True):
        detail: dict[str, Any] = {"mailbox": decision.role, "reason": decision.reason}
        if delivery.verdict.score:
            detail["score"] = delivery.verdict.score
        event = _event(passage, tracing.PLACED, delivery.address, message_id, detail)
        events.append(replace(event, mailspace=delivery.mailspace))
    for forward in passage.forwards:
        detail = {"to": forward.target}
        events.append(_event(passage, tracing.FORWARDED, forward.address, message_id, detail))
    return events


def _arrived(passage: Passage, message_id: str) -> Event:
    arrival = passage.arrival
    return Event(
        trace_id=passage.trace_id,
        kind=tracing.RECEIVED,
        at=passage.at,
        sender=arrival.sender,
        ip=arrival.ip,
        message_id=message_id,
        size=len(arrival.raw),
        detail={"client": arrival.client_name, "protocol": arrival.protocol, "tls": arrival.tls or ""},
    )


def _verified(passage: Passage, message_id: str) -> list[Event]:
    """What was found, if anything was looked at."""
    found: dict[str, str] = {}
    for each in passage.verdict.evidence:
        found.setdefault(each.method, f"{each.result} ({each.domain})" if each.domain else each.result)
    if not found:
        return []
    event = Event(passage.trace_id, tracing.VERIFIED, passage.at, sender=passage.arrival.sender)
    return [replace(event, ip=passage.arrival.ip, message_id=message_id, detail=found)]


def _event(passage: Passage, kind: str, address: str, message_id: str, detail: dict[str, Any]) -> Event:
    """A step for one of our addresses."""
    return Event(
        trace_id=passage.trace_id,
        kind=kind,
        at=passage.at,
        sender=passage.arrival.sender,
        recipient=address,
        domain=address.rpartition("@")[2],
        message_id=message_id,
        detail=detail,
    )
