"""Delivery reports: what we write, others and we can read."""

from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.message.headers import parse_header, split_message
from mta.message.parse import parse_message
from mta.message.report import RecipientReport, build_dsn, parse_dsn
from mta.message.tree import decoded_text, find, parse_tree, walk

from .strategies import MODEST, mailish

ORIGINAL = b"From: ann@a.test\r\nSubject: Plans\r\nMessage-ID: <1@a.test>\r\n\r\nthe body\r\n"
FAILED = RecipientReport(
    "ben@b.test",
    "failed",
    "5.1.1",
    diagnostic="550 5.1.1 No such user",
    remote_mta="mx.b.test",
    original_recipient="rfc822;ben@b.test",
    last_attempt_us=1795402980_000000,
    explanation="There is no mailbox of that name.",
)


def dsn(*recipients: RecipientReport, original: bytes = ORIGINAL, full: bool = False) -> bytes:
    return build_dsn(
        recipients,
        original,
        to="ann@a.test",
        reporting_mta="mail.a.test",
        message_id="dsn1@mail.a.test",
        when_us=1795402980_000000,
        arrival_us=1795402000_000000,
        envelope_id="env1",
        return_full=full,
    )


def test_a_report_is_a_multipart_report():
    raw = dsn(FAILED, full=True)
    assert [part.content_type for part in walk(parse_tree(raw))] == [
        "multipart/report",
        "text/plain",
        "message/delivery-status",
        "message/rfc822",
        "text/plain",
    ]
    facts = parse_message(raw)
    assert facts.subject == "Not delivered: Plans" and facts.auto_submitted
    assert facts.references == ("1@a.test",)
    parsed = message_from_bytes(raw, policy=policy.default)
    assert parsed.get_content_type() == "multipart/report" and not parsed.defects


def test_a_person_can_read_it():
    raw = dsn(FAILED, RecipientReport("c@c.test", "delayed", "4.4.1", will_retry_until_us=1795402980_000000))
    text = decoded_text(raw, find(parse_tree(raw), "1"))
    assert "Your message “Plans” could not be delivered to:\n\n    ben@b.test\n" in text
    assert "There is no mailbox of that name." in text
    assert "The server mx.b.test said: 550 5.1.1 No such user" in text
    assert "We keep trying until Mon, 23 Nov 2026 03:03:00 +0000." in text


def test_a_report_reads_back():
    report = parse_dsn(dsn(FAILED))
    assert (report.reporting_mta, report.envelope_id) == ("mail.a.test", "env1")
    assert report.original_message_id == "1@a.test"
    (found,) = report.recipients
    assert (found.recipient, found.action, found.status) == ("ben@b.test", "failed", "5.1.1")
    assert (found.diagnostic, found.remote_mta) == (FAILED.diagnostic, FAILED.remote_mta)
    assert found.original_recipient == "rfc822;ben@b.test"


def test_only_the_header_comes_back_unless_all_was_asked_for():
    assert b"the body" not in dsn(FAILED)
    assert b"the body" in dsn(FAILED, full=True)
    assert b"the body" not in dsn(FAILED, original=ORIGINAL + b"x\r\n" * 50_000, full=True)
    assert b"the body" not in dsn(FAILED, original=ORIGINAL + b"x" * 2000, full=True)


@pytest.mark.parametrize(
    "original", [b"", b"no header", b"Subject: \xff\xfe\r\n\r\n\xff", b"=_report_dsn1mailatest"]
)
def test_any_original_can_be_reported(original):
    for full in (False, True):
        raw = dsn(FAILED, original=original, full=full)
        assert parse_dsn(raw).recipients[0].recipient == "ben@b.test"


def test_reports_of_other_servers():
    raw = b"""Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

Sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns;mx.x.test

Final-Recipient: RFC822; <a@x.test>
Action: FAILED
Status: 5.7.1 (policy)
Diagnostic-Code: smtp;550-5.7.1 long
 550 5.7.1 words

Final-Recipient: rfc822;b@x.test
Action: nonsense
--b
Content-Type: text/rfc822-headers

Message-ID: <9@a.test>
--b--
""".replace(b"\n", b"\r\n")
    report = parse_dsn(raw)
    assert report.original_message_id == "9@a.test"
    assert [(each.recipient, each.action, each.status) for each in report.recipients] == [
        ("a@x.test", "failed", "5.7.1"),
        ("b@x.test", "failed", ""),
    ]
    assert report.recipients[0].diagnostic == "550-5.7.1 long 550 5.7.1 words"


def test_other_mail_is_no_report():
    assert parse_dsn(ORIGINAL) is None
    assert parse_dsn(b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nx") is None


@MODEST
@given(st.text(max_size=80))
def test_other_servers_words_stay_in_their_field(text):
    raw = dsn(
        RecipientReport(
            text, "failed", text, diagnostic=text, remote_mta=text, original_recipient=text, explanation=text
        )
    )
    fields = [field.name for field in parse_header(raw[: split_message(raw)[0]])]
    assert "bcc" not in fields and len(fields) <= 9
    assert len(parse_dsn(raw).recipients) == 1
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")


@MODEST
@given(mailish)
def test_reading_a_report_never_raises(raw):
    parse_dsn(
        b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        + raw
    )
    parse_dsn(raw)
