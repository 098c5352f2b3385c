"""What the checks found, as evidence: points, and one plain sentence each for whoever asks why.

Points are modest on purpose: a check says where a message is from, not whether it is wanted. Pure. Called by
`trust.checks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mta.message.address import domain_for_display as shown
from mta.trust import dmarc, iprev, spf
from mta.trust.arc import Arc, Sealed
from mta.trust.dkim_check import Dkim
from mta.trust.dmarc import Author, Dmarc
from mta.trust.iprev import Iprev
from mta.trust.spf import Spf
from mta.trust.verdict import Evidence, Verdict

MOST_SIGNATURES = 3  # that are told of

_LATER = "The DNS did not answer in time"


@dataclass(frozen=True, slots=True)
class Found:
    """What all checks found."""

    iprev: Iprev
    spf: Spf
    dkim: tuple[Dkim, ...]
    arc: Arc
    dmarc: Dmarc


def verdict(found: Found, who: Author, *, sealer: Sealed | None) -> Verdict:
    """Evidence in the order of how much it says; `policy` is what is asked for unless a trusted sealer speaks for it."""
    judged = found.dmarc
    softened = sealer is not None and judged.result == dmarc.FAIL
    evidence = (
        _dmarc(judged, who, sealer=sealer if softened else None),
        *_signatures(found.dkim, judged.domain),
        _spf(found.spf, found.dkim),
        *_arc(found.arc),
        _iprev(found.iprev),
    )
    policy = "" if softened or judged.asked == "none" else judged.asked
    return Verdict(
        evidence,
        author=who.domains[0] if who.certain else "",
        policy=policy,
        published=judged.published,
    )


def _dmarc(found: Dmarc, who: Author, *, sealer: Sealed | None) -> Evidence:
    name = shown(found.domain)
    score = 0.0
    match found.result:
        case dmarc.PASS:
            reason, score = f"The message really comes from {name}.", -0.5
        case dmarc.FAIL if sealer is not None:
            reason = f"{shown(sealer.domain)}, which is trusted here, found it genuine before passing it on."
        case dmarc.FAIL:
            wish = {
                "reject": ", which asks to refuse such mail",
                "quarantine": ", which asks to treat such mail with care",
            }
            reason = f"The message does not come from {name}{wish.get(found.asked, '')}."
            score = {"reject": 5.0, "quarantine": 3.0}.get(found.asked, 1.5)
        case dmarc.TEMPERROR:
            reason = f"{_LATER}, so nobody knows whether it comes from {name}." if name else f"{_LATER}."
            # No fail, but no way around a policy either: who forges may name a part of a domain whose DNS is dead.
            score = {"reject": 1.5, "quarantine": 1.0}.get(found.published, 0.0)
        case dmarc.PERMERROR:
            # Whoever hides among others, or says nothing, fares no better than who is caught: Junk, or held.
            reason, score = found.reason, {dmarc.CROWDED: 15.0, dmarc.HIDDEN: 5.0}.get(who.doubt, 3.0)
        case _:
            reason = (
                f"{name} does not say how its mail can be recognized."
                if name
                else "It names no sender's domain."
            )
    return Evidence("dmarc", found.result, reason, found.domain, score)


def _signatures(found: Sequence[Dkim], author: str) -> list[Evidence]:
    """The signatures that say most, those of the author's domain first; one that is good says that another does not matter."""
    if not found:
        return [Evidence("dkim", "none", "Nobody signed the message.")]

    def weight(each: Dkim) -> tuple[bool, bool]:
        return each.result != "pass", each.domain != author

    chosen = sorted(found, key=weight)[:MOST_SIGNATURES]
    good = chosen[0].result == "pass"
    told: dict[tuple[str, str], Evidence] = {}
    for each in chosen:
        told.setdefault((each.result, each.domain), _signature(each, good=good))
    return list(told.values())


def _signature(each: Dkim, *, good: bool) -> Evidence:
    name = shown(each.domain) or "Somebody"
    broken = 0.0 if good else 0.3
    match each.result:
        case "pass":
            return Evidence(
                "dkim", each.result, f"{name} signed it, and it was not changed since.", each.domain, -0.1
            )
        case "temperror":
            reason = f"{_LATER}, so the signature of {name} could not be checked."
            return Evidence("dkim", each.result, reason, each.domain)
    reason = f"{name} signed it, but the signature does not count: {each.reason}."
    return Evidence("dkim", each.result, reason, each.domain, broken)


def _spf(found: Spf, signed: Sequence[Dkim]) -> Evidence:
    name = shown(found.domain)
    score = 0.0
    match found.result:
        case spf.PASS:
            reason = f"The sender's server is allowed to send for {name}."
        case spf.FAIL:
            reason = f"The sender's server is not allowed to send for {name}."
            score = 0.5 if any(each.result == "pass" for each in signed) else 1.5
        case spf.SOFTFAIL:
            reason, score = f"The sender's server is probably not allowed to send for {name}.", 0.5
        case spf.NEUTRAL:
            reason = f"{name} leaves open whether the sender's server may send for it."
        case spf.TEMPERROR:
            reason = f"{_LATER}, so nobody knows whether the sender's server may send for {name}."
        case spf.PERMERROR:
            reason, score = f"What {name} says about its servers cannot be used: {found.reason}.", 0.2
        case _:
            reason = f"{name or 'The sender'} does not say which servers may send for it."
    return Evidence("spf", found.result, reason, found.domain, score)


def _arc(found: Arc) -> list[Evidence]:
    if found.result == "none":
        return []
    domain = found.sets[-1].domain if found.sets else ""
    match found.result:
        case "pass":
            way = ", then ".join(shown(each.domain) for each in found.sets[-3:])
            return [Evidence("arc", "pass", f"It was passed on by {way}, as their seals prove.", domain)]
        case "temperror":
            return [
                Evidence(
                    "arc",
                    "temperror",
                    f"{_LATER}, so the seals of those who passed it on could not be checked.",
                )
            ]
    return [
        Evidence(
            "arc",
            "fail",
            f"The seals of those who passed it on are not in order. {found.reason}".strip(),
            "",
            0.2,
        )
    ]


def _iprev(found: Iprev) -> Evidence:
    name = found.name
    match found.result:
        case iprev.PASS:
            return Evidence("iprev", "pass", f"The sender's server is known as {name}.", name)
        case iprev.TEMPERROR:
            return Evidence(
                "iprev", "temperror", f"{_LATER}, so the name of the sender's server is not known."
            )
        case iprev.FAIL:
            claim = f" calls itself {name}, which is not true" if name else "'s name cannot be confirmed"
            return Evidence("iprev", "fail", f"The sender's server{claim}.", name, 0.5)
    return Evidence("iprev", found.result, "The sender's server has no name.", "", 0.7)
