"""The PROXY header: read to the byte, refused unless it is by the book."""

from __future__ import annotations

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.wire.proxy import (
    FEWEST,
    ITSELF,
    LONGEST_V1,
    LONGEST_V2,
    SIGNATURE,
    BadProxy,
    Origin,
    more,
    origin,
)


def read(stream: bytes) -> tuple[Origin, bytes]:
    """As the server reads it: so many bytes as are asked for; and what is left."""
    data, rest = stream[:FEWEST], stream[FEWEST:]
    if len(data) < FEWEST:
        raise BadProxy("it hung up")
    while wanted := more(data):
        if len(rest) < wanted:
            raise BadProxy("it hung up")
        data, rest = data + rest[:wanted], rest[wanted:]
    return origin(data), rest


def second(family: int, addresses: bytes, *, command: int = 0x21) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(addresses)) + addresses


def four(ip: str, port: int, more_: bytes = b"") -> bytes:
    packed = ipaddress.IPv4Address(ip).packed + b"\x7f\0\0\1" + struct.pack("!HH", port, 25)
    return second(0x11, packed + more_)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 25\r\n", Origin("192.0.2.1", 56324)),
        (b"PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", Origin("2001:db8::1", 1)),
        (b"PROXY UNKNOWN\r\n", ITSELF),
        (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", ITSELF),
        (four("192.0.2.1", 56324), Origin("192.0.2.1", 56324)),
        (four("192.0.2.1", 1, b"\x04\0\3abc"), Origin("192.0.2.1", 1)),
        (
            second(0x21, ipaddress.IPv6Address("2001:db8::1").packed + bytes(16) + b"\0\7\0\x19"),
            Origin("2001:db8::1", 7),
        ),
        (second(0x11, bytes(12), command=0x20), ITSELF),
        (second(0x00, b""), ITSELF),
        (second(0x31, bytes(216)), ITSELF),
    ],
)
def test_what_a_header_says_and_not_a_byte_more_is_taken(header: bytes, said: Origin) -> None:
    assert read(header + b"EHLO client.test\r\n") == (said, b"EHLO client.test\r\n")
    assert read(header) == (said, b"")


@pytest.mark.parametrize(
    "header",
    [
        b"EHLO client.test\r\nMAIL FROM:<>\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 25\nEHLO client.test\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 65536\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.7 -1 25\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.7 5632\xb2 25\r\n",
        b"PROXY TCP4 192.0.2.1  198.51.100.7 56324 25\r\n",
        b"PROXY TCP4 192.0.2.256 198.51.100.7 56324 25\r\n",
        b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        b"PROXY TCP6 192.0.2.1 198.51.100.7 56324 25\r\n",
        b"PROXY TCP6 fe80::1%eth0 2001:db8::2 1 2\r\n",
        b"PROXY UDP4 192.0.2.1 198.51.100.7 56324 25\r\n",
        b"PROXY TCP4 192.0.2.1\r\n        \r\n",
        b"PROXY " + b"x" * 200,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(20),
        SIGNATURE + b"\x11\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x22\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\x00\x04" + bytes(4),
        SIGNATURE + b"\x21\x21\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\xff\xff" + bytes(70_000),
        SIGNATURE + b"\x21\x11\x00\x0c" + bytes(3),
        b"",
    ],
)
def test_what_is_no_header_ends_the_connection(header: bytes) -> None:
    with pytest.raises(BadProxy):
        read(header)


@given(
    st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=300).map(lambda tail: b"PROXY TCP4 " + tail),
        st.binary(max_size=300).map(lambda tail: SIGNATURE + tail),
        st.text("PROXYTCP46UNKNOWN 0123456789.:\r\n", max_size=150).map(
            lambda text: b"PROXY " + text.encode()
        ),
    )
)
def test_any_bytes_are_understood_or_refused_within_the_bound(stream: bytes) -> None:
    try:
        said, rest = read(stream)
    except BadProxy:
        return
    assert said == ITSELF or ipaddress.ip_address(said.ip)
    taken = len(stream) - len(rest)
    assert taken <= (LONGEST_V2 if stream.startswith(SIGNATURE) else LONGEST_V1)


@given(st.ip_addresses(), st.ip_addresses(), st.integers(0, 65535), st.binary(max_size=60))
def test_what_a_proxy_writes_is_read_back(ip, ours, port: int, tail: bytes) -> None:
    if ours.version != ip.version:
        ours = ip
    kind = f"TCP{ip.version}"
    assert read(f"PROXY {kind} {ip} {ours} {port} 25\r\n".encode() + tail) == (Origin(str(ip), port), tail)
    family = 0x11 if ip.version == 4 else 0x21
    packed = ip.packed + ours.packed + struct.pack("!HH", port, 25)
    assert read(second(family, packed) + tail) == (Origin(str(ip), port), tail)
