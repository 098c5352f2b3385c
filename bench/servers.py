"""What a case may know of a server: where it listens, how to sign in, and which processes are its own."""

from __future__ import annotations

from typing import Protocol

DOMAIN = "bench.test"
PASSWORD = "bench words 42"  # noqa: S105 - of accounts that live for a benchmark


class Server(Protocol):
    """Ours or the peers'. `start` returns when every port answers; `stop` leaves no process behind."""

    label: str
    ports: dict[str, int]

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def pids(self) -> set[int]:
        """Every process that works for it, for memory and processor time."""
        ...

    def imap_pids(self) -> set[int]:
        """Those that hold IMAP connections and do their work."""
        ...


def address(user: str) -> str:
    return f"{user}@{DOMAIN}"
