"""SEARCH: its keys as `message.criteria` (RFC 3501 §6.4.4 and what extends it), and what its answer is to hold.

Pure. `search_program` reads what follows SEARCH, `search_criteria` what SORT and THREAD share with it; `prepared`
replaces what only this session knows (sequence numbers, `*`, `$`, \\Recent, the time) before the store is asked.
At most 1,000 keys, nested at most 20 deep, texts of at most 10,000 octets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from mta.message import criteria as cr
from mta.wire.imap import sequences
from mta.wire.imap.scanner import MAX_DEPTH, BadSyntax, Scanner
from mta.wire.imap.uids import Uids

MAX_KEYS = 1000
MAX_TEXT = 10_000
CHARSETS = ("US-ASCII", "UTF-8")
OPTIONS = frozenset(("MIN", "MAX", "ALL", "COUNT", "SAVE"))  # RFC 4731 §3.1, RFC 5182 §2.1

SearchKey = cr.Criteria

_OBJECT_ID = re.compile(rb"[A-Za-z0-9_-]{1,255}")
_NOTHING = cr.Not(cr.All())
SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Returns:
    """What RETURN asks for: ESEARCH (RFC 4731 §3.1), SAVE (RFC 5182 §2.1), PARTIAL (RFC 9394 §3.1)."""

    options: frozenset[str] = frozenset(("ALL",))
    partial: tuple[int, int] | None = None


class BadCharset(BadSyntax):
    """A SEARCH CHARSET we do not know: NO [BADCHARSET], not BAD (RFC 3501 §6.4.4)."""


@dataclass(slots=True)
class _Reading:
    scanner: Scanner
    keys: int = 0
    depth: int = 0

    def text(self) -> str:
        wire = self.scanner.astring()
        if len(wire) > MAX_TEXT:
            raise BadSyntax("This text is too long to search for")
        try:
            return wire.decode()
        except UnicodeDecodeError:
            return wire.decode("latin-1")


def search_program(scanner: Scanner) -> tuple[SearchKey, Returns | None, str]:
    """Everything after SEARCH: the key, what RETURN asks for or None, the charset named or ""."""
    returns = search_returns(scanner)
    charset = ""
    if scanner.skip_word(b"CHARSET"):
        scanner.space()
        charset = _charset(scanner)
        scanner.space()
    return _conjunction(_Reading(scanner), scanner.at_end), returns, charset


def search_criteria(scanner: Scanner) -> SearchKey:
    """RFC 5256 §5 `search-criteria` of SORT and THREAD: the charset must be there."""
    _charset(scanner)
    scanner.space()
    return _conjunction(_Reading(scanner), scanner.at_end)


def _charset(scanner: Scanner) -> str:
    charset = scanner.text("a charset").upper()
    if charset not in CHARSETS:
        raise BadCharset("This charset is not known here")
    return charset


def search_returns(scanner: Scanner) -> Returns | None:
    """RFC 4466 §2.6: `RETURN (…) ` if it is there."""
    if not scanner.skip_word(b"RETURN"):
        return None
    scanner.space()
    scanner.need(b"(")
    options: set[str] = set()
    partial = None
    first = True
    while not scanner.skip(b")"):
        if not first:
            scanner.space()
        first = False
        option = scanner.keyword("a return option")
        if option == "PARTIAL" and partial is None:
            scanner.space()
            partial = scanner.partial_range()
        elif option in OPTIONS:
            options.add(option)
        else:
            raise BadSyntax("Unknown return option")
    scanner.space()
    if partial and "ALL" in options:  # RFC 9394 §3.1
        raise BadSyntax("PARTIAL and ALL exclude each other")
    # RFC 4731 §3.1: nothing asked for means ALL.
    return Returns(frozenset(options or ({"ALL"} if partial is None else ())), partial)


def _conjunction(reading: _Reading, finished: Callable[[], bool]) -> SearchKey:
    parts = [_key(reading)]
    while not finished():
        reading.scanner.space()
        parts.append(_key(reading))
    return parts[0] if len(parts) == 1 else cr.And(tuple(parts))


def _key(reading: _Reading) -> SearchKey:
    reading.keys += 1
    if reading.keys > MAX_KEYS:
        raise BadSyntax(f"More than {MAX_KEYS} search keys")
    scanner = reading.scanner
    if scanner.next_is(b"("):
        return _nested(reading, _parenthesised)
    if scanner.next_is_number():
        return cr.Sequence(scanner.sequence_set())
    name = scanner.keyword("a search key")
    plain = _PLAIN.get(name)
    if plain is not None:
        return plain
    parser = _WITH_ARGUMENTS.get(name)
    if parser is None:
        raise BadSyntax("Unknown search key")
    scanner.space()
    return _nested(reading, parser) if name in {"NOT", "OR"} else parser(reading)


def _nested(reading: _Reading, parser: Callable[[_Reading], SearchKey]) -> SearchKey:
    reading.depth += 1
    if reading.depth > MAX_DEPTH:
        raise BadSyntax(f"Search keys nested more than {MAX_DEPTH} deep")
    key = parser(reading)
    reading.depth -= 1
    return key


def _parenthesised(reading: _Reading) -> SearchKey:
    reading.scanner.need(b"(")
    key = _conjunction(reading, lambda: reading.scanner.next_is(b")"))
    reading.scanner.need(b")")
    return key


def _not(reading: _Reading) -> SearchKey:
    return cr.Not(_key(reading))


def _or(reading: _Reading) -> SearchKey:
    first = _key(reading)
    reading.scanner.space()
    return cr.Or((first, _key(reading)))


def _header(reading: _Reading) -> SearchKey:
    name = reading.text()
    reading.scanner.space()
    return cr.Contains(name, reading.text())


def _modseq(reading: _Reading) -> SearchKey:
    """RFC 7162 §3.1.5: an entry name and type may come first; here all entries share one number."""
    scanner = reading.scanner
    if scanner.next_is(b'"'):
        scanner.string()
        scanner.space()
        scanner.keyword("an entry type")
        scanner.space()
    return cr.ModSeq(scanner.modseq())


def _object_id(letter: bytes, make: Callable[[int], SearchKey]) -> Callable[[_Reading], SearchKey]:
    """RFC 8474 §5.3: an id that we never gave out belongs to no message."""

    def parser(reading: _Reading) -> SearchKey:
        found = reading.scanner.matched(_OBJECT_ID)
        if not found:
            raise BadSyntax("Expected an object id")
        number = found.group()[1:]
        ours = found.group()[:1] == letter and number.isdigit() and len(number) < 19
        return make(int(number)) if ours else _NOTHING

    return parser


def _seconds(make: Callable[[int], SearchKey]) -> Callable[[_Reading], SearchKey]:
    """RFC 5032 §3: a number of seconds that is not zero."""

    def parser(reading: _Reading) -> SearchKey:
        seconds = reading.scanner.number()
        if not seconds:
            raise BadSyntax("An interval of no seconds")
        return make(seconds)

    return parser


def _in(header: str) -> Callable[[_Reading], SearchKey]:
    return lambda reading: cr.Contains(header, reading.text())


def _day(make: Callable[[int], SearchKey]) -> Callable[[_Reading], SearchKey]:
    return lambda reading: make(reading.scanner.date())


# RFC 3501 §6.4.4, in its order. NEW is RECENT UNSEEN; OLD is NOT RECENT.
_PLAIN: dict[str, SearchKey] = {
    "ALL": cr.All(),
    "ANSWERED": cr.Flag("answered"),
    "DELETED": cr.Flag("deleted"),
    "DRAFT": cr.Flag("draft"),
    "FLAGGED": cr.Flag("flagged"),
    "NEW": cr.And((cr.Flag("recent"), cr.Not(cr.Flag("seen")))),
    "OLD": cr.Not(cr.Flag("recent")),
    "RECENT": cr.Flag("recent"),
    "SEEN": cr.Flag("seen"),
    "UNANSWERED": cr.Not(cr.Flag("answered")),
    "UNDELETED": cr.Not(cr.Flag("deleted")),
    "UNDRAFT": cr.Not(cr.Flag("draft")),
    "UNFLAGGED": cr.Not(cr.Flag("flagged")),
    "UNSEEN": cr.Not(cr.Flag("seen")),
    "SAVEDATESUPPORTED": cr.All(),  # RFC 8514 §4.3: every mailbox here has it
}
_WITH_ARGUMENTS: dict[str, Callable[[_Reading], SearchKey]] = {
    "BCC": _in("bcc"),
    "BEFORE": _day(lambda day: cr.Before("internal", day)),
    "BODY": lambda reading: cr.Words(reading.text(), "body", phrase=True),
    "CC": _in("cc"),
    "EMAILID": _object_id(b"M", cr.HasEmailId),  # RFC 8474 §5.3
    "FROM": _in("from"),
    "HEADER": _header,
    "KEYWORD": lambda reading: cr.Keyword(reading.scanner.flag()),
    "LARGER": lambda reading: cr.Larger(reading.scanner.number()),
    "MODSEQ": _modseq,
    "NOT": _not,
    "OLDER": _seconds(cr.Older),  # RFC 5032
    "ON": _day(lambda day: cr.on("internal", day)),
    "OR": _or,
    "SAVEDBEFORE": _day(lambda day: cr.Before("saved", day)),  # RFC 8514 §4.3
    "SAVEDON": _day(lambda day: cr.on("saved", day)),
    "SAVEDSINCE": _day(lambda day: cr.Since("saved", day)),
    "SENTBEFORE": _day(lambda day: cr.Before("sent", day)),
    "SENTON": _day(lambda day: cr.on("sent", day)),
    "SENTSINCE": _day(lambda day: cr.Since("sent", day)),
    "SINCE": _day(lambda day: cr.Since("internal", day)),
    "SMALLER": lambda reading: cr.Smaller(reading.scanner.number()),
    "SUBJECT": _in("subject"),
    "TEXT": lambda reading: cr.Words(reading.text(), "any", phrase=True),
    "THREADID": _object_id(b"T", cr.InThread),  # RFC 8474 §5.3
    "TO": _in("to"),
    "UID": lambda reading: cr.Uids(reading.scanner.sequence_set()),
    "UNKEYWORD": lambda reading: cr.Not(cr.Keyword(reading.scanner.flag())),
    "YOUNGER": _seconds(cr.Younger),
}


def mentions_modseq(key: SearchKey) -> bool:
    """RFC 7162 §3.1.5: then the answer tells the highest mod-sequence too."""
    match key:
        case cr.And(parts) | cr.Or(parts):
            return any(mentions_modseq(part) for part in parts)
        case cr.Not(part):
            return mentions_modseq(part)
    return isinstance(key, cr.ModSeq)


def uses_numbers(key: SearchKey) -> bool:
    """Whether the key names messages by their sequence numbers."""
    match key:
        case cr.And(parts) | cr.Or(parts):
            return any(uses_numbers(part) for part in parts)
        case cr.Not(part):
            return uses_numbers(part)
    return isinstance(key, cr.Sequence)


@dataclass(frozen=True, slots=True)
class Told:
    """What keys may refer to that only a session knows."""

    uids: Uids
    saved: Uids  # `$`
    first_recent: int
    now: int  # µs


def prepared(key: SearchKey, told: Told) -> SearchKey:
    """The same search with sequence numbers, `*`, `$` and \\Recent as UIDs, and ages as moments."""
    match key:
        case cr.And(parts):
            return cr.And(tuple(prepared(part, told) for part in parts))
        case cr.Or(parts):
            return cr.Or(tuple(prepared(part, told) for part in parts))
        case cr.Not(part):
            return cr.Not(prepared(part, told))
        case cr.Sequence(ranges) | cr.Uids(ranges) if ranges == sequences.SAVED:  # RFC 5182 §2.1
            return _uids(tuple((told.saved & told.uids).ranges))
        case cr.Sequence(ranges):
            return _uids(tuple(told.uids.by_sequence(ranges).ranges))
        case cr.Uids(ranges):
            return _uids(sequences.resolve(ranges, told.uids.last))
        case cr.Flag("recent"):
            return _uids(((max(1, told.first_recent), sequences.MAX_NUMBER),))
        case cr.Older(seconds):
            return cr.Before("internal", told.now - seconds * SECOND + 1)
        case cr.Younger(seconds):
            return cr.Since("internal", told.now - seconds * SECOND)
    return key


def _uids(ranges: sequences.Ranges) -> SearchKey:
    return cr.Uids(ranges) if ranges else _NOTHING
