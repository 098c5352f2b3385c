"""Two mail programs that keep a picture of a mailbox from nothing but what the server tells them.

`Watcher` is the simple kind: message numbers, IDLE and NOOP. It is strict about what RFC 3501 promises it: numbers
grow only by EXISTS and shrink only by EXPUNGE, which never comes while a command with numbers runs.
`Resyncer` is the clever kind: it goes from mailbox to mailbox and asks what changed since it was there last, by
QRESYNC where the server offers it, else (and now and then) by CONDSTORE and a list of UIDs.

Both act at random while others do.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.journeys.imap_link import Answer, Flags, History, Link, fetched, numbers
from tests.mail import mail

FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "$Forwarded", "Todo")
OTHERS = ("Archive", "Trash", "Projects")


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
        if "COMPRESS=DEFLATE" in self._link.capabilities and self._random.random() < 0.3:
            self._link.compress()
        if "IMAP4rev2" in self._link.capabilities and self._random.random() < 0.3:
            self._link.run("ENABLE IMAP4rev2")
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
        """FETCH what was only counted yet. What is gone already is silently left out, until NOOP tells so."""
        for _ in range(20):
            unknown = [at for at, one in enumerate(self.messages, 1) if one.uid is None or one.flags is None]
            if not unknown:
                break
            self._numbered(f"FETCH {unknown[0]}:{unknown[-1]} (UID FLAGS)")
            if any(one.uid is None for one in self.messages):
                self._link.run("NOOP")
        else:
            raise AssertionError(f"FETCH does not say what the messages {unknown} are")
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
        self._grown = False  # EXISTS told of messages that nobody has asked for yet
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
        if "COMPRESS=DEFLATE" in self._link.capabilities and self._random.random() < 0.3:
            self._link.compress()
        if self._quick:
            self._link.run("ENABLE QRESYNC")

    def visit(self, name: str) -> None:
        """Select a mailbox, and bring the picture of it up to date."""
        place = self.places[name]
        since = (place.validity, place.modseq, place.uidnext)
        self._here = place
        quick = f" (QRESYNC ({since[0]} {since[1]}))" if self._quick and since[0] else " (CONDSTORE)"
        told = self._link.run(f"SELECT {name}{quick}").untagged
        said = " ".join(told)
        validity, modseq, uidnext = (
            re.search(rf"\[{word} (\d+)\]", said) for word in ("UIDVALIDITY", "HIGHESTMODSEQ", "UIDNEXT")
        )
        assert validity is not None and modseq is not None and uidnext is not None, said
        assert since[0] in ("", validity.group(1)), f"UIDVALIDITY of {name} changed"
        self._grown = sum(line.endswith(" EXISTS") for line in told) > 1  # the first is what SELECT tells of
        if not since[0]:
            self._run("UID FETCH 1:* (FLAGS MODSEQ)")
        elif not self._quick:
            self._run(f"UID FETCH 1:* (FLAGS MODSEQ) (CHANGEDSINCE {since[1]})")
            self._take_stock()
        place.validity, place.uidnext = validity.group(1), int(uidnext.group(1))
        place.modseq = max(place.modseq, int(modseq.group(1)))
        if self._grown:
            self._run("NOOP")

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
        while self._quick and self._grown:
            self._grown = False
            self._link.run(f"UID FETCH {self._here.uidnext}:* (FLAGS MODSEQ)")
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

    def _store(self, flags: tuple[str, ...] = FLAGS) -> None:
        if chosen := self._some():
            unless = f" (UNCHANGEDSINCE {self._here.modseq})" if self._random.random() < 0.5 else ""
            sign, silent = self._random.choice("+-"), self._random.choice(("", ".SILENT"))
            self._set(chosen, f"{unless} {sign}FLAGS{silent} ({self._random.choice(flags)})")

    def _set(self, chosen: str, how: str) -> None:
        """STORE. What is done in silence is known all the same, but for what the server says otherwise."""
        before = {uid: self._here.messages[uid] for uid in map(int, chosen.split(","))}
        meant = before
        if self._quick and ".SILENT" in how:
            flag = {how[how.rindex("(") + 1 : -1]}
            meant = {
                uid: (flags | flag if "+FLAGS" in how else flags - flag, modseq)
                for uid, (flags, modseq) in before.items()
            }
        self._here.messages |= meant
        answer = self._run(f"UID STORE {chosen}{how}")
        failed = set(before) if answer.kind == "NO" else set(numbers(answer.code("MODIFIED")))
        for uid in failed & self._here.messages.keys():
            if self._here.messages[uid] == meant[uid]:
                self._here.messages[uid] = before[uid]

    def _remove(self) -> None:
        if chosen := self._some():
            self._set(chosen, " +FLAGS.SILENT (\\Deleted)")
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
        self._run("NOOP")

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
                if flags is None and uid in self._here.messages:
                    flags = self._here.messages[uid][0]  # the answer to a STORE in silence
            if uid is not None and flags is not None and modseq is not None:
                self._here.messages[uid] = (flags, modseq)
        elif re.fullmatch(r"\d+ EXPUNGE", line):
            assert not self._quick, "EXPUNGE after ENABLE QRESYNC"
        elif re.fullmatch(r"\d+ EXISTS", line):
            self._grown = True
