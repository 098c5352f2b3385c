"""FETCH from columns to wire bytes: which columns a command needs, and how its lines read.

Pure. `plan` decides once per command; a `Printer` prints many messages at a time: every item is a column of
words, and one %-format per message joins them. ENVELOPE and the rest are columns already in wire form; header
fields come from the kept head where it holds them (`Source.HEAD`), from the top of the message where they stand
there, and only what is left needs whole messages.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import repeat
from typing import Any

from mta.message.headers import MAX_FIELDS, MAX_HEADER, parse_header, select_fields, split_message
from mta.message.parse import HEAD_FIELDS
from mta.message.tree import Part, body_section, decoded, find, has_known_encoding, parse_tree
from mta.values import DELETED
from mta.wire.imap import responses
from mta.wire.imap.commands import Item, Section

Columns = Mapping[str, Sequence[Any]]
Cut = bytes | None  # a section's bytes; None for a part that does not exist

# The store's columns behind each item.
_COLUMNS_OF = {
    "UID": (),
    "FLAGS": ("flags", "deleted", "keywords"),
    "INTERNALDATE": ("internal_date",),
    "RFC822.SIZE": ("size",),
    "ENVELOPE": ("envelope",),
    "BODY": ("body",),
    "BODYSTRUCTURE": ("bodystructure",),
    "MODSEQ": ("modseq",),
    "EMAILID": ("email_id",),
    "THREADID": ("thread",),
    "SAVEDATE": ("saved_at",),
    "PREVIEW": ("snippet",),
}
# How each item reads, where its words need nothing but a column as it is.
_PATTERNS = {
    "FLAGS": b"FLAGS (%b)",
    "INTERNALDATE": b"INTERNALDATE %b",
    "RFC822.SIZE": b"RFC822.SIZE %d",
    "ENVELOPE": b"ENVELOPE %b",
    "BODY": b"BODY %b",
    "BODYSTRUCTURE": b"BODYSTRUCTURE %b",
    "MODSEQ": b"MODSEQ (%d)",
    "EMAILID": b"EMAILID (M%d)",  # RFC 8474 §5
    "THREADID": b"THREADID (T%d)",
    "SAVEDATE": b"SAVEDATE %b",
    "PREVIEW": b"PREVIEW %b",
}


class Source(Enum):
    """Where the sections of a FETCH are cut from, the cheapest that has them all."""

    NONE = "no sections"
    HEAD = "the kept lines of the header"
    HEADER = "the top of the message"
    MESSAGE = "the whole message"


@dataclass(frozen=True, slots=True)
class Plan:
    """How one FETCH is answered. `columns` begins with uid; with uid, message, size if messages are read."""

    items: tuple[Item | Section, ...]
    columns: tuple[str, ...]
    sections: tuple[Section, ...]
    source: Source

    @property
    def flags_only(self) -> bool:
        """Nothing but what a table of the mailbox's flags holds."""
        return self.columns in (("uid",), ("uid", "flags", "deleted", "keywords"))


def plan(items: Iterable[Item | Section], *, uid: bool, modseq: bool = False, flags: bool = False) -> Plan:
    """`uid`: a UID FETCH always answers with the UID (RFC 3501 §6.4.8); `modseq`, `flags` likewise."""
    wanted = list(items)
    if flags and Item("FLAGS") not in wanted:
        wanted.insert(0, Item("FLAGS"))
    if uid and Item("UID") not in wanted:
        wanted.insert(0, Item("UID"))
    if modseq and Item("MODSEQ") not in wanted:
        wanted.append(Item("MODSEQ"))
    sections = tuple(item for item in wanted if isinstance(item, Section))
    source = _source(sections)
    columns = ["uid"]
    if sections:
        columns += ["head"] if source is Source.HEAD else ["message", "size"]
    for item in wanted:
        if isinstance(item, Item):
            columns += (column for column in _COLUMNS_OF[item.name] if column not in columns)
    return Plan(tuple(wanted), tuple(columns), sections, source)


def _source(sections: Sequence[Section]) -> Source:
    if not sections:
        return Source.NONE
    if all(_in_head(section) for section in sections):
        return Source.HEAD
    if all(section.part in _HEADER_SECTIONS and not section.decoded for section in sections):
        return Source.HEADER
    return Source.MESSAGE


def _in_head(section: Section) -> bool:
    return section.part == "HEADER.FIELDS" and HEAD_FIELDS.issuperset(
        field.lower() for field in section.fields
    )


def marks_seen(items: Iterable[Item | Section]) -> bool:
    """RFC 3501 §6.4.5: BODY[] sets \\Seen, BODY.PEEK[] does not."""
    return any(isinstance(item, Section) and not item.peek for item in items)


# --- sections


MAX_PATTERN = 1000  # letters of field names that are made into a pattern
_HEADER_SECTIONS = frozenset(("HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT"))
_TOP_SECTIONS = _HEADER_SECTIONS | {"TEXT"}


