"""The supervisor behind `up`: with small programs in place of the real ones."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from webmail.keeper import Keeper, Part
from webmail.probe import Listener, answers, busy_listener, free_port

STEADY = "import time; print('it is ready.', flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('it is ready.', flush=True); time.sleep(60)"


def part(name: str, code: str, *, ready_line: str = " ready.") -> Part:
    return Part(name, [sys.executable, "-c", code], dict(os.environ), listeners=(), ready_line=ready_line)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def keeper(tmp_path: Path, said: list[str]) -> Iterator[Keeper]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    keeper = Keeper(tmp_path, say=said.append)
    yield keeper
    keeper.stop()
    for number, handler in before.items():
        signal.signal(number, handler)


def wait_for(condition: Callable[[], object], *, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def test_parts_are_started_and_stopped(keeper: Keeper, said: list[str]) -> None:
    parts = [part("one", STEADY), part("two", STEADY)]
    assert keeper.start(parts)
    assert said == ["  one is ready", "  two is ready"]
    keeper.stop()
    assert [each.process.returncode for each in parts if each.process] == [-signal.SIGTERM] * 2


def test_a_part_that_ends_while_starting_is_named_with_its_last_words(
    keeper: Keeper, said: list[str]
) -> None:
    assert not keeper.start([part("web", "raise SystemExit('no such port')")])
    assert "web ended while starting" in said[0]
    assert "web: no such port" in said[0]


def test_a_part_that_dies_is_started_again_after_a_pause(keeper: Keeper, said: list[str]) -> None:
    victim = part("worker", STEADY)
    victim.pause = 0.1
    assert keeper.start([victim])
    assert victim.process is not None
    first = victim.process.pid
    os.kill(first, signal.SIGKILL)
    victim.process.wait()
    keeper._look_after(victim)
    assert "killed by SIGKILL" in said[1]
    time.sleep(0.15)
    keeper._look_after(victim)
    assert victim.process.pid != first and victim.process.poll() is None
    assert victim.pause == 0.2


def test_what_does_not_stop_is_ended(
    keeper: Keeper, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webmail.keeper.STOP_WITHIN", 0.3)
    stubborn = part("sidecar", STUBBORN)
    assert keeper.start([stubborn])
    keeper.stop()
    assert "  sidecar did not stop by itself" in said
    assert stubborn.process is not None and stubborn.process.returncode == -signal.SIGKILL


def test_what_a_part_started_itself_ends_with_it(keeper: Keeper, tmp_path: Path) -> None:
    child = tmp_path / "child"
    code = (
        "import subprocess, sys, pathlib, time;"
        f"c = subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]); time.sleep(0.3);"
        f"pathlib.Path({str(child)!r}).write_text(str(c.pid)); time.sleep(60)"
    )
    assert keeper.start([part("web", code)])
    wait_for(child.exists)
    keeper.stop()
    wait_for(lambda: not _runs(int(child.read_text())))


def _runs(pid: int) -> bool:
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    return bool(state.strip()) and not state.startswith("Z")


def test_two_cannot_keep_the_same_folder(keeper: Keeper, tmp_path: Path) -> None:
    assert keeper.lock()
    assert not Keeper(tmp_path, say=print).lock()


def test_a_port_in_use_is_found_with_the_setting_that_moves_it() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        free = Listener("IMAP_LISTEN", "IMAP", "127.0.0.1", free_port("127.0.0.1"))
        taken = Listener("WEB_LISTEN", "Web", "127.0.0.1", port)
        assert busy_listener([free, taken]) == taken
        assert answers(taken)
    assert not answers(taken)


def test_the_supervisor_does_not_import_django() -> None:
    code = "import sys, webmail.up; print(sorted(m for m in sys.modules if m in {'django', 'celery', 'asyncio'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
