"""Lists that change while they are looked at: what left a place is seen where it went, and pages stay full."""

from __future__ import annotations

import imaplib
from typing import TYPE_CHECKING

from tests.eventually import eventually
from tests.mail import mail
from tests.product import Product
from tests.webmail.test_mail_browser import (  # the fixtures, too
    PASSWORD,
    address,
    deliver,
    sign_in,
    subjects,
    until_subjects,
    watched,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["address", "watched"]


def go(page: Page, place: str) -> None:
    page.evaluate("() => { document.querySelector('.nav-more-places').open = true; }")
    page.click(f'.sidebar [data-nav="{place}"]')
    page.wait_for_selector(f'#view[data-box="{place}"]', state="attached")


def test_what_was_archived_is_in_the_archive_and_back_when_an_answer_comes(
    product: Product, address: str, watched: Page
) -> None:
    page = watched
    deliver(product, address, mail(subject="Stays", to=address))
    deliver(product, address, mail(subject="Goes", to=address, message_id="goes@outside.test"))
    sign_in(page, product, address)
    until_subjects(page, ["Goes", "Stays"])
    page.keyboard.press("j")
    page.keyboard.press("e")
    until_subjects(page, ["Stays"])
    page.wait_for_selector("text=Conversation archived.")
    go(page, "archive")
    until_subjects(page, ["Goes"])
    deliver(product, address, mail(subject="Re: Goes", to=address, references="goes@outside.test"))
    go(page, "inbox")
    until_subjects(page, ["Goes", "Stays"])
    page.go_back()
    page.go_forward()
    until_subjects(page, ["Goes", "Stays"])


def test_a_page_is_full_again_after_another_program_took_from_it(
    product: Product, address: str, watched: Page
) -> None:
    page = watched
    sign_in(page, product, address)
    page.wait_for_selector("text=Nothing waiting for you.")
    for number in range(54):
        deliver(product, address, mail(subject=f"Number {number}", to=address))
    until_subjects(page, [f"Number {number}" for number in range(53, 3, -1)])
    page.wait_for_selector("[data-test=older][href]")  # the page was drawn when nothing was there
    program = imaplib.IMAP4("127.0.0.1", product.port("imap"))
    program.login(address, PASSWORD)
    program.select()
    program.store("41:46", "+FLAGS", "(\\Deleted)")
    program.expunge()
    program.logout()
    left = [number for number in range(53, -1, -1) if number not in range(40, 46)]
    until_subjects(page, [f"Number {number}" for number in left[:50]])
    eventually(lambda: len(subjects(page)) == 48, "all of them", within=15)
