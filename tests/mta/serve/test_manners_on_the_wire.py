"""Clients without manners, over real sockets: each gets its reply and its end, and others are served meanwhile.

The limits are tiny, so that what takes minutes in an installation takes tenths of a second here; only the shortest
time something may take is measured, never the longest.
"""

from __future__ import annotations

import select
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from mta.limits.policy import Policy
from mta.limits.rates import Rate
from mta.serve import manners
from tests.eventually import eventually
from tests.mail import mail
from tests.mta.serve.test_hostile_clients import Sidecar
from tests.sidecar import PASSWORD, FakeDirectory, RunningSidecar, Wire, stored

QUICK = Policy(greeting_delay=0, longest_delay=0.05)
ENVELOPE = ("EHLO client.test", "MAIL FROM:<joe@outside.test>", "RCPT TO:<ann@example.test>")

pytestmark = pytest.mark.usefixtures("people", "free_ports")


class House:
    """Sidecars with a policy, in which nobody is exempt."""

    def __init__(self, tls: ssl.SSLContext, stack: ExitStack) -> None:
        self._tls, self._stack = tls, stack

    def open(self, policy: Policy) -> RunningSidecar:
        return self._stack.enter_context(RunningSidecar(self._tls, policy=policy, exempt=()))


@pytest.fixture
def house(people: FakeDirectory, free_ports: None, server_tls: ssl.SSLContext) -> Iterator[House]:
    with ExitStack() as stack:
        yield House(server_tls, stack)


def begin(wire: Wire) -> None:
    for command in ENVELOPE:
        assert wire.ask(command).startswith("250")


# --- at the door


def test_all_protocols_share_the_limit_of_an_address(house: House) -> None:
    running = house.open(Policy(greeting_delay=0, connections_per_address=3))
    doors = ("SMTP_LISTEN", "IMAP_LISTEN", "POP3_LISTEN")
    wires = [Wire(running.address(door), greeting=False) for door in doors]
    for wire in wires:
        assert wire.line()
    for door, word in zip(doors, (b"421 4.7.0", b"* BYE", b"-ERR [SYS/TEMP]"), strict=True):
        with Wire(running.address(door), greeting=False) as one_too_many:
            assert one_too_many.line().startswith(word) and one_too_many.line() == b""
    wires[0].close()

    def comes_in() -> bool:
        with Wire(running.address("SMTP_LISTEN"), greeting=False) as wire:
            return wire.reply().startswith("220")

    eventually(comes_in, "the place of who left is free", within=10)
    for wire in wires[1:]:
        wire.close()


def test_many_people_may_read_behind_one_address(house: House) -> None:
    running = house.open(Policy(connections_per_address=1))
    wires = []
    for who, door in (("ann", "IMAP_LISTEN"), ("ben", "IMAP_LISTEN"), ("ann", "IMAP_LISTEN")):
        wires.append(Wire(running.address(door), greeting=False))
        assert wires[-1].line().startswith(b"* OK")
        wires[-1].send(f'a LOGIN {who}@example.test "{PASSWORD}"\r\n'.encode())
        while not (line := wires[-1].line()).startswith(b"a "):
            assert line
        assert line.startswith(b"a OK")
    wires.append(Wire(running.address("POP3_LISTEN"), greeting=False))
    for command in (b"", b"USER ann@example.test\r\n", f"PASS {PASSWORD}\r\n".encode()):
        wires[-1].send(command)
        assert wires[-1].line().startswith(b"+OK")
    wires.append(Wire(running.address("POP3_LISTEN"), greeting=False))
    assert wires[-1].line().startswith(b"+OK")
    for wire in wires:
        wire.close()


def test_new_connections_have_a_rate(house: House) -> None:
    running = house.open(Policy(greeting_delay=0, connection_rate=Rate(4, 3600)))
    seen = []
    for _ in range(6):
        with Wire(running.address("SMTP_LISTEN"), greeting=False) as wire:
            seen.append(wire.reply()[:3])
    assert seen == ["220"] * 4 + ["421"] * 2


