"""A run of the relay over a real queue: everything due is tried, each recipient is settled on its own."""

import threading
import time

import pytest
from django.db import OperationalError

from mta.flow import bounce
from mta.mailstore import service as mailstore
from mta.message.report import parse_dsn
from mta.queue import service as queue
from mta.queue.models import Attempt, QueuedRecipient
from mta.queue.values import DEFERRED, DELIVERED, FAILED
from mta.relay import run as relay_run
from mta.relay import tasks
from mta.relay.deliver import Patience
from tests.scripted_sink import SILENT

QUICK = Patience(connect=2, command=1, data=1, whole=5)


@pytest.fixture
def go(internet, settings):
    def start(**more):
        settings.RELAY_PORT = internet.port or 9
        return relay_run.run(**{"patience": QUICK} | more)

    return start


def states(outgoing):
    return {state.address: state.state for state in queue.recipients(outgoing)}


def test_a_message_reaches_every_domain_and_each_recipient_is_settled(internet, enqueue, go):
    b, c = internet.add("b.test"), internet.add("c.test", replies={"RCPT": ["451 4.3.0 later"]})
    id = enqueue("one@b.test", "two@b.test", "three@c.test", "four@gone.test")
    assert go() == 4
    assert states(id) == {
        "one@b.test": DELIVERED,
        "two@b.test": DELIVERED,
        "three@c.test": DEFERRED,
        "four@gone.test": FAILED,
    }
    assert len(b.messages) == 1
    assert c.messages == []
    assert Attempt.objects.count() == 4


def test_mail_to_one_domain_shares_one_connection(internet, enqueue, go):
    sink = internet.add("b.test")
    for number in range(6):
        enqueue(f"u{number}@b.test")
    go()
    assert (sink.sessions, len(sink.messages)) == (1, 6)


def test_a_failure_reaches_the_sender_as_a_report(internet, enqueue, go, ann):
    internet.add("b.test", replies={"RCPT": ["552 5.2.2 full"]})
    enqueue("full@b.test")
    go()
    inbox = mailstore.mailbox_by_role(ann, "inbox").id
    (row,) = mailstore.changes(ann, inbox).rows
    report = parse_dsn(mailstore.raw(ann, row.message))
    assert (report.recipients[0].recipient, report.recipients[0].status) == ("full@b.test", "5.2.2")


def test_a_slow_domain_holds_up_no_other_and_mail_that_comes_meanwhile_is_taken_along(internet, enqueue, go):
    internet.add("slow.test", replies={"GREETING": [SILENT]})
    quick = internet.add("quick.test")
    slow_one, quick_one = enqueue("a@slow.test"), enqueue("a@quick.test")
    runner = threading.Thread(target=go)
    runner.start()
    until = time.monotonic() + 5
    while not quick.messages and time.monotonic() < until:
        time.sleep(0.01)
    assert states(slow_one) == {"a@slow.test": "delivering"}
    later = enqueue("b@quick.test")
    runner.join(20)
    assert states(quick_one) | states(later) == {"a@quick.test": DELIVERED, "b@quick.test": DELIVERED}
    assert states(slow_one) == {"a@slow.test": DEFERRED}


def test_the_window_bounds_what_a_run_holds_and_all_is_delivered_all_the_same(internet, enqueue, go):
    sink = internet.add("b.test")
    for number in range(10):
        enqueue(f"a{number}@b.test", f"b{number}@b.test")
    assert go(window=3) == 20
    assert not QueuedRecipient.objects.exclude(state=DELIVERED).exists()
    assert len(sink.messages) >= 10


def test_mail_for_a_domain_that_has_become_ours_stays_here(internet, enqueue, go, ann):
    id = enqueue("ann@a.test")
    go()
    assert states(id) == {"ann@a.test": DELIVERED}
    inbox = mailstore.mailbox_by_role(ann, "inbox").id
    assert len(mailstore.changes(ann, inbox).rows) == 1


def test_a_run_that_is_told_to_stop_gives_back_what_it_has_not_begun(internet, enqueue, go, monkeypatch):
    monkeypatch.setattr(relay_run, "GRACE", 0.1)
    internet.add("slow.test", replies={"GREETING": [SILENT]})
    id = enqueue("a@slow.test")
    runner = threading.Thread(target=go, kwargs={"patience": Patience()})
    runner.start()
    until = time.monotonic() + 5
    while states(id) != {"a@slow.test": "delivering"} and time.monotonic() < until:
        time.sleep(0.01)
    relay_run.stopping.set()
    try:
        runner.join(20)
    finally:
        relay_run.stopping.clear()
    assert states(id) == {"a@slow.test": "queued"}
    assert queue.claim(limit=1)[0].attempts == 1


def test_trouble_on_our_side_leaves_the_recipient_for_later(internet, enqueue, go, monkeypatch):
    internet.add("b.test")
    id = enqueue("a@b.test")
    monkeypatch.setattr(relay_run.bounce, "settle", lambda *_args, **_more: 1 / 0)
    go()
    assert states(id) == {"a@b.test": "delivering"}
    assert queue.claim(limit=1) == ()


def test_a_result_is_recorded_even_if_the_database_fails_for_a_moment(internet, enqueue, go, monkeypatch):
    sink = internet.add("b.test")
    id = enqueue("a@b.test")
    monkeypatch.setattr(relay_run, "SETTLE_AGAIN", (0.01, 0.01))
    settle, failures = bounce.settle, iter([OperationalError("database is locked")] * 2)

    def failing(*args, **more):
        if (trouble := next(failures, None)) is not None:
            raise trouble
        return settle(*args, **more)

    monkeypatch.setattr(bounce, "settle", failing)
    go()
    assert states(id) == {"a@b.test": DELIVERED}
    assert len(sink.messages) == 1


def test_the_tasks_deliver_what_is_due_and_do_nothing_when_nothing_is(internet, enqueue, settings):
    sink = internet.add("b.test")
    settings.RELAY_PORT = internet.port
    tasks.sweep()
    assert sink.sessions == 0
    enqueue("a@b.test")
    tasks.sweep()
    enqueue("b@b.test")
    tasks.relay()
    assert len(sink.messages) == 2
