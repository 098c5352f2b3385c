"""The words of a command: atoms, strings, numbers, dates (RFC 3501 §9), read from left to right.

A command is text with literals at known places: `texts[0] literals[0] texts[1] …`, which `engine` cut
out of the stream. Pure; every method either consumes what it names or raises BadSyntax.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from mta.wire.imap import names, sequences

MAX_DEPTH = 20  # parentheses within parentheses

# RFC 3501 §9: ATOM-CHAR is any CHAR except atom-specials; astring also allows "]".
_ATOM = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")
_ASTRING = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\]+")
_LIST = re.compile(rb"[^\x00-\x20\x7f(){\"\\]+")  # list-char: wildcards too; 8-bit for lenience
_QUOTED = re.compile(rb'"((?:[^"\\\r\n\x00]|\\["\\])*)"')
_NUMBER = re.compile(rb"\d{1,20}")
_SET = re.compile(rb"[\d:*,]+|\$")  # RFC 5182 §2.1: `$`
_SET_STARTS = frozenset((b"*", b"$", *(b"%d" % digit for digit in range(10))))
_PARTIAL = re.compile(rb"-?\d{1,10}:-?\d{1,10}")
_FLAG = re.compile(rb"\\?[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")
_UNQUOTE = re.compile(rb'\\(["\\])')
_DATE = re.compile(rb"(\d{1,2})-([A-Za-z]{3})-(\d{4})")
_TIME = re.compile(rb"( \d|\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")
_MONTHS = {
    name: number
    for number, name in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1)
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadSyntax(Exception):
    """The command cannot be read; the text says what was expected."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A literal that is a message to be stored: where it lies in the command's spool."""

    start: int
    size: int
    binary: bool = False  # sent as literal8 (RFC 3516 §4.4)


