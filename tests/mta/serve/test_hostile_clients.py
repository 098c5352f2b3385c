"""Clients that mean harm, against the real process: they cost bounded memory and time, and hurt nobody else.

While one connection does its worst, another one's NOOPs are answered as ever, and the process grows by less than
ROOM. What is limited is told by the limits themselves, not by a watch; the one time that is measured, NOOP's, is the
middle one of many, and ten times what it takes on a slow machine.
"""

from __future__ import annotations

import re
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.mail import mail
from tests.mta.serve.test_serve_mail import PASSWORD, Installation

ANN = "ann@example.test"
ROOM = 64 * 2**20  # bytes that an attack may cost; each of them sends or asks for more than that, or could
PATIENCE = 20.0
NOOPS = 15
MIDDLE = 0.5  # seconds


class Client:
    """A socket that speaks lines."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._file = self.socket.makefile("rb")
        self.greeting = self.line()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def line(self) -> bytes:
        return self._file.readline()

    def ask(self, command: bytes) -> bytes:
        """A command without its tag; the tagged answer, or the BYE that comes instead, or b"" when all is over."""
        self.send(b"t " + command + b"\r\n")
        return self.answer(b"t ")

    def answer(self, tag: bytes) -> bytes:
        while line := self.line():
            if line.startswith((tag, b"* BYE")):
                return line
        return b""

    def sign_in(self) -> Client:
        assert b" OK " in self.ask(f'LOGIN {ANN} "{PASSWORD}"'.encode())
        return self

    def close(self) -> None:
        self._file.close()
        self.socket.close()


class Sidecar(Installation):
    """One process, its memory, and the session that must not feel anything."""

    process: subprocess.Popen[bytes]

    def connect(self) -> Client:
        return Client(self.ports["IMAP"])

    def memory(self, name: str = "VmRSS") -> int:
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{name}:\s+(\d+) kB", text)
        assert found is not None
        return int(found.group(1)) * 1024

    @contextmanager
    def bounded(self, room: int = ROOM) -> Iterator[None]:
        """The highest that the process grows to in the meantime."""
        before = self.memory()
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")  # forget the highest of before
        yield
        grown = self.memory("VmHWM") - before
        assert grown < room, f"grew by {grown / 2**20:.0f} MiB"


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("memory is looked up in /proc, which only Linux has")
    running = Sidecar(tmp_path_factory.mktemp("hostile"))
    running.process = running.serve()
    try:
        yield running
    finally:
        running.process.terminate()
        running.process.wait(20)


@pytest.fixture
def victim(sidecar: Sidecar) -> Iterator[Client]:
    client = sidecar.connect().sign_in()
    assert b" OK " in client.ask(b"SELECT INBOX")
    yield client
    client.close()


def is_well(victim: Client, *, until: Callable[[], bool] = lambda: True) -> None:
    """NOOP looks into the store, so it says that the event loop, the threads and the database are free."""
    took: list[float] = []
    while len(took) < NOOPS or not until():
        begun = time.monotonic()
        assert b" OK " in victim.ask(b"NOOP")
        took.append(time.monotonic() - begun)
        time.sleep(0.005)
    assert statistics.median(took) < MIDDLE, took


def endures(victim: Client, attack: Callable[[], object], *, times: int = 1, rounds: int = 2) -> None:
    """The victim is well as long as an attack goes on; a connection that breaks on it is the attacker's own affair."""
    faults: list[BaseException] = []

    def run() -> None:
        try:
            for _ in range(rounds):
                with suppress(OSError):
                    attack()
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    try:
        is_well(victim, until=lambda: not any(thread.is_alive() for thread in threads))
    finally:
        for thread in threads:
            thread.join(2 * PATIENCE)
    if faults:
        raise faults[0]


@pytest.mark.parametrize("waits", [True, False], ids=["asking first", "at once"])
@pytest.mark.parametrize("signed_in", [True, False])
def test_a_literal_of_four_gigabytes(sidecar: Sidecar, victim: Client, signed_in: bool, waits: bool) -> None:
    command = b"APPEND INBOX" if signed_in else b"LOGIN"
    mark = b"" if waits else b"+"

    def attack() -> None:
        client = sidecar.connect()
        if signed_in:
            client.sign_in()
        client.send(b"t %b {4294967296%b}\r\n" % (command, mark))
        answer = client.answer(b"t ")
        assert b"TOOBIG" in answer if waits else answer.startswith(b"* BYE"), answer
        with suppress(OSError):  # it was told not to
            for _ in range(200):
                client.send(b"x" * 100_000)
        client.close()

    with sidecar.bounded():
        endures(victim, attack)


def test_a_set_of_a_hundred_thousand_elements(sidecar: Sidecar, victim: Client) -> None:
    whole = b",".join(b"%d" % number for number in range(1, 200_001, 2))
    short = whole[:60_000].rpartition(b",")[0]

    def attack() -> None:
        client = sidecar.connect().sign_in()
        client.ask(b"SELECT INBOX")
        for verb in (
            b"UID FETCH %b FLAGS",
            b"UID STORE %b +FLAGS (x)",
            b"UID SEARCH UID %b",
            b"UID COPY %b Trash",
        ):
            assert b" BAD " in client.ask(verb % whole)
            answer = client.ask(verb % short)
            assert b" OK " in answer or b" BAD " in answer or b" NO " in answer, answer
        client.close()

    with sidecar.bounded():
        endures(victim, attack)


