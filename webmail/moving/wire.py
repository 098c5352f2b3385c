"""A connection to another host's mail server that the host cannot use against us.

The name is resolved once, every address of it must be public (or ALLOW_PRIVATE_NETWORKS), and the connection goes to
just such an address, with TLS for the name. What a server may send is counted and has an end in bytes and in time,
command by command, however slowly it drips. Without TLS nobody talks but to this very machine. The answer to
STARTTLS must be the last that came in the clear: what was slipped in behind it would count as said under TLS
(CVE-2011-0411 and its kin). Used by the IMAP and POP3 clients of this package.
"""

from __future__ import annotations

import io
import ipaddress
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

from mta import resolver
from webmail.fetching import Reach, reach_of_settings

from .errors import Refused, Trouble

TLS, STARTTLS, PLAIN = "tls", "starttls", "plain"
PORTS = frozenset(
    (110, 143, 993, 995)
)  # IMAP and POP3 as registered; a stranger's other ports are not ours to try
CONNECT = 20.0  # seconds, for the name, the connection and TLS
LINE = 16 << 20  # bytes of one line: the numbers of two million messages
MAX_ADDRESSES = 3


@dataclass(frozen=True, slots=True)
class Server:
    """Where a mail server is, and how to talk to it."""

    host: str
    port: int
    tls: str = TLS


class Channel(io.RawIOBase):
    """What imaplib and poplib take for a socket: bounded in bytes and in time between two calls of `allow`."""

    def __init__(self, sock: socket.socket, server: Server) -> None:
        self._sock, self.server = sock, server
        self._end = time.monotonic() + CONNECT
        self._left = 64 * 1024
        self._given = self._taken = 0
        self.reader: Bounded | None = None

    def allow(self, size: int, seconds: float) -> None:
        """What the next command may bring, and how long it may take."""
        self._left, self._end = size, time.monotonic() + seconds

    @property
    def room(self) -> int:
        """What may still be read, with what lies in the buffer."""
        return self._left + self._given - self._taken

    # --- as a file
    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._left <= 0:
            raise Trouble(_("%s sent more than was asked for.") % self.server.host)
        self._sock.settimeout(self._seconds())
        try:
            count = self._sock.recv_into(memoryview(buffer)[: self._left])
        except TimeoutError:
            raise Trouble(_("%s took too long to answer.") % self.server.host) from None
        self._left -= count
        self._given += count
        return count

    def _seconds(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise Trouble(_("%s took too long to answer.") % self.server.host)
        return left

    # --- as a socket
    def makefile(self, mode: str = "rb") -> Bounded:
        self.reader = Bounded(self)
        return self.reader

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(self._seconds())
        self._sock.sendall(data)

    def settimeout(self, _seconds: float | None) -> None:
        """The deadline is ours to set."""

    def shutdown(self, how: int) -> None:
        self._sock.shutdown(how)

    def close(self) -> None:
        self._sock.close()
        super().close()

    def noted(self, count: int) -> None:
        self._taken += count

    def start_tls(self) -> Bounded:
        """Go on under TLS, from the first byte after the answer to STARTTLS."""
        if self._given != self._taken:
            raise Refused(
                _("%s says things that belong behind the encryption. Nothing was sent.") % self.server.host
            )
        self._sock.settimeout(self._seconds())
        if self.reader is not None:
            self.reader.detach()  # else it would close the connection as it goes
        self._sock = _wrapped(self._sock, self.server.host)
        return self.makefile()


class Bounded(io.BufferedReader):
    """A reader that knows how much was taken out of it."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel, 64 * 1024)
        self._channel = channel

    def readline(self, size: int | None = -1) -> bytes:
        line = super().readline(LINE)
        self._channel.noted(len(line))
        if len(line) >= LINE:
            raise Trouble(_("The other host sent more than was asked for."))
        return line

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0 or size > self._channel.room:  # room for it would be made at once
            raise Trouble(_("The other host sent more than was asked for."))
        data = super().read(size)
        self._channel.noted(len(data))
        return data


def connect(server: Server, *, reach: Reach | None = None, ports: frozenset[int] = PORTS) -> Channel:
    """A connection, encrypted already if `server.tls` says so. Trouble, or Refused for what is never asked."""
    reach = reach or reach_of_settings()
    if server.port not in ports and not (reach.private or reach.sandbox):
        raise Refused(_("Port %d is not one of a mail server.") % server.port)
    addresses = addresses_of(server.host, reach)
    if server.tls == PLAIN and not all(is_loopback(each) for each in addresses):
        raise Refused(_("Without encryption your password would be open to read. Choose TLS."))
    trouble: OSError | None = None
    for address in addresses:
        try:
            sock = socket.create_connection((address, server.port), timeout=CONNECT / len(addresses))
        except OSError as error:
            trouble = error
            continue
        try:
            sock.settimeout(CONNECT)
            return Channel(_wrapped(sock, server.host) if server.tls == TLS else sock, server)
        except BaseException:
            sock.close()
            raise
    raise Trouble(
        _("%(host)s does not answer at port %(port)d.") % {"host": server.host, "port": server.port}
    ) from trouble


def addresses_of(host: str, reach: Reach) -> Sequence[str]:
    """The addresses of a name, each of which may be asked."""
    found: tuple[str, ...]
    try:
        # RFC 6761 §6.3: this name is this machine, whatever a DNS says.
        found = (str(ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)),)
    except ValueError:
        try:
            found = resolver.addresses_sync(host, within=CONNECT).values
        except resolver.Temporary as trouble:
            raise Trouble(_("The name %s could not be looked up just now.") % host) from trouble
        except (ValueError, UnicodeError) as wrong:
            raise Refused(_("“%s” is not the name of a server.") % host) from wrong
    if not found:
        raise Refused(_("There is no server named %s.") % host)
    if not all(reach.address(each) for each in found):
        raise Refused(_("%s is not on the public internet; this host does not connect to it.") % host)
    # Version 4 first: hosts without any version 6 are common, and answer nothing to say so.
    return sorted(found, key=lambda each: ":" in each)[:MAX_ADDRESSES]


def is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    return ssl.create_default_context()  # checks the certificate against the name


def _wrapped(sock: socket.socket, host: str) -> ssl.SSLSocket:
    try:
        return tls_context().wrap_socket(sock, server_hostname=host)
    except ssl.SSLCertVerificationError as wrong:
        raise Refused(
            _("The certificate of %(host)s does not prove who it is: %(why)s.")
            % {"host": host, "why": wrong.verify_message or wrong.reason}
        ) from wrong
    except (OSError, ValueError) as trouble:
        raise Trouble(_("%s does not speak TLS as it should.") % host) from trouble
