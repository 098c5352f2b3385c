"""How the filter does on the corpus: what share of spam is caught, and how much wanted mail is lost.

`measure` learns `lessons` letters, then judges letters of other people; what was learned lies in memory here, counted
as `statistics` counts it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from mta.directory import InboundPolicy
from mta.trust.spam import features, judging, statistics
from mta.trust.spam.bayes import Counts, Source

from .making import Letter, letters

JUNK_AT = InboundPolicy().junk_at


@dataclass(frozen=True, slots=True)
class Judged:
    """One letter and what the filter says of it."""

    letter: Letter
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """All letters that were judged."""

    judged: tuple[Judged, ...]

    @property
    def spam(self) -> list[Judged]:
        return [each for each in self.judged if each.letter.spam]

    @property
    def ham(self) -> list[Judged]:
        return [each for each in self.judged if not each.letter.spam]

    @property
    def caught(self) -> float:
        return sum(each.score >= JUNK_AT for each in self.spam) / len(self.spam)

    @property
    def lost(self) -> list[Judged]:
        return [each for each in self.ham if each.score >= JUNK_AT]


def learned(found: Iterable[Letter], *, weight: float = statistics.OWN_WEIGHT) -> Source:
    """What these letters teach a mailspace."""
    counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    totals = Counter[bool]()
    for letter in found:
        counts[letter.spam].update(features.read(letter.raw).tokens)
        totals[letter.spam] += 1
    tokens = {
        each: Counts(counts[True][each], counts[False][each]) for each in {*counts[True], *counts[False]}
    }
    return Source(Counts(totals[True], totals[False]), tokens, weight)


def measure(count: int, *, lessons: int = 0, seed: int = 3) -> Outcome:
    """Letters whose senders were never seen: `lessons` are of other people than those that are judged."""
    taught = [learned(letters(lessons, half=1, seed=seed + 100))] if lessons else []
    judged = []
    for letter in letters(count, half=1, seed=seed):
        found = judging.judge(features.read(letter.raw), taught)
        judged.append(Judged(letter, found.score, found.reason))
    return Outcome(tuple(judged))
