"""FETCH from columns to wire bytes: which columns a command needs, and how one message's line reads.

Pure. `plan` decides once per command; `line` runs once per message and does nothing but join bytes.
Flags come from the told view, envelope and body structure from columns already in wire form, header
fields from the kept head where it holds them; only what is left needs the message itself (`bodies`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mta.message.headers import parse_header, select_fields, split_message
from mta.message.parse import HEAD_FIELDS
from mta.message.tree import Part, body_section, parse_tree
from mta.wire.imap import responses
from mta.wire.imap.commands import Item, Section
from mta.wire.imap.view import Selection

Row = Sequence[Any]
LineWriter = Callable[..., bytes]

_COLUMN_OF = {
    "INTERNALDATE": "internal_date",
    "RFC822.SIZE": "size",
    "ENVELOPE": "envelope",
    "BODY": "body",
    "BODYSTRUCTURE": "bodystructure",
    "MODSEQ": "modseq",
    "EMAILID": "email_id",
    "THREADID": "thread",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How one FETCH is answered. `columns` begins with uid, and with uid, message, size if `bodies`."""

    items: tuple[Item | Section, ...]
    columns: tuple[str, ...]
    sections: tuple[Section, ...]  # those that may need the message's bytes
    from_head: bool  # all sections can be answered from the head column where it is complete

    @property
    def from_view(self) -> bool:
        """Nothing but what the session knows already."""
        return self.columns == ("uid",)

    @property
    def bodies(self) -> bool:
        return bool(self.sections)


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
    from_head = bool(sections) and all(_in_head(section) for section in sections)
    columns = ["uid"]
    if sections:
        columns += ["message", "size"] + (["head", "head_complete"] if from_head else [])
    for item in wanted:
        column = _COLUMN_OF.get(item.name) if isinstance(item, Item) else None
        if column and column not in columns:
            columns.append(column)
    return Plan(tuple(wanted), tuple(columns), sections, from_head)


def marks_seen(items: Iterable[Item | Section]) -> bool:
    """RFC 3501 §6.4.5: BODY[] sets \\Seen, BODY.PEEK[] does not."""
    return any(isinstance(item, Section) and not item.peek for item in items)


def _in_head(section: Section) -> bool:
    return section.part == "HEADER.FIELDS" and HEAD_FIELDS.issuperset(
        field.lower() for field in section.fields
    )


def from_head(head: bytes, sections: Sequence[Section]) -> tuple[bytes, ...]:
    """The sections' bytes out of the kept header lines (`plan.from_head`)."""
    fields = parse_header(bytes(head))
    return tuple(select_fields(fields, {name.lower() for name in section.fields}) for section in sections)


class Opened:
    """A message's bytes; its parts are found when a section of one is first asked for."""

    __slots__ = ("_tree", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._tree: Part | None = None

    def section(self, section: Section) -> bytes | None:
        """The section's bytes; None for a part that does not exist."""
        if section.part == "":
            return self.raw
        if section.part in _TOP:
            return _top_section(self.raw, section)
        if self._tree is None:
            self._tree = parse_tree(self.raw)
        return body_section(self.raw, self._tree, section.part, section.fields)


_TOP = frozenset(("HEADER", "TEXT", "HEADER.FIELDS", "HEADER.FIELDS.NOT"))


def _top_section(raw: bytes, section: Section) -> bytes:
    """A section of the message itself: the header ends at the first empty line, whatever the parts are."""
    _end, body_start = split_message(raw)
    if section.part == "TEXT":
        return raw[body_start:]
    if section.part == "HEADER":
        return raw[:body_start]
    wanted = {name.lower() for name in section.fields}
    return select_fields(parse_header(raw[:body_start]), wanted, not_=section.part.endswith("NOT"))


def cut(message: Opened, sections: Sequence[Section]) -> tuple[bytes | None, ...]:
    """All the sections' bytes."""
    return tuple(message.section(section) for section in sections)


def line_writer(plan: Plan, selection: Selection) -> LineWriter:
    """A function that prints one message's FETCH response from its row and its sections' bytes.

    Messages that the client has not been told of are not printed (b"").
    """
    place = {column: number for number, column in enumerate(plan.columns)}
    writers = [_writer(item, plan, place, selection) for item in plan.items]
    index = selection.view.index

    def line(row: Row, bodies: Sequence[bytes | None] = ()) -> bytes:
        at = index(row[0])
        if at < 0:
            return b""
        whole = (row, at, bodies)
        return b"* %d FETCH (%b)\r\n" % (at + 1, b" ".join([writer(whole) for writer in writers]))

    return line


def _writer(
    item: Item | Section, plan: Plan, place: dict[str, int], selection: Selection
) -> Callable[[tuple[Row, int, Sequence[bytes | None]]], bytes]:
    if isinstance(item, Section):
        number = plan.sections.index(item)
        label, partial = item.label, item.partial
        return lambda whole: _section(label, partial, whole[2][number])
    name = item.name
    if name == "UID":
        return lambda whole: b"UID %d" % whole[0][0]
    if name == "FLAGS":
        flags_of = selection.flags_of
        return lambda whole: b"FLAGS (" + flags_of(whole[1]) + b")"
    column = place[_COLUMN_OF[name]]
    if name == "INTERNALDATE":
        return lambda whole: b"INTERNALDATE " + responses.internal_date(whole[0][column])
    if name in _NUMBERS:
        pattern = _NUMBERS[name]
        return lambda whole: pattern % whole[0][column]
    prefix = name.encode() + b" "
    return lambda whole: prefix + whole[0][column]


_NUMBERS = {
    "RFC822.SIZE": b"RFC822.SIZE %d",
    "MODSEQ": b"MODSEQ (%d)",
    "EMAILID": b"EMAILID (M%d)",  # RFC 8474 §5
    "THREADID": b"THREADID (T%d)",
}


def _section(label: bytes, partial: tuple[int, int] | None, data: bytes | None) -> bytes:
    if data is None:
        return label + b" NIL"
    if partial is not None:
        # RFC 3501 §6.4.5: past the end it is an empty string, not an error.
        data = data[partial[0] : partial[0] + partial[1]]
    return b"%b {%d}\r\n%b" % (label, len(data), data)
