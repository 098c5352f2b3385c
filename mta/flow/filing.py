"""A copy for one mailspace, with what its filters make of it: stored, forwarded, answered, in the delivery's transaction.

Without filters it costs one comparison. Whatever `filtering` decided is done here: the journal names the filter, so
that Recent changes shows and undo takes it back; forwards and answers are rows of the queue. Called by `flow.receive`
and `flow.local`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mta import directory
from mta.correspondents import service as correspondents
from mta.directory import LocalTarget
from mta.filters import service as filters
from mta.filters.service import Plan
from mta.flow import filtering, placement, scanning, sealing
from mta.flow.filtering import Answer, Outcome
from mta.flow.placement import Decision
from mta.mailstore.service import Candidate, Door, Filing, Prepared, Tokens
from mta.message import trace
from mta.message.address import Address, BadAddress, canonical, split
from mta.message.build import Outgoing, build, new_message_id
from mta.message.encode import structured_field
from mta.message.text import html_to_text
from mta.queue import service as queue
from mta.queue.values import FORWARD, REPORT, NewOutgoing, NewRecipient
from mta.tracing import service as tracing
from mta.tracing.service import Event
from mta.trust.scanners import Envelope
from mta.trust.signing import sign
from mta.trust.verdict import NOTHING_KNOWN, Verdict
from mta.values import INBOX, QUARANTINE, Cause

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Copy:
    """A message on its way into one mailspace. `prefix` is put in front of it there, `received` before it leaves again."""

    mailspace: int
    address: str  # ours, that it was sent to
    sender: str  # the envelope's
    decision: Decision
    prepared: Prepared
    raw: bytes
    prefix: bytes
    received: bytes
    trace_id: str
    reasons: dict[str, Any]
    cause: Cause
    utf8: bool
    tokens: Tokens | None = None  # see `ahead`
    verdict: Verdict = NOTHING_KNOWN  # of who came from outside
    labels: tuple[int, ...] = ()  # that it gets besides those of filters
    ip: str = ""  # of who handed it in


def ahead(prepared: Prepared, mailspaces: Iterable[int]) -> Tokens | None:
    """Before the transaction: the words of a body, if rules of theirs, as last known here, ask for them.

    A long body takes 60 ms, in which nobody else could write.
    """
    if not any(filters.kept(mailspace).reads_body for mailspace in mailspaces):
        return None
    tokens = Tokens(prepared.facts.search_text)
    tokens.ordered("body")
    return tokens


def store(door: Door, copy: Copy) -> tuple[Decision, list[Event]]:
    """Store the copy; where it went in the end, and what the trace should tell besides."""
    plan = filters.in_force(door, copy.mailspace)
    if plan == filters.NOTHING:
        _put(door, copy, copy.decision)
        return copy.decision, []
    outcome = _decided(door, copy, plan)
    _put(door, copy, outcome.decision, outcome)
    filters.matched(copy.mailspace, [id_ for id_, _name in outcome.rules], at=door.now)
    events = _forward(copy, outcome, now=door.now)
    for answer in outcome.answers:
        events += _answer(copy, answer, now=door.now)
    return outcome.decision, events


def _decided(door: Door, copy: Copy, plan: Plan) -> Outcome:
    """What the filters say. Should they fail, the message arrives without them: no filter may keep mail out."""
    changing = door[copy.mailspace]
    hops = trace.count_received(copy.raw) if plan.targets else 0
    boxes = {role: changing.role(role).id for role in {INBOX, copy.decision.role} - {QUARANTINE}}
    try:
        return filtering.decide(
            plan,
            Candidate(copy.prepared.facts, copy.raw, prefix=copy.prefix, at=door.now, tokens=copy.tokens),
            decision=copy.decision,
            address=copy.address,
            sender=copy.sender,
            now=door.now,
            boxes=boxes,
            hops=hops,
            leads_back=lambda each: _leads_back(each, copy.mailspace),
        )
    except Exception:
        log.exception("filters of mailspace %d could not judge a message", copy.mailspace)
        return Outcome(copy.decision.role, copy.decision)


def _put(door: Door, copy: Copy, decision: Decision, outcome: Outcome | None = None) -> None:
    filing = None
    reasons = copy.reasons | {"placement": decision.reason}
    if outcome is not None and outcome.rules:
        reasons["rules"] = [[id_, name] for id_, name in outcome.rules]
    if copy.labels and (outcome is None or not outcome.changed):
        filing = Filing(decision.role, copy.labels, 0, (), "label", copy.cause)
    elif outcome is not None and outcome.changed:
        filing = Filing(
            role=decision.role,
            labels=(*outcome.labels, *copy.labels),
            flags=decision.flags & ~copy.decision.flags,
            keywords=outcome.keywords,
            verb=outcome.verb,
            cause=Cause("filter", session=outcome.by),
        )
    stored = door.store(
        copy.mailspace,
        copy.prepared,
        copy.decision.role,
        flags=copy.decision.flags,
        prefix=copy.prefix,
        trace_id=copy.trace_id,
        reasons=reasons,
        when_muted=placement.when_muted(decision, address=copy.address, to=copy.prepared.facts.to),
        cause=copy.cause,
        filing=filing,
    )
    if copy.verdict.unscanned:
        envelope = Envelope(copy.ip, "", copy.sender, (copy.address,))
        scanning.note(copy.mailspace, stored.message, copy.verdict, envelope)


# --- forwarding


def _forward(copy: Copy, outcome: Outcome, *, now: int) -> list[Event]:
    """One row of the queue for all of them, as for an alias: sealed, from a sender that bounces find back to."""
    targets = outcome.forwards
    if not targets:
        return []
    # So that it is known here should it come back; and by others who look at one of the two.
    seen = trace.delivered_to(copy.address) + structured_field("X-Loop", copy.address)
    domain = copy.address.rpartition("@")[2]
    seal = sealing.onward(copy.raw, copy.verdict, domain=domain, at=now)
    queue.enqueue(
        NewOutgoing(
            kind=FORWARD,
            sender=sealing.sender(copy.sender, domain=domain, at=now),
            raw=seal + copy.received + seen + copy.raw,
            recipients=tuple(NewRecipient(target) for target in targets),
            header_id=copy.prepared.facts.message_id,
            trace_id=copy.trace_id,
            utf8=copy.utf8,
        ),
        now=now,
    )
    return [_event(copy, tracing.FORWARDED, now=now, detail={"to": target}) for target in targets]


def _leads_back(target: str, mailspace: int) -> bool:
    """An address of ours that ends in the same mailbox."""
    found = directory.current().resolve(target).targets
    return any(isinstance(each, LocalTarget) and each.mailspace == mailspace for each in found)


# --- answering


def _answer(copy: Copy, answer: Answer, *, now: int) -> list[Event]:
    """RFC 3834 §4: to the envelope's sender, from <>, once in so many days."""
    sender = _canonical(copy.sender)
    if not sender or (answer.only_known and not correspondents.knows(copy.mailspace, sender)):
        return []
    if _leads_back(sender, copy.mailspace):
        return []
    if not filters.may_answer(copy.mailspace, sender, rule=answer.rule, days=answer.days, at=now):
        return []
    author = _person(copy.address, directory.current().sender_name(copy.mailspace, copy.address))
    raw = written(copy.prepared, answer, author=author, to=copy.sender, at=now)
    queue.enqueue(
        NewOutgoing(
            kind=REPORT,  # nobody hears of it should it fail
            sender="",  # RFC 3834 §3.3: so that nothing can answer it
            raw=sign(raw, copy.address, at=now),
            recipients=(NewRecipient(copy.sender),),
            trace_id=copy.trace_id,
            utf8=not (copy.sender + copy.address).isascii(),
        ),
        now=now,
    )
    return [_event(copy, tracing.QUEUED, now=now, detail={"automatic reply to": copy.sender})]


