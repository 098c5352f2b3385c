"""What changes elsewhere shows in open tabs by itself: rows, counts, the title, an open conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.eventually import eventually
from tests.mail import mail
from tests.product import Product
from tests.webmail.list_world import checked, cursor, enter, fill, numbered, program
from tests.webmail.test_mail_browser import (
    address,
    deliver,
    subjects,
    until_subjects,
    watched,
)  # the fixtures, too

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

__all__ = ["address", "watched"]


def test_every_tab_follows_what_others_do_and_nothing_moves_under_the_hands(
    product: Product, address: str, watched: Page, context: BrowserContext
) -> None:
    """Spec 2.7, 2.8, 6.15: a mail program and other hosts change the mailbox while two tabs are open."""
    page = watched
    fill(product, address, numbered(3, address))
    enter(page, product, address)
    until_subjects(page, ["Number 2", "Number 1", "Number 0"])
    other = context.new_page()
    other.goto(f"{product.url}/mail/inbox/")
    other.wait_for_selector("body[data-ready]")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert (cursor(page), checked(page)) == ("Number 1", ["Number 1"])

    deliver(product, address, mail(subject="Fresh", to=address, message_id="fresh@x"))
    for tab in (page, other):  # one of them holds the stream and tells the other
        until_subjects(tab, ["Fresh", "Number 2", "Number 1", "Number 0"])
        eventually(lambda tab=tab: tab.title().startswith("Inbox (4)"), "the title counts")  # type: ignore[misc]
        assert tab.locator(".sidebar [data-nav=inbox] .nav-count").inner_text() == "4"
    assert (cursor(page), checked(page)) == ("Number 1", ["Number 1"])

    imap = program(product, address)
    imap.select("INBOX")
    imap.store("3", "+FLAGS", "(\\Seen \\Flagged)")
    starred = "[data-test=row][data-starred]:not([data-unread]):has-text('Number 2')"
    for tab in (page, other):
        tab.wait_for_selector(starred)
        eventually(lambda tab=tab: tab.title().startswith("Inbox (3)"), "the title counts")  # type: ignore[misc]
    imap.store("1", "+FLAGS", "(\\Deleted)")
    imap.expunge()
    imap.logout()
    for tab in (page, other):
        until_subjects(tab, ["Fresh", "Number 2", "Number 1"])
    assert (cursor(page), checked(page)) == ("Number 1", ["Number 1"])

    other.locator("[data-test=subject]", has_text="Fresh").click()
    other.wait_for_selector("[data-test=message-body]")
    deliver(product, address, mail(subject="Re: Fresh", to=address, references="fresh@x"))
    other.get_by_role("button", name="Show").or_(other.get_by_role("link", name="Show")).first.wait_for()
    eventually(lambda: "2" in page.locator("[data-test=row]").first.inner_text(), "the row counts two")
    assert subjects(page)[1:] == ["Number 2", "Number 1"]
