"""Waiting in a real browser: what a click shows at once, what a slow or failing server looks like, what is loaded early.

How long things take is not asked here, where everything shares a busy machine: `python -m bench.web_browser` measures
it (docs/performance.md). These tests hold what the figures rest on: rows change before the server has answered,
conversations are there before they are asked for, nothing moves once it is shown, and the first visit is small.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.eventually import eventually
from tests.mail import mail
from tests.product import Product
from tests.webmail.list_world import enter, fill, numbered, open_place, toast
from tests.webmail.test_mail_browser import address, subjects, until_subjects, watched  # the fixtures, too

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

__all__ = ["address", "watched"]

FIRST_MODULES = {
    "components",
    "toast",
    "client",
    "list",
    "actions",
    "keyboard",
    "mail",
    "progress",
    "compose",
}


@contextmanager
def held(page: Page, pattern: str) -> Iterator[list[Route]]:
    """The requests whose answers wait until the test lets them go; what is left goes on at the end."""
    waiting: list[Route] = []
    page.route(re.compile(pattern), lambda route: waiting.append(route))
    yield waiting
    for route in waiting:  # also what is asked for meanwhile
        route.continue_()
    page.unroute(re.compile(pattern))


def row(page: Page, subject: str) -> str:
    return f"[data-test=row]:has(.row-subject:text-is('{subject}'))"


def test_a_row_changes_before_the_server_has_answered(product: Product, address: str, watched: Page) -> None:
    """Spec S1, S7."""
    page = watched
    fill(product, address, numbered(4, address))
    enter(page, product, address)
    until_subjects(page, [f"Number {n}" for n in (3, 2, 1, 0)])
    with held(page, r"/mail/actions/") as waiting:
        one, two = row(page, "Number 3"), row(page, "Number 2")
        page.locator(f"{one} .row-star").click()
        page.wait_for_selector(f"{one}[data-starred]")
        page.locator(two).hover()
        page.locator(f"{two} [data-test=toggle-read]").click()
        page.wait_for_selector(f"{two}:not([data-unread])")
        page.locator(two).hover()
        page.locator(f"{two} [data-test=delete]").click()
        page.wait_for_selector(two, state="detached")
        assert waiting  # and nothing of it was answered
        page.locator(row(page, "Number 1")).focus()
        while waiting:
            waiting.pop(0).continue_()
            page.wait_for_timeout(20)  # what follows is sent after it
    page.reload()
    until_subjects(page, [f"Number {n}" for n in (3, 1, 0)])
    assert page.locator(f"{row(page, 'Number 3')}[data-starred]").count() == 1


def test_a_slow_server_is_told_of_and_a_failing_one_leaves_the_old_view(
    product: Product, address: str, page: Page
) -> None:
    """Spec S1, S14, S15."""
    fill(product, address, numbered(2, address))
    fill(product, address, [mail(subject="Starred one", to=address)], flags="\\Flagged")
    enter(page, product, address)
    until_subjects(page, ["Starred one", "Number 1", "Number 0"])
    with held(page, r"/mail/starred/$") as waiting:
        now = datetime.now(UTC)
        page.clock.install(time=now)
        page.clock.pause_at(now + timedelta(minutes=5))  # from here it runs only as far as this test says
        page.click('.sidebar [data-nav="starred"]')
        assert page.locator("#main [data-toolbar][aria-busy=true]").count() == 1  # at once
        eventually(lambda: page.evaluate("1") and waiting, "the list is asked for")
        assert page.locator(".grey-cover").count() == 0  # nothing grey for what comes quickly
        page.clock.run_for(350)
        page.wait_for_selector(".grey-cover .row")
        line = page.locator("#main [data-toolbar] .waiting")
        eventually(lambda: line.evaluate("e => getComputedStyle(e).opacity") == "1", "the thin line shows")
        page.clock.run_for(10_000)
        page.wait_for_selector("[role=status]:text('Still working')")
        assert subjects(page)[-3:] == ["Starred one", "Number 1", "Number 0"]  # the old view is kept below
        page.clock.resume()
        waiting.pop().fulfill(status=503, body="")
        toast(page, "Try again")
        assert page.locator(".grey-cover, .still-working, [data-toolbar][aria-busy]").count() == 0
        assert subjects(page) == ["Starred one", "Number 1", "Number 0"]
    page.click("#toasts .toast >> text=Try again")
    page.wait_for_selector('#view[data-box="starred"]', state="attached")
    until_subjects(page, ["Starred one"])
    # a view that was shown before is shown as it was, and brought up to date
    fill(product, address, [mail(subject="Starred two", to=address)], flags="\\Flagged")
    with held(page, r"/mail/inbox/$") as waiting:
        page.click('.sidebar [data-nav="inbox"]')
        eventually(lambda: page.evaluate("1") and waiting, "the list is asked for")
        page.clock.run_for(350)
        page.wait_for_selector('#view[data-box="inbox"]', state="attached")
        assert page.locator(".grey-cover").count() == 0
        assert "Number 0" in subjects(page)
    until_subjects(page, ["Starred two", "Starred one", "Number 1", "Number 0"])
    assert page.url.endswith("/mail/inbox/")


def test_what_a_pointer_or_the_cursor_rests_on_is_loaded_and_nothing_is_read(
    product: Product, address: str, watched: Page
) -> None:
    """Spec S5, S13."""
    page = watched
    fill(product, address, numbered(3, address))
    enter(page, product, address)
    until_subjects(page, ["Number 2", "Number 1", "Number 0"])

    def early(answer: object) -> bool:
        return answer.request.headers.get("x-mailstead") == "prefetch"  # type: ignore[attr-defined,no-any-return]

    with page.expect_response(early):
        page.locator(row(page, "Number 1")).hover()
    with page.expect_response(early):
        page.keyboard.press("j")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.headers.get("x-mailstead", "")))
    page.locator(row(page, "Number 1")).locator("[data-test=subject]").click()
    page.wait_for_selector("[data-test=message-body]")
    assert "part" not in asked  # it was there
    page.keyboard.press("u")
    page.wait_for_selector(f"{row(page, 'Number 2')}[data-unread]")
    page.wait_for_selector(f"{row(page, 'Number 1')}:not([data-unread])")
    page.reload()
    page.wait_for_selector(f"{row(page, 'Number 2')}[data-unread]")


def test_nothing_moves_once_it_is_shown_and_the_first_page_loads_what_it_needs(
    product: Product, address: str, watched: Page
) -> None:
    """Spec S11, S12."""
    page = watched
    fill(product, address, numbered(60, address))
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver((list) => {"
        " for (const each of list.getEntries()) if (!each.hadRecentInput) window.shift += each.value;"
        "}).observe({type: 'layout-shift', buffered: true});"
    )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    enter(page, product, address)
    page.wait_for_selector("[data-test=row]")
    modules = {found[1] for url in asked if (found := re.search(r"/js/([\w-]+)\.[\w.]*js", url + ".js"))}
    assert "list" in modules
    late = {"conversation", "preview", "search", "labels", "history", "compose-editor", "bulk", "chooser"}
    assert not modules & late
    page.locator(row(page, "Number 57")).locator("[data-test=subject]").click()
    page.wait_for_selector("[data-test=message-body]")
    page.keyboard.press("j")
    page.wait_for_selector("[data-test=message-subject]:text-is('Number 56')")
    page.keyboard.press("u")
    page.wait_for_selector("[data-rows]")
    open_place(page, "sent")
    page.wait_for_selector(".empty")
    page.go_back()
    page.wait_for_selector("[data-test=row]")
    assert page.evaluate("window.shift") < 0.02
