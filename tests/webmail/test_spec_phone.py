"""The web client as somebody's only mail app: a phone's screen, fingers, Back, and a place among the apps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from tests.eventually import eventually
from tests.mail import mail
from tests.product import Product
from tests.webmail.fingers import PHONE, Finger
from tests.webmail.mail_world import Reader
from tests.webmail.test_mail_browser import address, deliver, sign_in, subjects, until_subjects
from webmail.models import Preferences

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["address"]

OVERFLOW = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
SMALL = """() => [...document.querySelectorAll("button, a[href], input, select, summary")].filter((e) => {
  if (!e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || e.closest(".visually-hidden, .skip, p, .chip")) return false;
  const box = (e.matches(".row-link") ? e.closest(".row") : e.matches("input[type=checkbox]") ? e.closest("label") ?? e : e).getBoundingClientRect();
  return box.width > 0 && box.height > 0 && (box.width < 44 || box.height < 44);
}).map((e) => `${e.tagName} ${e.className} ${e.ariaLabel ?? e.textContent.trim()} ${Math.round(e.getBoundingClientRect().width)}x${Math.round(e.getBoundingClientRect().height)}`)"""


@contextmanager
def phone(browser: Browser, product: Product, address: str, **options: Any) -> Iterator[Page]:
    """A phone on which somebody has signed in, with the fingers' module there."""
    context = browser.new_context(viewport=PHONE, is_mobile=True, has_touch=True, **options)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        sign_in(page, product, address)
        page.wait_for_selector("[data-test=row]")
        ready(page)
        yield page
        assert errors == []
    finally:
        context.close()


def ready(page: Page) -> None:
    """The page's policy forbids eval, so nothing is waited for in the page by a function that comes as text."""
    loaded = (
        "performance.getEntriesByType('resource').some((e) => e.name.includes('/pull.') && e.responseEnd)"
    )
    eventually(lambda: page.evaluate(loaded), "the fingers' module is fetched", within=15)
    page.evaluate(
        "import(document.querySelector('script[src*=\"/mail.\"]').src.replace('/mail.', '/touch.')).then(() => true)"
    )


def fill(product: Product, address: str, *names: str) -> None:
    for name in names:
        deliver(product, address, mail(subject=name, to=address, body=f"About {name}"))


def layer(page: Page) -> bool:
    return bool(page.evaluate("Boolean(history.state?.layer)"))


def test_swiping_does_what_was_chosen_and_half_of_it_does_nothing(
    product: Product, address: str, browser: Browser
) -> None:
    """Spec 12.2."""
    fill(product, address, "One", "Two", "Three")
    with phone(browser, product, address) as page:
        until_subjects(page, ["Three", "Two", "One"])
        finger, row = Finger(page), page.locator("[data-test=row]").nth(1)
        finger.swipe(row, 70)  # not far enough
        page.wait_for_selector(".swipe-face", state="detached")
        assert subjects(page) == ["Three", "Two", "One"]

        finger.swipe(row, 210, let_go=False)
        face = page.locator(".swipe-face[data-armed]")
        assert face.inner_text() == "Archive"
        assert face.locator("use").get_attribute("href") == "#icon-archive"
        finger.up()
        page.wait_for_selector("text=Conversation archived.")
        until_subjects(page, ["Three", "One"])
        page.locator("#toasts .toast-action").tap()  # Undo
        until_subjects(page, ["Three", "Two", "One"])

        finger.swipe(row, -210, let_go=False)
        assert page.locator(".swipe-face[data-armed]").inner_text() == "Delete"
        finger.up()
        page.wait_for_selector("text=Conversation moved to Trash.")
        until_subjects(page, ["Three", "One"])

        page.evaluate("Object.assign(document.body.dataset, { swipeRight: 'read', swipeLeft: 'none' })")
        first = page.locator("[data-test=row]").first
        assert first.get_attribute("data-unread") is not None
        finger.swipe(first, 210)
        page.wait_for_selector("[data-test=row]:first-child:not([data-unread])")
        page.wait_for_selector(".row.swiped", state="detached")
        finger.swipe(first, -210)
        page.wait_for_selector(".row.swiped", state="detached")
        assert subjects(page) == ["Three", "One"]


