"""The items of a FETCH as they are written (RFC 3501 §6.4.5): macros, columns, body sections.

Pure; part of the grammar, apart because a section is a small language of its own. BINARY is RFC 3516,
EMAILID and THREADID RFC 8474, PREVIEW RFC 8970, SAVEDATE RFC 8514.
"""

from __future__ import annotations

import re

from mta.wire.imap.commands import Item, Section
from mta.wire.imap.scanner import BadSyntax, Scanner

MAX_ITEMS = 100
MAX_FIELDS = 200

MACROS = {
    "FAST": ("FLAGS", "INTERNALDATE", "RFC822.SIZE"),
    "ALL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"),
    "FULL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"),
}
ITEMS = frozenset(
    (
        "FLAGS",
        "INTERNALDATE",
        "RFC822.SIZE",
        "ENVELOPE",
        "BODY",
        "BODYSTRUCTURE",
        "UID",
        "MODSEQ",
        "EMAILID",
        "THREADID",
        "SAVEDATE",
        "PREVIEW",
    )
)
# RFC 3501 §6.4.5: equivalent to BODY[], BODY.PEEK[HEADER] and BODY[TEXT] but for the answer's name.
_RFC822 = {
    "RFC822": Section("", b"RFC822"),
    "RFC822.HEADER": Section("HEADER", b"RFC822.HEADER", peek=True),
    "RFC822.TEXT": Section("TEXT", b"RFC822.TEXT"),
}
_NAME = re.compile(rb"[A-Za-z0-9.]{1,20}")
_PART = re.compile(rb"[1-9]\d{0,5}(?:\.[1-9]\d{0,5}){0,49}(?=[.\]])")
_BINARY = frozenset(("BINARY", "BINARY.PEEK", "BINARY.SIZE"))
_BINARY_PART = re.compile(rb"[1-9]\d{0,5}(?:\.[1-9]\d{0,5}){0,49}(?=\])")
# RFC 8970 §3.2 asks for no work, and there is none: previews are made at delivery.
_LAZY = re.compile(rb" \(LAZY\)", re.IGNORECASE)
_KIND = re.compile(rb"HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME", re.IGNORECASE)
_PARTIAL = re.compile(rb"<(\d{1,10})\.(\d{1,10})>")


def fetch_items(scanner: Scanner) -> tuple[Item | Section, ...]:
    if not scanner.skip(b"("):
        name = _name(scanner)
        if name in MACROS:
            return tuple(Item(item) for item in MACROS[name])
        return (_item(name, scanner),)
    items: list[Item | Section] = []
    while not scanner.skip(b")"):
        if items:
            scanner.space()
        items.append(_item(_name(scanner), scanner))
        if len(items) > MAX_ITEMS:
            raise BadSyntax("Too many items in one FETCH")
    if not items:
        raise BadSyntax("Expected a FETCH item")
    return tuple(dict.fromkeys(items))


def _name(scanner: Scanner) -> str:
    found = scanner.matched(_NAME)
    if not found:
        raise BadSyntax("Expected a FETCH item")
    return found.group().decode("ascii").upper()


def _item(name: str, scanner: Scanner) -> Item | Section:
    if name in {"BODY", "BODY.PEEK"} and scanner.skip(b"["):
        return _section(scanner, peek=name == "BODY.PEEK")
    if name in _BINARY and scanner.skip(b"["):
        return _binary(name, scanner)
    if name in _RFC822:
        return _RFC822[name]
    if name not in ITEMS:
        raise BadSyntax("Unknown FETCH item")
    if name == "PREVIEW":
        scanner.matched(_LAZY)
    return Item(name)


def _binary(name: str, scanner: Scanner) -> Section:
    """RFC 3516 §4.2, §4.3: a part without its transfer encoding, or how long it is so."""
    part = scanner.matched(_BINARY_PART)
    number = part.group().decode("ascii") if part else ""
    scanner.need(b"]")
    if name == "BINARY.SIZE":
        return Section(number, f"BINARY.SIZE[{number}]".encode(), peek=True, decoded=True, size_only=True)
    partial = _partial(scanner)
    start = f"<{partial[0]}>" if partial else ""
    label = f"BINARY[{number}]{start}".encode()
    return Section(number, label, (), partial, name == "BINARY.PEEK", decoded=True)


def _section(scanner: Scanner, *, peek: bool) -> Section:
    part = scanner.matched(_PART)
    number = part.group().decode("ascii") if part else ""
    kind = ""
    fields: tuple[str, ...] = ()
    if not scanner.next_is(b"]"):
        kind, fields = _kind(scanner, nested=bool(part))
    scanner.need(b"]")
    spec = f"{number}.{kind}" if number and kind else number or kind
    partial = _partial(scanner)
    return Section(spec, _label(spec, fields, partial), fields, partial, peek)


def _partial(scanner: Scanner) -> tuple[int, int] | None:
    """`<start.count>`; both are 32 bits, the count is not zero (RFC 3501 §9 `fetch-att`, RFC 9051 §9 `partial`)."""
    found = scanner.matched(_PARTIAL)
    if not found:
        return None
    start, count = int(found.group(1)), int(found.group(2))
    if not count or max(start, count) > 0xFFFFFFFF:
        raise BadSyntax("A partial is <start.count> with a count of 1 to 4294967295")
    return start, count


def _kind(scanner: Scanner, *, nested: bool) -> tuple[str, tuple[str, ...]]:
    if nested:
        scanner.need(b".")
    found = scanner.matched(_KIND)
    kind = found.group().decode("ascii").upper() if found else ""
    if not kind or (kind == "MIME" and not nested):  # RFC 3501 §6.4.5: MIME must have a part number
        raise BadSyntax("Unknown body section")
    if not kind.startswith("HEADER.FIELDS"):
        return kind, ()
    scanner.space()
    scanner.need(b"(")
    fields: list[str] = []
    while not scanner.skip(b")"):
        if fields:
            scanner.space()
        fields.append(scanner.astring("a header field").decode("latin-1"))
        if len(fields) > MAX_FIELDS:
            raise BadSyntax("Too many header fields")
    if not fields:
        raise BadSyntax("Expected a header field")
    return kind, tuple(fields)


_PLAIN_FIELD = re.compile(r"[!#$&'+,\-./0-9:;<=>?@A-Z^_`a-z|~]+")


def _label(spec: str, fields: tuple[str, ...], partial: tuple[int, int] | None) -> bytes:
    """How the answer names the section: with the first octet of a partial, without .PEEK."""
    names = ""
    if fields:
        names = " (" + " ".join(_field(name) for name in fields) + ")"
    start = f"<{partial[0]}>" if partial else ""
    return f"BODY[{spec}{names}]{start}".encode("latin-1")


def _field(name: str) -> str:
    if _PLAIN_FIELD.fullmatch(name):
        return name
    kept = "".join(character for character in name if " " <= character <= "~")
    return '"' + kept.replace("\\", "\\\\").replace('"', '\\"') + '"'
