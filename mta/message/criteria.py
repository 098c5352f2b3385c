"""What a search asks for, as values: shared by IMAP, the web client's search box and filters.

`mta.mailstore` turns them into SQL; `matches` judges one message without a database (filters, and the tail
that is not indexed yet). Both must agree. `dump` and `load` keep them as JSON for a background job or a filter.
Parsing a search line is the callers' business.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol, get_args

from mta.message.text import words

FlagName = Literal["seen", "answered", "flagged", "draft", "deleted", "recent"]
Where = Literal["any", "subject", "from", "to", "cc", "bcc", "body", "filename"]
DateField = Literal["internal", "sent", "saved"]  # saved: when it was put into the mailbox (RFC 8514)
DAY = 86_400 * 1_000_000
MAX_ASKED = 64  # words of one question
MAX_DEPTH = 60  # of criteria that are loaded
MAX_NODES = 4_000
MAX_TEXT = 10_000
MAX_NUMBER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class All:
    """Every message."""


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple["Criteria", ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple["Criteria", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Criteria"


@dataclass(frozen=True, slots=True)
class Flag:
    name: FlagName


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword; keywords are compared without regard to case."""

    name: str


@dataclass(frozen=True, slots=True)
class Contains:
    """A header field whose decoded text holds `text`, case aside; an empty `text` asks if there is such a field."""

    header: str
    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """All words of `text`, the last one as a prefix unless `prefix` is false; as a `phrase`, side by side."""

    text: str
    where: Where = "any"
    phrase: bool = False
    prefix: bool = True


@dataclass(frozen=True, slots=True)
class Larger:
    size: int


@dataclass(frozen=True, slots=True)
class Smaller:
    size: int


@dataclass(frozen=True, slots=True)
class Since:
    """At or after that moment (microseconds since the epoch, UTC)."""

    field: DateField
    day_start_us: int


@dataclass(frozen=True, slots=True)
class Before:
    """Before that moment."""

    field: DateField
    us: int


@dataclass(frozen=True, slots=True)
class Older:
    """Arrived that many seconds ago or longer (RFC 5032); the IMAP engine turns it into a Before."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Younger:
    """Arrived within the last so many seconds (RFC 5032); the IMAP engine turns it into a Since."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Uids:
    """Ranges of UIDs, both ends included, in rising order."""

    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    """Ranges of message sequence numbers; the IMAP engine turns them into Uids before the store sees them."""

    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class InMailbox:
    mailbox_id: int


@dataclass(frozen=True, slots=True)
class HasAttachment:
    """At least one attached file."""


@dataclass(frozen=True, slots=True)
class InThread:
    thread_id: int


@dataclass(frozen=True, slots=True)
class HasEmailId:
    """A message with that content: it and its copies (RFC 8474 §5.1)."""

    email_id: int


@dataclass(frozen=True, slots=True)
class ModSeq:
    """Changed at or after that mod-sequence (RFC 7162 §3.1.5)."""

    value: int


Criteria = (
    All
    | And
    | Or
    | Not
    | Flag
    | Keyword
    | Contains
    | Words
    | Larger
    | Smaller
    | Since
    | Before
    | Older
    | Younger
    | Uids
    | Sequence
    | InMailbox
    | HasAttachment
    | InThread
    | HasEmailId
    | ModSeq
)


def on(field: DateField, day_start_us: int) -> And:
    """During the day that begins then."""
    return And((Since(field, day_start_us), Before(field, day_start_us + DAY)))


class Searchable(Protocol):
    """What `matches` asks of a message."""

    @property
    def flags(self) -> Collection[str]: ...  # "seen", "answered" …
    @property
    def keywords(self) -> Collection[str]: ...
    @property
    def size(self) -> int: ...
    @property
    def internal_date(self) -> int: ...
    @property
    def sent_at(self) -> int | None: ...
    @property
    def saved_at(self) -> int | None: ...
    @property
    def uid(self) -> int: ...
    @property
    def mailbox_ids(self) -> Collection[int]: ...
    @property
    def thread_id(self) -> int: ...
    @property
    def email_id(self) -> int: ...
    @property
    def modseq(self) -> int: ...
    @property
    def has_attachment(self) -> bool: ...

    def header(self, name: str) -> str | None:
        """The decoded text of all fields of that lower-case name, None if there is none."""

    def text(self, where: str) -> str:
        """The searched text: one section, or all of them for "any"."""


