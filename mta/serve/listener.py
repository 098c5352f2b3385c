"""The doors: listening sockets, connection limits, TLS, and an orderly way out.

A `Door` is one protocol on one or more addresses. SMTP brings a protocol class; IMAP and POP3 bring a coroutine
`serve(reader, writer, context)`. The listener counts connections, turns away what is too much with the
protocol's own words, hears of a proxy for whom it speaks (PROXY_FROM), and at the end gives everybody the time to finish a sentence. It knows no commands.
Called by `mta.serve.main`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from mta.serve import proxy
from mta.serve.peers import is_in
from mta.serve.session import Context, House
from mta.wire.proxy import BadProxy

log = logging.getLogger(__name__)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter, Context], Awaitable[None]]

# Reading stops at twice this much until the server has caught up.
READ_AHEAD = 128 * 1024


class PortInUse(Exception):
    """An address cannot be opened; the text names it and the setting that moves it."""


@dataclass(frozen=True, slots=True)
class Door:
    """One protocol's entrance: the setting it comes from, where it listens, and who serves it there."""

    setting: str
    protocol: str
    endpoints: Sequence[tuple[str, int]]
    serve: Serve
    full: bytes  # what a client is told that is one too many
    implicit_tls: bool = False


class Listener:
    """All doors of this process. `open()` binds every address or raises PortInUse with nothing left open."""

    def __init__(self, house: House, doors: Sequence[Door], *, share_ports: bool = False) -> None:
        self._house = house
        self._doors = [door for door in doors if door.endpoints]
        self._share_ports = share_ports
        self._proxies = tuple(settings.PROXY_FROM)
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepting: set[asyncio.Task[None]] = set()
        self.addresses: dict[str, list[tuple[str, int]]] = {}

    async def open(self) -> None:
        sockets: list[tuple[Door, socket.socket]] = []
        try:
            for door in self._doors:
                for endpoint in door.endpoints:
                    sockets.append((door, _listening_socket(door, endpoint, share=self._share_ports)))
        except BaseException:
            for _door, listening in sockets:
                listening.close()
            raise
        for door, listening in sockets:
            await self._start(door, listening)

    async def _start(self, door: Door, listening: socket.socket) -> None:
        host, port = listening.getsockname()[:2]
        self.addresses.setdefault(door.setting, []).append((host, port))
        if door.implicit_tls or self._proxies:
            # Somebody must look at the socket, or at least count it, before a stream takes its first bytes.
            self._accepting.add(asyncio.get_running_loop().create_task(self._accept(door, listening)))
            return
        server = await asyncio.start_server(
            lambda reader, writer: self._connected(door, reader, writer),
            sock=listening,
            limit=READ_AHEAD,
            backlog=1024,
        )
        self._servers.append(server)

    def _connected(self, door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername") or ("", 0)
        context = self._context(door, peer)
        if not self._admit(door, context):
            writer.write(door.full)
            writer.close()
            return
        self._in_task(self._serve(door, reader, writer, context))

    # --- with a proxy in front, or TLS from the first byte

    async def _accept(self, door: Door, listening: socket.socket) -> None:
        listening.listen(1024)
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    accepted, peer = await loop.sock_accept(listening)
                except OSError as error:  # too many files are open, or the client has gone already
                    log.warning("%s: nobody let in: %s", door.protocol, error)
                    await asyncio.sleep(0.1)
                    continue
                self._in_task(self._take(door, accepted, self._context(door, peer)))
        finally:
            listening.close()

    async def _take(self, door: Door, accepted: socket.socket, context: Context) -> None:
        """The proxy's header, the limits, the TLS handshake, in this order; then as any other."""
        try:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if is_in(context.peer_ip, self._proxies):
                origin = await proxy.read_origin(accepted)
                if origin.ip:
                    context.peer_ip, context.peer_port = _plain_ip(origin.ip), origin.port
            if not self._admit(door, context):
                if not door.implicit_tls:  # words in clear would be nonsense there
                    await asyncio.get_running_loop().sock_sendall(accepted, door.full)
                accepted.close()
                return
            reader, writer = await self._stream(door, accepted)
        except BadProxy as error:
            log.warning("%s: %s speaks no PROXY protocol: %s", door.protocol, context.peer_ip, error)
            _leave(accepted, context)
        except OSError as error:  # of which time-outs and TLS errors are some
            log.info("%s: %s went away (%s)", door.protocol, context.peer_ip, type(error).__name__)
            _leave(accepted, context)
        except BaseException:
            _leave(accepted, context)
            raise
        else:
            context.is_tls = door.implicit_tls
            await self._serve(door, reader, writer, context)

    async def _stream(
        self, door: Door, accepted: socket.socket
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=READ_AHEAD, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        tls = self._house.tls_context if door.implicit_tls else None
        seconds = self._house.policy.handshake_seconds if tls else None
        transport, _protocol = await loop.connect_accepted_socket(
            lambda: protocol, accepted, ssl=tls, ssl_handshake_timeout=seconds
        )
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    # --- everybody

    def _context(self, door: Door, peer: Sequence[Any]) -> Context:
        return Context(self._house, door.protocol, _plain_ip(str(peer[0])), int(peer[1]))

    def _in_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _admit(self, door: Door, context: Context) -> bool:
        """Count the connection; False if it is one too many."""
        if not self._house.stopping.is_set():
            context.entry = self._house.manners.enter(context.peer_ip, door.protocol)
        return context.entry is not None

    async def _serve(
        self, door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: Context
    ) -> None:
        try:
            await door.serve(reader, writer, context)
        except (OSError, asyncio.IncompleteReadError) as error:  # of which time-outs and TLS errors are some
            log.info("%s: %s went away (%s)", door.protocol, context.peer_ip, type(error).__name__)
        except asyncio.CancelledError:
            log.info("%s: closing on %s", door.protocol, context.peer_ip)
        except Exception:
            log.exception("%s: the session of %s broke", door.protocol, context.peer_ip)
        finally:
            context.sign_out()
            if context.entry is not None:
                context.entry.leave()
            await _close(writer)

    async def close(self, *, grace: float = 2.5) -> None:
        """Stop accepting, let sessions see `stopping` and end by themselves, then end the others."""
        self._house.stopping.set()
        for wake in list(self._house.at_stop):
            wake()
        for server in self._servers:
            server.close()
        for accepting in self._accepting:
            accepting.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=grace)
        for task in set(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=1.0)


def _leave(accepted: socket.socket, context: Context) -> None:
    """A connection that came to nothing."""
    accepted.close()
    if context.entry is not None:
        context.entry.leave()


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close politely for a moment, then for good: a peer that reads nothing must not keep the socket."""
    with suppress(Exception):
        writer.close()
        await asyncio.wait_for(writer.wait_closed(), timeout=2.0)
        return
    with suppress(Exception):
        writer.transport.abort()


def _listening_socket(door: Door, endpoint: tuple[str, int], *, share: bool) -> socket.socket:
    host, port = endpoint
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol number matters: asyncio sets TCP_NODELAY only where it is IPPROTO_TCP, and accepted
    # connections inherit it. Without, replies wait 40 ms for the client's delayed acknowledgement.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if share:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.setblocking(False)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise PortInUse(
            f"cannot listen on {shown} ({error.strerror or error}): {door.setting} moves it"
        ) from error
    return listening


def _plain_ip(ip: str) -> str:
    """An IPv4 peer on a dual-stack socket is the IPv4 peer."""
    return ip.removeprefix("::ffff:") if ip.startswith("::ffff:") and "." in ip else ip
