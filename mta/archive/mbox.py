"""Reading and writing mbox (RFC 4155): many messages in one file, each behind a line "From sender date".

Reading is one pass over blocks and holds one message at a time. A line of the text that begins with "From " is
hidden behind ">" in one of two ways, which no file says: mboxrd (`>From ` → `>>From `, reversible; mutt, Gmail,
ourselves) or mboxo (`>From ` stays; Dovecot, old programs). Flags travel in fields that the writing program adds
(Status, X-Status, X-Keywords, X-Mozilla-Status, X-Gmail-Labels); they are taken out, as they are no part of the
message. What we write begins with a field of our own, which says where that ends and how to get the very bytes.
"""

from __future__ import annotations

import re
from array import array
from calendar import timegm
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO
from urllib.parse import quote, unquote

from mta.message.headers import decode_text, parse_header, split_message
from mta.values import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN

from . import gmail, lines
from .values import Folder, Letter, Unreadable

BLOCK = 1 << 20
LONGEST_FROM = 1000
FORWARDED = "$Forwarded"
_MONTHS = {
    name: place for place, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)
}
# asctime with an optional time zone before or after the year: mutt, Dovecot, Google Takeout, Berkeley mail.
_DATE = re.compile(
    rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +(\d{1,2}) +"
    rb"(\d{1,2}):(\d{2})(?::(\d{2}))?(?: +([+-]\d{4}|[A-Z]{1,5}))? +(\d{4})(?: +([+-]\d{4}))?"
)
_DASH = re.compile(rb"From (?:-|\?\?\?@\?\?\?)\s")  # Thunderbird's and Eudora's, sometimes without a date


@dataclass(slots=True)
class Entry:
    """One message as it stands in an mbox: its From line, and what follows up to the next one."""

    from_line: bytes
    data: bytes | None  # None: larger than was asked for
    offset: int
    number: int


def looks_like_one(start: bytes) -> bool:
    """Whether a file that begins so is an mbox."""
    return start.lstrip(b"\r\n").startswith(b"From ")


# --- taking apart


def entries(stream: BinaryIO, *, largest: int) -> Iterator[Entry]:
    """The messages of an mbox, with quoting and additions still in them. Raises Unreadable at its first line."""
    buffer = bytearray()
    base = 0  # where the buffer begins in the file
    current: Entry | None = None
    start = scan = number = 0
    ended = False
    while True:
        if not ended:
            block = stream.read(BLOCK)
            ended = not block
            buffer += block
        if current is None:
            skipped = len(buffer) - len(buffer.lstrip(b"\r\n"))
            if skipped == len(buffer) and not ended:
                continue
            if skipped == len(buffer):
                return
            stop = buffer.find(b"\n", skipped, skipped + LONGEST_FROM)
            line = bytes(buffer[skipped : len(buffer) if stop < 0 else stop + 1])
            if stop < 0 and not ended and len(line) < LONGEST_FROM:
                continue
            if not line.startswith(b"From ") or len(line) >= LONGEST_FROM:
                raise Unreadable("does not begin with a From line, so it is no mbox")
            number += 1
            current = Entry(line, b"", base + skipped, number)
            start = scan = skipped + len(line)
        while (found := _next_from(buffer, max(scan - 1, 0), ended)) is not None:
            place, after, sure = found
            if not sure:
                scan = place + 1
                break
            if place + 1 >= start:
                if current.data is not None:
                    current.data = bytes(buffer[start : place + 1])
                    if len(current.data) > largest:
                        current.data = None
                yield current
                number += 1
                current = Entry(bytes(buffer[place + 1 : after]), b"", base + place + 1, number)
                start = after
            scan = after
        else:
            scan = max(start, len(buffer) - 5)  # "\nFrom " may be cut by the block's end
        if ended:
            if current.data is not None:
                current.data = bytes(buffer[start:]) if len(buffer) - start <= largest else None
            yield current
            return
        if len(buffer) - start > largest + BLOCK:
            current.data = None  # too large: only look for its end
            keep = min(scan - 1, len(buffer) - 1)
        else:
            keep = start
        if keep > BLOCK or current.data is None:
            del buffer[:keep]
            base += keep
            scan -= keep
            start = max(0, start - keep)


MOST_SORTED = 5_000_000  # messages whose places are held in memory, 24 bytes each


def newest_first(stream: BinaryIO, *, largest: int) -> Iterator[Entry]:
    """The same messages by the dates of their From lines, the newest first: one pass finds them, then each is read
    where it lies. One without a date goes with the one before it. The stream must be one that can be sought in."""
    dates, places = array("q"), array("q")
    for entry in entries(stream, largest=0):
        date = date_of(entry.from_line)
        dates.append(date if date is not None else dates[-1] if dates else 0)
        places.append(entry.offset)
        if len(places) > MOST_SORTED:
            stream.seek(0)
            yield from entries(stream, largest=largest)
            return
    places.append(stream.tell())
    for at in sorted(range(len(dates)), key=dates.__getitem__, reverse=True):
        offset, end = places[at], places[at + 1]
        stream.seek(offset)
        from_line = stream.readline(LONGEST_FROM)
        size = end - offset - len(from_line)
        yield Entry(from_line, stream.read(size) if size <= largest else None, offset, at + 1)


