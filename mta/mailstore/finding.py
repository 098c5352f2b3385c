"""The web client's search: conversations with a message that matches, the newest match first.

Where an index knows that some criterion leaves few messages, these are looked at all together. Otherwise mail is
walked through from the newest on, in growing pieces, until a page is full: on SQLite along the index of a word, else
along the dates. Nobody waits for a walk longer than PATIENCE: what was found so far is a page, and says how far it
reaches.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import connection

from mta.message import criteria as c
from mta.values import FLAGGED, JUNK, QUARANTINE, SEEN, TRASH

from . import conditions, indexing, rows, search
from .conditions import Leaf as Node
from .matching import COPIES, FEW, TAIL, Match, Tree
from .sql import among, marks

COUNTED = 1_000  # conversations; more are "many"
FIRST_PIECE = 100
ASIDE = 1_000  # messages of Spam, and of Trash, that are looked at for whether something is there
PATIENCE = 1.0  # seconds that a person waits for a page
LONGEST = 3.0  # seconds after which a page is given up that one question of an index holds up
PROBING = 0.4  # seconds for asking indexes which criterion leaves few
READING = 0.5  # seconds in which a search indexes what has not been yet
BRISK = 0.1  # seconds that a piece takes at most before pieces grow no more
LARGE = 1_000_000  # bytes; larger messages are few, and have an index of their own
WAITING = 100_000  # messages that are not indexed yet, of which is said how many
WITH_KEYWORDS = 20_000  # messages whose keywords are looked at all together
SLACK = 1_000_000  # µs: places in the index of words follow the dates that closely

EVERYTHING = 1 << 62  # later than any date

Key = tuple[int, int]  # (newest matching INTERNALDATE, thread)
# The date that all later pieces lie below, messages, and words that all of these have.
Piece = tuple[int, list[int], c.Words | None]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of (thread, newest match); `total` conversations, None where they were not counted.

    `aside`: something in Spam or Trash matches, which was left out. `reached`: what is that old or older was not
    looked at, because it would have taken too long. `waiting`: so many messages are not indexed yet, nor searched.
    """

    page: list[tuple[int, int]]
    total: int | None
    aside: bool = False
    reached: int | None = None
    waiting: int = 0


def threads(mailspace: int, criteria: c.Criteria, *, before: Key | None, limit: int, aside: bool) -> Found:
    """The newest conversations that match, older than `before`; `aside` looks into Junk and Trash, too."""
    with rows.within(LONGEST):
        return _threads(mailspace, search.together(criteria), before=before, limit=limit, aside=aside)


def _threads(mailspace: int, criteria: c.Criteria, *, before: Key | None, limit: int, aside: bool) -> Found:
    tree = InMailspace(mailspace, aside=aside)
    few = tree.few(criteria)
    left_out = not aside and before is None and tree.lies_aside(criteria, few)
    if few is None:
        walked, reached = _walk(tree, criteria, before, limit)
        return Found(walked, None, left_out, reached, tree.waiting)
    newest = tree.newest(criteria, few)
    found = sorted(((at, thread) for thread, at in newest.items()), reverse=True)
    page = [key for key in found if before is None or key < before][:limit]
    return Found(
        [(thread, at) for at, thread in page],
        len(found) if len(found) <= COUNTED else None,
        left_out,
        waiting=tree.waiting,
    )


def every(mailspace: int, criteria: c.Criteria, *, aside: bool) -> Iterator[dict[int, int]]:
    """All conversations that match, piece by piece: thread → newest match in that piece. For jobs, which have time."""
    criteria = search.together(criteria)
    tree = InMailspace(mailspace, aside=aside, patient=True)
    few = tree.few(criteria)
    if few is not None:
        yield tree.newest(criteria, few)
        return
    for _low, piece, known in tree.pieces(criteria, None):
        yield tree.newest(criteria, piece, known=known)


