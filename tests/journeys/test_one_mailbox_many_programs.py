"""One mailbox, changed at random by three mail programs, a browser with two tabs and the world's mail, all at once.

The sidecar runs as two processes. When everybody rests, everybody must agree: what each program was told is what the
store holds, each tab shows what the server would draw, and the store's own recount finds nothing.

CONVERGE_SECONDS (8) makes it longer, CONVERGE_SEED (1) does other things, or again what failed: the seed and the end of
everybody's history are part of the failure's text, the whole of them is in the files that it names.
"""

from __future__ import annotations

import json
import os
import poplib
import random
import smtplib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.eventually import eventually
from tests.journeys.busy_browser import BusyBrowser
from tests.journeys.conftest import PASSWORD
from tests.journeys.imap_link import Flags, History
from tests.journeys.imap_programs import Resyncer, Watcher
from tests.journeys.screen import Screen
from tests.mail import mail
from tests.product import Product

pytestmark = pytest.mark.product
SECONDS = float(os.environ.get("CONVERGE_SECONDS", "8"))
SEEDS = [int(os.environ["CONVERGE_SEED"])] if "CONVERGE_SEED" in os.environ else [1]
PROCESSES = 2
CROWDED = 35  # messages in INBOX; then no more come in, so that a page of the list holds them
SETTLED = 30.0  # seconds until everybody must have heard of everything; far less, but for a busy machine
SHOWN = 250  # lines of each history in the text of a failure
MAILBOXES = ("INBOX", "Archive", "Trash", "Projects")

_DUMP = """
import json
from mta.mailstore import doctor, service as store
from mta.values import SYSTEM_FLAGS
boxes = {}
for space in doctor.mailspaces():
    for box in store.mailboxes(space):
        rows = store.changes(space, box.id).rows
        boxes[box.name] = [
            (row.uid, [name for name, bit in SYSTEM_FLAGS.items() if row.flags & bit] + list(row.keywords), row.modseq)
            for row in rows
        ]
print(json.dumps(boxes))
"""


