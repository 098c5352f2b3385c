"""Port 25 as other mail servers, and people who are up to something, meet it."""

from __future__ import annotations

import ipaddress
import smtplib
import socket
import ssl
import struct
import time

import pytest

from mta.directory import LocalTarget, RemoteTarget
from mta.limits.policy import Policy
from mta.mailstore import service as mailstore
from mta.queue.models import Outgoing, QueuedRecipient
from mta.tracing import service as tracing
from mta.trust import srs
from mta.values import now_us
from tests.eventually import eventually
from tests.mail import mail
from tests.sidecar import FakeDirectory, RunningSidecar, Wire, stored

ENVELOPE = (b"EHLO client.test", b"MAIL FROM:<joe@outside.test>", b"RCPT TO:<ann@example.test>")


@pytest.fixture
def wire(sidecar: RunningSidecar):
    with Wire(sidecar.address("SMTP_LISTEN")) as made:
        yield made


def begin(wire: Wire, *commands: bytes) -> None:
    """Up to DATA's 354."""
    for command in commands or ENVELOPE:
        assert wire.ask(command).startswith("250"), command
    assert wire.ask("DATA").startswith("354")


def body_of(raw: bytes) -> bytes:
    """Without what the server put in front."""
    return raw[raw.index(b"From: ") :]


# --- what mail servers do ------------------------------------------------------------------------------------
def test_a_message_is_stored_as_it_came_with_its_trace_in_front(
    sidecar: RunningSidecar, people: FakeDirectory
) -> None:
    raw = mail(body="Grüße ünd\r\n.\r\n..dots\r\n\r\n")
    with smtplib.SMTP(*sidecar.address("SMTP_LISTEN")) as client:
        client.sendmail("joe@outside.test", ["ann@example.test"], raw)
    (found,) = stored(people.people["ann@example.test"])
    prefix, _, _rest = found.partition(b"From: ")
    assert body_of(found) == raw
    assert prefix.startswith(
        b"Return-Path: <joe@outside.test>\r\nDelivered-To: ann@example.test\r\nAuthentication-Results: "
    )
    assert b"\r\nReceived: from " in prefix
    assert b"with ESMTP id " in prefix
    assert b"for <ann@example.test>" in prefix


def test_what_is_announced_is_what_is_there(wire: Wire) -> None:
    offers = {line[4:] for line in wire.ask("EHLO client.test").splitlines()}
    assert offers >= {
        "PIPELINING",
        "SIZE 52428800",
        "8BITMIME",
        "ENHANCEDSTATUSCODES",
        "SMTPUTF8",
        "CHUNKING",
        "DSN",
        "STARTTLS",
    }
    assert not any(offer.startswith("AUTH") for offer in offers)


def test_pipelined_commands_are_answered_in_order(wire: Wire, people: FakeDirectory) -> None:
    wire.send(b"\r\n".join([*ENVELOPE, b"RCPT TO:<nobody@example.test>", b"DATA", b""]))
    codes = [wire.reply()[:3] for _ in range(5)]
    assert codes == ["250", "250", "250", "550", "354"]
    wire.send(mail() + b".\r\nQUIT\r\n")
    assert [reply[:3] for reply in wire.replies()] == ["250", "221"]
    assert len(stored(people.people["ann@example.test"])) == 1


def test_several_messages_go_over_one_connection(wire: Wire, people: FakeDirectory) -> None:
    for _ in range(3):
        begin(wire)
        assert wire.ask(mail() + b".").startswith("250 2.0.0")
    assert len(stored(people.people["ann@example.test"])) == 3


def test_one_message_for_two_people_is_one_transaction_and_names_neither_to_the_other(
    wire: Wire, people: FakeDirectory
) -> None:
    begin(wire, *ENVELOPE, b"RCPT TO:<ben@example.test>")
    assert wire.ask(mail() + b".").startswith("250")
    for address in ("ann@example.test", "ben@example.test"):
        (found,) = stored(people.people[address])
        assert b"Delivered-To: " + address.encode() in found
        assert b"for <" not in found.partition(b"From: ")[0]