@pytest.mark.parametrize(
    "keys",
    [
        b"(" * 1000 + b"SEEN" + b")" * 1000,
        b"NOT " * 1000 + b"SEEN",
        b"OR " * 1000 + b"SEEN " * 1001,
        b"SEEN " * 9000,
    ],
    ids=["parentheses", "not", "or", "one after the other"],
)
def test_a_thousand_search_keys(sidecar: Sidecar, victim: Client, keys: bytes) -> None:
    def attack() -> None:
        client = sidecar.connect().sign_in()
        client.ask(b"SELECT INBOX")
        answer = client.ask(b"SEARCH " + keys.strip())
        assert b" BAD " in answer or b" NO " in answer, answer
        assert b" OK " in client.ask(b"SEARCH NOT NOT SEEN")
        client.close()

    with sidecar.bounded():
        endures(victim, attack)


@pytest.mark.parametrize("signed_in", [True, False])
@pytest.mark.parametrize(
    "data",
    [b't LOGIN "' + b"x" * 100_000, b"\0" * 100_000, b't LIST "" "' + b"\\" * 100_000, b"x" * 100_000],
    ids=["quote", "NUL", "backslashes", "no space"],
)
def test_a_line_that_never_ends(sidecar: Sidecar, victim: Client, data: bytes, signed_in: bool) -> None:
    """What is too long is thrown away as it comes; what is far too long ends the connection."""

    def attack() -> None:
        client = sidecar.connect()
        if signed_in:
            client.sign_in()
        with suppress(OSError):
            for _ in range(1100):
                client.send(data)
                data_goes_on = data[-1:] * len(data)
                client.send(data_goes_on)
        client.close()

    with sidecar.bounded():
        endures(victim, attack)


def test_quotes_and_nuls_where_they_do_not_belong(sidecar: Sidecar, victim: Client) -> None:
    client = sidecar.connect()
    for command in (
        b'LOGIN "ann',
        b"LOGIN ann\0 secret",
        b'LOGIN "a\0b" "c"',
        b"NO\0OP",
        b"LOGIN {3}\r\na\0b x",
    ):
        client.send(b"t " + command + b"\r\n")
        answer = client.line()
        if answer.startswith(b"+"):
            answer = client.line()
        assert b" BAD " in answer or b" NO " in answer, (command, answer)
    assert b" OK " in client.ask(b"NOOP")
    client.close()
    is_well(victim)


def test_those_who_say_nothing(sidecar: Sidecar, victim: Client) -> None:
    with sidecar.bounded(), ExitStack() as stack:
        for number in range(200):
            client = sidecar.connect()
            stack.callback(client.close)
            client.send((b"", b"t", b"t LOGIN", b"t LOGIN {5}\r\n", b"t AUTHENTICATE PLAIN\r\n")[number % 5])
        is_well(victim)


def test_one_who_asks_for_much_and_reads_nothing(sidecar: Sidecar, victim: Client) -> None:
    writer = sidecar.connect().sign_in()
    big = mail(body=("0123456789" * 7 + "\r\n") * 140_000)  # 10 MB
    assert b" OK " in writer.ask(b"CREATE Big")
    for _ in range(10):
        assert b" OK " in writer.ask(b"APPEND Big {%d+}\r\n%b" % (len(big), big))
    assert b" OK " in writer.ask(b"SELECT Big")
    writer.close()
    with (
        sidecar.bounded(2 * ROOM),
        ExitStack() as stack,
    ):  # of 600 MB; each may hold a message, and read one ahead
        for _ in range(3):
            deaf = sidecar.connect().sign_in()
            stack.callback(deaf.close)
            deaf.ask(b"SELECT Big")
            deaf.send(b"t FETCH 1:* BODY.PEEK[]\r\n" * 20)
        is_well(victim)
    is_well(victim)


def test_one_who_does_not_wait_for_any_answer(sidecar: Sidecar, victim: Client) -> None:
    def attack() -> None:
        client = sidecar.connect().sign_in()
        client.socket.settimeout(1)
        client.send(b"t SELECT INBOX\r\n")
        with suppress(OSError):
            client.send(b't NOOP\r\nt LIST "" *\r\nt UID SEARCH ALL\r\n' * 20_000)
        client.close()

    with sidecar.bounded():
        endures(victim, attack, times=2)


@pytest.mark.parametrize("name", [ANN, "nobody@example.test"])
def test_floods_of_sign_ins(sidecar: Sidecar, victim: Client, name: str) -> None:
    """Passwords are hashed slowly and on purpose; those who wait for it must not be everybody."""

    def attack() -> None:
        client = sidecar.connect()
        client.send(f't LOGIN {name} "wrong"\r\n'.encode() * 3)
        client.answer(b"t ")
        client.close()

    with sidecar.bounded(4 * ROOM):  # a hash takes memory, and on purpose
        endures(victim, attack, times=16)


def test_whoever_knows_the_password_comes_in_during_a_flood(sidecar: Sidecar) -> None:
    flood = [sidecar.connect() for _ in range(16)]
    for number, client in enumerate(flood):
        client.send(f't LOGIN nobody{number}@example.test "wrong"\r\n'.encode() * 4)
    sidecar.connect().sign_in().close()
    for client in flood:
        client.close()
