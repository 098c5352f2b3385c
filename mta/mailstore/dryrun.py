"""Which messages that came in something would have matched: single messages, the newest first.

For filters: their own sent mail, Spam and Trash are left out. Nobody waits longer than for a page of a search;
what was not looked at until then is said by `more`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from mta.message import criteria as c

from . import rows, search
from .finding import COUNTED, LONGEST, InMailspace, Piece
from .sql import among

PATIENCE = 0.8  # seconds


def came_in(mailspace: int, criteria: c.Criteria, *, since: int, limit: int) -> tuple[int, bool, list[int]]:
    """How many messages since a moment (µs) match, whether there are more, and the newest of them."""
    asked = search.together(c.And((criteria, c.Since("internal", since))))
    found: list[tuple[int, int]] = []
    more = False
    until = time.monotonic() + PATIENCE
    with rows.within(LONGEST):
        tree = InMailspace(mailspace, aside=False)
        for low, piece, known in _pieces(tree, asked):
            matching = [(at, id_) for id_, _thread, at in tree.matching(asked, piece, known=known)]
            found += _received(mailspace, matching)
            if low < since:
                break
            if len(found) > COUNTED or time.monotonic() > until:
                more = True
                break
    found = sorted(set(found), reverse=True)
    more = more or len(found) > COUNTED
    return min(len(found), COUNTED), more, [id_ for _at, id_ in found[:limit]]


def every(mailspace: int, criteria: c.Criteria) -> Iterator[list[tuple[int, int]]]:
    """All of them, piece by piece, as (INTERNALDATE, id). For jobs, which have time."""
    asked = search.together(criteria)
    tree = InMailspace(mailspace, aside=False, patient=True)
    for _low, piece, known in _pieces(tree, asked):
        matching = [(at, id_) for id_, _thread, at in tree.matching(asked, piece, known=known)]
        yield _received(mailspace, matching)


def _pieces(tree: InMailspace, asked: c.Criteria) -> Iterator[Piece]:
    few = tree.few(asked)
    if few is not None:
        yield 0, few, None
        return
    yield from tree.pieces(asked, None)


def _received(mailspace: int, found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those that somebody else wrote."""
    own: set[int] = set()
    for piece in rows.chunks([id_ for _at, id_ in found]):
        where, params = among("id", piece)
        own.update(
            row[0]
            for row in rows.select(
                f"SELECT id FROM mailstore_message WHERE mailspace_id = %s AND {where} AND own",
                [mailspace, *params],
            )
        )
    return [each for each in found if each[1] not in own]
