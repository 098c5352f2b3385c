"""SEARCH: its keys as `message.criteria` (RFC 3501 §6.4.4), and the part that needs no database.

Pure. `search_program` reads the keys; `prepared` replaces what only this session knows (sequence numbers,
`*`, \\Recent) by UIDs; `in_view` answers a search about flags and UIDs from the told view alone.
At most 1,000 keys, nested at most 20 deep, before and after sign-in.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mta.message import criteria as cr
from mta.values import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN
from mta.wire.imap import sequences
from mta.wire.imap.scanner import MAX_DEPTH, BadSyntax, Scanner
from mta.wire.imap.view import View

MAX_KEYS = 1000
CHARSETS = ("US-ASCII", "UTF-8")

SearchKey = cr.Criteria

_BITS = {"seen": SEEN, "answered": ANSWERED, "flagged": FLAGGED, "draft": DRAFT, "deleted": DELETED}
_NOTHING = cr.Not(cr.All())


class BadCharset(BadSyntax):
    """A SEARCH CHARSET we do not know: NO [BADCHARSET], not BAD (RFC 3501 §6.4.4)."""


@dataclass(slots=True)
class _Reading:
    scanner: Scanner
    keys: int = 0
    depth: int = 0

    def text(self) -> str:
        wire = self.scanner.astring()
        try:
            return wire.decode()
        except UnicodeDecodeError:
            return wire.decode("latin-1")


def search_program(scanner: Scanner) -> tuple[SearchKey, tuple[str, ...] | None]:
    """Everything after SEARCH: the key, and the options of ESEARCH's RETURN or None."""
    returns = None
    if scanner.skip_word(b"RETURN"):  # RFC 4731 §3.1
        scanner.space()
        returns = tuple(dict.fromkeys(scanner.words("a return option"))) or ("ALL",)
        if not {"MIN", "MAX", "ALL", "COUNT"}.issuperset(returns):
            raise BadSyntax("Unknown SEARCH return option")
        scanner.space()
    if scanner.skip_word(b"CHARSET"):
        scanner.space()
        charset = scanner.text("a charset").upper()
        if charset not in CHARSETS:
            raise BadCharset("This charset is not known here")
        scanner.space()
    reading = _Reading(scanner)
    return _conjunction(reading, scanner.at_end), returns


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
}
_WITH_ARGUMENTS: dict[str, Callable[[_Reading], SearchKey]] = {
    "BCC": _in("bcc"),
    "BEFORE": _day(lambda day: cr.Before("internal", day)),
    "BODY": lambda reading: cr.Words(reading.text(), "body", phrase=True),
    "CC": _in("cc"),
    "FROM": _in("from"),
    "HEADER": _header,
    "KEYWORD": lambda reading: cr.Keyword(reading.scanner.flag()),
    "LARGER": lambda reading: cr.Larger(reading.scanner.number()),
    "MODSEQ": _modseq,
    "NOT": _not,
    "ON": _day(lambda day: cr.on("internal", day)),
    "OR": _or,
    "SENTBEFORE": _day(lambda day: cr.Before("sent", day)),
    "SENTON": _day(lambda day: cr.on("sent", day)),
    "SENTSINCE": _day(lambda day: cr.Since("sent", day)),
    "SINCE": _day(lambda day: cr.Since("internal", day)),
    "SMALLER": lambda reading: cr.Smaller(reading.scanner.number()),
    "SUBJECT": _in("subject"),
    "TEXT": lambda reading: cr.Words(reading.text(), "any", phrase=True),
    "TO": _in("to"),
    "UID": lambda reading: cr.Uids(reading.scanner.sequence_set()),
    "UNKEYWORD": lambda reading: cr.Not(cr.Keyword(reading.scanner.flag())),
}


def mentions_modseq(key: SearchKey) -> bool:
    """RFC 7162 §3.1.5: then the answer tells the highest mod-sequence too."""
    match key:
        case cr.And(parts) | cr.Or(parts):
            return any(mentions_modseq(part) for part in parts)
        case cr.Not(part):
            return mentions_modseq(part)
    return isinstance(key, cr.ModSeq)


def prepared(key: SearchKey, view: View, first_recent: int) -> SearchKey:
    """The same search with sequence numbers, `*` and \\Recent as UIDs of this view."""
    match key:
        case cr.And(parts):
            return cr.And(tuple(prepared(part, view, first_recent) for part in parts))
        case cr.Or(parts):
            return cr.Or(tuple(prepared(part, view, first_recent) for part in parts))
        case cr.Not(part):
            return cr.Not(prepared(part, view, first_recent))
        case cr.Sequence(ranges):
            return _uids(sequences.runs(view.by_sequence(ranges)))
        case cr.Uids(ranges):
            return _uids(sequences.resolve(ranges, view.highest_uid()))
        case cr.Flag("recent"):
            return _uids(((max(1, first_recent), sequences.MAX_NUMBER),))
    return key


def _uids(ranges: sequences.Ranges) -> SearchKey:
    return cr.Uids(ranges) if ranges else _NOTHING


def in_view(key: SearchKey, view: View) -> list[int] | None:
    """The UIDs that match, or None if the view does not know. `key` has been `prepared`."""
    test = _tester(key)
    if test is None:
        return None
    keywords, nothing = view.keywords, ()
    return [
        uid
        for uid, bits in zip(view.uids, view.flags, strict=True)
        if test(uid, bits, keywords.get(uid, nothing))
    ]


_Test = Callable[[int, int, Sequence[str]], bool]


def _tester(key: SearchKey) -> _Test | None:
    match key:
        case cr.All():
            return lambda uid, bits, words: True
        case cr.Flag(name):
            mask = _BITS[name]
            return lambda uid, bits, words: bool(bits & mask)
        case cr.Keyword(name):
            wanted = name.lower()
            return lambda uid, bits, words: any(word.lower() == wanted for word in words)
        case cr.Uids(ranges):
            return _within(ranges)
        case cr.Not(part):
            inner = _tester(part)
            return (lambda uid, bits, words: not inner(uid, bits, words)) if inner else None
        case cr.And(parts) | cr.Or(parts):
            tests = [_tester(part) for part in parts]
            known = [test for test in tests if test is not None]
            if len(known) < len(tests):
                return None
            judge = all if isinstance(key, cr.And) else any
            return lambda uid, bits, words: judge(test(uid, bits, words) for test in known)
    return None


def _within(ranges: sequences.Ranges) -> _Test:
    merged = sequences.resolve(ranges, sequences.MAX_NUMBER)
    starts = [low for low, _high in merged]

    def test(uid: int, bits: int, words: Sequence[str]) -> bool:
        at = bisect_left(starts, uid + 1) - 1
        return at >= 0 and uid <= merged[at][1]

    return test
