"""How the built-in spam filter does on 5,000 generated letters, and what one costs: `python bench/spam.py`.

Each line: after so many lessons, the share of spam in Junk, wanted mail in Junk, and the highest points of wanted mail.
"""

# ruff: noqa: T201 - a report

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django  # noqa: E402

django.setup()

from mta.message.parse import parse_message  # noqa: E402
from mta.trust.spam import features, judging  # noqa: E402
from tests.mta.trust.corpus.making import letters  # noqa: E402
from tests.mta.trust.corpus.measuring import JUNK_AT, Outcome, measure  # noqa: E402

COUNT = 5_000
LESSONS = (0, 100, 500, 1_000)


def main() -> None:
    for lessons in LESSONS:
        found = measure(COUNT, lessons=lessons)
        share = len(found.lost) / len(found.ham)
        print(
            f"{lessons:5} lessons: {found.caught:6.1%} of {len(found.spam)} caught, {share:.2%} of {len(found.ham)}"
            f" lost; highest wanted {max(each.score for each in found.ham):.1f}"
        )
    _show(found)
    _cost()


def _show(found: Outcome) -> None:
    missed = Counter(each.letter.kind for each in found.spam if each.score < JUNK_AT)
    print("missed, by kind:", dict(missed.most_common()))
    print("wanted mail nearest to Junk:")
    for each in sorted(found.ham, key=lambda one: -one.score)[:5]:
        print(f"  {each.score:5.1f} {each.letter.kind} {each.letter.language}: {each.reason}")


def _cost() -> None:
    """CPU for a page of 20 KB."""
    page = next(each for each in letters(500, half=1) if each.kind == "newsletter" and b"<table" in each.raw)
    paragraph = next(
        each for each in letters(500, half=1, seed=9) if each.kind == "work" and each.language == "en"
    )
    filler = paragraph.raw.partition(b"\n\n")[2].replace(b"<", b"")
    raw = page.raw.replace(
        b"</table>", b"<tr><td>" + filler * (20_000 // len(filler)) + b"</td></tr></table>"
    )
    facts = parse_message(raw)
    begun = time.process_time()
    for _ in range(200):
        judging.judge(features.read(raw, facts))
    print(f"{(time.process_time() - begun) * 5:.2f} ms CPU for {len(raw)} bytes, without the database")


if __name__ == "__main__":
    main()
