"""Sets of UIDs as ascending runs (low, high), both ends included; and how a mailbox's expunged ones are kept.

A mailbox of a million messages without holes is one run. Pure: their rows are read by `views` and written by
`upkeep`.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import zstandard

Runs = tuple[tuple[int, int], ...]


def of(uids: Sequence[int]) -> Runs:
    """The runs of ascending UIDs."""
    if not uids:
        return ()
    if uids[-1] - uids[0] + 1 == len(uids):
        return ((uids[0], uids[-1]),)
    ends = [left for left, right in pairwise(uids) if right != left + 1]
    starts = [right for left, right in pairwise(uids) if right != left + 1]
    return tuple(zip([uids[0], *starts], [*ends, uids[-1]], strict=True))


def uids(found: Iterable[tuple[int, int]]) -> Iterator[int]:
    """The UIDs of some runs, one by one."""
    for low, high in found:
        yield from range(low, high + 1)


def count(found: Iterable[tuple[int, int]]) -> int:
    """How many UIDs lie in some runs."""
    return sum(high - low + 1 for low, high in found)


def union(one: Runs, other: Runs) -> Runs:
    """UIDs of either."""
    if not one or not other:
        return one or other
    merged: list[tuple[int, int]] = []
    low, high = 0, -1
    for start, end in sorted((*one, *other)):
        if start <= high + 1:
            high = max(high, end)
            continue
        if high >= low:
            merged.append((low, high))
        low, high = start, end
    merged.append((low, high))
    return tuple(merged)


def missing(found: Runs, *, below: int) -> Runs:
    """The UIDs from 1 up to `below` (which is left out) that are not in some runs."""
    gaps: list[tuple[int, int]] = []
    start = 1
    for low, high in found:
        if low >= below:
            break
        if low > start:
            gaps.append((start, low - 1))
        start = high + 1
    if start < below:
        gaps.append((start, below - 1))
    return tuple(gaps)


def packed(found: Runs) -> bytes:
    """As they are kept in a row."""
    numbers = array("I", [number for run in found for number in run])
    if sys.byteorder == "big":
        numbers.byteswap()
    return zstandard.ZstdCompressor(level=1).compress(numbers.tobytes())


def unpacked(kept: bytes) -> Runs:
    """The runs of a kept row."""
    if not kept:
        return ()
    numbers = array("I", zstandard.ZstdDecompressor().decompress(kept))
    if sys.byteorder == "big":
        numbers.byteswap()
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))
