"""The MIME tree of a message: where each part stands, what it says it is, and its bytes (RFC 2045, 2046).

Reads the message once from front to back, whatever the nesting; never raises; keeps byte offsets, never copies.
`parse_tree` once at delivery, `body_section` for IMAP's BODY[…], `decoded` for downloads.
"""

import binascii
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from mta.message.charsets import decode_charset, storable
from mta.message.encoded_words import lenient_base64
from mta.message.headers import (
    Field,
    decode_text,
    first,
    one_line,
    parse_header,
    parse_params,
    select_fields,
    starts_a_header,
    unfold,
)

MAX_PARTS = 1000
MAX_DEPTH = 50
MAX_DELIMITER = 300  # RFC 2046 §5.1.1 says 70 characters; some senders never read it
MAX_FILENAME = 255
MAX_DAMAGED = 1000


@dataclass(frozen=True, slots=True)
class Part:
    """One entity. Offsets are positions in the whole raw message."""

    number: str  # IMAP's section: "" the root multipart, "1" the only part, "1.2"; an inner message's multipart has its parent's
    maintype: str
    subtype: str
    params: dict[str, str]
    encoding: str
    disposition: str  # "" when there was none
    disposition_params: dict[str, str]
    content_id: str  # without angle brackets
    description: str
    filename: str
    header_start: int
    header_end: int
    body_start: int
    body_end: int
    lines: int
    fields: tuple[Field, ...]
    children: tuple["Part", ...]
    message: "Part | None"

    @property
    def content_type(self) -> str:
        return f"{self.maintype}/{self.subtype}"

    @property
    def octets(self) -> int:
        return self.body_end - self.body_start


@dataclass(slots=True)
class _Entity:
    """A part while its end is not yet known."""

    header_start: int
    header_end: int
    body_start: int
    fields: tuple[Field, ...]
    content_type: str
    params: dict[str, str]
    encoding: str
    depth: int
    boundary: bytes = b""
    shadowed: int | None = None
    body_end: int = 0
    children: list["_Entity"] = field(default_factory=list)
    message: "_Entity | None" = None


_BLANK = re.compile(rb"\n\r?\n")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")
_IDENTITY = ("7bit", "8bit", "binary", "")


