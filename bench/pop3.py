"""POP3: a maildrop is drained, by one program and by ten at once."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from functools import cache

from bench import corpus, sets
from bench.cases import Figures
from bench.imap import Refused
from bench.servers import PASSWORD, Server, address
from bench.together import in_processes, in_threads

_DOTS = re.compile(rb"(?m)^\.")


def drain(connections: int) -> Callable[[Server], Figures]:
    """Sign in, STAT, UIDL, RETR of everything, QUIT: messages a second over all."""

    def measure(server: Server) -> Figures:
        users = sets.DRAINED[:connections]
        shares = [users[k :: min(2, connections)] for k in range(min(2, connections))]
        found, seconds = in_processes(
            shares, lambda share: in_threads(len(share), lambda n: _drain(server, share[n]))
        )
        sizes = [size for share in found for size in share]
        return {"per_s": sets.DRAINED_MESSAGES * connections / seconds, "mb_s": sum(sizes) / seconds / 1e6}

    return measure


@cache
def drained_size() -> int:
    """The bytes of all messages of a maildrop, as RETR gives them, dots included."""
    return sum(len(_DOTS.sub(b"..", corpus.message(i))) for i in range(sets.DRAINED_MESSAGES))


def _drain(server: Server, user: str) -> int:
    client = Pop3(server, user)
    count = int(client.ask(b"STAT").split()[1])
    names = client.lines(b"UIDL").count(b"\r\n")
    if not count == names == sets.DRAINED_MESSAGES:
        raise Refused(f"POP3: {count} messages, {names} UIDL lines, not {sets.DRAINED_MESSAGES}")
    size = sum(len(client.lines(b"RETR %d" % number)) for number in range(1, count + 1))
    client.close()
    if size < drained_size():
        raise Refused(f"POP3: {size} bytes, not {drained_size()}")
    return size


class Pop3:
    """One signed-in POP3 connection."""

    def __init__(self, server: Server, user: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.ports["pop3"]), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        self._status()
        self.ask(f"USER {address(user)}".encode())
        self.ask(f"PASS {PASSWORD}".encode())

    def _status(self) -> bytes:
        while (end := self._rest.find(b"\n")) < 0:
            more = self._socket.recv(1 << 18)
            if not more:
                raise Refused("the server hung up")
            self._rest += more
        line, self._rest = self._rest[: end + 1], self._rest[end + 1 :]
        if not line.startswith(b"+OK"):
            raise Refused(line.decode(errors="replace").strip())
        return line

    def ask(self, command: bytes) -> bytes:
        self._socket.sendall(command + b"\r\n")
        return self._status()

    def lines(self, command: bytes) -> bytes:
        """The lines of an answer, without the last dot."""
        self.ask(command)
        pieces, tail = [self._rest], b"\r\n" + self._rest[-5:]
        self._rest = b""
        while not tail.endswith(b"\r\n.\r\n"):
            more = self._socket.recv(1 << 18)
            if not more:
                raise Refused("the server hung up")
            pieces.append(more)
            tail = (tail + more)[-5:]
        return b"".join(pieces)[:-3]

    def close(self) -> None:
        self.ask(b"QUIT")
        self._socket.close()
