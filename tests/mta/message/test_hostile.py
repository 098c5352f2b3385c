"""What a stranger may send: each of these megabytes is read in linear time."""

import time

import pytest

from mta.message.parse import parse_message
from mta.message.text import html_to_text, words

SIZE = 1 << 20
LIMIT = 4.0  # seconds; half a second is usual, quadratic work would take minutes


def filled(head: bytes, unit: bytes) -> bytes:
    return head + unit * (SIZE // len(unit)) + b"\r\n\r\nx"


def nested(depth: int) -> bytes:
    return b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (number, number)
        for number in range(depth)
    )


MULTIPART = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
HOSTILE = {
    "a thousand levels": nested(1000) + b"x" * SIZE,
    "levels of one boundary": filled(b"", MULTIPART + b"--b\r\n"),
    "messages in messages": filled(b"", b"Content-Type: message/rfc822\r\n\r\n"),
    "lines under messages": b"Content-Type: message/rfc822\r\n\r\n" * 50 + b"\n" * SIZE,
    "parts": filled(MULTIPART, b"--b\r\n\r\nx\r\n"),
    "parts without blank lines": filled(MULTIPART, b"--b\r\na: b\r\n"),
    "dashes at every level": filled(nested(49), b"--bx\r\n"),
    "encoded words": filled(b"Subject: ", b"=?utf-8?q?a?= "),
    "open encoded words": filled(b"Subject: ", b"=?utf-8?q?"),
    "folds": filled(b"Subject: ", b"a\r\n "),
    "one long line": filled(b"Subject: ", b"a"),
    "fields": filled(b"", b"X: y\r\n"),
    "no fields": filled(b"A: b\r\n", b"junk\r\n"),
    "addresses": filled(b"To: ", b"a@b.test, "),
    "named addresses": filled(b"To: ", b'"a" (b) <a@b.test>, '),
    "open comments": filled(b"To: ", b"("),
    "escapes": filled(b"To: ", b'"\\'),
    "open brackets": filled(b"To: ", b"<"),
    "atoms": filled(b"To: ", b"a "),
    "groups": filled(b"To: ", b":;"),
    "parameters": filled(b"Content-Type: text/plain", b"; a*0*=x"),
    "open quotes": filled(b"Content-Type: text/plain", b'; a="'),
    "parentheses": filled(b"Content-Type: text/plain; a=", b"("),
    "references": filled(b"References: ", b"<a@b> "),
    "open references": filled(b"References: ", b"<"),
    "spaces in a date": filled(b"Date: ", b" "),
    "replies": filled(b"Subject: ", b"Re: "),
    "list names": filled(b"Subject: ", b"[a]"),
    "padding": filled(b"Content-Transfer-Encoding: base64\r\n\r\n", b"=a"),
    "soft breaks": filled(b"Content-Transfer-Encoding: quoted-printable\r\n\r\n", b"= "),
    "uuencode": filled(b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 1 a\n", b"M\n"),
    "escape sequences": filled(b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n", b"\x1b$B"),
    "blank body": filled(b"\r\n", b"\n"),
    "quotation marks": filled(b"\r\n", b">"),
    "accents": filled(b"\r\na", "\u0301".encode()),
    "addresses in text": filled(b"\r\n", b"a@"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_is_parsed_in_linear_time(name):
    start = time.perf_counter()
    facts = parse_message(HOSTILE[name])
    assert facts.size == len(HOSTILE[name])
    assert time.perf_counter() - start < LIMIT


@pytest.mark.parametrize(
    "unit",
    ["<div>", "<b>", "<table><tr><td>", "<span></p>", "<address>", "<a href=http://x><p>", "<ul><li>", "<", "<div ", "&amp", "<svg><desc>", "</p>", "<p style='display", "<font><p>", "<ruby><rt>", "<x></y>"],
)  # fmt: skip
def test_hostile_html_is_read_in_linear_time(unit):
    start = time.perf_counter()
    words(html_to_text(unit * (SIZE // len(unit))))
    assert time.perf_counter() - start < LIMIT