def test_who_speaks_before_the_greeting_hears_why_and_who_waits_is_greeted(house: House) -> None:
    running = house.open(Policy(greeting_delay=0.3))
    begun = time.monotonic()
    with Wire(running.address("SMTP_LISTEN"), greeting=False) as hasty:
        hasty.send(b"EHLO bot.test\r\nMAIL FROM:<>\r\n")
        assert [reply[:9] for reply in hasty.replies()] == ["554 5.5.1"]
    with Wire(running.address("SMTP_LISTEN"), greeting=False) as polite:
        assert polite.reply().startswith("220") and time.monotonic() - begun >= 0.6
        begin(polite)
    with Wire(running.address("SUBMISSION_LISTEN"), greeting=False) as ours:
        ours.send(b"EHLO mine.test\r\n")
        assert ours.reply().startswith("220")


# --- in a conversation


def test_errors_are_answered_slower_and_then_not_at_all(house: House) -> None:
    running = house.open(Policy(greeting_delay=0, errors=6, errors_before_delay=2, longest_delay=0.2))
    with Wire(running.address("SMTP_LISTEN")) as wire:
        begun = time.monotonic()
        wire.send(b"NONSENSE\r\n" * 50)
        assert [reply[:3] for reply in wire.replies()] == ["500"] * 6 + ["421"]
        assert time.monotonic() - begun >= 3 * 0.2


@pytest.mark.parametrize(
    "command", ["NOOP", "RSET", "HELO client.test", "EHLO client.test", "HELP", "VRFY x"]
)
def test_ten_thousand_commands_at_once_that_move_nothing(house: House, command: str) -> None:
    running = house.open(QUICK)
    with Wire(running.address("SMTP_LISTEN")) as wire, Wire(running.address("SMTP_LISTEN")) as other:
        with suppress(OSError):  # it hangs up in the middle of them
            wire.send(command.encode() + b"\r\n" + (command.encode() + b"\r\n") * 10_000)
        begin(other)
        answers = []
        with suppress(ConnectionError):
            answers = [reply[:9] for reply in wire.replies()]
        assert len(answers) <= QUICK.idle_commands + 1


def test_ten_thousand_commands_at_once_end_where_the_limit_is(house: House) -> None:
    running = house.open(Policy(greeting_delay=0, commands=40, errors=1000, errors_before_delay=1000))
    with Wire(running.address("SMTP_LISTEN")) as wire:
        wire.send(b"EHLO client.test\r\n" + b"MAIL FROM:<a@outside.test>\r\n" * 60)
        assert [reply[:3] for reply in wire.replies()] == ["250", "250"] + ["503"] * 38 + ["421"]


def test_a_session_that_brings_no_message_ends(house: House) -> None:
    running = house.open(Policy(greeting_delay=0, session_seconds=0.2))
    with Wire(running.address("SMTP_LISTEN")) as wire:
        time.sleep(0.25)
        assert wire.ask("EHLO client.test").startswith("421 4.7.0")


def test_a_name_that_cannot_be_is_refused_and_another_may_be_said(house: House) -> None:
    running = house.open(QUICK)
    visits = manners.judge_hello
    try:
        # Everybody here comes from this machine, where any name is true; for once they are outside.
        manners.judge_hello = lambda name, **facts: visits(name, **{**facts, "ip": "203.0.113.9"})  # type: ignore[assignment]
        with Wire(running.address("SMTP_LISTEN")) as wire:
            for name in ("mail.example.test", "localhost", "[127.0.0.1]"):
                assert wire.ask(f"EHLO {name}").startswith("550 5.7.1")
            begin(wire)
    finally:
        manners.judge_hello = visits