class Scanner:
    """A position in a command."""

    __slots__ = ("_at", "_index", "_literals", "_text", "_texts", "_utf8")

    def __init__(
        self, texts: Sequence[bytes], literals: Sequence[bytes | Spooled] = (), *, utf8: bool = False
    ) -> None:
        self._utf8 = utf8
        self._texts = texts
        self._literals = literals
        self._index = 0
        self._text = texts[0]
        self._at = 0

    # --- small steps

    def at_end(self) -> bool:
        return self._at >= len(self._text) and self._index >= len(self._literals)

    def end(self) -> None:
        if not self.at_end():
            raise BadSyntax("Unexpected text at the end of the command")

    def next_is(self, token: bytes) -> bool:
        return self._text.startswith(token, self._at)

    def skip(self, token: bytes) -> bool:
        """Consume `token` if it comes next."""
        if self._text.startswith(token, self._at):
            self._at += len(token)
            return True
        return False

    def skip_word(self, word: bytes) -> bool:
        """Consume this word of the protocol, in any case, if a space follows it."""
        after = self._at + len(word)
        if self._text[self._at : after].upper() == word and self._text[after : after + 1] == b" ":
            self._at = after
            return True
        return False

    def next_is_number(self) -> bool:
        """Whether a sequence set comes next."""
        return self._text[self._at : self._at + 1] in _SET_STARTS

    def need(self, token: bytes) -> None:
        if not self.skip(token):
            raise BadSyntax(f"Expected {token.decode()!r}")

    def space(self) -> None:
        if not self.skip(b" "):
            raise BadSyntax("Missing argument" if self.at_end() else "Expected a space")
        # More than one space is not in the grammar, but some clients send it.
        while self.skip(b" "):
            pass

    def _match(self, pattern: re.Pattern[bytes], what: str) -> bytes:
        found = pattern.match(self._text, self._at)
        if not found:
            raise BadSyntax(f"Expected {what}")
        self._at = found.end()
        return found.group()

    def matched(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Consume what `pattern` matches here, if it does."""
        found = pattern.match(self._text, self._at)
        if found:
            self._at = found.end()
        return found

    def _next_literal(self) -> bytes | Spooled | None:
        if self._at == len(self._text) and self._index < len(self._literals):
            return self._literals[self._index]
        return None

    def _past_literal(self) -> None:
        self._index += 1
        self._text = self._texts[self._index]
        self._at = 0

    def _literal(self) -> bytes | None:
        literal = self._next_literal()
        if not isinstance(literal, bytes):
            return None
        self._past_literal()
        return literal

    def spooled(self) -> Spooled:
        """A literal that is a message."""
        literal = self._next_literal()
        if not isinstance(literal, Spooled):
            raise BadSyntax("Expected the message as a literal")
        self._past_literal()
        return literal

    # --- words

    def atom(self, what: str = "an atom") -> bytes:
        return self._match(_ATOM, what)

    def keyword(self, what: str = "a keyword") -> str:
        """An atom that is a word of the protocol, upper-case."""
        return self.atom(what).decode("ascii").upper()

    def string(self) -> bytes:
        """A quoted string or a literal."""
        literal = self._literal()
        if literal is not None:
            return literal
        found = _QUOTED.match(self._text, self._at)
        if not found:
            raise BadSyntax("Expected a string")
        self._at = found.end()
        inner = found.group(1)
        return _UNQUOTE.sub(rb"\1", inner) if b"\\" in inner else inner

    def astring(self, what: str = "a string") -> bytes:
        found = _ASTRING.match(self._text, self._at)
        if found:
            self._at = found.end()
            return found.group()
        try:
            return self.string()
        except BadSyntax:
            raise BadSyntax(f"Expected {what}") from None

    def nstring(self) -> bytes | None:
        if self._text[self._at : self._at + 3].upper() == b"NIL":
            self._at += 3
            return None
        return self.string()

    def number(self, what: str = "a number") -> int:
        number = int(self._match(_NUMBER, what))
        if number > 0xFFFFFFFF:
            raise BadSyntax("Number too large")
        return number

    def modseq(self) -> int:
        """RFC 7162 §7: a positive 63-bit number (zero where the section allows it)."""
        number = int(self._match(_NUMBER, "a mod-sequence"))
        if number > 0x7FFFFFFFFFFFFFFF:
            raise BadSyntax("Mod-sequence too large")
        return number

    def sequence_set(self) -> sequences.Ranges:
        try:
            return sequences.parse(self._match(_SET, "a sequence set"))
        except sequences.BadSet as error:
            raise BadSyntax(str(error)) from None

    def partial_range(self) -> tuple[int, int]:
        """RFC 9394 §4 `partial-range`: (first, last), both from the front (> 0) or both from the end (< 0)."""
        first, last = (int(end) for end in self._match(_PARTIAL, "a range such as 1:100").split(b":"))
        if not (0 < abs(first) <= 0xFFFFFFFF and 0 < abs(last) <= 0xFFFFFFFF) or (first < 0) != (last < 0):
            raise BadSyntax("A range runs from 1:n or from -1:-n")
        return first, last

    def mailbox(self) -> str:
        return self._name(self.astring("a mailbox name"))

    def list_pattern(self) -> str:
        found = _LIST.match(self._text, self._at)
        if found:
            self._at = found.end()
            return self._name(found.group())
        return self._name(self.string())

    def _name(self, wire: bytes) -> str:
        try:
            return names.decode(wire, utf8=self._utf8)
        except names.BadName as error:
            raise BadSyntax(str(error)) from None

    def text(self, what: str = "a string") -> str:
        """An astring as text: UTF-8, or Latin-1 when it is not (names and passwords of old clients)."""
        wire = self.astring(what)
        try:
            return wire.decode()
        except UnicodeDecodeError:
            return wire.decode("latin-1")

    def flag(self) -> str:
        return self._match(_FLAG, "a flag").decode("ascii")

    def flag_list(self) -> tuple[str, ...]:
        self.need(b"(")
        flags: list[str] = []
        while not self.skip(b")"):
            if flags:
                self.space()
            flags.append(self.flag())
        return tuple(flags)

    def words(self, what: str) -> tuple[str, ...]:
        """A parenthesised list of protocol words, perhaps empty."""
        self.need(b"(")
        found: list[str] = []
        while not self.skip(b")"):
            if found:
                self.space()
            found.append(self.keyword(what))
        return tuple(found)

    # --- dates

    def date(self) -> int:
        """RFC 3501 §9 `date`: midnight UTC of that day in microseconds. Quotes are optional."""
        quoted = self.skip(b'"')
        found = self.matched(_DATE)
        if not found or (quoted and not self.skip(b'"')):
            raise BadSyntax("Expected a date such as 1-Feb-2026")
        day, month, year = found.groups()
        try:
            moment = datetime(int(year), _MONTHS[month.lower()], int(day), tzinfo=UTC)
        except (KeyError, ValueError):
            raise BadSyntax("No such day") from None
        return _microseconds(moment)

    def date_time(self) -> int:
        """RFC 3501 §9 `date-time`, in quotes."""
        self.need(b'"')
        found = self.matched(_TIME)
        if not found or not self.skip(b'"'):
            raise BadSyntax('Expected a date and time such as "01-Feb-2026 09:30:00 +0000"')
        day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = found.groups()
        offset = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
        try:
            zone = timezone(-offset if sign == b"-" else offset)
            # A leap second is the second before it: datetime knows only 0 to 59.
            moment = datetime(
                int(year),
                _MONTHS[month.lower()],
                int(day),
                int(hour),
                int(minute),
                min(59, int(second)) if int(second) == 60 else int(second),
                tzinfo=zone,
            )
        except (KeyError, ValueError):
            raise BadSyntax("No such time") from None
        return _microseconds(moment)


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
