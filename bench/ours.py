"""Our own sidecar for the benchmark: a data folder of its own, on SQLite or PostgreSQL, on loopback ports.

Only `serve_mail` runs: no web, no worker. The sidecar indexes what it is given by itself.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from bench import names
from bench.machine import answers, descendants
from bench.servers import DOMAIN, Server
from tests.ports import reserved

BASE = Path(__file__).resolve().parent.parent
_LISTEN = {
    "smtp": "SMTP_LISTEN",
    "submission": "SUBMISSION_LISTEN",
    "imap": "IMAP_LISTEN",
    "pop3": "POP3_LISTEN",
}
_OFF = ("SUBMISSIONS_LISTEN", "IMAPS_LISTEN", "POP3S_LISTEN")
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")


class DidNotStart(Exception):
    """The sidecar did not come up; the text is what it logged."""


class Ours(Server):
    """One sidecar, of `processes` processes, on a folder that `bench.seed` filled."""

    def __init__(
        self,
        data_dir: Path,
        *,
        database: str,
        database_url: str = "",
        processes: int = 1,
        checks: bool = False,
    ) -> None:
        self.label = f"mailstead/{database}"
        self.data_dir = data_dir
        self.ports = {name: reserved() for name in _LISTEN}
        self._processes = processes
        self._running: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self.env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {
            "DATA_DIR": str(data_dir),
            "MAIL_HOSTNAME": f"mx.{DOMAIN}",
            # With checks, the bench's own small internet; without, nobody is there. Never the real one.
            "DNS_SERVERS": f"127.0.0.1:{names.PORT if checks else reserved()}",
            "UNDO_DAYS": "30",
            "INBOUND_CHECKS": "yes" if checks else "no",
        }
        if database_url:
            self.env["DATABASE_URL"] = database_url
        self.env |= {setting: f"127.0.0.1:{self.ports[name]}" for name, setting in _LISTEN.items()}
        self.env |= dict.fromkeys(_OFF, "off")

    def start(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        log = self.data_dir / "bench-sidecar.log"
        self._log = log.open("wb")
        command = [sys.executable, str(BASE / "manage.py"), "serve_mail", "--processes", str(self._processes)]
        self._running = subprocess.Popen(
            command, cwd=BASE, env=self.env, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )
        deadline = time.monotonic() + 60
        while not all(answers(port) for port in self.ports.values()):
            if self._running.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise DidNotStart(log.read_text()[-3000:])
            time.sleep(0.1)

    def stop(self) -> None:
        if self._running is not None:
            family = descendants([self._running.pid])
            self._running.send_signal(signal.SIGTERM)
            try:
                self._running.wait(timeout=30)
            except subprocess.TimeoutExpired:
                for pid in family:
                    os.kill(pid, signal.SIGKILL)
                self._running.wait()
            self._running = None
        if self._log is not None:
            self._log.close()
            self._log = None

    @property
    def pid(self) -> int:
        """The process that began; with several, the one that watches the others."""
        return self._running.pid if self._running is not None else 0

    def pids(self) -> set[int]:
        return descendants([self._running.pid]) if self._running is not None else set()

    def imap_pids(self) -> set[int]:
        return self.pids()

    def run(self, *command: str) -> str:
        """A Python module of this checkout in our environment; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=BASE,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DidNotStart(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-3000:]}")
        return done.stdout
