"""Where mail for a domain goes: a list of targets to try in order, or the reason why there is none.

Asks the resolver, decides, and connects to nothing. RFC 5321 §5.1 with RFC 7505 (null MX). A time-out of
the DNS is always "later", never "no". Called by `mta.relay.run` once per domain and batch.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
from collections.abc import Sequence
from dataclasses import dataclass

from mta.queue import reasons
from mta.queue.values import DEFERRED, FAILED, Outcome
from mta.relay.world import World
from mta.resolver import NO_NAME, Answer, Mx, Resolver, Temporary, is_public

_MOST_HOSTS = 10  # exchangers looked at; more is a mistake or an attack on our patience
_MOST_ADDRESSES = 3  # per host


@dataclass(frozen=True, slots=True)
class Target:
    """One address to connect to. `host` is the name that TLS and the record show."""

    host: str
    ip: str
    port: int
    preference: int = 0


Route = tuple[Target, ...]


async def route(
    domain: str, *, resolver: Resolver, world: World, chance: random.Random | None = None
) -> Route | Outcome:
    """The targets for a domain in the order to try them, never empty; else the outcome for its recipients."""
    chance = chance or random.Random()  # noqa: S311 - shares load, guards nothing
    try:
        if world.smarthost is not None:
            return await _to_smarthost(resolver, world)
        if domain.startswith("["):
            return _to_literal(domain, world)
        exchangers = await _exchangers(domain, resolver)
        if isinstance(exchangers, Outcome):
            return exchangers
        return await _to_exchangers(exchangers, resolver, world, chance)
    except Temporary as trouble:
        return Outcome(DEFERRED, reasons.DNS, text=str(trouble)[:500])


async def _exchangers(domain: str, resolver: Resolver) -> Sequence[Mx] | Outcome:
    answer = await resolver.mx(domain)
    if answer.status == NO_NAME:
        return Outcome(FAILED, reasons.NO_DOMAIN, 550, "5.1.2", f"the domain {domain} does not exist")
    if answer and all(mx.host == "" for mx in answer.values):
        # RFC 7505 §3: the domain says that it takes no mail.
        return Outcome(FAILED, reasons.NO_MAIL, 556, "5.1.10", f"{domain} has a null MX record")
    # RFC 5321 §5.1: without MX records the domain itself is the exchanger. A CNAME was followed already.
    return [mx for mx in answer.values if mx.host] or [Mx(0, answer.name or domain)]


async def _to_exchangers(
    exchangers: Sequence[Mx], resolver: Resolver, world: World, chance: random.Random
) -> Route | Outcome:
    ordered = _ordered(exchangers, chance)[:_MOST_HOSTS]
    # RFC 5321 §5.1: ourselves in the list, and everything no better than us, is not to be used.
    ours = [mx.preference for mx in ordered if mx.host == world.hostname]
    answers = await asyncio.gather(*(resolver.addresses(mx.host) for mx in ordered), return_exceptions=True)
    found = list(zip(ordered, answers, strict=True))
    for mx, answer in found:
        if isinstance(answer, Answer) and any(world.is_ourselves(ip) for ip in answer.values):
            ours.append(mx.preference)
    limit = min(ours, default=None)
    usable = [(mx, answer) for mx, answer in found if limit is None or mx.preference < limit]
    if not usable:
        return Outcome(FAILED, reasons.LOOP, 554, "5.4.6", "the mail exchanger is this server itself")
    return _targets(usable, world)


def _ordered(exchangers: Sequence[Mx], chance: random.Random) -> list[Mx]:
    """By preference; equal ones in any order, so that they share the load (RFC 5321 §5.1)."""
    shuffled = list({mx.host: mx for mx in exchangers}.values())
    chance.shuffle(shuffled)
    return sorted(shuffled, key=lambda mx: mx.preference)


def _targets(found: Sequence[tuple[Mx, Answer[str] | BaseException]], world: World) -> Route | Outcome:
    targets: list[Target] = []
    private = False
    trouble: BaseException | None = None
    for mx, answer in found:
        if isinstance(answer, BaseException):
            trouble = answer
            continue
        allowed = [ip for ip in answer.values if world.allow_private or is_public(ip)]
        private = private or len(allowed) < len(answer.values)
        targets.extend(Target(mx.host, ip, world.port, mx.preference) for ip in allowed[:_MOST_ADDRESSES])
    if targets:
        return tuple(targets)
    if trouble is not None:
        raise trouble
    if private:
        return Outcome(FAILED, reasons.PRIVATE, 550, "5.4.4", "the mail exchanger has a private address")
    return Outcome(FAILED, reasons.NO_MAIL, 550, "5.4.4", "no mail exchanger has an address")


def _to_literal(domain: str, world: World) -> Route | Outcome:
    """`user@[192.0.2.1]`, `user@[IPv6:2001:db8::1]` (RFC 5321 §4.1.3)."""
    text = domain.strip("[]")
    if text.lower().startswith("ipv6:"):
        text = text[5:]
    try:
        ip = str(ipaddress.ip_address(text))
    except ValueError:
        return Outcome(FAILED, reasons.BAD_ADDRESS, 501, "5.1.3", f"{domain} is not an address literal")
    if world.is_ourselves(ip):
        return Outcome(FAILED, reasons.LOOP, 554, "5.4.6", "that address is this server itself")
    if not (world.allow_private or is_public(ip)):
        return Outcome(FAILED, reasons.PRIVATE, 550, "5.4.4", "that address is private")
    return (Target(domain, ip, world.port),)


async def _to_smarthost(resolver: Resolver, world: World) -> Route | Outcome:
    """The administrator named it: private addresses are as they should be, and its failures are ours. One that a
    person named is somewhere on the internet, or nowhere."""
    smarthost = world.smarthost
    assert smarthost is not None  # noqa: S101 - the caller has looked
    try:
        addresses: tuple[str, ...] = (str(ipaddress.ip_address(smarthost.host)),)
    except ValueError:
        addresses = (await resolver.addresses(smarthost.host)).values
    if not addresses:
        return Outcome(DEFERRED, reasons.DNS, text=f"the smart host {smarthost.host} has no address")
    if smarthost.personal:
        if not (world.allow_private or all(is_public(ip) for ip in addresses)):
            return Outcome(FAILED, reasons.PRIVATE, 550, "5.4.4", f"{smarthost.host} has a private address")
        if any(world.is_own_door(smarthost.host, ip, smarthost.port) for ip in addresses):
            return Outcome(FAILED, reasons.LOOP, 554, "5.4.6", f"{smarthost.host} is this server itself")
    return tuple(Target(smarthost.host, ip, smarthost.port) for ip in addresses[:_MOST_ADDRESSES])
