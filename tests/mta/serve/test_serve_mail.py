"""The real process: what it promised survives its death, and it ends when asked to."""

from __future__ import annotations

import os
import poplib
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mail import mail
from tests.ports import reserved

BASE = Path(__file__).resolve().parents[3]
PASSWORD = "right horse battery"
PORTS = ("SMTP", "SUBMISSION", "SUBMISSIONS", "IMAP", "IMAPS", "POP3", "POP3S")


class Installation:
    """A DATA_DIR with one account, and `serve_mail` on it (SQLite, with the disk's promises kept)."""

    def __init__(self, folder: Path) -> None:
        self.ports = {name: reserved() for name in PORTS}
        self.env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.env |= {f"{name}_LISTEN": f"127.0.0.1:{port}" for name, port in self.ports.items()}
        self.env |= {"DATA_DIR": str(folder), "MAIL_HOSTNAME": "mail.example.test", "COLLECT_STATIC": "off"}
        self.log = folder / "serve.log"
        self.manage("prepare")
        self.manage("domain", "add", "example.test")
        self.manage("account", "add", "ann@example.test", text=PASSWORD + "\n")

    def manage(self, *words: str, text: str = "") -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=BASE, env=self.env, input=text, text=True, capture_output=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def serve(self, *words: str) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "serve_mail", *words], cwd=BASE, env=self.env, stderr=log
            )
        wanted = int(words[1]) if words else 1
        deadline = time.monotonic() + 60
        while self.log.read_text().count("serve_mail is ready") < wanted:
            assert process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return process

    def send(self, **parts: str) -> None:
        with smtplib.SMTP("127.0.0.1", self.ports["SMTP"]) as client:
            client.sendmail("joe@outside.test", ["ann@example.test"], mail(**parts))

    def subjects(self) -> list[bytes]:
        client = poplib.POP3("127.0.0.1", self.ports["POP3"], timeout=10)
        client.user("ann@example.test")
        client.pass_(PASSWORD)
        heads = [client.top(number, 0)[1] for number in range(1, client.stat()[0] + 1)]
        client.quit()
        return [next(line for line in head if line.startswith(b"Subject:")) for head in heads]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    yield Installation(tmp_path_factory.mktemp("serve"))


def test_a_message_answered_250_is_there_after_the_process_was_killed(installation: Installation) -> None:
    process = installation.serve()
    try:
        installation.send(subject="kept")
    finally:
        process.kill()
        process.wait(10)
    process = installation.serve()
    try:
        assert b"Subject: kept" in installation.subjects()
    finally:
        process.kill()
        process.wait(10)


def test_it_ends_within_five_seconds_when_asked(installation: Installation) -> None:
    process = installation.serve()
    try:
        client = smtplib.SMTP("127.0.0.1", installation.ports["SMTP"])
        client.ehlo()
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - begun < 5
        assert client.docmd("NOOP")[0] == 421
        client.close()
    finally:
        process.kill()
        process.wait(10)


def test_several_processes_share_the_ports_and_end_together(installation: Installation) -> None:
    process = installation.serve("--processes", "2")
    try:
        for number in range(8):
            installation.send(subject=f"shared {number}")
        assert sum(b"shared" in subject for subject in installation.subjects()) == 8
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait(10)


@pytest.mark.parametrize("words", [(), ("--processes", "2")])
def test_a_port_in_use_is_said_in_one_line(installation: Installation, words: tuple[str, ...]) -> None:
    process = installation.serve()
    try:
        second = subprocess.run(
            [sys.executable, "manage.py", "serve_mail", *words],
            cwd=BASE, env=installation.env, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert second.returncode == 2
        assert "SMTP_LISTEN moves it" in second.stderr
        assert "Traceback" not in second.stderr
    finally:
        process.kill()
        process.wait(10)
