"""Reading and organising in a real Chromium against a whole installation: keys, undo, live rows, frames, a phone."""

from __future__ import annotations

import imaplib
import secrets
import smtplib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.eventually import eventually
from tests.mail import mail
from tests.product import Product

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

PASSWORD = "a good long one"
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def deliver(product: Product, address: str, raw: bytes) -> None:
    with smtplib.SMTP("127.0.0.1", product.port("smtp"), timeout=20) as smtp:
        smtp.sendmail("ada@outside.test", [address], raw)


def put(product: Product, address: str, *letters: bytes) -> None:
    """Into the Inbox by a mail program: whatever is thought of its sender, it lies there."""
    with imaplib.IMAP4("127.0.0.1", product.port("imap")) as imap:
        imap.login(address, PASSWORD)
        for letter in letters:
            answer, said = imap.append("INBOX", "", "", letter)
            assert answer == "OK", said


def html_mail(html: str, subject: str) -> bytes:
    return "\r\n".join(
        (
            "From: Ada Lovelace <ada@outside.test>",
            f"Subject: {subject}",
            'Content-Type: multipart/related; boundary="b"',
            "",
            "--b",
            "Content-Type: text/html; charset=utf-8",
            "",
            html,
            "--b",
            "Content-Type: image/png",
            "Content-Transfer-Encoding: base64",
            "Content-ID: <dot@x>",
            "",
            PICTURE,
            "--b--",
            "",
        )
    ).encode()


@pytest.fixture
def address(product: Product) -> str:
    """A mailbox of this test's own."""
    address = f"reader-{secrets.token_hex(4)}@example.test"
    product.add_account(address, PASSWORD)
    return address


@pytest.fixture
def watched(context: BrowserContext) -> Iterator[Page]:
    """A page whose errors fail the test."""
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    yield page
    assert errors == []


def sign_in(page: Page, product: Product, address: str) -> None:
    page.context.add_cookies([product.session(address)])
    page.goto(product.url)
    page.wait_for_url("**/mail/inbox/")


def subjects(page: Page) -> list[str]:
    return page.locator("[data-test=row] .row-subject").all_inner_texts()


def until_subjects(page: Page, wanted: list[str]) -> None:
    eventually(lambda: subjects(page) == wanted, f"the rows are {wanted}", within=15)


def test_mail_arrives_by_itself_and_keys_organise_it(product: Product, address: str, watched: Page) -> None:
    page = watched
    sign_in(page, product, address)
    page.wait_for_selector("text=Nothing waiting for you.")
    for subject in ("One", "Two", "Three"):
        deliver(product, address, mail(subject=subject, to=address))
        page.wait_for_selector(f".row-subject:text-is('{subject}')")
    until_subjects(page, ["Three", "Two", "One"])
    eventually(lambda: page.title().startswith("Inbox (3)"), "the title counts", within=15)
    assert page.locator("[data-nav=inbox] .nav-count").inner_text() == "3"

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("e")  # archives "Two"; the cursor goes to the row that takes its place
    until_subjects(page, ["Three", "One"])
    page.wait_for_selector("text=Conversation archived.")
    assert "One" in page.locator(".row.cursor").inner_text()
    page.keyboard.press("z")
    until_subjects(page, ["Three", "Two", "One"])

    page.keyboard.press("x")
    page.keyboard.press("k")
    page.keyboard.press("x")
    page.wait_for_selector("text=2 selected")
    page.keyboard.press("#")
    page.wait_for_selector("text=2 conversations moved to Trash.")
    until_subjects(page, ["Three"])
    page.locator("#toasts .toast-action").click()
    until_subjects(page, ["Three", "Two", "One"])

    page.keyboard.press("l")
    page.keyboard.type("Doors")
    page.keyboard.press("Enter")
    page.wait_for_selector(".row .chip:has-text('Doors')")


