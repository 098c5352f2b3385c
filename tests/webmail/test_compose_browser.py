"""Writing in a real Chromium: what is typed is never lost, and nothing of it breaks the page's policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.eventually import eventually
from tests.journeys.screen import PATIENCE, Screen
from tests.product import Product

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.xdist_group("product-compose")
PASSWORD = "correct horse battery"
WRITER, FRIEND = "writer@example.test", "friend@example.test"
PASTE = """(element, [kind, text]) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData(kind, text);
  element.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
}"""


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


def compose(page: Page) -> Locator:
    """A new window, ready to type in."""
    page.locator("[data-test=compose]:visible").click()
    window = page.locator("[data-test=compose-window]").last
    expect(window.locator("[data-test=compose-body] [contenteditable]")).to_be_visible(timeout=PATIENCE)
    return window


def addressed(page: Page, subject: str, *, text: str = "Hello") -> Locator:
    window = compose(page)
    window.locator("[data-test=compose-to] input").fill(FRIEND)
    window.locator("[data-test=compose-subject]").fill(subject)
    window.locator("[data-test=compose-body] [contenteditable]").press_sequentially(text)
    return window


def state(window: Locator, text: str) -> None:
    expect(window.locator(".compose-state")).to_have_text(text, timeout=PATIENCE)


def test_a_message_is_taken_back_with_everything_and_then_sent(
    writer: Screen, people: Product, browser: Browser
) -> None:
    people.prefer(WRITER, undo_seconds=30)
    window = addressed(writer.page, "Taken back once")
    window.locator("[data-test=send]").click()
    expect(window).to_be_hidden()
    writer.page.locator("[data-test=toast-sending] .toast-action").click()
    expect(window).to_be_visible(timeout=PATIENCE)
    expect(window.locator("[data-test=compose-body] [contenteditable]")).to_have_text("Hello")
    window.locator("[data-test=compose-body] [contenteditable]").press_sequentially(" again")
    held: list[Route] = []
    writer.page.route("**/compose/*/send/", lambda route: held.append(route))
    writer.page.keyboard.press("Control+Enter")
    expect(writer.page.locator("[data-test=toast-sending]")).to_contain_text("Sending…")
    writer.page.keyboard.press("z")  # meant for what is not even sent yet
    eventually(lambda: writer.page.evaluate("1") and held, "it is being sent")
    held.pop().continue_()
    writer.page.unroute("**/compose/*/send/")
    expect(window).to_be_visible()
    expect(writer.page.locator("[data-test=toast-taken-back]")).to_be_visible()
    people.prefer(WRITER, undo_seconds=5)
    writer.page.keyboard.press("Control+Enter")
    sent = writer.page.locator("[data-test=toast-sent]")
    expect(sent).to_be_visible(timeout=PATIENCE)
    sent.hover()  # then it stays
    writer.page.keyboard.press("z")
    expect(writer.page.locator("[data-test=toast-too-late]")).to_be_visible()
    friend = Screen(browser, people).enter(FRIEND)
    friend.open("Taken back once")
    expect(friend.letters).to_have_count(1)
    friend.reads("Hello again", letter=friend.letters.last)
    friend.close()


def test_a_reload_brings_the_window_back_with_what_was_not_saved_yet(writer: Screen) -> None:
    window = addressed(writer.page, "Reloaded")
    state(window, "Draft saved")
    window.locator("[data-test=compose-body] [contenteditable]").press_sequentially(", and more")
    kept = "Object.values(localStorage).some(each => each.includes('and more'))"
    eventually(lambda: writer.page.evaluate(kept), "the browser keeps a copy")
    writer.page.reload()
    window = writer.page.locator("[data-test=compose-window]")
    expect(window.locator("[data-test=compose-body] [contenteditable]")).to_have_text(
        "Hello, and more", timeout=PATIENCE
    )
    expect(window.locator("[data-test=compose-subject]")).to_have_value("Reloaded")
    window.locator("[data-test=discard]").click()
    expect(writer.page.locator("[data-test=toast-discarded]")).to_be_visible(timeout=PATIENCE)


def test_a_discarded_draft_comes_back_from_its_toast(writer: Screen) -> None:
    window = addressed(writer.page, "Discarded")
    state(window, "Draft saved")
    window.locator("[data-test=discard]").click()
    writer.page.locator("[data-test=toast-discarded] .toast-action").click()
    window = writer.page.locator("[data-test=compose-window]")
    expect(window.locator("[data-test=compose-body] [contenteditable]")).to_have_text(
        "Hello", timeout=PATIENCE
    )
    window.locator("[data-test=discard]").click()
    expect(writer.page.locator("[data-test=toast-discarded]")).to_be_visible(timeout=PATIENCE)


def test_an_ended_session_keeps_the_text_and_sends_it_after_signing_in(writer: Screen) -> None:
    page = writer.page
    window = addressed(page, "Expired")
    state(window, "Draft saved")
    page.context.clear_cookies(name="mailstead_session")
    window.locator("[data-test=send]").click()
    expect(window.locator(".compose-notice")).to_contain_text("Your session has ended", timeout=PATIENCE)
    expect(window.locator("[data-test=compose-body] [contenteditable]")).to_have_text("Hello")
    page.locator(
        "#sign-in-panel [data-closes]"
    ).click()  # not here: in another tab, from the window's own notice
    with page.context.expect_page() as opened:
        window.locator(".compose-notice a").click()
    sign_in = opened.value
    sign_in.fill("input[name=username]", WRITER)
    sign_in.fill("input[name=password]", PASSWORD)
    sign_in.click("form[data-test=sign-in] button[type=submit]")
    sign_in.wait_for_url("**/mail/**")
    sign_in.close()
    expect(page.locator("[data-test=toast-sent]")).to_be_visible(timeout=PATIENCE)


def test_recipients_are_chips_and_a_wrong_one_is_named_before_sending(writer: Screen) -> None:
    window = compose(writer.page)
    field = window.locator("[data-test=compose-to] input")
    field.evaluate(PASTE, ["text/plain", '"Weber, Ann" <aw@x.test>, b@y.test; c@z.test\nnonsense'])
    chips = window.locator(".person")
    expect(chips).to_have_count(4)
    expect(window.locator('.person[aria-invalid="true"]')).to_have_count(1)
    window.locator("[data-test=compose-subject]").fill("Chips")
    window.locator("[data-test=send]").click()
    expect(window.locator(".compose-notice")).to_contain_text("nonsense")
    field.press("Backspace")
    writer.page.keyboard.press("Backspace")
    expect(chips).to_have_count(3)
    field.press_sequentially("d@w.test,")
    expect(chips).to_have_count(4)
    writer.page.keyboard.press("Control+Shift+D")
    expect(window).to_have_count(0, timeout=PATIENCE)


def test_pasted_html_keeps_its_marks_and_nothing_foreign_and_the_policy_holds(writer: Screen) -> None:
    window = compose(writer.page)
    body = window.locator("[data-test=compose-body] [contenteditable]")
    body.evaluate(
        PASTE,
        [
            "text/html",
            '<p style="color:red">Hi <span style="font-weight:700">bold</span><img src="https://e.test/x.png">'
            "<script>window.broken = 1</script></p><table><tr><td>cell</td></tr></table>",
        ],
    )
    expect(body.locator("strong")).to_have_text("bold")
    assert "cell" in body.inner_text()
    inside = body.inner_html()
    assert not any(foreign in inside for foreign in ("style=", "e.test", "script", "table"))
    window.locator("[data-test=discard]").click()


def test_a_file_is_uploaded_at_once_and_one_that_is_too_big_says_so(writer: Screen) -> None:
    window = addressed(writer.page, "Files")
    files = window.locator("[data-test=compose-files]")
    files.set_input_files({"name": "plan.txt", "mimeType": "text/plain", "buffer": b"plan"})
    expect(window.locator(".compose-files a[href]")).to_have_text("plan.txt", timeout=PATIENCE)
    files.set_input_files({"name": "big.bin", "mimeType": "text/plain", "buffer": b"x" * 40_000_000})
    expect(window.locator(".file.failed .file-note")).to_contain_text("Too big", timeout=PATIENCE)
    window.locator(".file.failed button").click()
    window.locator("[data-test=discard]").click()
    expect(writer.page.locator("[data-test=toast-discarded]")).to_be_visible(timeout=PATIENCE)


def test_an_untouched_window_leaves_nothing(writer: Screen) -> None:
    window = compose(writer.page)
    writer.page.keyboard.press("Escape")
    expect(window).to_have_count(0)
    assert writer.page.evaluate("Object.keys(localStorage).filter(k => k.includes('compose:')).length") == 0
