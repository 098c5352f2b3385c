"""The facts of a message, and that no bytes keep us from having them."""

import time

import pytest
from hypothesis import given

from mta.message.address import Address
from mta.message.parse import Attachment, Facts, body_text, parse_message, search_sections
from mta.message.tree import parse_tree

from .imap_syntax import check_body, check_envelope
from .samples import ALTERNATIVE_WITH_FILE, crlf
from .strategies import MODEST, mailish


def test_all_facts_of_a_reply():
    facts = parse_message(ALTERNATIVE_WITH_FILE)
    assert facts.subject == "Re: [list] Plans"
    assert (facts.base_subject, facts.is_reply) == ("plans", True)
    assert facts.from_ == (Address("Jörg", "joerg", "b.test"),)
    assert facts.to == (Address("Ann", "ann", "a.test"),)
    assert (facts.cc, facts.bcc, facts.reply_to, facts.delivered_to) == ((), (), (), ())
    assert facts.sent_at == 1795402980 * 1_000_000
    assert facts.message_id == "2@b.test"
    assert (facts.in_reply_to, facts.references) == (("1@a.test",), ("0@a.test", "1@a.test"))
    assert facts.snippet == "Hello Ann, see the file."
    assert facts.attachments == (Attachment("2", "plän.pdf", "application/pdf", 5, False, ""),)
    assert (facts.bulk, facts.auto_submitted, facts.list_id) == (False, False, "")
    assert facts.size == len(ALTERNATIVE_WITH_FILE)
    assert (
        facts.head_complete and facts.head.startswith(b"From: =?utf-8") and b"MIME-Version" not in facts.head
    )
    sections = search_sections(facts.search_text)
    assert sections["from"] == "Jörg joerg@b.test" and sections["filename"] == "plän.pdf"
    assert sections["body"].startswith("Hello Ann,\nsee the file.")


def with_parts(*parts: str, kind: str = "mixed", header: str = "") -> bytes:
    body = "".join(f"--b\n{part}\n" for part in parts)
    return crlf(f"{header}Content-Type: multipart/{kind}; boundary=b\n\n{body}--b--\n")


TEXT = "Content-Type: text/plain\n\nhello"
HTML = "Content-Type: text/html\n\n<p>hello <img src=cid:i></p>"
IMAGE = "Content-Type: image/png; name=i.png\nContent-ID: <i>\n\nxxx"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (with_parts(TEXT, HTML, kind="alternative"), []),
        (with_parts(HTML, IMAGE, kind="related"), [("2", "i.png", True)]),
        (with_parts(TEXT, IMAGE), [("2", "i.png", False)]),
        (with_parts(TEXT, "Content-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nx"), [("2", "a.txt", False)]),
        (with_parts(TEXT, "Content-Type: text/plain\nContent-Disposition: inline; filename=a.txt\n\nx"), [("2", "a.txt", True)]),
        (with_parts(TEXT, "Content-Type: text/plain\n\nfooter of a list"), []),
        (with_parts(TEXT, "Content-Type: text/calendar\n\nBEGIN", kind="alternative"), []),
        (with_parts(TEXT, "Content-Type: application/pgp-signature; name=s.asc\n\nx", kind="signed"), []),
        (with_parts(TEXT, "Content-Type: message/rfc822\n\nSubject: in\n\nbody"), [("2", "in.eml", False)]),
        (with_parts(TEXT, "Content-Type: message/delivery-status\n\nx", "Content-Type: message/rfc822\n\nA: b\n\nc", kind="report"), []),
        (crlf("Content-Type: application/pdf; name=a.pdf\n\nx"), [("1", "a.pdf", False)]),
        (crlf("Content-Type: text/plain; name=body.txt\n\nhello"), []),
        (crlf("Content-Type: multipart/mixed\n\nhello"), []),
    ],
)  # fmt: skip
def test_attachments_are_files_and_not_the_text(raw, expected):
    assert [(each.number, each.name, each.inline) for each in parse_message(raw).attachments] == expected


