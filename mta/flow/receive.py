"""Mail from outside, after its last dot: trace, weigh, place, store, answer.

Steps that pass one `Passage` along; what speaks for and against the message was found before (`flow.verify`). All
recipients are stored, or queued for where they are forwarded to, in one transaction; the answer exists only after that
commit. Whatever fails before it stores nothing, and the sender keeps the message. If nobody wants it, it is refused;
who alone does not has it held in the quarantine, since there is one answer for all. Never opens a socket; runs in a
thread, not in the event loop. Called by `serve.smtp`.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from django.conf import settings

from mta import directory, metrics
from mta.directory import InboundPolicy, ListTarget, LocalTarget, RemoteTarget, Target
from mta.flow import bounce, filing, heading, lists, onward, placement, telling, weighing
from mta.flow.filing import Copy
from mta.flow.lists import Posted
from mta.flow.passage import (
    Accepted,
    Arrival,
    ComeAgain,
    Delivery,
    Forward,
    MailLoop,
    Passage,
    Recipient,
    Unwanted,
)
from mta.flow.placement import Decision, Refusal
from mta.mailstore import service as mailstore
from mta.mailstore.service import Door, Prepared, Tokens, prepare
from mta.message import trace as trace_lines
from mta.queue import service as queue
from mta.tracing import service as tracing
from mta.trust import greylist, results, verdict
from mta.trust.verdict import NOTHING_KNOWN, Verdict
from mta.values import INBOX, QUARANTINE, Cause, now_us

# RFC 5321 §6.3: count Received lines, and take a number that no honest path reaches.
MOST_HOPS = 50


def receive(arrival: Arrival, verdict: Verdict = NOTHING_KNOWN) -> Future[Accepted]:
    """Take a message in. The future is done after the commit; MailLoop, Unwanted and ComeAgain are raised at once."""
    return store(place(weigh(trace(arrival, verdict))))


def trace(arrival: Arrival, verdict: Verdict = NOTHING_KNOWN) -> Passage:
    """Give the message its identity here, unless it is going round in circles."""
    if trace_lines.count_received(arrival.raw) > MOST_HOPS:
        raise MailLoop
    return Passage(arrival, trace_id=tracing.new_trace_id(), at=now_us(), verdict=verdict)


def weigh(passage: Passage) -> Passage:
    """Parse it, and see what each mailspace makes of it: what is spam for one is wanted by another."""
    arrival = passage.arrival
    # RFC 8601 §5: what others claim in our name goes before anybody could believe it.
    arrival = replace(arrival, raw=results.without_forged(arrival.raw, arrival.hostname))
    prepared = prepare(arrival.raw)
    targets = [target for recipient in arrival.recipients for target in recipient.targets]
    mailspaces = {target.mailspace for target in targets if isinstance(target, LocalTarget)}
    weighed: dict[int, Verdict] = {}
    if settings.INBOUND_CHECKS:
        weighed = weighing.weigh_all(prepared, arrival.raw, passage.verdict, mailspaces=sorted(mailspaces))
    return replace(passage, arrival=arrival, prepared=prepared, weighed=weighed)


def place(passage: Passage) -> Passage:
    """Each mailspace gets one copy, under the first of its addresses; each outside target one, too.

    Raises Unwanted if none of them is to have it, ComeAgain if all of them are in doubt.
    """
    deliveries: dict[int, Delivery] = {}
    forwards: dict[str, Forward] = {}
    refused: dict[str, Refusal] = {}
    passage = replace(passage, policies=_policies(passage.arrival.recipients))
    for recipient in passage.arrival.recipients:
        policy = passage.policy(recipient.address)
        for target in recipient.targets:
            match target:
                case RemoteTarget(address=outside):
                    refusal = placement.not_onward(passage.verdict, policy=policy)
                    if refusal is not None:
                        refused[recipient.address] = refusal
                    if refusal is None or not passage.arrival.each:
                        forward = Forward(recipient.address, outside, len(recipient.targets) == 1)
                        forwards.setdefault(outside, forward)
                case LocalTarget(mailspace, address, mask) if mailspace not in deliveries:
                    verdict = passage.weighed.get(mailspace, passage.verdict)
                    decision = placement.decide(verdict, address=address, policy=policy)
                    if isinstance(decision, Refusal):
                        refused[recipient.address] = decision
                        if passage.arrival.each:
                            continue
                        decision = decision.instead
                    deliveries[mailspace] = Delivery(mailspace, address, verdict, decision, mask)
    passage = _to_lists(
        replace(
            passage,
            deliveries=tuple(deliveries.values()),
            forwards=tuple(forwards.values()),
            refused=refused,
        )
    )
    if passage.arrival.each:
        passage = replace(passage, refused=_by_all(passage))
    _want(passage)
    if _must_wait(passage):
        raise ComeAgain
    return passage


def _policies(recipients: Sequence[Recipient]) -> dict[str, InboundPolicy]:
    """What the recipients' domains want: asked once for each, not for each of hundreds of recipients."""
    addresses = [recipient.address for recipient in recipients]
    targets = [target for recipient in recipients for target in recipient.targets]
    addresses += [target.address for target in targets if isinstance(target, LocalTarget)]
    domains = dict.fromkeys(address.rpartition("@")[2] for address in addresses)
    return {domain: directory.current().inbound_policy(domain) for domain in domains}