class _Reader:
    """One pass over the bytes. `scan` and `blank` only ever move forward, which keeps the whole linear."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.scan = 0  # no open boundary's delimiter begins before this
        self.blank: tuple[int, int] = (-1, -1)  # the blank line found last: (its start, the body's start)
        self.open: dict[bytes, int] = {}  # boundary → index in `stack` of its innermost multipart
        self.stack: list[_Entity] = []
        self.count = 0

    def read(self) -> _Entity:
        root = self.enter(0, "text/plain")
        while (found := self.next_delimiter(len(self.raw))) is not None:
            start, end, boundary, closing = found
            self.scan = end
            self.close(self.open[boundary] + 1, start)
            multipart = self.stack[-1]
            if closing or self.count >= MAX_PARTS:
                self.leave_boundary(multipart)
                continue
            default = "message/rfc822" if multipart.content_type == "multipart/digest" else "text/plain"
            child = self.enter(end, default)
            multipart.children.append(child)
        self.close(0, len(self.raw))
        return root

    def enter(self, start: int, default: str) -> _Entity:
        """Read the header at `start`, push the entity, and the inner message if it is one."""
        self.count += 1
        header_end, body_start = self.header_at(start)
        self.scan = max(self.scan, body_start)
        entity = _describe(self.raw, (start, header_end, body_start), default, len(self.stack))
        self.stack.append(entity)
        plain = entity.encoding in _IDENTITY  # RFC 2045 §6.4: no other encoding on composite types
        if entity.boundary and entity.depth < MAX_DEPTH:
            entity.shadowed = self.open.get(entity.boundary)
            self.open[entity.boundary] = len(self.stack) - 1
        elif entity.content_type == "message/rfc822" and plain and self.has_room(entity):
            entity.message = self.enter(body_start, "text/plain")
        return entity

    def has_room(self, entity: _Entity) -> bool:
        return entity.depth < MAX_DEPTH and self.count < MAX_PARTS

    def header_at(self, start: int) -> tuple[int, int]:
        raw = self.raw
        if raw.startswith(b"\r\n", start):
            return start, start + 2
        if raw.startswith(b"\n", start):
            return start, start + 1
        if not starts_a_header(raw, start):
            return start, start
        if self.blank[0] <= start:
            match = _BLANK.search(raw, start)
            self.blank = (match.start() + 1, match.end()) if match else (len(raw), len(raw))
        header_end, body_start = self.blank
        self.scan = max(self.scan, start)
        cut = self.next_delimiter(header_end)  # a part that ends inside its own header
        return (cut[0], cut[0]) if cut else (header_end, body_start)

    def next_delimiter(self, limit: int) -> tuple[int, int, bytes, bool] | None:
        """(start, end, boundary, is it closing) of the next delimiter line of an open multipart before `limit`."""
        raw, open_ = self.raw, self.open
        if not open_:
            return None
        while self.scan < limit:
            at = self.scan
            if not (raw.startswith(b"--", at) and (at == 0 or raw[at - 1] == 10)):
                at = raw.find(b"\n--", at, limit + 2) + 1
                if at == 0:
                    self.scan = limit
                    return None
            end = raw.find(b"\n", at, at + MAX_DELIMITER)
            if end < 0:
                end = len(raw) if len(raw) - at < MAX_DELIMITER else at + 2
            else:
                end += 1
            text = raw[at + 2 : end].rstrip()  # RFC 2046 §5.1.1: transport padding
            if text in open_:
                return at, end, text, False
            if text.endswith(b"--") and text[:-2] in open_:
                return at, end, text[:-2], True
            self.scan = at + 2 if end == at + 2 else end - 1
        return None

    def close(self, level: int, at: int) -> None:
        """End every entity above `level` at the delimiter line that begins at `at`."""
        end = at
        if level > 0 and self.raw[end - 1 : end] == b"\n":
            # RFC 2046 §5.1.1: the line end before a delimiter belongs to the delimiter
            end -= 2 if self.raw[end - 2 : end] == b"\r\n" else 1
        while len(self.stack) > level:
            entity = self.stack.pop()
            self.leave_boundary(entity, index=len(self.stack))
            entity.body_end = max(entity.body_start, end)

    def leave_boundary(self, entity: _Entity, index: int | None = None) -> None:
        """What follows is the epilogue: the boundary counts no more."""
        index = len(self.stack) - 1 if index is None else index
        if entity.boundary and self.open.get(entity.boundary) == index:
            if entity.shadowed is None:
                del self.open[entity.boundary]
            else:
                self.open[entity.boundary] = entity.shadowed


def _describe(raw: bytes, where: tuple[int, int, int], default: str, depth: int) -> _Entity:
    start, header_end, body_start = where
    fields = parse_header(raw[start:header_end])
    value = first(fields, "content-type")
    content_type = default
    params: dict[str, str] = {}
    if value is not None:
        said, params = parse_params(value)
        if _TYPE.fullmatch(said):
            content_type = said
        elif said in ("text", "html", "plain"):  # seen in the wild
            content_type = "text/html" if said == "html" else "text/plain"
        else:  # RFC 2045 §5.2
            content_type, params = "text/plain", {}
    written = first(fields, "content-transfer-encoding")
    encoding = "7bit" if written is None else one_line(unfold(written[:100]).decode("latin-1")).lower()
    entity = _Entity(
        start, header_end, body_start, fields, content_type, params, encoding.split(";")[0].strip(), depth
    )
    if content_type.startswith("multipart/"):
        entity.boundary = params.get("boundary", "").rstrip().encode("utf-8", "replace")[:MAX_DELIMITER]
    return entity


def parse_tree(raw: bytes) -> Part:
    """The tree of a message; at most MAX_PARTS parts and MAX_DEPTH levels, what lies beyond is content."""
    root = _Reader(raw).read()
    entities = list(_all(root))
    counts = _line_counts(raw, entities)
    return _freeze(root, "", counts)


def _all(entity: _Entity) -> Iterator[_Entity]:
    yield entity
    if entity.message:
        yield from _all(entity.message)
    for child in entity.children:
        yield from _all(child)


def _line_counts(raw: bytes, entities: list[_Entity]) -> dict[int, int]:
    """Line ends before each edge of a part that needs them, counted in one pass."""
    edges: set[int] = set()
    for entity in entities:
        if entity.content_type.startswith(("text/", "message/", "multipart/")):
            edges.update((entity.body_start, entity.body_end))
    counts: dict[int, int] = {}
    total = position = 0
    for edge in sorted(edges):
        total += raw.count(b"\n", position, edge)
        counts[edge] = total
        position = edge
    return counts


def _freeze(entity: _Entity, number: str, counts: dict[int, int], parent: str = "") -> Part:
    """Number the parts as RFC 3501 §6.4.5 does; `parent` is the number of the message that this is the body of."""
    children: tuple[Part, ...] = ()
    message = None
    content_type, params = entity.content_type, entity.params
    if entity.children:
        base = number or parent
        prefix = f"{base}." if base else ""
        children = tuple(
            _freeze(child, f"{prefix}{n}", counts) for n, child in enumerate(entity.children, start=1)
        )
        number = number or parent
    else:
        if content_type.startswith("multipart/"):
            # No boundary, or one that never comes: the reader wants to see the text (RFC 2045 §5.2).
            deep = entity.depth >= MAX_DEPTH
            content_type, params = ("application/octet-stream" if deep else "text/plain"), {}
        if not number:
            number = f"{parent}.1" if parent else "1"
        if entity.message is not None:
            message = _freeze(entity.message, "", counts, parent=number)
    maintype, _, subtype = content_type.partition("/")
    disposition = ""
    disposition_params: dict[str, str] = {}
    value = first(entity.fields, "content-disposition")
    if value is not None:
        disposition, disposition_params = parse_params(value)
        if disposition not in ("inline", "attachment") and disposition:
            disposition = "attachment"  # RFC 2183 §2.8: unknown dispositions are treated as attachments
    filename = disposition_params.get("filename") or params.get("name") or ""
    content_id = first(entity.fields, "content-id")
    description = first(entity.fields, "content-description")
    return Part(
        number=number,
        maintype=maintype,
        subtype=subtype,
        params=params,
        encoding=entity.encoding,
        disposition=disposition,
        disposition_params=disposition_params,
        content_id=decode_text(content_id).strip("<> ")[:998] if content_id else "",
        description=decode_text(description)[:998] if description else "",
        filename=safe_filename(filename),
        header_start=entity.header_start,
        header_end=entity.header_end,
        body_start=entity.body_start,
        body_end=entity.body_end,
        lines=counts.get(entity.body_end, 0) - counts.get(entity.body_start, 0),
        fields=entity.fields,
        children=children,
        message=message,
    )


def safe_filename(name: str) -> str:
    """The last component of a name, fit for a page and a download; "" stays empty."""
    name = one_line(name).replace("\\", "/").rsplit("/", 1)[-1].strip(" .")
    if len(name) <= MAX_FILENAME:
        return name
    stem, dot, extension = name.rpartition(".")
    if dot and len(extension) <= 16:
        return f"{stem[: MAX_FILENAME - len(extension) - 1]}.{extension}"
    return name[:MAX_FILENAME]


def walk(part: Part) -> Iterator[Part]:
    """The part and all below it, inner messages too, in the order of the bytes."""
    yield part
    if part.message is not None:
        yield from walk(part.message)
    for child in part.children:
        yield from walk(child)


def find(part: Part, number: str) -> Part | None:
    """The part of that IMAP number, None if there is none. Of a message and its multipart it is the former."""
    for each in walk(part):
        if each.number == number:
            return each
    return None


# --- Content --------------------------------------------------------------------------------------------

_UUENCODE = ("x-uuencode", "uuencode", "x-uue", "uue")


def has_known_encoding(part: Part) -> bool:
    """Whether `decoded` undoes the part's transfer encoding; if not, it gives the bytes as they were sent."""
    return part.encoding in (*_IDENTITY, "base64", "quoted-printable", *_UUENCODE)