def from_head(heads: Sequence[bytes], section: Section) -> list[bytes]:
    """The section's bytes out of the kept header lines of many messages (`Source.HEAD`).

    The same as `select_fields(parse_header(head), names)` for heads as `mta.message.parse` keeps them: whole
    fields, each with its line end. One pass of one pattern: this is what mail programs ask of every message.
    """
    names = frozenset(name.lower() for name in section.fields)
    others = HEAD_FIELDS - names
    if len(others) < len(names):  # it is less work to take away what was not asked for
        take_away = _fields(others).sub
        return [take_away(b"", b"\n" + head)[1:] + b"\r\n" for head in heads]
    cut = _cutter(names)
    return [cut(head) for head in heads]


def _cutter(names: frozenset[str]) -> Callable[[bytes], bytes]:
    """Cuts fields out of a header that ends with a line end; a blank line ends them."""
    find_all, join = _fields(names).findall, b"".join

    def cut(header: bytes) -> bytes:
        found = join(find_all(b"\n" + header))
        return found[1:] + b"\n\r\n" if found else b"\r\n"

    return cut


_FIELD_NAME = re.compile("[!-9;-~]+")  # RFC 5322 §3.6.8


@lru_cache(maxsize=500)
def _fields(names: frozenset[str]) -> re.Pattern[bytes]:
    """Whole fields of these names, each from the line end before it: a pattern that begins with a plain octet is
    looked for with memchr."""
    possible = [name for name in sorted(names) if _FIELD_NAME.fullmatch(name)]
    choices = "|".join("".join(_either_case(letter) for letter in name) for name in possible)
    text = rf"\n(?:{choices})[ \t]*:[^\n]*(?:\n[ \t][^\n]+)*" if choices else r"[^\x00-\xff]"
    return re.compile(text.encode("latin-1"))


def _either_case(letter: str) -> str:
    if letter.isascii() and letter.isalpha():
        return f"[{letter.lower()}{letter.upper()}]"
    return re.escape(letter)


def head_lines(top: bytes) -> bytes:
    """What would be kept of a message that begins so, were there room for it."""
    _end, body_start = split_message(top)
    kept = b"".join(field.raw for field in parse_header(top[:body_start]) if field.name in HEAD_FIELDS)
    return kept + b"\r\n" if kept and not kept.endswith(b"\n") else kept


class UnknownEncoding(Exception):
    """RFC 3516 §4.2: the part's transfer encoding is not one we can undo."""


