"""Keeps a handful of processes running: starts them in order, restarts what dies, stops them all.

Each process has its own process group and its own log file. Knows nothing about mail, and imports nothing
that weighs: it stays in memory beside the processes it keeps.
"""

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TextIO

from webmail.probe import Listener, answers

READY_WITHIN = 60.0
STOP_WITHIN = 10.0
LONGEST_PAUSE = 30.0
#: After running this long, a process that dies is not thought to be failing at its start.
STEADY_AFTER = 60.0
LARGEST_LOG = 20 * 1024 * 1024

_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Part:
    """One process of the installation, as it should be."""

    name: str
    command: list[str]
    environment: dict[str, str]
    listeners: tuple[Listener, ...]
    speaks_http: bool = False
    ready_line: str = ""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    started: float = 0.0
    log_start: int = 0
    pause: float = 1.0
    again_at: float | None = None


class Keeper:
    """The supervisor of `up`."""

    def __init__(self, data_dir: Path, *, say: Callable[[str], None]) -> None:
        self._data_dir = data_dir
        self._logs = data_dir / "log"
        self._pids = data_dir / "run"
        for folder in (self._logs, self._pids):
            folder.mkdir(mode=0o700, exist_ok=True)
        self._say = say
        self._parts: list[Part] = []
        self._lock: TextIO | None = None
        self._signal = 0

    def lock(self) -> bool:
        """One installation per data folder; the kernel lets go when this process ends, however it ends."""
        self._lock = (self._data_dir / "up.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def start(self, parts: list[Part]) -> bool:
        """Start all of them, then wait until each is ready. False if one is not, or somebody says stop."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        for part in parts:
            self._parts.append(part)
            self._launch(part)
        return all(self._wait_ready(part) for part in parts)

    @property
    def told_to_stop(self) -> bool:
        return self._signal != 0

    def watch(self) -> int:
        """Until a signal says stop: start again what dies. Returns the exit code."""
        while not self._signal:
            for part in self._parts:
                self._look_after(part)
            time.sleep(0.3)
        self._say("Stopping")
        return 0

    def stop(self) -> None:
        """Ask all of them, wait, and end what does not listen. A second Ctrl-C ends the waiting."""
        running = [part for part in self._parts if part.process is not None and part.process.poll() is None]
        self._signal = 0
        for part in running:
            self._tell(part, signal.SIGTERM)
        deadline = time.monotonic() + STOP_WITHIN
        for part in running:
            while self._runs(part) and time.monotonic() < deadline and not self._signal:
                time.sleep(0.05)
        for part in self._parts:
            if part.process is None:
                continue
            if part.process.poll() is None:
                self._say(f"  {part.name} did not stop by itself")
            self._tell(part, signal.SIGKILL)  # also what a process that ended may have left in its group
            part.process.wait()

    # --- one part ------------------------------------------------------------------------------------------
    def _launch(self, part: Part) -> None:
        log = self._logs / f"{part.name}.log"
        self._turn_over(log)
        part.log_start = log.stat().st_size if log.exists() else 0
        with log.open("ab") as file:
            part.process = subprocess.Popen(
                part.command,
                cwd=Path(__file__).resolve().parent.parent,
                env=part.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        (self._pids / f"{part.name}.pid").write_text(f"{part.process.pid}\n")
        part.started = time.monotonic()
        part.again_at = None

    def _wait_ready(self, part: Part) -> bool:
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline and not self._signal:
            if part.process is None or part.process.poll() is not None:
                self._say(f"  {part.name} ended while starting. Its last words:\n{self._last_words(part)}")
                return False
            if self._is_ready(part):
                self._say(f"  {part.name} is ready")
                return True
            time.sleep(0.1)
        if not self._signal:
            self._say(
                f"  {part.name} was not ready after {READY_WITHIN:.0f} s. Its last words:\n{self._last_words(part)}"
            )
        return False

    def _is_ready(self, part: Part) -> bool:
        if part.ready_line:
            with (self._logs / f"{part.name}.log").open("rb") as log:
                log.seek(part.log_start)
                if part.ready_line.encode() not in log.read(1024 * 1024):
                    return False
        return all(answers(listener, speaks_http=part.speaks_http) for listener in part.listeners)

    def _look_after(self, part: Part) -> None:
        now = time.monotonic()
        if part.again_at is not None:
            if now >= part.again_at:
                self._launch(part)
            return
        if part.process is None or (code := part.process.poll()) is None:
            return
        if now - part.started > STEADY_AFTER:
            part.pause = 1.0
        self._tell(part, signal.SIGKILL)
        self._say(f"{part.name} ended ({_ending(code)}); starting it again in {part.pause:.0f} s")
        self._say(self._last_words(part))
        part.again_at = now + part.pause
        part.pause = min(LONGEST_PAUSE, part.pause * 2)

    def _runs(self, part: Part) -> bool:
        return part.process is not None and part.process.poll() is None

    def _tell(self, part: Part, number: int) -> None:
        if part.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(part.process.pid, number)

    def _last_words(self, part: Part) -> str:
        with (self._logs / f"{part.name}.log").open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(part.log_start, size - 4000))
            lines = log.read().decode("utf-8", "replace").splitlines()[-12:]
        return "\n".join(f"    {part.name}: {line}" for line in lines)

    def _turn_over(self, log: Path) -> None:
        """Keep one old log when a process starts."""
        if log.exists() and log.stat().st_size > LARGEST_LOG:
            shutil.move(log, log.with_suffix(".old.log"))

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signal = number


def _ending(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _die_with_parent() -> None:
    """Linux: if `up` is killed, what it started must not go on holding the ports."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
