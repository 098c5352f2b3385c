"""The window that writes in a real browser: where it stands, whom it goes to, what kind of answer it is, how it goes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

from tests.eventually import eventually
from tests.journeys.screen import PATIENCE, Screen
from tests.mail import mail
from tests.product import Product
from tests.webmail.compose_world import WINDOW, addressed, compose, discard_all, menu, state, text_of, whom
from tests.webmail.list_world import fill
from tests.webmail.test_compose_browser import PASTE
from tests.webmail.test_mail_browser import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.xdist_group("product-compose")
WRITER, FRIEND = "pen@example.test", "pal@example.test"
FOCUS = "document.activeElement"


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


def answered(writer: Screen, subject: str, kind: str = "reply") -> Locator:
    """The window of an answer to a letter that came just now from Ada to the writer and Ben, with a copy to Cleo."""
    ben = f'{WRITER}, "Ben, Mr" <ben@outside.test>'
    letter = mail(subject=subject, to=ben, extra="Cc: Cleo <cleo@outside.test>")
    fill(writer.product, WRITER, [letter])
    writer.open(subject)
    writer.page.locator(f"[data-reply-bar] [data-compose={kind}]").click()
    window = writer.page.locator(WINDOW).last
    expect(text_of(window)).to_be_visible(timeout=PATIENCE)
    return window


def test_windows_stand_side_by_side_and_the_oldest_folds(writer: Screen) -> None:
    """Spec 7.1, 7.2, 9 (Ctrl+. Ctrl+, Shift+Esc Esc), 11.1, 11.4."""
    page = writer.page
    first = addressed(page, FRIEND, "First", text="one")
    expect(first.locator(".compose-title")).to_have_text("First")
    second = compose(page)
    expect(second.locator(".compose-title")).to_have_text("New message")
    assert page.evaluate(f"{FOCUS}.closest('[data-field]').dataset.field") == "to"
    expect(first).not_to_have_class(re.compile("folded"))
    assert not first.bounding_box()["x"] < second.bounding_box()["x"] < first.bounding_box()["x"] + 500  # type: ignore[index]
    third = compose(page)
    expect(first).to_have_class(re.compile("folded"))
    expect(second).not_to_have_class(re.compile("folded"))
    assert page.get_by_role("complementary", name="Messages being written").get_by_role("dialog").count() == 3
    expect(page.get_by_role("dialog", name="First")).to_be_visible()

    page.keyboard.press("Control+.")  # round to the first, which opens again
    expect(first).not_to_have_class(re.compile("folded"))
    assert (
        page.evaluate(f"{FOCUS}.closest('.compose').querySelector('.compose-title').textContent") == "First"
    )
    page.keyboard.press("Control+,")
    expect(third).not_to_have_class(re.compile("folded"))
    page.keyboard.press("Shift+Escape")
    assert page.evaluate(f"{FOCUS}.id") == "main"
    page.keyboard.press("Escape")
    eventually(
        lambda: page.evaluate(f"{FOCUS}.closest('.compose') !== null"), "the latest window has the focus"
    )

    third.locator(".compose-title").click()
    expect(third).to_have_class(re.compile("folded"))
    text_of(first).press("Tab")
    eventually(lambda: page.evaluate(f"{FOCUS}.dataset.do") == "send", "Tab leads to Send")
    for wanted in ("format", "attach"):  # tools are one row for the arrows
        page.keyboard.press("ArrowRight")
        while page.evaluate(f"{FOCUS}.dataset.do") is None:
            page.keyboard.press("ArrowRight")
        assert page.evaluate(f"{FOCUS}.dataset.do") == wanted
    discard_all(page)


def test_full_screen_can_be_the_rule_and_shift_opens_a_browser_window(writer: Screen) -> None:
    """Spec 7.1, 7.6 (pop out), 7.7 (default to full screen)."""
    page = writer.page
    writer.product.prefer(WRITER, undo_seconds=30)
    window = addressed(page, FRIEND, "Out there")
    window.locator("[data-test=compose-full]").click()
    expect(window).to_have_class(re.compile("full"))
    window.locator("[data-test=compose-full]").click()
    with page.expect_popup() as opened:
        window.locator("[data-test=compose-full]").click(modifiers=["Shift"])
    expect(window).to_have_count(0)
    away = opened.value
    outside = away.locator(WINDOW)
    expect(text_of(outside)).to_have_text("Hello", timeout=PATIENCE)
    expect(outside.locator("[data-test=compose-subject]")).to_have_value("Out there")
    expect(outside.locator(".compose-title")).to_be_in_viewport()
    with away.expect_event("close", timeout=PATIENCE):
        text_of(outside).press("Control+Enter")
    expect(page.locator("[data-test=toast-sending]")).to_be_visible()  # said where one goes on
    page.locator("[data-test=toast-sending] .toast-action").click()
    writer.product.prefer(WRITER, undo_seconds=5)
    window = page.locator(WINDOW)
    expect(text_of(window)).to_have_text("Hello", timeout=PATIENCE)
    with page.expect_response("**/compose/full/"):
        menu(window, "compose-more", "always-full")
    window.locator("[data-test=discard]").click()
    page.reload()
    window = compose(page)
    expect(window).to_have_class(re.compile("full"))
    with page.expect_response("**/compose/full/"):
        menu(window, "compose-more", "always-full")
    discard_all(page)


def test_recipients_are_chips_for_keys_and_the_pointer(writer: Screen) -> None:
    """Spec 7.3, 7.5, 11.5, 9 (Ctrl+Shift+C, Ctrl+Shift+B)."""
    page = writer.page
    window = compose(page)
    field = window.get_by_role("combobox", name="To", exact=True)
    for typed, key in (
        ("ada@acme.test", "Enter"),
        ("ben@acme.test", ","),
        ("cleo@acme.test", ";"),
        ("dan@acme.test", "Tab"),
    ):
        field.press_sequentially(typed)
        field.press(key)
    assert [each[0] for each in whom(window, "to")] == ["a", "b", "c", "d"]
    expect(window.locator('[data-part="said"]')).to_have_text("dan@acme.test added")
    field.evaluate(PASTE, ["text/plain", '"Moss, Eve" <eve@acme.test>, nonsense'])
    expect(window.locator('.person[aria-invalid="true"] [data-part=name]')).to_have_text("nonsense")
    field.press("Backspace")
    assert page.evaluate(f"{FOCUS}.dataset.address") == "nonsense"
    page.keyboard.press("Backspace")
    expect(window.locator('[data-part="said"]')).to_have_text("nonsense removed")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(f"{FOCUS}.dataset.address") == "dan@acme.test"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(f"{FOCUS}.dataset.address") == "eve@acme.test"
    page.keyboard.press("ArrowRight")
    window.locator(".person").last.dblclick()
    expect(field).to_have_value('"Moss, Eve" <eve@acme.test>')
    field.press("Enter")

    expect(window.locator('[data-field="cc"]')).to_be_hidden()
    page.keyboard.press("Control+Shift+B")
    expect(window.locator('[data-field="bcc"]')).to_be_visible()
    page.keyboard.press("Control+Shift+C")
    assert page.evaluate(f"{FOCUS}.dataset.test") == "compose-cc"
    window.locator(".person[data-address^=ada]").drag_to(window.locator('[data-field="cc"]'))
    assert whom(window, "cc") == ["ada@acme.test"]
    window.locator("[data-test=compose-subject]").click()
    more = window.locator('[data-field="to"] .compose-more')
    expect(more).to_have_text(re.compile(r"^\+\d more$"))
    window.locator(".person[data-address^=ben]").hover()
    expect(page.locator(".compose-card")).to_contain_text("ben@acme.test")
    discard_all(page)


def test_the_kind_of_an_answer_changes_and_the_words_stay(writer: Screen) -> None:
    """Spec 7.2, 7.5, 7.6, 7.10 (a forward), 7.12, 9 (Ctrl+Shift+F), 6.12."""
    page = writer.page
    window = answered(writer, "Which kind", "reply_all")
    assert page.evaluate(f"{FOCUS}.isContentEditable")
    assert whom(window, "to") == ["ada@outside.test", "ben@outside.test"]
    assert whom(window, "cc") == ["cleo@outside.test"]
    text_of(window).press_sequentially("My words")
    state(window, "Draft saved")
    for kind, to, subject in (
        ("forward", [], "Fwd: Which kind"),
        ("reply", ["ada@outside.test"], "Re: Which kind"),
    ):
        window.locator("[data-test=compose-type]").click()
        window.locator(f"[data-type={kind}]").click()
        expect(window.locator("[data-test=compose-subject]")).to_have_value(subject)
        assert whom(window, "to") == to
        expect(text_of(window)).to_have_text("My words")
    window.locator("[data-test=compose-type]").click()
    window.locator('[data-do="subject"]').click()
    assert page.evaluate(f"{FOCUS}.name") == "subject"

    quote = window.locator("[data-test=compose-quote]")
    quote.click()
    letter = window.frame_locator(".compose-quote iframe")
    expect(letter.locator("body")).to_contain_text("Shall we meet at noon?")
    window.locator("[data-test=edit-quote]").click()
    expect(text_of(window)).to_contain_text("Shall we meet at noon?", timeout=PATIENCE)
    expect(text_of(window)).to_contain_text("My words")
    expect(quote).to_be_hidden()
    discard_all(page)


def test_what_may_be_wrong_is_said_once_and_a_refusal_brings_the_window_back(writer: Screen) -> None:
    """Spec 7.13, 7.14."""
    page = writer.page
    window = compose(page)
    window.locator("[data-test=send]").click()
    expect(window.get_by_role("alert")).to_contain_text("Add at least one recipient")
    window.locator("[data-test=compose-to] input").fill(FRIEND)
    window.locator("[data-test=send]").click()
    expect(window.locator(".compose-notice")).to_contain_text("no subject and no text")
    text_of(window).press_sequentially("See the attached plan")
    window.locator("[data-test=send]").click()
    expect(window.locator(".compose-notice")).to_contain_text("You mention an attachment")
    refusal = {
        "status": 422,
        "content_type": "application/json",
        "body": '{"error": "Not to them.", "address": "pal@example.test"}',
    }
    page.route("**/compose/*/send/", lambda route: route.fulfill(**refusal), times=1)  # type: ignore[arg-type]
    window.locator("[data-test=send-anyway]").click()
    expect(window.get_by_role("alert")).to_contain_text("Not to them.", timeout=PATIENCE)
    expect(text_of(window)).to_have_text("See the attached plan")
    expect(window.locator('.person[aria-invalid="true"]')).to_have_count(1)
    discard_all(page)


def test_a_message_waits_for_its_hour_and_comes_back_when_asked(writer: Screen) -> None:
    """Spec 7.7 (Send and its menu), 7.15."""
    page = writer.page
    window = addressed(page, FRIEND, "Tomorrow")
    menu(window, "send-more", "schedule")
    times = window.locator("[data-test=compose-times]")
    expect(times.get_by_role("menuitem", name="Tomorrow morning")).to_be_visible(timeout=PATIENCE)
    times.get_by_role("menuitem", name="Tomorrow morning").click()
    expect(window).to_be_hidden()
    said = page.locator("[data-test=toast-scheduled]")
    expect(said).to_contain_text("tomorrow", timeout=PATIENCE)
    said.get_by_role("button", name="Undo").click()
    expect(text_of(window)).to_have_text("Hello", timeout=PATIENCE)
    menu(window, "send-more", "schedule")
    page.keyboard.press("Escape")
    expect(times).to_be_hidden()
    expect(window).to_be_visible()  # Escape closed the topmost only
    menu(window, "send-more", "schedule")
    times.locator("input").fill("2031-01-02T08:00")
    times.get_by_role("button", name="Schedule").click()
    expect(window.get_by_role("alert")).to_be_visible(
        timeout=PATIENCE
    )  # years away: a sentence, not a sending
    discard_all(page)


def test_two_browsers_on_one_draft_are_told_of_each_other(
    writer: Screen, people: Product, browser: Browser
) -> None:
    """Spec 7.11."""
    page = writer.page
    window = addressed(page, FRIEND, "Twice")
    state(window, "Draft saved")
    number = re.search(r"compose=(\d+)", page.url)
    assert number is not None
    other = Screen(browser, people).enter(WRITER)
    other.go(f"/mail/starred/#compose={number[1]}")
    copy = other.page.locator(WINDOW)
    expect(text_of(copy)).to_have_text("Hello", timeout=PATIENCE)
    text_of(copy).press_sequentially(" from there")
    state(copy, "Draft saved")
    other.close()
    text_of(window).press_sequentially(" from here")
    expect(window.locator(".compose-notice")).to_contain_text("changed this draft", timeout=PATIENCE)
    discard_all(page)


def test_on_a_phone_it_is_the_whole_screen_and_back_closes_one_layer(
    people: Product, browser: Browser
) -> None:
    """Spec 12.3, 12.4, 7.3."""
    screen = Screen(
        browser, people, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    ).sign_in(WRITER, PASSWORD)
    page = screen.page
    window = compose(page)
    assert window.bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 844}
    expect(window.locator("[data-test=send-top]")).to_be_in_viewport()
    expect(window.locator("[data-test=send]")).to_be_hidden()
    window.locator("[data-test=compose-to] input").fill("ada@acme.test, ben@acme.test, cleo@acme.test,")
    window.locator("[data-test=compose-subject]").fill("On the way")
    expect(window.locator("[data-field=to] .compose-more")).to_have_text(re.compile(r"\+\d more"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    small = window.locator("button:visible").evaluate_all(
        "all => all.filter(each => !each.closest('.person') && each.getBoundingClientRect().height < 44).map(each => each.outerHTML)"
    )
    assert small == []
    eventually(lambda: page.evaluate("history.state?.layer"), "Back has a layer to close")
    window.locator("[data-test=compose-more]").click()
    expect(window.locator("[data-test=compose-more]")).to_have_attribute("aria-expanded", "true")
    page.go_back()
    expect(window.locator(":popover-open")).to_have_count(0)
    expect(window).to_be_visible()
    eventually(lambda: page.evaluate("history.state?.layer"), "Back has a layer to close")
    page.go_back()
    expect(window).to_have_count(0, timeout=PATIENCE)
    assert page.url.endswith("/mail/inbox/")
    screen.close()
    assert screen.errors == []


def test_a_message_is_from_a_masked_address_in_two_clicks(writer: Screen) -> None:
    window = addressed(writer.page, "order@shop.example", "An order")
    menu(window, "compose-more", "from-mask")
    chosen = window.locator("[data-test=compose-from]")
    expect(chosen).to_have_value(re.compile(r"shop-[a-z0-9]{4}@example\.test"), timeout=PATIENCE)
    address = chosen.input_value()
    expect(chosen).to_be_visible()
    window.locator("[data-test=send]").click()
    expect(window).to_have_count(0, timeout=PATIENCE)
    writer.go("/mail/settings/masks/")
    expect(writer.page.locator("[data-test=mask]")).to_contain_text(address, timeout=PATIENCE)
