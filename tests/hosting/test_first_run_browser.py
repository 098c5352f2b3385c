"""From an empty folder to a mailbox, as a person does it in a browser: set-up link, domain, DNS turning
green by itself, account, first sign-in; then suspended, and shut at once for mail programs too.
"""

from __future__ import annotations

import imaplib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.dns_server import serving
from tests.product import Product

if TYPE_CHECKING:
    from playwright.sync_api import Page

PASSWORD = "a good long one"
_LINE = re.compile(r"^(\S+)\. \d+ IN (\S+) (.*)$", re.MULTILINE)


def sign_in(page: Page, product: Product, name: str) -> None:
    page.goto(product.url)
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")


def imap_sign_in(product: Product) -> str:
    with imaplib.IMAP4("127.0.0.1", product.port("imap")) as client:
        try:
            return str(client.login("ann@bakery.test", PASSWORD)[0])
        except imaplib.IMAP4.error:
            return "refused"


@pytest.mark.product
@pytest.mark.browser
def test_from_an_empty_folder_to_a_mailbox(page: Page, tmp_path: Path) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    zone: dict[str, dict[str, list[str]]] = {"mail.example.test": {"A": ["127.0.0.1"]}}
    with serving(zone) as dns, Product(tmp_path / "data", dns_servers=dns.address) as product:
        page.goto(product.setup_link)
        page.fill("input[name=username]", "root")
        page.fill("input[name=password]", PASSWORD)
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="Continue").click()  # the host name stays
        page.wait_for_selector("#reach .record")
        page.get_by_role("link", name="Continue").click()
        page.fill("input[name=name]", "bakery.test")
        page.get_by_role("button", name="Add domain").click()

        page.wait_for_selector("#records [data-state=warn]")
        text = page.request.get(f"{product.url}/panel/domains/bakery.test/zone/").text()
        for name, kind, value in _LINE.findall(text):
            zone.setdefault(name, {}).setdefault(kind, []).append(value)
        page.wait_for_selector("text=Everything is right", timeout=45_000)
        assert page.locator(".wizard [aria-current=step]").inner_text() == "First account"  # without a reload
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.name") == "q"

        page.get_by_role("link", name="Add an account").click()
        page.fill("input[name=local_part]", "ann")
        page.fill("input[name=password]", "short")
        page.get_by_role("button", name="Add account").click()
        assert page.locator("#id_password_error").is_visible()
        page.fill("input[name=password]", PASSWORD)
        page.get_by_role("button", name="Add account").click()
        page.wait_for_url("**/panel/accounts/*/")
        account_page = page.url
        assert imap_sign_in(product) == "OK"

        page.get_by_role("button", name="Account: root").click()
        page.get_by_role("menuitem", name="Sign out").click()
        sign_in(page, product, "ann@bakery.test")
        page.wait_for_url("**/mail/inbox/")
        page.context.clear_cookies()

        sign_in(page, product, "root")
        page.wait_for_url("**/panel/")
        page.goto(account_page)
        page.get_by_role("button", name="Suspend").click()
        dialog = page.get_by_role("dialog")
        dialog.locator("input[name=reason]").fill("unpaid")
        dialog.get_by_role("button", name="Suspend").click()
        page.get_by_role("button", name="Resume").wait_for()
        assert imap_sign_in(product) == "refused"
        page.get_by_role("button", name="Resume").click()
        page.get_by_role("button", name="Suspend").wait_for()
        assert imap_sign_in(product) == "OK"
    assert errors == []
