"""This process's counts, with what it has heard of the others'. In memory, quick, and safe between threads.

**Rates** use two slots on the common clock: what counts is this slot, and of the one before the part that still
lies inside the window. So one process never allows more than `most` in a slot, nor twice that in any window.

**Held things** (connections) are counted here and given back by their lease.

**Several processes** learn of each other at each `exchange`, about once a second. What one of them allows beyond the
limit is at most what it counted since its last exchange, plus the small change that it keeps to itself: below a
twentieth of the limit nothing is shared, so that thousands of harmless visitors cost no write at all. All in all:
no more than (processes - 1) x (what fits between two exchanges + most/20) too many.
"""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from mta.limits.rates import ALWAYS, Allowed, Rate, Slot, short

MOST_KEYS = 50_000  # kept in memory; what was not seen for longest goes first
MOST_ASKED = 2_000  # keys read in one exchange
SHARED_FROM = 20  # a twentieth of the limit
HOLD_SECONDS = 60.0  # a process that died holds nothing after this


@dataclass(slots=True)
class Totals:
    """What all processes have counted, or the others hold, of what was asked. Absent means 0."""

    counts: dict[Slot, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)


class Exchange(Protocol):
    """Where processes meet. Blocking; raises what it likes when it is out of order."""

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
        """Add `counted`; set what `holder` holds (0 gives it up); then tell the totals of `slots`, and what others
        hold of `keys`."""
        ...

    def forget(self, keys: Collection[str]) -> None:
        """Everything that was counted under these keys, which may lack their slot's length at the end."""
        ...

    def sweep(self, *, now: float, limit: int = 5_000) -> int:
        """Remove what means nothing any more; how many rows."""
        ...


@dataclass(slots=True)
class _Count:
    """A key's two slots. `unsent`: the part of `now` that only this process knows; `unsent_before` likewise."""

    number: int
    now: int = 0
    before: int = 0
    unsent: int = 0
    unsent_before: int = 0
    share_from: int = 1

    def move_to(self, number: int) -> None:
        # A clock that was set back, or a long pause, begins anew: nothing older has any weight.
        follows = number == self.number + 1
        self.before, self.unsent_before = (self.now, self.unsent) if follows else (0, 0)
        self.number, self.now, self.unsent = number, 0, 0


@dataclass(slots=True)
class _Held:
    ours: int = 0
    others: int = 0
    share_from: int = 1
    told: float = -math.inf  # when the others last heard of it; -inf: they think it is 0


