"""What is written in the window: its looks by keys and by the bar, links, pictures, files, plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, Route, expect

from tests.journeys.screen import PATIENCE, Screen
from tests.product import Product
from tests.webmail.compose_world import WINDOW, addressed, compose, discard_all, menu, state, text_of
from tests.webmail.test_compose_browser import PASTE
from tests.webmail.test_mail_browser import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FilePayload

pytestmark = pytest.mark.xdist_group("product-compose")
WRITER, FRIEND = "ink@example.test", "paper@example.test"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
DROP = """(element, [kind, files]) => {
  const dataTransfer = new DataTransfer();
  for (const [name, type, data] of files) dataTransfer.items.add(new File([Uint8Array.from(atob(data), c => c.charCodeAt(0))], name, {type}));
  const options = {dataTransfer, clipboardData: dataTransfer, bubbles: true, cancelable: true};
  element.dispatchEvent(kind === "paste" ? new ClipboardEvent(kind, options) : new DragEvent(kind, options));
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


def select_all(page: Page) -> None:
    page.keyboard.press("Control+a")


def test_text_is_formatted_by_keys_and_by_the_bar(writer: Screen) -> None:
    """Spec 7.8, 9 (formatting)."""
    page = writer.page
    window = compose(page)
    body = text_of(window)
    body.press_sequentially("words")
    for key, made in (
        ("Control+b", "strong"),
        ("Control+i", "em"),
        ("Control+u", "u"),
        ("Alt+Shift+5", "s"),
        ("Control+Shift+7", "ol"),
        ("Control+Shift+8", "ul"),
        ("Control+Shift+9", "blockquote"),
        ("Control+Shift++", "[data-size=large]"),
        ("Control+Shift+L", "p"),
        ("Control+Shift+E", "[data-align=center]"),
        ("Control+Shift+R", "[data-align=end]"),
        ("Control+]", "[data-indent='1']"),
    ):
        select_all(page)
        page.keyboard.press(key)
        expect(body.locator(made).first, key).to_be_visible()
        page.keyboard.press("Control+\\")
        expect(body).to_have_js_property("innerHTML", "<p>words</p>")
    page.keyboard.press("Control+]")
    page.keyboard.press("Control+[")
    expect(body).to_have_js_property("innerHTML", "<p>words</p>")
    select_all(page)
    page.keyboard.press("Control+Shift+-")
    expect(body.locator("[data-size=small]")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(body.locator("[data-size=small]")).to_have_count(0)

    window.locator("[data-test=compose-format]").click()
    bar = window.get_by_role("toolbar", name="Formatting")
    expect(bar).to_be_visible()
    body.focus()
    select_all(page)
    for opener, choice in (
        ("Size", "[data-format=size][data-value=huge]"),
        ("Colours", "[data-format=ink][data-ink=red]"),
        ("Colours", "[data-format=shade][data-shade=yellow]"),
        ("Alignment", "[data-format=align][data-value=center]"),
    ):
        bar.get_by_role("button", name=opener).click()
        window.locator(choice).click()
    inside = body.inner_html()
    assert all(
        made in inside
        for made in ('data-size="huge"', 'data-ink="red"', 'data-shade="yellow"', 'data-align="center"')
    ), inside
    bar.get_by_role("button", name="Bold").click()
    expect(bar.get_by_role("button", name="Bold")).to_have_attribute("aria-pressed", "true")
    bar.get_by_role("button", name="Remove formatting").click()
    expect(body).to_have_js_property("innerHTML", "<p>words</p>")
    body.press_sequentially("- no **rules** by themselves")
    expect(body.locator("ul, strong")).to_have_count(0)
    discard_all(page)


def test_what_is_written_arrives_with_its_looks_and_as_plain_words(
    writer: Screen, people: Product, browser: Browser
) -> None:
    """Spec 7.8, 7.12, 7.16."""
    page = writer.page
    window = addressed(page, FRIEND, "With colours", text="red words")
    select_all(page)
    window.locator("[data-test=compose-format]").click()
    window.get_by_role("toolbar", name="Formatting").get_by_role("button", name="Colours").click()
    window.locator("[data-format=ink][data-ink=red]").click()
    page.keyboard.press("Control+Shift+E")
    state(window, "Draft saved")
    page.reload()
    window = page.locator(WINDOW)
    expect(text_of(window).locator("[data-align=center] [data-ink=red]")).to_have_text(
        "red words", timeout=PATIENCE
    )
    window.locator("[data-test=send]").click()
    expect(page.locator("[data-test=toast-sent]")).to_be_visible(timeout=PATIENCE)
    friend = Screen(browser, people).enter(FRIEND)
    friend.open("With colours")
    friend.page.goto(re.sub(r"#.*", "", friend.page.url))
    friend.reads("red words", letter=friend.letters.last)
    friend.close()


def test_links_are_made_changed_and_removed(writer: Screen) -> None:
    """Spec 7.9, 9 (Ctrl+K)."""
    page = writer.page
    window = compose(page)
    body, bar = text_of(window), window.locator("[data-test=compose-link]")
    body.press_sequentially("our site")
    select_all(page)
    page.keyboard.press("Control+k")
    bar.locator("input").fill("acme.test/a")
    page.keyboard.press("Enter")
    link = body.locator("a")
    expect(link).to_have_attribute("href", "https://acme.test/a")
    link.click()
    expect(bar.get_by_role("link", name="Open")).to_have_attribute("href", "https://acme.test/a")
    bar.locator("input").fill("https://acme.test/b")
    bar.get_by_role("button", name="Apply").click()
    expect(link).to_have_attribute("href", "https://acme.test/b")
    link.click()
    bar.get_by_role("button", name="Remove").click()
    expect(link).to_have_count(0)
    body.click()
    select_all(page)
    body.evaluate(PASTE, ["text/plain", "https://acme.test/c"])
    expect(body.locator("a[href='https://acme.test/c']")).to_have_text("our site")
    page.keyboard.press("End")
    body.evaluate(PASTE, ["text/html", "<p><b>kept</b> <span style='color:red'>words</span></p>"])
    expect(body.locator("strong")).to_have_text("kept")
    discard_all(page)


def test_files_and_pictures_come_by_button_drop_and_paste_and_sending_waits(writer: Screen) -> None:
    """Spec 7.9 (pictures), 7.10."""
    page = writer.page
    window = addressed(page, FRIEND, "With files")
    window.evaluate(DROP, ["dragenter", [["plan.txt", "text/plain", "cGxhbg=="]]])
    expect(window.locator(".compose-drop")).to_contain_text(re.compile(r"Drop files here.*MB are left"))
    window.evaluate(DROP, ["drop", [["plan.txt", "text/plain", "cGxhbg=="]]])
    expect(window.locator(".compose-drop")).to_be_hidden()
    expect(window.locator(".compose-files a[href]")).to_have_text("plan.txt", timeout=PATIENCE)
    expect(window.get_by_role("button", name="Attach files")).to_have_attribute(
        "title", re.compile(r"up to \d+.MB")
    )
    text_of(window).evaluate(DROP, ["paste", [["dot.png", "image/png", PIXEL]]])
    expect(text_of(window).locator("img[src*='/files/']")).to_be_visible(timeout=PATIENCE)
    text_of(window).evaluate(DROP, ["drop", [["dot2.png", "image/png", PIXEL]]])
    expect(text_of(window).locator("img[src*='/files/']")).to_have_count(2, timeout=PATIENCE)

    held: list[Route] = []
    page.route("**/compose/*/files/", lambda route: held.append(route))
    files = window.locator("[data-test=compose-files]")
    slow: list[FilePayload] = [
        {"name": name, "mimeType": "text/plain", "buffer": b"plan"} for name in ("slow.txt", "never.txt")
    ]
    files.set_input_files(slow)
    expect(window.locator(".file.running progress")).to_have_count(2)
    window.get_by_role("button", name="Remove never.txt").click()
    expect(window.locator(".file")).to_have_count(2)
    window.locator("[data-test=send]").click()
    expect(window.locator(".compose-state")).to_have_text("Waiting for files…")
    expect(window).to_be_visible()
    writer.product.prefer(WRITER, undo_seconds=30)
    held[0].continue_()
    expect(window).to_be_hidden(timeout=PATIENCE)
    page.locator("[data-test=toast-sending] .toast-action").click()
    writer.product.prefer(WRITER, undo_seconds=5)
    expect(window.locator(".compose-files .file")).to_have_count(2, timeout=PATIENCE)
    window.get_by_role("button", name="Remove slow.txt").click()
    expect(window.locator(".compose-files .file")).to_have_count(1)
    discard_all(page)


def test_plain_text_emoji_receipts_and_templates(writer: Screen) -> None:
    """Spec 7.7."""
    page = writer.page
    window = addressed(page, FRIEND, "Tools", text="bold")
    select_all(page)
    page.keyboard.press("Control+b")
    page.keyboard.press("End")
    window.locator("[data-test=compose-emoji]").click()
    expect(window.locator(".emoji").first).to_be_focused(timeout=PATIENCE)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(text_of(window)).to_have_text("bold😃")
    menu(window, "compose-more", "receipt")
    window.locator("[data-test=compose-more]").click()
    expect(window.locator("[data-test=receipt]")).to_have_attribute("aria-checked", "true")
    window.locator("[data-test=plain]").click()
    plain = window.locator("textarea")
    expect(plain).to_have_value("bold😃", timeout=PATIENCE)
    expect(window.locator("[data-test=compose-format]")).to_be_hidden()
    plain.press("End")
    plain.press_sequentially(" plain")
    state(window, "Draft saved")
    page.reload()
    expect(plain).to_have_value("bold😃 plain", timeout=PATIENCE)
    menu(window, "compose-more", "plain")
    expect(text_of(window)).to_have_text("bold😃 plain", timeout=PATIENCE)

    menu(window, "compose-more", "templates")
    window.get_by_label("Save this text as a template").fill("Hello")
    page.keyboard.press("Enter")
    state(window, "Saved as a template.")
    select_all(page)
    page.keyboard.press("Delete")
    menu(window, "compose-more", "templates")
    window.get_by_role("menuitem", name="Hello").click()
    expect(text_of(window)).to_contain_text("bold😃 plain", timeout=PATIENCE)
    discard_all(page)


def test_a_warm_window_is_ready_and_a_sent_one_gone_within_a_few_frames(writer: Screen) -> None:
    """Spec S8, S9; the figures themselves are measured by the bench, not on a busy machine."""
    page = writer.page
    compose(page)
    page.keyboard.press("Escape")
    page.evaluate(
        """() => { window.measured = {}; document.addEventListener("click", (event) => {
          const start = event.timeStamp, sends = event.target.closest("[data-test=send]");
          const look = () => {
            const there = document.querySelector("[data-test=compose-window]:not([hidden])");
            const done = sends ? !there : there?.contains(document.activeElement) && there.querySelector("[contenteditable]");
            if (done) window.measured[sends ? "send" : "open"] = performance.now() - start; else requestAnimationFrame(look);
          };
          look();
        }, true); }"""
    )
    window = addressed(page, FRIEND, "Quick")
    window.locator("[data-test=send]").click()
    expect(page.locator("[data-test=toast-sent]")).to_be_visible(timeout=PATIENCE)
    found = page.evaluate("window.measured")
    assert found["open"] < 800, found
    assert found["send"] < 500, found
