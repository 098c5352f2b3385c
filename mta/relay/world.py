"""What the relay knows about the world around it: our own name and doors, and what it may connect to.

One frozen value, read from the settings once per run, so that routing and delivery are plain functions.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import unquote

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Smarthost:
    """The one server that takes everything, as `RELAY_SMARTHOST` names it: `[user:password@]host[:port]`.

    `tls` is "" for STARTTLS when it is offered; a person's own server (`directory.smart_host_for`) says how it wants
    it, and is `personal`: not to be found in a network of ours, and never this server itself.
    """

    host: str
    port: int
    username: str = ""
    password: str = ""
    tls: str = ""
    personal: bool = False

    def __repr__(self) -> str:  # a password has no place in a log
        return f"Smarthost({self.host!r}, {self.port})"


@dataclass(frozen=True, slots=True)
class World:
    """`allow_private`: may connect to loopback and private networks. `listening`: our own SMTP doors."""

    hostname: str
    port: int = 25
    listening: tuple[tuple[str, int], ...] = ()
    submitting: tuple[tuple[str, int], ...] = ()  # where our own people hand in mail
    allow_private: bool = False
    smarthost: Smarthost | None = None

    def is_ourselves(self, address: str) -> bool:
        """Whether connecting to that address and our relay port would reach our own SMTP server.

        Never by the address alone: two installations, or a sandbox, may share one machine.
        """
        return self._is_door(address, self.port, self.listening)

    def is_own_door(self, host: str, address: str, port: int) -> bool:
        """Whether mail handed in there would come back to us."""
        doors = (*self.listening, *self.submitting)
        return host == self.hostname or self._is_door(address, port, doors)

    @staticmethod
    def _is_door(address: str, wanted: int, doors: tuple[tuple[str, int], ...]) -> bool:
        return any(
            port == wanted and (_same(host, address) or (_is_any(host) and _is_local(address)))
            for host, port in doors
        )


def from_settings() -> World:
    return World(
        hostname=settings.MAIL_HOSTNAME,
        port=settings.RELAY_PORT,
        listening=tuple(settings.SMTP_LISTEN),
        submitting=(*settings.SUBMISSION_LISTEN, *settings.SUBMISSIONS_LISTEN),
        allow_private=settings.RELAY_ALLOW_PRIVATE,
        smarthost=parse_smarthost(settings.RELAY_SMARTHOST, port=settings.RELAY_PORT),
    )


def parse_smarthost(text: str, *, port: int) -> Smarthost | None:
    """`relay.example.net:587`, `me:secret@[2001:db8::1]:587` (percent-encoded where needed); "" → None."""
    if not text.strip():
        return None
    credentials, _at, place = text.strip().rpartition("@")
    username, _colon, password = credentials.partition(":")
    if place.startswith("["):
        host, _bracket, rest = place[1:].partition("]")
        given = rest.removeprefix(":")
    else:
        host, _colon, given = place.partition(":")
    return Smarthost(host, int(given or port), unquote(username), unquote(password))


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _same(host: str, address: str) -> bool:
    ours = _parsed("127.0.0.1" if host == "localhost" else host)
    return ours is not None and ours == _parsed(address)


def _is_any(host: str) -> bool:
    parsed = _parsed(host)
    return parsed is not None and parsed.is_unspecified


def _is_local(address: str) -> bool:
    """Whether the address is one of this machine's: only those can be bound to."""
    parsed = _parsed(address)
    if parsed is None or parsed.is_loopback:
        return parsed is not None
    family = socket.AF_INET6 if parsed.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(parsed), 0))
        except OSError:
            return False
    return True
