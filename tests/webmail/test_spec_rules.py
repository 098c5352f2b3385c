"""Filters, blocked addresses and the automatic reply in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from tests.eventually import eventually
from tests.mail import mail
from tests.product import Product
from tests.webmail.list_world import fill
from tests.webmail.test_mail_browser import (  # the fixtures, too
    address,
    deliver,
    sign_in,
    subjects,
    until_subjects,
    watched,
)
from tests.webmail.test_spec_accessibility import OVERFLOW, findings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["address", "watched"]

FILTERS = "/mail/settings/filters/"


def letter(address: str, subject: str, sender: str) -> bytes:
    now = timezone.now().strftime("%a, %d %b %Y %H:%M:%S +0000")
    return mail(subject=subject, to=address, sender=sender, date=now)


def letters(address: str) -> list[bytes]:
    return [
        letter(address, "Plan one", "Ada Lovelace <ada@x.test>"),
        letter(address, "Lunch", "Ben Okafor <ben@y.test>"),
        letter(address, "Plan two", "Ada Lovelace <ada@x.test>"),
    ]


def begin(page: Page, product: Product, address: str) -> None:
    fill(product, address, letters(address))
    sign_in(page, product, address)
    until_subjects(page, ["Plan two", "Lunch", "Plan one"])


def test_a_search_becomes_a_filter_that_shows_what_it_would_have_matched(
    product: Product, address: str, watched: Page
) -> None:
    """Spec 8.5."""
    page = watched
    begin(page, product, address)

    # From the advanced form, whose fields go along; what says nothing about arriving mail is left out.
    page.goto(f"{product.url}/mail/search/?q=in%3Ainbox&advanced=1")
    page.fill(".search-panel.inline [name=from_]", "ada@x.test")
    page.click(".search-panel.inline [data-test=create-filter]")
    page.wait_for_selector("text=Left out: in:inbox")
    assert page.input_value("[data-test=rule-query]") == "from:ada@x.test"
    page.wait_for_selector("[data-test=would-match]:has-text('these 2 messages of the last 90 days')")
    assert page.locator(".rule-lines li").count() == 2

    # Fields and line follow each other, and the preview follows both.
    page.fill("#rule-subject", "one")
    eventually(
        lambda: page.input_value("[data-test=rule-query]") == "from:ada@x.test subject:one",
        "the line follows",
        within=10,
    )
    page.wait_for_selector("[data-test=would-match]:has-text('this 1 message')")
    page.fill("[data-test=rule-query]", "from:ada@x.test -lunch")
    eventually(lambda: page.input_value("#rule-without") == "lunch", "the fields follow", within=10)
    assert page.input_value("#rule-subject") == ""
    page.wait_for_selector("[data-test=would-match]:has-text('these 2 messages')")

    # What it does, also to what is here: in the background, with a way back.
    for name in ("skip_inbox", "star", "also"):
        page.check(f"[name={name}]")
    page.fill("#rule-new-label", "Plans")
    page.click("[data-test=save]")
    page.wait_for_url(f"**{FILTERS}**")
    page.wait_for_selector("[data-test=rule] .rule-does:has-text('Skip the Inbox')")
    page.wait_for_selector("[data-test=rule-job]:has-text('applied to 2 conversations')")
    page.goto(f"{product.url}/mail/inbox/")
    until_subjects(page, ["Lunch"])

    # New mail is filed as it arrives, and Why is this here names the filter.
    deliver(product, address, letter(address, "Plan three", "Ada Lovelace <ada@x.test>"))
    page.goto(f"{product.url}/mail/label/Plans/")
    eventually(lambda: "Plan three" in subjects(page) or page.reload() or False, "it is filed", within=15)
    page.click(".row-subject:text-is('Plan three')")
    page.wait_for_selector("[data-test=message-subject]")
    page.locator("[data-message] [aria-haspopup=menu]").first.click()
    page.locator("a.menu-item[data-why]").first.click()
    page.wait_for_selector(".why-text:has-text('Your filter')")
    page.click("[data-test=filter-off]")
    page.wait_for_selector("[data-test=toast-filter]:has-text('The filter is off.')")

    page.goto(f"{product.url}{FILTERS}")
    page.wait_for_selector("[data-test=rule].off")
    page.wait_for_selector(".rule-lately:has-text('matched 1 message')")
    page.click("[data-test=revert]")
    page.goto(f"{product.url}/mail/inbox/")
    eventually(lambda: len(subjects(page)) == 3 or page.reload() or False, "the run is taken back", within=15)


def test_menus_block_senders_and_make_filters_of_what_is_chosen(
    product: Product, address: str, watched: Page
) -> None:
    """Spec 3.9, 4.5, 6.5, 10.4."""
    page = watched
    begin(page, product, address)

    # A row's menu: block, with Undo; and a filter.
    page.locator(".row", has_text="Lunch").click(button="right")
    page.click("#row-menu [data-row-do=block]")
    toast = page.wait_for_selector("[data-test=toast-blocked]")
    assert "ben@y.test is blocked" in toast.inner_text()
    page.click("[data-test=toast-blocked] .toast-action")
    page.wait_for_selector("[data-test=toast-freed]:has-text('no longer blocked')")
    page.locator(".row", has_text="Lunch").click(button="right")
    page.click("#row-menu [data-row-do=filter]")
    page.wait_for_selector("[data-test=rule-query]")
    assert page.input_value("[data-test=rule-query]") == "from:ben@y.test"

    # Several chosen ones.
    page.goto(f"{product.url}/mail/inbox/")
    for subject in ("Lunch", "Plan two"):
        page.locator(".row", has_text=subject).locator(".row-check input").check()
    page.click("[data-test=more]")
    page.click("[data-test=filter-like]")
    page.wait_for_selector("[data-test=rule-query]")
    assert page.input_value("[data-test=rule-query]") in (
        "from:(ben@y.test OR ada@x.test)",
        "from:(ada@x.test OR ben@y.test)",
    )

    # A message's menu.
    page.goto(f"{product.url}/mail/inbox/")
    page.click(".row-subject:text-is('Lunch')")
    page.wait_for_selector("[data-test=message-subject]")
    page.locator("[data-message] [aria-haspopup=menu]").first.click()
    page.click("[data-rule-do=block][data-message]")
    page.wait_for_selector("[data-test=toast-blocked]")
    page.locator("[data-message] [aria-haspopup=menu]").first.click()
    page.click("[data-test=filter-this]")
    page.wait_for_selector("[data-test=rule-query]")
    page.goto(f"{product.url}{FILTERS}")
    page.wait_for_selector("[data-test=blocked]:has-text('ben@y.test')")
    deliver(product, address, letter(address, "Lunch again", "Ben Okafor <ben@y.test>"))
    page.goto(f"{product.url}/mail/spam/")
    eventually(
        lambda: subjects(page) == ["Lunch again"] or page.reload() or False, "it goes to Spam", within=15
    )

    # The second move of one sender to the same label offers to do it always.
    page.goto(f"{product.url}/mail/inbox/")
    for subject in ("Plan two", "Plan one"):
        page.locator(".row", has_text=subject).click(button="right")
        page.click("#row-menu [data-row-do=move]")
        page.fill("#move-menu [data-filter]", "Plans")
        page.keyboard.press("Enter")
        page.wait_for_selector(f".row-subject:text-is('{subject}')", state="detached")
        page.wait_for_selector("[data-test=toast-move]")
    page.click("[data-test=toast-move] >> text=Always do this")
    page.wait_for_selector("[data-test=rule-query]")
    assert page.input_value("[data-test=rule-query]") == "from:ada@x.test"
    assert page.is_checked("[name=skip_inbox]")
    assert page.locator("[name=labels]:checked").count() == 1


def test_filters_are_dragged_into_order_and_the_reply_has_an_editor(
    product: Product, address: str, watched: Page
) -> None:
    """The order of filters by hand; the automatic reply and the line over the list."""
    page = watched
    sign_in(page, product, address)
    for sender in ("ada", "ben"):
        page.goto(f"{product.url}{FILTERS}new/?q=from%3A{sender}")
        page.check("[name=star]")
        page.click("[data-test=save]")
        page.wait_for_selector(f"[data-test=rule]:has-text('from:{sender}')")
    names = page.locator("[data-test=rule] .rule-name a")
    assert names.all_inner_texts() == ["from:ada", "from:ben"]
    grips = page.locator("[data-test=rule] [data-grip]")
    grips.nth(1).drag_to(page.locator("[data-test=rule]").nth(0), target_position={"x": 40, "y": 4})
    eventually(lambda: names.all_inner_texts() == ["from:ben", "from:ada"], "they changed places", within=10)
    eventually(
        lambda: page.reload() and names.all_inner_texts() == ["from:ben", "from:ada"], "it is kept", within=10
    )

    page.goto(f"{product.url}/mail/settings/reply/")
    page.wait_for_selector(".own-text [contenteditable=true]")
    page.check("[name=enabled]")
    page.fill("[name=subject]", "Away")
    page.click(".own-text [contenteditable=true]")
    page.keyboard.press("Control+b")
    page.keyboard.type("Back on Monday")
    page.click("[data-test=save]")
    page.wait_for_selector("text=The automatic reply is on.")
    page.wait_for_selector(".own-text strong:text-is('Back on Monday')")
    page.goto(f"{product.url}/mail/inbox/")
    page.wait_for_selector("[data-test=reply-notice]:has-text('Your automatic reply is on.')")
    page.click("[data-test=reply-notice] button")
    page.wait_for_selector("[data-test=reply-notice]", state="detached")


def test_everybody_can_use_the_pages_of_filters(product: Product, address: str, browser: Browser) -> None:
    """Spec 11.6, for the pages of filters, forwarding and the automatic reply: axe, and 320 px."""
    fill(product, address, letters(address))
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    sign_in(page, product, address)
    page.goto(f"{product.url}{FILTERS}new/?q=from%3Aada")
    page.check("[name=star]")
    page.click("[data-test=save]")
    page.fill("#block-address", "bad@x.test")
    page.click("[data-test=block]")
    page.wait_for_selector("[data-test=blocked]")
    for place in (
        FILTERS,
        f"{FILTERS}new/?q=from%3Aada",
        "/mail/settings/forwarding/",
        "/mail/settings/reply/",
    ):
        for width, theme in ((1440, "light"), (390, "dark"), (320, "light")):
            page.emulate_media(color_scheme=theme)
            page.set_viewport_size({"width": width, "height": 844})
            page.goto(product.url + place)
            page.wait_for_selector("body[data-ready]")
            assert page.evaluate(OVERFLOW) <= 0, (place, width)
            if width != 320:
                assert findings(page) == [], (place, width, theme)
    context.close()


def test_filters_and_blocking_work_without_scripts(product: Product, address: str, browser: Browser) -> None:
    """Forms alone: a filter out of chosen rows, its preview, its place, and a blocked sender. Spec 8.5, 4.5."""
    fill(product, address, letters(address))
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, product, address)
    for subject in ("Lunch", "Plan two"):
        page.locator(".row", has_text=subject).locator(".row-check input").check()
    page.click("[data-test=more]")
    page.click("[data-test=filter-like]")
    page.wait_for_selector("[data-test=would-match]:has-text('these 3 messages')")
    page.fill("#rule-subject", "lunch")
    page.click("button[value=preview]")
    page.wait_for_selector("[data-test=would-match]:has-text('this 1 message')")
    page.check("[name=star]")
    page.click("[data-test=save]")
    page.wait_for_selector("[data-test=rule] .rule-does:has-text('Star')")
    page.click("button[value=off]")
    page.wait_for_selector("[data-test=rule].off")
    page.goto(f"{product.url}/mail/inbox/")
    page.click(".row-subject:text-is('Lunch')")
    page.locator("[data-message] [aria-haspopup=menu]").first.click()
    page.click("[data-rule-do=block][data-message]")
    page.wait_for_selector("[data-test=blocked]:has-text('ben@y.test')")
    context.close()
