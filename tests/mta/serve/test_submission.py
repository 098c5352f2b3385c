"""The submission ports: who signs in, as whom they send, and that the flow gets what they said."""

from __future__ import annotations

import base64
import smtplib
import ssl

import pytest

from mta.queue.models import QueuedRecipient
from mta.serve import session, smtp
from tests.mail import mail
from tests.sidecar import PASSWORD, FakeDirectory, RunningSidecar, Wire, stored

PLAIN = base64.b64encode(f"\0ann@example.test\0{PASSWORD}".encode()).decode()
FROM_ANN = mail(sender="Ann <ann@example.test>", to="ben@example.test")


@pytest.fixture
def wire(sidecar: RunningSidecar):
    with Wire(sidecar.address("SUBMISSION_LISTEN")) as made:
        yield made


@pytest.fixture
def signed_in(wire: Wire) -> Wire:
    wire.ask("EHLO laptop.test")
    assert wire.ask(f"AUTH PLAIN {PLAIN}").startswith("235 2.7.0")
    return wire


def test_a_message_goes_to_people_here_at_once_and_to_others_by_the_queue(
    sidecar: RunningSidecar, people: FakeDirectory
) -> None:
    with smtplib.SMTP(*sidecar.address("SUBMISSION_LISTEN")) as client:
        client.login("ann@example.test", PASSWORD)
        client.sendmail("ann@example.test", ["ben@example.test", "joe@outside.test"], FROM_ANN)
    (found,) = stored(people.people["ben@example.test"])
    assert b"with ESMTPA id" in found
    assert found.endswith(FROM_ANN)
    states = dict(QueuedRecipient.objects.values_list("address", "state"))
    assert states["joe@outside.test"] == "queued"
    assert states.get("ben@example.test", "delivered") == "delivered"


@pytest.mark.parametrize("port", ["SUBMISSION_LISTEN", "SUBMISSIONS_LISTEN"])
def test_both_ports_encrypt(
    sidecar: RunningSidecar, people: FakeDirectory, client_tls: ssl.SSLContext, port: str
) -> None:
    if port == "SUBMISSION_LISTEN":
        client = smtplib.SMTP(*sidecar.address(port))
        client.starttls(context=client_tls)
    else:
        client = smtplib.SMTP_SSL(*sidecar.address(port), context=client_tls)
    with client:
        client.login("ann@example.test", PASSWORD)
        client.sendmail("ann@example.test", ["ben@example.test"], FROM_ANN)
    assert b"with ESMTPSA id" in stored(people.people["ben@example.test"])[0]


def test_nobody_sends_without_signing_in(wire: Wire) -> None:
    wire.ask("EHLO laptop.test")
    assert wire.ask("MAIL FROM:<ann@example.test>").startswith("530 5.7.0")


@pytest.mark.parametrize("sender", ["ben@example.test", "ann@elsewhere.test", "ann@example.test.evil.test"])
def test_people_send_as_themselves_only(signed_in: Wire, sender: str) -> None:
    assert signed_in.ask(f"MAIL FROM:<{sender}>").startswith("553 5.7.1")


def test_the_from_field_is_looked_at_too(signed_in: Wire, people: FakeDirectory) -> None:
    signed_in.ask("MAIL FROM:<ann@example.test>")
    signed_in.ask("RCPT TO:<ben@example.test>")
    signed_in.ask("DATA")
    forged = mail(sender="Ben <ben@example.test>") + b"."
    assert signed_in.ask(forged).startswith("553 5.7.1")
    assert stored(people.people["ben@example.test"]) == []
    assert signed_in.ask("NOOP").startswith("250")


def test_an_unknown_address_here_is_refused_while_it_can_still_be_put_right(signed_in: Wire) -> None:
    signed_in.ask("MAIL FROM:<ann@example.test>")
    assert signed_in.ask("RCPT TO:<bne@example.test>").startswith("550 5.1.1")
    assert signed_in.ask("RCPT TO:<joe@outside.test>").startswith("250")


def test_bare_line_ends_of_a_program_of_ours_are_put_right(signed_in: Wire, people: FakeDirectory) -> None:
    signed_in.ask("MAIL FROM:<ann@example.test>")
    signed_in.ask("RCPT TO:<ben@example.test>")
    signed_in.ask("DATA")
    signed_in.send(FROM_ANN.replace(b"\r\n", b"\n") + b"\r\n.\r\n")
    assert signed_in.reply().startswith("250")
    (found,) = stored(people.people["ben@example.test"])
    assert found.count(b"\n") == found.count(b"\r\n")
    assert FROM_ANN in found


