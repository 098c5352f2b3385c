"""Line ends: files on Unix keep LF, messages have CRLF (RFC 5322 §2.3). What was received is never changed.

A message whose lines all end in CRLF is written with LF, as mail programs expect in mbox and Maildir; any other
one is written as it is and marked, so that it comes back byte for byte.
"""

import re

_BARE = re.compile(rb"(?<!\r)\n")


def is_regular(raw: bytes) -> bool:
    """Whether LF line ends lead back to exactly these bytes."""
    return raw.count(b"\n") == raw.count(b"\r\n") and b"\r\r\n" not in raw


def to_crlf(data: bytes) -> bytes:
    """A file's bytes as a message; lines that end in CRLF already stay as they are."""
    if data.count(b"\n") == data.count(b"\r\n"):
        return data
    return data.replace(b"\n", b"\r\n") if b"\r" not in data else _BARE.sub(b"\r\n", data)


def to_lf(raw: bytes) -> bytes:
    """A regular message for a file."""
    return raw.replace(b"\r\n", b"\n")
