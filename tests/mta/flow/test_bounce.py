"""What becomes of recipients that could not be reached, and who hears of it."""

import pytest

from mta.flow import bounce, local, sealing, submit
from mta.mailstore import service as mailstore
from mta.message.report import parse_dsn
from mta.queue import service as queue
from mta.queue.models import Outgoing, QueuedRecipient
from mta.queue.schedule import DAY, HOUR
from mta.queue.values import DEFERRED, DELIVERED, FAILED, FORWARD, NewOutgoing, NewRecipient, Outcome
from mta.tracing import service as tracing
from mta.values import SEEN, now_us
from tests.mail import mail

NO = Outcome(FAILED, "no mailbox", 550, "5.1.1", "5.1.1 who?", "mx.outside.test", "192.0.2.1")
WAIT = Outcome(DEFERRED, "mailbox full", 452, "4.2.2", "4.2.2 full", "mx.outside.test")
OK = Outcome(DELIVERED, "delivered", 250, "2.0.0", "ok", "mx.outside.test")


def settle(outgoing, outcomes, *, now=None):
    """Claim everything due and settle it as the mapping says."""
    now = now or now_us()
    info, raw = queue.outgoing(outgoing), queue.raw(outgoing)
    claims = queue.claim(limit=50, now=now)
    assert claims
    bounce.settle(info, [(claimed, outcomes[claimed.address]) for claimed in claims], raw=raw, now=now)
    return claims


def submission(office, *to):
    return submit.submit_raw(
        mail(sender="ann@a.test", to=", ".join(to), message_id="s1@laptop"),
        login=office.login,
        mail_from="ann@a.test",
        recipients=to,
        client="laptop",
        ip="192.0.2.7",
    )


def test_a_failure_of_web_mail_is_reported_in_its_conversation_and_unread_in_the_inbox(office):
    sent = office.send("x@outside.test", "y@outside.test", "z@outside.test")
    settle(sent.outgoing, {"x@outside.test": NO, "y@outside.test": OK, "z@outside.test": NO})
    (notice,) = office.box(office.ann, "inbox")
    assert notice.subject == "Not delivered: Lunch"
    assert not notice.flags & SEEN
    assert notice.thread == mailstore.message(office.ann, sent.message).thread
    report = parse_dsn(mailstore.raw(office.ann, notice.id))
    assert [(each.recipient, each.action, each.status) for each in report.recipients] == [
        ("x@outside.test", "failed", "5.1.1"),
        ("z@outside.test", "failed", "5.1.1"),
    ]
    assert report.original_message_id == "draft1@a.test"
    assert b"There is no mailbox x@outside.test." in mailstore.raw(office.ann, notice.id)


def test_a_failure_of_a_mail_programs_mail_lands_unread_in_the_inbox(office):
    sent = submission(office, "x@outside.test")
    settle(sent.outgoing, {"x@outside.test": NO})
    (notice,) = office.box(office.ann, "inbox")
    assert not notice.flags & SEEN
    assert mailstore.raw(office.ann, notice.id).startswith(b"Return-Path: <>\r\n")
    kinds = [(event.kind, event.recipient) for event in tracing.timeline(sent.trace_id)]
    assert ("bounced", "x@outside.test") in kinds


def test_a_sender_outside_is_told_through_the_queue_from_nobody(office):
    forwarded = queue.enqueue(
        NewOutgoing(FORWARD, "carl@outside.test", mail(), (NewRecipient("x@elsewhere.test"),), trace_id="t1")
    )
    settle(forwarded, {"x@elsewhere.test": NO})
    notice = Outgoing.objects.get(kind="report")
    assert notice.sender == ""
    assert [state.address for state in queue.recipients(notice.id)] == ["carl@outside.test"]
    assert parse_dsn(queue.raw(notice.id)).recipients[0].recipient == "x@elsewhere.test"
    settle(notice.id, {"carl@outside.test": NO})
    assert Outgoing.objects.filter(kind="report").count() == 1


def test_who_wrote_what_was_sent_on_under_a_sender_of_ours_is_told(office):
    ours = sealing.sender("carl@outside.test", domain="a.test", at=now_us())
    assert ours.endswith("@a.test")
    forwarded = queue.enqueue(NewOutgoing(FORWARD, ours, mail(), (NewRecipient("x@elsewhere.test"),)))
    settle(forwarded, {"x@elsewhere.test": NO})
    notice = Outgoing.objects.get(kind="report")
    assert [state.address for state in queue.recipients(notice.id)] == ["carl@outside.test"]


def test_nobody_hears_of_mail_from_nobody_or_from_an_address_that_is_gone(office):
    for sender in ("", "gone@a.test"):
        queued = queue.enqueue(NewOutgoing(FORWARD, sender, mail(), (NewRecipient("x@elsewhere.test"),)))
        settle(queued, {"x@elsewhere.test": NO})
        assert [state.state for state in queue.recipients(queued)] == [FAILED]
    assert not Outgoing.objects.filter(kind="report").exists()


