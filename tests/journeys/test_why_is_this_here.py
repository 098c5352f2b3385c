"""A phone moves a message away; its reader finds it, asks why it is there, and takes the move back."""

from __future__ import annotations

import imaplib
import secrets
from typing import TYPE_CHECKING

from tests.eventually import eventually
from tests.mail import mail
from tests.product import Product
from tests.webmail.test_mail_browser import PASSWORD, deliver, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext


def test_a_message_that_a_program_moved_says_so_and_goes_back(
    product: Product, context: BrowserContext
) -> None:
    address = f"asker-{secrets.token_hex(4)}@example.test"
    product.add_account(address, PASSWORD)
    deliver(product, address, mail(subject="The lease", to=address))
    with imaplib.IMAP4("127.0.0.1", product.port("imap")) as imap:
        imap.login(address, PASSWORD)
        imap.xatom("ID", '("name" "Thunderbird" "version" "128.4")')
        imap.select("INBOX")
        eventually(lambda: imap.search(None, "ALL")[1] != [b""] or imap.noop() is None, "it came", within=10)
        assert imap.uid("MOVE", "1:*", "Archive")[0] == "OK"
    page = context.new_page()
    sign_in(page, product, address)
    page.goto(f"{product.url}/mail/archive/")
    page.locator("[data-test=subject]").click()
    page.locator("[data-messages] [popovertarget^=more-]").click()
    page.locator(".menu:popover-open").get_by_text("Why is this here").click()
    panel = page.locator(".why")
    panel.wait_for()
    came, placed, can = panel.locator(".why-text").all_inner_texts()
    assert "handed it to us" in came and "was not checked." in came
    assert placed.startswith("Thunderbird") and "on 127.0.0.1 moved it here from Inbox at " in placed
    assert "undo it" in can
    panel.get_by_role("button", name="Undo the move").click()
    page.get_by_text("Undone.").wait_for()
    page.goto(f"{product.url}/mail/inbox/")
    page.locator("[data-test=subject]", has_text="The lease").wait_for()