def _walk(
    tree: InMailspace, criteria: c.Criteria, before: Key | None, limit: int
) -> tuple[list[tuple[int, int]], int | None]:
    """A page, and how far it reaches if patience ended before it was full."""
    until = time.monotonic() + PATIENCE
    newest: dict[int, int] = {}
    shown: set[int] = set()  # on pages before this one
    reached = None
    for low, piece, known in tree.pieces(criteria, None if before is None else before[0]):
        found = tree.newest(criteria, piece, known=known)
        found = {thread: at for thread, at in found.items() if before is None or (at, thread) < before}
        if before is not None:
            new = found.keys() - newest.keys() - shown
            shown |= tree.matched_above(criteria, new, before)
        for thread, at in found.items():
            if thread not in shown:
                newest[thread] = max(at, newest.get(thread, 0))
        ordered = _newest_first(newest)[:limit]
        if len(ordered) == limit and ordered[-1][1] > low:  # nothing that comes can be newer
            return ordered, None
        ahead = low < EVERYTHING and (before is None or low + 1 < before[0])
        if ahead and time.monotonic() > until:
            reached = low
            break
    # What is exactly that old may not have been looked at in full; the next page has it.
    return [each for each in _newest_first(newest) if reached is None or each[1] > reached][:limit], reached


def _newest_first(newest: dict[int, int]) -> list[tuple[int, int]]:
    return [
        (thread, at) for at, thread in sorted(((at, thread) for thread, at in newest.items()), reverse=True)
    ]


# As the partial indexes have them.
_WRITTEN: dict[Node, str] = {
    c.HasAttachment(): "has_attachment",
    c.Flag("flagged"): f"(flags & {FLAGGED}) = {FLAGGED}",
}


