"""One finding about a message: what its signs and its words say together, in points and in a sentence. Pure.

Signs count by themselves, so that a fresh installation is useful; the statistics may outweigh them either way.
Called by `flow.weighing`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from mta.trust.verdict import Evidence

from . import bayes, seed
from .bayes import Likeness, Source
from .features import Features
from .signs import SIGNS

MOST_POINTS, LEAST_POINTS = 9.5, -4.0  # alone it never reaches a domain's threshold for refusing
MOST_SIGNS = 6.0
# What the statistics may add. What was shipped speaks for no mail that it never saw, and must not outweigh a list
# of senders or a failed signature: only what was learned here takes much away.
LEARNED = (-3.5, 7.0)
SHIPPED = (-1.0, 5.5)
SPAM_FROM, HAM_TO = 3.0, -0.5
SAID = 4  # words and reasons that the sentence names


def judge(features: Features, sources: Sequence[Source] = ()) -> Evidence:
    """Evidence("spam", "spam", "ham" or "unsure", …)."""
    found = bayes.likeness(features.tokens, (*seed.source(), *sources))
    signs = min(MOST_SIGNS, sum(SIGNS[name].points for name, _detail in features.signs))
    least, most = LEARNED if sources else SHIPPED
    score = max(LEAST_POINTS, min(MOST_POINTS, signs + max(least, min(most, points(found)))))
    result = "spam" if score >= SPAM_FROM else "ham" if score <= HAM_TO else "unsure"
    return Evidence("spam", result, reason(result, features, found), "", round(score, 2))


def points(found: Likeness) -> float:
    """What the statistics say: 0 where they are undecided, more for each power of ten of certainty."""
    spam = min(1 - 1e-9, max(1e-9, found.spam))
    odds = math.log10(spam / (1 - spam))
    worth = 2.5 * odds if odds > 0 else 0.7 * odds
    worth *= min(1.0, len(found.clues) / 8)  # few words say little
    return worth


def reason(result: str, features: Features, found: Likeness) -> str:
    """A sentence for people."""
    said = [SIGNS[name].says.format(f"“{detail}”") for name, detail in _heaviest(features.signs)]
    if result == "spam":
        words = _words(found, spam=True)
        listed = [*said[:SAID], *([f"words such as {words}"] if words else [])]
        return f"It looks like spam: {'; '.join(listed)}." if listed else "It looks like spam."
    if result == "ham":
        words = _words(found, spam=False)
        return (
            f"It reads like mail that is wanted: words such as {words}."
            if words
            else "It reads like wanted mail."
        )
    if said:
        return f"Some of it is unusual: {'; '.join(said[:SAID])}."
    return "Nothing in it says clearly whether it is spam."


def _heaviest(signs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(signs, key=lambda each: -SIGNS[each[0]].points)


def _words(found: Likeness, *, spam: bool) -> str:
    """The words that say most, as they can be shown: letters only, from the text or the subject."""
    clues = [token for token, value in found.clues if (value > bayes.NEUTRAL) == spam]
    shown = (each.removeprefix("s:") for each in clues if not each.startswith("!"))
    plain = dict.fromkeys(each for each in shown if each.isalpha() and 2 < len(each) < 25)
    return ", ".join(f"“{each}”" for each in list(plain)[:SAID])
