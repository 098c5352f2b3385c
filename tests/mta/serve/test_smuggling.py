"""One message for one end: whatever stands around a dot, in whatever packets, by DATA or by BDAT, on every port.

The inner message is a whole SMTP dialogue to ben@. Nobody but ann@ may ever get anything, and each message has one
answer. What is refused here cannot be sent on; what is repaired on submission leaves with CR LF and stuffed dots.
"""

from __future__ import annotations

import base64
import itertools
import re
import ssl
from collections.abc import Iterator

import pytest

from mta.queue import service as queue
from mta.queue.models import Outgoing
from mta.wire.smtp_data import ChunkReceiver, DataReceiver
from tests.mail import mail
from tests.sidecar import PASSWORD, FakeDirectory, RunningSidecar, Wire, stored

ENVELOPE = b"MAIL FROM:<joe@outside.test>\r\nRCPT TO:<ann@example.test>\r\n"
INNER = b"MAIL FROM:<evil@outside.test>\r\nRCPT TO:<ben@example.test>\r\nDATA\r\n" + mail(subject="evil")
SIGNS = (b"\r", b"\n", b"\0")
PLAIN = base64.b64encode(f"\0ann@example.test\0{PASSWORD}".encode()).decode()


def sequences(longest: int) -> Iterator[bytes]:
    """Every sequence of CR, LF and NUL up to a length."""
    for length in range(longest + 1):
        yield from (b"".join(signs) for signs in itertools.product(SIGNS, repeat=length))


def around(longest: int) -> Iterator[bytes]:
    """Every way to surround a dot that is not the one end there is, and is no text either."""
    for left, right in itertools.product(sequences(longest), repeat=2):
        if (left or right) and b"\r\n.\r\n" not in left + b"." + right:
            yield left + b"." + right


class Kept:
    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes, /) -> None:
        self.data += data


# --- the machine, exhaustively
def test_no_other_end_in_all_combinations_and_all_splits() -> None:
    for ending in around(3):
        whole = b"a" + ending + b"b"
        sizes = {len(whole), 1, 2, 3}
        for size in sizes:
            receiver = DataReceiver(Kept(), limit=1000)
            for n in range(0, len(whole), size):
                assert receiver.feed(whole[n : n + size]) is None, ending
            assert receiver.feed(b"\r\n.\r\nrest") == b"rest"
            strange = b"\0" in ending or bool(re.search(rb"\r(?!\n)|(?<!\r)\n", ending))
            assert (receiver.bare_line_end or receiver.nul) == strange, ending


def test_repairing_leaves_no_bare_line_end_and_changes_no_boundary() -> None:
    for ending in around(3):
        whole = b"a" + ending + b"b\r\n.\r\nrest"
        for size in (len(whole), 1, 2):
            receiver = DataReceiver(kept := Kept(), limit=1000, repair=True)
            rest = None
            for n in range(0, len(whole), size):
                rest = receiver.feed(whole[n : n + size])
                if rest is not None:
                    rest += whole[n + size :]
                    break
            assert rest == b"rest"
            assert not re.search(rb"\r(?!\n)|(?<!\r)\n", kept.data), ending


def test_chunks_are_looked_at_across_their_edges() -> None:
    for signs in sequences(4):
        whole = b"a" + signs + b"b"
        strange = b"\0" in signs or bool(re.search(rb"\r(?!\n)|(?<!\r)\n", signs))
        for cut in range(len(whole) + 1):
            receiver = ChunkReceiver(kept := Kept(), limit=1000)
            receiver.feed(whole[:cut])
            receiver.feed(whole[cut:])
            receiver.finish()
            assert receiver.at_fault == strange, (signs, cut)
            assert strange or kept.data == whole
            mended = ChunkReceiver(kept := Kept(), limit=1000, repair=True)
            mended.feed(whole[:cut])
            mended.feed(whole[cut:])
            mended.finish()
            assert b"\0" in signs or not re.search(rb"\r(?!\n)|(?<!\r)\n", kept.data)


# --- over a connection
def visits(sidecar: RunningSidecar, cases: list[bytes], port: str) -> Iterator[tuple[Wire, bytes]]:
    """A connection for every few, since refusals are errors, and too many end a session."""
    for start in range(0, len(cases), 8):
        with Wire(sidecar.address(port)) as wire:
            wire.ask("LHLO client.test" if port == "LMTP_LISTEN" else "EHLO client.test")
            if port == "SUBMISSION_LISTEN":
                assert wire.ask(f"AUTH PLAIN {PLAIN}").startswith("235")
            for case in cases[start : start + 8]:
                yield wire, case


@pytest.mark.parametrize("port", ["SMTP_LISTEN", "LMTP_LISTEN"])
def test_data_of_every_kind_is_one_message_with_one_answer(
    sidecar: RunningSidecar, people: FakeDirectory, port: str
) -> None:
    cases = list(around(2))
    for wire, ending in visits(sidecar, cases, port):
        wire.send(ENVELOPE + b"DATA\r\n")
        assert [wire.reply()[:3] for _ in range(3)] == ["250", "250", "354"]
        wire.send(mail() + b"tail" + ending + INNER + b"\r\n.\r\nNOOP\r\n")
        answer, noop = wire.reply(), wire.reply()
        strange = b"\0" in ending or bool(re.search(rb"\r(?!\n)|(?<!\r)\n", ending))
        assert answer.startswith(("550 5.6.11", "554 5.6.0") if strange else "250"), ending
        assert noop.startswith("250 2.0.0 OK"), ending
    assert stored(people.people["ben@example.test"]) == []
    assert all(b"Subject: evil" in each for each in stored(people.people["ann@example.test"]))