def written(prepared: Prepared, answer: Answer, *, author: Address, to: str, at: int) -> bytes:
    """The automatic answer itself: marked as such (RFC 3834 §5), in the conversation (§3.1.5, §3.1.6), whose base
    subject it keeps (see message.parse)."""
    facts = prepared.facts
    parents = (facts.message_id,) if facts.message_id else ()
    return build(
        Outgoing(
            from_=author,
            to=(_person(to),),
            subject=answer.subject or f"Auto: {facts.subject}"[:500],
            text=answer.text or html_to_text(answer.html),
            html=answer.html or None,
            message_id=new_message_id(author.domain),
            date=datetime.fromtimestamp(at / 1_000_000, UTC),
            in_reply_to=facts.message_id,
            references=(*facts.references[-20:], *facts.in_reply_to[:1], *parents) if parents else (),
            extra_headers=(("Auto-Submitted", "auto-replied"), ("X-Auto-Response-Suppress", "All")),
        ),
        with_bcc=False,
    )


def _person(address: str, name: str = "") -> Address:
    local, domain = split(address)
    return Address(name, local, domain)


def _canonical(address: str) -> str:
    try:
        return canonical(address)
    except BadAddress:
        return ""


def _event(copy: Copy, kind: str, *, now: int, detail: dict[str, Any]) -> Event:
    return Event(
        trace_id=copy.trace_id,
        kind=kind,
        at=now,
        mailspace=copy.mailspace,
        sender=copy.sender,
        recipient=copy.address,
        domain=copy.address.rpartition("@")[2],
        message_id=copy.prepared.facts.message_id,
        detail=detail,
    )