def test_two_addresses_of_one_mailbox_make_one_copy(wire: Wire, people: FakeDirectory) -> None:
    ann = people.people["ann@example.test"]
    people.aliases["sales@example.test"] = (LocalTarget(ann, "sales@example.test"),)
    begin(wire, *ENVELOPE, b"RCPT TO:<sales@example.test>", b"RCPT TO:<ANN@Example.Test>")
    assert wire.ask(mail() + b".").startswith("250")
    assert len(stored(ann)) == 1


def test_an_alias_that_points_outside_is_queued_in_the_same_transaction(
    wire: Wire, people: FakeDirectory
) -> None:
    ann = people.people["ann@example.test"]
    people.aliases["both@example.test"] = (
        LocalTarget(ann, "both@example.test"),
        RemoteTarget("ann@elsewhere.test"),
    )
    begin(wire, *ENVELOPE[:2], b"RCPT TO:<both@example.test>")
    assert wire.ask(mail() + b".").startswith("250")
    assert len(stored(ann)) == 1
    assert list(QueuedRecipient.objects.values_list("address", flat=True)) == ["ann@elsewhere.test"]
    assert srs.reverse(Outgoing.objects.get().sender, at=now_us()) == "joe@outside.test"


def test_the_trace_tells_who_sent_what_to_whom(wire: Wire, people: FakeDirectory) -> None:
    begin(wire)
    answer = wire.ask(mail(message_id="lunch@outside.test") + b".")
    received, verified, placed = tracing.timeline(answer.split()[-1])
    assert (received.kind, received.sender, received.ip) == ("received", "joe@outside.test", "127.0.0.1")
    assert received.message_id == "lunch@outside.test"
    assert verified.kind == "verified"
    assert {"spf", "dkim", "dmarc"} <= set(verified.detail)
    assert (placed.kind, placed.recipient, placed.domain) == ("placed", "ann@example.test", "example.test")
    assert placed.mailspace == people.people["ann@example.test"]


def test_a_bounce_comes_in_with_an_empty_sender(wire: Wire, people: FakeDirectory) -> None:
    begin(wire, ENVELOPE[0], b"MAIL FROM:<> SIZE=100 BODY=8BITMIME", ENVELOPE[2])
    assert wire.ask(mail() + b".").startswith("250")
    assert stored(people.people["ann@example.test"])[0].startswith(b"Return-Path: <>\r\n")


def test_an_address_in_another_script_needs_smtputf8(wire: Wire, people: FakeDirectory) -> None:
    people.add("jürgen@example.test")
    wire.ask("EHLO client.test")
    wire.ask("MAIL FROM:<joe@outside.test>")
    assert wire.ask("RCPT TO:<jürgen@example.test>").startswith("553 5.6.7")
    wire.ask("RSET")
    wire.ask("MAIL FROM:<joe@outside.test> SMTPUTF8")
    assert wire.ask("RCPT TO:<jürgen@example.test>").startswith("250")


def test_a_client_that_hangs_up_its_sending_side_still_gets_its_answers(
    wire: Wire, people: FakeDirectory
) -> None:
    wire.send(b"\r\n".join([*ENVELOPE, b"DATA", b""]))
    for _ in range(4):
        wire.reply()
    wire.send(mail() + b".\r\nQUIT\r\n")
    wire.socket.shutdown(socket.SHUT_WR)
    assert [reply[:3] for reply in wire.replies()] == ["250", "221"]
    assert len(stored(people.people["ann@example.test"])) == 1


