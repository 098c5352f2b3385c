"""POP3 for somebody who may sign in and has no mailbox, as staff do."""

from __future__ import annotations

import pytest

from mta.directory import Login
from tests.sidecar import PASSWORD, FakeDirectory, RunningSidecar, Wire


def test_an_account_without_a_mailbox_is_told_that_it_stays_so(
    sidecar: RunningSidecar, people: FakeDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "sign_in", lambda *_names, **_where: Login(7, "staff@example.test", ()))
    with Wire(sidecar.address("POP3_LISTEN"), greeting=False) as wire:
        assert wire.line().startswith(b"+OK")
        wire.send(f"USER staff@example.test\r\nPASS {PASSWORD}\r\n".encode())
        assert wire.line().startswith(b"+OK")
        assert wire.line().startswith(b"-ERR [SYS/PERM] ")  # RFC 3206 §4: trying again will not help
