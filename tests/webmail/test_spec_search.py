"""Searching in a real browser: suggestions by keys and by touch, chips, the advanced form, marks, select all that match."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from tests.eventually import eventually
from tests.mail import mail
from tests.product import Product
from tests.webmail.list_world import fill
from tests.webmail.test_mail_browser import (  # the fixtures, too
    address,
    html_mail,
    sign_in,
    until_subjects,
    watched,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["address", "watched"]

FIELD = ".topbar .search input"


def letters(address: str) -> list[bytes]:
    return [
        mail(
            subject="Kitchen chairs", to=address, sender="Chiara Rossi <chiara@x.test>", body="Four of them."
        ),
        mail(
            subject="Lamp repair",
            to=address,
            sender="Ada Lovelace <ada@x.test>",
            body="The lamp works again.",
        ),
        mail(subject="Lamp shades", to=address, sender="Ben Okafor <ben@y.test>", body="Two, in green."),
    ]


def line(page: Page) -> str:
    return parse_qs(page.evaluate("location.search").removeprefix("?")).get("q", [""])[0]


def until_line(page: Page, wanted: str) -> None:
    eventually(lambda: line(page) == wanted, f"the line is {wanted}", within=10)
    eventually(lambda: page.input_value(FIELD) == wanted, "the field shows it", within=10)


def options(page: Page) -> list[str]:
    return page.locator("#search-suggestions [role=option] .suggestion-text").all_inner_texts()


def until_options(page: Page, *wanted: str) -> None:
    eventually(lambda: set(wanted) <= set(options(page)), f"{wanted} are offered", within=10)


def test_the_field_suggests_and_keys_choose(product: Product, address: str, watched: Page) -> None:
    """Spec 8.1."""
    page = watched
    fill(product, address, letters(address))
    sign_in(page, product, address)
    until_subjects(page, ["Lamp shades", "Lamp repair", "Kitchen chairs"])

    page.keyboard.press("/")
    page.wait_for_selector("#search-suggestions:not([hidden])")
    until_options(page, "from:", "is:")
    page.keyboard.type("lam")
    until_options(page, "Lamp repair", "Lamp shades")
    page.keyboard.press("Escape")
    page.wait_for_selector("#search-suggestions", state="hidden")
    assert page.input_value(FIELD) == "lam"
    page.fill(FIELD, "chi")
    until_options(page, "Chiara Rossi")
    assert page.get_attribute(FIELD, "aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    assert page.input_value(FIELD) == "from:chiara@x.test "
    chosen = page.get_attribute(FIELD, "aria-activedescendant")
    assert page.locator(f"#{chosen}").get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowUp")
    assert page.input_value(FIELD) == "chi"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    until_subjects(page, ["Kitchen chairs"])
    assert line(page).strip() == "from:chiara@x.test"

    # after a colon its values; a subject opens its conversation
    page.fill(FIELD, "is:")
    until_options(page, "is:unread", "is:starred", "is:muted")
    page.fill(FIELD, "lam")
    until_options(page, "Lamp repair")
    page.locator("[role=option]", has_text="Lamp repair").click()
    page.wait_for_selector("[data-test=message-subject]:has-text('Lamp repair')")

    # × clears; what was searched for is offered again, and forgotten when asked
    page.fill(FIELD, "something")
    page.locator("[data-search-clear]").click()
    assert page.input_value(FIELD) == ""
    until_options(page, "from:chiara@x.test")
    page.locator("[role=option][data-kind=recent] [data-forget]").click()
    eventually(lambda: "from:chiara@x.test" not in options(page), "it is forgotten", within=10)


def test_a_finger_chooses_a_suggestion(product: Product, address: str, browser: Browser) -> None:
    """Spec 8.1."""
    fill(product, address, letters(address))
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    sign_in(page, product, address)
    page.locator(FIELD).tap()
    page.keyboard.type("ben")
    until_options(page, "Ben Okafor")
    option = page.locator("[role=option]", has_text="Ben Okafor")
    assert (option.bounding_box() or {"height": 0})["height"] >= 44
    option.tap()
    until_subjects(page, ["Lamp shades"])
    context.close()


def test_chips_and_the_form_are_the_line(product: Product, address: str, watched: Page) -> None:
    """Spec 8.3, 8.4."""
    page = watched
    fill(product, address, letters(address))
    sign_in(page, product, address)
    page.goto(product.url + "/mail/search/?q=lamp")
    until_subjects(page, ["Lamp shades", "Lamp repair"])
    page.click("[data-chip=from]")
    page.fill("#chip-from input[name=from_]", "ada")
    page.keyboard.press("Enter")
    until_subjects(page, ["Lamp repair"])
    until_line(page, "from:ada lamp")
    page.click("[data-chip=time]")
    page.get_by_role("menuitemradio", name="Older than a year").click()
    until_subjects(page, [])
    until_line(page, "from:ada older_than:1y lamp")
    assert page.get_by_text("Loosen a chip above, and more may turn up.").is_visible()
    page.fill(FIELD, "lamp is:unread")
    page.keyboard.press("Enter")
    until_subjects(page, ["Lamp shades", "Lamp repair"])
    assert page.locator("[data-chip=unread]").get_attribute("aria-current") == "true"
    assert "on" not in (page.locator("[data-chip=from]").get_attribute("class") or "").split()

    page.click(".topbar [data-advanced-search]")
    page.wait_for_selector("#search-panel:popover-open")
    assert page.input_value("#search-panel [name=has]") == "lamp"
    assert page.input_value("#search-panel [name=state]") == "unread"
    page.fill("#search-panel [name=without]", "shades")
    page.select_option("#search-panel [name=place]", "in:inbox")
    page.click("#search-panel [data-test=advanced-search]")
    until_subjects(page, ["Lamp repair"])
    until_line(page, "in:inbox is:unread lamp -shades")
    page.wait_for_selector("#search-panel", state="hidden")
    page.go_back()
    until_subjects(page, ["Lamp shades", "Lamp repair"])


def test_what_was_found_is_marked_and_ordered(product: Product, address: str, watched: Page) -> None:
    """Spec 8.2."""
    page = watched
    painted = html_mail('<p style="color:red">A lamp and a <b>Lámp</b></p>', "Painted lamp")
    fill(product, address, [*letters(address), painted])
    sign_in(page, product, address)
    page.goto(product.url + "/mail/search/?q=lamp")
    until_subjects(page, ["Painted lamp", "Lamp shades", "Lamp repair"])
    assert page.locator(".row-subject mark").all_inner_texts() == ["lamp", "Lamp", "Lamp"]
    page.click("text=Most relevant")
    page.wait_for_selector(".search-sort a[aria-current]:has-text('Most relevant')")
    assert page.evaluate("location.search").endswith("&sort=best")
    page.locator("[data-test=row]", has_text="Painted").locator(".row-link").click()
    page.wait_for_selector("[data-test=message-subject] mark")
    frame = page.frame_locator("iframe.message-frame")
    eventually(lambda: frame.locator("mark").all_inner_texts() == ["lamp", "Lámp"], "it is marked", within=10)

    # the same tools as in a list, and the line about Spam and Trash only when it is true
    page.goto(product.url + "/mail/search/?q=lamp")
    assert page.locator("[data-test=aside]").count() == 0
    page.locator("[data-test=row] .check").first.check()
    page.keyboard.press("#")
    until_subjects(page, ["Lamp shades", "Lamp repair"])
    page.wait_for_selector("text=Conversation moved to Trash.")
    page.wait_for_load_state("networkidle")
    page.reload()
    page.click("[data-test=aside] a")
    until_subjects(page, ["Painted lamp", "Lamp shades", "Lamp repair"])
    assert line(page) == "lamp in:anywhere"


def test_searching_works_without_scripts(product: Product, address: str, browser: Browser) -> None:
    """Spec 8.4, 11.7."""
    fill(product, address, letters(address))
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, product, address)
    page.fill(FIELD, "lamp")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?q=lamp")
    until_subjects(page, ["Lamp shades", "Lamp repair"])
    page.click(".topbar [data-advanced-search]")
    page.fill("form.advanced [name=from_]", "ada")
    page.click("form.advanced [data-test=advanced-search]")
    page.wait_for_url("**/search/?q=from*")
    until_subjects(page, ["Lamp repair"])
    assert page.input_value(FIELD) == "from:ada"
    page.click("[data-chip=unread]")
    page.wait_for_url("**is%3Aunread*")
    assert page.input_value(FIELD) == "from:ada is:unread"
    context.close()
