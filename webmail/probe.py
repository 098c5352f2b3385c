"""Asks ports the questions `up` has: is it free, does somebody answer. Standard library, no side effects."""

import contextlib
import errno
import random
import socket
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listener:
    """One address the installation listens on, and the setting that moves it."""

    setting: str
    name: str
    host: str
    port: int


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def busy_listener(listeners: Iterable[Listener]) -> Listener | None:
    """The first whose port another program has."""
    for listener in listeners:
        with socket.socket(_family(listener.host), socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((listener.host, listener.port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    return listener
    return None


def free_port(host: str) -> int:
    """A port that nobody has now.

    Below the range that systems give to outgoing connections: of one of those, it would soon be somebody's.
    """
    for port in (*(random.randrange(20_000, 32_000) for _ in range(20)), 0):  # noqa: S311 - no secret
        with socket.socket(_family(host), socket.SOCK_STREAM) as probe, contextlib.suppress(OSError):
            probe.bind((host, port))
            taken: int = probe.getsockname()[1]
            return taken
    raise OSError(f"no port is free on {host}")


def answers(listener: Listener, *, speaks_http: bool = False) -> bool:
    """Whether something accepts a connection there (and, asked for a page, says anything in HTTP)."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listener.host, listener.host)  # noqa: S104 - compared only
    with (
        contextlib.suppress(OSError),
        socket.create_connection((host, listener.port), timeout=10) as connection,
    ):
        if not speaks_http or listener.setting == "HTTPS_LISTEN":
            return True
        connection.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
        return connection.recv(5) == b"HTTP/"
    return False
