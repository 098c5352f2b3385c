"""Mailbox names on the wire: modified UTF-7 (RFC 3501 §5.1.3) or UTF-8, INBOX, hierarchy, LIST patterns.

A client that enabled IMAP4rev2 or UTF8=ACCEPT speaks UTF-8 (RFC 9051 §5.1, RFC 6855 §3); `utf8` says so.
Pure. Inside the product a name is a str with "/" between levels and exactly "INBOX" for the inbox.
Whether a name may be created is the store's decision; here only what cannot be read is refused.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

DELIMITER = "/"
MAX_NAME = 1000


class BadName(ValueError):
    """A mailbox name that cannot be read; the text says why."""


def decode(wire: bytes, *, utf8: bool = False) -> str:
    """A name as a client sends it. 8-bit octets are read as UTF-8, which newer clients send unasked."""
    if len(wire) > MAX_NAME:
        raise BadName("Mailbox name too long")
    if utf8 or not wire.isascii():
        try:
            return _inbox(_without_controls(wire.decode()))
        except UnicodeDecodeError:
            raise BadName("Mailbox name is not valid UTF-8") from None
    text = wire.decode("ascii")
    if "&" not in text:
        return _inbox(_without_controls(text))
    pieces = text.split("&")
    out = [pieces[0]]
    for piece in pieces[1:]:
        shifted, dash, rest = piece.partition("-")
        if not dash:
            raise BadName("Unfinished shift in a modified UTF-7 name")
        out.append((_from_base64(shifted) if shifted else "&") + rest)
    return _inbox(_without_controls("".join(out)))


def _without_controls(name: str) -> str:
    if any(character < " " or "\x7f" <= character <= "\x9f" for character in name):
        raise BadName("Control characters in a mailbox name")
    return name


def _from_base64(shifted: str) -> str:
    if "/" in shifted:
        raise BadName("Invalid modified UTF-7 name")
    try:
        octets = base64.b64decode(shifted.replace(",", "/") + "=" * (-len(shifted) % 4), validate=True)
        return octets.decode("utf-16-be")
    except (binascii.Error, ValueError):
        raise BadName("Invalid modified UTF-7 name") from None


def encode(name: str, *, utf8: bool = False) -> bytes:
    """A name for the wire, in modified UTF-7 or UTF-8; not yet quoted."""
    if utf8:
        return name.encode("utf-8", "replace")
    if name.isascii() and "&" not in name and name.isprintable():
        return name.encode()
    out: list[str] = []
    shifted: list[str] = []

    def unshift() -> None:
        if shifted:
            octets = "".join(shifted).encode("utf-16-be", "replace")
            out.append("&" + base64.b64encode(octets).decode().rstrip("=").replace("/", ",") + "-")
            shifted.clear()

    for character in name:
        if " " <= character <= "~":
            unshift()
            out.append("&-" if character == "&" else character)
        else:
            shifted.append(character)
    unshift()
    return "".join(out).encode()


def _inbox(name: str) -> str:
    """RFC 3501 §5.1: INBOX is case-insensitive; what lies below it keeps its own case."""
    first, slash, rest = name.partition(DELIMITER)
    return "INBOX" + slash + rest if first.upper() == "INBOX" else name


def matches(pattern: str, name: str) -> bool:
    """RFC 3501 §6.3.8: `*` is any characters, `%` any but the delimiter.

    One pass over the name with the set of pattern positions still possible: the time is at most
    len(pattern) × len(name), whatever the pattern.
    """
    while "**" in pattern:
        pattern = pattern.replace("**", "*")
    if name.partition(DELIMITER)[0] == "INBOX":  # RFC 3501 §5.1: in any case
        pattern = pattern[:5].upper() + pattern[5:]
    places = _closure({0}, pattern)
    for character in name:
        following = set()
        for place in places:
            if place == len(pattern):
                continue
            expected = pattern[place]
            if expected == "*" or (expected == "%" and character != DELIMITER):
                following.add(place)
            elif expected == character:
                following.add(place + 1)
        places = _closure(following, pattern)
        if not places:
            return False
    return len(pattern) in places


def _closure(places: set[int], pattern: str) -> set[int]:
    """Positions reachable without a character: a wildcard may stand for nothing."""
    out = set()
    for place in places:
        out.add(place)
        while place < len(pattern) and pattern[place] in "*%":
            place += 1
            out.add(place)
    return out


def parents(names: Iterable[str]) -> set[str]:
    """Every level above these names."""
    found: set[str] = set()
    for name in names:
        while DELIMITER in name:
            name = name.rpartition(DELIMITER)[0]
            if name in found:
                break
            found.add(name)
    return found
