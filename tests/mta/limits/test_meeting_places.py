"""The tables and Redis as meeting places: the same behaviour, several processes, and nobody at home."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from mta import metrics
from mta.limits import service
from mta.limits.in_redis import InRedis
from mta.limits.in_table import InTable
from mta.limits.ledger import HOLD_SECONDS, SHARED_FROM, Exchange, Ledger
from mta.limits.models import Count, Hold
from mta.limits.rates import Rate
from tests import servers
from tests.mta.limits.meeting import Clock

pytestmark = pytest.mark.django_db(transaction=True)

FIVE = Rate(5, 60)


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    try:
        with servers.redis() as url:
            yield url
    except servers.Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(params=["tables", "redis"])
def place(request: pytest.FixtureRequest) -> Exchange:
    if request.param == "tables":
        return InTable()
    url = request.getfixturevalue("redis_url")
    in_redis = InRedis(url)
    in_redis._redis.flushdb()
    return in_redis


@pytest.fixture
def clock() -> Clock:
    return Clock(60 * (time.time() // 60))


def test_what_one_counted_the_other_knows(place: Exchange, clock: Clock) -> None:
    here, there = Ledger(clock=clock), Ledger(clock=clock)
    for _ in range(3):
        assert here.hit("smtp:192.0.2.7", rate=FIVE)
    here.exchange(place)
    assert there.hit("smtp:192.0.2.7", rate=FIVE)
    there.exchange(place)
    assert there.hit("smtp:192.0.2.7", rate=FIVE)
    assert not there.hit("smtp:192.0.2.7", rate=FIVE)
    assert there.hit("smtp:192.0.2.8", rate=FIVE)
    there.exchange(place)
    here.hit("smtp:192.0.2.7", rate=FIVE)
    here.exchange(place)
    assert not here.peek("smtp:192.0.2.7", rate=FIVE)


def test_the_slot_before_is_known_to_all(place: Exchange, clock: Clock) -> None:
    here, there = Ledger(clock=clock), Ledger(clock=clock)
    for _ in range(5):
        here.hit("a", rate=FIVE)
    here.exchange(place)
    clock.now += 61
    there.peek("a", rate=FIVE)
    there.exchange(place)
    assert there.peek("a", rate=FIVE).left == 0


def test_held_things_are_summed_and_given_back(place: Exchange, clock: Clock) -> None:
    first, second, third = (Ledger(clock=clock) for _ in range(3))
    leases = [ledger.hold("a", most=3) for ledger in (first, second)]
    for ledger in (first, second):
        ledger.exchange(place)
    third.hold("a", most=3)
    third.exchange(place)
    assert third.held("a") == 3 and third.hold("a", most=3) is None
    assert leases[0] is not None
    leases[0].release()
    first.exchange(place)
    third.exchange(place)
    assert third.held("a") == 2
    clock.now += HOLD_SECONDS + 1
    third.hold("a", most=3)
    third.exchange(place)
    assert third.held("a") == 2  # both its own: the second process has died


def test_forgetting_takes_only_that_key(place: Exchange, clock: Clock) -> None:
    here, there = Ledger(clock=clock), Ledger(clock=clock)
    for key in ("a*", "ab", "a%", "a"):
        here.note(key, 5, rate=FIVE)
    here.exchange(place)
    here.forget("a*")
    here.forget("a%")
    here.exchange(place)
    for key in ("a*", "ab", "a%", "a"):
        there.peek(key, rate=FIVE)
    there.exchange(place)
    assert [there.peek(key, rate=FIVE).left for key in ("a*", "ab", "a%", "a")] == [5, 0, 5, 0]


def test_thousands_of_keys_go_in_one_exchange(place: Exchange, clock: Clock) -> None:
    here, there = Ledger(clock=clock), Ledger(clock=clock)
    for number in range(1_500):
        here.note(f"key {number}", 2, rate=Rate(2, 3600))
    here.exchange(place)
    for number in range(1_500):
        there.peek(f"key {number}", rate=Rate(2, 3600))
    there.exchange(place)
    assert not any(there.peek(f"key {number}", rate=Rate(2, 3600)) for number in range(1_500))


def test_an_exchange_is_few_queries(clock: Clock, django_assert_max_num_queries: Callable[..., Any]) -> None:
    ledger = Ledger(clock=clock)
    for number in range(400):
        ledger.note(f"key {number}", 2, rate=Rate(2, 3600))
        ledger.hold(f"key {number}", most=1)
    with django_assert_max_num_queries(8):  # a transaction's beginning and end, two to write, two to read
        ledger.exchange(InTable())
    with django_assert_max_num_queries(0):
        ledger.exchange(InTable())


def test_the_sweep_leaves_only_what_means_something(clock: Clock) -> None:
    ledger = Ledger(clock=clock)
    ledger.note("short", 9, rate=Rate(9, 1))
    ledger.note("long", 9, rate=Rate(9, 86_400))
    ledger.hold("held", most=1)
    ledger.exchange(InTable())
    assert InTable().sweep(now=clock.now) == 0
    assert InTable().sweep(now=clock.now + 100) == 2
    assert list(Count.objects.values_list("key", flat=True)) == ["long/86400"] and not Hold.objects.exists()


# --- the thread, and other processes

OTHER = """
import sys
import django
django.setup()
from mta.limits import service
from mta.limits.rates import Rate
ledger, place, allowed = service.current(), service.shared(), 0
sys.stdin.readline()
for _ in range(100):
    allowed += sum(bool(ledger.hit("shared", rate=Rate(100, 86_400))) for _ in range(2))
    ledger.exchange(place)
