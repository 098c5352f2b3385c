"""Cases with many clients, or with other protocols: mixed load, IDLE, idle connections, POP3, delivery.

Clients run in processes of their own, so that they are not what is measured.
"""

from __future__ import annotations

import multiprocessing
import random
import re
import resource
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from bench import corpus, machine, sets
from bench.cases import Figures, median, percentile
from bench.imap import Imap, Refused, opened
from bench.servers import DOMAIN, PASSWORD, Server, address

MIX = (
    ("list", 35),
    ("read", 25),
    ("flag", 15),
    ("status", 10),
    ("noop", 5),
    ("append", 5),
    ("search", 3),
    ("select", 2),
)
_SENDER = f"sender@outside.{DOMAIN}"
_DOTS = re.compile(rb"(?m)^\.")


def in_processes(shares: Sequence[Any], work: Callable[[Any], Any]) -> tuple[list[Any], float]:
    """`work(share)` in a forked process each, begun together; results in order, and the seconds it took."""
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(len(shares) + 1)

    def child(share: Any, pipe: Any) -> None:
        gate.wait()
        try:
            pipe.send((True, work(share)))
        except BaseException as error:
            pipe.send((False, f"{type(error).__name__}: {error}"))

    running = []
    for share in shares:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=child, args=(share, theirs), daemon=True)
        process.start()
        running.append((process, ours))
    gate.wait()
    start = time.perf_counter()
    answers = [pipe.recv() for _, pipe in running]
    seconds = time.perf_counter() - start
    for process, _ in running:
        process.join()
    for good, answer in answers:
        if not good:
            raise Refused(answer)
    return [answer for _, answer in answers], seconds


def in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """`work(n)` in threads; results in order, or the first error."""
    results: list[Any] = [None] * count
    errors: list[BaseException] = []

    def one(number: int) -> None:
        try:
            results[number] = work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


# --- mixed load


def mixed(seconds: float) -> Callable[[Server], Figures]:
    """Twenty mail programs at once, each in its own mailbox: lists, reads, flags, appends, searches."""

    def measure(server: Server) -> Figures:
        users = sets.MIXED
        halves = [users[::2], users[1::2]]
        found, _ = in_processes(
            halves, lambda half: in_threads(len(half), lambda n: _program(server, half[n], seconds))
        )
        times: dict[str, list[float]] = {kind: [] for kind, _ in MIX}
        for one in (program for half in found for program in half):
            for kind, waits in one.items():
                times[kind] += waits
        every = [wait for waits in times.values() for wait in waits]
        return {
            "per_s": len(every) / seconds,
            "p50_ms": median(every) * 1000,
            "p95_ms": percentile(every, 0.95) * 1000,
            "p99_ms": percentile(every, 0.99) * 1000,
            **{f"{kind}_p50_ms": median(waits) * 1000 for kind, waits in times.items() if waits},
        }

    return measure


def _program(server: Server, user: str, seconds: float) -> dict[str, list[float]]:
    """What one mail program does for some seconds: kind → waits."""
    chance = random.Random(user)  # noqa: S311 - the same load for every server
    count, kinds, weights = sets.MIXED_MESSAGES, [kind for kind, _ in MIX], [weight for _, weight in MIX]
    waits: dict[str, list[float]] = {kind: [] for kind in kinds}
    with Imap(server, user) as client:
        client.make("Outbox")
        client.select()
        until = time.perf_counter() + seconds
        while (start := time.perf_counter()) < until:
            kind, place = chance.choices(kinds, weights)[0], chance.randint(1, count)
            _do(client, kind, place, chance)
            waits[kind].append(time.perf_counter() - start)
        client.drop("Outbox")
    return waits


def _do(client: Imap, kind: str, place: int, chance: random.Random) -> None:
    if kind == "list":
        low = min(place, sets.MIXED_MESSAGES - 29)
        client.fetch(
            f"FETCH {low}:{low + 29} (UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODYSTRUCTURE)", expect=30
        )
    elif kind == "read":
        client.fetch_whole(f"FETCH {place} (UID BODY.PEEK[])", expect=1)
    elif kind == "flag":
        client.ok(f"STORE {place} {chance.choice('+-')}FLAGS (\\Seen)")
    elif kind == "status":
        client.ok("STATUS INBOX (MESSAGES UNSEEN UIDNEXT)")
    elif kind == "noop":
        client.ok("NOOP")
    elif kind == "append":
        client.append("Outbox", [corpus.message(place)])
    elif kind == "search":
        client.ok(f"SEARCH UNSEEN SUBJECT {corpus.SUBJECT_WORD}")
    else:
        client.select("Outbox")
        client.select()


