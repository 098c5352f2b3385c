"""LMTP (RFC 2033): LHLO, an answer for each recipient, and nobody who was not invited."""

from __future__ import annotations

import ipaddress
import smtplib
from typing import Any

import pytest

from mta.directory import LocalTarget
from mta.flow import receive
from mta.flow.placement import Decision, Refusal
from mta.mailstore import service as mailstore
from tests.mail import mail
from tests.sidecar import FakeDirectory, RunningSidecar, Wire, stored

RAW = mail()


@pytest.fixture
def wire(sidecar: RunningSidecar):
    with Wire(sidecar.address("LMTP_LISTEN")) as made:
        yield made


def begin(wire: Wire, *recipients: str) -> None:
    assert wire.ask("LHLO front.test").startswith("250")
    assert wire.ask("MAIL FROM:<joe@outside.test>").startswith("250")
    for recipient in recipients:
        wire.ask(f"RCPT TO:<{recipient}>")


def test_python_s_own_client_delivers(sidecar: RunningSidecar, people: FakeDirectory) -> None:
    with smtplib.LMTP(*sidecar.address("LMTP_LISTEN")) as client:
        client.sendmail("joe@outside.test", ["ann@example.test"], RAW)
    (found,) = stored(people.people["ann@example.test"])
    assert b"with LMTP id " in found
    assert found.endswith(RAW)


def test_who_says_hello_as_in_smtp_is_not_understood(wire: Wire) -> None:
    assert wire.ask("EHLO front.test").startswith("500 5.5.1")
    assert wire.ask("HELO front.test").startswith("500 5.5.1")
    assert wire.ask("AUTH PLAIN AGEAYg==").startswith("500 5.5.1")
    offers = wire.ask("LHLO front.test")
    assert {"250-PIPELINING", "250-CHUNKING", "250-DSN"} <= set(offers.splitlines())


@pytest.mark.parametrize("by", ["DATA", "BDAT"])
def test_each_accepted_recipient_has_an_answer_in_their_order(
    wire: Wire, people: FakeDirectory, by: str
) -> None:
    begin(wire, "ann@example.test", "nobody@example.test", "ben@example.test", "ann@example.test")
    if by == "DATA":
        assert wire.ask("DATA").startswith("354")
        wire.send(RAW + b".\r\n")
    else:
        wire.send(b"BDAT %d LAST\r\n" % len(RAW) + RAW)
    assert [wire.reply()[:9] for _ in range(3)] == ["250 2.0.0"] * 3
    assert wire.ask("NOOP").startswith("250 2.0.0 OK")
    assert len(stored(people.people["ann@example.test"])) == 1
    assert len(stored(people.people["ben@example.test"])) == 1


def test_who_does_not_want_it_refuses_it_and_the_others_get_it(
    wire: Wire, people: FakeDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The judgement is `placement`'s; here it is Ben's that nothing may come in."""
    refusal = Refusal(550, "5.7.1", "Not here", "Ben wants none")
    decide = receive.placement.decide

    def judged(verdict: Any, *, address: str, **more: Any) -> Decision | Refusal:
        return refusal if address.startswith("ben@") else decide(verdict, address=address, **more)

    monkeypatch.setattr(receive.placement, "decide", judged)
    begin(wire, "ben@example.test", "ann@example.test")
    assert wire.ask("DATA").startswith("354")
    wire.send(RAW + b".\r\n")
    assert wire.reply().startswith("550 5.7.1 Not here")
    assert wire.reply().startswith("250 2.0.0")
    assert len(stored(people.people["ann@example.test"])) == 1
    assert stored(people.people["ben@example.test"]) == []
    assert mailstore.held([people.people["ben@example.test"]]) == ()


def test_a_message_that_nobody_may_have_is_refused_as_often(wire: Wire, people: FakeDirectory) -> None:
    begin(wire, "ann@example.test", "ben@example.test")
    assert wire.ask("DATA").startswith("354")
    wire.send(RAW + b"bare\nline end\r\n.\r\n")
    assert [wire.reply()[:10] for _ in range(2)] == ["550 5.6.11"] * 2
    assert wire.ask("NOOP").startswith("250")


def test_trouble_of_ours_is_temporary_for_each(wire: Wire, people: FakeDirectory) -> None:
    people.people["gone@example.test"] = 999_999_999
    begin(wire, "ann@example.test", "gone@example.test")
    assert wire.ask("DATA").startswith("354")
    wire.send(RAW + b".\r\n")
    assert [wire.reply()[:9] for _ in range(2)] == ["451 4.3.0"] * 2
    assert stored(people.people["ann@example.test"]) == []


def test_two_names_of_one_mailbox_have_two_answers_and_one_copy(wire: Wire, people: FakeDirectory) -> None:
    ann = people.people["ann@example.test"]
    people.aliases["sales@example.test"] = (LocalTarget(ann, "sales@example.test"),)
    begin(wire, "ann@example.test", "sales@example.test")
    wire.ask("DATA")
    wire.send(RAW + b".\r\n")
    assert [wire.reply()[:3] for _ in range(2)] == ["250", "250"]
    assert len(stored(ann)) == 1


def test_strangers_are_shown_the_door(sidecar: RunningSidecar, settings: Any) -> None:
    settings.LMTP_FROM = [ipaddress.ip_network("192.0.2.0/24")]
    with Wire(sidecar.address("LMTP_LISTEN"), greeting=False) as wire:
        assert [reply[:9] for reply in wire.replies()] == ["554 5.7.1"]
