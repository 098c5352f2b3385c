"""Append, read back, and throw away trace events.

`record` is called inside the transaction that makes the event true (a writer's unit, a queue's result), so
a timeline never tells of something that did not happen. Never decides who may see what: `hosting.access`
passes the domains and mailspaces that a reader may know. Called by `flow`, `relay`, and the pages.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from mta.tracing.models import TraceEvent

RECEIVED, VERIFIED, PLACED, FORWARDED, QUEUED = "received", "verified", "placed", "forwarded", "queued"
ATTEMPTED, DELIVERED, BOUNCED, REFUSED, SUBMITTED = (
    "attempted",
    "delivered",
    "bounced",
    "refused",
    "submitted",
)


@dataclass(frozen=True, slots=True)
class Event:
    """One step. `at` is µs UTC; `domain` is the domain of ours that the step concerns ('' if none)."""

    trace_id: str
    kind: str
    at: int
    mailspace: int | None = None
    sender: str = ""
    recipient: str = ""
    domain: str = ""
    ip: str = ""
    message_id: str = ""
    size: int = 0
    detail: Mapping[str, Any] = field(default_factory=dict)


def new_trace_id() -> str:
    """26 letters and digits: sortable by time, not guessable, fit for a Received line and a URL."""
    moment = time.time_ns() // 1_000_000
    return (
        base64.b32hexencode(moment.to_bytes(6, "big") + secrets.token_bytes(10)).decode().rstrip("=").lower()
    )


def record(events: Iterable[Event]) -> None:
    """Append events; call it inside the transaction that they tell about."""
    rows = [_row(event) for event in events]
    if rows:
        # Plain SQL: this runs for every message, and the ORM would take longer than the database.
        with connection.cursor() as cursor:
            cursor.executemany(_INSERT, rows)


def timeline(trace_id: str) -> tuple[Event, ...]:
    """All steps of one message, oldest first."""
    return _events(TraceEvent.objects.filter(trace_id=trace_id).order_by("id"))


def search(
    *,
    sender: str = "",
    recipient: str = "",
    message_id: str = "",
    ip: str = "",
    kinds: Sequence[str] = (),
    domains: Sequence[str] | None = None,
    mailspaces: Sequence[int] | None = None,
    since: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> tuple[Event, ...]:
    """Newest first. `domains`/`mailspaces` cut to what the reader may know (None: no cut; both: either).

    For the next page pass the last row's `at` as `before`.
    """
    rows = TraceEvent.objects.all()
    exact = {"sender": sender.lower(), "recipient": recipient.lower(), "message_id": message_id, "ip": ip}
    rows = rows.filter(**{column: value for column, value in exact.items() if value})
    if kinds:
        rows = rows.filter(kind__in=list(kinds))
    if since is not None:
        rows = rows.filter(at__gte=since)
    if before is not None:
        rows = rows.filter(at__lt=before)
    return _events(_visible(rows, domains, mailspaces).order_by("-at", "-id")[: min(limit, 1000)])


def prune(before: int, *, limit: int = 5000) -> int:
    """Delete up to `limit` events older than `before` (µs); the number deleted, 0 when nothing is left."""
    ids = list(TraceEvent.objects.filter(at__lt=before).order_by("at").values_list("id", flat=True)[:limit])
    TraceEvent.objects.filter(id__in=ids).delete()
    return len(ids)


def _visible(
    rows: QuerySet[TraceEvent], domains: Sequence[str] | None, mailspaces: Sequence[int] | None
) -> QuerySet[TraceEvent]:
    if domains is None and mailspaces is None:
        return rows
    return rows.filter(Q(domain__in=list(domains or ())) | Q(mailspace_id__in=list(mailspaces or ())))


_COLUMNS = (
    "trace_id", "kind", "at", "mailspace_id", "sender", "recipient",
    "domain", "ip", "message_id", "size", "detail",
)  # fmt: skip
_INSERT = (
    f"INSERT INTO tracing_traceevent ({', '.join(_COLUMNS)}) VALUES ({', '.join(['%s'] * len(_COLUMNS))})"  # noqa: S608
)


def _row(event: Event) -> tuple[Any, ...]:
    return (
        event.trace_id,
        event.kind,
        event.at,
        event.mailspace,
        event.sender.lower()[:320],
        event.recipient.lower()[:320],
        event.domain[:255],
        event.ip[:45],
        event.message_id[:998],
        event.size,
        json.dumps(dict(event.detail)),
    )


def _events(rows: QuerySet[TraceEvent]) -> tuple[Event, ...]:
    return tuple(Event(*row) for row in rows.values_list(*_COLUMNS))
