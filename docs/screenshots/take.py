"""Takes the screenshots of this folder from a demo of its own: `python -m docs.screenshots.take`.

Each screen at desktop and phone width, light and dark. Look at them before you commit them.
"""

from __future__ import annotations

import imaplib
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from mta.sandbox import visitors
from tests.eventually import eventually
from tests.product import Product

HERE = Path(__file__).resolve().parent
LOOKS = (
    ("", {"width": 1440, "height": 900}, "light"),
    ("-dark", {"width": 1440, "height": 900}, "dark"),
    ("-phone", {"width": 390, "height": 844}, "light"),
    ("-phone-dark", {"width": 390, "height": 844}, "dark"),
)
PASSWORD = "mailstead-demo"  # noqa: S105 - everybody's
BOATS = "Boats on Sunday"
SEVERAL = (
    "Ben Okafor <ben@example.test>, Carl Winter <carl.winter@outside.test>, "
    "Mara Slowik <slow@outside.test>, Otto Full <full@outside.test>"
)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="mailstead-screens-") as folder:
        demo = Product(Path(folder) / "demo", "mail.example.test", demo=True)
        fresh = Product(Path(folder) / "fresh", "mail.example.test")
        with sync_playwright() as play:
            browser = play.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
            )
            demo.start()
            try:
                sandbox = demo.data_dir / "sandbox"
                eventually(lambda: visitors.due(sandbox) == (), "the visitors have come")
                _sent_state(browser, demo)
                _delete_some(demo)
                for look in LOOKS:
                    _mail(browser, demo, *look)
                    _panel(browser, demo, *look)
            finally:
                demo.stop()
            fresh.start()
            try:
                for look in LOOKS:
                    _setup(browser, fresh, *look)
            finally:
                fresh.stop()
            browser.close()


def _sign_in(browser: Browser, product: Product, user: str, viewport: dict[str, int], scheme: str) -> Page:
    page = browser.new_context(viewport=viewport, color_scheme=scheme, locale="en-GB").new_page()  # type: ignore[arg-type]
    page.goto(product.url)
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(re.compile("/(mail|panel)/"))
    return page


def _sent_state(browser: Browser, demo: Product) -> None:
    """One message whose recipients fare differently, and how its writer sees that within the first seconds: each
    look stands ready, because one of the recipients waits no longer than twenty."""
    pages = [
        (suffix, _sign_in(browser, demo, "ann@example.test", viewport, scheme))
        for suffix, viewport, scheme in LOOKS
    ]
    _suffix, writer = pages[0]
    _write(writer, SEVERAL, BOATS)
    writer.locator("[data-test=send]").first.click()
    for _suffix, page in pages:
        if page is not writer:
            page.goto(f"{demo.url}/mail/sent/")
    expect(writer.locator("[data-test=toast-undelivered]")).to_be_visible(timeout=30_000)
    for suffix, page in pages:
        _open(page, demo, "sent", BOATS)
        page.evaluate("document.querySelectorAll('#toasts .toast').forEach((each) => each.remove())")
        _shoot(page, "sent-state", suffix)
        page.context.close()


def _delete_some(demo: Product) -> None:
    """A mail program that clears up more than its owner meant to."""
    with imaplib.IMAP4("127.0.0.1", demo.port("imap")) as imap:
        imap.login("ann@example.test", PASSWORD)
        imap.xatom("ID", '("name" "Thunderbird" "version" "140.4")')
        imap.select("INBOX")
        numbers = imap.uid("SEARCH", "SEEN")[1][0].split()[:31]  # type: ignore[union-attr]
        imap.uid("MOVE", b",".join(numbers).decode(), "Trash")


def _write(page: Page, to: str, subject: str) -> None:
    page.goto(page.url.split("/mail/")[0] + "/mail/inbox/")
    page.locator("[data-test=compose]:visible").first.click()
    page.wait_for_timeout(300)
    field = page.locator("[data-test=compose-to] input").first
    field.wait_for()
    field.fill(to)
    field.press("Enter")
    page.locator("[data-test=compose-subject]").first.fill(subject)
    body = page.locator("[data-test=compose-body] [contenteditable]").first
    body.click()
    body.press_sequentially("The small boat is ready, the oars are behind the ladder.")