def test_swiping_mirrors_with_the_language(product: Product, address: str, browser: Browser) -> None:
    """Spec 12.2, 11.6: the end of the line is on the left."""
    fill(product, address, "One", "Two")
    with phone(browser, product, address, locale="ar-xb") as page:
        assert page.evaluate("document.dir") == "rtl"
        assert page.evaluate(OVERFLOW) <= 0
        row = page.locator("[data-test=row]").first
        finger = Finger(page)
        finger.swipe(row, -210, let_go=False)
        assert page.locator(".swipe-face[data-armed]").get_attribute("data-does") == "archive"
        finger.up()
        until_subjects(page, ["One"])
        page.locator("[popovertarget=sidebar]").tap()
        drawer = page.locator("#sidebar").bounding_box()
        assert drawer is not None
        assert drawer["x"] + drawer["width"] == PHONE["width"]


def test_holding_selects_and_back_closes_one_layer_after_the_other(
    product: Product, address: str, browser: Browser
) -> None:
    """Spec 12.1, 12.3."""
    fill(product, address, "One", "Two", "Three")
    with phone(browser, product, address) as page:
        until_subjects(page, ["Three", "Two", "One"])
        finger, rows = Finger(page), page.locator("[data-test=row]")
        assert page.locator(".row-avatar .avatar").first.is_visible()
        lines = [
            rows.first.locator(part).bounding_box() for part in (".row-from", ".row-link", ".row-snippet")
        ]
        tops = [box["y"] for box in lines if box]
        assert tops == sorted(set(tops))  # three lines
        finger.hold(rows.first)
        rows.nth(1).tap()  # goes on selecting instead of opening
        assert page.locator(".row.checked").count() == 2
        assert page.url.endswith("/mail/inbox/")
        bar = page.locator("[data-toolbar]").bounding_box()
        assert bar is not None
        assert bar["y"] == 0  # over the top bar
        assert not page.locator(".topbar #search").is_visible()
        eventually(lambda: layer(page), "the selection is a layer")

        page.locator("[data-test=more]").tap()
        page.wait_for_selector(".menu:popover-open")
        page.go_back()
        page.wait_for_selector(".menu:popover-open", state="detached")
        assert page.locator(".row.checked").count() == 2
        eventually(lambda: layer(page), "the selection is a layer still")
        page.go_back()
        page.wait_for_selector(".row.checked", state="detached")
        eventually(lambda: not layer(page), "nothing lies on the list")

        page.locator("[popovertarget=sidebar]").tap()
        page.wait_for_selector("#sidebar:popover-open")
        eventually(lambda: layer(page), "the drawer is a layer")
        page.go_back()
        page.wait_for_selector("#sidebar:popover-open", state="detached")
        page.locator("[popovertarget=sidebar]").tap()
        page.locator("#sidebar [data-nav=sent]").tap()
        page.wait_for_url("**/mail/sent/")
        page.go_back()
        page.wait_for_url("**/mail/inbox/")
        until_subjects(page, ["Three", "Two", "One"])
        assert page.locator("#sidebar:popover-open").count() == 0

        rows.first.locator("[data-test=subject]").tap()
        page.wait_for_selector("[data-test=message-body]")
        page.locator("[data-test=more]").first.tap()
        page.wait_for_selector(".menu:popover-open")
        eventually(lambda: layer(page), "a menu of a conversation is a layer")
        page.go_back()
        page.wait_for_selector(".menu:popover-open", state="detached")
        assert page.locator("[data-test=message-body]").is_visible()
        page.go_back()
        page.wait_for_selector("[data-test=row]")


