"""DMARC policy records and the walk up the tree that finds them (RFC 9989 §4.7, §4.10). Called by `trust.dmarc`.

The walk replaces the list of public suffixes: who is one organization, the DNS says.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from functools import lru_cache

from mta.resolver import Temporary
from mta.trust import tags
from mta.trust.asking import Asking
from mta.trust.tags import BadTags

POLICIES = ("none", "quarantine", "reject")
MOST_QUESTIONS = 8  # of one walk (§4.10)
LONGEST = 4096

_VERSION = re.compile(r"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")
_REPORTS_TO = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s,;]+")


@dataclass(frozen=True, slots=True)
class Record:
    """One record. `policy` is None where p= says nothing that can be understood and nobody asks for reports."""

    policy: str | None = "none"
    below: str = ""  # sp=, for subdomains
    missing: str = ""  # np=, for names that do not exist
    strict_dkim: bool = False
    strict_spf: bool = False
    suffix: str = "u"  # psd=: y, n or u
    testing: bool = False


def is_dmarc(text: str) -> bool:
    """§4.7: the version stands first, and in capitals."""
    return _VERSION.match(text) is not None


@lru_cache(maxsize=2048)
def parse(text: str) -> Record:
    """Never raises: whatever cannot be understood is as if it were not there (§4.7). pct=, rf= and ri= mean nothing any more."""
    try:
        found = tags.parse(text[:LONGEST], strict=False)
    except BadTags:
        found = {}
    policy: str | None = found.get("p", "").lower()
    below, missing = found.get("sp", "").lower(), found.get("np", "").lower()
    if policy not in POLICIES or (below and below not in POLICIES) or (missing and missing not in POLICIES):
        # §4.10.1: who at least wants reports is taken to ask for nothing else
        policy, below, missing = ("none" if _REPORTS_TO.match(found.get("rua", "")) else None), "", ""
    return Record(
        policy=policy,
        below=below,
        missing=missing,
        strict_dkim=found.get("adkim", "r").lower() == "s",
        strict_spf=found.get("aspf", "r").lower() == "s",
        suffix=found.get("psd", "u").lower() if found.get("psd", "").lower() in {"y", "n"} else "u",
        testing=found.get("t", "n").lower() == "y",
    )


def steps(domain: str) -> tuple[str, ...]:
    """The names of one walk, from the longest: at most eight questions, however many labels there are (§4.10)."""
    labels = domain.split(".")
    at = 1 if len(labels) < MOST_QUESTIONS else len(labels) - (MOST_QUESTIONS - 1)
    return (domain, *(".".join(labels[start:]) for start in range(at, len(labels))))


async def _record(asking: Asking, domain: str) -> Record | None:
    """The one record of a name; several are none."""
    answer = await asking.txt(f"_dmarc.{domain}")
    texts = [text for text in answer.values if is_dmarc(text)]
    return parse(texts[0]) if len(texts) == 1 else None


async def walk(asking: Asking, domain: str) -> tuple[tuple[str, Record], ...]:
    """(name, record) of those that have one, from the longest, up to and with the first whose psd= ends the walk.

    All are asked at once: the answers come from a cache or from far away. Raises Temporary.
    """
    names = steps(domain)
    answers = await asyncio.gather(*(_record(asking, name) for name in names), return_exceptions=True)
    found: list[tuple[str, Record]] = []
    for name, record in zip(names, answers, strict=True):
        if isinstance(record, BaseException):
            if not isinstance(record, Temporary):
                raise record
            raise Temporary(f"the DMARC record of {name} could not be asked for")
        if record is not None:
            found.append((name, record))
            if record.suffix != "u":
                break
    return tuple(found)


def organization(domain: str, found: tuple[tuple[str, Record], ...]) -> str:
    """The Organizational Domain, from the walk that began at `domain` (§4.10.2)."""
    for name, record in found:
        if record.suffix == "n":
            return name
        if record.suffix == "y" and name != domain:
            return ".".join(domain.split(".")[-(name.count(".") + 2) :])  # one label below it
    # A top-level domain that publishes a record without psd= does not make one organization of all its domains.
    names = [name for name, _record in found if "." in name]
    return names[-1] if names else domain
