"""One message in one file: .eml, Apple's .emlx, MH's numbered files; and the list that our exports keep beside them.

The list is `mailstead-letters.jsonl`, a line of JSON for each message of its folder with what the bytes do not
tell; `mailstead-folders.json` at the top of every export names the folders as they truly are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from mta.message.headers import first, parse_date, parse_header, split_message, starts_a_header
from mta.values import SYSTEM_FLAGS

from .values import Folder, Letter, Unreadable

LETTERS_FILE, FOLDERS_FILE = "mailstead-letters.jsonl", "mailstead-folders.json"
LONGEST_LINE = 64 * 1024
LARGEST_LIST = 16 << 20
_NUMBERED = re.compile(r"\d{1,9}\.?")
# What people try that is no mail yet, by its first bytes.
_FOREIGN = (
    (b"!BDN", "is an Outlook data file; convert it to mbox first, for example with readpst"),
    (b"\xd0\xcf\x11\xe0", "is an Outlook message; save it as .eml first, for example with msgconvert"),
    (b"\x1f\x8b", "is compressed; unpack it first"),
    (b"PK\3\4", "is a .zip inside of what is being read; unpack it first"),
)


def is_message_name(name: str) -> bool:
    """Whether a file of this name should be one message."""
    low = name.lower()
    return low.endswith((".eml", ".emlx")) or ":2," in name or _NUMBERED.fullmatch(name) is not None


def why_foreign(start: bytes) -> str | None:
    """For files that hold mail in a form that is not read here: what to do."""
    return next((reason for magic, reason in _FOREIGN if start.startswith(magic)), None)


def contents(stream: BinaryIO, *, largest: int, apple: bool = False) -> bytes:
    """All bytes of a file that is one message."""
    data = stream.read(largest + 1024)
    if apple:
        length, newline, rest = data.partition(b"\n")
        if newline and length.strip().isdigit() and len(length) < 20:
            data = rest[: int(length)]
    if len(data) > largest:
        raise too_large(largest)
    return data


def too_large(largest: int) -> Unreadable:
    return Unreadable(f"is larger than {largest // 1_000_000} MB; --max-size takes larger ones")


def require_message(raw: bytes) -> None:
    """Raise Unreadable for bytes that no mail can be."""
    if not raw.strip():
        raise Unreadable("is empty")
    if b"\0" in raw:
        raise Unreadable("holds NUL bytes, which no mail may (RFC 5322 §4)")
    if not (starts_a_header(raw, 0) or raw.startswith((b"\r\n", b"\n"))):
        raise Unreadable("does not begin with header fields, so it is no message")


def arrival(raw: bytes) -> int | None:
    """When a message came, by its newest Received field, else by its Date."""
    end, _ = split_message(raw)
    fields = parse_header(raw[: min(end, 64 * 1024)])
    received = first(fields, "received")
    if received is not None and (at := parse_date(received.rpartition(b";")[2])) is not None:
        return at
    date = first(fields, "date")
    return None if date is None else parse_date(date)


# --- our lists


def letter_line(letter: Letter, file: str) -> bytes:
    """One line of LETTERS_FILE."""
    said: dict[str, Any] = {"file": file, "date": letter.internal_date, "uid": letter.uid}
    said["flags"] = [name for name, flag in SYSTEM_FLAGS.items() if letter.flags & flag]
    said["keywords"] = list(letter.keywords)
    said |= {name: value for name, value in (("uidl", letter.uidl), ("same", letter.same)) if value}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def letter_lines(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """The lines of LETTERS_FILE that make sense."""
    while line := stream.readline(LONGEST_LINE):
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and isinstance(said.get("file"), str):
            yield said


def letter(raw: bytes, said: dict[str, Any], *, folder: str, where: str) -> Letter:
    """A message with what its line says; what is not of the right kind counts as not said."""

    def number(key: str) -> int:
        value = said.get(key)
        return value if isinstance(value, int) and -(1 << 62) < value < 1 << 62 else 0

    def words(key: str) -> list[str]:
        value = said.get(key)
        return [word for word in value if isinstance(word, str)][:200] if isinstance(value, list) else []

    def text(key: str) -> str:
        value = said.get(key)
        return value if isinstance(value, str) else ""

    return Letter(
        raw=raw,
        folders=(folder,),
        flags=sum({SYSTEM_FLAGS[word] for word in words("flags") if word in SYSTEM_FLAGS}),
        keywords=tuple(words("keywords")),
        internal_date=number("date") if "date" in said else arrival(raw),
        uid=number("uid"),
        uidl=text("uidl"),
        same=text("same"),
        where=where,
    )


def folder_list(folders: Iterable[tuple[str, Folder]], *, address: str) -> bytes:
    """FOLDERS_FILE: where each folder lies in the export, and its true name."""
    listed = [
        {
            "path": path,
            "name": folder.name,
            "uidvalidity": folder.uidvalidity,
            "uidnext": folder.uidnext,
            "subscribed": folder.subscribed,
            "colour": folder.colour,
        }
        for path, folder in folders
    ]
    said = {"mailstead_export": 1, "address": address, "folders": listed}
    return json.dumps(said, ensure_ascii=False, indent=1).encode() + b"\n"


def read_folder_list(stream: BinaryIO) -> dict[str, Folder]:
    """By path; empty for what is not such a list."""
    try:
        said = json.loads(stream.read(LARGEST_LIST))
    except (ValueError, RecursionError):
        return {}
    if not isinstance(said, dict) or not isinstance(said.get("folders"), list):
        return {}
    found = {}
    for each in said["folders"]:
        if isinstance(each, dict) and isinstance(each.get("path"), str) and isinstance(each.get("name"), str):
            found[each["path"]] = Folder(
                name=each["name"],
                uidvalidity=_small(each.get("uidvalidity")),
                uidnext=_small(each.get("uidnext")),
                subscribed=each.get("subscribed") if isinstance(each.get("subscribed"), bool) else None,
                colour=each["colour"]
                if isinstance(each.get("colour"), int) and 0 <= each["colour"] < 100
                else None,
            )
    return found


def _small(value: object) -> int:
    return value if isinstance(value, int) and 0 < value < 1 << 32 else 0