# --- delivery


class Smtp:
    """One connection that sends; every answer must be the one expected."""

    def __init__(self, server: Server) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.ports["smtp"]), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")
        self._expect(b"220")
        self._ask(b"EHLO client.bench.test", b"250")

    def _expect(self, code: bytes) -> None:
        line = self._file.readline()
        while line[3:4] == b"-":
            line = self._file.readline()
        if not line.startswith(code):
            raise Refused(line.decode(errors="replace").strip() or "the server hung up")

    def _ask(self, command: bytes, code: bytes) -> None:
        self._socket.sendall(command + b"\r\n")
        self._expect(code)

    def send(self, user: str, message: bytes) -> None:
        """Returns at the 250 to the message."""
        self._ask(f"MAIL FROM:<{_SENDER}>".encode(), b"250")
        self._ask(f"RCPT TO:<{address(user)}>".encode(), b"250")
        self._ask(b"DATA", b"354")
        self._socket.sendall(_DOTS.sub(b"..", message) + b".\r\n")
        self._expect(b"250")

    def close(self) -> None:
        self._socket.sendall(b"QUIT\r\n")
        self._file.close()
        self._socket.close()


def idle(samples: int) -> Callable[[Server], Figures]:
    """From SMTP's 250 to `* n EXISTS` on a connection that idles. Before the 250 counts as 0."""

    def measure(server: Server) -> Figures:
        waits, whole = [], []
        sender = Smtp(server)
        with opened(server, sets.IDLER, how="SELECT") as client:
            client.socket.settimeout(30)
            tag = client.idle()
            for number in range(samples):
                seen: list[float] = []
                watcher = threading.Thread(target=_watch, args=(client, seen), daemon=True)
                watcher.start()
                start = time.perf_counter()
                sender.send(sets.IDLER, corpus.message(number, corpus.SMALL))
                acked = time.perf_counter()
                watcher.join(30)
                if not seen:
                    raise Refused("no EXISTS within 30 seconds of the 250")
                waits.append(max(0.0, seen[0] - acked))
                whole.append(seen[0] - start)
                time.sleep(0.02)
            client.done(tag)
        sender.close()
        return {
            "p50_ms": median(waits) * 1000,
            "p99_ms": percentile(waits, 0.99) * 1000,
            "from_mail_p50_ms": median(whole) * 1000,
        }

    return measure


def _watch(client: Imap, seen: list[float]) -> None:
    while not client.line().rstrip().endswith(b" EXISTS"):
        pass
    seen.append(time.perf_counter())


def deliver(count: int, connections: int) -> Callable[[Server], Figures]:
    """Messages accepted a second, and all of them in their mailboxes a second."""
    message = corpus.message(1, corpus.SMALL)

    def measure(server: Server) -> Figures:
        before = sum(_messages(server, user) for user in sets.SINKS)
        each = count // connections

        def work(numbers: list[int]) -> None:
            in_threads(len(numbers), lambda n: _send(server, numbers[n], each, message))

        start = time.perf_counter()
        _, accepted = in_processes([list(range(k, connections, 2)) for k in range(2)], work)
        while sum(_messages(server, user) for user in sets.SINKS) - before < each * connections:
            if time.perf_counter() - start > 120:
                raise Refused("mail that was accepted is not in its mailbox after two minutes")
            time.sleep(0.05)
        seconds = time.perf_counter() - start
        return {"per_s": each * connections / accepted, "visible_per_s": each * connections / seconds}

    return measure


def _send(server: Server, number: int, count: int, message: bytes) -> None:
    client = Smtp(server)
    for one in range(count):
        client.send(sets.SINKS[(number + one) % len(sets.SINKS)], message)
    client.close()


def _messages(server: Server, user: str) -> int:
    with Imap(server, user) as client:
        return client.messages("INBOX")


# --- idle connections