def test_starttls_encrypts_and_forgets_what_was_said(
    wire: Wire, client_tls: ssl.SSLContext, people: FakeDirectory
) -> None:
    wire.ask("EHLO client.test")
    wire.ask("MAIL FROM:<joe@outside.test>")
    assert wire.ask("STARTTLS").startswith("220")
    wire.start_tls(client_tls)
    assert wire.ask("MAIL FROM:<joe@outside.test>").startswith("503")
    assert "STARTTLS" not in wire.ask("EHLO client.test")
    begin(wire, *ENVELOPE[1:])
    assert wire.ask(mail() + b".").startswith("250")
    assert b"with ESMTPS id" in stored(people.people["ann@example.test"])[0]


def test_commands_slipped_in_before_the_handshake_are_not_obeyed(
    wire: Wire, client_tls: ssl.SSLContext, people: FakeDirectory
) -> None:
    wire.ask("EHLO client.test")
    wire.send(b"STARTTLS\r\nEHLO evil.test\r\nMAIL FROM:<evil@outside.test>\r\n")
    assert wire.reply().startswith("220")
    wire.start_tls(client_tls)
    assert wire.ask("RCPT TO:<ann@example.test>").startswith("503")
    assert wire.ask("NOOP").startswith("250")


# --- who may have mail ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("recipient", "reply"),
    [
        ("nobody@example.test", "550 5.1.1"),
        ("someone@elsewhere.test", "550 5.7.1"),
        ("away@example.test", "450 4.2.1"),
        ("full@example.test", "452 4.2.2"),
        ("", "553 5.1.3"),
        ("@relay.test:ann@example.test", "553 5.1.3"),
        ("ann@[127.0.0.1]", "550 5.7.1"),
        ("ann%elsewhere.test@example.test", "550 5.1.1"),
        ('""@example.test', "553 5.1.3"),
        ("$(reboot)@example.test", "553"),
        ("|reboot@example.test", "550 5.1.1"),
        ("ann@example.test@elsewhere.test", "553 5.1.3"),
        ("ann@-bad-.test", "553 5.1.3"),
        ("x" * 300 + "@example.test", "553 5.1.3"),
    ],
)
def test_recipients_that_are_not_taken(wire: Wire, people: FakeDirectory, recipient: str, reply: str) -> None:
    full = people.add("full@example.test", quota_bytes=500)
    people.suspended.add("away@example.test")
    inbox = mailstore.mailbox_by_role(full, "inbox")
    assert inbox.messages == 0
    wire.ask("EHLO client.test")
    wire.ask("MAIL FROM:<joe@outside.test> SIZE=1000")
    assert wire.ask(f"RCPT TO:<{recipient}>").startswith(reply)
    assert wire.ask("DATA").startswith("554 5.5.1")


@pytest.mark.parametrize("written", ["Postmaster", "postmaster", "postmaster@mail.example.test"])
def test_postmaster_alone_is_the_hosts(wire: Wire, people: FakeDirectory, written: str) -> None:
    owner = people.add("postmaster@example.test")
    begin(wire, *ENVELOPE[:2], f"RCPT TO:<{written}>".encode())
    assert wire.ask(mail() + b".").startswith("250")
    assert len(stored(owner)) == 1


def test_no_other_name_is_the_hosts(wire: Wire) -> None:
    wire.ask("EHLO client.test")
    wire.ask("MAIL FROM:<joe@outside.test>")
    assert wire.ask("RCPT TO:<ann@mail.example.test>").startswith("550 5.7.1")
    assert wire.ask("RCPT TO:<Webmaster>").startswith("553 5.1.3")


def test_a_mailbox_that_got_full_after_rcpt_is_delivered_to_anyway(wire: Wire, people: FakeDirectory) -> None:
    small = people.add("small@example.test", quota_bytes=500)
    begin(wire, *ENVELOPE[:2], b"RCPT TO:<small@example.test>")
    assert wire.ask(mail(body="x" * 900) + b".").startswith("250")
    assert len(stored(small)) == 1


