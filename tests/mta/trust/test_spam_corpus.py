"""The filter over generated mail of people it never saw: what it catches, and that it loses nothing.

`bench/spam.py` does the same with 5,000 letters.
"""

from __future__ import annotations

from mta.trust.spam import seed
from tests.mta.trust.corpus.making import letters
from tests.mta.trust.corpus.measuring import measure


def test_the_corpus_is_the_same_every_time_and_its_halves_share_no_sender() -> None:
    first, second = list(letters(200, half=1)), list(letters(200, half=1))
    assert [(each.spam, each.kind) for each in first] == [(each.spam, each.kind) for each in second]

    def senders(half: int) -> set[bytes]:
        found = (each.raw for each in letters(300, half=half))
        return {
            line for raw in found for line in raw.split(b"\n\n", 1)[0].splitlines() if line[:5] == b"From:"
        }

    assert not senders(0) & senders(1)


def test_a_fresh_installation_catches_much_and_loses_nothing() -> None:
    found = measure(500)
    assert found.caught >= 0.4
    assert [(each.score, each.reason) for each in found.lost] == []


def test_after_some_lessons_nearly_all_spam_is_caught_and_nothing_lost() -> None:
    found = measure(500, lessons=600)
    assert found.caught >= 0.93
    assert [(each.score, each.reason) for each in found.lost] == []
    assert max(each.score for each in found.ham) < 3.0


def test_what_is_shipped_names_no_sender() -> None:
    (source,) = seed.source()
    assert source.totals.spam and source.totals.ham
    assert not [token for token in source.tokens if token.startswith(("f:", "fd:", "u:", "a:", "r:"))]
