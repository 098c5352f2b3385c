"""What is known about a message that came in: each piece of evidence, and what follows from all of them.

A value; `flow.placement` reads it, the reader of the mail sees its reasons. Empty means: nothing was looked at.
Trust (iprev, SPF, DKIM, DMARC, ARC) and scanners are the same for all its recipients; what a mailspace's own
spam statistics and history say is added for each of them (`plus`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

MOST_EVIDENCE = 20


@dataclass(frozen=True, slots=True)
class Evidence:
    """One finding: `method` as in RFC 8601 (spf, dkim, dmarc …) or ours (spam, dnsbl, known, virus), its result,
    the domain or name that it speaks of, and a sentence for people. `score`: points towards spam, or, below 0, away
    from it."""

    method: str
    result: str
    reason: str = ""
    domain: str = ""
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """`author` is the domain in From (A-label), '' if there is none or more than one. `policy` is what DMARC asks
    for this message: '' (it passed, or nothing is asked), 'quarantine' or 'reject'; `published` is what the author's
    domain asks for in general: '' where it has no record, else 'none', 'quarantine', 'reject'. `virus` is the name
    of what was found; `unscanned` names scanners that did not answer. `results` is our Authentication-Results
    field, whole, with its CRLF."""

    evidence: tuple[Evidence, ...] = ()
    author: str = ""
    policy: str = ""
    published: str = ""
    virus: str = ""
    unscanned: tuple[str, ...] = ()
    results: bytes = b""

    @property
    def score(self) -> float:
        """Points of spam, all evidence together."""
        return round(sum(each.score for each in self.evidence), 2)

    def plus(self, more: Iterable[Evidence]) -> Verdict:
        return replace(self, evidence=(*self.evidence, *more))

    def of(self, method: str) -> Evidence | None:
        """The first finding by this method."""
        return next((each for each in self.evidence if each.method == method), None)


NOTHING_KNOWN = Verdict()


def written(verdict: Verdict) -> list[list[Any]]:
    """As it is kept with a message."""
    return [
        [each.method, each.result, each.reason, each.domain, round(each.score, 2)]
        for each in verdict.evidence[:MOST_EVIDENCE]
    ]


def read(kept: Any) -> tuple[Evidence, ...]:
    """What `written` wrote, with or without points; whatever else lies there is no evidence."""
    rows: Iterable[Any] = kept[:MOST_EVIDENCE] if isinstance(kept, list) else ()
    return tuple(Evidence(*row) for row in rows if _is_evidence(row))


def _is_evidence(row: Any) -> bool:
    return (
        isinstance(row, list)
        and len(row) in {4, 5}
        and all(isinstance(each, str) for each in row[:4])
        and all(isinstance(each, int | float) and not isinstance(each, bool) for each in row[4:])
    )