def test_recipients_beyond_the_limit_are_for_another_time(wire: Wire, people: FakeDirectory) -> None:
    ann = people.people["ann@example.test"]
    for number in range(Policy().recipients):
        people.aliases[f"a{number}@example.test"] = (LocalTarget(ann, f"a{number}@example.test"),)
    wire.send(b"\r\n".join(ENVELOPE) + b"\r\n")
    for number in range(Policy().recipients):
        wire.send(b"RCPT TO:<a%d@example.test>\r\n" % number)
    codes = [wire.reply()[:9] for _ in range(3 + Policy().recipients)]
    assert codes[-1] == "452 4.5.3"
    assert set(codes[3:-1]) == {"250 2.1.5"}


def test_who_tries_name_after_name_is_sent_away(wire: Wire) -> None:
    wire.send(b"\r\n".join(ENVELOPE[:2]) + b"\r\n")
    for number in range(Policy().unknown + 5):
        wire.send(b"RCPT TO:<try%d@example.test>\r\n" % number)
    assert list(wire.replies())[-1].startswith("421 4.7.1")


# --- bad input -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "ending",
    [
        b"\n.\n",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r",
        b"\r.\r\n",
        b"\r\n.\r",
        b"\r\n\0.\r\n",
        b"\n.\r\r\n",
        "\x85.\x85".encode(),
    ],
)
@pytest.mark.parametrize("split", [False, True])
def test_a_second_message_cannot_be_smuggled_in(
    wire: Wire, people: FakeDirectory, ending: bytes, split: bool
) -> None:
    inner = b"MAIL FROM:<evil@outside.test>\r\nRCPT TO:<ben@example.test>\r\nDATA\r\n" + mail(subject="evil")
    begin(wire)
    data = mail() + b"tail" + ending + inner + b"\r\n.\r\n"
    for piece in [data[n : n + 7] for n in range(0, len(data), 7)] if split else [data]:
        wire.send(piece)
    answer = wire.reply()
    assert wire.ask("NOOP").startswith("250"), "one message, one reply"
    assert stored(people.people["ben@example.test"]) == []
    kept = [body_of(found) for found in stored(people.people["ann@example.test"])]
    # A line end that only Unicode knows is just text; everything else here makes the message refusable.
    if "\x85".encode() in ending:
        assert kept == [data.removesuffix(b".\r\n")]
    else:
        assert answer.startswith(("550 5.6.11", "554 5.6.0"))
        assert kept == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b"no header at all\r\n",
        b"Subject: only a header",
        b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\nnever closed',
        b"Content-Type: multipart/mixed\r\n\r\n--\r\n",
        b"Content-Type: text/plain; charset=no-such-charset\r\n\r\n\xff\xfe\x80\r\n",
        b"Subject: \xc3\x28 \xff raw 8-bit\r\nFrom: \xff@\xff\r\n\r\n\xf0\x9f\r\n",
        b"X: " + b"y" * 70_000 + b"\r\n\r\n" + b"z" * 200_000 + b"\r\n",
        b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(1000)
        ),
        b"Subject: =?utf-8?b?////?= =?x?q?=00?=\r\nDate: yesterday\r\nMessage-ID: <[\r\n\r\n",
    ],
)
def test_malformed_messages_are_stored_byte_for_byte(wire: Wire, people: FakeDirectory, raw: bytes) -> None:
    begin(wire)
    stuffed = (b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:]
    # The end of DATA brings the last line's end with it where the message has none.
    expected = raw if not raw or raw.endswith(b"\r\n") else raw + b"\r\n"
    wire.send(stuffed + (b"" if stuffed == b"" or stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n")
    assert wire.reply().startswith("250")
    ann = people.people["ann@example.test"]
    (found,) = stored(ann) + stored(ann, "junk")  # what names nobody and nothing looks like spam
    assert found.endswith(expected)
    assert found[: len(found) - len(expected)].count(b"Received: ") == 1


def test_a_message_over_the_limit_is_refused_early_and_late(
    sidecar: RunningSidecar, people: FakeDirectory
) -> None:
    sidecar.sidecar.house.max_message_size = 10_000
    with Wire(sidecar.address("SMTP_LISTEN")) as wire:
        assert "SIZE 10000" in wire.ask("EHLO client.test")
        assert wire.ask("MAIL FROM:<joe@outside.test> SIZE=10001").startswith("552 5.3.4")
        assert wire.ask("MAIL FROM:<joe@outside.test> SIZE=99999999999999999999").startswith("552 5.3.4")
        begin(wire)
        wire.send(b"Subject: big\r\n\r\n" + b"x" * 20_000 + b"\r\n.\r\n")
        assert wire.reply().startswith("552 5.3.4")
        assert wire.ask("NOOP").startswith("250")
    assert stored(people.people["ann@example.test"]) == []


def test_a_client_that_never_stops_sending_is_cut_off(sidecar: RunningSidecar) -> None:
    sidecar.sidecar.house.max_message_size = 10_000
    with Wire(sidecar.address("SMTP_LISTEN")) as wire:
        begin(wire)
        with pytest.raises(OSError):
            for _ in range(1000):
                wire.send(b"x" * 65_536)
                time.sleep(0.001)


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"FROBNICATE", "500 5.5.1"),
        (b"", "500"),
        (b"\xff\xfe", "500 5.5.2"),
        (b"NOOP \0", "500 5.5.2"),
        (b"EHLO", "501 5.5.4"),
        (b"EHLO a b", "501 5.5.4"),
        (b"x" * 5000, "500 5.5.6"),
        (b"x" * 300_000, "500 5.5.6"),
        (b"MAIL FROM:<joe@outside.test> RET=ALL", "501 5.5.4"),
        (b"MAIL FROM:<joe@outside.test> ENVID=a+0Ab", "501 5.5.4"),
        (b"MAIL FROM:<joe@outside.test> HOLDFOR=60", "555 5.5.4"),
        (b"MAIL FROM:<joe@outside.test> SIZE=-1", "501 5.5.4"),
        (b"MAIL FROM:<joe@outside.test> SIZE", "501 5.5.4"),
        (b"MAIL FROM:<joe@outside.test> SIZE=1 SIZE=2", "501 5.5.4"),
        (b"MAIL FROM:<joe@outside.test> BODY=BINARYMIME", "501 5.5.4"),
        (b"MAIL FROM:<joe@outside.test> SMTPUTF8=1", "501 5.5.4"),
        (b"MAIL FROM:<joe@outside.test", "501 5.5.4"),
        (b"MAIL FROM:<joe>", "553 5.1.7"),
        (b"MAIL <joe@outside.test>", "501 5.5.4"),
        (b"RCPT TO:<ann@example.test>", "503 5.5.1"),
        (b"DATA", "503 5.5.1"),
        (b"BDAT 0 LAST", "503 5.5.1"),
        (b"AUTH PLAIN AGEAYg==", "502 5.5.1"),
        (b"VRFY ann", "252"),
        (b"HELP", "214"),
    ],
)
def test_commands_that_are_wrong_get_a_clear_answer_and_the_session_goes_on(
    wire: Wire, line: bytes, reply: str
) -> None:
    wire.ask("EHLO client.test")
    assert wire.ask(line).startswith(reply)
    assert wire.ask("NOOP").startswith("250")


