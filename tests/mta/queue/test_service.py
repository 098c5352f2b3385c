"""The queue on a real database: nothing is lost, nothing is tried by two."""

import os
import threading

import pytest
from django.db import connection, transaction

from mta.queue import bell, service
from mta.queue.errors import LostClaim, NoSuchOutgoing, TooLate
from mta.queue.models import Outgoing, QueuedBytes, QueuedRecipient
from mta.queue.schedule import LEASE, LIFETIME, MINUTE
from mta.queue.values import (
    DEFERRED,
    DELIVERED,
    EXPIRED,
    FAILED,
    NewOutgoing,
    NewRecipient,
    Outcome,
)
from mta.values import now_us

T0 = 1_800_000_000_000_000
OK = Outcome(DELIVERED, "delivered", 250, "2.0.0", "ok", "mx.b.test", "192.0.2.1", "TLSv1.3")
WAIT = Outcome(DEFERRED, "mailbox full", 452, "4.2.2", "full", "mx.b.test")
NO = Outcome(FAILED, "no mailbox", 550, "5.1.1", "who?", "mx.b.test")


def message(*addresses, **more):
    more = {
        "kind": "web",
        "sender": "ann@a.test",
        "raw": b"Subject: x\r\n\r\nhello\r\n",
        "mailspace": 7,
    } | more
    return NewOutgoing(recipients=tuple(NewRecipient(address) for address in addresses), **more)


def settle(claimed, outcome, now):
    decision = service.decide(claimed, outcome, now=now)
    service.record(claimed, outcome, decision, now=now)
    return decision


@pytest.mark.django_db
def test_a_message_waits_with_its_bytes_until_the_last_recipient_is_settled():
    id = service.enqueue(message("b@b.test", "c@c.test", header_id="1@a.test"), now=T0)
    assert service.raw(id) == b"Subject: x\r\n\r\nhello\r\n"
    first, second = service.claim(limit=10, now=T0)
    settle(first, OK, T0)
    assert service.raw(id)
    settle(second, NO, T0)
    with pytest.raises(NoSuchOutgoing):
        service.raw(id)
    assert service.outgoing(id).header_id == "1@a.test"
    assert [state.state for state in service.recipients(id)] == [DELIVERED, FAILED]


@pytest.mark.django_db
def test_large_and_empty_messages_come_back_byte_for_byte():
    big = os.urandom(9 * 1024 * 1024 + 1)
    assert service.raw(service.enqueue(message("b@b.test", raw=big))) == big
    assert service.raw(service.enqueue(message("b@b.test", raw=b""))) == b""
    assert QueuedBytes.objects.count() == 4


@pytest.mark.django_db
def test_the_next_attempt_moves_forward_before_the_attempt():
    service.enqueue(message("b@b.test"), now=T0)
    (claimed,) = service.claim(limit=10, now=T0)
    assert claimed.attempts == 1
    row = QueuedRecipient.objects.get()
    assert row.next_attempt == T0 + LEASE
    assert row.lease_until == T0 + LEASE
    assert service.claim(limit=10, now=T0 + LEASE - 1) == ()


