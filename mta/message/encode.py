"""Writing header fields: folding, encoding, and nothing that could begin a field of its own.

Every text that enters a header passes here or through `address.format_address`. Used by build, report and trace.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote

from mta.message.address import format_address
from mta.message.encoded_words import encode_words
from mta.message.headers import one_line

WIDTH = 76
MAX_TOKEN = 500  # RFC 5322 §2.1.1: no line over 998; a longer run without spaces must be encoded
MAX_VALUE = 16_000

_NAME = re.compile(r"[!-9;-~]{1,76}")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def is_field_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def plain(text: str) -> str:
    """One line without controls: what a structured value may hold."""
    return _CONTROLS.sub(" ", text).strip()


def fold(name: str, tokens: Iterable[str]) -> bytes:
    """`name: tokens`, a line broken before a token that would pass column 76 (RFC 5322 §2.2.3)."""
    lines = [f"{name}:"]
    for token in tokens:
        if len(lines[-1]) + 1 + len(token) > WIDTH and lines[-1].strip() and lines[-1] != f"{name}:":
            lines.append(f" {token}")
        else:
            lines[-1] += f" {token}"
    return "\r\n".join(lines).encode("utf-8") + b"\r\n"


def text_field(name: str, text: str) -> bytes:
    """An unstructured field such as Subject; RFC 2047 words only where ASCII does not do."""
    text = one_line(text[:MAX_VALUE])
    if text.isascii() and "=?" not in text and max(map(len, text.split(" "))) <= MAX_TOKEN:
        return fold(name, text.split(" "))
    return fold(name, encode_words(text))


def structured_field(name: str, value: str) -> bytes:
    """A field whose value is written by its grammar (List-Unsubscribe, Auto-Submitted); ASCII, folded at spaces."""
    value = plain(value[:MAX_VALUE]).encode("ascii", "replace").decode("ascii")
    tokens = [token[at : at + 900] for token in value.split() for at in range(0, len(token), 900)]
    return fold(name, tokens)


def address_field(name: str, people: Iterable[tuple[str, str]]) -> bytes:
    """From, To, Cc …: (name, email) pairs."""
    written = [format_address(shown, email) for shown, email in people]
    tokens: list[str] = []
    for number, entry in enumerate(written):
        pieces = entry.split(" ") if entry.startswith("=?") else [entry]
        if number < len(written) - 1:
            pieces[-1] += ","
        tokens += pieces
    return fold(name, tokens)


def id_field(name: str, ids: Iterable[str]) -> bytes:
    """Message-ID, In-Reply-To, References."""
    clean = (re.sub(r"[\s<>\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", "", each)[:900] for each in ids)
    return fold(name, [f"<{each}>" for each in clean if each])


def date_text(moment: datetime) -> str:
    """RFC 5322 §3.3; a naive moment is UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    offset = moment.strftime("%z")[:5] or "+0000"
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day}, {moment.day:02d} {month} {moment.year:04d} {moment:%H:%M:%S} {offset}"


def date_text_us(when_us: int) -> str:
    return date_text(datetime.fromtimestamp(when_us // 1_000_000, UTC))


def params_field(name: str, main: str, params: Iterable[tuple[str, str]]) -> bytes:
    """Content-Type and Content-Disposition with their parameters (RFC 2231 where ASCII does not do)."""
    tokens = [main]
    for key, value in params:
        tokens[-1] += ";"
        tokens += _param(key, one_line(value))
    return fold(name, tokens)


def _param(key: str, value: str) -> list[str]:
    if value.isascii() and "=?" not in value and len(value) <= 60:
        if _TOKEN.fullmatch(value):
            return [f"{key}={value}"]
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return [f'{key}="{escaped}"']
    encoded = quote(value.encode("utf-8", "replace"), safe="!#$&+-.^_`|~")  # RFC 2231 §7 attribute-char
    if len(encoded) <= 55:
        return [f"{key}*=utf-8''{encoded}"]
    pieces: list[str] = []
    while encoded:  # RFC 2231 §3: never inside a percent sign's three characters
        cut = 50
        if "%" in encoded[cut - 2 : cut] and len(encoded) > cut:
            cut = encoded.index("%", cut - 2)
        pieces.append(encoded[:cut])
        encoded = encoded[cut:]
    last = len(pieces) - 1
    start = "utf-8''"
    return [
        f"{key}*{number}*={start if number == 0 else ''}{piece}{';' if number < last else ''}"
        for number, piece in enumerate(pieces)
    ]
