"""Fixtures of the web client's tests."""

from __future__ import annotations

import pytest

from hosting import tenants
from hosting.actor import system
from hosting.models import Tenant
from tests.webmail.mail_world import Reader, reader


@pytest.fixture
def host(db: None) -> Tenant:
    return tenants.add_provider(name="Host", actor=system("test"))


@pytest.fixture
def ann(host: Tenant) -> Reader:
    return reader(host, "ann@example.test", "Ann Weber")


@pytest.fixture
def eve(host: Tenant) -> Reader:
    """Somebody else on the same host."""
    return reader(host, "eve@example.test", "Eve Moss")
