"""What a sender may do about a message on its way, and who sees it."""

import pytest

from mta.flow import bounce, sending
from mta.flow.errors import BadRecipient, NotYours
from mta.mailstore import service as mailstore
from mta.message.parse import parse_message
from mta.queue import service as queue
from mta.queue.errors import NoSuchOutgoing, TooLate
from mta.queue.schedule import DAY
from mta.queue.values import DEFERRED, DELIVERED, FAILED, Outcome
from mta.values import now_us

NO = Outcome(FAILED, "mailbox full", 552, "5.2.2", "5.2.2 full", "mx.outside.test")
WAIT = Outcome(DEFERRED, "asked to wait", 451, "4.7.1", "4.7.1 later", "mx.outside.test")
OK = Outcome(DELIVERED, "delivered", 250, "2.0.0", "ok", "mx.outside.test", tls="TLSv1.3")


def settle(outgoing, outcome, *, now=None):
    claims = queue.claim(limit=50, now=now or now_us())
    info, raw = queue.outgoing(outgoing), queue.raw(outgoing)
    bounce.settle(info, [(claimed, outcome) for claimed in claims], raw=raw, now=now)
    return claims


def states(outgoing):
    return {each.address: each.state for each in queue.recipients(outgoing)}


def test_every_step_of_a_sending_is_a_change_of_its_message(office):
    sent = office.send("x@outside.test", "y@outside.test")
    thread = mailstore.message(office.ann, sent.message).thread
    for outcome in (WAIT, OK):
        before = mailstore.clocks([office.ann])[office.ann]
        settle(sent.outgoing, outcome, now=now_us() + (DAY if outcome is OK else 0))
        assert mailstore.threads_changed(office.ann, before)[0] == (thread,)


def test_a_recipient_that_waits_is_tried_at_once_when_its_sender_says_so(office):
    sent = office.send("x@outside.test")
    settle(sent.outgoing, WAIT)
    assert queue.claim(limit=50) == ()
    sending.try_now(office.ann, sent.outgoing, "x@outside.test")
    (claimed,) = settle(sent.outgoing, OK)
    assert claimed.attempts == 2
    with pytest.raises(TooLate):
        sending.try_now(office.ann, sent.outgoing, "x@outside.test")


def test_a_recipient_that_is_given_up_is_not_tried_again_and_causes_no_report(office):
    sent = office.send("x@outside.test", "y@outside.test")
    settle(sent.outgoing, WAIT)
    sending.give_up(office.ann, sent.outgoing, "x@outside.test")
    assert [each.address for each in settle(sent.outgoing, OK, now=now_us() + DAY)] == ["y@outside.test"]
    assert states(sent.outgoing) == {"x@outside.test": "given up", "y@outside.test": DELIVERED}
    assert office.box(office.ann, "inbox") == []
    with pytest.raises(TooLate):
        sending.give_up(office.ann, sent.outgoing, "y@outside.test")


def test_the_same_message_goes_again_to_the_one_it_did_not_reach_and_without_its_bcc(office):
    sent = office.send("x@outside.test", bcc=(("", "secret@outside.test"),))
    settle(sent.outgoing, NO)
    again = sending.send_again(office.ann, 1, sent.outgoing, "x@outside.test", message=sent.message)
    raw = queue.raw(again)
    assert b"secret@outside.test" not in raw
    assert raw.count(b"DKIM-Signature:") == 1
    assert parse_message(raw).message_id == parse_message(mailstore.raw(office.ann, sent.message)).message_id
    settle(again, OK)
    current = {
        each.address: each.state for each in queue.states_for(office.ann, messages=[sent.message])[sent.message]
        if each.state != "cancelled"
    }  # fmt: skip
    assert current == {"x@outside.test": DELIVERED, "secret@outside.test": FAILED}
    with pytest.raises(TooLate):  # once is enough
        sending.send_again(office.ann, 1, sent.outgoing, "x@outside.test", message=sent.message)


def test_nobody_steers_what_somebody_else_sends(office):
    sent = office.send("x@outside.test")
    settle(sent.outgoing, NO)
    for steer in (sending.try_now, sending.give_up):
        with pytest.raises(NoSuchOutgoing):
            steer(office.ben, sent.outgoing, "x@outside.test")
    other = office.send("x@outside.test", subject="Another", header_id="draft2@a.test")
    for space, account, address, message, error in (
        (office.ben, 2, "x@outside.test", sent.message, NoSuchOutgoing),
        (office.ann, 99, "x@outside.test", sent.message, NotYours),
        (office.ann, 1, "stranger@outside.test", sent.message, NoSuchOutgoing),
        (office.ann, 1, "x@outside.test", other.message, NoSuchOutgoing),
    ):
        with pytest.raises(error):
            sending.send_again(space, account, sent.outgoing, address, message=message)


def test_an_address_of_ours_that_is_gone_is_refused_at_once(office):
    sent = office.send("ben@a.test", undo_seconds=10)
    info, raw = queue.outgoing(sent.outgoing), queue.raw(sent.outgoing)
    claims = queue.claim(limit=50, now=now_us() + 11_000_000)
    bounce.settle(info, [(claimed, NO) for claimed in claims], raw=raw)
    del office.directory.entries["ben@a.test"]
    with pytest.raises(BadRecipient):
        sending.send_again(office.ann, 1, sent.outgoing, "ben@a.test", message=sent.message)
