"""Maildir: one file for each message, its flags in its name; and what Dovecot keeps beside it.

`dovecot-keywords` names the letters a–z, `dovecot-uidlist` has UIDVALIDITY, each message's UID and the UIDL that
POP3 clients know it by, `subscriptions` what is shown. All of it is read line by line, with bounds; a damaged
list costs only what it would have told. Names we write are `SECONDS.MmicrosecondsQuid[v][sID].mailstead,S=…,W=…:2,FLAGS`:
v marks bytes that are kept as they are (see `lines`), s a message that lies in other folders under the same ID.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import quote, unquote

from mta.values import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN

from . import lines, naming
from .values import INBOX, Letter

FORWARDED = "$Forwarded"
FLAGS = {"S": SEEN, "R": ANSWERED, "F": FLAGGED, "D": DRAFT, "T": DELETED}
KEYWORDS_FILE, UIDS_FILE = "dovecot-keywords", "dovecot-uidlist"
SUBSCRIPTIONS = ("subscriptions", "courierimapsubscribed")
MOST_KEYWORDS = 26
LONGEST_LINE = 8192
_MOMENT = re.compile(r"(\d{6,11})[._](?:[A-Za-ln-zN-Z0-9]*M(\d{1,6}))?")
_OURS = re.compile(r"\.M\d{6}Q\d+(v?)(?:s(\d+))?\.mailstead(?:,|\Z)")


_STORED = re.compile(r",S=(\d{1,12})(?:,|\Z)")


@dataclass(frozen=True, slots=True)
class Name:
    """A file's name taken apart. `unique` is what Dovecot's list calls it; `at` its time in µs, if it tells."""

    unique: str
    flags: int
    letters: str  # a–z
    forwarded: bool
    at: int | None
    kept: bool
    same: str
    stored: int | None  # the bytes of the file, if it says so (S=)


def name(file: str) -> Name:
    """Read a file name; also of writers that put `;2,` or `!2,` where a colon is not allowed."""
    unique, _sign, info = _split(file)
    flags = 0
    for letter in info:
        flags |= FLAGS.get(letter, 0)
    ours = _OURS.search(unique)
    moment = _MOMENT.match(unique)
    at = None
    if moment is not None:
        at = int(moment[1]) * 1_000_000 + int(moment[2] or 0)
    return Name(
        unique=unique,
        flags=flags,
        letters="".join(letter for letter in info if "a" <= letter <= "z"),
        forwarded="P" in info,
        at=at,
        kept=bool(ours and ours[1]),
        same=(ours[2] or "") if ours else "",
        stored=int(stored[1]) if (stored := _STORED.search(unique)) else None,
    )


def _split(file: str) -> tuple[str, str, str]:
    for sign in (":2,", ";2,", "!2,"):
        unique, found, info = file.rpartition(sign)
        if found:
            return unique, sign, info
    return file.partition(":")[0], "", ""


def write_name(letter: Letter, *, letters: str) -> str:
    """The name under which a letter is written. `letters` are those of its keywords."""
    seconds, micros = divmod(letter.internal_date or 0, 1_000_000)
    regular = lines.is_regular(letter.raw)
    bare = letter.raw.count(b"\n") - letter.raw.count(b"\r\n")
    stored = len(letter.raw) - (letter.raw.count(b"\n") if regular else 0)
    marks = ("" if regular else "v") + (f"s{letter.same}" if letter.same else "")
    info = [mark for mark, flag in FLAGS.items() if letter.flags & flag]
    info += ["P"] if FORWARDED in letter.keywords else []
    flags = "".join(sorted(info)) + "".join(sorted(letters))
    return f"{seconds}.M{micros:06d}Q{letter.uid}{marks}.mailstead,S={stored},W={len(letter.raw) + bare}:2,{flags}"


def moment(of: Name, modified: int | None) -> int | None:
    """When a message arrived: its file's time (Dovecot's INTERNALDATE), unless the file was copied later."""
    if of.at is None or modified is None:
        return modified if of.at is None else of.at
    return modified if modified // 1_000_000 < of.at // 1_000_000 else of.at


# --- Dovecot's lists


def _lines(stream: BinaryIO) -> Iterator[str]:
    while line := stream.readline(LONGEST_LINE):
        if line.endswith(b"\n") or len(line) < LONGEST_LINE:
            yield line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
        else:
            while line and not line.endswith(b"\n"):  # no list has such a line
                line = stream.readline(LONGEST_LINE)


def read_keywords(stream: BinaryIO) -> dict[str, str]:
    """`0 $Label1` … → {"a": "$Label1"}."""
    found = {}
    for line in _lines(stream):
        number, _, keyword = line.partition(" ")
        if number.isdecimal() and len(number) < 3 and int(number) < MOST_KEYWORDS and keyword:
            found[chr(ord("a") + int(number))] = keyword
    return found


def write_keywords(keywords: Iterable[str]) -> bytes:
    return "".join(f"{number} {keyword}\n" for number, keyword in enumerate(keywords)).encode()


@dataclass(frozen=True, slots=True)
class Listed:
    """What `dovecot-uidlist` says of one message."""

    uid: int
    uidl: str = ""
    keywords: tuple[str, ...] = ()  # ours: those beyond the 26 that have letters


@dataclass(frozen=True, slots=True)
class UidList:
    """The whole list; by the unique part of file names."""

    uidvalidity: int
    uidnext: int
    messages: dict[str, Listed]


_NOTHING = UidList(0, 0, {})


def read_uidlist(stream: BinaryIO) -> UidList:
    """Versions 1 and 3 of the format. What makes no sense is passed over."""
    rows = _lines(stream)
    header = next(rows, "").split()
    if not header or header[0] not in ("1", "3"):
        return _NOTHING
    if header[0] == "1":
        values = [_small(word) for word in header[1:3]]
    else:
        said = {word[:1]: word[1:] for word in header[1:]}
        values = [_small(said.get("V", "")), _small(said.get("N", ""))]
    uidvalidity, uidnext = (*values, 0, 0)[:2]
    messages: dict[str, Listed] = {}
    for row in rows:
        before, colon, file = row.partition(":" if header[0] == "3" else " ")
        words = before.split()
        if not colon or not words or not (uid := _small(words[0])):
            continue
        said = {word[:1]: word[1:] for word in words[1:]}
        overflow = tuple(unquote(word) for word in said["K"].split(",")) if said.get("K") else ()
        messages[_split(file)[0]] = Listed(uid, said.get("P", ""), overflow)
    return UidList(uidvalidity, uidnext, messages)


def _small(word: str) -> int:
    return int(word) if word.isdecimal() and word.isascii() and len(word) <= 10 else 0


def uidlist_header(uidvalidity: int, uidnext: int) -> bytes:
    return f"3 V{uidvalidity} N{uidnext}\n".encode()


def uidlist_line(file: str, *, uid: int, uidl: str, keywords: Iterable[str]) -> bytes:
    """One message. `K` is ours; Dovecot keeps what it does not know."""
    extra = ",".join(quote(keyword, safe="$") for keyword in keywords)
    words = [str(uid), *([f"P{uidl}"] if uidl else []), *([f"K{extra}"] if extra else [])]
    return f"{' '.join(words)} :{_split(file)[0]}\n".encode()


def read_subscriptions(stream: BinaryIO) -> frozenset[str]:
    """Folder names, in Dovecot's old and new form and Courier's."""
    rows = list(_lines(stream))[:20_000]
    if rows and rows[0].startswith("V\t2"):
        split = [row.split("\t") for row in rows[2:]]
    else:
        split = [(row[6:] if row.startswith("INBOX.") else row).split(".") for row in rows]
    return frozenset(
        INBOX if row == ["INBOX"] else "/".join(naming.from_maildir("." + ".".join(row))) for row in split
    )


def write_subscriptions(names: Iterable[str]) -> bytes:
    """The new form: a tab between levels, modified UTF-7."""
    rows = [naming.to_maildir(name)[1:].replace(".", "\t") if name != INBOX else INBOX for name in names]
    return "".join(f"{row}\n" for row in ["V\t2", "", *rows]).encode()


_UIDL = re.compile(r"%(0?)(\d{0,2})(X?)([uvf%])")


def uidl(format_: str, *, uid: int, uidvalidity: int, file: str) -> str:
    """A UIDL by Dovecot's setting `pop3_uidl_format`: %u UID, %v UIDVALIDITY, %f file name, with X and width."""

    def put(match: re.Match[str]) -> str:
        zero, width, hexadecimal, what = match.groups()
        if what in "%f":
            return "%" if what == "%" else file
        number = uid if what == "u" else uidvalidity
        return format(number, f"{zero}{width}{'x' if hexadecimal else 'd'}")

    return _UIDL.sub(put, format_) if uid and (uidvalidity or "%v" not in format_) else ""
