"""Somebody who writes in a browser: windows of their own, and what can be asked of one."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.journeys.screen import PATIENCE

WINDOW = "[data-test=compose-window]"


def text_of(window: Locator) -> Locator:
    return window.locator("[data-test=compose-body] .ProseMirror")


def compose(page: Page) -> Locator:
    """One more window, ready to type in."""
    number = page.locator(WINDOW).count()
    page.locator("[data-test=compose]:visible").first.click()
    window = page.locator(WINDOW).nth(number)
    expect(text_of(window)).to_be_visible(timeout=PATIENCE)
    return window


def addressed(page: Page, to: str, subject: str, *, text: str = "Hello") -> Locator:
    window = compose(page)
    window.locator("[data-test=compose-to] input").fill(to)
    window.locator("[data-test=compose-subject]").fill(subject)
    text_of(window).press_sequentially(text)
    return window


def state(window: Locator, text: str) -> None:
    expect(window.locator(".compose-state")).to_have_text(text, timeout=PATIENCE)


def menu(window: Locator, opener: str, item: str) -> None:
    window.locator(f"[data-test={opener}]").click()
    window.locator(f"[data-test={item}]").click()


def whom(window: Locator, field: str) -> list[str]:
    """The addresses in a field."""
    chips = window.locator(f'[data-field="{field}"] .person')
    found: list[str] = chips.evaluate_all("chips => chips.map(each => each.dataset.address)")
    return found


def discard_all(page: Page) -> None:
    """No window stays, and no draft."""
    while page.locator(WINDOW).count():
        window = page.locator(WINDOW).first
        if "folded" in (window.get_attribute("class") or ""):
            window.locator(".compose-title").click()
        one = page.locator(f"[aria-labelledby='{window.get_attribute('aria-labelledby')}']")
        window.locator("[data-test=discard]").click()
        expect(one).to_have_count(0, timeout=PATIENCE)
