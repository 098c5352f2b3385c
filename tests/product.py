"""A whole installation for tests: `manage.py up` with its own folder, ports and name.

    with Product(tmp_path, "a.test", dns_servers=dns.address) as a:
        a.add_account("ann@a.test", "secret words")
        imaplib.IMAP4("127.0.0.1", a.port("imap"))

It is started the way an administrator starts it, so these tests see what users get. Everything listens on
loopback ports that were free a moment ago. On PostgreSQL (DATABASE_URL) each instance has a database of its own,
and on Redis (REDIS_URL) one of the fifteen numbered ones.
"""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit, urlunsplit

from tests.ports import reserved

BASE = Path(__file__).resolve().parent.parent

LISTENERS = {
    "web": "WEB_LISTEN",
    "smtp": "SMTP_LISTEN",
    "submission": "SUBMISSION_LISTEN",
    "submissions": "SUBMISSIONS_LISTEN",
    "imap": "IMAP_LISTEN",
    "imaps": "IMAPS_LISTEN",
    "pop3": "POP3_LISTEN",
    "pop3s": "POP3S_LISTEN",
}
_STARTED = "Mailstead is running."
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "REDIS_URL", "LD_LIBRARY_PATH")


class DidNotStart(Exception):
    """The instance did not come up; the text is what it said and logged."""


class Product:
    """One instance. `start` returns when all its ports answer."""

    def __init__(
        self,
        data_dir: Path,
        name: str = "mail.example.test",
        *,
        dns_servers: str = "",
        env: dict[str, str] | None = None,
        demo: bool = False,
    ) -> None:
        self.data_dir = data_dir
        self.name = name
        self.ports = {service: reserved() for service in LISTENERS}
        self.url = f"http://127.0.0.1:{self.ports['web']}"
        self._demo = demo
        self._output = data_dir.parent / f"{data_dir.name}.up.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._database = ""
        self._clerk: subprocess.Popen[str] | None = None
        self._clerks = threading.Lock()
        self.env = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
        self.env |= {
            "DATA_DIR": str(data_dir),
            "MAIL_HOSTNAME": name,
            # Pages are the same without hashed names, and half a dozen seconds of compressing are saved.
            "COLLECT_STATIC": "off",
            "WELCOME": "off",  # every account of a test is new; tests/webmail/test_spec_settings.py greets
            "DEVELOPMENT_LANGUAGES": "on",  # a browser that asks for them gets long words, or a mirror
            # Never the real internet: nobody listens on this port unless the test does.
            "DNS_SERVERS": dns_servers or f"127.0.0.1:{reserved()}",
        }
        self.env |= {setting: f"127.0.0.1:{self.ports[service]}" for service, setting in LISTENERS.items()}
        if demo and not dns_servers:
            del self.env["DNS_SERVERS"]
        if "REDIS_URL" in self.env:
            redis = urlsplit(self.env["REDIS_URL"])
            self.env["REDIS_URL"] = urlunsplit(redis._replace(path=f"/{1 + secrets.randbelow(15)}"))
        self.env |= env or {}

    def port(self, service: str) -> int:
        return self.ports[service]

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def output(self) -> str:
        """What `up` has printed so far."""
        return self._output.read_text() if self._output.exists() else ""

    @property
    def setup_link(self) -> str:
        """The one-time link that a first start without `--demo` prints."""
        return next(word for word in self.output.split() if "/setup" in word)

    def start(self, *, within: float = 120.0) -> "Product":
        self._own_database()
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(BASE / "manage.py"), "up", *(["--demo"] if self._demo else [])]
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                command, cwd=BASE, env=self.env, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        deadline = time.monotonic() + within
        while _STARTED not in self.output:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise DidNotStart(self.output + self.logs())
            time.sleep(0.1)
        return self

    def stop(self) -> int:
        """Stop as Ctrl-C does; returns the exit code."""
        code = 0
        self._dismiss_clerk()
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGTERM)
            try:
                code = self._process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                code = self._process.wait()
            self._process = None
        self._drop_database()
        return code

    def manage(self, *arguments: str, stdin: str = "") -> str:
        """Run one of the product's commands on this instance; returns what it printed."""
        done = subprocess.run(
            [sys.executable, str(BASE / "manage.py"), *arguments],
            cwd=BASE,
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"manage.py {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def ask(self, *arguments: str, stdin: str = "") -> str:
        """The same, by the clerk of this instance, who need not start first (tests/clerk.py)."""
        with self._clerks:
            if self._clerk is None or self._clerk.poll() is not None:
                with self._output.with_suffix(".clerk").open("ab") as errors:
                    self._clerk = subprocess.Popen(
                        [sys.executable, "-m", "tests.clerk"],
                        cwd=BASE,
                        env=self.env,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=errors,
                        text=True,
                    )
            assert self._clerk.stdin is not None
            assert self._clerk.stdout is not None
            self._clerk.stdin.write(json.dumps({"arguments": arguments, "stdin": stdin}) + "\n")
            self._clerk.stdin.flush()
            answer = self._clerk.stdout.readline()
        if not answer:
            raise AssertionError(f"The clerk ended: {self._output.with_suffix('.clerk').read_text()}")
        told = json.loads(answer)
        if told["code"]:
            raise AssertionError(f"{' '.join(arguments)}: {told['said']}")
        return str(told["said"])

    def _dismiss_clerk(self) -> None:
        with self._clerks:
            if self._clerk is not None:
                self._clerk.communicate()  # its input ends, and so does it
                self._clerk = None

    def add_domain(self, name: str) -> None:
        self.ask("domain", "add", name)

    def add_account(self, address: str, password: str) -> None:
        self.ask("account", "add", address, stdin=password + "\n")

    def prefer(self, address: str, **preferences: object) -> None:
        """Choose in the settings for an account."""
        account = f"Account.objects.get(username={address!r})"
        self.ask(
            *("shell", "-v0", "-c"),
            "from hosting.models import Account\nfrom webmail.models import Preferences\n"
            f"Preferences.objects.update_or_create(account={account}, defaults={preferences!r})",
        )

    def session(self, address: str) -> dict[str, str]:
        """A cookie, as Playwright takes it, that has this account signed in."""
        return {"name": "mailstead_session", "value": self.ask("session", address), "url": self.url}

    def logs(self) -> str:
        """The last lines of every log, for the message of a test that failed."""
        found = sorted((self.data_dir / "log").glob("*.log"))
        return "".join(f"\n--- {log.name} ---\n{log.read_text()[-3000:]}" for log in found)

    def kill(self, part: str) -> None:
        """Kill one process (web, worker, sidecar) without a warning, as a crash does; `up` starts it again."""
        pid = int((self.data_dir / "run" / f"{part}.pid").read_text())
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)

    # --- PostgreSQL ----------------------------------------------------------------------------------------
    def _own_database(self) -> None:
        server = os.environ.get("DATABASE_URL", "")
        if not server or "DATABASE_URL" in self.env:
            return
        self._database = f"product_{secrets.token_hex(6)}"
        _execute(server, f'CREATE DATABASE "{self._database}"')
        self.env["DATABASE_URL"] = urlunsplit(urlsplit(server)._replace(path=f"/{self._database}"))

    def _drop_database(self) -> None:
        if self._database:
            _execute(os.environ["DATABASE_URL"], f'DROP DATABASE IF EXISTS "{self._database}" WITH (FORCE)')
            self._database = ""

    def __enter__(self) -> "Product":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _execute(url: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
