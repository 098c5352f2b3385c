"""What senders ask to hear (RFC 3461), and when they want it sent (RFC 4865), from the wire to the report."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from mta.directory import LocalTarget, RemoteTarget
from mta.message.report import parse_dsn
from mta.queue import service as queue
from mta.queue.models import Outgoing, QueuedRecipient
from mta.values import now_us
from tests.mail import mail
from tests.sidecar import PASSWORD, FakeDirectory, RunningSidecar, Wire, stored

RAW = mail()
FROM_ANN = mail(sender="Ann <ann@example.test>", to="ben@example.test")
PLAIN = base64.b64encode(f"\0ann@example.test\0{PASSWORD}".encode()).decode()


@pytest.fixture
def wire(sidecar: RunningSidecar):
    with Wire(sidecar.address("SMTP_LISTEN")) as made:
        made.ask("EHLO client.test")
        yield made


@pytest.fixture
def ann(sidecar: RunningSidecar):
    with Wire(sidecar.address("SUBMISSION_LISTEN")) as made:
        made.ask("EHLO laptop.test")
        assert made.ask(f"AUTH PLAIN {PLAIN}").startswith("235")
        yield made


def send(wire: Wire, raw: bytes, *commands: str) -> None:
    for command in commands:
        assert wire.ask(command).startswith("250"), command
    assert wire.ask("DATA").startswith("354")
    assert wire.ask(raw + b".").startswith("250")


def test_a_stranger_who_asks_hears_that_mail_has_arrived(wire: Wire, people: FakeDirectory) -> None:
    send(
        wire,
        RAW,
        "MAIL FROM:<joe@outside.test> RET=FULL ENVID=a+2Bb",
        "RCPT TO:<ann@example.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Ann+2Bx@Example.Test",
        "RCPT TO:<ben@example.test>",
    )
    outgoing = Outgoing.objects.get()
    assert (outgoing.kind, outgoing.sender) == ("report", "")
    assert QueuedRecipient.objects.get().address == "joe@outside.test"
    raw = queue.raw(outgoing.id)
    report = parse_dsn(raw)
    assert report is not None and report.envelope_id == "a+b"
    (about,) = report.recipients
    assert (about.recipient, about.action, about.status[0]) == ("ann@example.test", "delivered", "2")
    assert about.original_recipient == "rfc822;Ann+x@Example.Test"
    assert RAW.partition(b"\r\n\r\n")[2] not in raw  # nobody needs the body of what has arrived


@pytest.mark.parametrize(
    ("sender", "notify"),
    [("<>", "SUCCESS"), ("<joe@outside.test>", "NEVER"), ("<joe@outside.test>", "FAILURE,DELAY")],
)
def test_who_does_not_ask_hears_nothing(wire: Wire, people: FakeDirectory, sender: str, notify: str) -> None:
    send(wire, RAW, f"MAIL FROM:{sender}", f"RCPT TO:<ann@example.test> NOTIFY={notify}")
    assert not Outgoing.objects.exists()


def test_a_forward_takes_the_wishes_along(wire: Wire, people: FakeDirectory) -> None:
    people.aliases["away@example.test"] = (RemoteTarget("ann@elsewhere.test"),)
    send(
        wire,
        RAW,
        "MAIL FROM:<joe@outside.test> RET=HDRS ENVID=x1",
        "RCPT TO:<away@example.test> NOTIFY=SUCCESS ORCPT=rfc822;away@example.test",
    )
    outgoing, recipient = Outgoing.objects.get(), QueuedRecipient.objects.get()
    assert (outgoing.ret, outgoing.envid) == ("HDRS", "x1")
    assert (recipient.notify, recipient.orcpt) == ("SUCCESS", "rfc822;away@example.test")


def test_an_alias_to_several_answers_for_itself(wire: Wire, people: FakeDirectory) -> None:
    here = LocalTarget(people.people["ann@example.test"], "both@example.test")
    people.aliases["both@example.test"] = (here, RemoteTarget("ann@elsewhere.test"))
    send(wire, RAW, "MAIL FROM:<joe@outside.test>", "RCPT TO:<both@example.test> NOTIFY=SUCCESS")
    rows = dict(QueuedRecipient.objects.values_list("address", "notify"))
    assert rows == {"ann@elsewhere.test": "NEVER", "joe@outside.test": ""}


def test_a_mail_program_s_wishes_stand_in_the_queue_and_are_answered_here(
    ann: Wire, people: FakeDirectory
) -> None:
    send(
        ann,
        FROM_ANN,
        "MAIL FROM:<ann@example.test> RET=HDRS ENVID=letter-7",
        "RCPT TO:<ben@example.test> NOTIFY=SUCCESS ORCPT=rfc822;ben@example.test",
        "RCPT TO:<joe@outside.test> NOTIFY=NEVER",
    )
    outgoing = Outgoing.objects.get()
    assert (outgoing.ret, outgoing.envid) == ("HDRS", "letter-7")
    assert dict(QueuedRecipient.objects.values_list("address", "notify")) == {
        "ben@example.test": "SUCCESS",
        "joe@outside.test": "NEVER",
    }
    (found,) = stored(people.people["ann@example.test"])
    report = parse_dsn(found)
    assert report is not None and report.envelope_id == "letter-7"
    assert [(each.recipient, each.action) for each in report.recipients] == [
        ("ben@example.test", "delivered")
    ]


@pytest.mark.parametrize("form", ["HOLDFOR=3600", "HOLDUNTIL={:%Y-%m-%dT%H:%M:%SZ}"])
def test_mail_for_later_waits_and_nobody_has_it_before(ann: Wire, people: FakeDirectory, form: str) -> None:
    hour = datetime.now(tz=UTC) + timedelta(hours=1)
    send(ann, FROM_ANN, f"MAIL FROM:<ann@example.test> {form.format(hour)}", "RCPT TO:<ben@example.test>")
    assert stored(people.people["ben@example.test"]) == []
    row = QueuedRecipient.objects.get()
    assert row.state == "held"
    assert 3500e6 < row.next_attempt - now_us() < 3700e6
    assert row.expires_at - row.next_attempt > 24 * 3600e6


def test_how_long_mail_is_held_is_announced_on_submission_only(ann: Wire, wire: Wire) -> None:
    assert "FUTURERELEASE " in ann.ask("EHLO laptop.test")
    assert "FUTURERELEASE" not in wire.ask("EHLO client.test")


@pytest.mark.parametrize(
    "words",
    [
        "HOLDFOR=60 HOLDUNTIL=2030-01-01T00:00:00Z",
        "HOLDFOR=0",
        "HOLDFOR",
        "HOLDFOR=99999999",
        "HOLDUNTIL=soon",
    ],
)
def test_what_cannot_be_held_is_refused(ann: Wire, words: str) -> None:
    assert ann.ask(f"MAIL FROM:<ann@example.test> {words}").startswith("501 5.5.4")