def idle_memory(connections: int, users: Sequence[str], *, at_once: int = 20) -> Callable[[Server], Figures]:
    """The memory of connections that idle in a selected Inbox, all signed in and all still answering.

    They are opened by one process of the bench with a selector, and weighed when the server has been at rest.
    """

    def measure(server: Server) -> Figures:
        _many_files(connections)
        with opened(server, users[0]):  # what the first client of all makes the server load
            pass
        time.sleep(1)
        before = machine.pss_kib(server.imap_pids())
        start = time.perf_counter()
        held = [
            one
            for share in in_threads(at_once, lambda n: _hold(server, users, range(n, connections, at_once)))
            for one in share
        ]
        took = time.perf_counter() - start
        _rest(server)
        after = machine.pss_kib(server.imap_pids())
        cpu = machine.cpu_seconds(server.imap_pids())
        time.sleep(5)
        idle_share = (machine.cpu_seconds(server.imap_pids()) - cpu) / 5
        for client, tag in held:
            client.done(tag)
        for client, _ in held:
            client.socket.close()
        _rest(server)
        return {
            "kib": (after - before) / len(held),
            "total_mib": after / 1024,
            "opened_per_s": len(held) / took,
            "cpu_at_rest": idle_share,
        }

    return measure


def _hold(server: Server, users: Sequence[str], numbers: range) -> list[tuple[Imap, bytes]]:
    held = []
    for number in numbers:
        client = Imap(server, users[number % len(users)], timeout=120)
        client.select()
        held.append((client, client.idle()))
    return held


def _rest(server: Server, *, longest: float = 20) -> None:
    """Until the server has used next to no processor time for two seconds."""
    until = time.monotonic() + longest
    while time.monotonic() < until:
        cpu = machine.cpu_seconds(server.imap_pids())
        time.sleep(2)
        if machine.cpu_seconds(server.imap_pids()) - cpu < 0.2:
            return


def _many_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 500:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count + 2000, hard), hard))


# --- POP3


def drain(connections: int) -> Callable[[Server], Figures]:
    """Sign in, STAT, UIDL, RETR of everything, QUIT: messages a second over all."""

    def measure(server: Server) -> Figures:
        users = sets.DRAINED[:connections]
        shares = [users[k :: min(2, connections)] for k in range(min(2, connections))]
        found, seconds = in_processes(
            shares, lambda share: in_threads(len(share), lambda n: _drain(server, share[n]))
        )
        sizes = [size for share in found for size in share]
        return {"per_s": sets.DRAINED_MESSAGES * connections / seconds, "mb_s": sum(sizes) / seconds / 1e6}

    return measure


_EXPECTED: dict[str, int] = {}


def drained_size() -> int:
    """The bytes of all messages of a maildrop, as RETR gives them, dots included."""
    if "size" not in _EXPECTED:
        _EXPECTED["size"] = sum(
            len(_DOTS.sub(b"..", corpus.message(i))) for i in range(sets.DRAINED_MESSAGES)
        )
    return _EXPECTED["size"]


def _drain(server: Server, user: str) -> int:
    client = Pop3(server, user)
    count = int(client.ask(b"STAT").split()[1])
    names = client.lines(b"UIDL").count(b"\r\n")
    if not count == names == sets.DRAINED_MESSAGES:
        raise Refused(f"POP3: {count} messages, {names} UIDL lines, not {sets.DRAINED_MESSAGES}")
    size = sum(len(client.lines(b"RETR %d" % number)) for number in range(1, count + 1))
    client.close()
    if size < drained_size():
        raise Refused(f"POP3: {size} bytes, not {drained_size()}")
    return size


class Pop3:
    """One signed-in POP3 connection."""

    def __init__(self, server: Server, user: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.ports["pop3"]), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        self._status()
        self.ask(f"USER {address(user)}".encode())
        self.ask(f"PASS {PASSWORD}".encode())

    def _status(self) -> bytes:
        while (end := self._rest.find(b"\n")) < 0:
            more = self._socket.recv(1 << 18)
            if not more:
                raise Refused("the server hung up")
            self._rest += more
        line, self._rest = self._rest[: end + 1], self._rest[end + 1 :]
        if not line.startswith(b"+OK"):
            raise Refused(line.decode(errors="replace").strip())
        return line

    def ask(self, command: bytes) -> bytes:
        self._socket.sendall(command + b"\r\n")
        return self._status()

    def lines(self, command: bytes) -> bytes:
        """The lines of an answer, without the last dot."""
        self.ask(command)
        pieces, tail = [self._rest], b"\r\n" + self._rest[-5:]
        self._rest = b""
        while not tail.endswith(b"\r\n.\r\n"):
            more = self._socket.recv(1 << 18)
            if not more:
                raise Refused("the server hung up")
            pieces.append(more)
            tail = (tail + more)[-5:]
        return b"".join(pieces)[:-3]

    def close(self) -> None:
        self.ask(b"QUIT")
        self._socket.close()


__all__ = ["deliver", "drain", "idle", "idle_memory", "mixed"]
