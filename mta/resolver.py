"""The port to the DNS: what a name says, and whether that is certain.

An answer is *found*, *no data* (the name exists, without this type) or *no such name*; all three are
facts. Anything else - a time-out, SERVFAIL, no server at all - raises `Temporary`, because a caller that
took it for "no" would refuse or bounce mail over a hiccup. Asks the servers of `settings.DNS_SERVERS`,
else the system's. Never follows what it reads: routing is `mta.relay.route`, judging is `hosting.dns`.

`current()` is the resolver in force; tests install their own with `use()`. The `*_sync` functions are
for callers without an event loop and always ask afresh, so that a record just published is seen.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import dns.reversename
from django.conf import settings

FOUND, NO_DATA, NO_NAME = "found", "no data", "no such name"

_LIFETIME = 12.0  # seconds for one question, over all servers
_TIMEOUT = 2.0  # seconds for one server, so that a dead one leaves time for the next
_MOST = 100  # values of one answer that anyone looks at
_MOST_KEPT = 5000

T = TypeVar("T")


class Temporary(Exception):
    """The DNS could not say now; the text names the question and the trouble."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What the DNS says. `values` is empty unless `status` is FOUND.

    `name` is where the values were found: the question itself, or the end of its CNAME chain.
    """

    status: str
    values: tuple[T, ...] = ()
    name: str = ""

    def __bool__(self) -> bool:
        return bool(self.values)


@dataclass(frozen=True, slots=True)
class Mx:
    """One mail exchanger. `host` is lower-case without the final dot; "" is the null MX (RFC 7505)."""

    preference: int
    host: str


class Resolver(Protocol):
    """The questions that mail asks. Names are A-labels, with or without the final dot."""

    async def mx(self, domain: str) -> Answer[Mx]: ...

    async def addresses(self, host: str, *, family: int = 0) -> Answer[str]:
        """IPv6 and IPv4 addresses of a host, in the order the DNS gave them, AAAA first; `family`: only 4 or 6."""
        ...

    async def txt(self, name: str) -> Answer[str]: ...

    async def ptr(self, address: str) -> Answer[str]: ...

    async def cname(self, name: str) -> Answer[str]: ...


class _Said(NamedTuple):
    """What one question brought: `name` is where the records were found, `until` how long that holds (epoch)."""

    status: str
    records: list[Any]
    name: str
    until: float = 0.0


class Dns:
    """The real thing, over dnspython. Safe to share by threads and event loops; keeps answers for their TTL."""

    def __init__(self, servers: Sequence[tuple[str, int]] = (), *, cached: bool = True) -> None:
        self._servers = tuple(servers)
        self._cached = cached
        self._resolver: dns.asyncresolver.Resolver | None = None
        self._kept: dict[tuple[str, str], tuple[float, Answer[Any]]] = {}

    def known(self, kind: str, name: str) -> Answer[Any] | None:
        """The answer to a question (TXT, MX, PTR, A or AAAA) that was asked before and still holds, without waiting.

        Asking again gives the same from dnspython's cache, at twenty times the cost; a message asks ten times.
        """
        kept = self._kept.get((kind, name.lower()))
        return kept[1] if kept is not None and kept[0] > time.time() else None

    def _keep(self, kind: str, name: str, said: _Said, answer: Answer[T]) -> Answer[T]:
        if self._cached and said.until > time.time():
            if len(self._kept) >= _MOST_KEPT:
                with suppress(RuntimeError):  # another thread keeps something at this moment
                    for old in list(islice(self._kept, _MOST_KEPT // 10)):
                        self._kept.pop(old, None)
            self._kept[kind, name.lower()] = said.until, answer
        return answer

    def _ready(self) -> dns.asyncresolver.Resolver:
        if self._resolver is None:
            self._resolver = self._configured()
        return self._resolver

    def _configured(self) -> dns.asyncresolver.Resolver:
        try:
            resolver = dns.asyncresolver.Resolver(configure=not self._servers)
        except dns.resolver.NoResolverConfiguration:
            raise Temporary("this machine names no DNS server, and DNS_SERVERS is empty") from None
        if self._servers:
            resolver.nameservers = [
                dns.nameserver.Do53Nameserver("127.0.0.1" if host == "localhost" else host, port)
                for host, port in self._servers
            ]
        resolver.timeout, resolver.lifetime = _TIMEOUT, _LIFETIME
        resolver.use_edns(0, 0, 1232)
        resolver.cache = dns.resolver.LRUCache(5000) if self._cached else None
        return resolver

    async def _ask(self, name: str | dns.name.Name, rdtype: str) -> _Said:
        try:
            question = name if isinstance(name, dns.name.Name) else _absolute(name)
        except dns.exception.DNSException:
            return _Said(NO_NAME, [], str(name))  # an empty or over-long label: no server can know it
        try:
            answer = await self._ready().resolve(question, rdtype, search=False)
        except dns.resolver.NXDOMAIN:
            return _Said(NO_NAME, [], _plain(question), self._negative(question, dns.rdatatype.ANY))
        except dns.resolver.NoAnswer:
            kind = dns.rdatatype.from_text(rdtype)
            return _Said(NO_DATA, [], _plain(question), self._negative(question, kind))
        except (dns.exception.DNSException, OSError) as trouble:
            raise Temporary(f"{rdtype} of {_plain(question)}: {_in_words(trouble)}") from trouble
        return _Said(FOUND, list(answer)[:_MOST], _plain(answer.canonical_name), answer.expiration)

    def _negative(self, question: dns.name.Name, kind: dns.rdatatype.RdataType) -> float:
        """How long a "no" holds (RFC 2308); dnspython keeps one for a whole name under ANY."""
        cache = self._ready().cache
        kept = cache.get((question, kind, dns.rdataclass.IN)) if cache is not None else None
        return kept.expiration if kept is not None else 0.0

    async def mx(self, domain: str) -> Answer[Mx]:
        said = await self._ask(domain, "MX")
        found = tuple(Mx(row.preference, _plain(row.exchange)) for row in said.records)
        return self._keep("MX", domain, said, Answer(said.status, found, said.name))

    async def addresses(self, host: str, *, family: int = 0) -> Answer[str]:
        if family:
            kind = "A" if family == 4 else "AAAA"
            said = await self._ask(host, kind)
            one = Answer(said.status, tuple(row.address for row in said.records), said.name)
            return self._keep(kind, host, said, one)
        # One family's trouble must not hide the other's answer; without any answer it is what we report.
        outcomes: tuple[_Said | BaseException, ...] = await asyncio.gather(
            self._ask(host, "AAAA"), self._ask(host, "A"), return_exceptions=True
        )
        found: list[str] = []
        status, name = NO_NAME, host
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                continue
            found.extend(row.address for row in outcome.records)
            if outcome.status != NO_NAME:
                status, name = NO_DATA, outcome.name
        if found:
            return Answer(FOUND, tuple(found), name)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return Answer(status, (), name)

    async def txt(self, name: str) -> Answer[str]:
        # RFC 7208 §3.3: the strings of one record are concatenated without spaces.
        said = await self._ask(name, "TXT")
        texts = tuple(b"".join(row.strings).decode("utf-8", "replace") for row in said.records)
        return self._keep("TXT", name, said, Answer(said.status, texts, said.name))

    async def ptr(self, address: str) -> Answer[str]:
        said = await self._ask(dns.reversename.from_address(address), "PTR")
        names = tuple(_plain(row.target) for row in said.records)
        return self._keep("PTR", address, said, Answer(said.status, names, said.name))

    async def cname(self, name: str) -> Answer[str]:
        said = await self._ask(name, "CNAME")
        return Answer(said.status, tuple(_plain(row.target) for row in said.records), said.name)


def _absolute(name: str) -> dns.name.Name:
    return dns.name.from_text(name.rstrip(".") + ".")


def _plain(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower().rstrip(".")


def _in_words(trouble: BaseException) -> str:
    if isinstance(trouble, dns.exception.Timeout):
        return "no DNS server answered in time"
    if isinstance(trouble, dns.resolver.NoNameservers):
        return "the DNS servers could not answer"
    return str(trouble) or type(trouble).__name__


def is_public(address: str) -> bool:
    """Whether an address is one that strangers on the internet may have; False for what is not an address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_global and not parsed.is_multicast


