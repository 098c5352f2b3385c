"""What letters weigh, and the words that somebody is found by. Pure.

A letter weighs half as much after two months. The sum of all weights would have to be made anew every day; its
logarithm, reckoned from a fixed day, need not: a letter adds `weight * 2 ** (time / HALF_LIFE)` whenever it is
counted, and the order stays right by itself.
"""

from __future__ import annotations

import math

from mta.message.text import fold, parts

HALF_LIFE = 60 * 86_400 * 1_000_000  # µs
WRITTEN_TO = 4.0  # one letter of the owner's counts as much as four received ones
HEARD_FROM = 1.0
AUTOMATIC = 0.25  # newsletters and notices: nobody answers them
KEPT = 2.0  # to stand in the address book counts like half a letter
NOTHING = -1e300  # a logarithm that adds nothing; a database takes it, unlike infinity
MAX_WORDS = 40
MAX_WORD = 64


def weight(at: int, *, own: bool, automatic: bool = False) -> float:
    """The logarithm of what a letter of that moment weighs."""
    amount = WRITTEN_TO if own else AUTOMATIC if automatic else HEARD_FROM
    return math.log(amount) + at / HALF_LIFE * math.log(2)


def kept(at: int) -> float:
    return math.log(KEPT) + at / HALF_LIFE * math.log(2)


def plus(first: float, second: float) -> float:
    """The logarithm of the sum."""
    high, low = max(first, second), min(first, second)
    return high if low <= NOTHING else high + math.log1p(math.exp(low - high))


def minus(first: float, second: float) -> float:
    """The logarithm of the difference; of nothing, where as much or more is taken away."""
    if second <= NOTHING:
        return first
    if first - second < 1e-9:
        return NOTHING
    return first + math.log1p(-math.exp(second - first))


def words(name: str, email: str, more: str = "") -> tuple[str, ...]:
    """Folded: each word of the name, the local part and the domain, with and without what is between them."""
    address = fold(email)
    local, _, domain = address.rpartition("@")
    called = fold(f"{name} {more}"[:1000])
    found = [address, local, domain, *parts(local, 8), *domain.split("."), *called.split()[:MAX_WORDS]]
    found += parts(called, MAX_WORDS)
    cleaned = (_bare(word)[:MAX_WORD] for word in found)
    return tuple(dict.fromkeys(word for word in cleaned if word))[:MAX_WORDS]


def wanted(prefix: str) -> tuple[str, ...]:
    """The beginnings of words that somebody typed, the longest first."""
    found = (_bare(word)[:MAX_WORD] for word in fold(prefix[:200]).split()[:8])
    return tuple(sorted(dict.fromkeys(word for word in found if word), key=len, reverse=True))


def _bare(word: str) -> str:
    return word.strip("\"'(),;<>[]").replace("\0", "")