def test_recipients_have_a_rate_for_their_address(house: House, people: FakeDirectory) -> None:
    running = house.open(Policy(greeting_delay=0, recipient_rate=Rate(3, 3600)))
    with Wire(running.address("SMTP_LISTEN")) as wire:
        begin(wire)
        codes = [wire.ask(f"RCPT TO:<ann+{number}@example.test>")[:9] for number in range(4)]
        assert codes[-1] == "450 4.7.1" and "450 4.7.1" not in codes[:1]
        assert wire.ask("DATA").startswith("354")  # who was accepted gets it
        assert wire.ask(mail() + b".").startswith("250")
    assert len(stored(people.people["ann@example.test"])) == 1


def test_who_tries_names_over_many_connections_is_told_to_come_later(house: House) -> None:
    running = house.open(Policy(greeting_delay=0, longest_delay=0.05, unknown_rate=Rate(9, 3600)))
    replies = []
    for number in range(4):
        with Wire(running.address("SMTP_LISTEN"), greeting=False) as wire:
            if wire.reply().startswith("421 4.7.1"):
                replies.append("at the door")
                continue
            wire.ask("EHLO harvest.test")
            wire.ask("MAIL FROM:<>")
            for name in range(4):
                replies.append(wire.ask(f"RCPT TO:<try{number}{name}@example.test>")[:9])
                if replies[-1].startswith("421"):
                    break
    assert replies == ["550 5.1.1"] * 9 + ["421 4.7.1", "at the door"]
    with Wire(running.address("SUBMISSION_LISTEN")) as ours:  # its people write from the same address
        assert ours.ask("EHLO mine.test").startswith("250")


# --- who is slow

VERBS = "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY EXPN HELP QUIT STARTTLS AUTH LHLO NONSENSE".split()


def drip(wires: dict[str, Wire], text: dict[str, bytes], *, every: float = 0.05) -> dict[str, bytes]:
    """A byte to each now and then, until each has been told something and closed; what they were told."""
    heard = dict.fromkeys(wires, b"")
    open_ones = dict(wires)
    deadline = time.monotonic() + 60
    step = 0
    while open_ones:
        assert time.monotonic() < deadline, f"still served: {sorted(open_ones)}"
        for name, wire in list(open_ones.items()):
            with suppress(OSError):
                wire.send(text[name][step % len(text[name]) :][:1])
        step += 1
        readable = select.select([wire.socket for wire in open_ones.values()], [], [], every)[0]
        for name, wire in list(open_ones.items()):
            if wire.socket in readable:
                try:
                    block = wire.socket.recv(65_536)
                except OSError:
                    block = b""
                heard[name] += block
                if not block:
                    del open_ones[name]
                    wire.close()
    return heard


def test_a_command_that_comes_a_byte_at_a_time_is_not_waited_for(house: House) -> None:
    running = house.open(Policy(greeting_delay=0, command_seconds=0.4))
    wires = {verb: Wire(running.address("SMTP_LISTEN")) for verb in VERBS}
    heard = drip(wires, {verb: verb.encode() + b" " + b"x" * 1000 for verb in VERBS})
    assert {verb for verb, said in heard.items() if not said.startswith(b"421 4.4.2")} == set()


def test_an_answer_that_comes_a_byte_at_a_time_is_not_waited_for(house: House) -> None:
    running = house.open(Policy(greeting_delay=0, command_seconds=0.4))
    wire = Wire(running.address("SUBMISSION_LISTEN"))
    wire.ask("EHLO mine.test")
    assert wire.ask("AUTH PLAIN").startswith("334")
    assert drip({"AUTH": wire}, {"AUTH": b"A" * 1000})["AUTH"].startswith(b"421 4.4.2")


