"""The five steps of a message that comes in: decided in values, stored in one transaction."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mta import directory
from mta.directory import InboundPolicy, LocalTarget, RemoteTarget, Resolution
from mta.flow import placement, receive, sealing
from mta.flow.passage import Arrival, MailLoop, Recipient
from mta.flow.placement import Decision
from mta.mailstore import service as mailstore
from mta.mailstore.models import BlobObject
from mta.queue.models import Outgoing, QueuedRecipient
from mta.tracing import service as tracing
from mta.trust.verdict import NOTHING_KNOWN
from mta.values import now_us
from tests.mail import mail
from tests.sidecar import FakeDirectory, stored

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(db: None) -> Iterator[FakeDirectory]:
    made = FakeDirectory()
    made.add("ann@example.test")
    made.add("ben@example.test")
    with directory.use(made):
        yield made


def arrival(people: FakeDirectory, *recipients: str, raw: bytes | None = None) -> Arrival:
    return Arrival(
        raw=raw if raw is not None else mail(),
        sender="joe@outside.test",
        recipients=tuple(Recipient(address, people.resolve(address).targets) for address in recipients),
        client_name="mx.outside.test",
        ip="192.0.2.7",
        hostname="mail.example.test",
        protocol="ESMTPS",
        tls="TLSv1.3 TLS_AES_256_GCM_SHA384",
    )


def test_the_steps_only_fill_in_what_is_theirs(people: FakeDirectory) -> None:
    traced = receive.trace(arrival(people, "ann@example.test"))
    assert traced.trace_id
    assert traced.deliveries == ()
    placed = receive.place(traced)
    assert placed.verdict == NOTHING_KNOWN
    assert [delivery.decision.role for delivery in placed.deliveries] == ["inbox"]
    assert stored(people.people["ann@example.test"]) == []


def test_a_mailbox_reached_by_two_addresses_gets_one_copy_for_the_first(people: FakeDirectory) -> None:
    ann = people.people["ann@example.test"]
    people.aliases["team@example.test"] = (
        LocalTarget(ann, "team@example.test"),
        LocalTarget(people.people["ben@example.test"], "team@example.test"),
    )
    passage = receive.place(receive.trace(arrival(people, "ann@example.test", "team@example.test")))
    assert [(each.mailspace, each.address) for each in passage.deliveries] == [
        (ann, "ann@example.test"),
        (people.people["ben@example.test"], "team@example.test"),
    ]


def test_large_bytes_are_written_once_for_all_recipients(people: FakeDirectory) -> None:
    import random

    noise = random.Random(7).randbytes(60_000).hex()  # does not fit a row even when compressed
    lines = "\r\n".join(noise[n : n + 76] for n in range(0, len(noise), 76))
    receive.receive(arrival(people, "ann@example.test", "ben@example.test", raw=mail(body=lines))).result()
    assert [row.references for row in BlobObject.objects.all()] == [2]


def test_every_recipient_has_a_prefix_of_their_own(people: FakeDirectory) -> None:
    raw = mail()
    receive.receive(arrival(people, "ann@example.test", "ben@example.test", raw=raw)).result()
    for address, mailspace in people.people.items():
        (found,) = stored(mailspace)
        assert found.endswith(raw)
        assert found.startswith(
            b"Return-Path: <joe@outside.test>\r\nDelivered-To: "
            + address.encode()
            + b"\r\nReceived: from mx.outside.test"
        )


def test_the_reader_can_see_why_a_message_is_where_it_is(people: FakeDirectory) -> None:
    receive.receive(arrival(people, "ann@example.test")).result()
    ann = people.people["ann@example.test"]
    inbox = mailstore.mailbox_by_role(ann, "inbox").id
    (row,) = mailstore.changes(ann, inbox).rows
    message = mailstore.message(ann, row.message)
    assert message.reasons["placement"] == "Sent to ann@example.test"
    assert [each[0] for each in message.reasons["evidence"]] == ["spam"]
    assert tracing.timeline(message.trace_id)[0].kind == "received"


def test_an_alias_that_only_points_outside_stores_nothing_here(people: FakeDirectory) -> None:
    people.aliases["away@example.test"] = (RemoteTarget("a@x.test"), RemoteTarget("b@y.test"))
    accepted = receive.receive(arrival(people, "away@example.test")).result()
    assert sorted(QueuedRecipient.objects.values_list("address", flat=True)) == ["a@x.test", "b@y.test"]
    queued = Outgoing.objects.get()
    assert queued.trace_id == accepted.trace_id
    # A sender of ours, so that it passes SPF there, which leads bounces back to who sent it.
    assert sealing.back(queued.sender, mail_from="", at=now_us()) == Resolution(
        "ours", (RemoteTarget("joe@outside.test"),)
    )
    kinds = [event.kind for event in tracing.timeline(accepted.trace_id)]
    assert kinds.count("forwarded") == 2


def test_what_is_forwarded_is_what_came_with_one_more_received(people: FakeDirectory) -> None:
    from mta.queue import service as queue

    people.aliases["away@example.test"] = (RemoteTarget("a@x.test"),)
    raw = mail()
    receive.receive(arrival(people, "away@example.test", raw=raw)).result()
    sent = queue.raw(Outgoing.objects.get().id)
    assert sent.endswith(raw)
    assert sent.startswith(b"Received: from mx.outside.test")
    assert sent.count(b"Received: ") == 1


def test_nothing_is_stored_when_one_mailspace_cannot_be(people: FakeDirectory) -> None:
    people.people["gone@example.test"] = 999_999_999
    people.aliases["away@example.test"] = (RemoteTarget("a@x.test"),)
    future = receive.receive(arrival(people, "ann@example.test", "gone@example.test", "away@example.test"))
    with pytest.raises(Exception):  # noqa: B017
        future.result()
    assert stored(people.people["ann@example.test"]) == []
    assert not Outgoing.objects.exists()
    assert tracing.search() == ()


@pytest.mark.parametrize(("hops", "taken"), [(receive.MOST_HOPS, True), (receive.MOST_HOPS + 1, False)])
def test_a_message_with_too_many_hops_is_a_loop(people: FakeDirectory, hops: int, taken: bool) -> None:
    raw = b"Received: from a by b; Mon, 12 Oct 2026 10:00:00 +0000\r\n" * hops + mail()
    if taken:
        receive.receive(arrival(people, "ann@example.test", raw=raw)).result()
    else:
        with pytest.raises(MailLoop):
            receive.receive(arrival(people, "ann@example.test", raw=raw))


def test_strangers_cannot_write_into_the_trace(people: FakeDirectory) -> None:
    import dataclasses

    bad = dataclasses.replace(
        arrival(people, "ann@example.test"),
        client_name="x\r\nBcc: eve@example.net\r\n\r\n",
        sender="a\r\nX: y@z.test",
    )
    receive.receive(bad).result()
    (found,) = stored(people.people["ann@example.test"])
    header = found.partition(b"\r\n\r\n")[0]
    assert b"\r\nBcc:" not in header
    assert b"\r\nX:" not in header


def test_mail_without_evidence_against_it_belongs_in_the_inbox() -> None:
    decision = placement.decide(NOTHING_KNOWN, address="ann@example.test", policy=InboundPolicy())
    assert isinstance(decision, Decision)
    assert (decision.role, decision.flags) == ("inbox", 0)
    assert decision.reason == "Sent to ann@example.test"
