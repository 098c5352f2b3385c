"""The test command's own bookkeeping."""

from pathlib import Path

import pytest

from tests import run, servers


def phase(name: str, *, ran: set[str], skipped: dict[str, str], code: int = 0) -> run.Phase:
    counts = {"passed": len(ran), "skipped": len(skipped)}
    return run.Phase(name, code=code, seconds=1.0, counts=counts, ran=ran, skipped=skipped)


def test_what_another_run_has_run_is_not_missing(capsys: pytest.CaptureFixture[str]) -> None:
    phases = [
        phase("SQLite", ran={"a", "b"}, skipped={"c": "needs PostgreSQL"}),
        phase("PostgreSQL", ran={"c"}, skipped={"a": "is SQLite's"}),
    ]
    assert run._report(phases) == 0
    said = capsys.readouterr().out
    assert "Everything ran." in said
    assert "3 passed, 2 skipped in 1.00s" in said.splitlines()[-1]  # they ran beside each other


def test_what_nothing_ran_is_listed_with_the_reason(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    phases = [
        phase("SQLite", ran={"a"}, skipped={"b": "no Chromium"}),
        run.Phase("PostgreSQL", why_not="no server"),
    ]
    monkeypatch.delenv("REQUIRE_ALL", raising=False)
    assert run._report(phases) == 0
    said = capsys.readouterr().out
    assert "b: no Chromium" in said and "PostgreSQL: no server" in said
    monkeypatch.setenv("REQUIRE_ALL", "1")
    assert run._report(phases) == 1


def test_a_failure_in_any_run_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    broken = phase("PostgreSQL", ran={"a"}, skipped={}, code=1)
    broken.failed = ["tests/x.py::test_y"]
    assert run._report([phase("SQLite", ran={"a"}, skipped={}), broken]) == 1
    assert "FAILED (PostgreSQL) tests/x.py::test_y" in capsys.readouterr().out


def test_postgresql_starts_works_and_is_gone() -> None:
    import psycopg

    with servers.postgres() as url:
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT 1").fetchone()
        assert row == (1,)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url, connect_timeout=2)


def test_redis_starts_works_and_is_gone() -> None:
    import redis

    with servers.redis() as url:
        client = redis.Redis.from_url(url)
        client.set("key", "value")
        assert client.get("key") == b"value"
        client.close()
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(url).ping()


def test_folders_that_are_named_are_there() -> None:
    base = Path(run.BASE)
    assert [folder for folder in (*run.ON_POSTGRES, *run.WITH_REDIS) if not (base / folder).is_dir()] == []
