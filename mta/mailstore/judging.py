"""Whether a message that is just arriving is one that a search would find once it lies there. For filters.

The same texts, folded and tokenized the same way as for the columns and the index, but in memory: nothing is read
from the database. What only the store knows (conversations, UIDs, mod-sequences) matches nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property

from mta.message import criteria as c
from mta.message.headers import decode_text, parse_header, split_message
from mta.message.parse import Facts
from mta.message.text import fold, words

from . import columns, conditions, search
from .matching import COPIES


class Candidate:
    """One arriving message. `size` with what is put in front of it (`prefix`); `at` is its INTERNALDATE.

    `flags` ("seen", "flagged"), `keywords` and `boxes` (mailbox ids) may change between two questions: what an
    earlier filter did counts for a later one.
    """

    def __init__(
        self, facts: Facts, raw: bytes, *, prefix: bytes, at: int, tokens: search.Tokens | None = None
    ) -> None:
        self.facts = facts
        self.flags: set[str] = set()
        self.keywords: set[str] = set()
        self.boxes: set[int] = set()
        self._raw, self._prefix, self._at = raw, prefix, at
        self._copies: dict[str, list[str]] = {}  # the words of Cc, of Bcc
        self._tokens = search.Tokens(facts.search_text) if tokens is None else tokens

    def matches(self, node: c.Criteria) -> bool:
        match node:
            case c.All():
                return True
            case c.And(parts):
                return all(self.matches(part) for part in sorted(parts, key=_cost))
            case c.Or(parts):
                return any(self.matches(part) for part in sorted(parts, key=_cost))
            case c.Not(part):
                return not self.matches(part)
            case c.Flag(name):
                return name in self.flags
            case c.Keyword(name):
                return name.lower() in {each.lower() for each in self.keywords}
            case c.Larger(size):
                return self.size > size
            case c.Smaller(size):
                return self.size < size
            case c.Since(which, at):
                return self._date(which) >= at
            case c.Before(which, at):
                return self._date(which) < at
            case c.InMailbox(mailbox):
                return mailbox in self.boxes
            case c.HasAttachment():
                return any(not each.inline for each in self.facts.attachments)
            case c.Words():
                return self._has_words(node)
            case c.Contains(header, text):
                return self._contains(header.lower(), text)
        return False

    @property
    def size(self) -> int:
        return len(self._prefix) + self.facts.size

    def _date(self, which: c.DateField) -> int:
        return self._at if which != "sent" or self.facts.sent_at is None else self.facts.sent_at

    @cached_property
    def _fields(self) -> dict[str, str]:
        """The folded values of all fields of a name, between them what no value holds; read once for all rules."""
        values: dict[str, list[str]] = {}
        for each in parse_header(self._prefix + self._raw[: split_message(self._raw)[0]]):
            values.setdefault(each.name, []).append(fold(decode_text(each.value)))
        return {name: "\x00".join(found) for name, found in values.items()}

    @cached_property
    def _columns(self) -> dict[str, str]:
        texts = columns.header_texts(self.facts, self._prefix)
        return dict(zip(columns.HEADER_TEXTS, texts, strict=True))

    def _contains(self, header: str, text: str) -> bool:
        """As `conditions.contains`, and what is read from the bytes where that has no column."""
        if len(text) > conditions.LONGEST:
            return False
        column = conditions.HEADERS.get(header)
        if column is not None and (text or header != "subject"):
            return _holds(self._columns[column], text)
        if header in conditions.SCANNED and not conditions.BRACKETS.intersection(text):
            return _holds(self._columns[conditions.SCANNED[header]], text)
        values = self._fields.get(header)
        return values is not None and fold(text) in values

    def _has_words(self, node: c.Words) -> bool:
        if not conditions.has_words(node):
            return True  # nothing but punctuation: no condition
        if node.where in COPIES:
            if node.where not in self._copies:
                self._copies[node.where] = words(self._columns[conditions.HEADERS[node.where]])
            return c.among_words(self._copies[node.where], node)
        wanted = words(node.text, limit=search.MOST_WORDS)
        kinds = search.kinds_of(node.where)
        last = len(wanted) - 1
        if not all(self._knows(word, kinds, node.prefix and at == last) for at, word in enumerate(wanted)):
            return False
        # Only what has all the words is read for whether they stand side by side.
        return not node.phrase or search.holds(self._tokens, wanted, kinds, node)

    def _knows(self, word: str, kinds: tuple[str, ...], prefix: bool) -> bool:
        for kind in kinds:
            known = self._tokens.ordered(kind)
            at = bisect_left(known, word)
            if at < len(known) and (known[at].startswith(word) if prefix else known[at] == word):
                return True
        return False


def _holds(column: str, text: str) -> bool:
    folded = conditions.storable(fold(text))
    return folded in column if folded else bool(column)


def _cost(node: c.Criteria) -> int:
    """What asks for words of the body comes last."""
    match node:
        case c.Not(part):
            return _cost(part)
        case c.And(parts) | c.Or(parts):
            return max(map(_cost, parts), default=0)
        case c.Words(where="any" | "body"):
            return 2
        case c.Contains():
            return 1
    return 0
