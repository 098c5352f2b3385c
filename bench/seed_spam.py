"""Writes mta/trust/spam/seed.txt, the statistics that are shipped, from generated mail: `python bench/seed_spam.py`.

The same file comes out every time. Only half 0 of the corpus is used; what `bench/spam.py` and the tests measure is
made from half 1. Left out: addresses, hosts, names of people and places of the generator, and what is seldom.
"""

# ruff: noqa: T201 - a report

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django  # noqa: E402

django.setup()

from mta.trust.spam import features, seed  # noqa: E402
from tests.mta.trust.corpus import making  # noqa: E402

LETTERS = 6_000
LEAST = 12
# What says only who wrote: the generator's people and hosts are nobody's.
PRIVATE = ("f:", "fd:", "fn:", "r:", "u:", "l:", "a:", "ft:")


def main() -> None:
    counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    totals = Counter[bool]()
    for letter in making.letters(LETTERS, half=0, seed=7):
        counts[letter.spam].update(features.read(letter.raw).tokens)
        totals[letter.spam] += 1
    proper = {
        word
        for each in (*making.NAMES, *making.SURNAMES, *making.CITIES, *making.FIRMS)
        for word in features.words(each)
    }
    lines = [
        "# Words of generated mail: in how many letters of spam, and of wanted mail, each stood. See bench/seed_spam.py.",
        f"\t{totals[True]}\t{totals[False]}",
    ]
    for token in sorted({*counts[True], *counts[False]}):
        spam, ham = counts[True][token], counts[False][token]
        words = token.removeprefix("s:").split()
        if spam + ham >= LEAST and not token.startswith(PRIVATE) and proper.isdisjoint(words):
            lines.append(f"{token}\t{spam}\t{ham}")
    seed.FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines) - 2} tokens of {LETTERS} letters, {seed.FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
