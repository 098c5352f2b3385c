"""Somebody archives a letter in the web client, and a mail program throws three hundred others away. The page of recent
changes names both, the program with its address; one press brings everything back. So does putting the mailbox back to
how it was at a minute, whoever changed it since, and that can be taken back itself."""

from __future__ import annotations

import imaplib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

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
    started = datetime.now(UTC)
    with program(product, address) as imap:
        fill(imap, address)
        window = screen(product).enter(address)
        page = window.page
        page.wait_for_selector("body[data-ready]")
        archived = window.sees_row("Letter 299")
        archived.hover()
        archived.locator("[data-action=archive]").click()
        page.wait_for_selector("[data-test=toast-archive] >> text=archived")
        imap.select("INBOX")
        imap.store("1:*", "+FLAGS.SILENT", "(\\Deleted)")
        imap.expunge()
        assert count(imap, "INBOX") == 0

        window.go("/mail/changes/")
        mine = page.locator("[data-test=change]", has_text="archived a message")
        assert mine.inner_text().startswith("You ")
        change = page.locator("[data-test=change]", has_text="deleted 299 messages from Inbox")
        assert change.inner_text().startswith("Thunderbird on 127.0.0.1 deleted 299")
        assert "Letter" in change.inner_text()
        change.locator("[data-test=undo-change]").click()
        page.locator("[data-test=change].undone", has_text="deleted 299 messages").wait_for(timeout=45_000)
        eventually(lambda: count(imap, "INBOX") == LETTERS - 1, "all are back", within=20)

        imap.select("INBOX")
        imap.uid("MOVE", "1:*", "Trash")
        assert count(imap, "INBOX") == 0
        window.go("/mail/changes/?by=programs")
        page.locator("[data-test=change]", has_text="moved 299 messages from Inbox to Trash").wait_for()
        window.go("/mail/changes/")
        page.fill("#rewind-day", f"{started:%Y-%m-%d}")
        page.fill("#rewind-time", f"{started:%H:%M}")  # the minute in which none of this had happened
        page.click("[data-rewind-form] button")
        page.wait_for_selector("[data-test=rewind-preview] >> text=300 messages return to Inbox")
        page.click("[data-test=rewind]")
        page.wait_for_selector("[data-test=toast-rewound]", timeout=45_000)
        assert (count(imap, "INBOX"), count(imap, "Trash"), count(imap, "Archive")) == (LETTERS, 0, 0)
        back = page.locator("[data-test=change]", has_text="put the mailbox back").first
        back.locator("[data-test=undo-change]").click()
        eventually(lambda: count(imap, "Trash") == LETTERS - 1, "and that is undone, too", within=30)
        assert (count(imap, "INBOX"), count(imap, "Archive")) == (0, 1)
