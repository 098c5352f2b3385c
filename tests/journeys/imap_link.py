"""A mail program's connection: commands to their end, every untagged line told as it comes, and all of it noted."""

from __future__ import annotations

import re
import select
import socket
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

PATIENCE = 40.0  # seconds: several databases, browsers and installations may share the machine

Flags = frozenset[str]


class History:
    """Who said what and when, in order. All of them count the seconds from the same moment."""

    _begun = time.monotonic()

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(f"{time.monotonic() - self._begun:8.3f} {text}")


@dataclass
class Answer:
    """The end of a command: OK, NO or BAD, and the response code in brackets."""

    kind: str
    text: str
    untagged: list[str] = field(default_factory=list)

    def code(self, name: str) -> str:
        """`[MODIFIED 7]` → "7"; '' when there is none of that name."""
        found = re.search(rf"\[{name} ([^\]]*)\]", self.text)
        return found.group(1) if found else ""


class Link:
    """A connection that signs in and gives every untagged line to `told` before the command ends."""

    def __init__(
        self, port: int, username: str, password: str, *, history: History, told: Callable[[str], None]
    ) -> None:
        self._history, self._told = history, told
        self._number = 0
        self._buffer = b""
        self._deflate = self._inflate = None
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._line()
        greeting = self.run(f'LOGIN "{username}" "{password}"')
        self.capabilities = frozenset(greeting.code("CAPABILITY").split())

    def compress(self) -> None:
        """RFC 4978: from here on both directions are one DEFLATE stream each."""
        assert self.run("COMPRESS DEFLATE").kind == "OK"
        self._deflate, self._inflate = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)

    def run(self, command: str, literal: bytes | None = None) -> Answer:
        """A command to its end. BAD is a fault of one of us, so it fails the test."""
        self._number += 1
        tag = f"c{self._number}"
        self._history.note(f"C: {tag} {command}")
        data = f"{tag} {command}".encode()
        if literal is not None:
            data += b" {%d+}\r\n" % len(literal) + literal
        self._send(data + b"\r\n")
        return self._until(tag)

    def idle(self, seconds: float) -> Answer:
        """Listen, and end it; what comes is told as it comes."""
        self._number += 1
        tag = f"c{self._number}"
        self._history.note(f"C: {tag} IDLE")
        self._send(f"{tag} IDLE\r\n".encode())
        line = self._line()
        while not line.startswith("+"):
            self._hear(line)
            line = self._line()
        until = time.monotonic() + seconds
        while (rest := until - time.monotonic()) > 0:
            if b"\r\n" in self._buffer:
                self._hear(self._line())
            elif select.select([self._socket], [], [], rest)[0]:
                self._receive()  # which need not be a whole line
        self._history.note("C: DONE")
        self._send(b"DONE\r\n")
        return self._until(tag)

    def close(self) -> None:
        self._socket.close()

    def _send(self, data: bytes) -> None:
        if self._deflate is not None:
            data = self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self._socket.sendall(data)

    def _until(self, tag: str) -> Answer:
        untagged: list[str] = []
        while not (line := self._line()).startswith(f"{tag} "):
            self._hear(line)
            untagged.append(line)
        _, kind, text = line.split(" ", 2)
        assert kind in ("OK", "NO"), line
        return Answer(kind, text, untagged)

    def _hear(self, line: str) -> None:
        assert line.startswith("* "), f"neither untagged nor ours: {line!r}"
        assert not line.startswith("* BYE"), line
        self._told(line[2:])

    def _line(self) -> str:
        while b"\r\n" not in self._buffer:
            self._receive()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        text = line.decode()
        self._history.note(f"S: {text}")
        return text

    def _receive(self) -> None:
        data = self._socket.recv(65536)
        assert data, "the server has hung up"
        self._buffer += data if self._inflate is None else self._inflate.decompress(data)


def fetched(line: str) -> tuple[int | None, Flags | None, int | None]:
    """UID, flags (without \\Recent, which is nobody's business but the session's) and MODSEQ of a FETCH response."""
    uid = re.search(r"\bUID (\d+)", line)
    flags = re.search(r"\bFLAGS \(([^)]*)\)", line)
    modseq = re.search(r"\bMODSEQ \((\d+)\)", line)
    return (
        int(uid.group(1)) if uid else None,
        frozenset(flags.group(1).split()) - {"\\Recent"} if flags else None,
        int(modseq.group(1)) if modseq else None,
    )


def numbers(text: str) -> Iterable[int]:
    """The members of a set like `1:3,7`."""
    for run in text.split(",") if text else ():
        low, _, high = run.partition(":")
        yield from range(int(low), int(high or low) + 1)
