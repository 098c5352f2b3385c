"""SPF: may this server send for that domain (RFC 7208)? An evaluator that waits for the DNS on the event loop.

At most ten terms that ask the DNS and two questions in vain (§4.6.4), whatever a record includes; a time-out is
temperror. `docs/decisions/014-trust.md` says why this is not a library. Called by `trust.checks`.
"""

from __future__ import annotations

import ipaddress
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from mta.message.address import BadAddress, canonical_domain
from mta.resolver import NO_NAME, Answer, Temporary
from mta.trust import spf_record
from mta.trust.asking import Asking
from mta.trust.spf_record import BadRecord, IpAddress, Mechanism, Record

PASS, FAIL, SOFTFAIL, NEUTRAL, NONE = "pass", "fail", "softfail", "neutral", "none"
TEMPERROR, PERMERROR = "temperror", "permerror"

MOST_LOOKUPS = 10
MOST_VOID = 2
MOST_NAMES = 10  # §4.6.4: MX hosts, PTR names

_RESULTS = {"+": PASS, "-": FAIL, "~": SOFTFAIL, "?": NEUTRAL}


@dataclass(frozen=True, slots=True)
class Spf:
    """`domain` is the one that was asked about; `identity` is mailfrom or helo."""

    result: str
    domain: str
    identity: str = "mailfrom"
    reason: str = ""  # of an error, in words
    explanation: str = ""  # what the domain has to say about a fail (§6.2)


class _Stop(Exception):
    """The evaluation ends with this result, wherever it is."""

    def __init__(self, result: str, reason: str) -> None:
        self.result = result
        self.reason = reason
        super().__init__(reason)


@dataclass(slots=True)
class _Check:
    """What one evaluation knows and has used up."""

    asking: Asking
    ip: IpAddress
    sender: str
    helo: str
    receiver: str
    explain: bool
    lookups: int = 0
    void: int = 0
    names: list[str] | None = None  # validated names of the client (§5.5)
    seen: set[str] = field(default_factory=set)

    @property
    def family(self) -> int:
        return self.ip.version

    def count(self) -> None:
        self.lookups += 1
        if self.lookups > MOST_LOOKUPS:
            raise _Stop(PERMERROR, "its record asks for more than ten lookups")

    def found(self, answer: Answer[Any]) -> None:
        if not answer.values:
            self.void += 1
            if self.void > MOST_VOID:
                raise _Stop(PERMERROR, "its record names too much that does not exist")


async def check(
    asking: Asking, *, ip: str, sender: str, helo: str, receiver: str = "unknown", explain: bool = False
) -> Spf:
    """check_host() for the MAIL FROM identity; of the null sender, postmaster at what the client called itself (§2.4)."""
    identity = "mailfrom" if sender else "helo"
    local, _, domain = (sender or f"postmaster@{helo}").rpartition("@")
    try:
        # RFC 7208 §4.3: names in other scripts are looked up as A-labels.
        if not domain.isascii():
            domain = canonical_domain(domain)
        address = ipaddress.ip_address(ip)
    except (BadAddress, ValueError):
        return Spf(NONE, domain, identity)
    mapped = getattr(address, "ipv4_mapped", None)
    domain = domain.removesuffix(".")
    state = _Check(asking, mapped or address, f"{local or 'postmaster'}@{domain}", helo, receiver, explain)
    if "." not in domain or domain.startswith("[") or not spf_record.is_name(domain):
        return Spf(NONE, domain, identity)
    try:
        result, explanation = await _host(state, domain)
    except _Stop as stop:
        return Spf(stop.result, domain, identity, stop.reason)
    except Temporary as trouble:
        return Spf(TEMPERROR, domain, identity, str(trouble))
    return Spf(result, domain, identity, explanation=explanation)


async def _record(state: _Check, domain: str) -> Record | None:
    answer = await state.asking.txt(domain)
    texts = [text for text in answer.values if spf_record.is_spf(text)]
    if len(texts) > 1:
        raise _Stop(PERMERROR, f"{domain} has more than one SPF record")  # §4.5
    if not texts:
        return None
    try:
        return spf_record.parse(texts[0])
    except BadRecord as bad:
        raise _Stop(PERMERROR, f"the SPF record of {domain} is broken: {bad}") from bad


async def _host(state: _Check, domain: str) -> tuple[str, str]:
    """(result, explanation) of one domain's record; called again for include and redirect."""
    if not spf_record.is_name(domain) or "." not in domain:
        return NONE, ""
    record = await _record(state, domain)
    if record is None:
        return NONE, ""
    for mechanism in record.mechanisms:
        if await _matches(state, domain, mechanism):
            result = _RESULTS[mechanism.qualifier]
            wanted = result == FAIL and state.explain and record.exp
            return result, (await _explanation(state, domain, record.exp) if wanted else "")
    if not record.redirect:
        return NEUTRAL, ""  # §4.7
    state.count()
    target = await _target(state, domain, record.redirect)
    result, explanation = await _host(state, target)
    if result == NONE:
        raise _Stop(PERMERROR, f"{domain} refers to {target or 'nothing'}, which has no SPF record")  # §6.1
    return result, explanation