def test_commands_before_the_greeting_are_out_of_order(wire: Wire) -> None:
    assert wire.ask("MAIL FROM:<joe@outside.test>").startswith("503 5.5.1")


def test_a_sender_cannot_be_named_twice(wire: Wire) -> None:
    wire.ask("EHLO client.test")
    wire.ask("MAIL FROM:<joe@outside.test>")
    assert wire.ask("MAIL FROM:<joe@outside.test>").startswith("503 5.5.1")


def test_too_many_errors_end_the_session(wire: Wire) -> None:
    wire.send(b"NONSENSE\r\n" * (Policy().errors + 5))
    replies = list(wire.replies())
    assert len(replies) == Policy().errors + 1
    assert replies[-1].startswith("421 4.7.0")


def test_a_browser_is_not_listened_to(wire: Wire) -> None:
    wire.send(b"POST / HTTP/1.1\r\nHost: mail\r\n\r\nMAIL FROM:<a@b.test>\r\n")
    assert [reply[:3] for reply in wire.replies()] == ["554"]


def test_mail_that_goes_round_in_circles_is_stopped(wire: Wire, people: FakeDirectory) -> None:
    begin(wire)
    hops = b"".join(b"Received: from a by b; Mon, 12 Oct 2026 10:00:00 +0000\r\n" for _ in range(60))
    assert wire.ask(hops + mail() + b".").startswith("554 5.4.6")
    assert stored(people.people["ann@example.test"]) == []


