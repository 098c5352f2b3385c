"""Mailbox names on the wire: modified UTF-7 (RFC 3501 §5.1.3) or UTF-8, INBOX, hierarchy, LIST patterns.

A client that enabled IMAP4rev2 or UTF8=ACCEPT speaks UTF-8 (RFC 9051 §5.1, RFC 6855 §3); `utf8` says so.
Pure. Inside the product a name is a str with "/" between levels and exactly "INBOX" for the inbox.
Whether a name may be created is the store's decision; here only what cannot be read is refused.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence

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


class Patterns:
    """LIST patterns (RFC 3501 §6.3.8): `*` is any characters, `%` any but the delimiter.

    All of them are followed at once through a name, as the bits of one number: bit n is set while what was read
    leads to place n of the patterns laid end to end. So the time is that of reading the name, whatever the
    patterns and however many wildcards.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        simple = [_collapsed(pattern) for pattern in patterns]
        self._plain = _Places(simple)
        # RFC 3501 §5.1: INBOX is itself in any case.
        self._inbox = _Places([pattern[:5].upper() + pattern[5:] for pattern in simple])

    def match(self, name: str) -> bool:
        places = self._inbox if name.partition(DELIMITER)[0] == "INBOX" else self._plain
        return places.follow(name)


class _Places:
    """The patterns as bit masks: what is expected at which place."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._start = self._end = self._stars = self._percents = 0
        self._letters: dict[str, int] = {}
        self._everything = "*" in patterns
        place = 0
        for pattern in patterns:
            self._start |= 1 << place
            for letter in pattern:
                bit = 1 << place
                if letter == "*":
                    self._stars |= bit
                elif letter == "%":
                    self._percents |= bit
                else:
                    self._letters[letter] = self._letters.get(letter, 0) | bit
                place += 1
            self._end |= 1 << place
            place += 1

    def follow(self, name: str) -> bool:
        if self._everything:
            return True
        stars, both = self._stars, self._stars | self._percents
        here = self._start
        here |= (here & both) << 1  # a wildcard may stand for nothing, and no two follow each other
        for letter in name:
            stays = here & (stars if letter == DELIMITER else both)
            here = stays | (here & self._letters.get(letter, 0)) << 1
            here |= (here & both) << 1
            if not here:
                return False
        return bool(here & self._end)


def _collapsed(pattern: str) -> str:
    """The same pattern without two wildcards in a row."""
    while any(pair in pattern for pair in ("**", "*%", "%*", "%%")):
        for pair, one in (("**", "*"), ("*%", "*"), ("%*", "*"), ("%%", "%")):
            pattern = pattern.replace(pair, one)
    return pattern


def matches(pattern: str, name: str) -> bool:
    """Whether one name matches one pattern; for many names, make `Patterns` once."""
    return Patterns([pattern]).match(name)


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
