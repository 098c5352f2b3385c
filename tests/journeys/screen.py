"""Somebody in front of the web client: what they press, and what they see. Used by the journeys.

Every look waits (Playwright's `expect`), because other processes do the work; nothing here sleeps.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import Browser, Locator, Page, expect

from tests import eventually

if TYPE_CHECKING:
    from tests.product import Product

PATIENCE = int(eventually.PATIENCE * 1000)  # ms


class Screen:
    """One browser window of one person."""

    def __init__(self, browser: Browser, product: Product, **options: object) -> None:
        size = {"width": 1440, "height": 900}
        self.product, self.url = product, product.url
        self._context = browser.new_context(
            **{"viewport": size, "locale": "en-GB", "timezone_id": "UTC"} | options
        )  # type: ignore[arg-type]
        self._context.set_default_timeout(PATIENCE)
        self.page: Page = self._context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(f"{error} {error.stack}"))
        self.page.on(
            "console",
            lambda said: said.type == "error" and self.errors.append(f"{said.text} {said.location}"),
        )

    def close(self) -> None:
        self._context.close()

    def go(self, path: str) -> None:
        self.page.goto(self.url + path)

    def enter(self, address: str) -> Screen:
        """Somebody who signed in before: their mail is there, and hears keys and clicks."""
        self._context.add_cookies([self.product.session(address)])
        self.go("/mail/inbox/")
        self.page.wait_for_selector("body[data-ready]")
        return self

    def sign_in(self, address: str, password: str) -> Screen:
        self.go("/")
        self.page.fill("input[name=username]", address)
        self.page.fill("input[name=password]", password)
        self.page.click("form[data-test=sign-in] button[type=submit]")
        self.page.wait_for_url(re.compile(r"/(mail|panel)/"))
        return self

    # --- lists
    def row(self, subject: str) -> Locator:
        """The row of a conversation."""
        return self.page.locator("[data-test=row]").filter(
            has=self.page.locator(".row-subject", has_text=subject)
        )

    def sees_row(self, subject: str) -> Locator:
        row = self.row(subject)
        expect(row).to_have_count(1, timeout=PATIENCE)
        return row

    def misses_row(self, subject: str) -> None:
        expect(self.row(subject)).to_have_count(0, timeout=PATIENCE)

    def open(self, subject: str) -> None:
        self.sees_row(subject).locator("[data-test=subject]").click()
        expect(self.page.locator("[data-test=message-subject]")).to_contain_text(subject, timeout=PATIENCE)

    # --- a conversation
    @property
    def letters(self) -> Locator:
        """The messages of the open conversation."""
        return self.page.locator("[data-messages] > li.message:not(.fold)")

    def sees_letters(self, count: int) -> None:
        expect(self.letters).to_have_count(count, timeout=PATIENCE)

    def waits_for_letters(self, count: int) -> None:
        """What comes while one reads is announced, and shown when asked for."""
        show = self.page.locator("[data-new-messages] button")
        expect(self.letters.nth(count - 1).or_(show).first).to_be_visible(timeout=PATIENCE)
        if show.is_visible():
            show.click()
        self.sees_letters(count)

    def unfolds(self, letter: Locator) -> Locator:
        """A message that lies folded to one line is opened."""
        if "closed" in (letter.get_attribute("class") or "").split():
            letter.locator(".message-head").click()
        expect(letter.locator("[data-test=message-body]")).to_be_visible(timeout=PATIENCE)
        return letter

    def reads(self, text: str, *, letter: Locator) -> None:
        """An HTML message shows its text in a frame of its own."""
        expect(letter.frame_locator("iframe.message-frame").locator("body")).to_contain_text(
            text, timeout=PATIENCE
        )

    # --- writing
    def write(self, to: str, subject: str, text: str) -> None:
        """Compose and send, as far as the button."""
        self.page.locator("[data-test=compose]:visible").click()
        window = self.page.locator("[data-test=compose-window]")
        window.locator("[data-test=compose-to] input").fill(to)
        window.locator("[data-test=compose-subject]").fill(subject)
        self._type(window, text)
        self._send(window)

    def reply(self, text: str) -> None:
        self.page.locator("[data-reply-bar] [data-test=reply]").click()
        window = self.page.locator("[data-test=compose-window]")
        self._type(window, text)
        self._send(window)

    def _send(self, window: Locator) -> None:
        window.locator("[data-test=send]").click()
        expect(window).to_be_hidden(timeout=PATIENCE)
        # "Sending in 5 s. Undo", then "Sent. View": the host has it.
        expect(self.page.locator("#toasts .toast-action")).to_be_visible(timeout=PATIENCE)

    def _type(self, window: Locator, text: str) -> None:
        body = window.locator("[data-test=compose-body] [contenteditable]")  # there as soon as the editor is
        expect(body).to_be_visible(timeout=PATIENCE)
        body.press_sequentially(text)
        expect(body).to_contain_text(text)

    def sees_toast(self, text: str) -> Locator:
        toast = self.page.locator("#toasts .toast", has_text=text)
        expect(toast).to_be_visible(timeout=PATIENCE)
        return toast