def decoded(raw: bytes, part: Part, *, limit: int | None = None) -> bytes:
    """The content without its transfer encoding. With `limit`, only that many encoded bytes are read."""
    end = part.body_end if limit is None else min(part.body_end, part.body_start + limit)
    data = raw[part.body_start : end]
    encoding = part.encoding
    if encoding == "base64":
        return lenient_base64(data)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(data)
    if encoding in _UUENCODE:
        return _uudecoded(data)
    return data


def _uudecoded(data: bytes) -> bytes:
    """The first file; lines that sloppy encoders padded wrongly are read for the length they state."""
    begin = re.search(rb"^begin [^\n]*\n", data, re.MULTILINE)
    if begin is None:
        return data
    out = []
    damaged = 0
    for line in data[begin.end() :].splitlines():
        if line.startswith((b"end", b"`")) or damaged > MAX_DAMAGED:
            break
        stated = (((line[0] - 32) & 63) * 4 + 5) // 3 if line else 0
        if len(line) + 3 < stated:  # padding it with zeros would let a few bytes become many
            damaged += 1
            continue
        try:
            out.append(binascii.a2b_uu(line[:stated]))
        except (binascii.Error, ValueError):
            damaged += 1
    return b"".join(out)


_META_CHARSET = re.compile(
    rb"""<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}["']?([A-Za-z0-9_:.-]{1,40})""", re.IGNORECASE
)


