"""Sending from the web client and from mail programs: one transaction, or nothing."""

from email import message_from_bytes

import dkim
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mta.flow import submit
from mta.flow.errors import (
    AlreadySent,
    BadMessage,
    BadRecipient,
    NoRecipients,
    NotYours,
    Refused,
    TooBig,
    TooManyRecipients,
)
from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.message.dkim import public_record
from mta.queue import service as queue
from mta.queue.errors import TooLate
from mta.queue.models import Outgoing, QueuedBytes
from mta.tracing import service as tracing
from mta.values import ANSWERED, INBOX, SEEN, SENT, now_us
from tests.mail import mail
from tests.mta.flow.conftest import CAUSE


def states(outgoing):
    return {state.address: state.state for state in queue.recipients(outgoing)}


# --- the web client
def test_a_sent_draft_is_in_sent_in_the_recipients_inbox_and_in_the_queue(office):
    sent = office.send("ben@a.test", "carl@outside.test")
    (copy,) = office.box(office.ann, "sent")
    assert (copy.id, copy.subject, copy.flags & SEEN) == (sent.message, "Lunch", SEEN)
    (arrived,) = office.box(office.ben, "inbox")
    assert (arrived.subject, arrived.flags & SEEN) == ("Lunch", 0)
    assert states(sent.outgoing) == {"ben@a.test": "delivered", "carl@outside.test": "queued"}
    assert queue.outgoing(sent.outgoing).message == sent.message
    assert mailstore.draft(office.ann, queue.outgoing(sent.outgoing).draft).state == "sent"
    found = queue.states_for(office.ann, messages=[sent.message])[sent.message]
    assert [state.said for state in found] == ["Delivered.", "Waiting to be sent."]


def test_the_copy_here_names_who_it_was_for_and_the_queue_holds_the_same_bytes(office):
    sent = office.send("ben@a.test", "carl@outside.test")
    raw = office.raw(office.ben, "inbox")
    assert raw.startswith(b"Return-Path: <ann@a.test>\r\nDelivered-To: ben@a.test\r\n")
    assert raw.endswith(queue.raw(sent.outgoing))


def test_only_the_copy_in_sent_shows_bcc(office):
    sent = office.send("ben@a.test", bcc=(("", "carl@outside.test"), ("", "both@a.test")))
    assert b"Bcc: carl@outside.test" in office.raw(office.ann, "sent").replace(b"\r\n ", b" ")
    assert b"carl@" not in queue.raw(sent.outgoing)
    assert b"carl@" not in office.raw(office.ben, "inbox")
    assert b"both@" not in office.raw(office.ben, "inbox")
    assert len(office.box(office.ben, "inbox")) == 1


def test_what_goes_out_is_signed_for_the_domain_of_from(office, signing_key):
    sent = office.send("carl@outside.test")
    raw = queue.raw(sent.outgoing)
    record = public_record(load_pem_private_key(signing_key.private_key, password=None)).encode()
    assert dkim.verify(raw, dnsfunc=lambda name, timeout=5: record)
    message = message_from_bytes(raw)
    assert (message["From"], message["To"], message["Message-ID"]) == (
        "Ann <ann@a.test>", "carl@outside.test", "<draft1@a.test>",
    )  # fmt: skip
    assert message.get_payload() == "At noon?"


def test_html_goes_out_with_its_quotation_and_files(office):
    draft = office.draft(
        "carl@outside.test", html="<p>Hi</p>", text="Hi", quoted_html="<blockquote>old</blockquote>"
    )
    mailstore.attach(office.ann, draft, "a.txt", "text/plain", b"file!", cause=CAUSE)
    sent = submit.submit_draft(office.ann, 1, draft, cause=CAUSE)
    parts = [part for part in message_from_bytes(queue.raw(sent.outgoing)).walk() if not part.is_multipart()]
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html", "text/plain"]
    assert b"<p>Hi</p><blockquote>old</blockquote>" in parts[1].get_payload(decode=True)
    assert (parts[2].get_filename(), parts[2].get_payload(decode=True)) == ("a.txt", b"file!")


