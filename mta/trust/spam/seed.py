"""The statistics that are shipped: word, messages of spam, messages of ham. `bench/seed_spam.py` writes the file anew.

Made from generated mail only. Its weight is that of a few hundred messages, so that lessons soon outweigh it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from .bayes import Counts, Source

FILE = Path(__file__).parent / "seed.txt"
WEIGHT = 0.4  # of one of its messages, beside one that the host learned


@cache
def source() -> tuple[Source, ...]:
    """The shipped counts, read once by a process; nothing if there is no file."""
    try:
        lines = FILE.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    return _read(lines)


def _read(lines: list[str]) -> tuple[Source, ...]:
    tokens: dict[str, Counts] = {}
    for line in lines:
        word, _, numbers = line.partition("\t")
        spam, _, ham = numbers.partition("\t")
        if not line.startswith("#") and ham:
            tokens[word] = Counts(int(spam), int(ham))
    totals = tokens.pop("", None)
    return (Source(totals, tokens, WEIGHT),) if totals else ()
