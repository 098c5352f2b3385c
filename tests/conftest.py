"""Fixtures that every test may use, and the report that `manage.py test` reads.

`product`: a running installation, one per test process. `page`: a page in a real Chromium. Tests that use
them are marked `product` and `browser` by themselves, and skipped with the reason where there is none.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings

from tests.eventually import PATIENCE
from tests.product import Product

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

# No property depends on how busy the machine is. `manage.py test` tries the same examples each time; a run by hand others.
_calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("calm", _calm)
settings.register_profile("same", _calm, derandomize=True)
settings.load_profile("same" if os.environ.get("TEST_REPORT") else "calm")

_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ON_MACOS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


@pytest.fixture
def on_sqlite(db: None) -> bool:
    """Whether this run's database is SQLite (else PostgreSQL)."""
    return connection.vendor == "sqlite"


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A whole installation, shared by the tests of one process: use accounts and domains of your own.

    It has the domain `example.test` and a loopback DNS setting that nobody answers.
    """
    with Product(tmp_path_factory.mktemp("product") / "data") as running:
        running.add_domain("example.test")
        yield running


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is. CHROMIUM names another one."""
    named = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _CHROMIUMS)), None)
    found = named or next((path for path in _ON_MACOS if Path(path).exists()), None)
    if not found:
        pytest.skip("no Chromium on this system (Debian: chromium)")
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator["Browser"]:
    """One Chromium per module, not per process: while it runs, Playwright keeps an event loop in this thread,
    and no test after it could start one of its own, nor use the database without the word below."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE * 1000)
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-dev-shm-usage",
            ],
        )
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def context(browser: "Browser") -> Iterator["BrowserContext"]:
    """A browser window with cookies of its own, 1440 wide."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", timezone_id="UTC")
    context.set_default_timeout(PATIENCE * 1000)
    yield context
    context.close()


@pytest.fixture
def page(context: "BrowserContext") -> "Page":
    return context.new_page()


# What took longest when it was last measured: whole files go to the processes in this order, and none is waited for alone.
LONGEST = (
    *(
        "test_spec_accessibility",
        "test_odd_values",
        "test_spec_safe",
        "test_spec_list",
        "test_demo",
        "test_spec_frame",
    ),
    *(
        "test_compose_browser",
        "test_spec_settings",
        "test_compose_no_loss",
        "test_spec_rules",
        "test_spec_phone",
    ),
    *("test_first_run", "test_two_hosts", "test_spec_conversation", "test_bootstrap_up", "test_spec_sending"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & {"browser", "context", "page"}:
            item.add_marker("browser")
        if "product" in fixtures:
            item.add_marker("product")
        if item.get_closest_marker("django_db") or fixtures & {"db", "transactional_db"}:
            item.add_marker("database")
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    name = item.path.stem
    if name in LONGEST:
        return LONGEST.index(name)
    alone = item.get_closest_marker("product") is None and item.get_closest_marker("browser") is None
    return len(LONGEST) + alone


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """For tests/run.py: what ran, what did not and why."""
    path = os.environ.get("TEST_REPORT")
    if not path or os.environ.get("PYTEST_XDIST_WORKER"):
        return
    stats: dict[str, list[Any]] = terminalreporter.stats
    kinds = ("passed", "failed", "skipped", "error", "xfailed", "deselected")
    failed = [*stats.get("failed", []), *stats.get("error", [])]
    report = {
        "counts": {kind: len(stats.get(kind, [])) for kind in kinds},
        "ran": [each.nodeid for kind in ("passed", "failed", "xfailed") for each in stats.get(kind, [])],
        "skipped": {each.nodeid: _reason(each) for each in stats.get("skipped", [])},
        "failed": [each.nodeid for each in failed],
    }
    Path(path).write_text(json.dumps(report))


def _reason(report: Any) -> str:
    longrepr = report.longrepr
    text = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return str(text).removeprefix("Skipped: ")