def test_bdat_of_every_kind_is_one_message_with_one_answer(
    sidecar: RunningSidecar, people: FakeDirectory
) -> None:
    cases = [*around(2), b"\r\n.\r\n"]
    for wire, ending in visits(sidecar, cases, "SMTP_LISTEN"):
        body = mail() + b"tail" + ending + INNER
        cut = body.index(ending + INNER) + 1
        wire.send(ENVELOPE + b"BDAT %d\r\n" % cut + body[:cut])
        wire.send(b"BDAT %d LAST\r\n" % (len(body) - cut) + body[cut:] + b"RSET\r\n")
        replies = [wire.reply() for _ in range(5)]
        assert [reply[:3] for reply in replies[:2]] == ["250", "250"]
        strange = b"\0" in ending or bool(re.search(rb"\r(?!\n)|(?<!\r)\n", ending))
        assert replies[3].startswith(("5",) if strange else ("250 2.0.0 Stored",)), ending
        assert replies[4].startswith("250 2.0.0 OK")
    assert stored(people.people["ben@example.test"]) == []
    # What looks like an end is text here, and is kept as it is.
    assert any(b"tail\r\n.\r\nMAIL FROM" in each for each in stored(people.people["ann@example.test"]))


@pytest.mark.parametrize(
    "ending", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\n..\r\n", b"\r\n\r.\r\n"]
)
@pytest.mark.parametrize("by", ["DATA", "BDAT"])
def test_what_submission_repairs_is_one_message_here_and_for_whoever_it_is_sent_to(
    sidecar: RunningSidecar, people: FakeDirectory, ending: bytes, by: str
) -> None:
    body = mail(sender="ann@example.test") + b"tail" + ending + INNER
    with Wire(sidecar.address("SUBMISSION_LISTEN")) as wire:
        wire.ask("EHLO client.test")
        assert wire.ask(f"AUTH PLAIN {PLAIN}").startswith("235")
        for command in ("MAIL FROM:<ann@example.test>", "RCPT TO:<joe@outside.test>"):
            assert wire.ask(command).startswith("250")
        if by == "DATA":
            assert wire.ask("DATA").startswith("354")
            wire.send(body + b"\r\n.\r\n")
        else:
            wire.send(b"BDAT %d LAST\r\n" % len(body) + body)
        assert wire.reply().startswith("250")
        assert wire.ask("NOOP").startswith("250")
    assert stored(people.people["ben@example.test"]) == []
    raw = queue.raw(Outgoing.objects.get().id)
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", raw)
    assert b"Subject: evil" in raw


@pytest.mark.parametrize(
    "line", [b"NOOP\n", b"RSET\nNOOP\r\n", b"NOOP\r", b"NOOP\r\r\n", b"NOOP\0\r\n", b"NO\rOP\r\n"]
)
@pytest.mark.parametrize("port", ["SMTP_LISTEN", "SUBMISSION_LISTEN"])
def test_a_command_ends_with_cr_lf_and_with_nothing_else(
    sidecar: RunningSidecar, line: bytes, port: str
) -> None:
    with Wire(sidecar.address(port)) as wire:
        wire.ask("EHLO client.test")
        wire.send(line + b"\r\n")
        assert wire.reply().startswith("500 5.5.2")


# --- STARTTLS (RFC 3207 §4.2)
@pytest.mark.parametrize(
    "injected",
    [
        b"MAIL FROM:<evil@outside.test>\r\nRCPT TO:<ann@example.test>\r\n",
        b"EHLO evil.test\r\nMAIL FROM:<evil@outside.test>\r\n",
        b"EHLO evil.test\r\nMAIL FROM:<evil@outside.test>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n"
        + mail(subject="evil")
        + b".\r\n",
        b"EHLO evil.test\r\nMAIL FROM:<evil@outside.test>\r\nRCPT TO:<ann@example.test>\r\nBDAT 1000\r\n",
        b"NOOP" * 2000,
        f"EHLO evil.test\r\nAUTH PLAIN {PLAIN}\r\n".encode(),
    ],
)
@pytest.mark.parametrize("port", ["SMTP_LISTEN", "SUBMISSION_LISTEN", "LMTP_LISTEN"])
def test_what_was_said_before_the_handshake_was_never_said(
    sidecar: RunningSidecar, people: FakeDirectory, client_tls: ssl.SSLContext, injected: bytes, port: str
) -> None:
    hello = "LHLO" if port == "LMTP_LISTEN" else "EHLO"
    with Wire(sidecar.address(port)) as wire:
        wire.ask(f"{hello} client.test")
        wire.send(b"STARTTLS\r\n" + injected)
        assert wire.reply().startswith("220")
        wire.start_tls(client_tls)
        # Not one answer to what came before lies in front of this one, and nothing of it is known.
        assert wire.ask("RCPT TO:<ann@example.test>").startswith("503 5.5.1 EHLO or HELO")
        assert "STARTTLS" not in wire.ask(f"{hello} client.test")
        assert wire.ask("MAIL FROM:<ann@example.test>").startswith(
            "530" if port == "SUBMISSION_LISTEN" else "250"
        )
    assert stored(people.people["ann@example.test"]) == []
