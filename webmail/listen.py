"""Addresses as an administrator writes them in a setting, turned into values.

`*_LISTEN` takes several `host:port` pairs, separated by commas or spaces, an IPv6 host in brackets, or the
word `off`. Networks (`TRUSTED_PROXIES`, `LIMITS_EXEMPT`, `PROXY_FROM`) take addresses and prefixes.
Nothing here opens a socket. Standard library only: `up` uses it before Django exists.
"""

import ipaddress
import re

Endpoint = tuple[str, int]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))

_ENDPOINT = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^\s:\[\]]*))(?::(?P<port>\d{1,5}))?")
_OFF = frozenset({"", "off", "none", "no"})


class BadListen(ValueError):
    """A setting that names addresses cannot be understood; the text says which and what is expected."""


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,]+", text.strip()) if word]


def parse_endpoints(text: str, *, name: str, default_port: int | None = None) -> list[Endpoint]:
    """`127.0.0.1:25, [::1]:25` → `[("127.0.0.1", 25), ("::1", 25)]`; `off` → `[]`.

    An empty host (`:25`) means every IPv4 address, as people expect from other servers.
    """
    if text.strip().lower() in _OFF:
        return []
    return [_endpoint(word, name=name, default_port=default_port) for word in _words(text)]


def _endpoint(word: str, *, name: str, default_port: int | None) -> Endpoint:
    match = _ENDPOINT.fullmatch(word)
    port = int(match["port"]) if match and match["port"] else default_port
    if match is None or port is None or not 0 <= port <= 65535:
        raise BadListen(f"{name}: {word!r} is not host:port (IPv6 in brackets, several with commas, or off)")
    return (match["v6"] or match["host"] or "0.0.0.0", port)  # noqa: S104 - asked for by the administrator


def parse_networks(text: str, *, name: str) -> tuple[Network, ...]:
    """`loopback, 10.0.0.0/8, 192.0.2.7` → networks; an address alone is a network of one."""
    networks: list[Network] = []
    for word in _words(text):
        if word.lower() in _OFF:
            continue
        if word.lower() == "loopback":
            networks.extend(LOOPBACK)
            continue
        try:
            networks.append(ipaddress.ip_network(word, strict=False))
        except ValueError:
            raise BadListen(f"{name}: {word!r} is not an address or a network such as 10.0.0.0/8") from None
    return tuple(networks)


def is_loopback(host: str) -> bool:
    """Whether a host of an endpoint can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def show_endpoint(endpoint: Endpoint) -> str:
    host, port = endpoint
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


_SIZE = re.compile(r"(\d+)\s*(|[kKmMgG])(|[iI]?[bB])")
_UNITS = {"": 0, "k": 1, "m": 2, "g": 3}


def parse_size(text: str, *, name: str) -> int:
    """`52428800`, `50 MB`, `50M` → bytes. Mail servers count 1 MB as 1,048,576 bytes, and so do we."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise BadListen(f"{name}: {text!r} is not a size such as 50 MB")
    return int(match[1]) * 1024 ** _UNITS[match[2].lower()]
