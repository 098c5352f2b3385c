"""What is known about a message that came in: each piece of evidence, and what follows from all of them.

A value; `flow.placement` reads it, the reader of the mail sees its reasons. Empty means: nothing was looked at.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Evidence:
    """One finding: `method` as in RFC 8601 (spf, dkim, dmarc …), its result, and a sentence for people."""

    method: str
    result: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    evidence: tuple[Evidence, ...] = ()


NOTHING_KNOWN = Verdict()
