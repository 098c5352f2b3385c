"""The process of the sandbox internet: DNS, SMTP and a small virus scanner on loopback, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.conf import settings
from django.db import close_old_connections, connection

from mta import directory
from mta.sandbox import scanner, sink, visitors
from mta.sandbox.dns import DnsServer, Reply
from mta.sandbox.shelf import Shelf
from mta.sandbox.zone import Zone, answer

log = logging.getLogger(__name__)

Endpoint = tuple[str, int]


def folder() -> Path:
    """Where the sandbox keeps everything it has."""
    return Path(settings.DATA_DIR) / "sandbox"


class Ours:
    """Which domains are ours, asked of the directory in a thread and remembered for a moment."""

    REMEMBERED = 2.0  # seconds: a domain just added is looked up while its owner watches

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sandbox-directory")
        self._known: dict[str, tuple[float, bool]] = {}

    async def __call__(self, domain: str) -> bool:
        known = self._known.get(domain)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        found = await asyncio.get_running_loop().run_in_executor(self._thread, self._ask, domain)
        if len(self._known) > 1000:
            self._known.clear()
        self._known[domain] = (time.monotonic() + self.REMEMBERED, found)
        return found

    async def above(self, name: str) -> str | None:
        """The domain of ours that a name is or lies below."""
        labels = name.split(".")
        for start in range(len(labels) - 1):
            domain = ".".join(labels[start:])
            if await self(domain):
                return domain
        return None

    def _ask(self, domain: str) -> bool:
        close_old_connections()
        return directory.current().is_local_domain(domain)

    def stop(self) -> None:
        self._thread.submit(lambda: connection.close()).result(5)
        self._thread.shutdown()


class Sandbox:
    """DNS and SMTP of the outside world; `dns` and `smtp` are the real addresses after `start`.

    `clamd`: where the virus scanner listens, if it shall.
    """

    def __init__(self, *, dns: Endpoint, smtp: Endpoint, clamd: Endpoint | None = None) -> None:
        self.dns, self.smtp, self.clamd = dns, smtp, clamd
        self._scanner: asyncio.Server | None = None
        self._visits: asyncio.Future[None] | None = None
        self._is_over = False
        self._ours = Ours()
        self._zone = Zone(folder())
        self._outsiders = sink.Outsiders(Shelf(folder()), is_ours=self._ours)
        self._dns_server = DnsServer(self._lookup, host=dns[0], port=dns[1])
        self._smtp_server: asyncio.Server | None = None

    async def _lookup(self, name: str, rdtype: str) -> Reply:
        ours = await self._ours.above(name)
        return answer(self._zone.records(), name, rdtype, hostname=settings.MAIL_HOSTNAME, ours=ours)

    async def start(self) -> None:
        await self._dns_server.start()
        self.dns = (self._dns_server.host, self._dns_server.port)
        self._smtp_server = await sink.serve(
            self._outsiders,
            host=self.smtp[0],
            port=self.smtp[1],
            tls=_tls(),
            size=settings.MAX_MESSAGE_SIZE * 2,
        )
        self.smtp = (self.smtp[0], self._smtp_server.sockets[0].getsockname()[1])
        if self.clamd is not None:
            self._scanner = await scanner.serve(*self.clamd)
        if visitors.due(folder()):  # a demonstration that was just made: they come while it starts
            come = asyncio.to_thread(visitors.come, folder(), told_to_stop=lambda: self._is_over)
            self._visits = asyncio.ensure_future(come)

    async def stop(self) -> None:
        self._is_over = True
        if self._visits is not None:
            await asyncio.wait([self._visits])
        if self._scanner is not None:
            self._scanner.close()
        if self._smtp_server is not None:
            self._smtp_server.close()
        await self._dns_server.stop()
        await self._outsiders.stop()
        self._ours.stop()


def _tls() -> ssl.SSLContext | None:
    """The installation's own certificate will do for the outside world: nobody verifies it."""
    if not (settings.TLS_CERT.exists() and settings.TLS_KEY.exists()):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings.TLS_CERT, settings.TLS_KEY)
    return context


async def _until_told(sandbox: Sandbox) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await sandbox.start()
    log.info("sandbox internet on %s:%d (DNS) and %s:%d (SMTP) ready", *sandbox.dns, *sandbox.smtp)
    await told.wait()
    await sandbox.stop()


def run(*, dns: Endpoint, smtp: Endpoint, clamd: Endpoint | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells every line it reads
    asyncio.run(_until_told(Sandbox(dns=dns, smtp=smtp, clamd=clamd)))
