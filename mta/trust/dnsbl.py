"""Lists of addresses that send spam, asked over the DNS (RFC 5782), each with its weight.

Only public addresses are asked about, never those of `LIMITS_EXEMPT`; no answer in time means nothing. Called by
`flow.scanning`.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence

from mta.resolver import Answer, Resolver, Temporary, is_public
from mta.trust.verdict import Evidence

SECONDS = 4.0  # for all lists together
MOST_POINTS = 8.0  # of all lists together: they copy each other
MOST_LISTS = 10

List = tuple[str, float]


async def look_up(ip: str, *, lists: Sequence[List], resolver: Resolver) -> tuple[Evidence, ...]:
    """A finding for each list that names the address."""
    name = _reversed(ip)
    if not name or not lists:
        return ()
    asked = [asyncio.ensure_future(_ask(f"{name}.{zone}", resolver)) for zone, _weight in lists[:MOST_LISTS]]
    _done, late = await asyncio.wait(asked, timeout=SECONDS)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    found, left = [], MOST_POINTS
    for (zone, weight), task in zip(lists, asked, strict=False):
        if task.done() and not task.cancelled() and task.exception() is None and task.result():
            points = min(weight, left)
            left -= points
            found.append(
                Evidence("dnsbl", "listed", f"The sender's server is on the list {zone}.", zone, points)
            )
    return tuple(found)


async def _ask(name: str, resolver: Resolver) -> bool:
    try:
        return _is_listed(await resolver.addresses(name))
    except Temporary:
        return False


def _is_listed(answer: Answer[str]) -> bool:
    """RFC 5782 §2.1: 127.0.0.2 and the like. 127.255.255.0/24 is how lists say that they do not answer whoever asks;
    any other address is a name server that answers everything."""
    return any(
        value.startswith("127.") and value != "127.0.0.1" and not value.startswith("127.255.255.")
        for value in answer.values
    )


def _reversed(ip: str) -> str:
    """RFC 5782 §2.1, §2.4: the octets, or the nibbles, backwards. Empty for what no list can know."""
    if not is_public(ip):
        return ""
    address = ipaddress.ip_address(ip)
    mapped = getattr(address, "ipv4_mapped", None)
    pointer = (mapped or address).reverse_pointer
    return pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
