"""SASL as far as mail here needs it: the PLAIN mechanism (RFC 4616) and its base64 wrapping.

Pure; knows no account. Used by IMAP, POP3 and submission. An answer is at most 12 KiB of base64.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

MAX_RESPONSE = 12 * 1024


class BadResponse(Exception):
    """What the client sent is not what the mechanism asks for; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Plain:
    """RFC 4616 §2: who signs in, with which password, and as whom ("" means as themselves)."""

    username: str
    password: str = field(repr=False)
    authorize: str = ""


def decode_base64(line: bytes) -> bytes:
    """A SASL answer as octets. `=` alone means an empty one (RFC 4959 §3)."""
    line = line.strip()
    if len(line) > MAX_RESPONSE:
        raise BadResponse("The response is too long")
    if line == b"=":
        return b""
    try:
        return base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        raise BadResponse("Invalid base64") from None


def plain(line: bytes) -> Plain:
    """The base64 line of a PLAIN exchange, understood."""
    # RFC 4616 §2: message = [authzid] UTF8NUL authcid UTF8NUL passwd
    parts = decode_base64(line).split(b"\0")
    if len(parts) != 3:
        raise BadResponse("Malformed PLAIN response")
    try:
        authorize, username, password = (part.decode() for part in parts)
    except UnicodeDecodeError:
        raise BadResponse("PLAIN response is not UTF-8") from None
    if not username or not password:
        raise BadResponse("PLAIN response without a name or a password")
    return Plain(username, password, authorize)


def encode_plain(credentials: Plain) -> bytes:
    """The inverse of `plain`, for tests and for our own clients."""
    text = f"{credentials.authorize}\0{credentials.username}\0{credentials.password}"
    return base64.b64encode(text.encode())
