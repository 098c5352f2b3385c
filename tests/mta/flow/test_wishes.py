"""What a sender wants to hear about each recipient (RFC 3461), kept to when it is settled."""

from dataclasses import replace

import pytest

from mta.flow import local, submit
from mta.mailstore import service as mailstore
from mta.message.report import parse_dsn
from mta.queue import service as queue
from mta.queue.models import Outgoing, QueuedRecipient
from mta.queue.schedule import HOUR
from mta.queue.values import DEFERRED, DELIVERED, FAILED, Outcome, Wish, Wishes
from mta.values import now_us
from tests.mail import mail
from tests.mta.flow.test_bounce import settle

NO = Outcome(FAILED, "no mailbox", 550, "5.1.1", "5.1.1 who?", "mx.outside.test", "192.0.2.1")
OK = Outcome(DELIVERED, "delivered", 250, "2.0.0", "ok", "mx.outside.test")
WAIT = Outcome(DEFERRED, "mailbox full", 452, "4.2.2", "4.2.2 full", "mx.outside.test")


def submission(office, wishes, *to):
    return submit.submit_raw(
        mail(sender="ann@a.test", to=", ".join(to), body="the body of it\r\n"),
        login=office.login,
        mail_from="ann@a.test",
        recipients=to,
        client="laptop",
        ip="192.0.2.7",
        wishes=wishes,
    )


def reports(office):
    found = [mailstore.raw(office.ann, notice.id) for notice in office.box(office.ann, "inbox")]
    return [(raw, parse_dsn(raw)) for raw in found]


@pytest.mark.parametrize(
    ("notify", "outcome", "said"),
    [
        ("", NO, "failed"),
        ("FAILURE", NO, "failed"),
        ("SUCCESS,FAILURE", NO, "failed"),
        ("NEVER", NO, None),
        ("SUCCESS", NO, None),
        ("DELAY", NO, None),
        ("", OK, None),
        ("NEVER", OK, None),
        ("FAILURE,DELAY", OK, None),
        ("SUCCESS", OK, "relayed"),
        ("SUCCESS", replace(OK, reports=True), None),  # the other host says so itself
    ],
)
def test_only_what_was_wished_for_is_said(office, notify, outcome, said):
    wishes = Wishes(recipients={"x@outside.test": Wish(notify)})
    sent = submission(office, wishes, "x@outside.test")
    settle(sent.outgoing, {"x@outside.test": outcome})
    actions = [each.action for _raw, report in reports(office) for each in report.recipients]
    assert actions == ([said] if said else [])
    assert QueuedRecipient.objects.get().finished_at is not None


@pytest.mark.parametrize(
    ("notify", "told"), [("", True), ("DELAY", True), ("SUCCESS,FAILURE", False), ("NEVER", False)]
)
def test_a_delay_is_told_to_who_wants_to_hear_of_it(office, notify, told):
    sent = submission(office, Wishes(recipients={"x@outside.test": Wish(notify)}), "x@outside.test")
    settle(sent.outgoing, {"x@outside.test": WAIT}, now=now_us() + 8 * HOUR)
    assert [each.action for _raw, report in reports(office) for each in report.recipients] == [
        "delayed"
    ] * told


@pytest.mark.parametrize(("ret", "whole"), [("FULL", True), ("", True), ("HDRS", False)])
def test_a_failure_names_what_the_sender_knows_it_by(office, ret, whole):
    wish = Wish("FAILURE", "rfc822;X+2Blong@Outside.Test")
    sent = submission(office, Wishes(ret, "id+3D7", {"x@outside.test": wish}), "x@outside.test")
    settle(sent.outgoing, {"x@outside.test": NO})
    ((raw, report),) = reports(office)
    assert report.envelope_id == "id=7"
    assert report.recipients[0].original_recipient == "rfc822;X+long@Outside.Test"
    assert (b"the body of it" in raw) == whole


def test_what_waited_for_its_hour_is_confirmed_when_it_is_here(office):
    wishes = Wishes(recipients={"ben@a.test": Wish("SUCCESS")}, hold_until=now_us() + HOUR)
    sent = submission(office, wishes, "ben@a.test")
    assert reports(office) == []
    claims = queue.claim(limit=10, now=now_us() + 2 * HOUR)
    local.deliver(queue.outgoing(sent.outgoing), queue.raw(sent.outgoing), claims)
    ((_raw, report),) = reports(office)
    assert [(each.recipient, each.action) for each in report.recipients] == [("ben@a.test", "delivered")]
    assert len(office.box(office.ben, "inbox")) == 1


def test_a_report_causes_no_report(office):
    wishes = Wishes(recipients={"x@outside.test": Wish("SUCCESS")})
    sent = submission(office, wishes, "x@outside.test")
    settle(sent.outgoing, {"x@outside.test": OK})
    assert Outgoing.objects.count() == 1
