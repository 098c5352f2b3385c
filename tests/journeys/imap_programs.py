"""Two mail programs that keep a picture of a mailbox from nothing but what the server tells them.

`Watcher` is the simple kind: message numbers, IDLE and NOOP. It is strict about what RFC 3501 promises it: numbers
grow only by EXISTS and shrink only by EXPUNGE, which never comes while a command with numbers runs.
`Resyncer` is the clever kind: it goes from mailbox to mailbox and asks what changed since it was there last, by
QRESYNC where the server offers it, else (and now and then) by CONDSTORE and a list of UIDs.

Both act at random while others do; `History` keeps what was said, for the message of a test that fails.
"""

from __future__ import annotations

import random
import re
import select
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.mail import mail

PATIENCE = 40.0  # seconds: several databases, browsers and installations may share the machine
FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "$Forwarded", "Todo")
OTHERS = ("Archive", "Trash", "Projects")

Flags = frozenset[str]


class History:
    """Who said what and when, in order; threads may share one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: list[str] = []
        self._begun = time.monotonic()

    def note(self, text: str) -> None:
        self.lines.append(f"{time.monotonic() - self._begun:8.3f} {text}")


@dataclass
class Answer:
    """The end of a command: OK, NO or BAD, and the response code in brackets."""

    kind: str
    text: str
    untagged: list[str] = field(default_factory=list)

    def code(self, name: str) -> str:
        """`[MODIFIED 7]` → "7"; '' when there is none of that name."""
        found = re.search(rf"\[{name} ([^\]]*)\]", self.text)
        return found.group(1) if found else ""


class Link:
    """A connection that signs in and gives every untagged line to `told` before the command ends."""

    def __init__(
        self, port: int, username: str, password: str, *, history: History, told: Callable[[str], None]
    ) -> None:
        self._history, self._told = history, told
        self._number = 0
        self._buffer = b""
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._line()
        greeting = self.run(f'LOGIN "{username}" "{password}"')
        self.capabilities = frozenset(greeting.code("CAPABILITY").split())

    def run(self, command: str, literal: bytes | None = None) -> Answer:
        """A command to its end. BAD is a fault of one of us, so it fails the test."""
        self._number += 1
        tag = f"c{self._number}"
        self._history.note(f"C: {tag} {command}")
        data = f"{tag} {command}".encode()
        if literal is not None:
            data += b" {%d+}\r\n" % len(literal) + literal
        self._socket.sendall(data + b"\r\n")
        return self._until(tag)

    def idle(self, seconds: float) -> Answer:
        """Listen, and end it; what comes is told as it comes."""
        self._number += 1
        tag = f"c{self._number}"
        self._history.note(f"C: {tag} IDLE")
        self._socket.sendall(f"{tag} IDLE\r\n".encode())
        line = self._line()
        while not line.startswith("+"):
            self._hear(line)
            line = self._line()
        until = time.monotonic() + seconds
        while (rest := until - time.monotonic()) > 0:
            if b"\r\n" in self._buffer or select.select([self._socket], [], [], rest)[0]:
                self._hear(self._line())
        self._history.note("C: DONE")
        self._socket.sendall(b"DONE\r\n")
        return self._until(tag)

    def close(self) -> None:
        self._socket.close()

    def _until(self, tag: str) -> Answer:
        untagged: list[str] = []
        while not (line := self._line()).startswith(f"{tag} "):
            self._hear(line)
            untagged.append(line)
        _, kind, text = line.split(" ", 2)
        assert kind in ("OK", "NO"), line
        return Answer(kind, text, untagged)

    def _hear(self, line: str) -> None:
        assert line.startswith("* "), f"neither untagged nor ours: {line!r}"
        assert not line.startswith("* BYE"), line
        self._told(line[2:])

    def _line(self) -> str:
        while b"\r\n" not in self._buffer:
            data = self._socket.recv(65536)
            assert data, "the server has hung up"
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        text = line.decode()
        self._history.note(f"S: {text}")
        return text


def fetched(line: str) -> tuple[int | None, Flags | None, int | None]:
    """UID, flags (without \\Recent, which is nobody's business but the session's) and MODSEQ of a FETCH response."""
    uid = re.search(r"\bUID (\d+)", line)
    flags = re.search(r"\bFLAGS \(([^)]*)\)", line)
    modseq = re.search(r"\bMODSEQ \((\d+)\)", line)
    return (
        int(uid.group(1)) if uid else None,
        frozenset(flags.group(1).split()) - {"\\Recent"} if flags else None,
        int(modseq.group(1)) if modseq else None,
    )


def numbers(text: str) -> Iterable[int]:
    """The members of a set like `1:3,7`."""
    for run in text.split(","):
        low, _, high = run.partition(":")
        yield from range(int(low), int(high or low) + 1)


@dataclass
class Known:
    """What the watcher was told of one message."""

    uid: int | None = None
    flags: Flags | None = None


class Watcher:
    """The simple program, in INBOX. `messages` is its picture, in the order of message numbers."""

    def __init__(self, port: int, username: str, password: str, *, seed: int) -> None:
        self.history = History("the watcher")
        self.messages: list[Known] = []
        self._sign_in = (port, username, password)
        self._random = random.Random(seed)
        self._by_number = False  # a command runs in which numbers must stay
        self._highest = 0
        self._validity = ""
        self._connect()

    def __len__(self) -> int:
        return len(self.messages)

    def picture(self) -> dict[int, Flags]:
        return {one.uid: one.flags for one in self.messages if one.uid is not None and one.flags is not None}

    def act(self) -> None:
        """One thing at random, and then look at what is new."""
        choices: list[Callable[[], object]] = [
            self._store, self._store, self._store, self._remove, self._copy, self._move, self._append, self._listen,
            self._listen, self._look, self._ask, self._reconnect,
        ]  # fmt: skip
        self._random.choice(choices)()
        self._fill_in()

    def listen(self, seconds: float) -> None:
        self._link.idle(seconds)
        self._fill_in()

    def make_mailbox(self, name: str) -> None:
        self._link.run(f"CREATE {name}")

    # --- what it does
    def _connect(self) -> None:
        self.messages = []
        port, username, password = self._sign_in
        self._link = Link(port, username, password, history=self.history, told=self._told)
        answer = self._link.run("SELECT INBOX")
        validity = re.search(r"UIDVALIDITY (\d+)", " ".join(answer.untagged))
        assert validity is not None
        assert self._validity in ("", validity.group(1)), "UIDVALIDITY changed"
        self._validity = validity.group(1)
        self._fill_in()

    def _reconnect(self) -> None:
        """Perhaps to another process. What was seen gone stays gone, and no UID is given twice."""
        before = {one.uid for one in self.messages}
        highest = self._highest
        self._link.close()
        self._connect()
        again = {one.uid for one in self.messages if one.uid is not None and one.uid <= highest} - before
        assert not again, f"came back under their old UIDs: {again}"

    def _any(self) -> int | None:
        return self._random.randint(1, len(self.messages)) if self.messages else None

    def _numbered(self, command: str) -> Answer:
        self._by_number = True
        try:
            return self._link.run(command)
        finally:
            self._by_number = False

    def _store(self, flags: tuple[str, ...] = FLAGS) -> None:
        if (number := self._any()) is None:
            return
        one, flag = self.messages[number - 1], self._random.choice(flags)
        add, silent = self._random.random() < 0.6, self._random.random() < 0.4
        before = one.flags
        if silent and one.flags is not None:
            # Nobody will say it; what others did is told before the command ends, and counts more.
            one.flags = one.flags | {flag} if add else one.flags - {flag}
        expected = one.flags
        said = self._numbered(f"STORE {number} {'+-'[not add]}FLAGS{'.SILENT' * silent} ({flag})")
        if said.kind == "NO" and one.flags == expected:
            one.flags = before

    def _remove(self) -> None:
        self._store(("\\Deleted",))
        if self._random.random() < 0.5:
            self._link.run("EXPUNGE")

    def _copy(self) -> None:
        if (number := self._any()) is not None:
            self._link.run(f"COPY {number} {self._random.choice(OTHERS)}")

    def _move(self) -> None:
        if (number := self._any()) is not None:
            self._link.run(f"MOVE {number} {self._random.choice(OTHERS)}")

    def _append(self) -> None:
        flags = self._random.choice(("", " (\\Seen)", " (\\Flagged Todo)"))
        subject = f"Appended {self._random.randrange(10**6)}"
        self._link.run(f"APPEND INBOX{flags}", mail(subject=subject))

    def _listen(self) -> None:
        self._link.idle(self._random.uniform(0.02, 0.6))

    def _look(self) -> None:
        self._link.run(self._random.choice(("NOOP", "CHECK")))

    def _ask(self) -> None:
        """SEARCH answers with numbers of this view."""
        answer = self._numbered("SEARCH UNDELETED")
        found = next((line.split()[2:] for line in answer.untagged if line.startswith("* SEARCH")), [])
        assert all(1 <= int(each) <= len(self.messages) for each in found), answer

    def _fill_in(self) -> None:
        """FETCH what was only counted yet."""
        while unknown := [
            at for at, one in enumerate(self.messages, start=1) if one.uid is None or one.flags is None
        ]:
            self._numbered(f"FETCH {unknown[0]}:{unknown[-1]} (UID FLAGS)")
        uids = [one.uid or 0 for one in self.messages]
        assert uids == sorted(set(uids)), f"UIDs do not ascend: {uids}"
        self._highest = max([self._highest, *uids])

    # --- what it hears
    def _told(self, line: str) -> None:
        number, _, rest = line.partition(" ")
        if not number.isdigit():
            return
        count = int(number)
        if rest == "EXISTS":
            assert count >= len(self.messages), f"{count} EXISTS, but {len(self.messages)} are known"
            self.messages += [Known() for _ in range(count - len(self.messages))]
        elif rest == "EXPUNGE":
            assert not self._by_number, "EXPUNGE during a command with message numbers"
            assert 1 <= count <= len(self.messages), f"EXPUNGE {count} of {len(self.messages)}"
            del self.messages[count - 1]
        elif rest.startswith("FETCH"):
            assert 1 <= count <= len(self.messages), f"FETCH {count} of {len(self.messages)}"
            one = self.messages[count - 1]
            uid, flags, _ = fetched(rest)
            assert one.uid is None or uid in (None, one.uid), f"message {count} was {one.uid}, is {uid}"
            one.uid = uid or one.uid
            one.flags = flags if flags is not None else one.flags


@dataclass
class Place:
    """What the resyncer knows of one mailbox: flags and MODSEQ by UID, up to a mod-sequence."""

    validity: str = ""
    modseq: int = 0
    uidnext: int = 1
    messages: dict[int, tuple[Flags, int]] = field(default_factory=dict)


class Resyncer:
    """The clever program. `places` is its picture of every mailbox that it visits."""

    def __init__(self, port: int, username: str, password: str, *, seed: int, names: Iterable[str]) -> None:
        self.history = History("the resyncer")
        self.places = {name: Place() for name in names}
        self._sign_in = (port, username, password)
        self._random = random.Random(seed)
        self._here = Place()
        self._quick = False
        self._connect()

    def act(self) -> None:
        """Go somewhere, learn what changed, do a few things there."""
        if self._random.random() < 0.1:
            self._link.close()
            self._connect()
        self.visit(self._random.choice((*self.places, "INBOX")))
        for _ in range(self._random.randrange(4)):
            self._random.choice(
                (self._store, self._store, self._remove, self._move, self._copy, self._wait)
            )()
        if self._random.random() < 0.4:
            self._run(self._random.choice(("UNSELECT", "UNSELECT", "CLOSE")))

    def _connect(self) -> None:
        port, username, password = self._sign_in
        self._link = Link(port, username, password, history=self.history, told=self._told)
        self._quick = "QRESYNC" in self._link.capabilities and self._random.random() < 0.7
        if self._quick:
            self._link.run("ENABLE QRESYNC")

    def visit(self, name: str) -> None:
        """Select a mailbox, and bring the picture of it up to date."""
        place = self.places[name]
        since = (place.validity, place.modseq, place.uidnext)
        self._here = place
        quick = f" (QRESYNC ({since[0]} {since[1]}))" if self._quick and since[0] else " (CONDSTORE)"
        said = " ".join(self._link.run(f"SELECT {name}{quick}").untagged)
        validity, modseq, uidnext = (
            re.search(rf"\[{word} (\d+)\]", said) for word in ("UIDVALIDITY", "HIGHESTMODSEQ", "UIDNEXT")
        )
        assert validity is not None and modseq is not None and uidnext is not None, said
        assert since[0] in ("", validity.group(1)), f"UIDVALIDITY of {name} changed"
        if not since[0]:
            self._run("UID FETCH 1:* (FLAGS MODSEQ)")
        elif not self._quick:
            self._run(f"UID FETCH 1:* (FLAGS MODSEQ) (CHANGEDSINCE {since[1]})")
            self._take_stock()
        place.validity, place.uidnext = validity.group(1), int(uidnext.group(1))
        place.modseq = max(place.modseq, int(modseq.group(1)))

    def _take_stock(self) -> None:
        """Without QRESYNC only the list of all UIDs says what is gone."""
        answer = self._run("UID SEARCH ALL")
        here = next(
            (set(map(int, line.split()[2:])) for line in answer.untagged if line.startswith("* SEARCH")),
            set(),
        )
        for uid in self._here.messages.keys() - here:
            del self._here.messages[uid]
        if new := sorted(here - self._here.messages.keys()):
            self._run(f"UID FETCH {','.join(map(str, new))} (FLAGS MODSEQ)")

    def _run(self, command: str) -> Answer:
        answer = self._link.run(command)
        if self._quick and (modseq := answer.code("HIGHESTMODSEQ")):
            # RFC 7162 §3.2.10: what this session was told is complete up to here.
            self._here.modseq = max(self._here.modseq, int(modseq))
        return answer

    # --- what it does
    def _some(self) -> str:
        uids = sorted(self._here.messages)
        return ",".join(
            str(uid) for uid in self._random.sample(uids, min(len(uids), self._random.randint(1, 3)))
        )

    def _store(self, flags: tuple[str, ...] = FLAGS) -> str:
        if chosen := self._some():
            unless = f" (UNCHANGEDSINCE {self._here.modseq})" if self._random.random() < 0.5 else ""
            sign, silent = self._random.choice("+-"), self._random.choice(("", ".SILENT"))
            self._run(f"UID STORE {chosen}{unless} {sign}FLAGS{silent} ({self._random.choice(flags)})")
        return chosen

    def _remove(self) -> None:
        if chosen := self._some():
            self._run(f"UID STORE {chosen} +FLAGS.SILENT (\\Deleted)")
            if self._random.random() < 0.8:
                self._run(f"UID EXPUNGE {chosen}")

    def _move(self) -> None:
        if chosen := self._some():
            self._run(f"UID MOVE {chosen} {self._random.choice(tuple(self.places))}")

    def _copy(self) -> None:
        if chosen := self._some():
            self._run(f"UID COPY {chosen} {self._random.choice(tuple(self.places))}")

    def _wait(self) -> None:
        self._link.idle(self._random.uniform(0.02, 0.3))

    # --- what it hears
    def _told(self, line: str) -> None:
        if found := re.fullmatch(r"VANISHED (?:\(EARLIER\) )?([\d:,]+)", line):
            assert self._quick, "VANISHED without ENABLE QRESYNC"
            for uid in numbers(found.group(1)):
                self._here.messages.pop(uid, None)
        elif " FETCH (" in line:
            uid, flags, modseq = fetched(line)
            if self._quick:
                assert uid is not None, "QRESYNC: every FETCH names its UID"  # RFC 7162 §3.2.4
            if uid is not None and flags is not None and modseq is not None:
                self._here.messages[uid] = (flags, modseq)
        elif re.fullmatch(r"\d+ EXPUNGE", line):
            assert not self._quick, "EXPUNGE after ENABLE QRESYNC"
