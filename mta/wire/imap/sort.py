"""SORT: its keys (RFC 5256 §3, RFC 5957 §3), what they need to know of a message, and the order they make.

Pure. `sort_keys` reads the parenthesised list; `ordered` puts rows of `columns` in order. Strings are compared by
i;unicode-casemap (RFC 5051); messages that no key tells apart stay in the order of their numbers.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import merge
from operator import itemgetter
from typing import Any

from mta.wire.imap.scanner import BadSyntax, Scanner

MAX_KEYS = 20
PIECE = 4_000  # sorted at once: list.sort lets no other thread run

Row = tuple[Any, ...]  # the UID, then the columns


@dataclass(frozen=True, slots=True)
class SortKey:
    name: str
    reverse: bool = False


def sort_keys(scanner: Scanner) -> tuple[SortKey, ...]:
    """RFC 5256 §5 `sort-criteria`."""
    scanner.need(b"(")
    keys: list[SortKey] = []
    while not keys or not scanner.skip(b")"):
        if keys:
            scanner.space()
        name = scanner.keyword("a sort key")
        reverse = name == "REVERSE"
        if reverse:
            scanner.space()
            name = scanner.keyword("a sort key")
        if name not in _KEYS:
            raise BadSyntax("Unknown sort key")
        keys.append(SortKey(name, reverse))
        if len(keys) > MAX_KEYS:
            raise BadSyntax("Too many sort keys")
    return tuple(keys)


def columns(keys: Iterable[SortKey]) -> tuple[str, ...]:
    """The columns of the store that these keys look at, each once."""
    return tuple(dict.fromkeys(column for key in keys for column in _KEYS[key.name][0]))


def ordered(rows: Sequence[Row], keys: Sequence[SortKey]) -> list[int]:
    """The UIDs of rows (uid, *columns(keys)), which come in rising order, as the keys want them."""
    at = {name: place for place, name in enumerate(columns(keys), start=1)}
    for key in reversed(keys):  # the last key first: each sort keeps the order of equals
        names, value = _KEYS[key.name]
        pick = itemgetter(*(at[name] for name in names))
        rows = _sorted(rows, _of(pick, value), reverse=key.reverse)
    return [row[0] for row in rows]


def _of(pick: Callable[[Row], Any], value: Callable[[Any], Any]) -> Callable[[Row], Any]:
    return lambda row: value(pick(row))


def _sorted(rows: Sequence[Row], key: Callable[[Row], Any], *, reverse: bool) -> Sequence[Row]:
    """A stable sort in pieces that are merged, so that a million rows do not hold up the process."""
    if len(rows) <= PIECE:
        return sorted(rows, key=key, reverse=reverse)
    pairs = [(key(row), row) for row in rows]
    first = itemgetter(0)
    pieces = [
        sorted(pairs[start : start + PIECE], key=first, reverse=reverse)
        for start in range(0, len(pairs), PIECE)
    ]
    return [row for _, row in merge(*pieces, key=first, reverse=reverse)]


@lru_cache(maxsize=10_000)
def casemap(text: str) -> str:
    """RFC 5051 §2: letters in title case, decomposed; compared code by code."""
    if text.isascii():
        return text.upper()
    titled = "".join(titled if len(titled := letter.title()) == 1 else letter for letter in text)
    return unicodedata.normalize("NFKD", titled)


def _mailbox(first: tuple[str, str] | None) -> str:
    """RFC 5256 §3: [IMAP] addr-mailbox of the first address, or an empty string."""
    return casemap(first[1].rpartition("@")[0] or first[1]) if first else ""


def _display(first: tuple[str, str] | None) -> str:
    """RFC 5957 §3: the name that is shown for the first address, else the address."""
    return casemap(first[0] or first[1]) if first else ""


def _sent(values: tuple[int | None, int]) -> int:
    """RFC 5256 §2.2: the Date field, or INTERNALDATE where there is none that can be read."""
    sent, arrived = values
    return arrived if sent is None else sent


_Value = Callable[[Any], Any]


def _plain(value: Any) -> Any:
    return value


_KEYS: dict[str, tuple[tuple[str, ...], _Value]] = {
    "ARRIVAL": (("internal_date",), _plain),
    "CC": (("first_cc",), _mailbox),
    "DATE": (("sent_at", "internal_date"), _sent),
    "DISPLAYFROM": (("first_from",), _display),
    "DISPLAYTO": (("first_to",), _display),
    "FROM": (("first_from",), _mailbox),
    "SIZE": (("size",), _plain),
    "SUBJECT": (("base_subject",), casemap),
    "TO": (("first_to",), _mailbox),
}
