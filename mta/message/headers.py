"""Header fields: finding them in bytes and reading their values (RFC 5322 §2.2, RFC 2045, 2047, 2231).

Never raises on any bytes, and is linear in their length. Writing fields is `encode`'s job.
Called by every reader of messages in this package, and by `mta.wire` for BODY[HEADER.FIELDS].
"""

import re
from calendar import timegm
from collections.abc import Collection, Iterable
from email.utils import parsedate_tz
from itertools import islice
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from mta.message.charsets import codec_name, decode_charset, storable
from mta.message.encoded_words import ENCODED_WORD, decode_words

MAX_FIELDS = 2000
MAX_HEADER = 1 << 20
MAX_TEXT = 64 * 1024
MAX_PARAMS = 100
MAX_ID = 500  # characters of a message id: four bytes each still fit a database's index

# RFC 5322 §3.6.8 field names; §4.5 allows white space before the colon. Possessive: no backtracking, so linear.
_FIELD = re.compile(rb"([!-9;-~]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*)\n?|[^\n]*+\n?")
_BLANK = re.compile(rb"\n\r?\n")
_FIRST_LINE = re.compile(rb"[ \t]|>?From |[!-9;-~]++[ \t]*+:")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_SPACES = re.compile(r"[\s\u2028\u2029]+")
_HEADER_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Field(NamedTuple):
    """One field as it stands in the message."""

    name: str  # lower-case
    raw: bytes  # the whole field with its name and line ends
    value: bytes  # after the colon, still folded


def starts_a_header(raw: bytes, start: int) -> bool:
    """Whether the line at `start` can begin a header; if not, the entity has none (RFC 2046 §5.1)."""
    return _FIRST_LINE.match(raw, start) is not None


def split_message(raw: bytes) -> tuple[int, int]:
    """(header_end, body_start): the blank line lies between; both are the length when there is none."""
    if raw.startswith(b"\r\n"):
        return 0, 2
    if raw.startswith(b"\n"):
        return 0, 1
    return split_arrived(raw) if starts_a_header(raw, 0) else (0, 0)


def split_arrived(raw: bytes) -> tuple[int, int]:
    """As `split_message`, of mail that fields of ours will be put in front of: then its first line, whatever it is,
    stands in a header, which goes on to the blank line."""
    if raw.startswith((b"\r\n", b"\n")):
        return 0, raw.index(b"\n") + 1
    blank = _BLANK.search(raw)
    if blank is None:
        return len(raw), len(raw)
    return blank.start() + 1, blank.end()


def parse_header(raw_header: bytes) -> tuple[Field, ...]:
    """The fields of a header, in order; lines that are no field are left out."""
    matches = _FIELD.finditer(raw_header[:MAX_HEADER])
    found = (
        Field(match[1].decode("ascii").lower(), match[0], match[2].rstrip(b"\r\n"))
        for match in matches
        if match[1] is not None
    )
    return tuple(islice(found, MAX_FIELDS))


def select_fields(fields: Iterable[Field], names: Collection[str], *, not_: bool = False) -> bytes:
    """The raw fields whose name is (or with `not_`, is not) one of the lower-case `names`, and a blank line."""
    chosen = [field.raw for field in fields if (field.name in names) != not_]
    if chosen and not chosen[-1].endswith(b"\n"):
        chosen.append(b"\r\n")
    return b"".join(chosen) + b"\r\n"  # RFC 3501 §6.4.5: the delimiting blank line is always included


def first(fields: Iterable[Field], name: str) -> bytes | None:
    """The value of the first field of that name."""
    for field in fields:
        if field.name == name:
            return field.value
    return None


def unfold(value: bytes) -> bytes:
    """RFC 5322 §2.2.3: without the line ends of folding, and without white space at both ends."""
    if b"\n" in value:
        value = _FOLD.sub(b"", value)
    return value.strip()


def one_line(text: str) -> str:
    """Storable, on one line, white space collapsed, without controls or marks that reorder what is read."""
    return storable(_SPACES.sub(" ", _HEADER_CONTROLS.sub("", text))).strip()


def decode_text(value: bytes) -> str:
    """Unstructured text as a reader sees it: RFC 2047 words and raw 8-bit text decoded, on one line."""
    value = unfold(value[:MAX_TEXT])
    if b"=?" not in value and value.isascii():
        text = value.decode("ascii")
        return text if text.isprintable() and "  " not in text else one_line(text)
    return one_line(decode_words(decode_charset(value, "utf-8")))


# --- Content-Type and Content-Disposition ---------------------------------------------------------------

_PARAM = re.compile(
    r""";\s*+(?:([^\s=;"()<>@,\[\]]++)\s*+=\s*+(?:"((?:[^"\\]++|\\.)*)(?:"|\Z)|([^;]*+)))?[^;]*+""",
    re.DOTALL,
)
_CONTINUED = re.compile(r"(.+?)\*(\d{1,3})(\*?)\Z")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_COMMENT = re.compile(r"\([^()]*+\)?\s*\Z")


def raw_params(value: bytes) -> tuple[str, list[tuple[str, str]]]:
    """(main value in lower case, parameters as written): names in lower case, values without their quotes."""
    text = decode_charset(unfold(value[:MAX_TEXT]), "utf-8")
    main, semicolon, _ = text.partition(";")
    main = _COMMENT.sub("", main[:1000]).strip().lower()
    found: list[tuple[str, str]] = []
    if semicolon:
        for match in islice(_PARAM.finditer(text, text.index(";")), MAX_PARAMS):
            if match[1] is None:
                continue
            if match[2] is not None:
                written = _ESCAPED.sub(r"\1", match[2]) if "\\" in match[2] else match[2]
            else:
                written = match[3].strip()
                if written.endswith(")"):
                    written = _COMMENT.sub("", written[:2000]).strip()
            found.append((match[1].lower(), written))
    return one_line(main), found


