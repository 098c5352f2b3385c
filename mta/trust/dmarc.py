"""DMARC: does the domain that a reader sees in From answer for this message, and what is asked for if not (RFC 9989)?

A From that nobody can be sure of (none, several, broken) is no way around a policy: every domain that it names is
looked at, and what is strictest counts. Called by `trust.checks`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mta.message.address import Address, BadAddress, canonical_domain, scan_addresses
from mta.message.headers import Field
from mta.resolver import NO_NAME, Temporary
from mta.trust import dmarc_record
from mta.trust.asking import Asking
from mta.trust.dkim_check import Dkim
from mta.trust.dmarc_record import POLICIES, Record
from mta.trust.spf import Spf

PASS, FAIL, NONE, TEMPERROR, PERMERROR = "pass", "fail", "none", "temperror", "permerror"
MOST_AUTHORS = 4  # domains in From that are looked at

_LOOKS_LIKE_DOMAIN = re.compile(r"@([A-Za-z0-9_\x80-\U0010ffff](?:[A-Za-z0-9_.\x80-\U0010ffff-]{0,251}))")
_LONGEST_FROM = 16_000
_MOST_PEOPLE = 20


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote it, as From has it. `domains`: all that it names; `certain`: exactly one, and no doubt about it."""

    domains: tuple[str, ...]
    certain: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Dmarc:
    """`published` is the policy in force for such mail; `asked` what it asks for here: '' unless the check failed."""

    result: str
    domain: str = ""
    published: str = ""
    asked: str = ""
    reason: str = ""


def author(fields: Sequence[Field]) -> Author:
    """The author's domain, by the one reading that a strict parser has (RFC 9989 §5.3.1)."""
    froms = [field.value for field in fields if field.name == "from"]
    if not froms:
        return Author((), False, "It has no sender that a reader could see.")
    domains: dict[str, None] = {}
    broken = any(len(value) > _LONGEST_FROM for value in froms)
    for value in froms[:MOST_AUTHORS]:
        people = [
            each for each in scan_addresses(value[:_LONGEST_FROM], _MOST_PEOPLE) if isinstance(each, Address)
        ]
        names = [_canonical(each.domain) for each in people]
        broken = broken or len(people) == _MOST_PEOPLE
        if not names or not all(names):
            broken = True
            names += [_canonical(each) for each in _LOOKS_LIKE_DOMAIN.findall(_text(value))[:_MOST_PEOPLE]]
        domains.update(dict.fromkeys(name for name in names if name))
    found = tuple(domains)
    if len(froms) > 1:
        return Author(found, False, "It names its sender more than once, as only forged mail does.")
    if broken or not found:
        return Author(found, False, "Its sender is written so that nobody can be sure who it is.")
    if len(found) > 1:
        return Author(found, False, "It names senders of several domains.")
    return Author(found, True)


def _text(value: bytes) -> str:
    return value[:_LONGEST_FROM].decode("utf-8", "replace")


def _canonical(domain: str) -> str:
    try:
        name = canonical_domain(domain.strip("."))
    except BadAddress:
        return ""
    return "" if name.startswith("[") or "." not in name else name


async def check(asking: Asking, who: Author, *, spf: Spf, dkim: Sequence[Dkim]) -> Dmarc:
    """The result for the author's domain; of several, the strictest of those that fail, and never better than permerror."""
    if who.certain:
        return await _one(asking, who.domains[0], spf=spf, dkim=dkim)
    worst = Dmarc(PERMERROR, reason=who.reason)
    for domain in who.domains[:MOST_AUTHORS]:
        each = await _one(asking, domain, spf=spf, dkim=dkim)
        if each.asked and _strictness(each.asked) >= _strictness(worst.asked):
            worst = Dmarc(PERMERROR, each.domain, each.published, each.asked, who.reason)
    return worst


def _strictness(policy: str) -> int:
    return POLICIES.index(policy) if policy else -1


async def prefetch(asking: Asking, who: Author) -> None:
    """Have the author's records on their way while the signatures are looked at."""
    for domain in who.domains[:1]:
        try:
            await dmarc_record.walk(asking, domain)
        except Temporary:
            continue


async def _one(asking: Asking, domain: str, *, spf: Spf, dkim: Sequence[Dkim]) -> Dmarc:
    try:
        found = await dmarc_record.walk(asking, domain)
        record, policy = await _policy(asking, domain, found)
    except Temporary as trouble:
        return Dmarc(TEMPERROR, domain, reason=str(trouble))
    if record is None or policy is None:
        return Dmarc(NONE, domain)
    doubtful = False
    for name, result, strict in _identifiers(record, spf, dkim):
        if result not in {PASS, TEMPERROR}:
            continue
        try:
            aligned = await _aligned(asking, domain, name, strict=strict, found=found)
        except Temporary:
            doubtful = True
            continue
        if aligned and result == PASS:
            return Dmarc(PASS, domain, policy)
        doubtful = doubtful or aligned
    if doubtful:
        return Dmarc(TEMPERROR, domain, policy, reason="what it depends on could not be asked for")
    return Dmarc(FAIL, domain, policy, _eased(policy) if record.testing else policy)


def _identifiers(record: Record, spf: Spf, dkim: Sequence[Dkim]) -> list[tuple[str, str, bool]]:
    """(domain, result, strict) of all that could pass, what is most likely first."""
    signed = [(each.domain, each.result, record.strict_dkim) for each in dkim if each.domain]
    sent = [(_canonical(spf.domain), spf.result, record.strict_spf)] if spf.domain else []
    return sorted(signed + sent, key=lambda each: each[1] != PASS)


async def _policy(
    asking: Asking, domain: str, found: tuple[tuple[str, Record], ...]
) -> tuple[Record | None, str | None]:
    """RFC 9989 §4.10.1: the author's own record, else the organization's, else the public suffix's."""
    records = dict(found)
    if domain in records:
        return records[domain], records[domain].policy
    record = records.get(dmarc_record.organization(domain, found))
    if record is None:
        record = next((each for _name, each in found if each.suffix == "y"), None)
    if record is None or record.policy is None:
        return record, None
    below = record.below or record.policy
    if record.missing and record.missing != below and await _is_missing(asking, domain):
        return record, record.missing
    return record, below


async def _is_missing(asking: Asking, domain: str) -> bool:
    """RFC 9989 §3.2: a name that does not exist, by NXDOMAIN (RFC 8020)."""
    try:
        return (await asking.mx(domain)).status == NO_NAME
    except Temporary:
        return False


async def _aligned(
    asking: Asking, domain: str, other: str, *, strict: bool, found: tuple[tuple[str, Record], ...]
) -> bool:
    """RFC 9989 §4.4: the same domain or, unless `strict`, the same organization."""
    if domain == other:
        return True
    # Both organizations end in the same two labels, or they are not the same; then nothing need be asked.
    if strict or not other or domain.split(".")[-2:] != other.split(".")[-2:]:
        return False
    walked = await dmarc_record.walk(asking, other)
    return dmarc_record.organization(domain, found) == dmarc_record.organization(other, walked)


def _eased(policy: str) -> str:
    """RFC 9989 §4.7, t=y: one step less."""
    return POLICIES[max(0, POLICIES.index(policy) - 1)]
