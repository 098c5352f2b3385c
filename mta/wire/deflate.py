"""COMPRESS=DEFLATE (RFC 4978): raw deflate in both directions, between the socket and an engine.

Sans-IO, like the engines. What comes out of one `take` is bounded, so that a few octets which stand for a
gigabyte cost no more memory than anybody's. About 130 KiB per connection, only for those that ask for it.
"""

from __future__ import annotations

import zlib

LEVEL = 6
WINDOW = -15  # RFC 4978 §3: no zlib header
MEMORY = 8


class BrokenStream(Exception):
    """What arrives is not deflate."""


class Deflate:
    """`feed` what came from the socket and `take` what it says; `compress` what goes out."""

    __slots__ = ("_in", "_out", "_pending", "_waiting")

    def __init__(self) -> None:
        self._in = zlib.decompressobj(WINDOW)
        self._out = zlib.compressobj(LEVEL, zlib.DEFLATED, WINDOW, MEMORY)
        self._waiting = b""
        self._pending = False  # more comes out although nothing more went in

    def compress(self, data: bytes) -> bytes:
        """Complete: the other side can read all of it (RFC 4978 §4)."""
        return self._out.compress(data) + self._out.flush(zlib.Z_SYNC_FLUSH)

    def feed(self, data: bytes) -> None:
        self._waiting += data

    def take(self, most: int) -> bytes:
        """At most so many octets; b"" when more has to arrive first. Raises BrokenStream."""
        if not (self._waiting or self._pending or self._in.unconsumed_tail):
            return b""
        data, self._waiting = self._in.unconsumed_tail + self._waiting, b""
        try:
            found = self._in.decompress(data, most)
        except zlib.error as error:
            raise BrokenStream(str(error)) from None
        if self._in.eof:  # RFC 4978 §3: the stream ends with the connection, not before
            raise BrokenStream("The stream has ended")
        self._pending = len(found) == most
        return found
