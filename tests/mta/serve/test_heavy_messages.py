"""Messages made to be expensive: taken or refused with a clear answer, and others are served meanwhile."""

from __future__ import annotations

import threading
import time

import pytest

from tests.mail import mail
from tests.sidecar import FakeDirectory, RunningSidecar, Wire, stored

ENVELOPE = ("EHLO client.test", "MAIL FROM:<joe@outside.test>", "RCPT TO:<ann@example.test>")
HEAVY = {
    "a header line of 10 MB": b"X-Long: " + b"x" * 10_000_000 + b"\r\n\r\nbody\r\n",
    "100,000 headers": b"X-Many: one more\r\n" * 100_000 + b"\r\nbody\r\n",
    "one header folded 100,000 times": b"X-Folded: a\r\n" + b" b\r\n" * 100_000 + b"\r\nbody\r\n",
    "100,000 parts": b'Content-Type: multipart/mixed; boundary="p"\r\n\r\n'
    + b"--p\r\n\r\nx\r\n" * 100_000
    + b"--p--\r\n",
    "1,000 multiparts in one another": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(1_000)
    ),
    "1,000 messages in one another": b"Content-Type: message/rfc822\r\n\r\n" * 1_000,
    "50,000 addresses": b"To: " + b"joe@outside.test,\r\n " * 50_000 + b"ann@example.test\r\n\r\nbody\r\n",
    "a boundary that nearly comes, again and again": (
        b'Content-Type: multipart/mixed; boundary="'
        + b"-" * 60
        + b'"\r\n\r\n'
        + (b"-" * 62 + b"\r\n") * 50_000
    ),
    "50,000 encoded words": b"Subject: " + b"=?utf-8?q?x?= " * 50_000 + b"\r\n\r\nbody\r\n",
}


@pytest.mark.parametrize("kind", HEAVY)
def test_others_are_served_while_it_is_looked_at(
    sidecar: RunningSidecar, people: FakeDirectory, kind: str
) -> None:
    answers: list[str] = []

    def heavy() -> None:
        with Wire(sidecar.address("SMTP_LISTEN")) as wire:
            wire.socket.settimeout(120)
            for command in ENVELOPE:
                wire.ask(command)
            wire.ask("DATA")
            wire.send(HEAVY[kind] + b".\r\n")
            answers.append(wire.reply())

    sender = threading.Thread(target=heavy)
    sender.start()
    served = 0
    with Wire(sidecar.address("SMTP_LISTEN")) as wire:
        wire.socket.settimeout(60)
        for command in ENVELOPE[:1]:
            wire.ask(command)
        while sender.is_alive() or not served:
            for command in ENVELOPE[1:]:
                assert wire.ask(command).startswith("250")
            assert wire.ask("DATA").startswith("354")
            assert wire.ask(mail() + b".").startswith("250")
            served += 1
            time.sleep(0.01)
    sender.join()
    assert answers[0][:3] in {"250", "552", "554"}, answers
    ann = people.people["ann@example.test"]
    taken = sum(len(stored(ann, role)) for role in ("inbox", "junk"))
    assert taken == served + (answers[0][:3] == "250")