def _mail(browser: Browser, demo: Product, suffix: str, viewport: dict[str, int], scheme: str) -> None:
    page = browser.new_context(viewport=viewport, color_scheme=scheme, locale="en-GB").new_page()  # type: ignore[arg-type]
    page.goto(demo.url)
    _shoot(page, "sign-in", suffix)
    page.context.close()
    page = _sign_in(browser, demo, "ann@example.test", viewport, scheme)
    steps: tuple[tuple[str, Callable[[], object]], ...] = (
        ("inbox", lambda: page.goto(demo.url + "/mail/inbox/")),
        ("conversation", lambda: _open(page, demo, "inbox", "Draft of the spring catalogue")),
        ("newsletter", lambda: _open(page, demo, "inbox", "On doing one thing")),
        ("why", lambda: _why(page, demo)),
        ("quarantine", lambda: page.goto(demo.url + "/mail/quarantine/")),
        ("changes", lambda: page.goto(demo.url + "/mail/changes/")),
        ("files", lambda: page.goto(demo.url + "/mail/files/")),
        ("search", lambda: page.goto(demo.url + "/mail/search/?q=catalogue")),
        ("contacts", lambda: page.goto(demo.url + "/mail/contacts/")),
        ("contact", lambda: _contact(page, demo)),
        ("settings", lambda: page.goto(demo.url + "/mail/settings/accounts/")),
        ("filters", lambda: page.goto(demo.url + "/mail/settings/filters/")),
        ("auto-reply", lambda: page.goto(demo.url + "/mail/settings/reply/")),
        ("settings-storage", lambda: page.goto(demo.url + "/mail/settings/storage/")),
        ("settings-programs", lambda: page.goto(demo.url + "/mail/settings/programs/")),
        ("outside-world", lambda: page.goto(demo.url + "/outside/")),
        # Last: a window that writes stays open on every page.
        ("compose", lambda: _write(page, "ada@harbour-studio.test", "Supper on Friday")),
    )
    for name, step in steps:
        step()
        _shoot(page, name, suffix)
    page.context.close()


def _open(page: Page, demo: Product, box: str, subject: str) -> None:
    page.goto(f"{demo.url}/mail/{box}/")
    page.locator("[data-test=row]", has_text=subject).first.locator("[data-test=subject]").click()
    expect(page.locator("[data-test=message-subject]")).to_contain_text(subject)


def _contact(page: Page, demo: Product) -> None:
    page.goto(f"{demo.url}/mail/contacts/")
    page.get_by_role("link", name="Ada Marlowe").first.click()
    page.locator("[data-test=contact-name]").wait_for()


def _why(page: Page, demo: Product) -> None:
    page.goto(f"{demo.url}/mail/spam/")
    page.locator("[data-test=row]").first.locator("[data-test=subject]").click()
    page.locator(".why-text").first.wait_for()


def _panel(browser: Browser, demo: Product, suffix: str, viewport: dict[str, int], scheme: str) -> None:
    page = _sign_in(browser, demo, "admin@example.test", viewport, scheme)
    for name, path in (
        ("panel", "/panel/"),
        ("domains", "/panel/domains/"),
        ("accounts", "/panel/accounts/"),
    ):
        page.goto(demo.url + path)
        _shoot(page, name, suffix)
    page.goto(demo.url + "/panel/domains/")
    page.get_by_role("link", name="example.test", exact=True).first.click()
    _shoot(page, "domain-check", suffix)
    page.context.close()


def _setup(browser: Browser, fresh: Product, suffix: str, viewport: dict[str, int], scheme: str) -> None:
    page = browser.new_context(viewport=viewport, color_scheme=scheme, locale="en-GB").new_page()  # type: ignore[arg-type]
    page.goto(fresh.setup_link)
    _shoot(page, "setup", suffix)
    page.context.close()


def _shoot(page: Page, name: str, suffix: str) -> None:
    page.wait_for_timeout(700)  # for fonts, frames and the end of every transition
    page.screenshot(path=HERE / f"{name}{suffix}.png")
    sys.stdout.write(f"{name}{suffix}\n")


if __name__ == "__main__":
    main()
