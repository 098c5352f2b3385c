"""No stranger sends through us: every known way to write an address of somebody else's, on every port.

The answer may be "no such address" or "not here"; what counts is that nothing lies in the queue afterwards.
"""

from __future__ import annotations

import base64

import pytest

from mta.directory import RemoteTarget
from mta.queue.models import Outgoing
from tests.mail import mail
from tests.sidecar import PASSWORD, FakeDirectory, RunningSidecar, Wire, stored

OURS, HOST, OUT = "example.test", "mail.example.test", "outside.test"

RECIPIENTS = [
    f"joe@{OUT}",
    f"joe%{OUT}@{OURS}",
    f"joe%{OUT}@{HOST}",
    f"joe%{OUT}",
    f"joe%{OUT}@[127.0.0.1]",
    f'"joe@{OUT}"',
    f'"joe@{OUT}"@{OURS}',
    f'"joe@{OUT}"@{HOST}',
    f'"joe%{OUT}"@{OURS}',
    f'"{OUT}!joe"@{OURS}',
    f"{OUT}!joe",
    f"{OUT}!joe@{OURS}",
    f"{OUT}!joe@[127.0.0.1]",
    f"{OUT}!joe@{HOST}",
    f"@{OURS}:joe@{OUT}",
    f"@{HOST}:joe@{OUT}",
    f"@{OURS},@{OUT}:joe@{OUT}",
    f"@[127.0.0.1]:joe@{OUT}",
    f"joe@{OUT}@{OURS}",
    f"joe@{OURS}@{OUT}",
    f"joe@{OUT}:{OURS}",
    f"joe@{OUT},ann@{OURS}",
    f"joe@{OUT}\\@{OURS}",
    f"joe@{OUT} @{OURS}",
    f"joe@{OUT}(@{OURS})",
    f"(@{OURS})joe@{OUT}",
    f"joe@{OUT}\0@{OURS}",
    f"joe@{OUT}.{OURS}",
    f"joe@{OURS}.{OUT}",
    f"joe@{OURS}%{OUT}",
    f"joe@.{OURS}",
    f"joe@{OURS}..{OUT}",
    f"joe@{OUT}#{OURS}",
    f"joe@{OUT}/{OURS}",
    f"joe@{OUT}?@{OURS}",
    f"joe/{OUT}@{OURS}",
    f"joe={OUT}@{OURS}",
    f"joe#{OUT}@{OURS}",
    "joe@[127.0.0.1]",
    "joe@[IPv6:::1]",
    "joe@[10.0.0.1]",
    "joe@127.0.0.1",
    "joe@localhost",
    "joe",
    f"ann@{OURS}> <joe@{OUT}",
    f"ann@{OURS}><joe@{OUT}",
    f"<joe@{OUT}>",
    f"root@{HOST}",
    f"SRS0=xxxx=yy={OUT}=joe@{OURS}",
    f"SRS1=xxxx={OUT}==xxxx=yy={OUT}=joe@{OURS}",
    f"postmaster@{OUT}",
    f"ann@{OURS}\u3002{OUT}",
    f"ann@{OUT}\uff0f{OURS}",
    "ann@exämple.test",
]
SENDERS = [f"<joe@{OUT}>", f"<ann@{OURS}>", f"<nobody@{OURS}>", f"<root@{HOST}>", "<>", "<joe@[127.0.0.1]>"]


@pytest.mark.parametrize("port", ["SMTP_LISTEN", "LMTP_LISTEN"])
@pytest.mark.parametrize("sender", SENDERS)
def test_nothing_is_relayed_for_strangers(
    sidecar: RunningSidecar, people: FakeDirectory, sender: str, port: str
) -> None:
    hello = "LHLO" if port == "LMTP_LISTEN" else "EHLO"
    for start in range(0, len(RECIPIENTS), 8):
        with Wire(sidecar.address(port)) as wire:
            assert wire.ask(f"{hello} client.test").startswith("250")
            # Claims of who has signed in elsewhere are no sign-in (RFC 4954 §5).
            assert wire.ask(f"MAIL FROM:{sender} AUTH=ann@{OURS} SMTPUTF8").startswith("250")
            for recipient in RECIPIENTS[start : start + 8]:
                answer = wire.ask(f"RCPT TO:<{recipient}>")
                assert answer.startswith(("550 ", "553 ", "501 ", "500 ")), recipient
            assert wire.ask("DATA").startswith("554")
            inner = b"RCPT TO:<joe@outside.test>\r\n"
            wire.send(b"BDAT %d LAST\r\n" % len(inner) + inner)
            assert wire.reply().startswith("554")
    assert not Outgoing.objects.exists()


def test_without_a_sign_in_submission_sends_nothing(sidecar: RunningSidecar, people: FakeDirectory) -> None:
    for sender in SENDERS:
        with Wire(sidecar.address("SUBMISSION_LISTEN")) as wire:
            wire.ask("EHLO client.test")
            assert wire.ask(f"MAIL FROM:{sender} AUTH=<>").startswith(("530 5.7.0", "501"))
            assert wire.ask("RCPT TO:<joe@outside.test>").startswith("503")
            assert wire.ask("DATA").startswith("503")
    assert not Outgoing.objects.exists()


def test_a_name_of_ours_as_the_sender_opens_no_door_and_mail_to_us_still_comes_in(
    sidecar: RunningSidecar, people: FakeDirectory
) -> None:
    with Wire(sidecar.address("SMTP_LISTEN")) as wire:
        wire.ask(f"EHLO {HOST}")
        wire.ask(f"MAIL FROM:<ann@{OURS}>")
        assert wire.ask(f"RCPT TO:<joe@{OUT}>").startswith("550 5.7.1")
        assert wire.ask(f"RCPT TO:<ann@{OURS}>").startswith("250")
        wire.ask("DATA")
        assert wire.ask(mail() + b".").startswith("250")
    assert len(stored(people.people[f"ann@{OURS}"])) == 1
    assert not Outgoing.objects.exists()


def test_only_an_alias_that_its_owner_made_leads_outside(
    sidecar: RunningSidecar, people: FakeDirectory
) -> None:
    people.aliases[f"away@{OURS}"] = (RemoteTarget(f"joe@{OUT}"),)
    with Wire(sidecar.address("SMTP_LISTEN")) as wire:
        wire.ask("EHLO client.test")
        wire.ask("MAIL FROM:<>")
        assert wire.ask(f"RCPT TO:<away@{OURS}>").startswith("250")
        wire.ask("DATA")
        assert wire.ask(mail() + b".").startswith("250")
    assert Outgoing.objects.get().sender == ""


def test_people_of_ours_send_as_themselves_and_not_as_others(
    sidecar: RunningSidecar, people: FakeDirectory
) -> None:
    plain = base64.b64encode(f"\0ann@example.test\0{PASSWORD}".encode()).decode()
    forms = [
        f"ben@{OURS}",
        f'"ann@{OURS}"@{OURS}',
        f"ann@{OUT}",
        f"ann%{OUT}@{OURS}",
        f"ann@{OURS}.{OUT}",
        f"@{OUT}:ann@{OURS}",
        f'"ann"@{OUT}',
    ]
    with Wire(sidecar.address("SUBMISSION_LISTEN")) as wire:
        wire.ask("EHLO client.test")
        assert wire.ask(f"AUTH PLAIN {plain}").startswith("235")
        for form in forms:
            assert wire.ask(f"MAIL FROM:<{form}>").startswith(("553 5.7.1", "553 5.1.7")), form