async def _matches(state: _Check, domain: str, mechanism: Mechanism) -> bool:
    match mechanism.kind:
        case "all":
            return True
        case "ip4" | "ip6":
            network = mechanism.network
            return network is not None and network.version == state.family and state.ip in network
    state.count()
    target = await _target(state, domain, mechanism.domain) if mechanism.domain else domain
    match mechanism.kind:
        case "include":
            return await _included(state, target)
        case "a":
            return await _has_address(state, target, mechanism)
        case "mx":
            return await _is_exchanger(state, target, mechanism)
        case "exists":
            return await _exists(state, target)
    return await _has_name(state, target)


async def _included(state: _Check, target: str) -> bool:
    """§5.2"""
    result, _ = await _host(state, target)
    if result == NONE:
        raise _Stop(PERMERROR, f"it includes {target or 'nothing'}, which has no SPF record")
    return result == PASS


async def _has_address(state: _Check, host: str, mechanism: Mechanism) -> bool:
    """§5.3"""
    if not host:
        return False
    answer = await state.asking.addresses(host, family=state.family)
    state.found(answer)
    return _within(state.ip, answer, mechanism)


def _within(ip: IpAddress, answer: Answer[str], mechanism: Mechanism) -> bool:
    bits = mechanism.bits4 if ip.version == 4 else mechanism.bits6
    shift = ip.max_prefixlen - bits
    wanted = int(ip) >> shift
    for each in answer.values:
        with suppress(ValueError):
            address = ipaddress.ip_address(each)
            if address.version == ip.version and int(address) >> shift == wanted:
                return True
    return False


async def _is_exchanger(state: _Check, target: str, mechanism: Mechanism) -> bool:
    """§5.4"""
    if not target:
        return False
    answer = await state.asking.mx(target)
    state.found(answer)
    if len(answer.values) > MOST_NAMES:
        raise _Stop(PERMERROR, f"{target} has more than ten mail servers")
    for exchanger in sorted(answer.values, key=lambda each: each.preference):
        if exchanger.host and _within(
            state.ip, await state.asking.addresses(exchanger.host, family=state.family), mechanism
        ):
            return True
    return False


async def _exists(state: _Check, target: str) -> bool:
    """§5.7: an A record, for IPv6 clients as well."""
    if not target:
        return False
    answer = await state.asking.addresses(target, family=4)
    state.found(answer)
    return bool(answer.values)


async def _has_name(state: _Check, target: str) -> bool:
    """§5.5"""
    if not target:
        return False
    target = target.lower()
    return any(name == target or name.endswith("." + target) for name in await _names(state))


async def _names(state: _Check) -> list[str]:
    """The names of the client whose address is the client's; trouble with one of them is no reason to ask no other."""
    if state.names is not None:
        return state.names
    state.names = []
    try:
        answer = await state.asking.ptr(str(state.ip))
    except Temporary:
        return state.names
    state.found(answer)
    for name in answer.values[:MOST_NAMES]:
        with suppress(Temporary):
            forward = await state.asking.addresses(name, family=state.family)
            if any(_same(each, state.ip) for each in forward.values):
                state.names.append(name.lower())
    return state.names


def _same(text: str, ip: IpAddress) -> bool:
    try:
        return ipaddress.ip_address(text) == ip
    except ValueError:
        return False


# --- macros ------------------------------------------------------------------------------------------------


async def _target(state: _Check, domain: str, spec: str) -> str:
    """The name that a domain-spec means; '' if it is none that can be asked for, so that nothing matches (§4.8)."""
    return spf_record.as_domain(await _expanded(state, domain, spec))


async def _expanded(state: _Check, domain: str, text: str) -> str:
    needed = spf_record.letters(text)
    if not needed:
        return spf_record.expand(text, {})
    local, _, sender_domain = state.sender.rpartition("@")
    values = {
        "s": state.sender,
        "l": local,
        "o": sender_domain,
        "d": domain,
        "i": spf_record.dotted(state.ip),
        "v": "in-addr" if state.family == 4 else "ip6",
        "h": state.helo,
        "c": str(state.ip),
        "r": state.receiver,
        "t": str(int(time.time())),
        "p": await _best_name(state, domain) if "p" in needed else "",
    }
    return spf_record.expand(text, values)


async def _best_name(state: _Check, domain: str) -> str:
    """§7.3: the client's validated name, rather the domain itself, else one below it; "unknown" if there is none."""
    names = await _names(state)
    domain = domain.lower()
    below = [name for name in names if name.endswith("." + domain)]
    return domain if domain in names else (below or names or ["unknown"])[0]


async def _explanation(state: _Check, domain: str, spec: str) -> str:
    """§6.2: what goes wrong here says nothing about the mail."""
    with suppress(Temporary, _Stop):
        target = await _target(state, domain, spec)
        answer = await state.asking.txt(target) if target else Answer[str](NO_NAME)
        if len(answer.values) == 1 and spf_record.is_text(answer.values[0]):
            return (await _expanded(state, domain, answer.values[0]))[:500]
    return ""
