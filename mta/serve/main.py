"""The sidecar's life: open the doors, say "ready", serve, and close in good order within five seconds.

`serve(processes)` is what `manage.py serve_mail` calls. Each process has one event loop, one writer thread, one
set of bells and a few threads for blocking work; several processes share the ports (SO_REUSEPORT).
SIGTERM and SIGINT end it, SIGHUP reads the certificate anew.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import resource
import signal
import ssl
from collections.abc import Sequence
from contextlib import suppress

import uvloop
from django.conf import settings
from django.db import connection, connections

from mta.limits import service as limits
from mta.limits.policy import Policy
from mta.mailstore import service as mailstore
from mta.mailstore.indexer import Indexer
from mta.serve import statuses
from mta.serve.bellboard import Bellboard
from mta.serve.bridge import Bridge
from mta.serve.imap import serve_imap
from mta.serve.listener import Door, Listener, PortInUse
from mta.serve.lmtp import serve_lmtp
from mta.serve.metrics import FULL, serve_metrics
from mta.serve.peers import Network
from mta.serve.pop3 import serve_pop3
from mta.serve.session import House
from mta.serve.smtp import serve_smtp, serve_submission

log = logging.getLogger(__name__)

BRIDGE_THREADS = 8
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # malloc.h


class CannotStart(Exception):
    """Something has to be put right first; the text says what."""


def serve(processes: int = 1) -> None:
    """Serve until told to stop. Raises CannotStart, or listener.PortInUse."""
    tls = _tls_context()
    _raise_open_files()
    if processes == 1:
        _run(tls, share_ports=False)
    else:
        _run_many(processes, tls)


def _run(tls: ssl.SSLContext, *, share_ports: bool) -> None:
    _return_memory()
    _spare_collections()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Sidecar(tls, share_ports=share_ports).run())


def _spare_collections() -> None:
    """What is here now stays as long as the process does: the garbage collector need not look at it again.

    Reading thousands of rows set it off, and everybody waited a tenth of a second while it looked at Django.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def _run_many(processes: int, tls: ssl.SSLContext) -> None:
    """Children that are all the same; when one ends, all do, and whoever started us starts us again.

    Ends as the first of them ended: who looks at the status knows that something has to be put right.
    """
    connections.close_all()
    gc.collect()
    gc.freeze()  # what is here already stays shared between the children
    children = [_fork(tls) for _ in range(processes)]

    def stop(_number: int, _frame: object) -> None:
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    worst = 0
    for _ in range(processes):
        ended = os.waitstatus_to_exitcode(os.wait()[1])
        worst = worst or (max(ended, 1) if ended else 0)  # below 0: a signal ended it
        stop(0, None)
    if worst:
        raise SystemExit(worst)


def _fork(tls: ssl.SSLContext) -> int:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _run(tls, share_ports=True)
            status = 0
        except (CannotStart, PortInUse) as error:
            status = 2
            log.error("%s", error)
        except BaseException:
            log.exception("serve_mail ends")
        finally:
            os._exit(status)
    return child