print(allowed, flush=True)
"""


def environment(folder: Path, **more: str) -> dict[str, str]:
    at = connection.settings_dict
    url = f"sqlite:///{at['NAME']}"
    if connection.vendor != "sqlite":
        who = f"{at['USER']}:{at['PASSWORD']}" if at["PASSWORD"] else at["USER"]
        url = f"postgres://{who}@{at['HOST']}:{at['PORT']}/{at['NAME']}"
    return os.environ | {
        "DATABASE_URL": url,
        "DATA_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "webmail.settings",
        "DB_POOL": "off",
        **more,
    }


@pytest.mark.parametrize("where", ["tables", "redis"])
def test_three_processes_keep_one_limit(
    where: str, tmp_path: Path, settings: Any, request: pytest.FixtureRequest
) -> None:
    """Each asks for far more than the limit; together they get it, and hardly more."""
    more = {"REDIS_URL": request.getfixturevalue("redis_url")} if where == "redis" else {}
    if where == "redis":
        InRedis(more["REDIS_URL"])._redis.flushdb()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OTHER],
            cwd=settings.BASE_DIR,
            env=environment(tmp_path, **more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    allowed = [int(process.communicate("go\n", timeout=90)[0]) for process in processes]
    assert all(process.returncode == 0 for process in processes)
    # Alone they would take 300. However late an exchange comes, each allows two in between at most.
    assert 100 <= sum(allowed) <= 100 + 2 * (2 + 100 // SHARED_FROM)
    if where == "tables":
        assert Count.objects.get().n == sum(allowed)


def test_when_nobody_is_at_home_it_is_said_once_and_counted_and_mail_goes_on(
    caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    before = metrics.LIMITS_ALONE._value.get()
    ledger = Ledger(clock=clock)
    sharing = service.Sharing(ledger, exchange=InRedis("redis://127.0.0.1:1/0"), every=0.01)
    with caplog.at_level(logging.WARNING):
        sharing.start()
        deadline = time.monotonic() + 30
        while metrics.LIMITS_ALONE._value.get() < before + 3 and time.monotonic() < deadline:
            assert ledger.hit("a", rate=Rate(1_000_000, 3600))
            time.sleep(0.005)
        sharing.stop()
    assert metrics.LIMITS_ALONE._value.get() >= before + 3
    assert caplog.text.count("limits cannot be shared") == 1


def test_the_thread_shares_what_was_counted_and_ends_with_its_last_word(clock: Clock) -> None:
    ledger = Ledger(clock=clock)
    sharing = service.Sharing(ledger, exchange=InTable(), every=0.01)
    sharing.start()
    ledger.note("a", 5, rate=FIVE)
    ledger.hold("a", most=1)
    deadline = time.monotonic() + 30
    while not (Count.objects.exists() and Hold.objects.exists()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert Hold.objects.exists()
    sharing.stop()
    assert not Hold.objects.exists() and Count.objects.get().n == 5