@dataclass(slots=True)
class _Told:
    """What one exchange is about."""

    forgotten: set[str]
    slots: list[Slot]  # asked for, as is the one before each
    keys: list[str]
    counted: dict[Slot, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not (self.forgotten or self.slots or self.keys)


class Lease:
    """One held thing. `release()` may be called twice; a lease of nothing (no limit) does nothing."""

    __slots__ = ("_give_back",)

    def __init__(self, give_back: Callable[[], None] | None = None) -> None:
        self._give_back = give_back

    def release(self) -> None:
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()


class Ledger:
    """`clock` gives seconds since the epoch, the same on all hosts but for a second or so."""

    def __init__(self, *, clock: Callable[[], float] = time.time, most_keys: int = MOST_KEYS) -> None:
        self._clock = clock
        self._most_keys = most_keys
        self._lock = threading.Lock()
        self._turn = threading.Lock()  # one exchange at a time
        self._counts: dict[str, _Count] = {}
        self._used: dict[str, Slot] = {}  # since the last exchange
        self._held: dict[str, _Held] = {}
        self._moved: dict[str, None] = {}  # keys of held things, since the last exchange
        self._forgotten: set[str] = set()
        self._renew_at = 0.0
        self.holder = secrets.token_hex(8)

    # --- what callers use

    def hit(self, key: str, n: int = 1, *, rate: Rate) -> Allowed:
        """May it be done `n` times more? Counted if so, and not if not."""
        return self._count(key, n, rate, even_if_refused=False)

    def note(self, key: str, n: int = 1, *, rate: Rate) -> Allowed:
        """It has been done `n` times: counted in any case. Whether that was still within the rate."""
        return self._count(key, n, rate, even_if_refused=True)

    def peek(self, key: str, *, rate: Rate) -> Allowed:
        """Might it be done once more? Nothing is counted."""
        return self._count(key, 0, rate, even_if_refused=False)

    def forget(self, key: str) -> None:
        """Begin anew with this key, in every process (in the others at their next exchange)."""
        start = f"{short(key)}/"
        with self._lock:
            for name in [name for name in self._counts if name.startswith(start)]:
                del self._counts[name]
                self._used.pop(name, None)
            self._forgotten.add(short(key))

    def hold(self, key: str, *, most: int) -> Lease | None:
        """Have one more of something at once, until its lease is released; None when there are `most` already."""
        if most <= 0:
            return Lease()
        key = short(key)
        with self._lock:
            self._moved[key] = None
            held = self._held.get(key)
            if held is None:
                held = self._held[key] = _Held()
            held.share_from = max(1, most // SHARED_FROM)
            if held.ours + held.others >= most:
                return None
            held.ours += 1
        return Lease(lambda: self._give_back(key))

    def held(self, key: str) -> int:
        """How many are held at the moment, by all processes as far as is known here."""
        with self._lock:
            held = self._held.get(short(key))
            return held.ours + held.others if held else 0

    # --- counting

    def _count(self, key: str, n: int, rate: Rate, *, even_if_refused: bool) -> Allowed:
        if rate.is_off:
            return ALWAYS
        now = self._clock()
        slot = rate.slot(key, now)
        with self._lock:
            count = self._of(slot)
            count.share_from = max(1, rate.most // SHARED_FROM)
            self._used[slot.key] = slot
            used = count.now + count.before * ((slot.number + 1) * rate.seconds - now) / rate.seconds
            allowed = used + max(n, 1) <= rate.most + 1e-6  # so far off may a float be
            if n and (allowed or even_if_refused):
                count.now += n
                count.unsent += n
                used += n
            if allowed:
                return Allowed(True, max(0, int(rate.most - used)), used=math.ceil(used))
            wait = _wait(count, slot, rate, now=now, n=max(n, 1))
            return Allowed(False, 0, wait, math.ceil(used))

    def _of(self, slot: Slot) -> _Count:
        """The key's count, moved on to the slot. The order of the dictionary is the order of last use."""
        count = self._counts.pop(slot.key, None)
        if count is None:
            if len(self._counts) >= self._most_keys:
                for name in list(self._counts)[: max(1, self._most_keys // 10)]:
                    del self._counts[name]
            count = _Count(slot.number)
        elif slot.number != count.number:
            count.move_to(slot.number)
        self._counts[slot.key] = count
        return count

    def _give_back(self, key: str) -> None:
        with self._lock:
            held = self._held[key]
            held.ours -= 1
            if not held.ours and not held.others and held.told == -math.inf:
                del self._held[key]
                self._moved.pop(key, None)
            else:
                self._moved[key] = None

    # --- meeting the others

    def exchange(self, other: Exchange) -> bool:
        """Tell what was counted here and hear of the others; False if there was nothing to talk about.

        Raises what the exchange raises; then nothing is lost and a later one tells it.
        """
        with self._turn:
            now = self._clock()
            with self._lock:
                told = self._gather(now)
            if told.is_empty:
                return False
            try:
                if told.forgotten:
                    other.forget(told.forgotten)
                totals = other.trade(
                    told.counted,
                    told.held,
                    slots=[each for slot in told.slots for each in (slot, slot.before)],
                    keys=told.keys,
                    holder=self.holder,
                    now=now,
                )
            except BaseException:
                with self._lock:
                    self._take_back(told)
                raise
            with self._lock:
                self._hear(told, totals, now)
            return True

    def _gather(self, now: float) -> _Told:
        told = _Told(self._forgotten, list(self._used.values())[-MOST_ASKED:], self._keys_to_tell(now))
        self._forgotten, self._used, self._moved = set(), {}, {}
        for slot in told.slots:
            count = self._counts.get(slot.key)
            if count is None or max(count.now, count.before) < count.share_from:
                continue
            here = Slot(slot.key, slot.seconds, count.number)
            if count.unsent:
                told.counted[here] = count.unsent
            if count.unsent_before:
                told.counted[here.before] = count.unsent_before
            count.unsent = count.unsent_before = 0
        for key in told.keys:
            held = self._held.get(key)
            if held and (held.ours >= held.share_from or held.told != -math.inf):
                told.held[key] = held.ours
        return told

    def _keys_to_tell(self, now: float) -> list[str]:
        """Held things that changed; and, now and then, all that would run out or may have changed elsewhere."""
        if now >= self._renew_at:
            self._renew_at = now + HOLD_SECONDS / 3
            for key, held in list(self._held.items()):
                if held.told != -math.inf or (held.ours and held.others):
                    self._moved[key] = None
                elif not held.ours:
                    del self._held[key]  # only others have some: nobody asked for long
        return list(self._moved)[-MOST_ASKED:]

    def _take_back(self, told: _Told) -> None:
        """They were out of reach: what was to be told waits, unless it has lost its weight."""
        self._forgotten |= told.forgotten
        for slot in told.slots:
            self._used.setdefault(slot.key, slot)
        for key in told.keys:
            self._moved[key] = None
        for slot, n in told.counted.items():
            count = self._counts.get(slot.key)
            if count is not None and slot.number == count.number:
                count.unsent += n
            elif count is not None and slot.number == count.number - 1:
                count.unsent_before += n

    def _hear(self, told: _Told, totals: Totals, now: float) -> None:
        for slot in told.slots:
            count = self._counts.get(slot.key)
            if count is None or slot.key.rpartition("/")[0] in self._forgotten:
                continue
            for each in (slot, slot.before):
                if each.number == count.number:
                    count.now = totals.counts.get(each, 0) + count.unsent
                elif each.number == count.number - 1:
                    count.before = totals.counts.get(each, 0) + count.unsent_before
        for key in told.keys:
            held = self._held.get(key)
            if held is None:
                continue
            if key in told.held:
                held.told = now if told.held[key] else -math.inf
            held.others = totals.held.get(key, 0)
            if not held.ours and not held.others and held.told == -math.inf:
                del self._held[key]

    def let_go(self, other: Exchange) -> None:
        """The process ends: what it holds is free at once, what it counted is told."""
        with self._lock:
            for key, held in self._held.items():
                held.ours = 0
                self._moved[key] = None
        self.exchange(other)


def _wait(count: _Count, slot: Slot, rate: Rate, *, now: float, n: int) -> float:
    """Seconds until `n` more would be allowed if nothing else happens."""
    passed = now / rate.seconds - slot.number  # 0..1 of this slot
    room = rate.most - n
    if count.now <= room and count.before:
        return max(0.0, (1 - (room - count.now) / count.before - passed) * rate.seconds)
    rest = (1 - passed) * rate.seconds  # only when this slot has become the one before
    share = 1 - max(0, room) / count.now if count.now else 0.0
    return rest + max(0.0, share) * rate.seconds