def is_takeout(start: bytes) -> bool:
    """Whether it begins as Google Takeout writes one."""
    return b"\nX-GM-THRID:" in start or b"\nX-Gmail-Labels:" in start


def _next_from(buffer: bytearray, at: int, ended: bool) -> tuple[int, int, bool] | None:
    """The next separator: (place of its "\\n", end of its line, whether the whole line is here yet)."""
    while (place := buffer.find(b"\nFrom ", at)) >= 0:
        stop = buffer.find(b"\n", place + 1, place + 1 + LONGEST_FROM)
        if stop < 0:
            if not ended and len(buffer) - place <= LONGEST_FROM:
                return place, 0, False
            stop = len(buffer) - 1 if len(buffer) - place <= LONGEST_FROM else -1
        if stop >= 0:
            line = bytes(buffer[place + 1 : stop + 1])
            after_blank = (
                place == 0 or buffer[place - 1 : place] == b"\n" or buffer[place - 2 : place] == b"\n\r"
            )
            if _DATE.search(line) or (after_blank and _DASH.match(line)):
                return place, stop + 1, True
        at = place + 5
    return None


def date_of(from_line: bytes) -> int | None:
    """µs since the epoch; RFC 4155: without a zone it is UTC."""
    match = _DATE.search(from_line)
    if match is None:
        return None
    month, day, hour, minute, second, before, year, after = match.groups()
    zone = after or before or b"+0000"
    try:
        offset = (int(zone[1:3]) * 60 + int(zone[3:5])) * 60 if zone[:1] in b"+-" else 0
        when = datetime(
            int(year), _MONTHS[month], int(day), int(hour), int(minute), min(int(second or 0), 59)
        )
    except ValueError:
        return None
    return (timegm(when.timetuple()) + (offset if zone[:1] == b"-" else -offset)) * 1_000_000


# --- one message

_ADDED = re.compile(
    rb"^(?:status|x-status|x-keywords|x-uid|x-imap|x-imapbase|content-length|x-mozilla-status2?|x-mozilla-keys"
    rb"|x-gmail-labels|x-gm-thrid)[ \t]*:[^\n]*(?:\n|\Z)(?:[ \t][^\n]*(?:\n|\Z))*",
    re.IGNORECASE | re.MULTILINE,
)
_OURS = re.compile(
    rb"(?:Status: [^\n]*\n|X-Status: [^\n]*\n|X-Keywords: [^\n]*\n|X-UID: [^\n]*\n|X-IMAPbase: [^\n]*\n){0,5}"
    rb"X-Mailstead-Export: ([^\n]*)\n"
)
_RD = re.compile(rb"^>(>*From )", re.MULTILINE)
_O = re.compile(rb"^>(From )", re.MULTILINE)
_FROM = re.compile(rb"^(>*From )", re.MULTILINE)


@dataclass(slots=True)
class Found:
    """What an entry says: the letter, and what its file says of the whole folder."""

    letter: Letter | None
    uidvalidity: int = 0
    labelled: bool = False
    folder: str = ""


def read(entry: Entry, *, folder: str, quoting: str, where: str) -> Found:
    """A message with what belongs to it. No letter for Dovecot's note to itself, or what Thunderbird had deleted."""
    data = entry.data or b""
    ours = _OURS.match(data)
    if ours is not None:
        return _read_ours(entry, data, ours, folder, where)
    data = _without_separator(data)
    unquoting = {"mboxrd": _RD, "mboxo": _O}.get(quoting)
    if unquoting is not None and b">From " in data:
        data = unquoting.sub(rb"\1", data)
    end, _ = split_message(data)
    header, added = data[:end], {}
    if _ADDED.search(header):
        added = {
            field.name: field.value.strip()
            for field in parse_header(b"".join(match[0] for match in _ADDED.finditer(header)))
        }
        data = _ADDED.sub(b"", header) + data[end:]
    found = _state(added)
    validity = _number(added.get("x-imapbase", added.get("x-imap", b"")))
    if "x-imap" in added and b"FOLDER INTERNAL DATA" in header:
        return Found(None, validity)
    if found is None:
        return Found(None, validity)
    flags, keywords, labels = found
    letter = Letter(
        raw=lines.to_crlf(data),
        folders=labels or (folder,),
        flags=flags,
        keywords=keywords,
        internal_date=date_of(entry.from_line),
        uid=_number(added.get("x-uid", b"")),
        where=where,
    )
    return Found(letter, validity, bool(labels))


