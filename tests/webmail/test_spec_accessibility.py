"""Everybody can read and organise mail (WCAG 2.2 AA): axe-core's verdict on each screen, and what no program can see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.eventually import eventually
from tests.mail import mail
from tests.product import Product
from tests.webmail.list_world import files_mail, fill
from tests.webmail.test_mail_browser import address, deliver, sign_in, subjects, until_subjects, watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

__all__ = ["address", "watched"]

LOOKS = [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OVERFLOW = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
FOCUSED = "document.activeElement"


def findings(page: Page) -> list[str]:
    """What axe-core calls serious or critical."""
    from axe_playwright_python.sync_playwright import Axe

    response = Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"]}).response
    return [
        f"{each['impact']} {each['id']}: {each['nodes'][0]['html'][:160]}"
        for each in response["violations"]
        if each["impact"] in ("serious", "critical")
    ]


def letters(address: str) -> list[bytes]:
    talk = [mail(subject="Boats", to=address, sender="Ada <ada@x.test>", message_id="boat@x", body="One")]
    talk += [
        mail(
            subject="Re: Boats",
            to=address,
            sender=f"Ben <ben{n}@x.test>",
            references="boat@x",
            body=f"No {n}",
        )
        for n in range(3)
    ]
    plans = files_mail(["plan.txt"], "Plans", media="text/plain")
    return [plans, *talk, mail(subject="Alone", to=address, body="Some words\r\n> quoted\r\n> words")]


def mail_screens(page: Page, product: Product) -> Iterator[str]:
    """Each screen of the web client, one after the other."""
    page.wait_for_selector("body[data-ready]")
    yield "inbox"
    page.locator("[data-test=row] .row-avatar").first.evaluate("e => e.click()")
    page.wait_for_selector(".row.checked")
    yield "selection"
    for name, place in (("search", "search/?q=boats"), ("settings", "settings/"), ("changes", "changes/"), ("files", "files/"), ("trash", "trash/")):  # fmt: skip
        page.goto(f"{product.url}/mail/{place}")
        yield name
    page.goto(f"{product.url}/mail/inbox/")
    page.locator("[data-test=subject]", has_text="Plans").click()
    page.wait_for_selector("[data-test=message-body]")
    page.locator("a[data-preview]").first.click()
    page.locator("#preview [data-stage=text]").wait_for()
    yield "preview"
    place = page.locator("a[href*='/mail/why/']").first.get_attribute("href") or ""
    for name in ("why", "original"):
        page.goto(product.url + place.replace("why", name))
        yield name
    page.goto(f"{product.url}/mail/inbox/")
    page.locator("[data-test=subject]", has_text="Boats").click()
    page.wait_for_selector("[data-test=message-body]")
    yield "conversation"
    page.locator("[data-test=more]").first.click()
    page.wait_for_selector(".menu:popover-open")
    yield "menu"
    page.keyboard.press("Escape")
    page.evaluate("document.getElementById('label-dialog').showModal()")
    yield "labels dialog"
    page.evaluate("document.getElementById('label-dialog').close()")
    page.evaluate("document.getElementById('keys').showModal()")
    yield "keys"


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_nothing_serious_in_web_mail(
    product: Product, address: str, browser: Browser, width: int, scheme: str
) -> None:
    """Spec 11.6."""
    fill(product, address, letters(address))
    context = browser.new_context(
        viewport={"width": width, "height": 850},
        color_scheme=scheme,
        reduced_motion="reduce",  # type: ignore[arg-type]
    )
    try:
        page = context.new_page()
        page.goto(product.url)
        found = {"sign-in": findings(page)}
        sign_in(page, product, address)
        page.wait_for_selector("[data-test=row]")
        for name in mail_screens(page, product):
            found[name] = findings(page)
        assert {name: said for name, said in found.items() if said} == {}
    finally:
        context.close()


PANEL = ("", "customers/", "domains/", "domains/example.test/", "accounts/", "accounts/add/", "changes/")


def test_axe_finds_nothing_serious_in_the_panel(product: Product, address: str, browser: Browser) -> None:
    """Spec 11.6, for the pages around it."""
    product.ask("shell", "-c", f"from hosting import accounts; from hosting.actor import system; from hosting.models import Account, Tenant, Role; accounts.give_role(Account.objects.get(username='{address}'), Tenant.objects.get(kind='provider'), kind=Role.OWNER, actor=system('test'))")  # fmt: skip
    found = {}
    for width, scheme in (LOOKS[0], LOOKS[3]):
        context = browser.new_context(viewport={"width": width, "height": 850}, color_scheme=scheme)  # type: ignore[arg-type]
        try:
            page = context.new_page()
            context.add_cookies([product.session(address)])
            for place in PANEL:
                page.goto(f"{product.url}/panel/{place}")
                found[f"{place} {width}"] = findings(page)
        finally:
            context.close()
    assert {name: said for name, said in found.items() if said} == {}


def test_the_page_is_told_apart_by_landmarks(product: Product, address: str, watched: Page) -> None:
    """Spec 11.1."""
    page = watched
    fill(product, address, letters(address))
    sign_in(page, product, address)
    until_subjects(page, ["Alone", "Boats", "Plans"])
    assert page.get_by_role("banner").count() == 1
    assert page.get_by_role("navigation", name="Labels").count() == 1
    assert page.get_by_role("search").count() == 1
    assert page.get_by_role("main").get_by_role("heading", level=1).inner_text() == "Inbox"
    assert page.locator("aside#compose-dock[aria-label]").count() == 1  # complementary
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Tab")
    assert page.evaluate(f"{FOCUSED}.textContent") == "Skip to list"
    page.keyboard.press("Enter")
    assert page.evaluate(f"{FOCUSED}.id") == "main"


def test_the_list_is_a_grid_with_one_way_in(product: Product, address: str, watched: Page) -> None:
    """Spec 11.2, 11.3, 11.4."""
    page = watched
    fill(product, address, letters(address))
    sign_in(page, product, address)
    until_subjects(page, ["Alone", "Boats", "Plans"])
    grid = page.get_by_role("grid", name="Inbox")
    assert grid.get_attribute("aria-rowcount") == "3"
    assert [row.get_attribute("aria-rowindex") for row in grid.get_by_role("row").all()] == ["1", "2", "3"]
    assert grid.locator("[tabindex='0']").count() == 1
    page.keyboard.press("j")
    page.keyboard.press("j")
    row = page.locator(".row.cursor")
    assert row.evaluate("e => e === document.activeElement")
    assert page.locator("[data-rows] > [tabindex='0']").count() == 1
    label = row.get_attribute("aria-label") or ""
    said = ["unread", "Ben", "Boats", "No 2"]
    assert [label.index(word) for word in said] == sorted(label.index(word) for word in said)
    page.keyboard.press("s")
    eventually(lambda: (row.get_attribute("aria-label") or "").endswith("starred"), "the row says its star")
    star = row.get_by_role("button", name="Star Boats")
    assert star.get_attribute("aria-pressed") == "true"
    assert row.get_by_role("checkbox", name="Select Boats").count() == 1

    page.keyboard.press("Enter")
    page.wait_for_selector("[data-test=message-body]")
    eventually(lambda: page.evaluate(f"{FOCUSED}.tagName") == "H1", "the subject has the focus")
    articles = page.get_by_role("list").get_by_role("listitem").get_by_role("article")
    assert articles.count() >= 1
    assert page.locator("[data-messages] [aria-expanded=true]:not(.icon-button)").count() >= 1
    page.keyboard.press("u")
    page.wait_for_selector(".row.cursor")
    eventually(
        lambda: page.evaluate(f"{FOCUSED}.id") == row.get_attribute("id"), "the row has the focus again"
    )

    tool = page.locator("[data-toolbar] [aria-label='Refresh']")
    tool.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(f"{FOCUSED}.ariaLabel") == "More"
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=menu]:popover-open")
    eventually(lambda: page.evaluate(f"{FOCUSED}.role") == "menuitem", "the menu's first item has the focus")
    page.keyboard.press("Escape")
    eventually(lambda: page.evaluate(f"{FOCUSED}.ariaLabel") == "More", "the opener has the focus again")
    page.keyboard.press("?")
    page.wait_for_selector("dialog#keys[open]")
    page.keyboard.press("Escape")
    eventually(lambda: page.evaluate(f"{FOCUSED}.ariaLabel") == "More", "and after a dialog, too")


def test_what_happens_is_said_politely_and_what_fails_at_once(
    product: Product, address: str, context: BrowserContext
) -> None:
    """Spec 11.5, 11.2."""
    page = context.new_page()
    deliver(product, address, mail(subject="One", to=address))
    sign_in(page, product, address)
    until_subjects(page, ["One"])
    spoken = "[...document.querySelectorAll('[aria-live=polite]')].map((e) => e.textContent).join(' ')"
    deliver(product, address, mail(subject="Two", sender="Grace <grace@x.test>", to=address))
    eventually(lambda: "New mail: Grace" in page.evaluate(spoken), "new mail is said", within=15)
    deliver(product, address, mail(subject="Three", sender="Linus <linus@x.test>", to=address))
    until_subjects(page, ["Three", "Two", "One"])
    numbers = [row.get_attribute("aria-rowindex") for row in page.locator("[data-test=row]").all()]
    assert numbers == ["1", "2", "3"]
    assert page.get_by_role("grid").get_attribute("aria-rowcount") == "3"
    assert "Linus" not in page.evaluate(spoken)  # at most once in half a minute
    assert page.locator("#toasts").get_attribute("role") == "status"
    page.route("**/mail/actions/archive/", lambda route: route.fulfill(status=500, json={"text": "No room."}))
    page.keyboard.press("j")
    page.keyboard.press("e")
    page.locator("[role=alert]", has_text="No room.").wait_for()
    until_subjects(page, ["Three", "Two", "One"])


@pytest.mark.parametrize("place", ["inbox/", "search/?q=boats", "settings/", "changes/"])
def test_a_small_screen_or_large_type_needs_one_way_of_scrolling(
    product: Product, address: str, browser: Browser, place: str
) -> None:
    """Spec 11.6: 320 px, and 1280 px at 400 %, are the same to a page; 200 % of 1440 px is 720."""
    fill(product, address, letters(address))
    context = browser.new_context(viewport={"width": 320, "height": 640})
    try:
        page = context.new_page()
        sign_in(page, product, address)
        for width in (320, 720):
            page.set_viewport_size({"width": width, "height": 640})
            page.goto(f"{product.url}/mail/{place}")
            assert page.evaluate(OVERFLOW) <= 0
    finally:
        context.close()


@pytest.mark.parametrize(
    ("language", "width"), [("en-xa", 390), ("en-xa", 1024), ("ar-xb", 390), ("ar-xb", 1440)]
)
def test_long_words_and_a_mirror_break_no_page(
    product: Product, address: str, browser: Browser, language: str, width: int
) -> None:
    """Spec 11.6."""
    fill(product, address, letters(address))
    context = browser.new_context(viewport={"width": width, "height": 850}, locale=language)
    try:
        page = context.new_page()
        sign_in(page, product, address)
        page.wait_for_selector("[data-test=row]")
        assert page.evaluate("document.dir") == ("rtl" if language == "ar-xb" else "ltr")
        broken = {}
        for name in mail_screens(page, product):
            too_wide = page.evaluate(OVERFLOW)
            if too_wide > 0:
                broken[name] = too_wide
        assert broken == {}
    finally:
        context.close()


def _moves(page: Page) -> float:
    longest = "Math.max(...[...document.querySelectorAll('*')].map((e) => parseFloat(getComputedStyle(e).transitionDuration)))"
    return float(page.evaluate(longest))


@pytest.mark.parametrize(
    ("wish", "holds"),
    [
        ({"reduced_motion": "reduce"}, lambda page: _moves(page) == 0),
        ({"forced_colors": "active"}, lambda page: _outlined(page)),
    ],
)
def test_what_a_person_asks_of_their_system_is_kept(
    product: Product, address: str, browser: Browser, wish: dict[str, str], holds: Callable[[Page], bool]
) -> None:
    """Spec 11.6."""
    fill(product, address, letters(address))
    context = browser.new_context(**wish)  # type: ignore[arg-type]
    try:
        page = context.new_page()
        sign_in(page, product, address)
        page.wait_for_selector("body[data-ready]")
        page.keyboard.press("j")
        page.keyboard.press("x")
        assert holds(page)
    finally:
        context.close()


def _outlined(page: Page) -> bool:
    return bool(
        page.evaluate("getComputedStyle(document.querySelector('.row.cursor')).outlineStyle === 'solid'")
    )


def test_without_scripts_mail_is_found_listed_read_and_put_away(
    product: Product, address: str, browser: Browser
) -> None:
    """Spec 11.7."""
    fill(product, address, letters(address), flags="\\Seen")
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    try:
        page = context.new_page()
        sign_in(page, product, address)
        assert subjects(page) == ["Alone", "Boats", "Plans"]
        page.fill("input[name=q]", "subject:boats")
        page.press("input[name=q]", "Enter")
        page.wait_for_url("**/mail/search/?q=subject*")
        assert subjects(page) == ["Boats"]
        page.locator("[data-test=subject]").click()
        assert "No 2" in page.locator("[data-test=message-body]").last.inner_text()
        page.locator("a.message-head").first.click()
        assert "One" in page.locator("[data-test=message-body]").first.inner_text()
        assert page.evaluate(OVERFLOW) <= 0
        page.goto(f"{product.url}/mail/inbox/")
        page.locator(".row", has_text="Alone").locator("input[name=ids]").check()
        page.locator("[data-test=archive]").click()
        page.wait_for_selector("text=Conversation archived.")
        page.locator("[data-test=subject]", has_text="Boats").click()
        page.locator("[data-test=delete]").click()
        page.wait_for_selector("text=Conversation moved to Trash.")
        assert subjects(page) == ["Plans"]
    finally:
        context.close()
