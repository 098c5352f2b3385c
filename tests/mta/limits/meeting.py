"""A meeting place in memory, for tests of what several ledgers allow together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from mta.limits.ledger import HOLD_SECONDS, Totals
from mta.limits.rates import Slot


class Clock:
    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Meeting:
    """What `InTable` and `InRedis` do, in a dictionary. `broken` makes it fail."""

    def __init__(self) -> None:
        self.counts: Counter[Slot] = Counter()
        self.holds: dict[tuple[str, str], tuple[int, float]] = {}
        self.broken = False
        self.trades = 0

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
        if self.broken:
            raise ConnectionError("out of order")
        self.trades += 1
        self.counts.update(counted)
        for key, n in held.items():
            self.holds[key, holder] = n, now + HOLD_SECONDS
        others = {
            key: sum(
                n for (k, h), (n, until) in self.holds.items() if k == key and h != holder and until > now
            )
            for key in keys
        }
        return Totals({slot: self.counts[slot] for slot in slots if self.counts[slot]}, others)

    def forget(self, keys: Collection[str]) -> None:
        for slot in [slot for slot in self.counts if slot.key.rpartition("/")[0] in keys]:
            del self.counts[slot]

    def sweep(self, *, now: float, limit: int = 5_000) -> int:
        return 0
