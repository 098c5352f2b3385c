"""Attached files in a real browser: cards with small pictures, the overlay that shows them, one archive, the grid of all."""

from __future__ import annotations

import io
import zipfile
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

from tests.eventually import eventually
from tests.product import Product
from tests.webmail.list_world import enter
from tests.webmail.test_files import pdf, picture
from tests.webmail.test_mail_browser import address, put, until_subjects, watched  # the fixtures, too

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["address", "watched"]

DRAWN = "image => image.complete && image.naturalWidth > 0"


def letter() -> bytes:
    """One of every kind that can be shown, and two that cannot."""
    message, inner = EmailMessage(), EmailMessage()
    inner["From"], inner["Subject"] = "Town hall <office@town.test>", "Your stall"
    inner.set_content("The stall is yours from nine.\n")
    message["From"], message["Subject"] = "Ada <ada@outside.test>", "All of it"
    message.set_content("Here it is.")
    for name, kind, data in (
        ("poster.png", "image/png", picture(900, 600)),
        ("plan.pdf", "application/pdf", pdf(2)),
        ("notes.txt", "text/plain", b"<b>Leek soup</b>\nand bread\n"),
    ):
        main, _, sub = kind.partition("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename=name)
    message.add_attachment(inner)
    message.add_attachment(b"MZ" + bytes(200), "application", "octet-stream", filename="setup.exe")
    return message.as_bytes().replace(b"\n", b"\r\n")


def test_files_are_cards_that_open_over_the_page_and_come_in_one_archive(
    product: Product, address: str, watched: Page
) -> None:
    """Spec 6.10."""
    page = watched
    put(product, address, letter())
    enter(page, product, address)
    until_subjects(page, ["All of it"])
    page.locator("[data-test=subject]").click()
    cards = page.locator(".message .files .file")
    cards.nth(4).wait_for()
    assert [text.splitlines()[0] for text in cards.all_inner_texts()] == [
        *("poster.png", "plan.pdf", "notes.txt", "Your stall.eml", "setup.exe")
    ]
    for nth in (0, 1):  # the picture and the first page of the PDF, small
        small = cards.nth(nth).locator("img")
        eventually(lambda small=small: small.evaluate(DRAWN), "a small picture shows")  # type: ignore[misc]
    assert "run a program" in cards.nth(4).inner_text()
    assert cards.nth(4).locator("[data-preview]").count() == 0

    overlay = page.locator("#preview[open]")
    cards.nth(0).locator(".file-name").click()
    shown = overlay.locator("[data-stage=picture] img")
    eventually(lambda: shown.evaluate(DRAWN), "the picture shows")
    assert overlay.locator("[data-place]").inner_text() == "1 / 4"
    page.keyboard.press("ArrowRight")
    sheets = overlay.locator("[data-stage=pdf] img")
    sheets.nth(1).wait_for()
    eventually(lambda: sheets.first.evaluate(DRAWN), "the first page shows")
    page.keyboard.press("ArrowRight")
    overlay.locator("pre", has_text="<b>Leek soup</b>").wait_for()
    page.keyboard.press("ArrowRight")
    overlay.locator("[data-enclosed]", has_text="The stall is yours from nine.").wait_for()
    page.keyboard.press("ArrowRight")  # the last one that can be shown
    page.keyboard.press("ArrowLeft")
    overlay.locator("pre").wait_for()
    with page.expect_download() as one:
        overlay.locator("[data-save]").click()
    assert one.value.suggested_filename == "notes.txt"
    page.keyboard.press("Escape")
    overlay.wait_for(state="detached")
    at = "() => document.activeElement.textContent.trim()"
    eventually(lambda: page.evaluate(at) == "notes.txt", "the focus is at the file that was shown last")

    with page.expect_download() as all_of_it:
        page.get_by_role("link", name="Download all").click()
    archive = zipfile.ZipFile(io.BytesIO(Path(all_of_it.value.path()).read_bytes()))
    assert archive.testzip() is None
    assert archive.namelist() == ["poster.png", "plan.pdf", "notes.txt", "Your stall.eml", "setup.exe"]


def test_all_files_of_the_mailbox_lie_in_a_grid(product: Product, address: str, watched: Page) -> None:
    """Attachments: the grid."""
    page = watched
    put(product, address, letter())
    enter(page, product, address)
    until_subjects(page, ["All of it"])
    page.click(".sidebar details.nav-more-places summary")
    page.click(".sidebar [data-nav=files]")
    cards = page.locator("[data-test=file]")
    cards.nth(4).wait_for()
    assert page.locator(".sidebar [data-nav=files][aria-current=page]").count() == 1
    page.get_by_role("link", name="PDF", exact=True).click()
    page.wait_for_url("**kind=pdf")
    eventually(lambda: cards.count() == 1, "only the PDF is left")
    page.fill("#files-name", "nothing like it")
    page.get_by_role("button", name="Find").click()
    page.wait_for_selector(".empty")
    page.go_back()
    page.go_back()
    cards.nth(4).wait_for()
    cards.nth(2).locator(".file-name").click()
    overlay = page.locator("#preview[open]")
    overlay.locator("pre", has_text="Leek soup").wait_for()
    overlay.locator("[data-to-conversation]").click()
    page.wait_for_selector("[data-test=message-subject]:text-is('All of it')")
