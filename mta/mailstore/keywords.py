"""Keywords of messages: one spelling, checked and bounded, kept as sorted words separated by one space.

They compare without case (RFC 9051 §2.3.2) and are atoms (RFC 3501 §9 `flag-keyword`); a message keeps the
spelling it had first. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .errors import BadKeyword

LONGEST = 64
MOST = 100
# An atom: printable ASCII without the specials of RFC 3501 §9. A leading backslash would be a system flag.
_UNFIT = re.compile(r'[\x00-\x20\x7f-\U0010ffff(){%*"\\\]]')
_ATOM = re.compile(r'[^\x00-\x20\x7f-\U0010ffff(){%*"\\\]]+')


def checked(given: Iterable[str]) -> dict[str, str]:
    """Lower-case spelling → spelling; raises BadKeyword for what no mail program could write."""
    found: dict[str, str] = {}
    for keyword in given:
        if len(keyword) > LONGEST or not _ATOM.fullmatch(keyword):
            raise BadKeyword("A keyword is at most 64 letters, digits and signs, without spaces.")
        found.setdefault(keyword.lower(), keyword)
    if len(found) > MOST:
        raise BadKeyword("A message can have at most 100 keywords.")
    return found


def nearest(given: Iterable[str]) -> list[str]:
    """What other programs wrote, as keywords that can be kept: for imports, which must not fail for a word."""
    found: dict[str, str] = {}
    for keyword in given:
        fit = _UNFIT.sub("_", keyword)[:LONGEST]
        if fit:
            found.setdefault(fit.lower(), fit)
    return list(found.values())[:MOST]


def joined(keywords: dict[str, str]) -> str:
    """As they are kept."""
    if len(keywords) > MOST:
        raise BadKeyword("A message can have at most 100 keywords.")
    return " ".join(sorted(keywords.values()))


def split(kept: str) -> dict[str, str]:
    """What a message has, by lower-case spelling."""
    return {keyword.lower(): keyword for keyword in kept.split()}
