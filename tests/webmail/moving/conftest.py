"""An old host to move from: our own sidecar, with a mailbox of its own; and somebody who moves."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hosting import tenants
from hosting.actor import system
from mta import directory
from mta.serve.main import server_context
from tests.mta.serve.conftest import LISTEN
from tests.sidecar import FakeDirectory, RunningSidecar
from tests.webmail.mail_world import Reader, reader
from webmail.moving import wire
from webmail.tls import make_self_signed

OLD = "ann@old.test"


@pytest.fixture(scope="session")
def old_tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("old-tls") / "made"
    make_self_signed(folder / "cert.pem", folder / "key.pem", hostname="localhost")
    return folder


@pytest.fixture
def mover(transactional_db: None, settings: Any) -> Reader:
    """Somebody here, on a host that may connect to this machine."""
    settings.ALLOW_PRIVATE_NETWORKS = True
    return reader(tenants.add_provider(name="Host", actor=system("test")), "ann@example.test", "Ann Weber")


@pytest.fixture
def old(mover: Reader) -> Iterator[FakeDirectory]:
    made = FakeDirectory(domains={"old.test"})
    made.add(OLD)
    with directory.use(made):
        yield made


@pytest.fixture
def old_host(
    old: FakeDirectory, old_tls: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunningSidecar]:
    """The old host, whose certificate is known here."""
    for name in LISTEN:
        setattr(settings, f"{name}_LISTEN", [("127.0.0.1", 0)])
    context = ssl.create_default_context(cafile=str(old_tls / "cert.pem"))
    monkeypatch.setattr(wire, "tls_context", lambda: context)
    with RunningSidecar(server_context(str(old_tls / "cert.pem"), str(old_tls / "key.pem"))) as running:
        yield running
