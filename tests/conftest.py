"""Fixtures that every test may use."""

import pytest
from django.db import connection


@pytest.fixture
def on_sqlite(db: None) -> bool:
    """Whether this run's database is SQLite (else PostgreSQL)."""
    return connection.vendor == "sqlite"
