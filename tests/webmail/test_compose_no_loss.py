"""Whatever dies while somebody types, nothing that is older than two seconds is lost.

Numbered words are typed without a pause, each with the moment at which it was there; then something is killed. What
another browser finds in Drafts afterwards must hold every word that was two seconds old.
"""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.eventually import eventually
from tests.journeys.screen import PATIENCE, Screen
from tests.product import Product

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

pytestmark = pytest.mark.xdist_group("product-no-loss")
PASSWORD = "correct horse battery"
KEPT = 2.0  # seconds: what is older must be safe
names = (f"typist{number}@example.test" for number in itertools.count(1))


@pytest.fixture
def typist(product: Product) -> str:
    address = next(names)
    product.add_account(address, PASSWORD)
    return address


class Typing:
    """A window in which somebody writes, and when each word was there."""

    def __init__(self, page: Page, subject: str) -> None:
        page.locator("[data-test=compose]:visible").click()
        self.page = page
        self.window = page.locator("[data-test=compose-window]")
        self.body = self.window.locator("[data-test=compose-body] [contenteditable]")
        expect(self.body).to_be_visible(timeout=PATIENCE)
        self.window.locator("[data-test=compose-subject]").fill(subject)
        self.body.click()
        self.words: list[tuple[str, float]] = []

    def type_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            word = f"w{len(self.words) + 1}"
            self.page.keyboard.type(word + " ", delay=15)
            self.words.append((word, time.monotonic()))

    def older_than(self, moment: float) -> list[str]:
        return [word for word, at in self.words if at <= moment]

    @property
    def every_word(self) -> list[str]:
        return [word for word, _at in self.words]


def found_elsewhere(browser: Browser, product: Product, address: str) -> list[str]:
    """What another browser finds of the only draft."""
    screen = Screen(browser, product).enter(address)
    screen.go("/mail/drafts/")
    rows: Locator = screen.page.locator("[data-test=row]")
    expect(rows).to_have_count(1, timeout=PATIENCE)  # never a second copy
    rows.locator("[data-test=subject]").click()
    body = screen.page.locator("[data-test=compose-window] [data-test=compose-body] [contenteditable]")
    expect(body).to_contain_text("w1", timeout=PATIENCE)
    words = body.inner_text().split()
    screen.close()
    return words


def saved(writing: Typing) -> None:
    expect(writing.window.locator(".compose-state")).to_have_text("Draft saved", timeout=PATIENCE)


def _processes_with(text: str) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if text in (folder / "cmdline").read_text():
                    found.append(int(folder.name))
            except (OSError, UnicodeDecodeError):
                continue
    return found


def test_the_browser_is_killed(
    product: Product, browser: Browser, chromium: str, typist: str, tmp_path: Path
) -> None:
    """Spec 7.11."""
    profile = tmp_path / "profile-that-dies"
    doomed = browser.browser_type.launch_persistent_context(
        profile, executable_path=chromium, args=["--no-sandbox", "--disable-gpu"], locale="en-GB"
    )
    page = doomed.new_page()
    page.goto(product.url)
    page.fill("input[name=username]", typist)
    page.fill("input[name=password]", PASSWORD)
    page.click("form[data-test=sign-in] button[type=submit]")
    page.wait_for_url("**/mail/**")
    writing = Typing(page, "The browser dies")
    writing.type_for(6)
    killed = time.monotonic()
    for process in _processes_with(str(profile)):  # only this test's
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue
    safe = writing.older_than(killed - KEPT)
    assert len(safe) > 5
    eventually(
        lambda: set(safe) <= set(found_elsewhere(browser, product, typist)),
        "what was two seconds old is in the draft",
    )


@pytest.fixture
def screen(product: Product, browser: Browser, typist: str) -> Iterator[Screen]:
    made = Screen(browser, product).enter(typist)
    yield made
    made.close()


def _kill_web(product: Product) -> None:
    product.kill("web")


def _cut_the_database(product: Product) -> None:
    """On PostgreSQL every connection is ended; on SQLite the file is locked by somebody else for a while."""
    url = product.env.get("DATABASE_URL", "")
    if url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        return
    with closing(sqlite3.connect(product.data_dir / "mailstead.sqlite3", timeout=30)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        time.sleep(3)  # the lock itself is what is tested
        connection.rollback()


@pytest.mark.parametrize("trouble", [_kill_web, _cut_the_database], ids=["web", "database"])
def test_the_server_is_cut_off(
    product: Product, browser: Browser, screen: Screen, typist: str, trouble: Callable[[Product], None]
) -> None:
    """Spec 7.11."""
    writing = Typing(screen.page, "The server dies")
    writing.type_for(3)
    trouble(product)
    writing.type_for(3)  # nobody stops writing because of that
    expect(writing.body).to_contain_text(writing.every_word[-1])
    saved(writing)
    assert found_elsewhere(browser, product, typist) == writing.every_word


def test_the_server_is_killed_and_the_page_reloaded_while_it_is_away(
    product: Product, browser: Browser, screen: Screen, typist: str
) -> None:
    """Spec 7.11."""
    writing = Typing(screen.page, "Server and page die")
    writing.type_for(4)
    product.kill("web")
    writing.type_for(1)
    kept = f"Object.values(localStorage).some(each => each.includes('{writing.every_word[-1]}'))"
    eventually(lambda: screen.page.evaluate(kept), "the browser keeps a copy of what the server has not got")
    eventually(lambda: _answers(product), "the server is back", within=60)
    screen.page.reload()
    body = screen.page.locator("[data-test=compose-window] [data-test=compose-body] [contenteditable]")
    expect(body).to_contain_text(writing.every_word[-1], timeout=PATIENCE)
    # By this page now, or by the one before it as soon as the server was back: then nothing is left to be saved here.
    eventually(lambda: found_elsewhere(browser, product, typist) == writing.every_word, "every word is saved")


def _answers(product: Product) -> bool:
    try:
        with urllib.request.urlopen(f"{product.url}/healthz", timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def test_the_session_ends(product: Product, browser: Browser, screen: Screen, typist: str) -> None:
    """Spec 7.11."""
    writing = Typing(screen.page, "The session ends")
    writing.type_for(3)
    screen.page.context.clear_cookies(name="mailstead_session")
    panel = screen.page.locator("#sign-in-panel")
    until = time.monotonic() + 30
    while not panel.is_visible() and time.monotonic() < until:
        writing.type_for(0.1)
    meant = writing.every_word[:-3]  # the last ones may have gone to the panel that came over the page
    expect(panel).to_be_visible()
    panel.locator("input[name=username]").fill(typist)
    panel.locator("input[name=password]").fill(PASSWORD)
    panel.locator("button.primary").click()
    expect(panel).to_be_hidden(timeout=PATIENCE)
    saved(writing)
    assert found_elsewhere(browser, product, typist)[: len(meant)] == meant
