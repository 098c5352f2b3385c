"""What follows DATA or BDAT, as machines without sockets: blocks of bytes in, one message out.

Only CR LF "." CR LF ends a message (RFC 5321 §4.1.1.4). Bare CR, bare LF and NUL are noticed and make the
message refusable, never an end: a message that two servers could cut at different places is how strangers
smuggle a second one past a check (§2.3.8 forbids them). BDAT says beforehand how many bytes come (RFC 3030), so
nothing in them ends anything; but what is in them may be sent on with DATA, so the same is refused. Works in whole
blocks, because looking at single lines costs more than everything else that happens to a message. Never waits,
never raises on any bytes. Called by `mta.serve.intake`.
"""

from __future__ import annotations

import re
from typing import Protocol

END = b"\r\n.\r\n"
_LINE_END = re.compile(rb"\r\n|\r|\n")


class Sink(Protocol):
    """Where the message goes while it arrives."""

    def write(self, data: bytes, /) -> object: ...


class Keeper:
    """What both ways have in common: what is wrong with the bytes, how many there are, and where they go.

    With `repair`, bare line ends become CR LF instead of a fault: a submission server may put right what
    its own people's programs get wrong (RFC 6409 §8). Where the message ends is the same in both cases.
    """

    __slots__ = ("_sink", "bare_line_end", "limit", "nul", "received", "repair", "size")

    def __init__(self, sink: Sink, *, limit: int, repair: bool = False) -> None:
        self._sink = sink
        self.limit = limit
        self.repair = repair
        self.bare_line_end = False
        self.nul = False
        self.received = 0  # everything that came in, also what was not kept
        self.size = 0  # of the message, as it will be kept

    @property
    def too_big(self) -> bool:
        return self.size > self.limit

    @property
    def at_fault(self) -> bool:
        return self.too_big or self.bare_line_end or self.nul

    def _mend(self, piece: bytes) -> bytes:
        if self.repair:
            return _LINE_END.sub(b"\r\n", piece)
        self.bare_line_end = True
        return piece

    def _write(self, piece: bytes) -> None:
        self.size += len(piece)
        if not self.at_fault:
            self._sink.write(piece)


class DataReceiver(Keeper):
    """After DATA. Feed blocks until `feed` returns the bytes that follow the message (possibly none, never None)."""

    __slots__ = ("_begun", "_tail")

    def __init__(self, sink: Sink, *, limit: int, repair: bool = False) -> None:
        super().__init__(sink, limit=limit, repair=repair)
        # As if a line had just ended: the first line may be the lone dot, or begin with a stuffed one.
        self._tail = b"\r\n"
        self._begun = False

    def feed(self, block: bytes) -> bytes | None:
        """Take a block. None: the message goes on. Bytes: it has ended, and these came after it."""
        self.received += len(block)
        data = self._tail + block
        end = data.find(END)
        if end >= 0:
            self._keep(data[: end + 2])
            return data[end + 5 :]
        # What could be the beginning of the end stays here; so no CR LF and no CR LF "." is ever cut apart.
        cut = len(data) - _overlap(data)
        self._tail = data[cut:]
        if cut:
            self._keep(data[:cut])
        return None

    def _keep(self, piece: bytes) -> None:
        # RFC 5321 §4.5.2: a line that begins with a dot was sent with one more.
        kept = piece.replace(b"\r\n.", b"\r\n")
        ends = piece.count(b"\r\n")
        if piece.count(b"\n") != ends or piece.count(b"\r") != ends:
            kept = self._mend(kept)
        if b"\0" in piece:
            self.nul = True
        if not self._begun:
            kept = kept[2:]
            self._begun = True
        self._write(kept)


class ChunkReceiver(Keeper):
    """After BDAT. Feed what the chunks hold; `finish` when the last one has come."""

    __slots__ = ("_held",)

    def __init__(self, sink: Sink, *, limit: int, repair: bool = False) -> None:
        super().__init__(sink, limit=limit, repair=repair)
        self._held = b""  # a CR whose LF may be the next chunk's

    def feed(self, block: bytes) -> None:
        self.received += len(block)
        data = self._held + block
        self._held = b"\r" if data.endswith(b"\r") else b""
        self._keep(data[:-1] if self._held else data)

    def finish(self) -> None:
        self._keep(self._held)
        self._held = b""

    def _keep(self, piece: bytes) -> None:
        kept = piece
        ends = piece.count(b"\r\n")
        if piece.count(b"\n") != ends or piece.count(b"\r") != ends:
            kept = self._mend(piece)
        if b"\0" in piece:
            self.nul = True
        self._write(kept)


def _overlap(data: bytes) -> int:
    """How many of the last bytes of `data` are a beginning of END."""
    for length in range(min(len(END) - 1, len(data)), 0, -1):
        if data.endswith(END[:length]):
            return length
    return 0
