"""DMARC: does the domain that a reader sees in From answer for this message, and what is asked for if not (RFC 9989)?

A From that nobody can be sure of (none, several, broken) is no way around a policy: every domain that it names is
looked at, and what is strictest counts. It is read as far as those read it who show it: what stands in front of the
author, however much, hides nobody. Called by `trust.checks`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from mta.message.address import MAX_FIELD, BadAddress, canonical_domain, parse_addresses
from mta.message.headers import MAX_FIELDS, Field
from mta.resolver import NO_NAME, Temporary
from mta.trust import dmarc_record
from mta.trust.asking import Asking
from mta.trust.dkim_check import Dkim
from mta.trust.dmarc_record import POLICIES, Record
from mta.trust.spf import Spf

PASS, FAIL, NONE, TEMPERROR, PERMERROR = "pass", "fail", "none", "temperror", "permerror"
MOST_AUTHORS = 8  # domains in From that are looked at: of more, the first and the last

# What is wrong with a From that names nobody for certain.
SEVERAL, HIDDEN, CROWDED = "several", "hidden", "crowded"

_FROM = re.compile(rb"^(from[ \t]*:)([^\n]*\n?(?:[ \t][^\n]*\n?)*)", re.IGNORECASE | re.MULTILINE)
_BLANKS = re.compile(rb"[ \t\r\n]+")
_LOOKS_LIKE_DOMAIN = re.compile(r"@([A-Za-z0-9_\x80-\U0010ffff](?:[A-Za-z0-9_.\x80-\U0010ffff-]{0,251}))")
_MOST_PEOPLE = 500  # as many as are shown
_TAIL = 4096  # bytes at the end that are looked at even so


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote it, as From has it. `domains`: what it names, MOST_AUTHORS at most; `certain`: exactly one, and no
    doubt about it. `doubt`: '', or SEVERAL domains; HIDDEN: nobody, or written so that it can be read in two ways;
    CROWDED: more than can be looked at, which nobody writes who has nothing to hide."""

    domains: tuple[str, ...]
    certain: bool
    reason: str = ""
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Dmarc:
    """`published` is the policy in force for such mail; `asked` what it asks for here: '' unless the check failed."""

    result: str
    domain: str = ""
    published: str = ""
    asked: str = ""
    reason: str = ""


def froms(header: bytes) -> tuple[Field, ...]:
    """All From fields, also those behind so many others that nobody here reads on; other mail programs do."""
    found = islice(_FROM.finditer(header), MAX_FIELDS)
    return tuple(Field("from", match[0], match[2].rstrip(b"\r\n")) for match in found)