def _read_ours(entry: Entry, data: bytes, ours: re.Match[bytes], folder: str, where: str) -> Found:
    said = {
        name: unquote(value)
        for name, _, value in (pair.partition("=") for pair in ours[1].decode("ascii", "replace").split("; "))
    }
    fields = {field.name: field.value.strip() for field in parse_header(ours[0])}
    body = data[ours.end() :]
    body = body.removesuffix(b"\n")
    if said.get("end") == "open":
        body = body.removesuffix(b"\n")
    body = _RD.sub(rb"\1", body)
    state = _state({name: value for name, value in fields.items() if name != "x-mailstead-export"})
    flags, keywords, _ = state or (0, (), ())
    date = said.get("date", "")
    letter = Letter(
        raw=lines.to_crlf(body) if said.get("lines") == "crlf" else body,
        folders=(folder,),
        flags=flags,
        keywords=keywords,
        internal_date=int(date) if date.isdecimal() and len(date) < 18 else date_of(entry.from_line),
        uid=_number(fields.get("x-uid", b"")),
        uidl=said.get("uidl", ""),
        same=said.get("same", ""),
        where=where,
    )
    return Found(letter, _number(fields.get("x-imapbase", b"")), folder=said.get("folder", ""))


def _without_separator(data: bytes) -> bytes:
    """Without the blank line that ends each message in an mbox."""
    for blank in (b"\n\r\n", b"\n\n"):
        if data.endswith(blank):
            return data[: 1 - len(blank)]
    return data


def _number(value: bytes) -> int:
    digits = value.split(None, 1)[0] if value.strip() else b""
    return int(digits) if digits.isdigit() and len(digits) < 11 else 0


def _state(added: dict[str, bytes]) -> tuple[int, tuple[str, ...], tuple[str, ...]] | None:
    """(flags, keywords, folders) from the fields a program added; None where the message was deleted."""
    letters = added.get("status", b"") + added.get("x-status", b"")
    flags = 0
    for letter, flag in ((b"R", SEEN), (b"A", ANSWERED), (b"F", FLAGGED), (b"T", DRAFT), (b"D", DELETED)):
        flags |= flag if letter in letters else 0
    keywords = dict.fromkeys(added.get("x-keywords", b"").decode("latin-1").split())
    folders: tuple[str, ...] = ()
    try:
        mozilla = int(added.get("x-mozilla-status", b"0")[:8] or b"0", 16)
    except ValueError:
        mozilla = 0
    if mozilla & 0x0008:  # expunged, and the folder not yet compacted
        return None
    flags |= SEEN * bool(mozilla & 1) | ANSWERED * bool(mozilla & 2) | FLAGGED * bool(mozilla & 4)
    if mozilla & 0x1000:
        keywords[FORWARDED] = None
    keywords |= dict.fromkeys(added.get("x-mozilla-keys", b"").decode("latin-1").split())
    if "x-gmail-labels" in added:
        labels = gmail.read(decode_text(added["x-gmail-labels"]))
        flags |= labels.flags
        folders = labels.folders
        keywords |= dict.fromkeys(labels.keywords)
    return flags, tuple(keywords), folders


# --- writing


def write(out: BinaryIO, letter: Letter, *, first_of: Folder | None = None) -> None:
    """Append one letter; the first of a file tells of its folder."""
    at = letter.internal_date or 0
    when = datetime.fromtimestamp(at // 1_000_000, UTC).strftime("%a %b %e %H:%M:%S %Y")
    regular = lines.is_regular(letter.raw)
    data = lines.to_lf(letter.raw) if regular else letter.raw
    open_ended = not data.endswith(b"\n")
    said = [f"date={at}", f"lines={'crlf' if regular else 'kept'}", f"end={'open' if open_ended else 'lf'}"]
    told = {"uidl": letter.uidl, "same": letter.same, "folder": first_of.name if first_of else ""}
    said += [f"{name}={quote(value, safe='')}" for name, value in told.items() if value]
    marks = "".join(
        mark
        for mark, flag in (("A", ANSWERED), ("F", FLAGGED), ("T", DRAFT), ("D", DELETED))
        if letter.flags & flag
    )
    head = [
        f"From MAILER-DAEMON {when}",
        *(
            [f"X-IMAPbase: {first_of.uidvalidity:010d} {max(first_of.uidnext - 1, 0):010d}"]
            if first_of
            else []
        ),
        f"X-UID: {letter.uid}",
        f"Status: {'RO' if letter.flags & SEEN else 'O'}",
        *([f"X-Status: {marks}"] if marks else []),
        *([f"X-Keywords: {' '.join(letter.keywords)}"] if letter.keywords else []),
        f"X-Mailstead-Export: {'; '.join(said)}",
    ]
    out.write("\n".join(head).encode() + b"\n")
    out.write(_FROM.sub(rb">\1", data))
    out.write(b"\n\n" if open_ended else b"\n")