@pytest.mark.parametrize("until", range(6))
def test_a_client_that_vanishes_leaves_nothing_behind(
    sidecar: RunningSidecar, people: FakeDirectory, until: int
) -> None:
    steps = [*ENVELOPE, b"DATA"]
    wire = Wire(sidecar.address("SMTP_LISTEN"))
    for step in steps[:until]:
        wire.ask(step)
    if until > 4:
        wire.send(mail())
    wire.close()
    with Wire(sidecar.address("SMTP_LISTEN")) as next_one:
        begin(next_one)
        assert next_one.ask(mail(subject="after") + b".").startswith("250")
    (found,) = stored(people.people["ann@example.test"])
    assert b"Subject: after" in found


def test_trouble_of_ours_is_temporary_and_stores_nothing(
    wire: Wire, people: FakeDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second recipient's mailspace does not exist: neither copy may."""
    people.people["gone@example.test"] = 999_999_999
    begin(wire, *ENVELOPE, b"RCPT TO:<gone@example.test>")
    assert wire.ask(mail() + b".").startswith("451 4.3.0")
    assert stored(people.people["ann@example.test"]) == []
    assert tracing.search() == ()
    begin(wire, *ENVELOPE)
    assert wire.ask(mail() + b".").startswith("250")


def test_at_the_end_clients_are_told_and_nobody_is_kept(sidecar: RunningSidecar) -> None:
    with Wire(sidecar.address("SMTP_LISTEN")) as wire:
        wire.ask("EHLO client.test")
        begun = time.monotonic()
        sidecar.stop()
        assert [reply[:9] for reply in wire.replies()] == ["421 4.3.2"]
        assert time.monotonic() - begun < 5


def test_an_address_has_a_limit_of_connections(
    people: FakeDirectory, free_ports: None, server_tls: ssl.SSLContext
) -> None:
    with RunningSidecar(server_tls, policy=Policy(connections_per_address=3), exempt=()) as running:
        address = running.address("SMTP_LISTEN")
        wires = [Wire(address) for _ in range(3)]
        with Wire(address, greeting=False) as one_too_many:
            assert one_too_many.reply().startswith("421 4.7.0")
        for wire in wires:
            wire.close()


def test_exempt_networks_have_none(
    people: FakeDirectory, free_ports: None, server_tls: ssl.SSLContext
) -> None:
    exempt = (ipaddress.ip_network("127.0.0.0/8"),)
    with RunningSidecar(server_tls, policy=Policy(connections_per_address=1), exempt=exempt) as running:
        wires = [Wire(running.address("SMTP_LISTEN")) for _ in range(3)]
        assert all(wire.ask("NOOP").startswith("250") for wire in wires)
        for wire in wires:
            wire.close()


def test_a_client_that_resets_its_connection_is_one_line_in_the_log(
    sidecar: RunningSidecar, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with socket.create_connection(sidecar.address("SMTP_LISTEN")) as client:
        client.recv(100)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    eventually(lambda: "went away" in caplog.text, "the session has ended", within=5)
    assert "Traceback" not in caplog.text
