"""A tree of criteria answered leaf by leaf, in one mailbox (`query`) or among messages (`finding`).

Of several that must all hold, the one that leaves fewest comes first (counts are kept, or asked of an index up to a
limit); the others then look at those only. What is true of most is answered by those it is not true of
(`Match.others`), so that NOT DELETED in a mailbox of a million costs what the deleted ones cost.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

from mta.message import criteria as c
from mta.message.headers import decode_text, parse_header, split_message
from mta.message.parse import HEAD_FIELDS
from mta.message.text import fold

from . import conditions, contents, headerwords, indexing, rows, search
from .conditions import HEADERS, SCANNED, Between
from .conditions import Leaf as Node
from .errors import TooMuch
from .sql import among

FEW = 5_000  # candidates that the other criteria are asked about, instead of about everything
LONGEST = 60.0  # seconds that a search may take
TAIL = 200  # messages not indexed yet that a search reads itself; more are indexed first


COPIES = ("cc", "bcc")


@dataclass(frozen=True, slots=True)
class Match:
    """What matches, as UIDs or message ids; with `others`, all match but these."""

    uids: Collection[int]
    others: bool = False


NONE, ALL = Match(()), Match((), others=True)


class Tree:
    """One search; what is asked twice is remembered. What is a candidate, and how leaves are asked, is for others."""

    def __init__(self, mailspace: int) -> None:
        self.mailspace = mailspace
        self.until = time.monotonic() + LONGEST
        self._probed: dict[Node, list[int] | None] = {}

    @cached_property
    def late(self) -> list[int]:
        """What is not indexed yet: short, since whoever searches indexes what is too much to read every time."""
        waiting = search.tail(self.mailspace)
        for _ in range(len(waiting) // indexing.BATCH + 1):
            if len(waiting) <= TAIL or not indexing.index_pending(mailspace=self.mailspace):
                break
            waiting = search.tail(self.mailspace)
        return waiting

    # --- the tree

    def match(self, node: Node, within: Sequence[int] | None) -> Match:
        """What matches; with `within`, only what is said of those counts."""
        self._go_on()
        match node:
            case c.All():
                return ALL
            case c.Not(part):
                found = self.match(part, within)
                return Match(found.uids, not found.others)
            case c.And(parts):
                return self._all(_flat(parts), within)
            case c.Or(parts):
                return self._any(parts, within)
        return self.whole(node) if within is None else Match(self.some(node, within))

    def _go_on(self) -> None:
        if time.monotonic() > self.until:
            raise TooMuch("This search takes too long; ask for less at once.")

    def _all(self, parts: Iterable[Node], within: Sequence[int] | None) -> Match:
        have: set[int] | None = None
        lacking: set[int] = set()
        for part in sorted(parts, key=self.cost):
            if have is not None and len(have) <= FEW:
                within = sorted(have)
            found = self.match(part, within)
            if found.others:
                lacking.update(found.uids)
            elif have is None:
                have = set(found.uids)
            else:
                have.intersection_update(found.uids)
            if have is not None:
                have -= lacking
                if not have:
                    return NONE
        return Match(lacking, others=True) if have is None else Match(have)

    def _any(self, parts: Iterable[Node], within: Sequence[int] | None) -> Match:
        have: set[int] = set()
        lacking: set[int] | None = None
        for part in parts:
            found = self.match(part, within)
            if not found.others:
                have.update(found.uids)
            elif lacking is None:
                lacking = set(found.uids)
            else:
                lacking.intersection_update(found.uids)
        return Match(have) if lacking is None else Match(lacking - have, others=True)

    def cost(self, node: Node) -> int:
        """About how many a criterion leaves, or has to be asked of."""
        raise NotImplementedError

    def whole(self, node: Node) -> Match:
        """A leaf, of everything."""
        raise NotImplementedError

    def some(self, node: Node, within: Sequence[int]) -> Collection[int]:
        """A leaf, of some candidates."""
        raise NotImplementedError

    # --- messages of the mailspace that an index knows to be few

    def probe(self, node: Node) -> list[int] | None:
        """The messages of the whole mailspace that match a leaf, if they are few."""
        if node not in self._probed:
            self._probed[node] = self._few(node)
        return self._probed[node]

    def probed(self, node: Node) -> bool:
        """Whether an index was asked, and knew few."""
        return self._probed.get(node) is not None

    def _few(self, node: Node) -> list[int] | None:
        match node:
            case c.InThread(thread):
                return self._ids("m.thread_id = %s", thread)
            case c.HasEmailId(email_id):
                return self._copies(email_id)
            case c.Since("internal" | "sent" as which, at):
                return self._ids(f"{_DATES[which]} >= %s", at)
            case c.Before("internal" | "sent" as which, at):
                return self._ids(f"{_DATES[which]} < %s", at)
            case Between("internal" | "sent" as which, start, end):
                return self._ids(f"{_DATES[which]} >= %s AND {_DATES[which]} < %s", start, end)
            case c.Words():
                return self._few_words(node)
            case c.Contains(header, text) if header.lower() in HEADERS:
                return self._header(header.lower(), text)
            case c.Contains(header, text) if header.lower() in SCANNED:
                return self._scanned(header.lower(), text)
            case c.Contains(header, text) if header.lower() == "message-id" and _is_whole_id(text):
                wanted = conditions.storable(text[1:-1])
                return self._ids("m.message_id IN (%s, %s)", wanted, wanted.lower())
        return None

    def _ids(self, where: str, *params: Any) -> list[int] | None:
        found = rows.select(
            f"SELECT m.id FROM mailstore_message m WHERE m.mailspace_id = %s AND {where} LIMIT %s",
            [self.mailspace, *params, FEW + 1],
        )
        return None if len(found) > FEW else [row[0] for row in found]

    def _copies(self, email_id: int) -> list[int] | None:
        """Copies share the bytes of the message that the id was made for, as long as it is there."""
        first = rows.select(
            "SELECT blob_id FROM mailstore_message WHERE mailspace_id = %s AND id = %s",
            [self.mailspace, email_id],
        )
        return self._ids("m.blob_id = %s AND m.email_id = %s", first[0][0], email_id) if first else None

    def _header(self, header: str, text: str) -> list[int] | None:
        """RFC 3501 §6.4.4: substrings of a header field. The words around them lead there."""
        if len(text) > conditions.LONGEST:
            return []
        asked = headerwords.question(self.mailspace, header, text)
        found = None if asked is None else search.messages(asked, limit=FEW)
        if found is None or len(late := search.tail(self.mailspace)) > FEW:
            return None
        holds = conditions.holds(f"h.{HEADERS[header]}", fold(text))
        checked: list[int] = []
        for piece in rows.chunks(found + late, FEW):
            where, params = among("h.message_id", piece)
            read = rows.select(
                "SELECT h.message_id FROM mailstore_headertext h"
                f" WHERE h.mailspace_id = %s AND {where} AND {holds.sql}",
                [self.mailspace, *params, *holds.params],
            )
            checked += [row[0] for row in read]
        return checked

    def _scanned(self, header: str, text: str) -> list[int] | None:
        """Header fields that are kept in a narrow table, in message order."""
        written = conditions.contains(header, text)
        if written is None or not written.headers:
            return None
        found = rows.select(
            "SELECT h.message_id FROM mailstore_headertext h"
            f" WHERE h.mailspace_id = %s AND {written.sql} LIMIT %s",
            [self.mailspace, *written.params, FEW + 1],
        )
        return None if len(found) > FEW else [row[0] for row in found]

    def _few_words(self, node: c.Words) -> list[int] | None:
        asked = search.question(self.mailspace, node)
        if asked is None:
            return None
        late = self.late
        found = search.messages(asked, limit=FEW)
        if found is None or node.where not in COPIES:
            return None if found is None else [*found, *search.tail_matches(self.mailspace, late, node)]
        return self._copied(node, [*found, *late])

    def _copied(self, node: c.Words, messages: Collection[int]) -> list[int]:
        """Those of some messages with the words in Cc or Bcc, which the index has among all recipients."""
        found: list[int] = []
        for piece in rows.chunks(list(messages), FEW):
            where, params = among("message_id", piece)
            read = rows.select(
                f"SELECT message_id, {HEADERS[node.where]} FROM mailstore_headertext"
                f" WHERE mailspace_id = %s AND {where}",
                [self.mailspace, *params],
            )
            found += [id_ for id_, text in read if c.has_words(text, node)]
        return found

    # --- leaves of messages

    def all_with_words(self, node: c.Words) -> set[int]:
        """Every message of the mailspace with the words, few or many."""
        asked = search.question(self.mailspace, node)
        if asked is None:
            return set()
        late = self.late
        if node.where in COPIES:
            return set(self._copied(node, [*search.every(asked), *late]))
        return {*search.every(asked), *search.tail_matches(self.mailspace, late, node)}

    def with_words(self, node: c.Words, messages: Collection[int]) -> list[int]:
        """Those of some messages with the words."""
        asked = search.question(self.mailspace, node)
        if asked is None:
            return list(messages)  # nothing but punctuation: no condition
        if node.where in COPIES:
            return self._copied(node, messages)
        late = set(self.late)
        read = [one for one in messages if one in late]
        found = search.of(asked, [one for one in messages if one not in late])
        return [*found, *search.tail_matches(self.mailspace, read, node)]

    def with_field(self, node: c.Contains, messages: Sequence[int]) -> list[int]:
        """A header field that has no column: from the kept lines of the header, else from the bytes."""
        name, wanted = node.header.lower(), fold(node.text)
        if len(node.text) > conditions.LONGEST:
            return []
        found: list[int] = []
        rest: list[int] = []
        for piece in rows.chunks(messages):
            heads = _heads(self.mailspace, piece) if name in HEAD_FIELDS else {}
            found += [id_ for id_, head in heads.items() if has_field(head, name, wanted)]
            rest += [id_ for id_ in piece if id_ not in heads]
        for id_, raw in contents.headers(self.mailspace, rest):
            if has_field(raw[: split_message(raw)[0]], name, wanted):
                found.append(id_)
            self._go_on()
        return found


_DATES = {"internal": "m.internal_date", "sent": "COALESCE(m.sent_at, m.internal_date)"}


def _heads(mailspace: int, ids: Sequence[int]) -> dict[int, bytes]:
    """The kept lines of the headers, of messages where they are complete."""
    where, params = among("id", ids)
    found = rows.select(
        f"SELECT id, head FROM mailstore_message WHERE mailspace_id = %s AND {where}"
        " AND head_complete AND parsed_by >= 2",
        [mailspace, *params],
    )
    return {id_: bytes(head) for id_, head in found}


def has_field(head: bytes, name: str, wanted: str) -> bool:
    """Whether one of the fields of that name holds the folded text, or there is such a field if that is empty."""
    if name.encode("utf-8", "replace") not in head.lower():  # most messages do not have the rarer ones
        return False
    values = [each.value for each in parse_header(head) if each.name == name]
    return any(not wanted or wanted in fold(decode_text(value)) for value in values)


def _is_whole_id(text: str) -> bool:
    return len(text) > 2 and text[0] == "<" and text[-1] == ">"


def _flat(parts: Iterable[c.Criteria]) -> list[Node]:
    """And within And as one; the beginning and the end of a span of time together."""
    found: list[Node] = []
    spans: dict[c.DateField, tuple[list[int], list[int]]] = {}
    waiting = list(parts)
    while waiting:
        match part := waiting.pop():
            case c.And(inner):
                waiting += inner
            case c.Since(which, at):
                spans.setdefault(which, ([], []))[0].append(at)
            case c.Before(which, at):
                spans.setdefault(which, ([], []))[1].append(at)
            case _:
                found.append(part)
    for which, (starts, ends) in spans.items():
        if starts and ends:
            found.append(Between(which, max(starts), min(ends)))
        else:
            found.append(c.Since(which, max(starts)) if starts else c.Before(which, min(ends)))
    return found


def inside(ranges: Sequence[tuple[int, int]]) -> Callable[[int], bool]:
    """Whether a number is in one of some ranges, however many these are."""
    ordered = sorted(ranges)
    starts = [low for low, _ in ordered]
    ends = list(accumulate((high for _, high in ordered), max))

    def test(number: int) -> bool:
        at = bisect_right(starts, number)
        return at > 0 and ends[at - 1] >= number

    return test