def author(fields: Sequence[Field]) -> Author:
    """The author's domain, by the one reading that a strict parser has (RFC 9989 §5.3.1)."""
    written = [_BLANKS.sub(b" ", field.value).strip() for field in fields if field.name == "from"]
    if not written:
        return Author((), False, "It has no sender that a reader could see.", HIDDEN)
    domains: dict[str, None] = {}
    crowded, broken, hidden, left = len(written) >= MAX_FIELDS, False, False, MAX_FIELD
    for value in written:
        people = parse_addresses(value[:left], _MOST_PEOPLE)
        names = [_canonical(each.domain) for each in people]
        if len(value) > left or len(people) == _MOST_PEOPLE:
            crowded = True
            names += _named(value[-_TAIL:])
        is_open = _is_open(value[:left])
        if is_open or not names or not all(names):
            broken = True
            # else it is only a name that has no address
            hidden = hidden or is_open or value.count(b"@") != sum(map(bool, names))
            names += _named(value[:left])
        domains.update(dict.fromkeys(name for name in names if name))
        left = max(0, left - len(value))
    found = tuple(domains)
    if crowded or len(found) > MOST_AUTHORS:
        some = dict.fromkeys((*found[: MOST_AUTHORS // 2], *found[-(MOST_AUTHORS // 2) :]))
        return Author(tuple(some), False, "It names more senders than any honest message has.", CROWDED)
    if len(written) > 1:
        return Author(found, False, "It names its sender more than once, as only forged mail does.", HIDDEN)
    if broken or not found:
        doubt = HIDDEN if hidden or not found else SEVERAL
        return Author(found, False, "Its sender is written so that nobody can be sure who it is.", doubt)
    if len(found) > 1:
        return Author(found, False, "It names senders of several domains.", SEVERAL)
    return Author(found, True)


def _is_open(value: bytes) -> bool:
    """Whether a comment has no end: we read over all that stands in it, others do not. Then so is what comes after."""
    if b"(" not in value:
        return False
    people = parse_addresses(value[: MAX_FIELD - 20] + b",a@end.invalid", _MOST_PEOPLE + 1)
    return not people or people[-1].domain != "end.invalid"


def _named(value: bytes) -> list[str]:
    """Whatever looks like a domain, for want of a better reading."""
    return [_canonical(each) for each in _LOOKS_LIKE_DOMAIN.findall(value.decode("utf-8", "replace"))]


def _canonical(domain: str) -> str:
    try:
        name = canonical_domain(domain.strip("."))
    except BadAddress:
        return ""
    return "" if name.startswith("[") or "." not in name else name


async def check(
    asking: Asking, who: Author, *, spf: Spf, dkim: Sequence[Dkim], until: float | None = None
) -> Dmarc:
    """The result for the author's domain; of several, the strictest of those that fail, and never better than permerror.

    What is not known at `until`, on the event loop's clock, is as if the DNS had not answered.
    """
    judged = await asyncio.gather(
        *(_one(asking, domain, spf=spf, dkim=dkim, until=until) for domain in who.domains[:MOST_AUTHORS])
    )
    if who.certain:
        return judged[0]
    worst = Dmarc(PERMERROR, reason=who.reason)
    for each in judged:
        if each.asked and _strictness(each.asked) >= _strictness(worst.asked):
            worst = Dmarc(PERMERROR, each.domain, each.published, each.asked, who.reason)
    return worst


def late(who: Author) -> Dmarc:
    """The result where `check` did not come to an end."""
    return Dmarc(TEMPERROR, who.domains[0]) if who.certain else Dmarc(PERMERROR, reason=who.reason)


def _strictness(policy: str) -> int:
    return POLICIES.index(policy) if policy else -1


async def prefetch(asking: Asking, who: Author) -> None:
    """Have the records of all authors on their way while the rest is looked at: a slow one, or what else the sender
    lets us wait for, must not leave a policy unread."""

    async def ask(domain: str) -> None:
        try:
            await _policy(asking, domain, await dmarc_record.walk(asking, domain))
        except Temporary:
            return

    await asyncio.gather(*map(ask, who.domains[:MOST_AUTHORS]))


async def _one(asking: Asking, domain: str, *, spf: Spf, dkim: Sequence[Dkim], until: float | None) -> Dmarc:
    try:
        async with asyncio.timeout_at(until):
            found = await dmarc_record.walk(asking, domain)
            record, policy = await _policy(asking, domain, found)
    except (Temporary, TimeoutError) as trouble:
        return Dmarc(TEMPERROR, domain, reason=str(trouble))
    if record is None or policy is None:
        return Dmarc(NONE, domain)
    doubtful = False
    for name, result, strict in _identifiers(record, spf, dkim):
        if result not in {PASS, TEMPERROR}:
            continue
        try:
            async with asyncio.timeout_at(until):
                aligned = await _aligned(asking, domain, name, strict=strict, found=found)
        except (Temporary, TimeoutError):
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
    if strict or not other:
        return False
    ours = dmarc_record.organization(domain, found)
    # An organization's names all end in its own. Of any other nothing need be asked, and its dead DNS, which a
    # forger may choose under the same public suffix, casts no doubt.
    if other != ours and not other.endswith(f".{ours}"):
        return False
    return dmarc_record.organization(other, await dmarc_record.walk(asking, other)) == ours


def _eased(policy: str) -> str:
    """RFC 9989 §4.7, t=y: one step less."""
    return POLICIES[max(0, POLICIES.index(policy) - 1)]
