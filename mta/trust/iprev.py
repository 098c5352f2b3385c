"""iprev: has the client's address a name, and has that name this address (RFC 8601 §3)? Called by `trust.checks`."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from mta.resolver import NO_DATA, Temporary
from mta.trust.asking import Asking

PASS, FAIL, TEMPERROR, PERMERROR = "pass", "fail", "temperror", "permerror"
MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class Iprev:
    result: str
    name: str = ""  # confirmed on pass, else what the address claims


async def check(asking: Asking, ip: str) -> Iprev:
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return Iprev(PERMERROR)
    address = getattr(address, "ipv4_mapped", None) or address
    try:
        answer = await asking.ptr(str(address))
    except Temporary:
        return Iprev(TEMPERROR)
    if not answer.values:
        return Iprev(PERMERROR if answer.status != NO_DATA else FAIL)
    temporary = False
    for name in answer.values[:MOST_NAMES]:
        try:
            forward = await asking.addresses(name, family=address.version)
        except Temporary:
            temporary = True
            continue
        if any(_same(each, address) for each in forward.values):
            return Iprev(PASS, name)
    return Iprev(TEMPERROR if temporary else FAIL, answer.values[0])


def _same(text: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return ipaddress.ip_address(text) == address
    except ValueError:
        return False