def test_a_conversation_fills_the_screen_between_its_tools(
    product: Product, address: str, browser: Browser
) -> None:
    """Spec 12.3, 12.4, 12.1."""
    deliver(product, address, mail(subject="Long", to=address, body="Line\r\n" * 120))
    fill(product, address, "Two")
    with phone(browser, product, address) as page:
        assert page.locator(".float-compose").is_visible()
        page.locator("[data-test=subject]").nth(1).tap()
        page.wait_for_selector("[data-test=message-body]")
        assert not page.locator(".topbar").is_visible()
        for _again in range(2):
            top = page.locator("[data-toolbar]").bounding_box()
            bottom = page.locator("[data-reply-bar]").bounding_box()
            assert top is not None
            assert bottom is not None
            assert top["y"] == 0
            assert bottom["y"] + bottom["height"] <= PHONE["height"] + 1
            page.evaluate("scrollTo(0, 900)")
        for name in ("Archive", "Delete", "Mark as unread", "More"):
            assert page.locator(f"[data-toolbar] [aria-label='{name}']").first.is_visible()
        assert page.locator("[data-test=reply]").is_visible()
        assert page.locator("[data-test=forward]").is_visible()
        assert page.evaluate(SMALL) == []
        page.locator("[data-toolbar] [data-test=archive]").tap()
        until_subjects(page, ["Two"])
        assert page.evaluate(SMALL) == []


def test_pulling_loads_again_and_the_end_of_the_list_leads_on(
    product: Product, address: str, browser: Browser
) -> None:
    """Spec 12.4."""
    product.ask("shell", "-c", f"from webmail.models import Preferences as P; from hosting.models import Account as A; P.objects.create(account=A.objects.get(username='{address}'), page_size=25)")  # fmt: skip
    fill(product, address, *(f"No {n:02}" for n in range(27)))
    with phone(browser, product, address) as page:
        eventually(lambda: len(subjects(page)) == 25, "a page", within=15)
        finger = Finger(page)
        with page.expect_response("**/mail/inbox/"):
            finger.drag((200, 200), 0, 240)
        page.wait_for_selector(".pull", state="detached")
        older = page.locator("[data-end-older]")
        older.scroll_into_view_if_needed()
        older.tap()
        until_subjects(page, ["No 01", "No 00"])
        assert not older.is_visible()
        assert (
            page.evaluate("getComputedStyle(document.querySelector('.topbar .search input')).fontSize")
            == "16px"
        )
        assert page.evaluate("getComputedStyle(document.documentElement).overscrollBehaviorY") == "contain"
        assert "viewport-fit=cover" in str(page.locator("meta[name=viewport]").get_attribute("content"))


def test_it_can_be_installed(product: Product, address: str, browser: Browser) -> None:
    """Spec 12.4: Chromium itself says so."""
    fill(product, address, "One")
    with phone(browser, product, address) as page:
        devtools = page.context.new_cdp_session(page)
        said = devtools.send("Page.getAppManifest")
        assert said["errors"] == []
        manifest = json.loads(said["data"])
        assert manifest["start_url"] == "/mail/inbox/"
        missing = [
            each["errorId"] for each in devtools.send("Page.getInstallabilityErrors")["installabilityErrors"]
        ]
        assert set(missing) <= {"in-incognito"}  # every context of a test is one


def test_the_manifest_is_served_as_what_it_is(client: Client) -> None:
    answer = client.get("/manifest.webmanifest")
    assert answer["Content-Type"] == "application/manifest+json"
    assert "manifest-src 'self'" in answer["Content-Security-Policy"]
    told = json.loads(answer.content)
    assert {icon["sizes"] for icon in told["icons"]} >= {"192x192", "512x512"}
    assert told["display"] == "standalone"


@pytest.mark.parametrize(("right", "left"), [("archive", "delete"), ("read", "snooze"), ("none", "move")])
def test_what_swiping_does_is_a_choice(ann: Reader, right: str, left: str) -> None:
    """Spec 12.2."""
    Preferences.objects.create(account=ann.account, swipe_right=right, swipe_left=left)
    page = ann.page("/mail/inbox/")
    assert f'data-swipe-right="{right}" data-swipe-left="{left}"' in page