def test_a_conversation_opens_in_place_and_back_leads_to_the_list_as_it_was(
    product: Product, address: str, watched: Page
) -> None:
    page = watched
    for number in range(30):
        deliver(product, address, mail(subject=f"Number {number}", to=address, body=f"Text {number}"))
    sign_in(page, product, address)
    page.evaluate("window.stays = true")
    body = page.locator(".sheet-body")
    five = page.locator("[data-test=subject]", has_text="Number 5").first
    five.scroll_into_view_if_needed()
    before = body.evaluate("e => e.scrollTop")
    assert before > 0
    five.click()
    page.wait_for_selector("[data-test=message-body] >> text=Text 5")
    assert page.locator("[data-test=message-subject]").inner_text() == "Number 5"
    page.click("[data-test=next-message]")
    page.wait_for_selector("[data-test=message-body] >> text=Text 4")
    page.keyboard.press("u")
    page.wait_for_selector("[data-test=row]")
    assert abs(body.evaluate("e => e.scrollTop") - before) < 100
    row = page.locator("[data-test=row]", has_text="Number 5").first
    eventually(lambda: row.get_attribute("data-unread") is None, "the row is read", within=15)
    assert page.evaluate("window.stays")
    page.go_forward()
    page.wait_for_selector("[data-test=message-body]")
    page.reload()
    page.wait_for_selector("[data-test=message-body] >> text=Text 4")


def test_an_html_mail_is_as_high_as_it_is_and_cannot_do_anything(
    product: Product, address: str, watched: Page
) -> None:
    page = watched
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    html = (
        "<p>First line</p><img src='cid:dot@x' width=20 height=20><img src='http://evil.test/x.png' alt='Harbour' width=300 height=900>"
        "<script>parent.document.title='owned'</script><form action='http://evil.test/'><input name=q><button>Go</button></form>"
        "<p style='background:url(http://evil.test/y.png)'>Last line</p>"
    )
    put(product, address, html_mail(html, "News"))
    sign_in(page, product, address)
    page.locator("[data-test=subject]").first.click()
    frame = page.frame_locator("iframe.message-frame")
    frame.locator("text=Last line").wait_for()
    height = "document.querySelector('iframe.message-frame').offsetHeight"
    eventually(lambda: page.evaluate(height) > 900, "the frame is as high as the mail", within=15)
    assert frame.locator("img").first.evaluate("e => e.complete && e.naturalWidth") == 1
    assert frame.locator("form, input, script").count() == 0
    assert frame.locator(".held-back").inner_text() == "Harbour"
    assert page.locator("text=Pictures held back").count() == 1
    assert "owned" not in page.title()
    assert not [url for url in asked if "evil.test" in url]


def test_without_scripts_mail_is_listed_read_and_archived(
    product: Product, address: str, browser: Browser
) -> None:
    deliver(product, address, mail(subject="Plain", to=address, body="Readable"))
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        sign_in(page, product, address)
        page.locator("[data-test=subject]").click()
        assert "Readable" in page.locator("[data-test=message-body]").inner_text()
        page.locator("[data-toolbar] button[value=archive]").click()
        page.wait_for_url("**/mail/inbox/")
        assert "Conversation archived." in page.locator("#toasts").inner_text()
    finally:
        context.close()


@pytest.mark.parametrize("width", [390, 320])
def test_a_phone_needs_no_scrolling_sideways(
    product: Product, address: str, browser: Browser, width: int
) -> None:
    deliver(
        product, address, mail(subject="A subject that is rather long for a small screen " * 3, to=address)
    )
    put(product, address, html_mail("<table width=900><tr><td>Wide</td></tr></table>", "Wide"))
    context = browser.new_context(viewport={"width": width, "height": 800}, is_mobile=True, has_touch=True)
    try:
        page = context.new_page()
        sign_in(page, product, address)
        overflow = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
        page.wait_for_selector("[data-test=row]")
        assert page.evaluate(overflow) <= 0
        page.locator(".row-avatar").first.tap()
        page.wait_for_selector(".row.checked")
        assert page.evaluate(overflow) <= 0
        page.locator(".row-avatar").first.tap()
        for place in (0, 1):
            page.locator("[data-test=subject]").nth(place).tap()
            page.wait_for_selector("[data-test=message-body]")
            assert page.evaluate(overflow) <= 0
            page.go_back()
            page.wait_for_selector("[data-test=row]")
    finally:
        context.close()


def test_labels_are_made_and_removed_beside_the_list(product: Product, address: str, watched: Page) -> None:
    page = watched
    sign_in(page, product, address)
    page.wait_for_load_state("load")
    page.click("[data-label-new]")
    page.fill("#label-name", "Work/Doors")
    page.keyboard.press("Enter")
    label = page.locator("[data-nav='label/Work/Doors']")
    label.wait_for()
    label.hover()
    page.locator(".nav-row", has=label).locator("[data-label-menu]").click()
    page.click("[data-label-do=remove]")
    page.click("[data-confirm-yes]")
    label.wait_for(state="detached")
    page.locator("#toasts .toast-action").click()
    label.wait_for()
