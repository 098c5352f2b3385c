"""The PROXY protocol, versions 1 and 2: who a connection really comes from, said by the proxy in front. Pure.

Both headers are read by length: `FEWEST` bytes first, which no header is shorter than, then what `more` asks for,
until it asks for nothing; so never a byte is taken that is the client's own. Bounded, and BadProxy for whatever is
not by the book: a connection whose first bytes cannot be trusted must end. Called by `mta.serve.proxy`.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
FEWEST = 15  # b"PROXY UNKNOWN\r\n", one byte less than the head of version 2
_HEAD = 16
LONGEST_V1 = 107  # §2.1
LONGEST_V2 = 4096  # addresses take 36, and what follows them is of no use here

_FAMILIES = {"TCP4": 4, "TCP6": 6}


class BadProxy(ValueError):
    """These bytes are no PROXY header."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The client as the proxy saw it. `ip` is "" where the proxy speaks for itself (LOCAL, UNKNOWN)."""

    ip: str = ""
    port: int = 0


ITSELF = Origin()


def more(data: bytes) -> int:
    """How many bytes to read beyond these; 0 when the header is whole. `data` has FEWEST bytes at least."""
    if data.startswith(SIGNATURE):
        if len(data) < _HEAD:
            return _HEAD - len(data)
        (length,) = struct.unpack("!H", data[14:16])
        if _HEAD + length > LONGEST_V2:
            raise BadProxy("the header is too long")
        return int(_HEAD + length - len(data))
    if not data.startswith(b"PROXY "):
        raise BadProxy("there is no header")
    if data.endswith(b"\r\n"):
        return 0
    if len(data) >= LONGEST_V1 or b"\n" in data:
        raise BadProxy("the header has no end")
    return 1


def origin(data: bytes) -> Origin:
    """What a whole header says; raises BadProxy."""
    if data.startswith(SIGNATURE):
        return _second(data)
    return _first(data)


def _first(data: bytes) -> Origin:
    """§2.1: `PROXY TCP4 192.0.2.1 198.51.100.7 56324 25`."""
    try:
        words = data.removesuffix(b"\r\n").decode("ascii").split(" ")
    except UnicodeDecodeError as error:
        raise BadProxy("not ASCII") from error
    if words[:2] == ["PROXY", "UNKNOWN"]:
        return ITSELF
    if len(words) != 6 or words[0] != "PROXY" or words[1] not in _FAMILIES:
        raise BadProxy("not six words")
    version = _FAMILIES[words[1]]
    ip, _ours = _address(words[2], version), _address(words[3], version)
    port, _our_port = _port(words[4]), _port(words[5])
    return Origin(ip, port)


def _second(data: bytes) -> Origin:
    """§2.2: version and command, family, length, addresses; what follows them is passed over."""
    kind, family, length = struct.unpack("!BBH", data[12:_HEAD])
    if kind >> 4 != 2 or kind & 15 > 1 or len(data) != _HEAD + length:
        raise BadProxy("not version 2")
    if kind & 15 == 0:  # LOCAL: the proxy looks whether we are there
        return ITSELF
    rest = data[_HEAD:]
    if family == 0x11 and length >= 12:
        return Origin(str(ipaddress.IPv4Address(rest[:4])), struct.unpack("!H", rest[8:10])[0])
    if family == 0x21 and length >= 36:
        return Origin(str(ipaddress.IPv6Address(rest[:16])), struct.unpack("!H", rest[32:34])[0])
    if family in {0x11, 0x21}:
        raise BadProxy("the addresses are cut off")
    return ITSELF  # §2.2: other families say nothing that could be used


def _address(text: str, version: int) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise BadProxy("no address") from error
    if address.version != version or "%" in text:
        raise BadProxy("an address of another family")
    return str(address)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) < 65536):
        raise BadProxy("no port")
    return int(text)