def test_an_alias_reaches_each_of_its_mailboxes_and_what_lies_outside(office):
    sent = office.send("both@a.test", "away@a.test")
    assert len(office.box(office.ann, "inbox")) == len(office.box(office.ben, "inbox")) == 1
    assert states(sent.outgoing) == {"both@a.test": "delivered", "away@a.test": "delivered"}
    forwarded = Outgoing.objects.get(kind="forward")
    assert (forwarded.sender, states(forwarded.id)) == ("ann@a.test", {"away@outside.test": "queued"})


@pytest.mark.parametrize(
    ("to", "fields", "error", "words"),
    [
        (["nobody@a.test"], {}, BadRecipient, "There is no mailbox nobody@a.test here."),
        (["not an address"], {}, BadRecipient, "“not an address” is not a mail address."),
        (["a b@outside.test"], {}, BadRecipient, "“a b@outside.test” is not a mail address."),
        ([], {}, NoRecipients, "Add at least one recipient."),
        ([f"u{n}@outside.test" for n in range(501)], {}, TooManyRecipients, "A message can go to 500"),
        (["ben@a.test"], {"identity": "boss@b.test"}, NotYours, "You may not send as boss@b.test."),
        (["ben@a.test"], {"identity": ""}, NotYours, "You may not send as nobody."),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_happens(office, to, fields, error, words):
    with pytest.raises(error) as refused:
        office.send(*to, **fields)
    assert str(refused.value).startswith(words)
    assert isinstance(refused.value, Refused)
    assert office.box(office.ann, "sent") == office.box(office.ben, "inbox") == []
    assert not Outgoing.objects.exists()


def test_a_message_over_the_limit_is_refused(office, settings):
    settings.MAX_MESSAGE_SIZE = 2 << 20
    with pytest.raises(TooBig, match="too big: 3 MB of at most 2 MB"):
        office.send("ben@a.test", text="x" * 75 + "\n" + "y" * (2 << 20))


def test_a_draft_is_sent_once(office):
    draft = office.draft("ben@a.test")
    submit.submit_draft(office.ann, 1, draft, cause=CAUSE)
    with pytest.raises(AlreadySent):
        submit.submit_draft(office.ann, 1, draft, cause=CAUSE)
    with pytest.raises(AlreadySent):
        submit.submit_draft(office.ann, 1, 999_999, cause=CAUSE)
    assert len(office.box(office.ben, "inbox")) == 1


def test_the_answered_message_is_marked_and_the_answer_joins_its_conversation(office):
    inbox = mailstore.mailbox_by_role(office.ann, "inbox").id
    parent = mailstore.append(
        office.ann, inbox, mail(subject="Lunch", message_id="q@outside.test"), cause=CAUSE
    )
    sent = office.send(
        "carl@outside.test",
        subject="Re: Lunch",
        mode="reply",
        parent=parent.message,
        in_reply_to="q@outside.test",
        references=("q@outside.test",),
    )
    assert mailstore.message(office.ann, parent.message).flags & ANSWERED
    assert mailstore.message(office.ann, sent.message).thread == parent.thread


def test_a_forwarded_message_is_marked_as_such_and_a_vanished_parent_is_no_trouble(office):
    inbox = mailstore.mailbox_by_role(office.ann, "inbox").id
    parent = mailstore.append(office.ann, inbox, mail(), cause=CAUSE)
    office.send("carl@outside.test", mode="forward", parent=parent.message)
    assert "$Forwarded" in mailstore.message(office.ann, parent.message).keywords
    assert office.send("carl@outside.test", mode="reply", parent=999_999).outgoing


def test_a_full_or_suspended_mailbox_here_waits_in_the_queue(office):
    mailstore.set_quota(office.ben, 10)
    sent = office.send("ben@a.test", "shut@a.test")
    assert states(sent.outgoing) == {"ben@a.test": "queued", "shut@a.test": "queued"}
    assert office.box(office.ben, "inbox") == []


def test_when_the_transaction_fails_nothing_of_it_remains(office, monkeypatch):
    def broken(events):
        raise OSError("disk")

    monkeypatch.setattr(tracing, "record", broken)
    draft = office.draft("ben@a.test", "carl@outside.test")
    with pytest.raises(OSError, match="disk"):
        submit.submit_draft(office.ann, 1, draft, cause=CAUSE)
    assert office.box(office.ann, "sent") == office.box(office.ben, "inbox") == []
    assert mailstore.draft(office.ann, draft).state == "open"
    assert not Outgoing.objects.exists()


def test_the_timeline_tells_what_happened(office):
    sent = office.send("ben@a.test", "carl@outside.test")
    events = [(event.kind, event.recipient) for event in tracing.timeline(sent.trace_id)]
    assert events == [("submitted", ""), ("placed", "ben@a.test"), ("queued", "carl@outside.test")]


# --- taking it back
def test_during_the_delay_nothing_is_delivered_anywhere_and_undo_brings_the_draft_back(office):
    inbox = mailstore.mailbox_by_role(office.ann, "inbox").id
    parent = mailstore.append(office.ann, inbox, mail(), cause=CAUSE)
    sent = office.send(
        "ben@a.test", "carl@outside.test", undo_seconds=10, mode="reply", parent=parent.message
    )
    assert office.box(office.ben, "inbox") == []
    assert states(sent.outgoing) == {"ben@a.test": "held", "carl@outside.test": "held"}
    assert queue.claim(limit=10) == ()
    assert mailstore.message(office.ann, parent.message).flags & ANSWERED
    draft = submit.cancel(office.ann, sent.outgoing, cause=CAUSE)
    assert mailstore.draft(office.ann, draft).state == "open"
    assert office.box(office.ann, "sent") == []
    assert not mailstore.message(office.ann, parent.message).flags & ANSWERED
    assert not QueuedBytes.objects.exists()
    again = submit.submit_draft(office.ann, 1, draft, cause=CAUSE)
    assert states(again.outgoing)["ben@a.test"] == "delivered"


def test_undo_leaves_an_older_answer_marked(office):
    inbox = mailstore.mailbox_by_role(office.ann, "inbox").id
    parent = mailstore.append(office.ann, inbox, mail(), flags=ANSWERED, cause=CAUSE)
    sent = office.send("ben@a.test", undo_seconds=10, mode="reply", parent=parent.message)
    submit.cancel(office.ann, sent.outgoing, cause=CAUSE)
    assert mailstore.message(office.ann, parent.message).flags & ANSWERED


def test_after_the_delay_it_is_too_late(office):
    sent = office.send("ben@a.test", undo_seconds=1)
    queue.claim(limit=10, now=now_us() + 2_000_000)
    with pytest.raises(TooLate):
        submit.cancel(office.ann, sent.outgoing, cause=CAUSE)
    assert len(office.box(office.ann, "sent")) == 1


# --- mail programs
def submission(office, *to, raw=None, sender="Ann <ann@a.test>", **more):
    raw = raw if raw is not None else mail(sender=sender, to=", ".join(to), **more)
    return submit.submit_raw(
        raw, login=office.login, mail_from="ann@a.test", recipients=to, client="laptop", ip="192.0.2.7"
    )


def test_a_submitted_message_gets_a_trace_line_and_a_signature_and_no_copy_in_sent(office):
    sent = submission(office, "ben@a.test", "carl@outside.test", message_id="x1@laptop")
    raw = queue.raw(sent.outgoing)
    assert raw.startswith(b"Received: from laptop ")
    assert b"DKIM-Signature:" in raw
    assert office.box(office.ann, "sent") == []
    assert len(office.box(office.ben, "inbox")) == 1
    assert queue.states_for(office.ann, header_ids=["x1@laptop"])["x1@laptop"][0].state == "delivered"


def test_what_a_mail_program_left_out_is_added_and_bcc_is_removed(office):
    raw = (
        b"From: ann@a.test\r\nBcc: hidden@outside.test,\r\n other@outside.test\r\nSubject: x\r\n"
        b"bcc: more@outside.test\r\n\r\nBcc: this is text\r\n"
    )
    message = message_from_bytes(queue.raw(submission(office, "carl@outside.test", raw=raw).outgoing))
    assert message["Date"]
    assert message["Message-ID"].endswith("@mail.example.test>")
    assert message["Bcc"] is None
    assert message["Subject"] == "x"
    assert message.get_payload() == "Bcc: this is text\r\n"


def test_a_complete_message_goes_out_byte_for_byte_under_what_we_add(office):
    raw = mail(sender="ann@a.test", body="tab\there  \r\n.\r\n\xe4", extra="X-Odd:   spaces  ")
    assert queue.raw(submission(office, "carl@outside.test", raw=raw).outgoing).endswith(raw)


@pytest.mark.parametrize(
    ("sender", "error"),
    [
        ("Boss <boss@b.test>", NotYours),
        ("ann@a.test, boss@b.test", NotYours),
        ("ann@a.test\r\nFrom: boss@b.test", BadMessage),
        ('"ann@a.test" <boss@b.test>', NotYours),
        ("boss@b.test (ann@a.test)", NotYours),
        ("Ann", BadMessage),
        ("ann@a.test\r\nSender: boss@b.test", NotYours),
        ("ann@a.test\r\nSender: ann@a.test\r\nSender: boss@b.test", BadMessage),
    ],
)
def test_a_mail_program_may_only_send_as_its_user(office, sender, error):
    with pytest.raises(error):
        submission(office, "ben@a.test", sender=sender)
    assert not Outgoing.objects.exists()


def test_a_message_without_from_is_refused_with_a_reply(office):
    with pytest.raises(BadMessage) as refused:
        submission(office, "ben@a.test", raw=b"Subject: x\r\n\r\nhello\r\n")
    assert (refused.value.code, refused.value.enhanced) == (554, "5.6.0")


def test_an_unknown_address_here_is_refused_for_mail_programs_too(office):
    with pytest.raises(BadRecipient) as refused:
        submission(office, "nobody@a.test")
    assert (refused.value.code, refused.value.enhanced) == (550, "5.1.1")


def test_capitals_in_front_of_the_at_are_left_as_they_are(office):
    sent = submission(office, "Carl.X@OUTSIDE.test", "BEN@a.test", "carl.x@outside.test")
    assert set(states(sent.outgoing)) == {"Carl.X@outside.test", "BEN@a.test"}
    assert len(office.box(office.ben, "inbox")) == 1


def test_what_is_sent_carries_the_labels_that_its_writer_chose(office):
    work, gone = (mailstore.create_mailbox(office.ann, name, cause=CAUSE).id for name in ("Work", "Gone"))
    theirs = mailstore.create_mailbox(office.ben, "Theirs", cause=CAUSE).id
    mailstore.delete_mailbox(office.ann, "Gone", cause=CAUSE)
    inbox = mailstore.mailbox_by_role(office.ann, INBOX).id
    labels = (work, gone, theirs, inbox, 10**9)
    sent = office.send("x@outside.test", undo_seconds=10, labels=labels)
    rows = mailstore.changes(office.ann, work).rows
    assert [row.message for row in rows] == [sent.message] and office.box(office.ann, INBOX) == []
    assert len(office.box(office.ann, SENT)) == 1 and differences(office.ann) == []
    submit.cancel(office.ann, sent.outgoing, cause=CAUSE)
    assert mailstore.changes(office.ann, work).rows == () and office.box(office.ann, SENT) == []
    assert differences(office.ann) == []


def test_the_trace_tells_what_the_spam_filter_makes_of_what_is_sent(office):
    sent = office.send(
        "x@far.test", subject="YOUR ACCOUNT IS LIMITED", text="See http://192.0.2.7/login at once"
    )
    (event,) = [each for each in tracing.timeline(sent.trace_id) if each.kind == tracing.SUBMITTED]
    assert "a number instead of a name" in event.detail["spam"]
