"""A mail program throws three hundred messages away. The web page names it, and one press brings them all back; so
does putting the mailbox back to how it was, which can be taken back itself."""

from __future__ import annotations

import imaplib
import secrets
from collections.abc import Callable

from tests.eventually import eventually
from tests.journeys.conftest import PASSWORD
from tests.journeys.screen import Screen
from tests.mail import mail
from tests.product import Product

LETTERS = 300


def program(product: Product, address: str) -> imaplib.IMAP4:
    """A mail program that says what it is, as mail programs do (RFC 2971)."""
    imap = imaplib.IMAP4("127.0.0.1", product.port("imap"))
    imap.login(address, PASSWORD)
    imap.xatom("ID", '("name" "Thunderbird" "version" "140.4")')
    return imap


def fill(imap: imaplib.IMAP4, address: str) -> None:
    letters = [mail(subject=f"Letter {number}", to=address) for number in range(LETTERS)]
    for start in range(0, LETTERS, 100):  # MULTIAPPEND (RFC 3502): a hundred letters in one command
        imap.send(f"f{start} APPEND INBOX".encode())
        for letter in letters[start : start + 100]:
            imap.send(f" {{{len(letter)}+}}\r\n".encode() + letter)
        imap.send(b"\r\n")
        while not imap.readline().startswith(f"f{start} OK".encode()):
            pass


def count(imap: imaplib.IMAP4, mailbox: str) -> int:
    answer = imap.status(mailbox, "(MESSAGES)")[1][0]
    return int(answer.split()[-1].rstrip(b")"))


def test_what_a_mail_program_threw_away_comes_back_from_the_page_that_names_it(
    product: Product, screen: Callable[..., Screen]
) -> None:
    address = f"undo-{secrets.token_hex(4)}@example.test"
    product.add_account(address, PASSWORD)
    with program(product, address) as imap:
        fill(imap, address)
        imap.select("INBOX")
        imap.store("1:*", "+FLAGS.SILENT", "(\\Deleted)")
        imap.expunge()
        assert count(imap, "INBOX") == 0

        page = screen(product).page
        page.goto(f"{product.url}/?next=/mail/changes/")
        page.fill("input[name=username]", address)
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        change = page.locator("[data-test=change]", has_text="deleted 300 messages")
        assert "Thunderbird" in change.inner_text()
        assert "Letter" in change.inner_text()
        change.locator("[data-test=undo-change]").click()
        page.locator("[data-test=change].undone", has_text="deleted 300 messages").wait_for(timeout=30_000)
        eventually(lambda: count(imap, "INBOX") == LETTERS, "all are back", within=20)

        imap.select("INBOX")
        imap.uid("MOVE", "1:*", "Trash")
        assert count(imap, "INBOX") == 0
        page.goto(f"{product.url}/mail/changes/?by=programs")
        moved = page.locator("[data-test=change]", has_text="moved 300 messages from Inbox to Trash")
        moved.wait_for()
        at = int(moved.get_attribute("data-at") or 0) - 1
        page.goto(f"{product.url}/mail/changes/?at={at}")
        page.wait_for_selector("[data-test=rewind-preview] >> text=300 messages return to Inbox")
        page.click("[data-test=rewind]")
        page.wait_for_selector("[data-test=toast-rewound]", timeout=30_000)
        assert (count(imap, "INBOX"), count(imap, "Trash")) == (LETTERS, 0)
        back = page.locator("[data-test=change]").first
        assert "put the mailbox back" in back.inner_text()
        back.locator("[data-test=undo-change]").click()
        eventually(lambda: count(imap, "Trash") == LETTERS, "and that is undone, too", within=30)