class TwoProcesses(Product):
    """An installation whose mail doors are shared by two processes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "data", env={"MAIL_PROCESSES": str(PROCESSES)})
        self._log = self.data_dir / "log" / "sidecar.log"

    def start(self, *, within: float = 120.0) -> TwoProcesses:
        super().start(within=within)
        eventually(lambda: self._log.read_text().count("serve_mail is ready") == PROCESSES, "both are ready")
        return self

    def troubles(self) -> list[str]:
        """Tracebacks in any log."""
        return [
            log.name
            for log in (self.data_dir / "log").glob("*.log")
            if "Traceback" in log.read_text(errors="replace")
        ]

    def stored(self) -> dict[str, dict[int, tuple[Flags, int]]]:
        """The store itself: flags and MODSEQ by UID, of every mailbox."""
        told: dict[str, Any] = json.loads(self.ask("shell", "-v0", "-c", _DUMP).splitlines()[-1])
        return {
            name: {uid: (frozenset(flags), modseq) for uid, flags, modseq in rows}
            for name, rows in told.items()
        }


class World:
    """Everybody outside: new letters, and answers to earlier ones, while the Inbox is not crowded."""

    def __init__(self, port: int, address: str, *, seed: int, crowd: Callable[[], int]) -> None:
        self.history = History("the world")
        self._port, self._address, self._crowd = port, address, crowd
        self._random = random.Random(seed)
        self._sent: list[str] = []

    def act(self) -> None:
        if self._crowd() < CROWDED:
            self.send()
        time.sleep(self._random.uniform(0.02, 0.25))

    def send(self) -> None:
        number = len(self._sent)
        subject, parents = f"Letter {number}", ""
        if self._sent and self._random.random() < 0.3:
            earlier = self._random.randrange(len(self._sent))
            subject, parents = f"Re: Letter {earlier}", self._sent[earlier]
        self._sent.append(f"letter{number}@outside.test")
        self.history.note(f"{number}: {subject}")
        raw = mail(
            subject=subject,
            to=self._address,
            message_id=self._sent[-1],
            references=parents,
            body=f"Text {number}",
        )
        with smtplib.SMTP("127.0.0.1", self._port, timeout=40) as smtp:
            smtp.sendmail("ada@outside.test", [self._address], raw)


class Collector:
    """A POP3 program that looks in now and then, reads something and deletes something."""

    def __init__(self, port: int, address: str, *, seed: int) -> None:
        self.history = History("the collector")
        self._port, self._address = port, address
        self._random = random.Random(seed)

    def act(self) -> None:
        time.sleep(self._random.uniform(0.3, 1.2))
        drop = poplib.POP3("127.0.0.1", self._port, timeout=40)
        drop.user(self._address)
        drop.pass_(PASSWORD)
        names = [line.decode().split()[1] for line in drop.uidl()[1]]
        self.history.note(f"{len(names)} messages")
        assert len(set(names)) == len(names), f"a UIDL twice: {names}"
        for number in self._random.sample(range(1, len(names) + 1), min(2, len(names))):
            drop.retr(number)
            if self._random.random() < 0.5:
                self.history.note(f"DELE {number}, {names[number - 1]}")
                drop.dele(number)
        drop.quit()


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoProcesses]:
    with TwoProcesses(tmp_path_factory.mktemp("many")) as running:
        running.add_domain("example.test")
        yield running


@pytest.mark.parametrize("seed", SEEDS)
def test_in_the_end_everybody_sees_the_same(
    installation: TwoProcesses, browser: Browser, tmp_path: Path, seed: int
) -> None:
    product, address = installation, f"ann{seed}@example.test"
    product.add_account(address, PASSWORD)
    port = product.port("imap")
    watcher = Watcher(port, address, PASSWORD, seed=seed)
    watcher.make_mailbox("Projects")
    resyncer = Resyncer(port, address, PASSWORD, seed=seed + 1, names=MAILBOXES)
    world = World(product.port("smtp"), address, seed=seed + 2, crowd=lambda: len(watcher))
    collector = Collector(product.port("pop3"), address, seed=seed + 4)
    for _ in range(8):
        world.send()
    with closing(
        Screen(browser, product)
    ) as screen:  # its own list of errors would have what is no error here
        person = BusyBrowser(screen.sign_in(address, PASSWORD), seed=seed + 3)
        everybody = [watcher, resyncer, world, collector]
        histories = [person.history, *(each.history for each in everybody)]
        try:
            _all_at_once(person, [each.act for each in everybody])
            _agree(product, watcher, resyncer, person)
        except BaseException as error:
            text = "\n".join((f"seed {seed}: {error}", _told(histories, tmp_path), product.logs()))
            pytest.fail(text, pytrace=False)


def _all_at_once(browser: BusyBrowser, others: list[Callable[[], None]]) -> None:
    """Everybody acts until the time is over or somebody finds a fault. The browser has this thread."""
    enough = threading.Event()

    def keep_on(act: Callable[[], None]) -> None:
        try:
            while not enough.is_set():
                act()
        finally:
            enough.set()

    until = time.monotonic() + SECONDS
    with ThreadPoolExecutor(len(others)) as pool:
        running: list[Future[None]] = [pool.submit(keep_on, act) for act in others]
        try:
            while time.monotonic() < until and not enough.is_set():
                browser.act()
        finally:
            enough.set()
    for each in running:
        each.result()


def _agree(product: TwoProcesses, watcher: Watcher, resyncer: Resyncer, browser: BusyBrowser) -> None:
    browser.settle()
    time.sleep(0.5)  # the last clicks' answers; from here on nobody changes anything
    stored = product.stored()
    inbox = {uid: flags for uid, (flags, _) in stored["INBOX"].items()}
    deadline = time.monotonic() + SETTLED
    while watcher.picture() != inbox and time.monotonic() < deadline:
        watcher.listen(0.5)  # nothing but IDLE: what it is told of must be enough
    assert watcher.picture() == inbox, f"the watcher differs: {_unlike(watcher.picture(), inbox)}"
    for name in MAILBOXES:
        resyncer.visit(name)
        told = resyncer.places[name].messages
        assert told == stored[name], f"the resyncer differs in {name}: {_unlike(told, stored[name])}"
    deadline = time.monotonic() + SETTLED
    while (unlike := browser.differences()) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not unlike, "\n".join(["a tab shows something else than the server draws:", *unlike])
    assert browser.errors == []
    assert product.stored() == stored, "somebody changed something after the end"
    product.ask("doctor", "--store")
    assert product.troubles() == []


def _unlike(told: dict[int, Any], stored: dict[int, Any]) -> dict[int, tuple[Any, Any]]:
    """By UID: what was told, and what is stored."""
    return {
        uid: (told.get(uid), stored.get(uid))
        for uid in sorted(told.keys() | stored.keys())
        if told.get(uid) != stored.get(uid)
    }


def _told(histories: list[History], folder: Path) -> str:
    parts = []
    for each in histories:
        file = folder / f"{each.name.replace(' ', '-')}.txt"
        file.write_text("\n".join(each.lines))
        parts.append(f"\n--- {each.name}, all of it in {file} ---\n" + "\n".join(each.lines[-SHOWN:]))
    return "\n".join(parts)