@pytest.mark.parametrize(
    "policy",
    [
        Policy(greeting_delay=0, block_seconds=30, data_seconds=0.4, data_rate=0),
        Policy(greeting_delay=0, block_seconds=30, data_seconds=30, data_rate=1000),
    ],
    ids=["in all", "a second"],
)
def test_a_message_that_comes_a_byte_at_a_time_is_not_waited_for(
    house: House, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manners, "_SLOW_GRACE", 0.4)
    running = house.open(policy)
    wires = {name: Wire(running.address("SMTP_LISTEN")) for name in ("DATA", "BDAT")}
    for wire in wires.values():
        begin(wire)
    assert wires["DATA"].ask("DATA").startswith("354")
    wires["BDAT"].send(b"BDAT 100000 LAST\r\n")
    with Wire(running.address("SMTP_LISTEN")) as other:
        heard = drip(wires, dict.fromkeys(wires, b"Subject: slow "))
        begin(other)
    assert {name for name, said in heard.items() if not said.startswith(b"421 4.4.2")} == set()


def test_a_handshake_that_never_ends_is_not_waited_for(house: House) -> None:
    running = house.open(Policy(greeting_delay=0, handshake_seconds=0.3, connections_per_address=3))
    doors = ("SUBMISSIONS_LISTEN", "IMAPS_LISTEN", "POP3S_LISTEN")
    wires = {door: Wire(running.address(door), greeting=False) for door in doors}
    assert drip(wires, dict.fromkeys(doors, b"\x16\x03\x01\x02\x00")) == dict.fromkeys(doors, b"")

    def comes_in() -> bool:
        with Wire(running.address("SMTP_LISTEN"), greeting=False) as wire:
            return wire.reply().startswith("220")

    eventually(comes_in, "their places are free", within=10)
    wire = Wire(running.address("SUBMISSION_LISTEN"))
    wire.ask("EHLO mine.test")
    assert wire.ask("STARTTLS").startswith("220")
    assert drip({"STARTTLS": wire}, {"STARTTLS": b"\x16\x03\x01\x02\x00"})["STARTTLS"] == b""


# --- five thousand


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("memory is looked up in /proc, which only Linux has")
    running = Sidecar(tmp_path_factory.mktemp("manners"))
    running.env |= {"LIMITS_EXEMPT": "off", "LIMIT_GREETING_DELAY": "0", "LIMIT_CONNECTION_RATE": "6000/1m"}
    running.process = running.serve()
    try:
        yield running
    finally:
        running.process.terminate()
        running.process.wait(20)


@pytest.mark.parametrize("door", ["SMTP", "IMAPS"])
def test_five_thousand_connections_of_one_address(process: Sidecar, door: str) -> None:
    """Sixty are let in at a time, the others are closed; meanwhile messages from elsewhere are taken."""
    most: list[int] = []
    done = threading.Event()

    def attack() -> None:
        kept: list[socket.socket] = []
        try:
            for _ in range(10):
                for _ in range(500):
                    kept.append(socket.create_connection(("127.0.0.1", process.ports[door]), timeout=30))
                    kept[-1].setblocking(False)
                eventually(
                    lambda there=kept: len(still_open(there)) <= 60, "all others are closed", within=60
                )
                kept = still_open(kept)
                most.append(len(kept))
        finally:
            done.set()
            for client in kept:
                client.close()

    thread = threading.Thread(target=attack)
    with process.bounded():
        thread.start()
        sent = 0
        while not (done.is_set() and sent):
            deliver_from("127.9.9.9", process.ports["SMTP"])
            sent += 1
        thread.join(60)
    assert len(most) == 10 and 0 < most[0] <= max(most) <= 60


def still_open(clients: list[socket.socket]) -> list[socket.socket]:
    """Which of them the server has not closed; the others are closed here, too."""
    left = []
    for client in clients:
        with suppress(OSError):
            try:
                is_open = client.recv(200) != b""
            except BlockingIOError:
                is_open = True
            if is_open:
                left.append(client)
                continue
        client.close()
    return left


def deliver_from(ip: str, port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=30, source_address=(ip, 0)) as client:
        client.sendmail("joe@outside.test", ["ann@example.test"], mail())
