"""Sets of UIDs as ascending runs: what a client was told of a mailbox, or what a command names.

A mailbox of a million messages without holes is one run. `Uids` is frozen, and a sequence as well: the UID
at a position, the position of a UID (sequence numbers are positions + 1), slices, both kinds of sequence set.
Every operation costs what its runs cost, never what its messages cost; only iterating is by message, in C.
Pure. Numbers are 1 to 4294967295 (RFC 9051 §2.3.1.1).
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import overload

from mta.wire.imap.sequences import Ranges, resolve
from mta.wire.imap.sequences import runs as runs_of


class Uids:
    """Ascending UIDs. `Uids([(1, 5), (9, 9)])`; the runs given must be ascending and apart."""

    __slots__ = ("__weakref__", "_ends", "_lows", "_starts")

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        lows: array[int] = array("Q")
        ends: array[int] = array("Q")
        starts: array[int] = array("Q", [0])
        total = 0
        for low, high in ranges:
            lows.append(low)
            ends.append(high + 1)
            total += high + 1 - low
            starts.append(total)
        self._lows, self._ends = lows, ends
        self._starts = starts  # the position of each run's first UID, and at last how many there are

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Uids:
        """Numbers in any order, repeated or not."""
        return cls(runs_of(sorted(set(numbers))))

    @classmethod
    def merged(cls, ranges: Iterable[tuple[int, int]]) -> Uids:
        """Runs in any order, touching or overlapping or not."""
        return cls(resolve(tuple(ranges), 0))

    # --- a sequence

    def __len__(self) -> int:
        return self._starts[-1]

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(map(range, self._lows, self._ends))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Uids) and self._lows == other._lows and self._ends == other._ends

    def __hash__(self) -> int:
        return hash((self._lows.tobytes(), self._ends.tobytes()))

    def __repr__(self) -> str:
        return f"Uids({list(self.ranges)!r})"

    def __contains__(self, uid: object) -> bool:
        return isinstance(uid, int) and self.index(uid) >= 0

    @overload
    def __getitem__(self, at: int) -> int: ...
    @overload
    def __getitem__(self, at: slice) -> Uids: ...
    def __getitem__(self, at: int | slice) -> int | Uids:
        if isinstance(at, slice):
            first, last, _step = at.indices(len(self))
            return self.between(first, last)
        if at < 0:
            at += len(self)
        if not 0 <= at < len(self):
            raise IndexError(at)
        run = bisect_right(self._starts, at) - 1
        return self._lows[run] + at - self._starts[run]

    @property
    def ranges(self) -> Iterator[tuple[int, int]]:
        """The runs as (low, high), both included: what `sequences.show` prints and a store call takes."""
        for low, end in zip(self._lows, self._ends, strict=True):
            yield low, end - 1

    @property
    def runs(self) -> int:
        """How many runs there are: what operations cost."""
        return len(self._lows)

    @property
    def last(self) -> int:
        """The highest UID, or 0."""
        return self._ends[-1] - 1 if self._ends else 0

    def index(self, uid: int) -> int:
        """The position of a UID (its sequence number - 1), or -1."""
        run = bisect_right(self._lows, uid) - 1
        if run < 0 or uid >= self._ends[run]:
            return -1
        return self._starts[run] + uid - self._lows[run]

    def below(self, uid: int) -> int:
        """How many UIDs are lower than this one."""
        run = bisect_right(self._lows, uid) - 1
        if run < 0:
            return 0
        return self._starts[run] + min(uid, self._ends[run]) - self._lows[run]

    # --- parts

    def between(self, first: int, last: int) -> Uids:
        """The UIDs at positions first … last - 1."""
        first, last = max(0, first), min(last, len(self))
        if first >= last:
            return NONE
        return self._cut(self[first], self[last - 1])

    def _cut(self, low: int, high: int) -> Uids:
        return Uids(self._within(low, high))

    def _within(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        """The pieces of the runs that lie in low … high."""
        lows, ends = self._lows, self._ends
        for run in range(bisect_right(ends, low), bisect_right(lows, high)):
            yield max(low, lows[run]), min(high, ends[run] - 1)

    def by_uid(self, ranges: Ranges) -> Uids:
        """Those that a UID set names; `*` is the highest (RFC 3501 §6.4.8). Others are no error."""
        return Uids(chain.from_iterable(self._within(*pair) for pair in resolve(ranges, self.last)))

    def by_sequence(self, ranges: Ranges) -> Uids:
        """Those at the numbers of a sequence set. Ask `exceeds` first."""
        count = len(self)
        pairs = ((low, min(high, count)) for low, high in resolve(ranges, count) if low <= count)
        pieces = (self._within(self[low - 1], self[high - 1]) for low, high in pairs)
        return Uids(_joined(chain.from_iterable(pieces)))

    def exceeds(self, ranges: Ranges) -> bool:
        """RFC 3501 §9: a sequence number above the number of messages is an error."""
        count = len(self)
        return not count or any(low > count or high > count for low, high in ranges)

    def numbers(self, some: Uids) -> Uids:
        """The sequence numbers of those of `some` that are here, as runs."""
        return Uids(_joined(self._numbers(some)))

    def _numbers(self, some: Uids) -> Iterator[tuple[int, int]]:
        for low, high in (self & some).ranges:
            first = self.index(low) + 1
            yield first, first + high - low

    # --- together

    def __and__(self, other: Uids) -> Uids:
        few, many = (self, other) if len(self._lows) <= len(other._lows) else (other, self)
        return Uids(chain.from_iterable(many._within(*pair) for pair in few.ranges))

    def without(self, other: Uids) -> Uids:
        """These but not those."""
        if not other:
            return self
        return Uids(self._outside(other))

    def _outside(self, other: Uids) -> Iterator[tuple[int, int]]:
        for low, high in self.ranges:
            for cut_low, cut_high in other._within(low, high):
                if low < cut_low:
                    yield low, cut_low - 1
                low = cut_high + 1
            if low <= high:
                yield low, high

    def plus(self, other: Uids) -> Uids:
        """Both together."""
        if not other:
            return self
        if other._lows[0] >= (self._ends[-1] if self._ends else 0):  # new mail: the usual case
            return Uids(_joined(chain(self.ranges, other.ranges)))
        return Uids.merged(chain(self.ranges, other.ranges))


def _joined(pieces: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Ascending runs, neighbours that touch made one."""
    pending: tuple[int, int] | None = None
    for low, high in pieces:
        if pending is None:
            pending = low, high
        elif low == pending[1] + 1:
            pending = pending[0], high
        else:
            yield pending
            pending = low, high
    if pending is not None:
        yield pending


NONE = Uids()
