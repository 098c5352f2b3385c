"""Processes meet in Redis: everything of one exchange goes there and back in one pipeline.

A slot is a number that ends by itself; what is held is a hash from holder to "n until". Nothing needs to be
swept. Keys begin with `mailstead:limits:`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import redis

from mta.limits.ledger import HOLD_SECONDS, Totals
from mta.limits.rates import Slot

PREFIX = "mailstead:limits:"


class InRedis:
    """The exchange of an installation with Redis. `url` is REDIS_URL."""

    def __init__(self, url: str) -> None:
        self._redis: Any = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)

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
        # One transaction: when it failed half-way, nothing of it was counted, and it can be told again.
        pipeline = self._redis.pipeline(transaction=True)
        for slot, n in counted.items():
            pipeline.incrby(_name(slot), n)
            pipeline.expireat(_name(slot), int(slot.until) + 1)
        for key, n in held.items():
            if n:
                pipeline.hset(f"{PREFIX}held:{key}", holder, f"{n} {now + HOLD_SECONDS:.0f}")
                pipeline.expire(f"{PREFIX}held:{key}", int(HOLD_SECONDS) * 2)
            else:
                pipeline.hdel(f"{PREFIX}held:{key}", holder)
        slots, keys = list(slots), list(keys)
        told = len(pipeline)
        if slots:
            pipeline.mget([_name(slot) for slot in slots])
        for key in keys:
            pipeline.hgetall(f"{PREFIX}held:{key}")
        answers = pipeline.execute()[told:]
        totals = Totals()
        if slots:
            counts = answers.pop(0)
            totals.counts = {slot: int(n) for slot, n in zip(slots, counts, strict=True) if n}
        for key, holders in zip(keys, answers, strict=True):
            totals.held[key] = _others(holders, holder=holder, now=now)
        return totals

    def forget(self, keys: Collection[str]) -> None:
        for key in keys:
            pattern = PREFIX + "".join(f"\\{each}" if each in "*?[]\\^-" else each for each in key) + "/*"
            names = list(self._redis.scan_iter(match=pattern, count=1000))
            if names:
                self._redis.delete(*names)

    def sweep(self, *, now: float, limit: int = 5_000) -> int:
        return 0  # keys end by themselves


def _name(slot: Slot) -> str:
    return f"{PREFIX}{slot.key}:{slot.number}"


def _others(holders: Mapping[bytes, bytes], *, holder: str, now: float) -> int:
    total = 0
    for name, value in holders.items():
        n, _, until = value.decode().partition(" ")
        if name.decode() != holder and float(until) > now:
            total += int(n)
    return total
