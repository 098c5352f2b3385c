"""Sequence sets and UID sets (RFC 3501 §9 `sequence-set`): parse, resolve, print.

A set is a tuple of (first, last) pairs as written; STAR stands for `*`, the highest number in use.
Pure. At most MAX_ELEMENTS pairs, so that a line of commas cannot become work.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

STAR = 0  # not a valid number in a set (nz-number), so free to mean "*"
SAVED = ((-1, -1),)  # RFC 5182 §2.1: `$`, the result of the last SEARCH that was saved
MAX_NUMBER = 0xFFFFFFFF
MAX_ELEMENTS = 10_000

Ranges = tuple[tuple[int, int], ...]

_SET = re.compile(rb"(?:\d{1,10}|\*)(?::(?:\d{1,10}|\*))?(?:,(?:\d{1,10}|\*)(?::(?:\d{1,10}|\*))?)*")


class BadSet(ValueError):
    """Not a sequence set; the text says what is wrong."""


def parse(text: bytes) -> Ranges:
    if text == b"$":
        return SAVED
    if not _SET.fullmatch(text):
        raise BadSet("Invalid sequence set")
    if text.count(b",") >= MAX_ELEMENTS:
        raise BadSet(f"More than {MAX_ELEMENTS} elements in a sequence set")
    ranges = []
    for element in text.split(b","):
        first, colon, last = element.partition(b":")
        low = _number(first)
        ranges.append((low, _number(last) if colon else low))
    return tuple(ranges)


def _number(text: bytes) -> int:
    if text == b"*":
        return STAR
    number = int(text)
    if not 1 <= number <= MAX_NUMBER:
        raise BadSet("A number in a sequence set is 1 to 4294967295")
    return number


def show(ranges: Iterable[tuple[int, int]]) -> bytes:
    """The inverse of `parse`."""
    if ranges == SAVED:
        return b"$"
    return ",".join(
        _name(low) if low == high else f"{_name(low)}:{_name(high)}" for low, high in ranges
    ).encode()


def _name(number: int) -> str:
    return str(number) if number else "*"


def resolve(ranges: Ranges, highest: int) -> Ranges:
    """Ascending, merged pairs with `*` replaced. Empty when `*` is all there is and nothing exists.

    RFC 3501 §9: `*` is the highest number in use, and the order of a pair's ends does not matter, so
    `559:*` contains the last message even if its UID is below 559.
    """
    plain = []
    for low, high in ranges:
        first, last = low or highest, high or highest
        if first and last:
            plain.append((min(first, last), max(first, last)))
    plain.sort()
    merged: list[tuple[int, int]] = []
    for low, high in plain:
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def runs(numbers: Iterable[int]) -> Ranges:
    """Numbers in the order given, neighbours that ascend by one joined into pairs."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return tuple(found)


def show_numbers(numbers: Sequence[int]) -> bytes:
    """A compact set of these numbers, in their order (COPYUID pairs by position, RFC 4315 §3)."""
    return show(runs(numbers))
