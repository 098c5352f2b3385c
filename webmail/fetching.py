"""Asking a stranger's web server for something, without letting the stranger steer us.

An address that came in a mail may point at this machine, at its neighbours, or at a cloud's metadata; its name may
answer differently at the second question; its server may redirect, drip or never stop. So: the name is resolved once,
every address of it must be public, and the connection goes to just such an address, with TLS for the name; each
redirect begins anew; one deadline and one size hold over all of it. No cookies, no referrer, no proxy of the
environment, nothing about who asks. Blocking: for sync views (each has a thread) and tasks, never for an event loop; the thread's
database connection goes back to the pool first, so that slow strangers hold none.

Used by webmail.pictures and by one-click unsubscribing (RFC 8058).
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote, urljoin, urlsplit

import idna
from django.conf import settings
from django.db import connections

from mta import resolver

LIMIT = 5 * 1024 * 1024  # bytes of an answer
SECONDS = 10.0  # for everything: name, redirects, connection, answer
MAX_REDIRECTS = 3
MAX_URL = 4096
MAX_ADDRESSES = 3  # of one name that are tried
HEAD_ROOM = 256 * 1024  # bytes of headers and framing beside an answer's own
AT_ONCE = 16  # of one process; who waits longer than their deadline is told so
USER_AGENT = "Mozilla/5.0 (compatible; mail)"

_REDIRECTS = {301, 302, 303, 307, 308}
_PORTS = {"http": 80, "https": 443}
_ALLOWED_IN_PATH = "/%:@!$&'()+*,;=~-._"
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_turns = threading.BoundedSemaphore(AT_ONCE)


class FetchTrouble(Exception):
    """Nothing was fetched; the text is for the log."""


class Refused(FetchTrouble):
    """An address that is never asked, whoever names it."""


class Busy(FetchTrouble):
    """Nobody was asked: too much else is being fetched. Another time it may work."""


class Failed(FetchTrouble):
    """The server was not there, too slow, or said too much."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. `url` is where it came from in the end; `kind` is what the server says it is, to be doubted."""

    url: str
    status: int
    kind: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be connected to: public addresses on the web's own ports; `private` opens everything, `sandbox`
    only this machine (a demonstration has an internet of its own and must never meet the real one)."""

    private: bool = False
    sandbox: bool = False

    def address(self, text: str) -> bool:
        if self.sandbox:
            return _plain(text).is_loopback
        return self.private or is_public(text)

    def port(self, scheme: str, port: int) -> bool:
        if self.sandbox:
            return port >= 1024
        return self.private or port == _PORTS[scheme]


def reach_of_settings() -> Reach:
    return Reach(private=settings.ALLOW_PRIVATE_NETWORKS, sandbox=settings.DEMO_SANDBOX)


# --- addresses ----------------------------------------------------------------------------------------------
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
# Ways to write an IPv4 address into an IPv6 one that nobody needs today: compatible, 6to4, Teredo, local NAT64.
_DISGUISES = [
    ipaddress.IPv6Network(each) for each in ("::/96", "2002::/16", "2001::/32", "64:ff9b:1::/48", "fec0::/10")
]

# Older Pythons call them public: protocol assignments, where some cloud's metadata lies, and what was 6to4's way out.
_NOBODYS = [ipaddress.IPv4Network(each) for each in ("192.0.0.0/24", "192.88.99.0/24")]


def _plain(text: str) -> Address:
    """The address itself, out of `::ffff:` and of the well-known NAT64 prefix."""
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(text: str) -> bool:
    """Whether strangers on the internet may have this address, whatever it is wrapped in."""
    try:
        address = _plain(text)
    except ValueError:
        return False
    if any(address in each for each in (_DISGUISES if address.version == 6 else _NOBODYS)):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


@dataclass(frozen=True, slots=True)
class Target:
    """One address of the web, taken apart and found proper; not yet resolved."""

    scheme: str
    host: str  # A-labels, or an IP address without brackets
    port: int
    path: str
    literal: bool

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def target_of(url: str, reach: Reach) -> Target:
    """Take an address apart; Refused for whatever is not a plain address of a web server."""
    if len(url) > MAX_URL or re.search(r"[\x00-\x20\x7f\\]", url):
        raise Refused("not an address")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Refused("not an address") from None
    if parts.scheme not in _PORTS:
        raise Refused(f"scheme {parts.scheme[:20]!r}")
    if "@" in parts.netloc:
        raise Refused("an address with a name and password")
    host, literal = _host(host)
    port = _PORTS[parts.scheme] if port is None else port
    if not reach.port(parts.scheme, port):
        raise Refused(f"port {port}")
    if literal and not reach.address(host):
        raise Refused(f"the address {host} is not public")
    path = quote(parts.path or "/", safe=_ALLOWED_IN_PATH)
    query = f"?{quote(parts.query, safe=_ALLOWED_IN_PATH + '?')}" if parts.query else ""
    return Target(parts.scheme, host, port, path + query, literal)


def _host(host: str) -> tuple[str, bool]:
    """(host as the DNS knows it, whether it is an IP address). `0x7f.1`, `2130706433` and `0177.0.0.1` are refused:
    what ends in a number and is no dotted quad is read as an address by some and as a name by others."""
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host.partition("%")[0] if "%" not in host else "")), True
        except ValueError:
            raise Refused("not an IPv6 address") from None
    try:
        name = idna.encode(host, uts46=True).decode("ascii") if not host.isascii() else host.lower()
    except (idna.IDNAError, UnicodeError, ValueError, IndexError):
        raise Refused("not a host name") from None
    name = name.removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise Refused("not a host name")
    if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        try:
            return str(ipaddress.IPv4Address(name)), True
        except ValueError:
            raise Refused("a number that is no address") from None
    return name, False


# --- the connection -----------------------------------------------------------------------------------------
class _Deadline:
    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise Failed("took too long")
        return left


class _Wire(io.RawIOBase):
    """What a server sends, with the time and the bytes that are left to it. A drip does not reset the clock."""

    def __init__(self, sock: socket.socket, deadline: _Deadline, limit: int) -> None:
        self._sock, self._deadline, self._left = sock, deadline, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._left <= 0:
            raise Failed("too large")
        self._sock.settimeout(self._deadline.left())
        count = self._sock.recv_into(memoryview(buffer)[: self._left])
        self._left -= count
        return count

    def makefile(self, mode: str) -> io.BufferedReader:
        """As http.client asks a socket."""
        return io.BufferedReader(self, 64 * 1024)


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()  # checks the certificate against the name
    context.set_alpn_protocols(["http/1.1"])
    return context


def _addresses(target: Target, reach: Reach, deadline: _Deadline) -> Sequence[str]:
    if target.literal:
        return (target.host,)
    try:
        found = resolver.addresses_sync(target.host, within=deadline.left()).values
    except resolver.Temporary as trouble:
        raise Failed(str(trouble)) from trouble
    if not found:
        raise Failed(f"{target.host} has no address")
    for address in found:
        if not reach.address(address):
            raise Refused(f"{target.host} has the address {address}, which is not public")
    # Version 4 first: hosts without any version 6 are common, and answer nothing to say so.
    return sorted(found, key=lambda address: ":" in address)[:MAX_ADDRESSES]


def _connect(target: Target, reach: Reach, deadline: _Deadline) -> socket.socket:
    trouble: OSError | None = None
    addresses = _addresses(target, reach, deadline)
    for place, address in enumerate(addresses):
        share = deadline.left() / (len(addresses) - place)
        try:
            sock = socket.create_connection((address, target.port), timeout=share)
        except OSError as error:
            trouble = error
            continue
        if target.scheme == "http":
            return sock
        try:
            sock.settimeout(deadline.left())
            return _tls().wrap_socket(sock, server_hostname=target.host)
        except BaseException:
            sock.close()
            raise
    raise Failed(f"{target.host}: {trouble}")


def _ask(
    target: Target, head: Sequence[str], body: bytes, limit: int, deadline: _Deadline, reach: Reach
) -> Any:
    """(status, headers, data) of one answer; data only of those that are no redirect."""
    with _connect(target, reach, deadline) as sock:
        sock.settimeout(deadline.left())
        sock.sendall("\r\n".join([*head, "", ""]).encode("ascii") + body)
        wire = _Wire(sock, deadline, limit + HEAD_ROOM)
        answer = http.client.HTTPResponse(cast(socket.socket, wire), method=head[0].split(" ")[0])
        try:
            answer.begin()
            if answer.status in _REDIRECTS:
                return answer.status, answer.headers, b""
            if answer.length is not None and answer.length > limit:
                raise Failed("too large")
            data = answer.read(limit + 1)
        finally:
            answer.close()
        if len(data) > limit:
            raise Failed("too large")
        return answer.status, answer.headers, data


def _let_go() -> None:
    """A stranger may take all of the deadline; others want the connections meanwhile."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


