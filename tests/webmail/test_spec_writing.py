"""What writing means beyond its window, in a real browser and to a mail program beside it: drafts that both change,
hours to send at, whole messages as files, receipts."""

from __future__ import annotations

import imaplib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.eventually import eventually
from tests.journeys.screen import PATIENCE, Screen
from tests.mail import mail
from tests.product import Product
from tests.webmail.compose_world import WINDOW, addressed, discard_all, menu, state, text_of
from tests.webmail.list_world import fill, program
from tests.webmail.test_mail_browser import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.xdist_group("product-compose")
WRITER, FRIEND = "quill@example.test", "mate@example.test"


@pytest.fixture(scope="module")
def people(product: Product) -> Product:
    for address in (WRITER, FRIEND):
        product.add_account(address, PASSWORD)
    return product


@pytest.fixture
def writer(people: Product, browser: Browser) -> Iterator[Screen]:
    screen = Screen(browser, people).enter(WRITER)
    yield screen
    screen.close()
    assert [error for error in screen.errors if "status of 4" not in error] == []


@pytest.fixture
def phone(people: Product) -> Iterator[imaplib.IMAP4]:
    found = program(people, WRITER)
    yield found
    found.logout()


def lying(phone: imaplib.IMAP4, folder: str) -> list[bytes]:
    """The messages of a folder, whole; but those that go between the question for them and the one for their text."""
    phone.select(folder)
    _answer, (ids,) = phone.search(None, "ALL")
    found = [phone.fetch(each.decode(), "(BODY.PEEK[])")[1][0] for each in ids.split()]
    return [each[1] for each in found if isinstance(each, tuple)]


def saying(phone: imaplib.IMAP4, folder: str, words: bytes) -> list[bytes]:
    return [each for each in lying(phone, folder) if words in each]


def test_a_draft_goes_between_a_browser_and_a_phone_and_stays_one(
    writer: Screen, phone: imaplib.IMAP4
) -> None:
    """Spec 7.11."""
    page = writer.page
    window = addressed(page, FRIEND, "Between", text="from the browser")
    state(window, "Draft saved")
    window.locator("[data-test=compose-close]").click()
    eventually(lambda: saying(phone, "Drafts", b"from the browser"), "the phone sees the draft")
    (found,) = saying(phone, "Drafts", b"Subject: Between")
    header_id = re.search(rb"Message-ID: <([^>]+)>", found)
    assert header_id is not None
    edited = mail(
        subject="Between", sender=WRITER, to=FRIEND, body="from the phone", message_id=header_id[1].decode()
    )
    assert phone.append("Drafts", r"(\Draft \Seen)", "", edited)[0] == "OK"
    assert len(saying(phone, "Drafts", b"Subject: Between")) == 1
    writer.go("/mail/drafts/")
    writer.sees_row("Between").click()
    window = page.locator(WINDOW).last
    expect(window).to_contain_text("", timeout=PATIENCE)
    expect(window.locator("textarea")).to_have_value("from the phone", timeout=PATIENCE)
    window.locator("textarea").fill("from the browser again")
    state(window, "Draft saved")
    window.locator("[data-test=compose-close]").click()
    eventually(lambda: saying(phone, "Drafts", b"from the browser again"), "the phone sees the new text")
    assert len(saying(phone, "Drafts", b"Subject: Between")) == 1


def test_what_waits_for_its_hour_is_seen_by_a_phone_which_can_keep_it_here(
    writer: Screen, phone: imaplib.IMAP4
) -> None:
    """Spec 7.15."""
    page = writer.page
    window = addressed(page, FRIEND, "At eight")
    menu(window, "send-more", "schedule")
    times = window.locator("[data-test=compose-times]")
    times.get_by_role("menuitem", name="Tomorrow morning").click()
    eventually(lambda: saying(phone, "Scheduled", b"At eight"), "the phone sees what is scheduled")
    assert saying(phone, "Drafts", b"At eight") == [] and saying(phone, "Sent", b"At eight") == []
    writer.go("/mail/scheduled/")
    writer.sees_row("At eight")
    phone.select("Scheduled")
    _answer, (ids,) = phone.search(None, "SUBJECT", '"At eight"')
    phone.store(ids.decode(), "+FLAGS", r"(\Deleted)")
    phone.expunge()
    writer.misses_row("At eight")


def test_conversations_go_along_as_files_and_a_sent_message_is_edited_as_new(writer: Screen) -> None:
    """Spec 3.9, 4.5, 6.5."""
    page = writer.page
    fill(writer.product, WRITER, [mail(subject="Alpha", to=WRITER), mail(subject="Beta", to=WRITER)])
    writer.sees_row("Alpha").click(button="right")
    page.locator('[data-row-do="attach"]').click()
    window = page.locator(WINDOW).last
    expect(window.locator(".compose-files .file-name")).to_have_text(["Alpha.eml"], timeout=PATIENCE)
    window.locator("[data-test=compose-close]").click()
    for subject in ("Alpha", "Beta"):
        writer.row(subject).locator("input[type=checkbox], [role=checkbox]").first.click()
    page.locator("[data-test=more]:visible").click()
    page.locator("[data-test=forward-attached]").click()
    window = page.locator(WINDOW).last
    files = window.locator(".compose-files .file-name")
    expect(files).to_have_count(2, timeout=PATIENCE)
    window.get_by_role("button", name="Remove Alpha.eml").click()
    window.locator("[data-test=compose-to] input").fill(FRIEND)
    text_of(window).press_sequentially("See there")
    state(window, "Draft saved")
    expect(files).to_have_text(["Beta.eml"])
    discard_all(page)
    writer.go("/mail/inbox/")
    writer.open("Beta")
    page.locator('.message:not(.closed) [popovertarget^="more-"]').last.click()
    page.locator("[data-test=edit-as-new]:visible").click()
    window = page.locator(WINDOW).last
    expect(window.locator("[data-test=compose-subject]")).to_have_value("Beta", timeout=PATIENCE)
    expect(window.locator("textarea")).to_have_value("Shall we meet at noon?")
    discard_all(page)


def test_a_receipt_is_asked_about_and_goes_once(writer: Screen) -> None:
    """Asked in place, answered with one button, and not asked again."""
    page = writer.page
    asks = mail(subject="Seen it", to=WRITER, extra=f"Disposition-Notification-To: {FRIEND}", sender=FRIEND)
    fill(writer.product, WRITER, [asks])
    writer.open("Seen it")
    page.locator("[data-test=receipt-send]").click()
    writer.sees_toast("Receipt sent.")
    expect(page.locator("[data-test=receipt]")).to_have_count(0)
    page.reload()
    expect(page.locator("[data-test=message-body]").last).to_be_visible(timeout=PATIENCE)
    expect(page.locator("[data-test=receipt]")).to_have_count(0)
    friend = program(writer.product, FRIEND)
    try:
        eventually(lambda: saying(friend, "INBOX", b"disposition-notification"), "the receipt arrives")
    finally:
        friend.logout()