def test_a_refusal_for_now_is_no_reason_to_write_until_it_lasts_for_hours_and_then_once(office):
    sent = submission(office, "x@outside.test")
    settle(sent.outgoing, {"x@outside.test": WAIT})
    assert office.box(office.ann, "inbox") == []
    for hours in (5, 20):
        QueuedRecipient.objects.update(next_attempt=0)
        settle(sent.outgoing, {"x@outside.test": WAIT}, now=now_us() + hours * HOUR)
    (notice,) = office.box(office.ann, "inbox")
    assert notice.subject == "Delivery is delayed: Lunch"
    report = parse_dsn(mailstore.raw(office.ann, notice.id))
    assert (report.recipients[0].action, report.recipients[0].status) == ("delayed", "4.2.2")


def test_the_web_client_shows_a_delay_instead_of_writing_about_it(office):
    sent = office.send("x@outside.test")
    settle(sent.outgoing, {"x@outside.test": WAIT}, now=now_us() + 5 * HOUR)
    assert office.box(office.ann, "inbox") == []
    (state,) = queue.states_for(office.ann, messages=[sent.message])[sent.message]
    assert (state.said, state.state) == ("The mailbox x@outside.test is full.", DEFERRED)


def test_after_five_days_the_sender_is_told_that_we_have_given_up(office):
    sent = office.send("x@outside.test")
    settle(sent.outgoing, {"x@outside.test": WAIT}, now=now_us() + 5 * DAY)
    (notice,) = office.box(office.ann, "inbox")
    raw = mailstore.raw(office.ann, notice.id)
    assert parse_dsn(raw).recipients[0].status == "5.4.7"
    assert b"We tried for five days and have given up." in raw.replace(b"=\r\n", b"")
    assert [state.state for state in queue.recipients(sent.outgoing)] == ["expired"]


def test_who_asked_never_to_be_told_is_not_told(office):
    queued = queue.enqueue(
        NewOutgoing("submission", "ann@a.test", mail(), (NewRecipient("x@elsewhere.test", notify="NEVER"),))
    )
    settle(queued, {"x@elsewhere.test": NO})
    assert office.box(office.ann, "inbox") == []


def test_a_report_and_the_state_it_tells_of_are_one_transaction(office, monkeypatch):
    sent = office.send("x@outside.test")
    monkeypatch.setattr(tracing, "record", lambda events: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        settle(sent.outgoing, {"x@outside.test": NO})
    assert office.box(office.ann, "inbox") == []
    assert [state.state for state in queue.recipients(sent.outgoing)] == ["delivering"]


def test_a_lease_that_ran_out_takes_only_its_own_recipient_out_of_the_report(office):
    sent = office.send("x@outside.test", "y@outside.test")
    info, raw = queue.outgoing(sent.outgoing), queue.raw(sent.outgoing)
    claims = queue.claim(limit=10)
    QueuedRecipient.objects.filter(address="x@outside.test").update(claim="somebody else")
    bounce.settle(info, [(claimed, NO) for claimed in claims], raw=raw)
    (notice,) = office.box(office.ann, "inbox")
    report = parse_dsn(mailstore.raw(office.ann, notice.id))
    assert [each.recipient for each in report.recipients] == ["y@outside.test"]


# --- recipients here that waited in the queue
def deliver(outgoing, *, now):
    info, raw = queue.outgoing(outgoing), queue.raw(outgoing)
    local.deliver(info, raw, queue.claim(limit=50, now=now))


def states(outgoing):
    return {state.address: state.state for state in queue.recipients(outgoing)}


def test_after_the_undo_delay_recipients_here_get_their_copy_and_aliases_lead_on(office):
    sent = office.send("ben@a.test", "away@a.test", undo_seconds=10)
    deliver(sent.outgoing, now=now_us() + 11_000_000)
    assert len(office.box(office.ben, "inbox")) == 1  # both addresses are his
    assert states(sent.outgoing) == {"ben@a.test": "delivered", "away@a.test": "delivered"}
    assert Outgoing.objects.get(kind="forward").sender == "ann@a.test"


def test_a_full_mailbox_here_gets_its_copy_when_there_is_room_again(office):
    mailstore.set_quota(office.ben, 10)
    sent = office.send("ben@a.test", "shut@a.test")
    deliver(sent.outgoing, now=now_us())
    assert states(sent.outgoing) == {"ben@a.test": DEFERRED, "shut@a.test": DEFERRED}
    mailstore.set_quota(office.ben, 0)
    deliver(sent.outgoing, now=now_us() + HOUR)
    assert states(sent.outgoing) == {"ben@a.test": DELIVERED, "shut@a.test": DEFERRED}
    assert len(office.box(office.ben, "inbox")) == 1


def test_a_mailbox_here_that_is_gone_by_then_is_a_failure_that_the_sender_sees(office):
    sent = office.send("ben@a.test", undo_seconds=10)
    del office.directory.entries["ben@a.test"]
    deliver(sent.outgoing, now=now_us() + 11_000_000)
    assert states(sent.outgoing) == {"ben@a.test": FAILED}
    (notice,) = office.box(office.ann, "inbox")
    assert b"There is no mailbox ben@a.test here." in mailstore.raw(office.ann, notice.id)


def test_a_copy_here_is_not_stored_by_two_workers(office):
    sent = office.send("ben@a.test", undo_seconds=10)
    info, raw = queue.outgoing(sent.outgoing), queue.raw(sent.outgoing)
    slow = queue.claim(limit=10, now=now_us() + 11_000_000)
    quick = queue.claim(limit=10, now=now_us() + HOUR)
    local.deliver(info, raw, slow)
    local.deliver(info, raw, quick)
    assert len(office.box(office.ben, "inbox")) == 1
