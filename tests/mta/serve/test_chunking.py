"""BDAT (RFC 3030) in every state that a client can bring it into."""

from __future__ import annotations

import pytest

from tests.mail import mail
from tests.sidecar import FakeDirectory, RunningSidecar, Wire, stored

RAW = mail()
ENVELOPE = (b"EHLO client.test", b"MAIL FROM:<joe@outside.test>", b"RCPT TO:<ann@example.test>")


@pytest.fixture
def wire(sidecar: RunningSidecar):
    with Wire(sidecar.address("SMTP_LISTEN")) as made:
        yield made


def begin(wire: Wire) -> None:
    for command in ENVELOPE:
        assert wire.ask(command).startswith("250")


def chunk(wire: Wire, data: bytes, *, last: bool = False) -> str:
    wire.send(b"BDAT %d%s\r\n" % (len(data), b" LAST" if last else b"") + data)
    return wire.reply()


def kept(people: FakeDirectory) -> list[bytes]:
    return [raw[raw.index(b"From: ") :] for raw in stored(people.people["ann@example.test"])]


def test_a_message_in_one_chunk_and_in_many(wire: Wire, people: FakeDirectory) -> None:
    raw = mail(body="dots\r\n.\r\n..\r\nand so on\r\n")
    begin(wire)
    assert chunk(wire, raw, last=True).startswith("250 2.0.0 Stored")
    begin(wire)
    for n in range(0, len(raw), 7):
        assert chunk(wire, raw[n : n + 7]).startswith("250 2.0.0")
    assert chunk(wire, b"", last=True).startswith("250 2.0.0 Stored")
    assert kept(people) == [raw, raw]


def test_everything_at_once_is_answered_in_order(wire: Wire, people: FakeDirectory) -> None:
    raw = RAW
    wire.send(b"\r\n".join(ENVELOPE) + b"\r\nBDAT 10\r\n" + raw[:10])
    wire.send(b"BDAT %d LAST\r\n" % (len(raw) - 10) + raw[10:] + b"QUIT\r\n")
    assert [reply[:3] for reply in wire.replies()] == ["250", "250", "250", "250", "250", "221"]
    assert kept(people) == [raw]


def test_a_chunk_may_be_larger_than_what_is_read_ahead(wire: Wire, people: FakeDirectory) -> None:
    raw = mail(body="0123456789" * 60 + "\r\n") + b"x" * 70 + b"\r\n" + (b"y" * 76 + b"\r\n") * 12_000
    begin(wire)
    assert chunk(wire, raw, last=True).startswith("250")
    assert kept(people) == [raw]


def test_an_empty_message_is_a_message(wire: Wire, people: FakeDirectory) -> None:
    begin(wire)
    assert chunk(wire, b"", last=True).startswith("250 2.0.0 Stored")
    ann = people.people["ann@example.test"]
    assert len(stored(ann) + stored(ann, "junk")) == 1  # without an author it is in Junk


def test_without_a_line_end_at_its_end_it_is_kept_so(wire: Wire, people: FakeDirectory) -> None:
    begin(wire)
    assert chunk(wire, RAW + b"the end", last=True).startswith("250")
    assert kept(people)[0].endswith(b"the end")


def test_rset_in_the_middle_forgets_the_first_half(wire: Wire, people: FakeDirectory) -> None:
    begin(wire)
    assert chunk(wire, b"Subject: half\r\n").startswith("250")
    assert wire.ask("RSET").startswith("250")
    assert chunk(wire, b"rest", last=True).startswith("503 5.5.1")
    begin(wire)
    assert chunk(wire, RAW, last=True).startswith("250")
    assert kept(people) == [RAW]


def test_data_and_bdat_do_not_mix(wire: Wire, people: FakeDirectory) -> None:
    begin(wire)
    assert chunk(wire, RAW[:20]).startswith("250")
    assert wire.ask("DATA").startswith("503 5.5.1")
    assert wire.ask("RCPT TO:<ben@example.test>").startswith("503 5.5.1")
    assert wire.ask("MAIL FROM:<joe@outside.test>").startswith("503 5.5.1")
    assert chunk(wire, RAW[20:], last=True).startswith("250")
    assert kept(people) == [RAW]


