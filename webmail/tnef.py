"""What lies in a `winmail.dat`: Outlook's envelope of its own (MS-OXTNEF), opened into files and a body.

One pass over the bytes, forward only: every length is checked against what is left, every list has an end, and
nothing that is taken out is larger than what it is taken from, but for the compressed RTF body, which is cut at
MAX_BODY. Files are slices. Damaged input gives what was read until then. Pure; never raises.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from mta.message.charsets import decode_charset, storable
from mta.message.tree import Part, decoded, safe_filename, walk

SIGNATURE = 0x223E9F78
MAX_ATTRIBUTES = 4000
MAX_FILES = 100
MAX_PROPERTIES = 2000
MAX_VALUES = 200
MAX_BODY = 2 * 1024 * 1024  # bytes of a body, unpacked
KINDS = {"application/ms-tnef", "application/vnd.ms-tnef"}


@dataclass(frozen=True, slots=True)
class File:
    """One file inside. `type` is what Outlook says it is; "" if it says nothing."""

    name: str
    type: str
    data: bytes
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """`html` or `text` is the body, if there is one in there."""

    files: tuple[File, ...] = ()
    text: str = ""
    html: str = ""


def is_tnef(content_type: str, name: str) -> bool:
    return content_type in KINDS or name.lower() == "winmail.dat"


def parts_of(tree: Part) -> list[Part]:
    """The parts of a message that are such envelopes."""
    return [part for part in walk(tree) if is_tnef(part.content_type, part.filename)][:5]


def opened_part(raw: bytes, part: Part) -> Opened:
    return opened(decoded(raw, part))


# --- the stream of attributes (MS-OXTNEF 2.1.3) -------------------------------------------------------------
_BODY, _TITLE, _DATA, _START, _PROPERTIES, _FILE_PROPERTIES, _CODEPAGE = (
    *(0x800C, 0x8010, 0x800F, 0x9002, 0x9003, 0x9005),
    0x9007,
)


def opened(data: bytes) -> Opened:
    """The files and the body of an envelope; nothing of what is none."""
    files: list[File] = []
    text = html = ""
    codepage = "cp1252"
    for name, value in _attributes(data):
        if name == _CODEPAGE and len(value) >= 4:
            codepage = f"cp{struct.unpack_from('<I', value)[0] % 100_000}"
        elif name == _BODY:
            text = text or _text(value[:MAX_BODY], codepage)
        elif name == _PROPERTIES:
            found = _properties(value)
            text = text or _string(found, 0x1000, codepage)
            html = html or _html(found, codepage)
        elif name == _START:
            if len(files) >= MAX_FILES:
                break
            files.append(File("", "", b""))
        elif files:
            files[-1] = _told(files[-1], name, value, codepage)
    kept = tuple(replace(each, name=each.name or f"file-{n}") for n, each in enumerate(files, start=1))
    return Opened(kept, text, html)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    if len(data) < 6 or struct.unpack_from("<I", data)[0] != SIGNATURE:
        return
    at = 6
    for _count in range(MAX_ATTRIBUTES):
        if at + 11 > len(data):
            return
        _level, name, _type, length = struct.unpack_from("<BHHI", data, at)
        at += 9
        if length > len(data) - at:
            return
        yield name, data[at : at + length]
        at += length + 2  # its checksum proves nothing


def _told(file: File, name: int, value: bytes, codepage: str) -> File:
    if name == _TITLE:
        return replace(file, name=file.name or safe_filename(_text(value[:1000], codepage)))
    if name == _DATA:
        return replace(file, data=value)
    if name == _FILE_PROPERTIES:
        found = _properties(value)
        long_name = _string(found, 0x3707, codepage) or _string(found, 0x3001, codepage)
        kind = _string(found, 0x370E, codepage).lower()
        return replace(
            file,
            name=safe_filename(long_name) or file.name,
            type=kind if re.fullmatch(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,80}", kind) else "",
            content_id=_string(found, 0x3712, codepage).strip("<> ")[:200],
        )
    return file


# --- MAPI properties (2.1.3.4) ------------------------------------------------------------------------------
_FIXED = {0x02: 4, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_VARIABLE = {0x0D, 0x1E, 0x1F, 0x102}


@dataclass(slots=True)
class _Cursor:
    data: bytes
    at: int = 0

    def number(self) -> int:
        (found,) = struct.unpack_from("<I", self.data, self.at)
        self.at += 4
        return int(found)

    def bytes(self, length: int) -> bytes:
        if length > len(self.data) - self.at:
            raise struct.error("too short")
        found = self.data[self.at : self.at + length]
        self.at += (length + 3) & ~3
        return found


def _properties(data: bytes) -> dict[int, tuple[int, bytes]]:
    """id → (type, value) of those with one value that are read here."""
    found: dict[int, tuple[int, bytes]] = {}
    cursor = _Cursor(data)
    try:
        for _count in range(min(cursor.number(), MAX_PROPERTIES)):
            tag = cursor.number()
            kind, name = tag & 0xFFFF, tag >> 16
            if name >= 0x8000:  # named: its name comes first
                cursor.bytes(16)
                if cursor.number() == 0:
                    cursor.number()
                else:
                    cursor.bytes(cursor.number())
            many, kind = bool(kind & 0x1000), kind & 0xEFFF
            if kind in _VARIABLE:
                values = [cursor.bytes(cursor.number()) for _n in range(min(cursor.number(), MAX_VALUES))]
            elif kind in _FIXED:
                values = [
                    cursor.bytes(_FIXED[kind])
                    for _n in range(min(cursor.number(), MAX_VALUES) if many else 1)
                ]
            else:
                break
            if values:
                found.setdefault(name, (kind, values[0]))
    except struct.error:
        pass
    return found


def _string(found: dict[int, tuple[int, bytes]], name: int, codepage: str) -> str:
    kind, value = found.get(name, (0, b""))
    if kind == 0x1F:
        return storable(value[:MAX_BODY].decode("utf-16-le", "replace").rstrip("\0"))
    return _text(value[:MAX_BODY], codepage) if kind in (0x1E, 0x102) else ""


def _text(value: bytes, codepage: str) -> str:
    return decode_charset(value.rstrip(b"\0"), codepage).replace("\r\n", "\n").replace("\r", "\n")


def _html(found: dict[int, tuple[int, bytes]], codepage: str) -> str:
    html = _string(found, 0x1013, codepage)
    if html:
        return html
    kind, packed = found.get(0x1009, (0, b""))
    rtf = unpacked_rtf(packed) if kind == 0x102 else b""
    return html_of_rtf(rtf) if rtf else ""


# --- the compressed RTF body (MS-OXRTFCP) -------------------------------------------------------------------
_DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArial"
    b"Times New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)


def unpacked_rtf(data: bytes) -> bytes:
    """The RTF; at most MAX_BODY bytes whatever the header promises (CVE-2026-62641 and its like)."""
    if len(data) < 16:
        return b""
    _packed, size, method, _crc = struct.unpack_from("<IIII", data)
    limit = min(size, MAX_BODY)
    if method == 0x414C454D:  # MELA: as it is
        return data[16 : 16 + limit]
    if method != 0x75465A4C:  # LZFu
        return b""
    window = bytearray(_DICTIONARY.ljust(4096, b"\0"))
    write, at = len(_DICTIONARY), 16
    out = bytearray()
    while at < len(data) and len(out) < limit:
        control = data[at]
        at += 1
        for bit in range(8):
            if at >= len(data) or len(out) >= limit:
                break
            if not control >> bit & 1:
                out.append(data[at])
                window[write] = data[at]
                write, at = (write + 1) & 4095, at + 1
                continue
            if at + 2 > len(data):
                return bytes(out)
            token = data[at] << 8 | data[at + 1]
            at += 2
            offset, length = token >> 4, (token & 15) + 2
            if offset == write:
                return bytes(out)
            for _n in range(length):
                letter = window[offset]
                out.append(letter)
                window[write] = letter
                write, offset = (write + 1) & 4095, (offset + 1) & 4095
    return bytes(out[:limit])


_RTF = re.compile(
    rb"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-z'])|([{}])|([^\\{}\r\n]{1,4096})|[\r\n]+",
    re.DOTALL,
)
_HIDDEN = {
    b"fonttbl",
    b"colortbl",
    b"stylesheet",
    b"info",
    b"pict",
    b"object",
    b"header",
    b"footer",
    b"listtable",
    b"themedata",
}
_SPACES = {
    b"par": "\n",
    b"line": "\n",
    b"tab": "\t",
    b"lquote": "‘",
    b"rquote": "’",
    b"ldblquote": "“",
    b"rdblquote": "”",
}
_SPACES |= {b"bullet": "•", b"endash": "–", b"emdash": "—"}
MAX_GROUPS = 400


@dataclass(slots=True)
class _Group:
    hidden: bool = False
    skipped: bool = False  # \htmlrtf: for RTF readers only
    tag: bool = False  # {\*\htmltag: a piece of the HTML
    starred: bool = False
    unicode_skip: int = 1


@dataclass(slots=True)
class _Writer:
    codepage: str = "cp1252"
    from_html: bool = False
    pieces: list[str] = field(default_factory=list)
    waiting: bytearray = field(default_factory=bytearray)

    def settle(self) -> None:
        if self.waiting:
            self.pieces.append(decode_charset(bytes(self.waiting), self.codepage))
            self.waiting.clear()

    def say(self, text: str) -> None:
        self.settle()
        self.pieces.append(text)


def html_of_rtf(rtf: bytes) -> str:
    """The HTML that an RTF body was made of (MS-OXRTFEX), or its text in a <pre>; not safe yet."""
    stack = [_Group()]
    out = _Writer(from_html=b"\\fromhtml" in rtf[:2000])
    omit = 0  # characters that follow a \u for those who cannot read it
    for match in _RTF.finditer(rtf[:MAX_BODY]):
        word, number, byte, sign, brace, plain = match.groups()
        group = stack[-1]
        if brace == b"{":
            if len(stack) >= MAX_GROUPS:
                break
            stack.append(replace(group, starred=False))
            continue
        if brace == b"}":
            if len(stack) > 1:
                stack.pop()
            continue
        if word is not None:
            omit = _obey(word, number, group, out) or (omit if word != b"u" else 0)
            continue
        if sign == b"*":
            group.starred = True
            continue
        if group.hidden or group.skipped:
            continue
        if byte is not None:
            if omit:
                omit -= 1
            else:
                out.waiting.append(int(byte, 16))
        elif sign is not None:
            out.say({b"~": "\u00a0", b"_": "-", b"-": ""}.get(sign, sign.decode("latin-1")))
        elif plain is not None:
            taken = min(omit, len(plain))
            omit -= taken
            out.waiting += plain[taken:]
    out.settle()
    text = storable("".join(out.pieces))
    if out.from_html:
        return text
    escaped = text.strip().replace("&", "&amp;").replace("<", "&lt;")
    return f'<div style="white-space:pre-wrap">{escaped}</div>' if escaped else ""


def _obey(word: bytes, number: bytes | None, group: _Group, out: _Writer) -> int:
    """What a control word changes; gives the characters to omit after it."""
    value = int(number) if number else 0
    if word == b"htmlrtf":
        group.skipped = number != b"0"
    elif word == b"htmltag":
        group.tag, group.hidden = True, False
    elif word == b"ansicpg":
        out.codepage = f"cp{value}"
    elif word == b"uc":
        group.unicode_skip = min(max(value, 0), 8)
    elif word in _HIDDEN or (group.starred and word != b"htmltag"):
        group.hidden = True
    elif group.hidden or group.skipped:
        return 0
    elif word == b"u":
        letter = value & 0xFFFF
        out.say(chr(letter) if not 0xD800 <= letter < 0xE000 else "\ufffd")
        return group.unicode_skip
    elif word in _SPACES:
        out.say(("\r\n" if word in (b"par", b"line") else "\t") if group.tag else _SPACES[word])
    return 0