class InMailspace(Tree):
    """Candidates are messages."""

    def __init__(self, mailspace: int, *, aside: bool, patient: bool = False) -> None:
        super().__init__(mailspace)
        self._patient = patient
        self.until = math.inf if patient else time.monotonic() + LONGEST
        self._known: c.Words | None = None
        self._probing = math.inf
        self.waiting = 0
        self._hidden = [QUARANTINE] if aside else [QUARANTINE, JUNK, TRASH]

    @cached_property
    def late(self) -> list[int]:
        """What is not indexed yet, as much as can be read while somebody waits; the rest is `waiting`."""
        if self._patient:
            return super().late
        late = search.tail(self.mailspace, limit=WAITING)
        until = time.monotonic() + READING
        while len(late) > TAIL and time.monotonic() < until:
            if not indexing.index_pending(limit=TAIL, mailspace=self.mailspace):
                break
            late = search.tail(self.mailspace, limit=WAITING)
        self.waiting = max(0, len(late) - TAIL)
        return late[-TAIL:]  # the newest

    def newest(
        self, criteria: c.Criteria, candidates: Collection[int], *, known: c.Words | None = None
    ) -> dict[int, int]:
        """Thread → its newest matching INTERNALDATE, of the candidates that a person sees and that match.

        All of them are `known` to have those words.
        """
        newest: dict[int, int] = {}
        for _, thread, at in self.matching(criteria, candidates, known=known):
            newest[thread] = max(at, newest.get(thread, 0))
        return newest

    def matching(
        self, criteria: c.Criteria, candidates: Collection[int], *, known: c.Words | None = None
    ) -> Iterator[tuple[int, int, int]]:
        """(id, thread, INTERNALDATE) of the candidates that a person sees and that match."""
        self._known = known
        for piece in rows.chunks(list(candidates), FEW):
            seen = self._visible(piece)
            match = self.match(criteria, [id_ for id_, _, _ in seen])
            wanted = set(match.uids)
            yield from (each for each in seen if (each[0] in wanted) != match.others)

    def _visible(self, ids: Sequence[int]) -> list[tuple[int, int, int]]:
        """(id, thread, INTERNALDATE) of those that lie in a mailbox that is searched."""
        where, params = among("m.id", ids)
        return rows.select(
            f"""SELECT m.id, m.thread_id, m.internal_date FROM mailstore_message m
                 WHERE m.mailspace_id = %s AND {where} AND EXISTS (
                       SELECT 1 FROM mailstore_placement p
                        WHERE p.mailspace_id = m.mailspace_id AND p.message_id = m.id
                          AND p.expunged_modseq IS NULL AND NOT p.deleted
                          AND p.mailbox_id NOT IN (SELECT b.id FROM mailstore_mailbox b
                              WHERE b.mailspace_id = %s AND b.role IN ({marks(self._hidden)})))""",
            [self.mailspace, *params, self.mailspace, *self._hidden],
        )

    def lies_aside(self, criteria: c.Criteria, few: Collection[int] | None) -> bool:
        """Whether something that came to Spam or Trash lately matches: of each, the newest are looked at."""
        newest = """SELECT message_id FROM (
            SELECT p.message_id FROM mailstore_placement p WHERE p.mailspace_id = %s AND p.mailbox_id = (
                   SELECT b.id FROM mailstore_mailbox b WHERE b.mailspace_id = %s AND b.role = %s LIMIT 1)
               AND p.expunged_modseq IS NULL AND NOT p.deleted ORDER BY p.uid DESC LIMIT %s) AS newest_"""
        found = rows.select(
            f"{newest}1 UNION ALL {newest}2",
            [value for role in (JUNK, TRASH) for value in (self.mailspace, self.mailspace, role, ASIDE)],
        )
        messages = {row[0] for row in found}
        if few is not None:
            messages.intersection_update(few)
        if not messages:
            return False
        match = self.match(criteria, sorted(messages))
        return bool(messages.difference(match.uids) if match.others else messages.intersection(match.uids))

    def matched_above(self, criteria: c.Criteria, threads: Iterable[int], before: Key) -> set[int]:
        """Those of some conversations whose newest match stands on an earlier page."""
        asked = list(threads)
        if not asked:
            return set()
        where, params = among("thread_id", asked)
        found = rows.select(
            f"SELECT id FROM mailstore_message WHERE mailspace_id = %s AND {where} AND internal_date >= %s",
            [self.mailspace, *params, before[0]],
        )
        newest = self.newest(criteria, [row[0] for row in found])
        return {thread for thread, at in newest.items() if (at, thread) >= before}

    def few(self, criteria: c.Criteria) -> list[int] | None:
        """Messages among which all matches are, if an index knows that these are few, and knows it soon."""
        self._probing = time.monotonic() + PROBING
        return self._few_of(criteria)

    def _few_of(self, node: Node) -> list[int] | None:
        match node:
            case c.And(parts):
                return self._fewest(parts)
            case c.Or(parts):
                return self._few_together(parts)
            case c.Not(c.All()):
                return []
        return self._few_leaf(node) if time.monotonic() < self._probing else None

    def _fewest(self, parts: Iterable[c.Criteria]) -> list[int] | None:
        """Of criteria that must all hold."""
        best: list[int] | None = None
        for part in parts:
            found = self._few_of(part)
            if found is not None and (best is None or len(found) < len(best)):
                best = found
            if best is not None and len(best) <= FIRST_PIECE:
                break
        return best

    def _few_together(self, parts: Iterable[c.Criteria]) -> list[int] | None:
        """Of alternatives."""
        joined: set[int] = set()
        for part in parts:
            found = self._few_of(part)
            if found is None or len(joined | set(found)) > FEW:
                return None
            joined.update(found)
        return list(joined)

    def _few_leaf(self, node: Node) -> list[int] | None:
        match node:
            case c.Not(c.Flag("seen")):
                return self._placed(f"(p.flags & {SEEN}) = 0")
            case c.HasAttachment():
                return self._ids("m.has_attachment")
            case c.Flag("flagged"):
                return self._placed(f"(p.flags & {FLAGGED}) = {FLAGGED}")
            case c.InMailbox(mailbox):
                return self._placed("p.mailbox_id = %s", mailbox)
            case c.Larger(size) if size >= LARGE:
                return self._ids(f"m.size > {LARGE} AND m.size > %s", size)
            case c.Keyword():
                return self._with_keyword(node)
        return self.probe(node) if not isinstance(node, c.Not) else None

    def _placed(self, where: str, *params: Any) -> list[int] | None:
        found = rows.select(
            "SELECT p.message_id FROM mailstore_placement p"
            f" WHERE p.mailspace_id = %s AND p.expunged_modseq IS NULL AND {where} LIMIT %s",
            [self.mailspace, *params, FEW + 1],
        )
        return None if len(found) > FEW else list({row[0] for row in found})

    def _with_keyword(self, node: c.Keyword) -> list[int] | None:
        """Where messages with any keyword are not too many, all of them are looked at."""
        found = rows.select(
            "SELECT p.message_id, p.keywords FROM mailstore_placement p"
            " WHERE p.mailspace_id = %s AND p.expunged_modseq IS NULL AND p.keywords > '' LIMIT %s",
            [self.mailspace, WITH_KEYWORDS + 1],
        )
        wanted = node.name.lower()
        ids = {id_ for id_, keywords in found if wanted in keywords.lower().split()}
        return None if len(found) > WITH_KEYWORDS or len(ids) > FEW else list(ids)

    # --- the walk

    def pieces(self, criteria: c.Criteria, start: int | None) -> Iterator[Piece]:
        """Messages from the newest on."""
        parts = criteria.parts if isinstance(criteria, c.And) else (criteria,)
        ends = [part.us - 1 for part in parts if isinstance(part, c.Before) and part.field == "internal"]
        if ends:
            start = min(ends if start is None else [start, *ends])
        words = self._guide(parts) if connection.vendor == "sqlite" else None
        asked = search.question(self.mailspace, words) if words is not None else None
        if words is None or asked is None:
            yield from self._by_date(parts, start)
            return
        if late := self.late:
            yield EVERYTHING, late, None
        yield from self._by_word(asked, words, start)

    def _guide(self, parts: Iterable[Node]) -> c.Words | None:
        """Words that every match has."""
        words = (part for part in parts if isinstance(part, c.Words) and part.where not in COPIES)
        return next(words, None)

    def _by_word(self, asked: search.Question, words: c.Words, start: int | None) -> Iterator[Piece]:
        below = None if start is None else start + SLACK
        limit = FIRST_PIECE
        while found := search.newest(asked, below=below, limit=limit):
            below = found[-1][0]
            began = time.monotonic()
            yield below + SLACK, search.with_phrase(asked, [message for _, message in found]), words
            limit = _next(limit, time.monotonic() - began)

    def _by_date(self, parts: Collection[Node], start: int | None) -> Iterator[Piece]:
        """Along the dates; where every match has a file or a star, along the index of those."""
        kept = "".join(f" AND {_WRITTEN[part]}" for part in parts if part in _WRITTEN)
        starts = [
            part.day_start_us for part in parts if isinstance(part, c.Since) and part.field == "internal"
        ]
        if starts:
            kept += f" AND internal_date >= {max(starts):d}"
        where, params = ("", []) if start is None else (" AND internal_date <= %s", [start])
        limit = FIRST_PIECE
        while True:
            found = rows.select(
                f"SELECT internal_date, id FROM mailstore_message WHERE mailspace_id = %s{kept}{where}"
                " ORDER BY internal_date DESC, id DESC LIMIT %s",
                [self.mailspace, *params, limit],
            )
            if not found:
                return
            low, last = found[-1]
            began = time.monotonic()
            yield low, [id_ for _, id_ in found], None
            where, params = " AND (internal_date, id) < (%s, %s)", [low, last]
            limit = _next(limit, time.monotonic() - began)

    # --- leaves

    def cost(self, node: Node) -> int:
        match node:
            case c.Not(part):
                return self.cost(part)
            case c.And(parts) | c.Or(parts):
                return sum(map(self.cost, parts))
            case c.Words():
                return 20
            case c.Contains(header) if conditions.contains(header.lower(), "x") is None:
                return 1_000
        return 1

    def whole(self, node: Node) -> Match:
        raise TypeError("only pieces are searched here")

    def some(self, node: Node, within: Sequence[int]) -> Collection[int]:
        match node:
            case c.Words():
                if (found := self.probe(node)) is None:
                    return within if node == self._known else self.with_words(node, within)
                return set(found).intersection(within)
            case c.Contains() if (found := self.probe(node)) is not None:
                return set(found).intersection(within)
        written = conditions.of(node, mailspace=self.mailspace, placed=False)
        if written is None and isinstance(node, c.Contains):
            return self.with_field(node, within)
        if written is None:
            raise TypeError(f"a criterion that has no SQL: {type(node).__name__}")
        tables = "mailstore_message m"
        if written.headers:
            tables += (
                " JOIN mailstore_headertext h ON h.mailspace_id = m.mailspace_id AND h.message_id = m.id"
            )
        where, params = among("m.id", within)
        found_rows = rows.select(
            f"SELECT m.id FROM {tables} WHERE m.mailspace_id = %s AND {where} AND {written.sql}",
            [self.mailspace, *params, *written.params],
        )
        return [row[0] for row in found_rows]


def _next(limit: int, took: float) -> int:
    """How large the piece after one is that took so long."""
    return (
        min(FEW, limit * 2) if took <= BRISK else max(FIRST_PIECE, limit // 2) if took > 2 * BRISK else limit
    )
