"""The small languages inside SMTP parameters: xtext, NOTIFY, ORCPT, ENVID, RET, BDAT's size, HOLDFOR and HOLDUNTIL.

RFC 3461 §4 (delivery reports), RFC 3030 §2 (BDAT), RFC 4865 §4 (FUTURERELEASE), RFC 6533 §3 (addresses in other
scripts). Pure: text in, values out, or BadWord with a sentence for the client. Nothing that is decoded here can
hold a line end, so nothing of it can become a line of a report. Called by `serve.envelope` and `flow.bounce`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

LONGEST_ENVID = 100  # RFC 3461 §4.4, as it is written
LONGEST_ORCPT = 500  # §4.2
LONGEST_HOLD = 366 * 24 * 3600  # seconds that a message may be held before it is sent
SECOND = 1_000_000  # µs

_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-Fa-f]{2})*")
_HEX = re.compile(r"\+([0-9A-Fa-f]{2})")
_ATOM = re.compile(r"[A-Za-z0-9-]{1,20}")
_UNITEXT = re.compile(r"(?:[!-*,-<>-\[\]-~\x80-\U0010ffff]|\\x\{[0-9A-Fa-f]{2,6}\}|\+[0-9A-Fa-f]{2})*")
_CHUNK = re.compile(r"([0-9]{1,20})( +LAST)?", re.IGNORECASE)
_SECONDS = re.compile(r"[0-9]{1,9}")
_MOMENT = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.\d{1,9})?(Z|[+-]\d{2}:\d{2})",
    re.ASCII | re.IGNORECASE,
)
_REASONS = ("SUCCESS", "FAILURE", "DELAY")


class BadWord(ValueError):
    """Not what the document says; the text names what was expected."""


def to_xtext(text: str) -> str:
    """RFC 3461 §4: printable ASCII as it is, `+`, `=` and everything else as +XX."""
    return "".join(
        chr(octet) if 33 <= octet <= 126 and octet not in b"+=" else f"+{octet:02X}"
        for octet in text.encode()
    )


def from_xtext(word: str) -> str:
    """What an xtext says; BadWord if it is none, or says something that is not printable."""
    if not _XTEXT.fullmatch(word):
        raise BadWord("This is no xtext")
    octets = _HEX.sub(lambda found: chr(int(found[1], 16)), word).encode("latin-1")
    try:
        text = octets.decode()
    except UnicodeDecodeError as error:
        raise BadWord("This xtext holds no text") from error
    if not text.isprintable():
        raise BadWord("This xtext holds characters that nobody can print")
    return text


def read_ret(value: str | None) -> str:
    """RET=FULL or HDRS (§4.3)."""
    word = (value or "").upper()
    if word not in {"FULL", "HDRS"}:
        raise BadWord("RET is FULL or HDRS")
    return word


def read_envid(value: str | None) -> str:
    """ENVID, still as xtext: that is how it is passed on (§4.4)."""
    if not value or len(value) > LONGEST_ENVID:
        raise BadWord(f"ENVID is a text of at most {LONGEST_ENVID} characters")
    from_xtext(value)
    return value


def read_notify(value: str | None) -> str:
    """NOTIFY=NEVER, or some of SUCCESS, FAILURE and DELAY (§4.1)."""
    words = (value or "").upper().split(",")
    if words == ["NEVER"]:
        return "NEVER"
    if len(set(words)) != len(words) or not set(words) <= set(_REASONS):
        raise BadWord("NOTIFY is NEVER, or a list of SUCCESS, FAILURE, DELAY")
    return ",".join(word for word in _REASONS if word in words)


def read_orcpt(value: str | None) -> str:
    """ORCPT as `type;xtext`, in ASCII (§4.2); RFC 6533 §3: letters of other scripts become \\x{…}."""
    kind, semicolon, address = (value or "").partition(";")
    if not semicolon or not address or not _ATOM.fullmatch(kind):
        raise BadWord("ORCPT is a type of address, a semicolon, and the address")
    if kind.lower() == "utf-8":
        if not _UNITEXT.fullmatch(address) or not address.isprintable():
            raise BadWord("ORCPT holds characters that no address may hold")
        address = "".join(letter if letter.isascii() else f"\\x{{{ord(letter):X}}}" for letter in address)
    else:
        from_xtext(address)
    if len(kind) + 1 + len(address) > LONGEST_ORCPT:
        raise BadWord(f"ORCPT is too long: at most {LONGEST_ORCPT} characters")
    return f"{kind};{address}"


def shown_orcpt(orcpt: str) -> str:
    """As Original-Recipient says it (RFC 3464 §2.3.1): the xtext decoded."""
    kind, _semicolon, address = orcpt.partition(";")
    if kind.lower() == "utf-8":
        return orcpt
    try:
        return f"{kind};{from_xtext(address)}"
    except BadWord:
        return orcpt


def shown_envid(envid: str) -> str:
    """As Original-Envelope-Id says it (RFC 3464 §2.2.1)."""
    try:
        return from_xtext(envid)
    except BadWord:
        return envid


def read_chunk(argument: str) -> tuple[int, bool]:
    """BDAT's `size [LAST]` (RFC 3030 §2)."""
    found = _CHUNK.fullmatch(argument)
    if found is None:
        raise BadWord("BDAT wants a number of bytes, and LAST with the last ones")
    return int(found[1]), found[2] is not None


def read_hold(seconds: str | None, until: str | None, *, now: int) -> int:
    """HOLDFOR or HOLDUNTIL as a moment in µs, 0 for "at once" (RFC 4865 §4.1); one of the two, within the limit."""
    if seconds is not None and until is not None:
        raise BadWord("HOLDFOR and HOLDUNTIL exclude each other")
    if seconds is not None:
        if not _SECONDS.fullmatch(seconds) or int(seconds) == 0:
            raise BadWord("HOLDFOR is a number of seconds")
        moment = now + int(seconds) * SECOND
    elif until is not None:
        moment = _moment(until)
    else:
        return 0
    if moment - now > LONGEST_HOLD * SECOND:
        raise BadWord("Nothing is held for so long here")
    return moment if moment > now else 0


def _moment(text: str) -> int:
    """RFC 3339's date-time, as RFC 4865 §2 wants it."""
    if not _MOMENT.fullmatch(text):
        raise BadWord("HOLDUNTIL is a date and time like 2027-01-31T08:00:00Z")
    try:
        return int(datetime.fromisoformat(text.upper()).astimezone(UTC).timestamp() * SECOND)
    except (ValueError, OverflowError) as error:
        raise BadWord("HOLDUNTIL is no date and time that there is") from error


def latest_hold(now: int) -> str:
    """What EHLO says beside FUTURERELEASE: the longest interval, and the last moment (RFC 4865 §3)."""
    last = datetime.fromtimestamp(now / SECOND + LONGEST_HOLD, tz=UTC)
    return f"{LONGEST_HOLD} {last:%Y-%m-%dT%H:%M:%SZ}"
