"""One message of the demonstration corpus and where it lies. A value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Letter:
    """`box` is a role or a label; `at` its INTERNALDATE. `papers` are the results of SPF, DKIM and DMARC as delivery
    would have noted them, () when nobody looked; `spam` why it lies in Spam."""

    raw: bytes
    at: datetime
    box: str = "inbox"
    seen: bool = True
    starred: bool = False
    labels: tuple[str, ...] = ()
    papers: tuple[str, ...] = ()
    spam: str = ""
