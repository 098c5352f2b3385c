"""What is known about a message that came in: each piece of evidence, and what follows from all of them.

A value; `flow.placement` reads it, the reader of the mail sees its reasons. Empty means: nothing was looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MOST_EVIDENCE = 20


@dataclass(frozen=True, slots=True)
class Evidence:
    """One finding: `method` as in RFC 8601 (spf, dkim, dmarc …), its result, the domain that it speaks of, and a
    sentence for people."""

    method: str
    result: str
    reason: str = ""
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    evidence: tuple[Evidence, ...] = ()


NOTHING_KNOWN = Verdict()


def written(verdict: Verdict) -> list[list[str]]:
    """As it is kept with a message."""
    return [[each.method, each.result, each.reason, each.domain] for each in verdict.evidence[:MOST_EVIDENCE]]


def read(kept: Any) -> tuple[Evidence, ...]:
    """What `written` wrote; whatever else lies there is no evidence."""
    rows: Iterable[Any] = kept[:MOST_EVIDENCE] if isinstance(kept, list) else ()
    return tuple(
        Evidence(*row)
        for row in rows
        if isinstance(row, list) and len(row) == 4 and all(isinstance(each, str) for each in row)
    )
