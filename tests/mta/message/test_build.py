"""Messages that are built read back as what was meant, and nothing can be smuggled into them."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.message.address import Address
from mta.message.build import (
    Outgoing,
    Upload,
    build,
    forward_subject,
    new_message_id,
    quote_text,
    reply_subject,
)
from mta.message.headers import one_line, parse_header, split_message
from mta.message.parse import parse_message
from mta.message.tree import decoded, decoded_text, find, parse_tree, walk

from .strategies import MODEST

ANN = Address("Ann Lee", "ann", "a.test")
BEN = Address("Jörg", "ben", "b.test")
PLAIN = Outgoing(
    from_=ANN,
    to=(BEN,),
    subject="Grüße",
    text="Hello\n",
    message_id="m1@a.test",
    date=datetime(2026, 11, 23, 4, 3, tzinfo=UTC),
)
PDF = Upload("plän.pdf", "application/pdf", bytes(range(256)))
LOGO = Upload("logo.png", "image/png", b"png", content_id="logo", inline=True)


def names(raw: bytes) -> list[str]:
    return [field.name for field in parse_header(raw[: split_message(raw)[0]])]


def test_a_plain_message():
    assert build(PLAIN, with_bcc=False) == (
        b"Date: Mon, 23 Nov 2026 04:03:00 +0000\r\n"
        b"From: Ann Lee <ann@a.test>\r\n"
        b"To: =?utf-8?b?SsO2cmc=?= <ben@b.test>\r\n"
        b"Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n"
        b"Message-ID: <m1@a.test>\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=us-ascii\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n\r\n"
        b"Hello\r\n"
    )


@pytest.mark.parametrize(
    ("changes", "types"),
    [
        ({"html": "<p>hi</p>"}, ["multipart/alternative", "text/plain", "text/html"]),
        (
            {"html": "<img src=cid:logo>", "attachments": (LOGO,)},
            ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"],
        ),
        (
            {"html": "<img src=cid:logo>", "attachments": (LOGO, PDF)},
            ["multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png", "application/pdf"],
        ),
        ({"attachments": (PDF,)}, ["multipart/mixed", "text/plain", "application/pdf"]),
        ({"attachments": (LOGO,)}, ["multipart/mixed", "text/plain", "image/png"]),
        ({"attachments": (Upload("x", "message/rfc822", b"Subject: in\n\nbody"),)}, ["multipart/mixed", "text/plain", "message/rfc822", "text/plain"]),
        ({"attachments": (Upload("x", "message/rfc822", b"Subject: in\n\ngr\xc3\xbcn"),)}, ["multipart/mixed", "text/plain", "message/rfc822", "text/plain"]),
        ({"attachments": (Upload("x", "message/rfc822", b"Subject: in\n\n" + b"x" * 1000),)}, ["multipart/mixed", "text/plain", "application/octet-stream"]),
        ({"attachments": (Upload("x", "message/rfc822", b"Subject: in\n\na\0b"),)}, ["multipart/mixed", "text/plain", "application/octet-stream"]),
        ({"attachments": (Upload("x", "message/rfc822", b"Subject: \xff"),)}, ["multipart/mixed", "text/plain", "application/octet-stream"]),
        ({"attachments": (Upload("x", "multipart/mixed; boundary=b", b""),)}, ["multipart/mixed", "text/plain", "application/octet-stream"]),
        ({"attachments": (Upload("x", "text/html\r\nBcc: x", b""),)}, ["multipart/mixed", "text/plain", "application/octet-stream"]),
    ],
)  # fmt: skip
def test_parts_nest_as_clients_expect(changes, types):
    raw = build(replace(PLAIN, **changes), with_bcc=False)
    assert [part.content_type for part in walk(parse_tree(raw))] == types
    assert [
        part.get_content_type() for part in message_from_bytes(raw, policy=policy.default).walk()
    ] == types


def test_bcc_is_only_in_the_copy():
    mail = replace(PLAIN, bcc=(Address("", "secret", "c.test"),))
    assert b"secret" not in build(mail, with_bcc=False)
    assert parse_message(build(mail, with_bcc=True)).bcc == mail.bcc


def test_html_alone_gets_a_readable_text():
    raw = build(replace(PLAIN, text="", html="<p>Hello <b>you</b></p>"), with_bcc=False)
    assert decoded_text(raw, find(parse_tree(raw), "1")).strip() == "Hello you"


def test_a_file_comes_back_as_it_was():
    name = "ein sehr langer Name mit Umlauten äöü und 漢字 der in keine einzelne Zeile passt (final).pdf"
    raw = build(replace(PLAIN, attachments=(replace(PDF, name=name),)), with_bcc=False)
    part = find(parse_tree(raw), "2")
    assert (part.filename, decoded(raw, part)) == (name, PDF.data)
    parsed = message_from_bytes(raw, policy=policy.default)
    assert next(parsed.iter_attachments()).get_filename() == name


def test_a_whole_message_of_eight_bits_goes_as_it_is_and_says_so():
    """RFC 2046 §5.2.1 and RFC 2045 §6.4."""
    inner = b"Subject: in\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\ngr\xc3\xbcn\r\n"
    raw = build(replace(PLAIN, attachments=(Upload("in.eml", "message/rfc822", inner), PDF)), with_bcc=False)
    outer, parsed = parse_tree(raw), message_from_bytes(raw, policy=policy.default)
    part = find(outer, "2")
    assert raw[part.body_start : part.body_end].rstrip() == inner.rstrip()
    assert parsed["Content-Transfer-Encoding"] == "8bit"
    enclosed, pdf = parsed.iter_attachments()
    assert enclosed["Content-Transfer-Encoding"] == "8bit" and pdf["Content-Transfer-Encoding"] == "base64"
    assert enclosed.get_content().get_content().strip() == "grün"


def test_threads_are_named():
    raw = build(
        replace(PLAIN, in_reply_to="p@x", references=tuple(f"{n}@x" for n in range(60))), with_bcc=False
    )
    facts = parse_message(raw)
    assert facts.in_reply_to == ("p@x",) and len(facts.references) == 60


def test_the_same_message_has_the_same_bytes():
    mail = replace(PLAIN, html="<p>x</p>", attachments=(PDF,))
    assert build(mail, with_bcc=False) == build(mail, with_bcc=False)
    assert build(mail, with_bcc=False) != build(replace(mail, message_id="m2@a.test"), with_bcc=False)


def test_a_boundary_never_stands_in_the_text():
    first = build(replace(PLAIN, html="<p>x</p>"), with_bcc=False)
    boundary = parse_tree(first).params["boundary"]
    raw = build(replace(PLAIN, html="<p>x</p>", text=f"--{boundary}--\n"), with_bcc=False)
    assert [part.content_type for part in walk(parse_tree(raw))] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]


def test_further_fields_cannot_replace_ours():
    raw = build(
        replace(
            PLAIN,
            extra_headers=(
                ("List-Unsubscribe", "<mailto:u@a.test>"),
                ("Bcc", "x@y.test"),
                ("Content-Type", "text/html"),
                ("X-A\r\nBcc", "x"),
                ("X-B", "1\r\nBcc: x@y.test"),
                ("", "x"),
                ("X-C", "é"),
            ),
        ),
        with_bcc=False,
    )
    assert names(raw).count("content-type") == 1 and "bcc" not in names(raw)
    assert {"list-unsubscribe", "x-b", "x-c"} <= set(names(raw))


ATTACKS = ["\r\nBcc: x@y.test", "\nBcc: x@y.test", "\r\n\r\nbody", "\u2028Bcc: x", "a\0b", "=?utf-8?q?=0ABcc:?=", "\x0bBcc: x", "\x85Bcc: x", "\ud800"]  # fmt: skip
EXPECTED = ["date", "from", "reply-to", "to", "cc", "subject", "message-id", "in-reply-to", "references", "x-a", "mime-version", "content-type"]  # fmt: skip


def attacked(text: str) -> Outgoing:
    person = Address(text, text, text)
    return replace(
        PLAIN,
        from_=person,
        to=(person,),
        cc=(person,),
        reply_to=(person,),
        subject=text,
        message_id=f"i{text}",
        in_reply_to=f"i{text}",
        references=(f"i{text}",),
        attachments=(Upload(text, text, b"", content_id=text),),
        extra_headers=(("X-A", text),),
    )


@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_no_field_lets_another_one_in(attack):
    raw = build(attacked(attack), with_bcc=False)
    assert names(raw) == EXPECTED
    assert b"\0" not in raw and raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
    assert "bcc" not in {key.lower() for key in message_from_bytes(raw, policy=policy.compat32)}


@MODEST
@given(st.text(max_size=60))
def test_no_text_lets_another_field_in(text):
    raw = build(attacked(text), with_bcc=False)
    assert names(raw) == EXPECTED
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
    assert max(map(len, raw.split(b"\r\n"))) <= 998


@MODEST
@given(st.text(max_size=300), st.text(max_size=300))
def test_what_was_built_reads_back(subject, text):
    html = "<p>x</p>" if text.strip() else None
    raw = build(replace(PLAIN, subject=subject, text=text, html=html), with_bcc=False)
    facts = parse_message(raw)
    assert facts.subject == one_line(subject)[:998]
    assert (facts.from_, facts.to, facts.message_id) == ((ANN,), (BEN,), "m1@a.test")
    part = find(parse_tree(raw), "1")
    expected = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    got = decoded(raw, part).decode(part.params["charset"]).replace("\r\n", "\n")
    assert got == expected.encode("utf-8", "replace").decode()


def test_lines_are_never_too_long():
    raw = build(
        replace(PLAIN, subject="x" * 5000, text="y" * 5000, cc=(BEN,) * 300, references=("r" * 2000,)),
        with_bcc=False,
    )
    assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_ids_are_fresh_and_of_the_domain():
    assert new_message_id("a.test") != new_message_id("a.test")
    assert new_message_id("a.test").endswith("@a.test")


def test_subjects_of_answers():
    assert reply_subject("AW: Re: Hello") == "Re: Hello"
    assert reply_subject("") == "Re:"
    assert forward_subject("Re: Hello") == "Fwd: Hello"


def test_quoted_text():
    assert quote_text("a\r\n\n> b\n", "Ann wrote:") == "Ann wrote:\n> a\n>\n>> b\n"