class Sidecar:
    """One process's share of the work. `start`, then `stop`; `run` does both around signals."""

    def __init__(
        self,
        tls: ssl.SSLContext | None,
        *,
        share_ports: bool = False,
        policy: Policy | None = None,
        exempt: Sequence[Network] | None = None,
    ) -> None:
        self._tls = tls
        self._policy = settings.LIMITS if policy is None else policy
        self._exempt = tuple(settings.LIMITS_EXEMPT if exempt is None else exempt)
        self._share_ports = share_ports

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        enough = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, enough.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_certificate)
        await self.start()
        try:
            await enough.wait()
        finally:
            await self.stop()

    async def start(self) -> None:
        self._bridge = Bridge(threads=_threads())
        self._bellboard = Bellboard(asyncio.get_running_loop())
        self.house = House(
            bridge=self._bridge,
            watch=self._bellboard.watch,
            tls_context=self._tls,
            hostname=settings.MAIL_HOSTNAME,
            max_message_size=settings.MAX_MESSAGE_SIZE,
            stopping=asyncio.Event(),
            per_account=settings.CONNECTIONS_PER_ACCOUNT,
            policy=self._policy,
            exempt=self._exempt,
        )
        self.listener = Listener(self.house, _doors(), share_ports=self._share_ports)
        self._indexer = Indexer()
        self._sharing = limits.Sharing(limits.current())
        mailstore.start_writer()
        self._bridge.start()
        self._bellboard.start()
        self._indexer.start()
        self._sharing.start()
        try:
            await self.listener.open()
        except BaseException:
            self._stop_threads()
            raise
        for setting, addresses in self.listener.addresses.items():
            log.info("%s: %s", setting, ", ".join(f"{host}:{port}" for host, port in addresses))
        log.info("serve_mail is ready")

    async def stop(self) -> None:
        """Doors first, then sessions, then what they were waiting for: nothing accepted is dropped."""
        log.info("serve_mail is stopping")
        await self.listener.close()
        await asyncio.get_running_loop().run_in_executor(None, self._stop_threads)
        log.info("serve_mail has stopped")

    def _stop_threads(self) -> None:
        self._sharing.stop()
        self._indexer.stop()
        self._bellboard.stop()
        self._bridge.stop()
        mailstore.stop_writer()

    def _reload_certificate(self) -> None:
        """A renewed certificate holds for every connection that begins from now on."""
        if self._tls is not None:
            try:
                self._tls.load_cert_chain(settings.TLS_CERT, settings.TLS_KEY)
            except (OSError, ssl.SSLError):
                log.exception("the certificate could not be read again; the old one stays")


def _doors() -> list[Door]:
    full = bytes(statuses.TOO_MANY_CONNECTIONS)
    bye = b"* BYE Too many connections, try again later\r\n"
    err = b"-ERR [SYS/TEMP] Too many connections, try again later\r\n"
    return [
        Door("SMTP_LISTEN", "smtp", settings.SMTP_LISTEN, serve_smtp, full),
        Door("LMTP_LISTEN", "lmtp", settings.LMTP_LISTEN, serve_lmtp, full),
        Door("SUBMISSION_LISTEN", "submission", settings.SUBMISSION_LISTEN, serve_submission, full),
        Door(
            "SUBMISSIONS_LISTEN",
            "submission",
            settings.SUBMISSIONS_LISTEN,
            serve_submission,
            full,
            implicit_tls=True,
        ),
        Door("IMAP_LISTEN", "imap", settings.IMAP_LISTEN, serve_imap, bye),
        Door("IMAPS_LISTEN", "imap", settings.IMAPS_LISTEN, serve_imap, bye, implicit_tls=True),
        Door("POP3_LISTEN", "pop3", settings.POP3_LISTEN, serve_pop3, err),
        Door("POP3S_LISTEN", "pop3", settings.POP3S_LISTEN, serve_pop3, err, implicit_tls=True),
        Door("METRICS_LISTEN", "metrics", settings.METRICS_LISTEN, serve_metrics, FULL),
    ]


def _tls_context() -> ssl.SSLContext:
    try:
        return server_context(str(settings.TLS_CERT), str(settings.TLS_KEY))
    except FileNotFoundError:
        raise CannotStart(
            f"There is no certificate at {settings.TLS_CERT}. `manage.py prepare` makes one; TLS_CERT and TLS_KEY name yours."
        ) from None
    except (OSError, ssl.SSLError) as error:
        raise CannotStart(f"The certificate at {settings.TLS_CERT} cannot be used: {error}") from error


def server_context(cert: str, key: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996: nothing older
    context.load_cert_chain(cert, key)
    return context


def _return_memory() -> None:
    """Large blocks go back to the system when they are freed.

    glibc keeps them after the first few instead, in every thread: the 19 MiB of a password hash, eight times.
    """
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 4 * 1024 * 1024)
        mallopt(_M_ARENA_MAX, 4)


def _threads() -> int:
    """On PostgreSQL the bridge must leave connections in the pool for the writer and the bells."""
    pool = connection.settings_dict.get("OPTIONS", {}).get("pool")
    if isinstance(pool, dict) and connection.vendor == "postgresql":
        return max(2, min(BRIDGE_THREADS, int(pool.get("max_size", BRIDGE_THREADS)) - 2))
    return BRIDGE_THREADS


def _raise_open_files() -> None:
    """One file per connection: the usual soft limit of 1,024 is not enough for people's phones."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