_installed: Resolver | None = None


def current() -> Resolver:
    """The resolver in force: one per process, with a cache, for `settings.DNS_SERVERS`."""
    global _installed
    if _installed is None:
        _installed = Dns(settings.DNS_SERVERS)
    return _installed


@contextmanager
def use(resolver: Resolver | None) -> Iterator[None]:
    """Install another resolver for the length of a block (tests); None: make one anew from the settings."""
    global _installed
    before, _installed = _installed, resolver
    try:
        yield
    finally:
        _installed = before


def _fresh() -> Resolver:
    installed = current()
    return Dns(settings.DNS_SERVERS, cached=False) if isinstance(installed, Dns) else installed


def mx_sync(domain: str) -> Answer[Mx]:
    return asyncio.run(_fresh().mx(domain))


def addresses_sync(host: str, *, within: float | None = None) -> Answer[str]:
    """`within`: seconds that the caller has for it; Temporary when they are over."""

    async def ask() -> Answer[str]:
        try:
            return await asyncio.wait_for(_fresh().addresses(host), within)
        except TimeoutError:
            raise Temporary(f"addresses of {host}: no answer in time") from None

    return asyncio.run(ask())


def txt_sync(name: str) -> Answer[str]:
    return asyncio.run(_fresh().txt(name))


def ptr_sync(address: str) -> Answer[str]:
    return asyncio.run(_fresh().ptr(address))


def cname_sync(name: str) -> Answer[str]:
    return asyncio.run(_fresh().cname(name))
