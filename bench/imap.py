"""A thin IMAP client that is never the bottleneck: replies are read in large pieces and looked at afterwards."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Sequence

from bench.servers import PASSWORD, Server, address

PIECE = 1 << 20
_FETCHED = re.compile(rb"(?:^|\n)\* \d+ FETCH ")
_LITERAL = re.compile(rb"\* \d+ FETCH \([^\r\n]*\{(\d+)\}\r\n")
_SEARCHED = re.compile(rb"\* SEARCH([ \d]*)")


class Refused(Exception):
    """The server's answer was not OK, or not what it must be."""


class Imap:
    """One signed-in connection. Commands return (what came before the tagged line, seconds)."""

    def __init__(self, server: Server, user: str, *, timeout: float = 600) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.ports["imap"]), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        self._number = 0
        self.line()
        self.ok(f'LOGIN "{address(user)}" "{PASSWORD}"')

    def line(self) -> bytes:
        """The next line, as it comes."""
        while (end := self._rest.find(b"\n")) < 0:
            more = self.socket.recv(65536)
            if not more:
                raise Refused("the server hung up")
            self._rest += more
        found, self._rest = self._rest[: end + 1], self._rest[end + 1 :]
        return found

    def send(self, text: str | bytes) -> bytes:
        """Send a command; returns its tag."""
        self._number += 1
        tag = b"t%d" % self._number
        self.socket.sendall(tag + b" " + (text.encode() if isinstance(text, str) else text) + b"\r\n")
        return tag

    def finish(self, tag: bytes) -> bytes:
        """Everything up to the tagged line, which must be OK. Looks only at the end of what has come."""
        mark = b"\n" + tag + b" "
        pieces, tail = [self._rest], b"\n" + self._rest[-1000:]
        self._rest = b""
        while True:
            at = tail.rfind(mark)
            if at >= 0 and tail.endswith(b"\n"):
                last = tail[at + len(mark) :].strip()
                if not last.startswith(b"OK"):
                    raise Refused(last.decode(errors="replace"))
                return b"".join(pieces)
            more = self.socket.recv(PIECE)
            if not more:
                raise Refused("the server hung up")
            pieces.append(more)
            tail = (tail + more)[-1000:] if len(more) < 1000 else more[-1000:]

    def ok(self, text: str | bytes) -> tuple[bytes, float]:
        start = time.perf_counter()
        try:
            raw = self.finish(self.send(text))
        except Refused as error:
            raise Refused(f"{str(text)[:80]}: {error}") from None
        return raw, time.perf_counter() - start

    def select(self, box: str = "INBOX", *, how: str = "SELECT") -> tuple[int, float]:
        """(EXISTS, seconds)"""
        raw, seconds = self.ok(f'{how} "{box}"')
        found = re.search(rb"\* (\d+) EXISTS", raw)
        if found is None:
            raise Refused(f"{how} without EXISTS")
        return int(found[1]), seconds

    def fetch(self, text: str, *, expect: int) -> tuple[bytes, float]:
        """A FETCH whose number of answers is known."""
        raw, seconds = self.ok(text)
        found = len(_FETCHED.findall(raw))
        if found != expect:
            raise Refused(f"{text}: {found} answers, not {expect}")
        return raw, seconds

    def fetch_whole(self, text: str, *, expect: int) -> tuple[int, float]:
        """The same for message bodies, which may hold anything: (bytes, seconds); each answer has a literal."""
        raw, seconds = self.ok(text)
        found, at = 0, 0
        while (match := _LITERAL.search(raw, at)) is not None:
            found += 1
            at = match.end() + int(match[1])
        if found != expect:
            raise Refused(f"{text}: {found} literals, not {expect}")
        return len(raw), seconds

    def search(self, key: str, *, expect: int) -> float:
        """A SEARCH whose number of hits is known; seconds."""
        raw, seconds = self.ok(f"SEARCH {key}")
        found = sum(len(hits.split()) for hits in _SEARCHED.findall(raw))
        if found != expect:
            raise Refused(f"SEARCH {key}: {found} hits, not {expect}")
        return seconds

    def append(self, box: str, messages: Sequence[bytes], *, flags: str = "\\Seen") -> float:
        """APPEND one after another, each answered before the next; seconds for all. Needs LITERAL+."""
        start = time.perf_counter()
        for raw in messages:
            self.finish(
                self.send(b'APPEND "%s" (%s) {%d+}\r\n%s' % (box.encode(), flags.encode(), len(raw), raw))
            )
        return time.perf_counter() - start

    def make(self, box: str) -> None:
        """A new, empty mailbox, whether there was one of that name or not."""
        self.drop(box)
        self.ok(f'CREATE "{box}"')

    def drop(self, box: str) -> None:
        tag = self.send(f'DELETE "{box}"')
        try:
            self.finish(tag)
        except Refused:
            return

    def messages(self, box: str) -> int:
        raw, _ = self.ok(f'STATUS "{box}" (MESSAGES)')
        found = re.search(rb"MESSAGES (\d+)", raw)
        if found is None:
            raise Refused("STATUS without MESSAGES")
        return int(found[1])

    def idle(self) -> bytes:
        """Begin IDLE; returns its tag, for `done`."""
        tag = self.send("IDLE")
        while not self.line().startswith(b"+"):
            pass
        return tag

    def done(self, tag: bytes) -> None:
        self.socket.sendall(b"DONE\r\n")
        self.finish(tag)

    def close(self) -> None:
        try:
            self.finish(self.send("LOGOUT"))
        except (OSError, Refused):
            pass
        finally:
            self.socket.close()

    def __enter__(self) -> Imap:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def opened(server: Server, user: str, box: str = "INBOX", *, how: str = "EXAMINE") -> Imap:
    """A connection with a mailbox selected."""
    client = Imap(server, user)
    client.select(box, how=how)
    return client
