"""A running sidecar and its directory."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mta import directory
from mta.serve.main import server_context
from tests.sidecar import FakeDirectory, RunningSidecar
from webmail.tls import make_self_signed

LISTEN = ("SMTP", "LMTP", "SUBMISSION", "SUBMISSIONS", "IMAP", "IMAPS", "POP3", "POP3S")


@pytest.fixture(scope="session")
def server_tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder: Path = tmp_path_factory.mktemp("tls") / "made"
    make_self_signed(folder / "cert.pem", folder / "key.pem", hostname="mail.example.test")
    return server_context(str(folder / "cert.pem"), str(folder / "key.pem"))


@pytest.fixture(scope="session")
def client_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.fixture
def people(transactional_db: None) -> Iterator[FakeDirectory]:
    """A directory with ann@ and ben@example.test."""
    made = FakeDirectory()
    made.add("ann@example.test")
    made.add("ben@example.test")
    with directory.use(made):
        yield made


@pytest.fixture
def free_ports(settings: Any) -> None:
    for name in LISTEN:
        setattr(settings, f"{name}_LISTEN", [("127.0.0.1", 0)])


@pytest.fixture
def sidecar(people: FakeDirectory, free_ports: None, server_tls: ssl.SSLContext) -> Iterator[RunningSidecar]:
    with RunningSidecar(server_tls) as running:
        yield running


@pytest.fixture
def program() -> Callable[..., str]:
    """Run a program if it is there; its standard output."""

    def run(*arguments: str, cwd: Path) -> str:
        if shutil.which(arguments[0]) is None:
            pytest.skip(f"{arguments[0]} is not installed")
        done = subprocess.run(
            arguments,
            cwd=cwd,
            env={"HOME": str(cwd), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TERM": "xterm"},
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")
        return done.stdout.decode(errors="replace")

    return run
