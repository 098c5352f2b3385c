"""Messages as the body of a reply: byte-stuffed, in bounded pieces; and the beginning that TOP shows.

Pure. A large message is never copied whole: it goes out as slices of what was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mta.message.headers import split_message

PIECE = 256 * 1024
_BLOCK = 8 * 1024  # lines are counted by the block: somebody may ask for millions of empty ones

# RFC 1939 §3: a line that begins with the termination octet gets one more. Many clients also take a bare LF for
# a line's end; after one, a dot that such a client would take for the end, or take off, is doubled too: the
# client that reads only CR LF sees one dot more there, the other would lose the rest of the message.
_BEGINS = re.compile(rb"\n\.")  # twice as fast as `in`, which looks for two octets one step at a time
_DOT = re.compile(rb"(?:\A|(?<=\r\n))\.|(?<=\n)\.(?=[\r\n.]|\Z)")


def multiline(data: bytes) -> bytes:
    """The body of a multi-line reply with its end; a missing last CR LF is added."""
    return _stuffed(data) + _end(data)


def multiline_pieces(data: bytes) -> Iterator[bytes]:
    """The same, of a message of any size: pieces of about 256 KiB."""
    if len(data) <= PIECE:
        yield multiline(data)
        return
    start = 0
    while start < len(data):
        # Cut behind a CR LF, so that each piece begins a line and what stuffs a dot lies within one piece.
        end = data.find(b"\r\n", start + PIECE) + 2
        if end < 2:
            end = len(data)
        yield _stuffed(data[start:end])
        start = end
    yield _end(data)


def _end(data: bytes) -> bytes:
    return b".\r\n" if data.endswith(b"\r\n") or not data else b"\r\n.\r\n"


def _stuffed(data: bytes) -> bytes:
    if _BEGINS.search(data) is None:
        return b"." + data if data.startswith(b".") else data
    if data.count(b"\n.") > data.count(b"\r\n."):
        return _DOT.sub(b"..", data)
    return (b"." if data.startswith(b".") else b"") + data.replace(b"\r\n.", b"\r\n..")


def top(raw: bytes, lines: int) -> bytes:
    """RFC 1939 §7 TOP: the header, the blank line, and so many lines of the body."""
    _header_end, position = split_message(raw)
    while lines and position < len(raw):
        end = min(position + _BLOCK, len(raw))
        here = raw.count(b"\n", position, end)
        if here >= lines:
            for _ in range(lines):
                position = raw.find(b"\n", position) + 1
            return raw[:position]
        lines -= here
        position = end
    return raw[:position]
