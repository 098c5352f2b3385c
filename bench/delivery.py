"""Mail that comes in: how soon a client that idles hears of it, and how much is taken a second."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable

from bench import corpus, sets
from bench.cases import Figures, median, percentile
from bench.imap import Imap, Refused, opened
from bench.servers import DOMAIN, Server, address
from bench.together import in_processes, in_threads

_SENDER = f"sender@outside.{DOMAIN}"
_DOTS = re.compile(rb"(?m)^\.")


class Smtp:
    """One connection that sends; every answer must be the one expected."""

    def __init__(self, server: Server) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.ports["smtp"]), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")
        self._expect(b"220")
        self._ask(b"EHLO client.bench.test", b"250")

    def _expect(self, code: bytes) -> None:
        line = self._file.readline()
        while line[3:4] == b"-":
            line = self._file.readline()
        if not line.startswith(code):
            raise Refused(line.decode(errors="replace").strip() or "the server hung up")

    def _ask(self, command: bytes, code: bytes) -> None:
        self._socket.sendall(command + b"\r\n")
        self._expect(code)

    def send(self, user: str, message: bytes) -> None:
        """Returns at the 250 to the message."""
        self._ask(f"MAIL FROM:<{_SENDER}>".encode(), b"250")
        self._ask(f"RCPT TO:<{address(user)}>".encode(), b"250")
        self._ask(b"DATA", b"354")
        self._socket.sendall(_DOTS.sub(b"..", message) + b".\r\n")
        self._expect(b"250")

    def close(self) -> None:
        self._socket.sendall(b"QUIT\r\n")
        self._file.close()
        self._socket.close()


def idle(samples: int) -> Callable[[Server], Figures]:
    """From SMTP's 250 to `* n EXISTS` on a connection that idles. Before the 250 counts as 0."""

    def measure(server: Server) -> Figures:
        waits, whole = [], []
        sender = Smtp(server)
        with opened(server, sets.IDLER, how="SELECT") as client:
            client.socket.settimeout(30)
            tag = client.idle()
            for number in range(samples):
                seen: list[float] = []
                watcher = threading.Thread(target=_watch, args=(client, seen), daemon=True)
                watcher.start()
                start = time.perf_counter()
                sender.send(sets.IDLER, corpus.message(number, corpus.SMALL))
                acked = time.perf_counter()
                watcher.join(30)
                if not seen:
                    raise Refused("no EXISTS within 30 seconds of the 250")
                waits.append(max(0.0, seen[0] - acked))
                whole.append(seen[0] - start)
                time.sleep(0.02)
            client.done(tag)
        sender.close()
        return {
            "p50_ms": median(waits) * 1000,
            "p99_ms": percentile(waits, 0.99) * 1000,
            "from_mail_p50_ms": median(whole) * 1000,
        }

    return measure


def _watch(client: Imap, seen: list[float]) -> None:
    while not client.line().rstrip().endswith(b" EXISTS"):
        pass
    seen.append(time.perf_counter())


def deliver(count: int, connections: int) -> Callable[[Server], Figures]:
    """Messages accepted a second, and all of them in their mailboxes a second."""
    message = corpus.message(1, corpus.SMALL)

    def measure(server: Server) -> Figures:
        before = sum(_messages(server, user) for user in sets.SINKS)
        each = count // connections

        def work(numbers: list[int]) -> None:
            in_threads(len(numbers), lambda n: _send(server, numbers[n], each, message))

        start = time.perf_counter()
        _, accepted = in_processes([list(range(k, connections, 2)) for k in range(2)], work)
        while sum(_messages(server, user) for user in sets.SINKS) - before < each * connections:
            if time.perf_counter() - start > 120:
                raise Refused("mail that was accepted is not in its mailbox after two minutes")
            time.sleep(0.05)
        seconds = time.perf_counter() - start
        return {"per_s": each * connections / accepted, "visible_per_s": each * connections / seconds}

    return measure


def _send(server: Server, number: int, count: int, message: bytes) -> None:
    client = Smtp(server)
    for one in range(count):
        client.send(sets.SINKS[(number + one) % len(sets.SINKS)], message)
    client.close()


def _messages(server: Server, user: str) -> int:
    with Imap(server, user) as client:
        return client.messages("INBOX")