def _to_lists(passage: Passage) -> Passage:
    """What becomes of it at distribution lists; a list that does not take it refuses for its address."""
    arrival = passage.arrival
    named = {
        target: recipient.address
        for recipient in arrival.recipients
        for target in recipient.targets
        if isinstance(target, ListTarget)
    }
    if not named:
        return passage
    judged = passage.verdict
    if settings.INBOUND_CHECKS and passage.prepared is not None and (owners := lists.judges(named)):
        seen = weighing.weigh_all(passage.prepared, arrival.raw, passage.verdict, mailspaces=owners)
        judged = min(seen.values(), key=lambda each: each.score)
    posted = Posted(
        arrival.raw,
        arrival.sender,
        judged,
        trace_id=passage.trace_id,
        at=passage.at,
        received=heading.received(passage, next(iter(named.values()))),
        utf8=arrival.utf8,
        ip=arrival.ip,
    )
    spread = lists.spread(named, posted, hold=not arrival.each)
    refused = {
        named[target]: Refusal(why.code, why.enhanced, why.text, why.text) for target, why in spread.refused
    }
    return replace(passage, spread=spread, refused={**passage.refused, **refused})


def _by_all(passage: Passage) -> dict[str, Refusal]:
    """The refusals of addresses that nobody behind took it for: what an alias's other targets have is not refused."""
    mailspaces = {delivery.mailspace for delivery in passage.deliveries}
    outside = {forward.target for forward in passage.forwards}
    unwilling = {target for target, _why in passage.spread.refused} if passage.spread is not None else set()

    def took(target: Target) -> bool:
        match target:
            case LocalTarget(mailspace=mailspace):
                return mailspace in mailspaces
            case RemoteTarget(address=address):
                return address in outside
            case _:
                return target not in unwilling

    return {
        recipient.address: passage.refused[recipient.address]
        for recipient in passage.arrival.recipients
        if recipient.address in passage.refused and not any(map(took, recipient.targets))
    }


def _want(passage: Passage) -> None:
    """Raises Unwanted if all refuse, or if a copy of it would have to leave the house again: nothing that was
    accepted may end nowhere, and nothing bad is sent on in our name."""
    refused = passage.refused
    if not refused:
        return
    leaving = {forward.address for forward in passage.forwards} & set(refused)
    if leaving or len(refused) == len(passage.arrival.recipients):
        address = min(leaving) if leaving else min(refused)
        events = telling.refused(passage, refused[address])
        mailstore.submit([], lambda _door: tracing.record(events))
        raise Unwanted(refused[address], passage.trace_id)


def _must_wait(passage: Passage) -> bool:
    """Whether every copy is doubtful, in domains that ask such senders to come again, and this is the first time."""
    arrival = passage.arrival
    if arrival.trusted or not passage.deliveries or passage.forwards or passage.spread is not None:
        return False
    for delivery in passage.deliveries:
        policy = passage.policy(delivery.address)
        if not policy.greylist or not greylist.doubtful(delivery.verdict, junk_at=policy.junk_at):
            return False
    waits = [
        greylist.wait(arrival.ip, arrival.sender, each.address, passage.at) for each in passage.deliveries
    ]
    return any(waits)


def store(passage: Passage) -> Future[Accepted]:
    """Everything in one transaction of the writer's; large bytes are written once, before it."""
    arrival = passage.arrival
    prepared = passage.prepared or prepare(arrival.raw)
    tokens = filing.ahead(prepared, [delivery.mailspace for delivery in passage.deliveries])
    confirmed = _confirmation(passage, prepared)
    outgoing = onward.letters(passage, prepared)
    placed: list[str] = []

    def work(door: Door) -> Accepted:
        filed = [filing.store(door, _copy(passage, each, prepared, tokens)) for each in passage.deliveries]
        for each in outgoing:
            queue.enqueue(each)
        if confirmed is not None:
            confirmed.store(door)
        for mask in {delivery.mask for delivery in passage.deliveries} - {0}:
            directory.current().mask_used(mask, at=door.now)
        events = telling.accepted(passage, prepared, [decision for decision, _more in filed])
        events += [each for _decision, more in filed for each in more]
        if passage.spread is not None:
            have = {delivery.mailspace for delivery in passage.deliveries}
            events += lists.store(door, passage.spread, cause=_cause(arrival), taken=have)
        tracing.record(events)
        placed[:] = [decision.role for decision, _more in filed]
        return answer(passage)

    mailspaces = [delivery.mailspace for delivery in passage.deliveries]
    if passage.spread is not None:
        mailspaces += [each for each in passage.spread.mailspaces if each not in mailspaces]
    if confirmed is not None:
        mailspaces += [mailspace for mailspace in confirmed.mailspaces if mailspace not in mailspaces]
    stored = mailstore.submit(mailspaces, work)
    stored.add_done_callback(lambda done: _count(done, placed))
    return stored


def _count(done: Future[Accepted], placed: Sequence[str]) -> None:
    if not done.cancelled() and done.exception() is None:
        for role in placed:
            metrics.PLACED.labels(role or "label").inc()


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
    received = heading.received(passage, delivery.address)
    return Copy(
        mailspace=delivery.mailspace,
        address=delivery.address,
        sender=arrival.sender,
        decision=delivery.decision,
        prepared=prepared,
        raw=arrival.raw,
        prefix=heading.prefix(passage, delivery.address, received),
        received=received,
        trace_id=passage.trace_id,
        reasons=_reasons(delivery.verdict, delivery.decision),
        cause=_cause(arrival),
        utf8=arrival.utf8,
        tokens=tokens,
        verdict=passage.verdict,
        ip=arrival.ip,
    )


def _cause(arrival: Arrival) -> Cause:
    return Cause("smtp", session=f"{arrival.client_name} [{arrival.ip}]")


def _reasons(found: Verdict, decision: Decision) -> dict[str, Any]:
    """What the reader is told later: why it lies there and, when something was looked at, what was found."""
    evidence = verdict.written(found)
    held = {"held": placement.kind_held(found, decision)} if decision.role == QUARANTINE else {}
    return {"placement": decision.reason} | held | ({"evidence": evidence} if evidence else {})