# --- signing in ----------------------------------------------------------------------------------------------
def test_login_asks_for_name_and_password(wire: Wire) -> None:
    wire.ask("EHLO laptop.test")
    assert wire.ask("AUTH LOGIN") == "334 VXNlcm5hbWU6"
    assert wire.ask(base64.b64encode(b"ann@example.test")) == "334 UGFzc3dvcmQ6"
    assert wire.ask(base64.b64encode(PASSWORD.encode())).startswith("235")


def test_plain_asks_when_nothing_came_with_it(wire: Wire) -> None:
    wire.ask("EHLO laptop.test")
    assert wire.ask("AUTH PLAIN") == "334 "
    assert wire.ask(PLAIN).startswith("235")
    assert wire.ask(f"AUTH PLAIN {PLAIN}").startswith("503")


@pytest.mark.parametrize(
    ("commands", "reply"),
    [
        (["AUTH PLAIN !!!not-base64"], "500 5.5.2"),
        (["AUTH PLAIN " + base64.b64encode(b"no nul").decode()], "500 5.5.2"),
        (["AUTH PLAIN " + base64.b64encode(b"\0\xff\0\xfe").decode()], "500 5.5.2"),
        (["AUTH PLAIN", "*"], "501 5.7.0"),
        (["AUTH PLAIN", ""], "500 5.5.2"),
        (["AUTH PLAIN", "x" * 100_000], "500 5.5.2"),
        (["AUTH LOGIN", "%%%"], "500 5.5.2"),
        (["AUTH CRAM-MD5"], "504 5.5.4"),
        (["AUTH"], "501 5.5.4"),
        (["AUTH PLAIN a b"], "501 5.5.4"),
        (["AUTH PLAIN " + base64.b64encode(b"ben@example.test\0ann@example.test\0" + PASSWORD.encode()).decode()], "535 5.7.8"),
        (["AUTH PLAIN " + base64.b64encode(b"\0ann@example.test\0wrong").decode()], "535 5.7.8"),
        (["AUTH PLAIN " + base64.b64encode(b"\0nobody@example.test\0wrong").decode()], "535 5.7.8"),
    ],
)  # fmt: skip
def test_sign_ins_that_fail_are_answered_and_the_session_goes_on(
    wire: Wire, commands: list[str], reply: str
) -> None:
    wire.ask("EHLO laptop.test")
    answer = ""
    for command in commands:
        answer = wire.ask(command)
    assert answer.startswith(reply)
    assert wire.ask("NOOP").startswith("250")
    assert wire.ask(f"AUTH PLAIN {PLAIN}").startswith("235")


def test_guessing_passwords_ends_the_session(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = base64.b64encode(b"\0ann@example.test\0wrong").decode()
    wire.ask("EHLO laptop.test")
    wire.send(f"AUTH PLAIN {wrong}\r\n".encode() * (smtp.MOST_SIGN_INS + 3))
    replies = [reply[:3] for reply in wire.replies()]
    assert replies == ["535"] * smtp.MOST_SIGN_INS + ["421"]


def test_from_elsewhere_a_password_needs_encryption(
    wire: Wire, client_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "is_loopback", lambda ip: False)
    assert "AUTH" not in wire.ask("EHLO laptop.test")
    assert wire.ask(f"AUTH PLAIN {PLAIN}").startswith("538 5.7.11")
    assert wire.ask("MAIL FROM:<ann@example.test>").startswith("538 5.7.11")
    wire.ask("STARTTLS")
    wire.start_tls(client_tls)
    assert "AUTH PLAIN LOGIN" in wire.ask("EHLO laptop.test")
    assert wire.ask(f"AUTH PLAIN {PLAIN}").startswith("235")


def test_a_sign_in_does_not_outlive_starttls(signed_in: Wire, client_tls: ssl.SSLContext) -> None:
    signed_in.ask("STARTTLS")
    signed_in.start_tls(client_tls)
    signed_in.ask("EHLO laptop.test")
    assert signed_in.ask("MAIL FROM:<ann@example.test>").startswith("530")


def test_people_who_sign_in_at_the_same_time_are_not_mixed_up(
    sidecar: RunningSidecar, people: FakeDirectory
) -> None:
    names = ["ann@example.test", "ben@example.test"]
    for _ in range(20):
        wires = {name: Wire(sidecar.address("SUBMISSION_LISTEN")) for name in names}
        for name, wire in wires.items():
            words = base64.b64encode(f"\0{name}\0{PASSWORD}".encode())
            wire.send(b"EHLO laptop.test\r\nAUTH PLAIN " + words + b"\r\n")
        for name, wire in wires.items():
            wire.reply()
            assert wire.reply().startswith("235")
            other = next(each for each in names if each != name)
            assert wire.ask(f"MAIL FROM:<{other}>").startswith("553")
            assert wire.ask(f"MAIL FROM:<{name}>").startswith("250")
            wire.close()
