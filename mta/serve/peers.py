"""Addresses of clients: what counts as one address and one network, and which lie in networks that a setting names. Pure.

Used by the listener, by `serve.manners` and by LMTP.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from contextlib import suppress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parsed(ip: str) -> Address | None:
    """An IPv4 peer on a dual-stack socket is the IPv4 peer; the zone of a link-local address says nothing here."""
    with suppress(ValueError):
        address = ipaddress.ip_address(ip.partition("%")[0])
        return getattr(address, "ipv4_mapped", None) or address
    return None


def is_in(ip: str, networks: Iterable[Network]) -> bool:
    """Whether an address lies in one of these networks."""
    address = parsed(ip)
    return address is not None and any(
        address in network for network in networks if network.version == address.version
    )


def address_of(ip: str) -> str:
    """What counts as one address: an IPv4 address, or an IPv6 /64, which is what one customer has."""
    return _prefix(ip, v4=32, v6=64)


def network_of(ip: str) -> str:
    return _prefix(ip, v4=24, v6=48)


def _prefix(ip: str, *, v4: int, v6: int) -> str:
    address = parsed(ip)
    if address is None:
        return ip[:64]
    width, kept = (32, v4) if address.version == 4 else (128, v6)
    start = int(address) >> (width - kept) << (width - kept)
    return f"{type(address)(start)}/{kept}" if kept < width else str(address)