def fetch(
    url: str,
    *,
    method: str = "GET",
    body: bytes = b"",
    content_type: str = "",
    accept: str = "*/*",
    limit: int = LIMIT,
    seconds: float = SECONDS,
    redirects: int = MAX_REDIRECTS,
    reach: Reach | None = None,
) -> Fetched:
    """Ask for an address and give its answer, whatever its status; Refused or Failed when there is none."""
    reach = reach or reach_of_settings()
    deadline = _Deadline(seconds)
    target = target_of(url, reach)
    _let_go()
    if not _turns.acquire(timeout=seconds):
        raise Busy("too many at once")
    try:
        for _step in range(redirects + 1):
            head = [
                f"{method} {target.path} HTTP/1.1",
                f"Host: {target.authority}",
                f"User-Agent: {USER_AGENT}",
                f"Accept: {accept}",
                "Accept-Encoding: identity",
                "Connection: close",
            ]
            if method != "GET":
                head += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
            status, headers, data = _ask(target, head, body, limit, deadline, reach)
            if status not in _REDIRECTS or not headers.get("Location"):
                return Fetched(target.url, status, headers.get_content_type(), data)
            if not redirects:
                return Fetched(target.url, status, "", b"")
            target = target_of(urljoin(target.url, headers["Location"].strip()), reach)
        raise Failed("too many redirects")
    except (OSError, http.client.HTTPException, ValueError) as trouble:
        raise Failed(f"{target.host}: {type(trouble).__name__}: {trouble}"[:300]) from trouble
    finally:
        _turns.release()
