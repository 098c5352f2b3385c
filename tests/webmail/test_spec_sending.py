"""Sending, taking back and sending later, as the specification of the web client numbers it (sections 5 and 7)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.eventually import eventually
from tests.journeys.screen import PATIENCE, Screen
from tests.product import Product

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.xdist_group("product-sending")
PASSWORD = "correct horse battery"
WRITER, FRIEND = "sender@example.test", "reader@example.test"


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


def begun(page: Page, subject: str, text: str) -> Locator:
    page.locator("[data-test=compose]:visible").click()
    window = page.locator("[data-test=compose-window]").last
    body = window.locator("[data-test=compose-body] [contenteditable]")
    expect(body).to_be_visible(timeout=PATIENCE)
    window.locator("[data-test=compose-to] input").fill(FRIEND)
    window.locator("[data-test=compose-subject]").fill(subject)
    body.press_sequentially(text)
    return window


def toast(page: Page, name: str) -> Locator:
    return page.locator(f"[data-test=toast-{name}]")


def chooses_time_to_take_back(screen: Screen, seconds: int) -> None:
    """In the settings, and then the inbox again."""
    screen.go("/mail/settings/general/")
    choice = screen.page.locator("select[name=undo_seconds]")
    expect(choice.locator("option")).to_have_count(4)
    choice.select_option(str(seconds))
    form = screen.page.locator("form:has(select[name=undo_seconds])")
    form.locator("button[type=submit], button.primary").first.click()
    screen.sees_toast("Saved")
    screen.go("/mail/inbox/")
    screen.page.wait_for_selector("body[data-ready]")


# What toasts say, also what stands for a second only and is counted down.
LISTEN = """
() => {
  window.said = [];
  const note = () => document.querySelectorAll("#toasts .toast-text").forEach((each) => window.said.push(each.textContent));
  new MutationObserver(note).observe(document.getElementById("toasts"), { childList: true, subtree: true, characterData: true });
}
"""


def hears(page: Page, text: str) -> None:
    eventually(lambda: text in page.evaluate("window.said"), text)


def test_a_message_is_taken_back_as_it_was_and_then_says_that_it_arrived(writer: Screen) -> None:
    """Spec 5.1, 5.2, 5.3, 7.14."""
    page = writer.page
    writer.product.prefer(WRITER, undo_seconds=30)  # whatever this machine does meanwhile
    page.evaluate(LISTEN)
    window = begun(page, "Taken back with everything", "Hello there")
    files = {"name": "plan.txt", "mimeType": "text/plain", "buffer": b"plan"}
    window.locator("[data-test=compose-files]").set_input_files(files)
    expect(window.locator(".compose-files a[href]")).to_have_text("plan.txt", timeout=PATIENCE)
    body = window.locator("[data-test=compose-body] [contenteditable]")
    body.click()
    page.keyboard.press("Home", delay=50)
    for _letter in "Hello":
        page.keyboard.press("ArrowRight", delay=50)
    page.keyboard.press("Control+Enter")
    expect(window).to_be_hidden()
    said = toast(page, "sending")
    hears(page, "Sending in 30 s.")
    said.locator(".toast-action", has_text="Undo").click()
    expect(window).to_be_visible(timeout=PATIENCE)
    expect(window.locator(".compose-files a[href]")).to_have_text("plan.txt")
    expect(window.locator("[data-test=compose-to] .person")).to_have_count(1)
    page.keyboard.type(", you")  # where the cursor stood
    expect(body).to_have_text("Hello, you there")
    page.keyboard.press("Control+Enter")
    expect(toast(page, "sending").locator(".toast-action")).to_be_visible(timeout=PATIENCE)
    page.locator("#main").click(position={"x": 5, "y": 5})
    page.keyboard.press("z")
    expect(window).to_be_visible(timeout=PATIENCE)
    writer.product.prefer(WRITER, undo_seconds=5)
    window.locator("[data-test=send]").click()
    hears(page, "Sending in 5 s.")
    sent = toast(page, "sent")
    sent.hover(timeout=PATIENCE)  # then it stays
    expect(sent).to_contain_text(
        "Delivered", timeout=PATIENCE
    )  # the toast follows the message as long as it stands
    expect(sent.locator(".toast-action")).to_have_text("View")
    sent.locator(".toast-action").click()
    sending = page.locator("[data-test=sending]")
    expect(sending).to_contain_text("Delivered", timeout=PATIENCE)
    expect(sending).not_to_have_attribute("open", "")  # all is well: one line
    sending.locator("summary").first.click()
    expect(sending.locator("[data-test=sending-step]")).to_contain_text("Delivered here.")


def test_the_time_to_take_back_is_the_writers_choice_and_a_closed_tab_sends(
    people: Product, browser: Browser
) -> None:
    """Spec 5.3."""
    screen = Screen(browser, people).enter(WRITER)
    chooses_time_to_take_back(screen, 10)
    screen.page.evaluate(LISTEN)
    window = begun(screen.page, "Closed at once", "Off it goes")
    window.locator("[data-test=send]").click()
    hears(screen.page, "Sending in 10 s.")
    screen.close()
    friend = Screen(browser, people).enter(FRIEND)
    friend.sees_row("Closed at once")
    friend.go("/mail/settings/general/")
    expect(friend.page.locator("select[name=undo_seconds]")).to_have_value("5")  # who never chose
    friend.close()


def test_a_message_waits_for_its_hour_in_a_place_of_its_own(writer: Screen) -> None:
    """Spec 7.15."""
    page = writer.page
    for subject in ("Goes now after all", "Goes another day", "Does not go"):
        window = begun(page, subject, "In good time")
        window.locator("[data-test=send-more]").click()
        window.locator("[data-test=schedule]").click()
        window.locator("[data-test=compose-times] [data-part=times] button").first.click()
        expect(window).to_be_hidden(timeout=PATIENCE)
        expect(toast(page, "scheduled")).to_be_visible(timeout=PATIENCE)
    writer.go("/mail/scheduled/")
    row = writer.sees_row("Goes now after all")
    expect(row.locator(".row-date")).not_to_be_empty()
    writer.open("Goes now after all")
    sending = page.locator("[data-test=sending]")
    expect(sending).to_contain_text("Will be sent")
    page.locator("[data-test=planned-now]").click()
    toast(page, "sending-done").hover()  # then it stays, however long this takes
    writer.misses_row("Goes now after all")
    expect(toast(page, "sending-done")).to_contain_text("Delivered", timeout=PATIENCE)
    writer.open("Goes another day")
    page.locator("[data-test=planned-change]").click()
    page.locator("input[name=local]").fill("2030-01-01T08:00")
    page.locator("[data-test=planned-pick]").click()
    expect(page.locator("#toasts")).to_contain_text("within a year", timeout=PATIENCE)
    page.locator("[data-sending] [popover] .menu-item").last.click()  # the menu is still open to put it right
    expect(toast(page, "sending-done")).to_contain_text("Will be sent", timeout=PATIENCE)
    writer.sees_row("Goes another day")
    writer.open("Does not go")
    page.locator("[data-test=planned-cancel]").click()
    window = page.locator("[data-test=compose-window]:visible")
    expect(window.locator("[data-test=compose-subject]")).to_have_value("Does not go", timeout=PATIENCE)
    writer.misses_row("Does not go")