def matches(criteria: Criteria, message: Searchable) -> bool:
    """Whether the message is one that was asked for."""
    match criteria:
        case All():
            return True
        case And(parts):
            return all(matches(part, message) for part in parts)
        case Or(parts):
            return any(matches(part, message) for part in parts)
        case Not(part):
            return not matches(part, message)
        case Flag(name):
            return name in message.flags
        case Keyword(name):
            return name.lower() in {keyword.lower() for keyword in message.keywords}
        case Contains(header, text):
            return _contains(message.header(header.lower()), text)
        case Words():
            return has_words(message.text(criteria.where), criteria)
        case Larger(size):
            return message.size > size
        case Smaller(size):
            return message.size < size
        case Since(field, moment):
            at = _date(message, field)
            return at is not None and at >= moment
        case Before(field, moment):
            at = _date(message, field)
            return at is not None and at < moment
        case Uids(ranges):
            return any(low <= message.uid <= high for low, high in ranges)
        case InMailbox(mailbox_id):
            return mailbox_id in message.mailbox_ids
        case HasAttachment():
            return message.has_attachment
        case InThread(thread_id):
            return message.thread_id == thread_id
        case HasEmailId(email_id):
            return message.email_id == email_id
        case ModSeq(value):
            return message.modseq >= value
        case Sequence() | Older() | Younger():
            raise ValueError("sequence numbers and ages mean nothing outside an IMAP session")
    raise TypeError(f"not a criterion: {criteria!r}")


def _date(message: Searchable, field: DateField) -> int | None:
    match field:
        case "internal":
            return message.internal_date
        case "saved":
            return message.saved_at
    return message.sent_at


def _contains(value: str | None, text: str) -> bool:
    return value is not None and text.casefold() in value.casefold()


def has_words(text: str, asked: Words) -> bool:
    """Whether the text answers a question about words, exactly as the index would."""
    return among_words(words(text), asked)


def among_words(present: list[str], asked: Words) -> bool:
    """The same, of the words of a text."""
    wanted = words(asked.text, limit=MAX_ASKED)
    if not wanted:
        return False
    if asked.phrase:
        return _has_phrase(present, wanted, asked.prefix)
    known = set(present)
    if asked.prefix:
        *whole, last = wanted
        return known.issuperset(whole) and (last in known or any(word.startswith(last) for word in known))
    return known.issuperset(wanted)


def _has_phrase(present: list[str], wanted: list[str], prefix: bool) -> bool:
    length = len(wanted)
    for start in range(len(present) - length + 1):
        if present[start : start + length - 1] != wanted[:-1]:
            continue
        last = present[start + length - 1]
        if last == wanted[-1] or (prefix and last.startswith(wanted[-1])):
            return True
    return False


# --- as JSON


def dump(criteria: Criteria) -> list[Any]:
    """A list of a criterion's name and values: `["not", ["words", "ada", "from", false, true]]`."""
    values: list[Any] = []
    for each in fields(criteria):
        value = getattr(criteria, each.name)
        match each.name:
            case "parts":
                value = [dump(part) for part in value]
            case "part":
                value = dump(value)
            case "ranges":
                value = [list(pair) for pair in value]
        values.append(value)
    return [type(criteria).__name__.lower(), *values]


def load(stored: object) -> Criteria:
    """What `dump` made. A ValueError for anything else, and for what is larger than a search can be."""
    return _Loader().criterion(stored, 0)


class _Loader:
    def __init__(self) -> None:
        self._nodes = 0

    def criterion(self, stored: object, depth: int) -> Criteria:
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise ValueError("larger than a search can be")
        if not isinstance(stored, list) or not stored or not isinstance(stored[0], str):
            raise ValueError("not a criterion")
        name, *values = stored
        kind = _KINDS.get(name)
        if kind is None or len(values) != len(fields(kind)):
            raise ValueError("not a criterion")
        made = [
            self._value(kind, each.name, value, depth)
            for each, value in zip(fields(kind), values, strict=True)
        ]
        found: Criteria = kind(*made)
        return found

    def _value(self, kind: type, name: str, value: object, depth: int) -> object:
        match name:
            case "parts":
                return tuple(self.criterion(part, depth + 1) for part in _list(value))
            case "part":
                return self.criterion(value, depth + 1)
            case "ranges":
                return tuple(_range(each) for each in _list(value))
        if not (_is_flag if kind is Flag else _FITS.get(name, _is_number))(value):
            raise ValueError(f"not a {name}")
        return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list) or len(value) > MAX_NODES:
        raise ValueError("not a list")
    return value


def _range(value: object) -> tuple[int, int]:
    match value:
        case [int(low), int(high)] if _is_number(low) and _is_number(high):
            return low, high
    raise ValueError("not a range")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT


def _is_number(value: object) -> bool:
    return type(value) is int and -MAX_NUMBER <= value <= MAX_NUMBER


def _is_truth(value: object) -> bool:
    return isinstance(value, bool)


def _is_flag(value: object) -> bool:
    return isinstance(value, str) and value in get_args(FlagName)


def _is_where(value: object) -> bool:
    return isinstance(value, str) and value in get_args(Where)


def _is_date(value: object) -> bool:
    return isinstance(value, str) and value in get_args(DateField)


_KINDS: dict[str, Any] = {kind.__name__.lower(): kind for kind in get_args(Criteria)}
# What a field of that name holds; others hold numbers.
_FITS: dict[str, Callable[[object], bool]] = {
    "name": _is_text,
    "header": _is_text,
    "text": _is_text,
    "where": _is_where,
    "phrase": _is_truth,
    "prefix": _is_truth,
    "field": _is_date,
}
