"""What counted words say together: Robinson's f(w), combined by Fisher's chi-square (2003). Pure.

Three sources tell of each token: what was shipped, what the host learned, what the mailspace learned. Their counts
are added, each source weighing more than the one before, so that some lessons of one's own outweigh the shipped ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

NEUTRAL = 0.5
STRENGTH = 1.0  # how many messages the assumption of a neutral word counts for
LEAST = 0.05  # a token whose f(w) is nearer to neutral is left out
MOST = 120  # tokens that are combined, those that say most
FLOOR = 0.004


@dataclass(frozen=True, slots=True)
class Counts:
    """Messages of each class: of one token, or all of a source."""

    spam: float = 0.0
    ham: float = 0.0


@dataclass(frozen=True, slots=True)
class Source:
    """One collection of counts: its totals, its tokens, and what one of its messages weighs."""

    totals: Counts
    tokens: Mapping[str, Counts]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Likeness:
    """`spam` between 0 and 1; `clues` are the tokens with their f(w), the strongest first."""

    spam: float
    clues: tuple[tuple[str, float], ...] = ()


def likeness(tokens: Iterable[str], sources: Sequence[Source]) -> Likeness:
    """How much a message with these tokens is like spam."""
    spam_total = sum(each.totals.spam * each.weight for each in sources)
    ham_total = sum(each.totals.ham * each.weight for each in sources)
    if not spam_total or not ham_total:
        return Likeness(NEUTRAL)
    clues: list[tuple[float, str, float]] = []
    for token in tokens:
        spam = ham = 0.0
        for source in sources:
            found = source.tokens.get(token)
            if found is not None:
                spam += found.spam * source.weight
                ham += found.ham * source.weight
        if not spam and not ham:
            continue
        value = worth(spam, ham, spam_total=spam_total, ham_total=ham_total)
        distance = abs(value - NEUTRAL)
        if distance >= LEAST:
            clues.append((-distance, token, value))
    clues.sort()
    chosen = tuple((token, value) for _distance, token, value in clues[:MOST])
    return Likeness(combined([value for _token, value in chosen]), chosen)


def worth(spam: float, ham: float, *, spam_total: float, ham_total: float) -> float:
    """f(w): the share of spam among messages with this token, drawn to neutral where little is known."""
    in_spam, in_ham = min(1.0, spam / spam_total), min(1.0, ham / ham_total)
    share = in_spam / (in_spam + in_ham)
    seen = spam + ham
    return min(1 - FLOOR, max(FLOOR, (STRENGTH * NEUTRAL + seen * share) / (STRENGTH + seen)))


def combined(values: Sequence[float]) -> float:
    """Between 0 and 1, near 0.5 where the clues contradict each other."""
    if not values:
        return NEUTRAL
    # How probable values so high, and so low, are by chance.
    high = chi2_above(-2 * sum(math.log(1 - each) for each in values), 2 * len(values))
    low = chi2_above(-2 * sum(math.log(each) for each in values), 2 * len(values))
    return (1 + low - high) / 2


def chi2_above(value: float, freedom: int) -> float:
    """The probability that chi-square with an even number of degrees of freedom is above `value`."""
    half = value / 2
    term = total = math.exp(-half) if half < 700 else 0.0
    for step in range(1, freedom // 2):
        term *= half / step
        total += term
    return min(total, 1.0)
