"""What speaks for and against a message in each of its mailspaces: the spam filter, and whether they know its sender.

The message is looked at once, however many mailspaces it goes to; each then costs no query more. Runs in a thread,
before the transaction; writes nothing. Called by `flow.receive` for what comes in and by `flow.submit` for what leaves.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from mta.correspondents import service as correspondents
from mta.correspondents.service import Correspondent
from mta.mailstore.service import Prepared
from mta.message.address import BadAddress, canonical_domain
from mta.message.parse import Facts
from mta.trust.spam import features, judging, statistics
from mta.trust.spam.features import Features
from mta.trust.verdict import NOTHING_KNOWN, Evidence, Verdict

log = logging.getLogger(__name__)

WRITTEN_TO, OFTEN_HEARD = -5.0, -1.5
ALIGNED = ("spf", "dkim")


def weigh_all(
    prepared: Prepared, raw: bytes, found: Verdict, *, mailspaces: Collection[int]
) -> dict[int, Verdict]:
    """The verdict for each mailspace: what is known of the message itself, and what it is to them."""
    if not mailspaces:
        return {}
    try:
        return _weighed(prepared.facts, raw, found, mailspaces=list(dict.fromkeys(mailspaces)))
    except Exception:  # whatever a filter stumbles over, mail arrives
        log.exception("a message could not be weighed")
        return dict.fromkeys(mailspaces, found)


def weigh(prepared: Prepared, raw: bytes, found: Verdict, *, mailspace: int) -> Verdict:
    """The same for a single mailspace."""
    return weigh_all(prepared, raw, found, mailspaces=[mailspace])[mailspace]


def outgoing(facts: Facts, raw: bytes) -> Verdict:
    """The same filter over what one of our people sends: what the host knows, not what a mailspace likes."""
    try:
        seen = features.read(raw, facts)
        known = statistics.sources(seen.tokens, [statistics.HOST])[statistics.HOST][:1]
        return NOTHING_KNOWN.plus([judging.judge(seen, known)])
    except Exception:
        log.exception("a message to be sent could not be weighed")
        return NOTHING_KNOWN


def _weighed(facts: Facts, raw: bytes, found: Verdict, *, mailspaces: list[int]) -> dict[int, Verdict]:
    seen = features.read(raw, facts)
    sources = statistics.sources(seen.tokens, mailspaces)
    known = _known(seen, found, mailspaces)
    judged: dict[tuple[object, ...], Evidence] = {}
    weighed = {}
    for mailspace in mailspaces:
        own = sources[mailspace]
        key = tuple(map(id, own))
        if key not in judged:
            judged[key] = judging.judge(seen, own)
        more = [judged[key], *known.get(mailspace, ())]
        weighed[mailspace] = found.plus(more)
    return weighed


def _known(seen: Features, found: Verdict, mailspaces: list[int]) -> dict[int, tuple[Evidence, ...]]:
    """Who of them knows the sender, if it is certain who that is: anybody can write a known name into From."""
    if not seen.author or not is_certain(seen.author, found):
        return {}
    people = correspondents.across(mailspaces, seen.author)
    return {mailspace: (_acquaintance(person),) for mailspace, person in people.items() if _counts(person)}


def is_certain(author: str, found: Verdict) -> bool:
    """Whether the author's domain vouches for the message: DMARC passed, or SPF or DKIM for that very domain."""
    domain = _ascii(author.rpartition("@")[2])
    dmarc = found.of("dmarc")
    if not domain:
        return False
    if dmarc is not None and dmarc.result == "pass":
        return found.author == domain
    if dmarc is not None and dmarc.result == "fail":
        return False
    passed = (each for each in found.evidence if each.method in ALIGNED and each.result == "pass")
    # Only for itself or what lies below: without a list of public suffixes, more would be a guess.
    return any(each.domain and f".{domain}".endswith(f".{each.domain.lower()}") for each in passed)


def _ascii(domain: str) -> str:
    """As a verdict names domains."""
    try:
        return canonical_domain(domain)
    except BadAddress:
        return ""


def _counts(person: Correspondent) -> bool:
    return person.written > 0 or person.kept or person.heard >= correspondents.OFTEN


def _acquaintance(person: Correspondent) -> Evidence:
    if person.written > 0:
        return Evidence("known", "pass", "You have written to this sender before.", person.email, WRITTEN_TO)
    if person.kept:
        return Evidence("known", "pass", "The sender is in your address book.", person.email, WRITTEN_TO)
    return Evidence("known", "pass", "You hear from this sender regularly.", person.email, OFTEN_HEARD)