def test_the_text_of_alternatives_is_read_once():
    raw = with_parts(TEXT, HTML, kind="alternative")
    assert body_text(raw, parse_tree(raw)) == "hello"
    raw = with_parts("Content-Type: text/plain\n\n", HTML, kind="alternative")
    assert body_text(raw, parse_tree(raw)) == "hello"


@pytest.mark.parametrize(
    ("header", "auto", "bulk"),
    [
        ("Auto-Submitted: auto-replied; x=y", True, False),
        ("Auto-Submitted: no", False, False),
        ("Precedence: bulk", False, True),
        ("Precedence: auto_reply", True, False),
        ("List-Unsubscribe: <mailto:x@y.test>", False, True),
        ("X-Autoreply: yes", True, False),
    ],
)
def test_machines_and_lists_are_known(header, auto, bulk):
    facts = parse_message(crlf(f"{header}\n\n"))
    assert (facts.auto_submitted, facts.bulk) == (auto, bulk)


def test_the_list_is_named_by_its_id():
    assert (
        parse_message(b'List-Id: "The List" <The.List.example.test>\r\n\r\n').list_id
        == "the.list.example.test"
    )
    assert parse_message(b"Delivered-To: <Ann@b.test>\r\nDelivered-To: x@y.test\r\n\r\n").delivered_to == (
        "ann@b.test",
        "x@y.test",
    )


def test_an_oversized_head_is_left_out():
    facts = parse_message(b"To: " + b"a@b.test,\r\n " * 8000 + b"\r\n\r\nx")
    assert (facts.head, facts.head_complete) == (b"", False)


def test_ids_are_a_hundred_in_all():
    ids = " ".join(f"<{n}@x>" for n in range(150))
    facts = parse_message(f"References: {ids}\r\nIn-Reply-To: <p@x> <q@x>\r\n\r\n".encode())
    assert len({*facts.references, *facts.in_reply_to}) == 100
    assert facts.references[0] == "0@x" and facts.references[-1] == "149@x"


def test_search_text_is_bounded_and_in_sections():
    raw = b"Subject: s\r\nTo: " + b"a@b.test, " * 400 + b"\r\n\r\n" + b"word " * 100_000
    facts = parse_message(raw)
    assert len(facts.search_text) <= 200_000
    assert search_sections(facts.search_text)["subject"] == "s"
    assert search_sections("") == dict.fromkeys(
        ("subject", "from", "to", "cc", "bcc", "filename", "body"), ""
    )


def texts(facts: Facts) -> list[str]:
    people = (*facts.from_, *facts.to, *facts.cc, *facts.bcc, *facts.reply_to)
    return [
        *(
            facts.subject,
            facts.base_subject,
            facts.message_id,
            facts.list_id,
            facts.snippet,
            facts.search_text,
        ),
        *(*facts.in_reply_to, *facts.references, *facts.delivered_to),
        *(text for each in people for text in (each.name, each.local, each.domain)),
        *(
            text
            for each in facts.attachments
            for text in (each.number, each.name, each.type, each.content_id)
        ),
    ]


@MODEST
@given(mailish)
def test_no_bytes_keep_a_message_from_being_parsed(raw):
    facts = parse_message(raw)
    for text in texts(facts):
        text.encode()
        assert not any(char < " " and char not in "\n\t" for char in text)
    check_envelope(facts.envelope)
    check_body(facts.bodystructure, extended=True)
    check_body(facts.body, extended=False)
    assert parse_message(raw) == facts


def test_an_ordinary_mail_is_parsed_in_about_a_millisecond():
    raw = ALTERNATIVE_WITH_FILE.replace(b"Hello Ann,", b"Hello Ann, this is a line of text.\r\n" * 100)
    assert len(raw) > 4000
    best = min(_seconds(raw) for _ in range(20))
    assert best < 0.003  # a third of a millisecond on the machine this was written on


def _seconds(raw: bytes) -> float:
    start = time.perf_counter()
    parse_message(raw)
    return time.perf_counter() - start
