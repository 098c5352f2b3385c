"""IMAP SEARCH in one mailbox: criteria (mta.message.criteria) to UIDs, always by SQL; see `matching`.

Flags, keywords, sizes, dates, UIDs and mod-sequences are asked of the placements alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any

from mta.message import criteria as c
from mta.values import FLAGGED, SEEN

from . import conditions, rows
from .conditions import HEADERS, Between, Condition
from .conditions import Leaf as Node
from .matching import ALL, FEW, Match, Tree, inside

SMALL = 200  # a mailbox that is looked at as a whole, whatever is asked
FEW_WORDS = 500  # messages whose words are looked up one by one

_LIVE = "p.mailspace_id = %s AND p.mailbox_id = %s AND p.expunged_modseq IS NULL"
_ANY = Condition(conditions.TRUE)


def find(mailspace: int, mailbox: int, criteria: c.Criteria) -> Match:
    """The live messages of a mailbox that match (IMAP SEARCH)."""
    return _InMailbox(mailspace, mailbox).match(criteria, None)


def search_uids(mailspace: int, mailbox: int, criteria: c.Criteria) -> list[int]:
    """The same as UIDs in order."""
    found = find(mailspace, mailbox, criteria)
    if not found.others:
        return sorted(found.uids)
    every = rows.select(
        "SELECT uid FROM mailstore_placement WHERE mailspace_id = %s AND mailbox_id = %s"
        " AND expunged_modseq IS NULL ORDER BY uid",
        [mailspace, mailbox],
    )
    excluded = frozenset(found.uids)
    return [uid for (uid,) in every if uid not in excluded]


class _InMailbox(Tree):
    """Candidates are UIDs."""

    def __init__(self, mailspace: int, mailbox: int) -> None:
        super().__init__(mailspace)
        self.mailbox = mailbox

    @cached_property
    def _counts(self) -> tuple[int, int, int, int]:
        """(messages, unseen, deleted) of the mailbox, messages of the mailspace."""
        found = rows.select(
            "SELECT b.messages, b.unseen, b.deleted, s.messages FROM mailstore_mailbox b"
            " JOIN mailstore_mailspace s ON s.id = b.mailspace_id WHERE b.mailspace_id = %s AND b.id = %s",
            [self.mailspace, self.mailbox],
        )
        return found[0] if found else (0, 0, 0, 0)

    def cost(self, node: Node) -> int:
        messages, unseen, deleted, _ = self._counts
        match node:
            case c.All():
                return 0
            case c.Uids(ranges):
                return min(messages, sum(high - low + 1 for low, high in ranges))
            case c.Flag("seen"):
                return unseen
            case c.Flag("deleted"):
                return deleted
            case c.Flag("flagged") | c.Keyword():
                return messages // 20
            case c.Not(part):
                return self.cost(part)
            case c.And(parts):
                return min(map(self.cost, parts), default=0)
            case c.Or(parts):
                return sum(map(self.cost, parts))
        found = None if messages <= SMALL else self.probe(node)
        if found is not None:
            return len(found)
        match node:
            case c.Since() | c.Before() | Between() | c.Words():
                return messages // 2
            case c.Contains(header) if header.lower() not in (*HEADERS, *conditions.SCANNED):
                return messages * 100
        return messages

    # --- all of the mailbox

    def whole(self, node: Node) -> Match:
        messages, unseen, _, _ = self._counts
        match node:
            case c.Flag("seen") if unseen * 2 <= messages:
                return Match(self._select(Condition(f"(p.flags & {SEEN}) = 0")), others=True)
            case c.Flag("flagged"):
                return Match(self._select(Condition(f"(p.flags & {FLAGGED}) = {FLAGGED}")))
            case c.Uids(ranges):
                return Match(self._uids(ranges))
        if messages <= SMALL:
            return Match(self._ask(node, None))
        if isinstance(node, c.Words) and not self.probed(node):
            return self._words(node)
        if (found := self.probe(node)) is not None:
            return Match(self._placed(found))
        if (found := self._headers(node)) is not None:
            return Match(self._placed(found))
        return Match(self._ask(node, None))

    def _words(self, node: c.Words) -> Match:
        return Match(self._placed(self.all_with_words(node))) if conditions.has_words(node) else ALL

    def _headers(self, node: Node) -> list[int] | None:
        """A scan of header texts in their own order, where the mailbox is a large part of all mail."""
        written = _written(node, self.mailspace)
        if written is None or not written.headers or self._counts[0] * 4 < self._counts[3]:
            return None
        found = rows.select(
            f"SELECT h.message_id FROM mailstore_headertext h WHERE h.mailspace_id = %s AND {written.sql}",
            [self.mailspace, *written.params],
        )
        return [row[0] for row in found]

    def _placed(self, messages: Collection[int]) -> list[int]:
        """The UIDs of those messages that lie here."""
        if len(messages) * 8 < self._counts[0]:
            found: list[int] = []
            for piece in rows.chunks(list(messages), FEW):
                found += self._select(conditions.some("p.message_id", piece))
            return found
        wanted = messages if isinstance(messages, set) else set(messages)
        return [uid for uid, message in self._pairs(None) if message in wanted]

    def _uids(self, ranges: Sequence[tuple[int, int]]) -> list[int]:
        if len(ranges) <= conditions.RANGES_WRITTEN:
            return self._ask(c.Uids(tuple(ranges)), None)
        low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
        test = inside(ranges)
        return [uid for uid in self._select(Condition("p.uid BETWEEN %s AND %s", [low, high])) if test(uid)]

    # --- some UIDs of it, or (None) all one by one

    def some(self, node: Node, within: Sequence[int]) -> Collection[int]:
        if isinstance(node, c.Uids):
            test = inside(node.ranges)
            return [uid for uid in within if test(uid)]
        if isinstance(node, c.Words) and len(within) > FEW_WORDS and conditions.has_words(node):
            found = self.probe(node)
            return set(within).intersection(
                self._placed(self.all_with_words(node) if found is None else found)
            )
        return self._ask(node, within)

    def _ask(self, node: Node, within: Sequence[int] | None) -> list[int]:
        written = _written(node, self.mailspace)
        if written is not None:
            return self._select(written, within)
        uids = {message: uid for uid, message in self._pairs(within)}
        match node:
            case c.Words():
                return [uids[one] for one in self.with_words(node, uids)]
            case c.Contains():
                return [uids[one] for one in self.with_field(node, list(uids))]
        raise TypeError(f"a criterion that has no SQL: {type(node).__name__}")

    def _select(self, condition: Condition, within: Sequence[int] | None = None) -> list[int]:
        return [row[0] for row in self._rows("p.uid", condition, within)]

    def _pairs(self, within: Sequence[int] | None) -> list[tuple[int, int]]:
        """(uid, message)"""
        return self._rows("p.uid, p.message_id", _ANY, within)

    def _rows(self, columns: str, condition: Condition, within: Sequence[int] | None) -> list[Any]:
        sql = f"SELECT {columns} FROM {condition.tables()} WHERE {_LIVE} AND {condition.sql}"
        params = [self.mailspace, self.mailbox, *condition.params]
        if within is None:
            return rows.select(sql, params)
        found: list[Any] = []
        for where, more, wanted in rows.uid_conditions(within):
            read = rows.select(f"{sql} AND {where}", [*params, *more])
            found += read if wanted is None else [row for row in read if row[0] in wanted]
        return found


def _written(node: Node, mailspace: int) -> Condition | None:
    return conditions.of(node, mailspace=mailspace, placed=True)
