"""A small authoritative DNS server over UDP and TCP, for the sandbox internet and for tests.

It answers from one function, `Lookup`: (name, type) → records in zone-file text, or one of the words
NO_NAME, NO_DATA, BROKEN (SERVFAIL) and SILENT (no reply at all). CNAMEs are followed within the answers.
Never asks anybody else. Reading a query is bounded by the size of a datagram or of a 64 KiB TCP message.
"""

from __future__ import annotations

import asyncio
import inspect
import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

NO_NAME, NO_DATA, BROKEN, SILENT = "no such name", "no data", "broken", "silent"

Records = Sequence[str]
Reply = Records | str
Lookup = Callable[[str, str], Reply | Awaitable[Reply]]
Zone = Mapping[str, Mapping[str, Sequence[str]] | str]

_TTL = 5  # seconds; records of a sandbox change while people watch
_CHAIN = 8


def from_zone(zone: Zone) -> Lookup:
    """A lookup in a plain mapping: `{"a.test": {"MX": ["10 mx.a.test."]}, "gone.test": BROKEN}`.

    The mapping is read at each question, so a test may change it while the server runs.
    """

    def lookup(name: str, rdtype: str) -> Reply:
        here = zone.get(name)
        if here is None:
            return NO_DATA if any(other.endswith("." + name) for other in zone) else NO_NAME
        if isinstance(here, str):
            return here
        return here.get(rdtype) or NO_DATA

    return lookup


async def respond(lookup: Lookup, wire: bytes) -> dns.message.Message | None:
    """The reply to one query; None when the lookup says SILENT or the bytes are no query."""
    try:
        query = dns.message.from_wire(wire, ignore_trailing=True)
    except (dns.exception.DNSException, struct.error, ValueError):
        return None
    if query.flags & dns.flags.QR or len(query.question) != 1:
        return None
    reply = dns.message.make_response(query, recursion_available=True)
    reply.flags |= dns.flags.AA
    question = query.question[0]
    rdtype = dns.rdatatype.to_text(question.rdtype)
    name = question.name
    for _step in range(_CHAIN):
        plain = name.to_text(omit_final_dot=True).lower()
        said = lookup(plain, rdtype)
        if inspect.isawaitable(said):
            said = await said
        if said == SILENT:
            return None
        if said == BROKEN:
            reply.set_rcode(dns.rcode.SERVFAIL)
            return reply
        if not isinstance(said, str) and said:
            reply.answer.append(_rrset(name, rdtype, said))
            return reply
        alias = lookup(plain, "CNAME") if rdtype != "CNAME" and said == NO_DATA else NO_DATA
        if inspect.isawaitable(alias):
            alias = await alias
        if isinstance(alias, str) or not alias:
            reply.set_rcode(dns.rcode.NXDOMAIN if said == NO_NAME else dns.rcode.NOERROR)
            return reply
        reply.answer.append(_rrset(name, "CNAME", alias[:1]))
        name = dns.name.from_text(alias[0])
    return reply


def _rrset(name: dns.name.Name, rdtype: str, records: Records) -> dns.rrset.RRset:
    return dns.rrset.from_text_list(name, _TTL, "IN", rdtype, list(records))


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._server.spawn(self._answer(data, addr))

    async def _answer(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = await respond(self._server.lookup, data)
        if reply is None or self._transport is None:
            return
        try:
            wire = reply.to_wire(max_size=1232)
        except dns.exception.TooBig:
            reply.answer.clear()
            reply.flags |= dns.flags.TC  # the client asks again over TCP
            wire = reply.to_wire()
        self._transport.sendto(wire, addr)


class DnsServer:
    """One server on one address, both transports. `port` is the real one after `start` (0: any free)."""

    def __init__(self, lookup: Lookup, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.lookup, self.host, self.port = lookup, host, port
        self._tcp: asyncio.Server | None = None
        self._udp: asyncio.DatagramTransport | None = None
        self._busy: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        for _attempt in range(20):
            self._tcp = await asyncio.start_server(self._serve, self.host, self.port)
            port = self._tcp.sockets[0].getsockname()[1]
            loop = asyncio.get_running_loop()
            try:
                self._udp, _ = await loop.create_datagram_endpoint(
                    lambda: _Datagrams(self), local_addr=(self.host, port)
                )
            except OSError:  # the free TCP port is taken for UDP; another one
                self._tcp.close()
                if self.port:
                    raise
                continue
            self.port = port
            return
        raise OSError("no port is free for both UDP and TCP")

    async def stop(self) -> None:
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
        for task in list(self._busy):
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    def spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, TimeoutError, OSError):
            while True:
                async with asyncio.timeout(10):
                    (size,) = struct.unpack("!H", await reader.readexactly(2))
                    wire = await reader.readexactly(size)
                reply = await respond(self.lookup, wire)
                if reply is None:
                    break
                data = reply.to_wire(max_size=65535)
                writer.write(struct.pack("!H", len(data)) + data)
                await writer.drain()
        writer.close()
