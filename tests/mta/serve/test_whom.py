"""The way back for bounces, as a host on port 25 meets it: for bounces only, and not for as many as one likes."""

from __future__ import annotations

import pytest

from mta.limits import service as limits
from mta.limits.ledger import Ledger
from mta.limits.rates import Rate
from mta.serve import whom
from mta.trust import srs
from mta.values import now_us
from tests.sidecar import FakeDirectory, RunningSidecar, Wire


def back(sender: str) -> str:
    return srs.forward(sender, domain="example.test", at=now_us())


def test_one_person_is_not_buried_in_bounces(
    sidecar: RunningSidecar, people: FakeDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whom, "BOUNCES", Rate(2, 3600.0))
    again = "SRS0=hash=aa=a.test=ann@other.test"
    with limits.use(Ledger()), Wire(sidecar.address("SMTP_LISTEN")) as wire:
        assert wire.ask(b"EHLO client.test").startswith("250")
        for sender in ("joe@outside.test", again):
            for address, answer in (
                (back(sender), "250"),
                (back(sender).lower(), "250"),
                (back(sender), "450 4.7.1"),
                (back(sender).lower(), "450 4.7.1"),
                (back(f"other.{sender}"), "250"),
            ):
                assert wire.ask(b"MAIL FROM:<>").startswith("250")
                assert wire.ask(f"RCPT TO:<{address}>".encode()).startswith(answer), address
                assert wire.ask(b"RSET").startswith("250")
        assert wire.ask(b"MAIL FROM:<eve@evil.test>").startswith("250")
        assert wire.ask(f"RCPT TO:<{back('other@outside.test')}>".encode()).startswith("550")