@pytest.mark.django_db
def test_after_a_crash_the_recipient_comes_back_when_the_lease_has_run_out_and_ever_later():
    service.enqueue(message("b@b.test"), now=T0)
    now, waits = T0, []
    for attempt in range(1, 8):
        (claimed,) = service.claim(limit=10, now=now)
        assert claimed.attempts == attempt
        later = QueuedRecipient.objects.get().next_attempt
        waits.append((later - now) // MINUTE)
        now = later
    assert waits == [20, 20, 30, 60, 120, 240, 240]


@pytest.mark.django_db
def test_a_worker_that_lost_its_lease_cannot_settle_but_a_delivery_counts_anyway():
    service.enqueue(message("b@b.test"), now=T0)
    (slow,) = service.claim(limit=10, now=T0)
    (quick,) = service.claim(limit=10, now=T0 + LEASE)
    with pytest.raises(LostClaim):
        settle(slow, NO, T0 + LEASE)
    settle(slow, OK, T0 + LEASE)
    with pytest.raises(LostClaim):
        settle(quick, OK, T0 + LEASE)
    assert [state.state for state in service.recipients(slow.outgoing)] == [DELIVERED]


@pytest.mark.django_db
def test_a_refusal_for_now_is_tried_again_and_the_sender_sees_why_and_when():
    id = service.enqueue(message("ben@b.test", header_id="1@a.test"), now=T0)
    (claimed,) = service.claim(limit=10, now=T0)
    decision = settle(claimed, WAIT, T0)
    assert abs(decision.next_attempt - (T0 + 5 * MINUTE)) <= MINUTE // 2
    (state,) = service.states_for(7, header_ids=["1@a.test"])["1@a.test"]
    assert (state.state, state.said) == (DEFERRED, "The mailbox ben@b.test is full.")
    assert state.next_attempt == decision.next_attempt
    assert service.claim(limit=10, now=decision.next_attempt - 1) == ()
    (again,) = service.claim(limit=10, now=decision.next_attempt)
    assert again.attempts == 2
    settle(again, OK, T0)
    assert [attempt.state for attempt in service.attempts(id)] == [DEFERRED, DELIVERED]


@pytest.mark.django_db
def test_after_five_days_a_recipient_expires():
    service.enqueue(message("ben@b.test"), now=T0)
    (claimed,) = service.claim(limit=10, now=T0 + LIFETIME)
    assert settle(claimed, WAIT, T0 + LIFETIME).state == EXPIRED


@pytest.mark.django_db
def test_states_are_found_by_message_and_only_in_their_own_mailspace():
    service.enqueue(message("b@b.test", header_id="1@a.test", message=55))
    assert [state.address for state in service.states_for(7, messages=[55])[55]] == ["b@b.test"]
    assert service.states_for(8, messages=[55], header_ids=["1@a.test"]) == {}
    assert service.states_for(7) == {}


@pytest.mark.django_db
def test_a_recipient_here_is_delivered_from_the_start_and_leaves_nothing_to_do():
    new = message(header_id="1@a.test")
    new = NewOutgoing(
        kind="web", sender="a@a.test", raw=b"x", mailspace=7, recipients=(NewRecipient("b@a.test", True),)
    )
    id = service.enqueue(new, now=T0)
    (state,) = service.recipients(id)
    assert (state.state, state.said, state.delivered_at) == (DELIVERED, "Delivered.", T0)
    assert not QueuedBytes.objects.exists()
    assert service.claim(limit=10, now=T0 + LIFETIME) == ()


@pytest.mark.django_db
def test_a_held_message_is_not_due_and_can_be_taken_back_as_a_whole():
    id = service.enqueue(message("b@b.test", "c@c.test", not_before=T0 + 5, draft=3), now=T0)
    assert service.claim(limit=10, now=T0 + 4) == ()
    with pytest.raises(NoSuchOutgoing):
        service.cancel(id, mailspace=8)
    assert service.cancel(id, mailspace=7, now=T0 + 4).draft == 3
    assert service.claim(limit=10, now=T0 + 100) == ()
    assert {state.said for state in service.recipients(id)} == {"Taken back."}
    assert not QueuedBytes.objects.exists()


@pytest.mark.django_db
def test_once_a_recipient_was_claimed_it_is_too_late_for_all():
    id = service.enqueue(message("b@b.test", "c@c.test", not_before=T0 + 5), now=T0)
    service.claim(limit=1, now=T0 + 5)
    with pytest.raises(TooLate):
        service.cancel(id, mailspace=7, now=T0 + 5)
    assert {state.state for state in service.recipients(id)} == {"delivering", "held"}


@pytest.mark.django_db
def test_giving_a_claim_back_does_not_count_as_an_attempt():
    service.enqueue(message("b@b.test"), now=T0)
    service.give_back(service.claim(limit=10, now=T0), now=T0)
    (claimed,) = service.claim(limit=10, now=T0)
    assert claimed.attempts == 1


@pytest.mark.django_db
def test_finished_messages_are_forgotten_after_three_months_and_waiting_ones_never():
    service.enqueue(message("b@b.test"), now=T0)
    (claimed,) = service.claim(limit=10, now=T0)
    settle(claimed, OK, T0)
    service.enqueue(message("c@c.test"), now=T0)
    assert service.purge(now=T0 + 89 * 24 * 60 * MINUTE) == 0
    assert service.purge(now=T0 + 91 * 24 * 60 * MINUTE) == 1
    assert Outgoing.objects.count() == QueuedRecipient.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_bell_rings_after_the_commit_and_for_held_mail_when_it_becomes_due():
    rung = threading.Event()
    bell.install(rung.set)
    try:
        with transaction.atomic():
            service.enqueue(message("b@b.test"))
            assert not rung.wait(0.05)
        assert rung.wait(5)
        rung.clear()
        service.enqueue(message("c@b.test", not_before=1 << 60))
        service.enqueue(message("d@b.test", not_before=now_us() + 150_000))
        assert not rung.wait(0.05)
        assert rung.wait(5)
    finally:
        bell.install(None)


def test_a_broken_bell_is_only_a_line_in_the_log(caplog):
    called = threading.Event()

    def broken():
        called.set()
        raise OSError("no broker")

    own = bell.Bell()
    own.install(broken)
    own.ring()
    assert called.wait(5)


@pytest.mark.django_db(transaction=True)
def test_many_claimers_share_the_queue_and_nobody_gets_a_recipient_twice():
    for number in range(30):
        service.enqueue(message(*(f"{who}@{number}.test" for who in "abcd")), now=T0)
    taken: list[int] = []
    guard = threading.Lock()

    def work():
        try:
            while claims := service.claim(limit=7, now=T0):
                with guard:
                    taken.extend(claimed.id for claimed in claims)
                for claimed in claims:
                    settle(claimed, OK, T0)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(taken) == sorted(QueuedRecipient.objects.values_list("id", flat=True))
    assert len(taken) == 120
    assert Outgoing.objects.filter(done_at__isnull=True).count() == 0
    assert not QueuedBytes.objects.exists()
