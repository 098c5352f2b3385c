"""Search results by how well they match, instead of by date.

The same measure on both databases: BM25 with a weight for each kind of text (a word in the subject says more than one
in the body), over the newest matches only (RANKED): a word that is in every second message is not worth more reading.
Called through `service`; reads only.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence

from mta.message import criteria as c
from mta.message.text import words

from . import rows, search
from .finding import EVERYTHING, LONGEST, PATIENCE, Found, InMailspace

RANKED = 500  # the newest matching messages; older ones are not ranked
LONGEST_BODY = 8_000  # characters of a body that are looked at
MOST_WORDS = 16
WEIGHTS = {"subject": 5.0, "sender": 4.0, "recipients": 2.0, "files": 2.0, "body": 1.0}
SATURATION, LENGTH = 1.2, 0.6  # BM25's k1 and b

Term = tuple[str, bool, tuple[str, ...]]  # word, whether longer ones will do, kinds of text


def threads(mailspace: int, criteria: c.Criteria, *, offset: int, limit: int, aside: bool) -> Found:
    """The conversations of the newest matches, the best first."""
    with rows.within(LONGEST):
        return _threads(mailspace, search.together(criteria), offset=offset, limit=limit, aside=aside)


def _threads(mailspace: int, criteria: c.Criteria, *, offset: int, limit: int, aside: bool) -> Found:
    tree = InMailspace(mailspace, aside=aside)
    few = tree.few(criteria)
    left_out = not aside and not offset and tree.lies_aside(criteria, few)
    matches, reached = _newest(tree, criteria, few)
    scores = _scores(mailspace, [id_ for id_, _, _ in matches], list(terms(criteria)))
    best: dict[int, tuple[float, int]] = {}
    for id_, thread, at in matches:
        best[thread] = max(best.get(thread, (-1.0, 0)), (scores.get(id_, 0.0), at))
    ordered = sorted(best, key=lambda thread: (best[thread], thread), reverse=True)
    page = ordered[offset : offset + limit]
    shown = [(thread, best[thread][1]) for thread in page]
    return Found(shown, len(ordered), left_out, reached, tree.waiting)


def _newest(
    tree: InMailspace, criteria: c.Criteria, few: Sequence[int] | None
) -> tuple[list[tuple[int, int, int]], int | None]:
    """(id, thread, INTERNALDATE) of the newest messages that match, and how far back patience reached."""
    if few is not None:
        return _first(list(tree.matching(criteria, few))), None
    found: list[tuple[int, int, int]] = []
    until = time.monotonic() + PATIENCE
    for low, piece, known in tree.pieces(criteria, None):
        found += tree.matching(criteria, piece, known=known)
        if len(found) >= RANKED:
            break
        if low < EVERYTHING and time.monotonic() > until:
            return _first(found), low
    return _first(found), None


def _first(found: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    return sorted(found, key=lambda each: each[2], reverse=True)[:RANKED]


def terms(criteria: c.Criteria) -> Iterator[Term]:
    """The words that are looked for, and where."""
    match criteria:
        case c.And(parts) | c.Or(parts):
            for part in parts:
                yield from terms(part)
        case c.Words(text, where, _, prefix):
            wanted = words(text, limit=MOST_WORDS)
            for place, word in enumerate(wanted):
                yield word, prefix and place == len(wanted) - 1, search.kinds_of(where)


def _scores(mailspace: int, messages: Sequence[int], wanted: Sequence[Term]) -> dict[int, float]:
    if not wanted or not messages:
        return {}
    texts = search.texts_of(mailspace, messages, longest=LONGEST_BODY)
    average = {
        kind: max(1.0, sum(len(text[kind]) for text in texts.values()) / len(texts)) for kind in WEIGHTS
    }
    scores = dict.fromkeys(texts, 0.0)
    for term in wanted[:MOST_WORDS]:
        often = {id_: _often(text, term, average) for id_, text in texts.items()}
        holding = sum(1 for each in often.values() if each)
        rare = math.log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
        for id_, each in often.items():
            scores[id_] += rare * each / (SATURATION + each)
    return scores


def _often(text: dict[str, str], term: Term, average: dict[str, float]) -> float:
    """How often a word is in a message, by the weight of where it is; in a long text it says less."""
    word, prefix, kinds = term
    sought = f" {word}" if prefix else f" {word} "
    found = 0.0
    for kind in kinds:
        if times := f" {text[kind]} ".count(sought):
            found += WEIGHTS[kind] * times / (1 - LENGTH + LENGTH * len(text[kind]) / average[kind])
    return found