@pytest.mark.parametrize(
    "reply_to", [b"RCPT TO:<nobody@example.test>", b"RCPT TO:<joe@elsewhere.test>", b"NOOP"]
)
def test_without_a_recipient_the_bytes_are_read_and_thrown_away(
    wire: Wire, people: FakeDirectory, reply_to: bytes
) -> None:
    inner = b"RCPT TO:<ann@example.test>\r\nDATA\r\n" + RAW + b".\r\n"
    wire.send(b"\r\n".join([*ENVELOPE[:2], reply_to]) + b"\r\n")
    wire.send(b"BDAT %d LAST\r\n" % len(inner) + inner + b"QUIT\r\n")
    codes = [reply[:3] for reply in wire.replies()]
    assert codes[3:] in (["554", "221"], ["503", "221"])
    assert stored(people.people["ann@example.test"]) == []


@pytest.mark.parametrize("before", [b"", b"EHLO client.test\r\n"])
def test_out_of_order_the_bytes_are_read_and_thrown_away(wire: Wire, before: bytes) -> None:
    wire.send(before + b"BDAT 6\r\nQUIT\r\nNOOP\r\n")
    replies = [wire.reply() for _ in range(2 + bool(before))]
    assert replies[-2].startswith("503 5.5.1")
    assert replies[-1].startswith("250 2.0.0")


@pytest.mark.parametrize(
    "argument", [b"-1", b"", b"LAST", b"+5", b"1.5", b"99999999999999999999999", b"0x10 LAST", b"ten"]
)
def test_a_size_that_nobody_can_read_ends_the_session(
    wire: Wire, people: FakeDirectory, argument: bytes
) -> None:
    begin(wire)
    wire.send(b"BDAT " + argument + b"\r\n" + RAW + b"\r\nRCPT TO:<ben@example.test>\r\n")
    assert [reply[:9] for reply in wire.replies()] == ["501 5.5.4"]
    assert stored(people.people["ann@example.test"]) == []


@pytest.mark.parametrize("size", [2**31, 2**32, 2**63, 2**64, 2**64 + 1])
def test_a_size_beyond_all_reason_ends_the_session(wire: Wire, size: int) -> None:
    begin(wire)
    wire.send(b"BDAT %d LAST\r\nMAIL FROM:<evil@outside.test>\r\n" % size)
    assert [reply[:9] for reply in wire.replies()] == ["552 5.3.4"]


def test_too_much_in_several_chunks_is_too_much(sidecar: RunningSidecar, people: FakeDirectory) -> None:
    sidecar.sidecar.house.max_message_size = 10_000
    line = b"x" * 58 + b"\r\n"
    with Wire(sidecar.address("SMTP_LISTEN")) as wire:
        begin(wire)
        assert chunk(wire, line * 150).startswith("250")
        assert chunk(wire, line * 150).startswith("552 5.3.4")
        assert chunk(wire, line * 150).startswith("503 5.5.1")
        assert chunk(wire, line, last=True).startswith("503 5.5.1")
        assert wire.ask("RSET").startswith("250")
        begin(wire)
        assert chunk(wire, RAW, last=True).startswith("250")
    assert kept(people) == [RAW]


def test_a_bad_chunk_spoils_the_message_until_rset(wire: Wire, people: FakeDirectory) -> None:
    begin(wire)
    assert chunk(wire, b"Subject: a\nbare\r\n").startswith("550 5.6.11")
    assert chunk(wire, RAW, last=True).startswith("503 5.5.1")
    assert wire.ask("RSET").startswith("250")
    begin(wire)
    assert chunk(wire, RAW, last=True).startswith("250")
    assert kept(people) == [RAW]


def test_a_client_that_vanishes_in_a_chunk_leaves_nothing(
    sidecar: RunningSidecar, people: FakeDirectory
) -> None:
    with Wire(sidecar.address("SMTP_LISTEN")) as wire:
        begin(wire)
        wire.send(b"BDAT 1000 LAST\r\n" + RAW[:50])
    with Wire(sidecar.address("SMTP_LISTEN")) as wire:
        begin(wire)
        assert chunk(wire, RAW, last=True).startswith("250")
    assert kept(people) == [RAW]
