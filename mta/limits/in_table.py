"""Processes meet in two tables: one transaction for what is to be told, two queries for what is asked.

The upsert is the same text on SQLite and PostgreSQL. Rows go in in the order of their keys, so that two processes
never wait for each other in a circle. Called by the thread of `service`, about once a second, and only if there
is something to tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from django.db import connection, transaction
from django.db.models import Q, Sum

from mta.limits.ledger import HOLD_SECONDS, Totals
from mta.limits.models import Count, Hold
from mta.limits.rates import Slot

T = TypeVar("T")

_PIECE = 500

_ADD = """
INSERT INTO limits_count (key, number, n, until) VALUES (%s, %s, %s, %s)
ON CONFLICT (key, number) DO UPDATE SET n = limits_count.n + excluded.n
"""
_SET = """
INSERT INTO limits_hold (key, holder, n, until) VALUES (%s, %s, %s, %s)
ON CONFLICT (key, holder) DO UPDATE SET n = excluded.n, until = excluded.until
"""


class InTable:
    """The exchange of an installation without Redis."""

    def trade(
        self,
        counted: Mapping[Slot, int],
        held: Mapping[str, int],
        *,
        slots: Collection[Slot],
        keys: Collection[str],
        holder: str,
        now: float,
    ) -> Totals:
        if counted or held:
            self._tell(counted, held, holder=holder, now=now)
        totals = Totals()
        wanted = set(slots)
        for piece in _pieces(sorted({slot.key for slot in slots})):
            seconds = {slot.key: slot.seconds for slot in slots}
            rows = Count.objects.filter(key__in=piece, until__gt=now).values_list("key", "number", "n")
            for key, number, n in rows:
                slot = Slot(key, seconds[key], number)
                if slot in wanted:
                    totals.counts[slot] = n
        for piece in _pieces(sorted(keys)):
            others = Hold.objects.filter(key__in=piece, until__gt=now).exclude(holder=holder)
            totals.held.update(others.values_list("key").annotate(Sum("n")).order_by())
        return totals

    def _tell(self, counted: Mapping[Slot, int], held: Mapping[str, int], *, holder: str, now: float) -> None:
        until = now + HOLD_SECONDS
        counts = [(slot.key, slot.number, n, slot.until) for slot, n in sorted(counted.items())]
        kept = [(key, holder, n, until) for key, n in sorted(held.items()) if n]
        gone = [key for key, n in held.items() if not n]
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET LOCAL synchronous_commit = off")  # a lost count is no lost mail
            if counts:
                cursor.executemany(_ADD, counts)
            if kept:
                cursor.executemany(_SET, kept)
            for piece in _pieces(sorted(gone)):
                Hold.objects.filter(key__in=piece, holder=holder).delete()

    def forget(self, keys: Collection[str]) -> None:
        for key in sorted(keys):
            Count.objects.filter(key__startswith=f"{key}/").delete()

    def sweep(self, *, now: float, limit: int = 5_000) -> int:
        gone = 0
        for model in (Count, Hold):
            ids = list(model.objects.filter(Q(until__lte=now)).values_list("id", flat=True)[:limit])
            for piece in _pieces(ids):
                gone += model.objects.filter(id__in=piece).delete()[0]
        return gone


def _pieces(things: Sequence[T]) -> Iterator[list[T]]:
    rest = iter(things)
    while piece := list(islice(rest, _PIECE)):
        yield piece