def decoded_text(raw: bytes, part: Part, *, limit: int | None = None) -> str:
    """The content as storable text with "\\n" line ends."""
    data = decoded(raw, part, limit=limit)
    charset = part.params.get("charset", "")
    if not charset and part.subtype == "html":
        meta = _META_CHARSET.search(data, 0, 4096)
        charset = meta[1].decode("ascii") if meta else ""
    text = decode_charset(data, charset)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return storable(text.removeprefix("\ufeff"))


# --- IMAP sections --------------------------------------------------------------------------------------

_SECTION = re.compile(r"(?:(\d+(?:\.\d+)*)(?:\.|\Z))?(HEADER|TEXT|MIME|HEADER\.FIELDS|HEADER\.FIELDS\.NOT)?")


def body_section(
    raw: bytes, tree: Part, section: str, fields: Collection[str] = (), *, not_: bool = False
) -> bytes | None:
    """The bytes of BODY[section] as RFC 3501 §6.4.5 has it; None for a part that does not exist.

    `section` is "" or as in "1", "HEADER", "2.HEADER.FIELDS", "1.2.MIME"; `fields` names the header fields.
    """
    if section == "":
        return raw
    match = _SECTION.fullmatch(section.upper())
    if match is None or section.endswith("."):
        return None
    number, what = match[1], match[2]
    if number is None:
        entity: Part | None = tree
    else:
        part = find(tree, number)
        if part is None or (part.number == "" and number):
            return None
        if what is None:
            return raw[part.body_start : part.body_end]
        if what == "MIME":
            return raw[part.header_start : part.body_start]
        entity = part.message
    if entity is None or what is None or what == "MIME":
        return None
    if what == "HEADER":
        return raw[entity.header_start : entity.body_start]
    if what == "TEXT":
        return raw[entity.body_start : entity.body_end]
    names = {name.lower() for name in fields}
    return select_fields(entity.fields, names, not_=not_ or what.endswith("NOT"))