class Opened:
    """A message's bytes (or only its top); its parts are found when a section of one is first asked for."""

    __slots__ = ("_tree", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._tree: Part | None = None

    @property
    def tree(self) -> Part:
        if self._tree is None:
            self._tree = parse_tree(self.raw)
        return self._tree

    def section(self, section: Section) -> Cut:
        """The section's bytes; None for a part that does not exist. UnknownEncoding."""
        if section.part == "":
            return self.raw
        if section.part in _TOP_SECTIONS:
            return _top_section(self.raw, section)
        if section.decoded:
            return self._decoded(section.part)
        return body_section(self.raw, self.tree, section.part, section.fields)

    def _decoded(self, number: str) -> Cut:
        part = find(self.tree, number)
        if part is None:
            return None
        if part.children or part.message is not None:  # RFC 2045 §6.4: these are never encoded
            return body_section(self.raw, self.tree, number)
        if not has_known_encoding(part):
            raise UnknownEncoding
        return decoded(self.raw, part)


def _top_section(raw: bytes, section: Section) -> bytes:
    """A section of the message itself: the header ends at the first empty line, whatever the parts are."""
    _end, body_start = split_message(raw)
    if section.part == "TEXT":
        return raw[body_start:]
    if section.part == "HEADER":
        return raw[:body_start]
    header = raw[:body_start]
    wanted = frozenset(name.lower() for name in section.fields)
    if section.part == "HEADER.FIELDS" and _is_quick(header, wanted):
        return _cutter(wanted)(header)
    return select_fields(parse_header(header), wanted, not_=section.part.endswith("NOT"))


def _is_quick(header: bytes, names: Iterable[str]) -> bool:
    """Whether `_cutter` may do it: no limit of `parse_header` is met, and the pattern is not a stranger's novel."""
    return (
        header.endswith(b"\n")
        and len(header) < MAX_HEADER
        and header.count(b"\n") < MAX_FIELDS
        and sum(map(len, names)) < MAX_PATTERN
    )


def cut(message: Opened, sections: Sequence[Section]) -> tuple[Cut, ...]:
    """All the sections' bytes. UnknownEncoding."""
    return tuple(message.section(section) for section in sections)


def announced(section: Section, data: Cut) -> tuple[bytes, bytes]:
    """(what stands before a section's bytes, the bytes that are sent of it)."""
    if section.size_only:
        return b"%d" % len(data or b""), b""
    if data is None:
        return b"NIL", b""
    if section.partial is not None:
        # RFC 3501 §6.4.5: past the end it is an empty string, not an error.
        data = data[section.partial[0] : section.partial[0] + section.partial[1]]
    if section.decoded and b"\0" in data:
        return b"~{%d}\r\n" % len(data), data  # RFC 3516 §4.4: only literal8 may have a NUL
    return b"{%d}\r\n" % len(data), data


# --- lines


class Printer:
    """Prints the FETCH responses of one plan. `first_recent`: UIDs from there on are \\Recent (0: none are).

    `lines` is for messages whose sections all come out of kept heads, `pieces` for the others.
    """

    def __init__(self, plan: Plan, *, first_recent: int = 0) -> None:
        self._plan = plan
        self._first_recent = first_recent
        self._words = [_pattern(item) for item in plan.items]
        self._line = b"* %d FETCH (" + b" ".join(self._words) + b")\r\n"

    def lines(self, numbers: Iterable[int], columns: Columns) -> bytes:
        """The responses for messages with these sequence numbers, whose columns these are."""
        words: list[Iterable[Any]] = [numbers]
        for item in self._plan.items:
            if isinstance(item, Section):
                cuts = from_head(columns["head"], item)
                if item.partial is not None:
                    start, end = item.partial[0], sum(item.partial)
                    cuts = [data[start:end] for data in cuts]
                words += (map(len, cuts), cuts)
            else:
                words.append(self._column(item.name, columns))
        return b"".join(map(self._line.__mod__, zip(*words, strict=True)))

    def pieces(
        self, numbers: Iterable[int], columns: Columns, cuts: Iterable[Sequence[Cut]]
    ) -> Iterator[bytes]:
        """The same in pieces, with what was cut out of each message; large sections are pieces of their own."""
        texts: list[Iterable[bytes]] = []
        pattern, words = b"* %d FETCH (", [numbers]
        for at, item in enumerate(self._plan.items):
            pattern += b" " if at else b""
            if isinstance(item, Section):
                texts.append(_printed(pattern + _escaped(item.label) + b" ", words))
                pattern, words = b"", []
            else:
                pattern += self._words[at]
                words.append(self._column(item.name, columns))
        texts.append(_printed(pattern + b")\r\n", words))
        sections = self._plan.sections
        for bodies, *between in zip(cuts, *texts, strict=False):
            for text, section, data in zip(between, sections, bodies, strict=False):
                before, sent = announced(section, data)
                yield text + before
                yield sent
            yield between[-1]

    def _column(self, name: str, columns: Columns) -> Iterable[Any]:
        """One word per message for an item."""
        if name == "UID":
            return columns["uid"]
        if name == "FLAGS":
            return self._flags(columns)
        values = columns[_COLUMNS_OF[name][0]]
        if name in ("INTERNALDATE", "SAVEDATE"):
            return internal_dates(values)
        if name == "PREVIEW":
            return [responses.quoted(text.encode()) for text in values]
        return values

    def _flags(self, columns: Columns) -> list[bytes]:
        keywords = columns["keywords"]
        bits = [
            flags | DELETED if deleted else flags
            for flags, deleted in zip(columns["flags"], columns["deleted"], strict=True)
        ]
        if self._first_recent:
            for at in range(bisect_left(columns["uid"], self._first_recent), len(bits)):
                bits[at] |= responses.RECENT
        if not any(keywords):
            return [_FLAGS[each] for each in bits]
        return [
            responses.flags(each, words.split()) if words else _FLAGS[each]
            for each, words in zip(bits, keywords, strict=True)
        ]


# Every combination of flags, printed once.
_FLAGS = tuple(responses.flags(bits) for bits in range(64))


def _printed(pattern: bytes, words: Sequence[Iterable[Any]]) -> Iterable[bytes]:
    """The pattern once per message, with that message's words."""
    return map(pattern.__mod__, zip(*words, strict=True)) if words else repeat(pattern % ())


def _pattern(item: Item | Section) -> bytes:
    if isinstance(item, Section):
        return _escaped(item.label) + b" {%d}\r\n%b"
    return b"UID %d" if item.name == "UID" else _PATTERNS[item.name]


def _escaped(label: bytes) -> bytes:
    return label.replace(b"%", b"%%")


_MINUTES = [b"%02d:%02d:" % divmod(minute, 60) for minute in range(24 * 60)]
_SECONDS = [b'%02d +0000"' % second for second in range(60)]
_DAY = 24 * 60 * 60


def internal_dates(moments: Iterable[int]) -> list[bytes]:
    """RFC 3501 §9 `date-time` of many moments (µs), in UTC, quotes included: tables instead of a calendar."""
    found = []
    for moment in moments:
        day, second = divmod(moment // 1_000_000, _DAY)
        minute, second = divmod(second, 60)
        found.append(_day(day) + _MINUTES[minute] + _SECONDS[second])
    return found


@lru_cache(maxsize=4096)
def _day(number: int) -> bytes:
    """The first half of a date-time, for the days since 1970-01-01."""
    return responses.internal_date(number * _DAY * 1_000_000)[: -len(b'00:00:00 +0000"')]