def parse_params(value: bytes) -> tuple[str, dict[str, str]]:
    """(main value, decoded parameters): RFC 2231 continuations and charsets, RFC 2047 words tolerated."""
    main, written = raw_params(value)
    return main, join_params(written)


def join_params(written: list[tuple[str, str]]) -> dict[str, str]:
    """The parameters as a reader means them; the first of a name wins, and RFC 2231's form over the plain one."""
    params: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, text in written:
        if "*" not in name:
            if name not in params:
                params[name] = one_line(decode_words(text) if "=?" in text else text)
            continue
        numbered = _CONTINUED.match(name)
        if numbered:
            pieces.setdefault(numbered[1], {}).setdefault(int(numbered[2]), (text, bool(numbered[3])))
        elif name.endswith("*") and len(name) > 1:
            pieces.setdefault(name[:-1], {}).setdefault(0, (text, True))
    for name, parts in pieces.items():
        params[name] = _join_continued(parts)
    return params


def _join_continued(parts: dict[int, tuple[str, bool]]) -> str:
    charset = ""
    data = bytearray()
    for position, number in enumerate(sorted(parts)):  # RFC 2231 §3: by number, whatever their order
        text, extended = parts[number]
        if extended and position == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        data += unquote_to_bytes(text) if extended else text.encode("utf-8", "replace")
    text = decode_charset(bytes(data), charset if codec_name(charset) else "utf-8")
    return one_line(decode_words(text) if ENCODED_WORD.search(text) else text)


# --- Dates and message ids ------------------------------------------------------------------------------

_MONTHS = dict(jan=1, feb=2, mar=3, apr=4, may=5, jun=6, jul=7, aug=8, sep=9, oct=10, nov=11, dec=12)  # noqa: C408
_DATE = re.compile(
    r"\s*+(?:[A-Za-z]{3,9}\s*+,?\s*+)?(\d{1,2})[\s-]++([A-Za-z]{3})[a-z]*+[\s-]++(\d{2,4})\s++"
    r"(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?\s*+(?:([+-])(\d{2}):?(\d{2}))?"
)
_NAMED_ZONE = re.compile(r"[A-Za-z]")


def parse_date(value: bytes) -> int | None:
    """A Date field as microseconds since the epoch, UTC; None when it names no moment (RFC 5322 §3.3, §4.3)."""
    text = unfold(value[:200]).decode("latin-1")
    match = _DATE.match(text)
    if match is None or (match[7] is None and _NAMED_ZONE.search(text, match.end())):
        return _obsolete_date(text)
    month = _MONTHS.get(match[2].lower())
    if month is None:
        return None
    year = int(match[3])
    if len(match[3]) == 2:  # RFC 5322 §4.3
        year += 2000 if year < 50 else 1900
    elif len(match[3]) == 3:
        year += 1900
    offset = 0
    if match[7]:
        offset = (int(match[8]) * 60 + int(match[9])) * 60 * (-1 if match[7] == "-" else 1)
    clock = (int(match[4]), int(match[5]), int(match[6] or 0))
    return _moment((year, month, int(match[1])), clock, offset)


def _obsolete_date(text: str) -> int | None:
    try:
        parsed = parsedate_tz(text)
    except Exception:  # the standard library's parser has raised nearly everything at some time
        return None
    if parsed is None:
        return None
    return _moment(parsed[0:3], parsed[3:6], parsed[9] or 0)


def _moment(day: tuple[int, ...], clock: tuple[int, ...], offset: int) -> int | None:
    year, month, number = day
    hour, minute, second = clock
    if not (1900 <= year <= 9999 and 1 <= month <= 12 and 1 <= number <= 31):
        return None
    if not (0 <= hour <= 24 and 0 <= minute <= 59 and 0 <= second <= 60 and abs(offset) < 48 * 3600):
        return None
    return (timegm((year, month, number, hour, minute, second)) - offset) * 1_000_000


_MESSAGE_ID = re.compile(rb"<([^<>]{1,998})>")
_BARE_ID = re.compile(rb"[^\s<>\"(),;]+@[^\s<>\"(),;]+")
_ANY_SPACE = re.compile(r"\s+")


def message_ids(value: bytes, limit: int = 100) -> tuple[str, ...]:
    """The ids of Message-ID, References or In-Reply-To, without brackets and repetitions, at most `limit`.

    Of a longer list the first (the root of the conversation) and the last ones stay.
    """
    value = value[:MAX_TEXT]
    found = _MESSAGE_ID.findall(value)
    if not found:
        bare = _BARE_ID.search(value[:1000])
        found = [bare[0][:998]] if bare else []
    ids = dict.fromkeys(_clean_id(each) for each in found)
    ids.pop("", None)
    kept = list(ids)
    if len(kept) > limit:
        kept = [kept[0], *kept[len(kept) - limit + 1 :]] if limit > 1 else kept[:limit]
    return tuple(kept)


def _clean_id(raw: bytes) -> str:
    return _ANY_SPACE.sub("", storable(decode_charset(raw, "utf-8")))[:MAX_ID]
