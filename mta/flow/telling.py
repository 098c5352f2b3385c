"""What the trace tells of a message from outside: that it came, what was found, and where each copy went. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mta.flow.passage import Passage
from mta.flow.placement import Decision, Refusal
from mta.mailstore.service import Prepared
from mta.tracing import service as tracing
from mta.tracing.service import Event


def accepted(passage: Passage, prepared: Prepared, decided: Sequence[Decision]) -> list[Event]:
    message_id = prepared.facts.message_id
    events = [_arrived(passage, message_id), *_verified(passage, message_id)]
    for delivery, decision in zip(passage.deliveries, decided, strict=True):
        detail: dict[str, Any] = {"mailbox": decision.role, "reason": decision.reason}
        if delivery.verdict.score:
            detail["score"] = delivery.verdict.score
        event = _step(passage, tracing.PLACED, delivery.address, message_id, detail)
        events.append(replace(event, mailspace=delivery.mailspace))
    for forward in passage.forwards:
        detail = {"to": forward.target}
        events.append(_step(passage, tracing.FORWARDED, forward.address, message_id, detail))
    return events


def refused(passage: Passage, refusal: Refusal) -> list[Event]:
    """Somebody will ask where that mail is."""
    events = [_arrived(passage, ""), *_verified(passage, "")]
    detail = {"reply": f"{refusal.code} {refusal.enhanced} {refusal.text}", "reason": refusal.reason}
    for recipient in passage.arrival.recipients:
        events.append(_step(passage, tracing.REFUSED, recipient.address, "", detail))
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
        code = f"{each.result} ({each.domain})" if each.domain else each.result
        # Of what is refused nothing else is left to say why.
        found.setdefault(each.method, f"{code}: {each.reason}"[:300] if each.reason else code)
    if not found:
        return []
    event = Event(passage.trace_id, tracing.VERIFIED, passage.at, sender=passage.arrival.sender)
    return [replace(event, ip=passage.arrival.ip, message_id=message_id, detail=found)]


def _step(passage: Passage, kind: str, address: str, message_id: str, detail: dict[str, Any]) -> Event:
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
