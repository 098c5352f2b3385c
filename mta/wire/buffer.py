"""Bytes that have arrived and are not yet understood: lines and counted blocks, never without a bound.

Used by the sans-IO engines (`wire.imap`, `wire.pop3`). Never reads a socket, never decodes text. A line
ends with CRLF; a bare LF is taken as a line end too (old clients send it), because nothing here depends
on the difference: literals are counted and messages are never read line by line.
"""

from __future__ import annotations


class LineTooLong(Exception):
    """More bytes than allowed came without a line end. Call `skip_line` to get past them."""


class Buffer:
    """A byte queue. Each byte is looked at once for a line end, whatever the pieces it comes in."""

    __slots__ = ("_data", "_seen")

    def __init__(self) -> None:
        self._data = bytearray()
        self._seen = 0  # no LF before this position

    def __len__(self) -> int:
        return len(self._data)

    def feed(self, data: bytes) -> None:
        self._data += data

    def clear(self) -> None:
        self._data.clear()
        self._seen = 0

    def line(self, limit: int) -> bytes | None:
        """The next line without its end, or None if it is not all there. LineTooLong above `limit` bytes."""
        end = self._data.find(b"\n", self._seen)
        if end < 0:
            self._seen = len(self._data)
            # A CR may be the first half of the end: it does not count as the line's.
            if self._seen > limit + 1:
                raise LineTooLong
            return None
        stop = end - 1 if end and self._data[end - 1] == 0x0D else end
        if stop > limit:
            raise LineTooLong
        line = bytes(self._data[:stop])
        self._drop(end + 1)
        return line

    def skip_line(self, tail: int = 32) -> tuple[int, bytes | None]:
        """Drop bytes up to and with the next line end.

        Returns how many were dropped, and the line's last `tail` bytes once its end was found (None while
        it has not come: call again after `feed`).
        """
        end = self._data.find(b"\n", self._seen)
        if end < 0:
            dropped = max(0, len(self._data) - tail - 1)
            self._drop(dropped)
            self._seen = len(self._data)
            return dropped, None
        stop = end - 1 if end and self._data[end - 1] == 0x0D else end
        last = bytes(self._data[max(0, stop - tail) : stop])
        self._drop(end + 1)
        return end + 1, last

    def peek(self, count: int) -> bytes:
        return bytes(self._data[:count])

    def take(self, count: int) -> bytes:
        """Up to `count` bytes from the front, as many as are there."""
        piece = bytes(self._data[:count])
        self._drop(len(piece))
        return piece

    def _drop(self, count: int) -> None:
        del self._data[:count]
        self._seen = 0
