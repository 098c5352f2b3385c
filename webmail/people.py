"""People as they are typed: one text becomes (name, address) pairs and back, and what is no address is named.

Pure. Called by the views and services of compose.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mta.message.address import BadAddress, canonical, parse_addresses

Pair = tuple[str, str]  # display name, address as typed

MOST_PEOPLE = 500  # of one field; as in mta.flow.recipients
MAX_LINE = 900


def one_line(text: Any) -> str:
    """A text without control characters: nothing that is typed can begin another header field."""
    return " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())[:MAX_LINE]


def read_people(text: str) -> tuple[Pair, ...]:
    """A typed or pasted list of people; what is no address stays as it was typed, for the writer to correct."""
    found = []
    for each in parse_addresses(text[:50_000].replace(";", ",").replace("\n", ","), MOST_PEOPLE):
        typed = each.email if each.domain else each.name or each.local
        if typed:
            found.append((each.name if each.domain else "", one_line(typed)))
    return tuple(found)


def write_people(people: Iterable[Pair]) -> str:
    """The same list for a plain text field."""
    return ", ".join(f'"{name.replace(chr(34), "")}" <{email}>' if name else email for name, email in people)


def wrong_people(people: Iterable[Pair]) -> list[str]:
    """Those that are no addresses, as typed."""
    wrong = []
    for _name, email in people:
        try:
            canonical(email)
        except BadAddress:
            wrong.append(email)
    return wrong
