"""How messages stand: the queue's rows as values, for those who sent them and those who look after the host.

Reads only. Asked through `mta.queue.service`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Min

from mta.queue.models import Attempt, Outgoing, QueuedRecipient
from mta.queue.reasons import said
from mta.queue.values import DELIVERING, PARKED, REPORT, AttemptInfo, RecipientState
from mta.values import now_us


@dataclass(frozen=True, slots=True)
class Depth:
    """Recipients that are not finished, by state; `late` in seconds."""

    states: dict[str, int]
    late: float


def states_for(
    mailspace: int, *, messages: Sequence[int] = (), header_ids: Sequence[str] = ()
) -> dict[int | str, tuple[RecipientState, ...]]:
    """How each recipient of a mailspace's sent messages stands, by message id or by Message-ID."""
    found: dict[int | str, list[RecipientState]] = {}
    sendings = Outgoing.objects.filter(mailspace_id=mailspace).exclude(kind=REPORT)
    keys: dict[int, int | str] = {}
    if messages:
        for id, message in sendings.filter(message__in=list(messages)).values_list("id", "message"):
            keys[id] = message or 0
    if header_ids:
        keys |= dict(sendings.filter(header_id__in=list(header_ids)).values_list("id", "header_id"))
    if not keys:
        return {}
    rows = QueuedRecipient.objects.filter(outgoing_id__in=list(keys)).order_by("id").values_list(*_STATE)
    for row in rows:
        state = _state(row)
        found.setdefault(keys[state.outgoing], []).append(state)
    return {key: tuple(states) for key, states in found.items()}


def depth(*, now: int | None = None) -> Depth:
    """How much waits, and how late the first of it is. One index, which has nothing but what waits."""
    now = now_us() if now is None else now
    waiting = QueuedRecipient.objects.filter(finished_at__isnull=True)
    first = waiting.filter(next_attempt__lt=PARKED).aggregate(Min("next_attempt"))["next_attempt__min"]
    states = dict(waiting.values_list("state").annotate(Count("id")).order_by())
    return Depth(states, max(0, now - first) / 1_000_000 if first is not None else 0.0)


def recipients(outgoing: int) -> tuple[RecipientState, ...]:
    """How each recipient of one Outgoing stands, in the order they were given."""
    rows = QueuedRecipient.objects.filter(outgoing_id=outgoing).order_by("id").values_list(*_STATE)
    return tuple(_state(row) for row in rows)


_STATE = (
    "outgoing_id", "address", "state", "reason", "next_attempt", "attempts", "delivered_at", "finished_at",
    "remote", "tls", "code", "enhanced", "text",
)  # fmt: skip


def _state(row: tuple[Any, ...]) -> RecipientState:
    outgoing, address, state, reason, next_attempt, attempts, delivered_at, finished_at = row[:8]
    remote, tls, code, enhanced, text = row[8:]
    return RecipientState(
        address=address,
        state=state,
        said=said(reason, address=address, state=state),
        reason=reason,
        next_attempt=next_attempt % PARKED if finished_at is None and state != DELIVERING else None,
        attempts=attempts,
        delivered_at=delivered_at,
        remote=remote,
        tls=tls,
        code=code,
        enhanced=enhanced,
        text=text,
        outgoing=outgoing,
        finished_at=finished_at,
    )


def attempts(outgoing: int) -> tuple[AttemptInfo, ...]:
    """Every try of one Outgoing's recipients, oldest first."""
    addresses = dict(QueuedRecipient.objects.filter(outgoing_id=outgoing).values_list("id", "address"))
    rows = Attempt.objects.filter(outgoing_id=outgoing).order_by("id").values_list(
        "recipient_id", "started_at", "ended_at", "state", "reason", "code", "enhanced", "text", "remote",
        "ip", "tls",
    )[:1000]  # fmt: skip
    return tuple(
        AttemptInfo(
            address=addresses.get(recipient, ""),
            started_at=started_at,
            ended_at=ended_at,
            state=state,
            said=said(reason, address=addresses.get(recipient, ""), state=state),
            code=code,
            enhanced=enhanced,
            text=text,
            remote=remote,
            ip=ip,
            tls=tls,
        )
        for recipient, started_at, ended_at, state, reason, code, enhanced, text, remote, ip, tls in rows
    )
