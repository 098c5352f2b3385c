"""Trace lines say what happened and cannot be made to say more."""

from hypothesis import given
from hypothesis import strategies as st

from mta.message.headers import parse_header
from mta.message.trace import count_received, delivered_to, received, return_path

from .strategies import MODEST

WHEN = 1795402980 * 1_000_000


def test_a_received_line_in_full():
    line = received(
        "client.test", "192.0.2.1", "mx.client.test", "mail.b.test", "ESMTPS", "TLSv1.3 TLS_AES_256_GCM_SHA384", "abc123", "ann@b.test", WHEN
    )  # fmt: skip
    assert line == (
        b"Received: from client.test (mx.client.test [192.0.2.1])\r\n"
        b"\tby mail.b.test with ESMTPS id abc123\r\n"
        b"\t(TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
        b"\tfor <ann@b.test>;\r\n"
        b"\tMon, 23 Nov 2026 03:03:00 +0000\r\n"
    )


def test_a_received_line_of_a_stranger():
    line = received("", "2001:db8::1", None, "mail.b.test", "ESMTP", None, "x", None, WHEN)
    assert line.startswith(b"Received: from unknown (unknown [IPv6:2001:db8::1])\r\n")


def test_return_path_and_delivered_to():
    assert return_path("") == b"Return-Path: <>\r\n"
    assert return_path("a@b.test") == b"Return-Path: <a@b.test>\r\n"
    assert return_path('"a b"@c.test') == b'Return-Path: <"a b"@c.test>\r\n'
    assert delivered_to("a@b.test") == b"Delivered-To: a@b.test\r\n"


@MODEST
@given(st.text(max_size=60))
def test_nobody_writes_a_line_of_their_own(text):
    lines = (
        received(text, text, text, "b.test", "ESMTP", text, "x", text, WHEN)
        + return_path(text)
        + delivered_to(text)
    )
    assert [field.name for field in parse_header(lines)] == ["received", "return-path", "delivered-to"]
    assert lines.count(b"\n") == lines.count(b"\r\n") == lines.count(b"\r")


def test_hops_are_counted_in_the_header_only():
    assert count_received(b"Received: a\r\nX: y\r\nreceived: b\r\n\r\nReceived: c\r\n") == 2
