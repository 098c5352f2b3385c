"""Filters of Gmail move in through a real browser, on a desk and on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.mta.archive.gmail_files import feed
from tests.product import Product
from tests.webmail.test_mail_browser import address, sign_in, watched  # the fixtures, too
from tests.webmail.test_spec_accessibility import OVERFLOW, findings

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["address", "watched"]


def test_filters_of_gmail_are_looked_at_and_made(product: Product, address: str, watched: Page) -> None:
    """Spec 8.5."""
    page = watched
    sign_in(page, product, address)
    page.goto(f"{product.url}/mail/settings/filters/")
    export = feed(
        {"from": "ada@x.test OR ben@x.test", "label": "Work/Plans", "shouldArchive": "true"},
        {"from": "news@x.test", "forwardTo": "other@y.test", "shouldMarkAsRead": "true"},
        {"hasTheWord": "offer category:promotions " + "x" * 120, "shouldTrash": "true"},
        {"hasTheWord": "plan -is:starred", "smartLabelToApply": "^smartlabel_social", "shouldStar": "true"},
    )
    page.set_input_files(
        "#rules-file", files=[{"name": "mailFilters.xml", "mimeType": "text/xml", "buffer": export}]
    )
    page.click("button:has-text('Import filters')")
    page.wait_for_selector("[data-test=gmail-filter]")
    assert page.locator("[data-test=gmail-filter]").count() == 4
    assert page.locator("[data-test=gmail-filter] .chip").all_inner_texts() == ["Off", "Off", "Not brought"]
    for size in ({"width": 1280, "height": 800}, {"width": 390, "height": 844}):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        assert page.evaluate(OVERFLOW) <= 0
        assert findings(page) == []
    page.uncheck("[name=take][value='2']")
    page.click("[data-test=save]")
    page.wait_for_selector("[data-test=rule]")
    assert page.locator("[data-test=rule] .rule-name a").all_inner_texts() == [
        "from:(ada@x.test OR ben@x.test)",
        "from:news@x.test",
    ]
    assert page.locator(".sidebar >> text=Plans").count() or page.locator("text=Label Work/Plans").count()


def test_an_old_mailbox_is_asked_for_and_a_slip_is_told_beside_its_field(
    product: Product, address: str, page: Page
) -> None:
    sign_in(page, product, address)
    for path, form in (("moving", "moving"), ("outside", "outside-form")):
        page.goto(f"{product.url}/mail/settings/{path}/")
        page.wait_for_selector(f"[data-test={form}]")
        for size in ({"width": 1280, "height": 800}, {"width": 390, "height": 844}):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.locator(".moving-more > summary").click()
            assert page.evaluate(OVERFLOW) <= 0
            assert findings(page) == []
        page.fill("[name=address]", "nobody")
        page.fill("[name=password]", "secret")
        page.click(f"[data-test={form}] button.primary")
        page.wait_for_selector(".field.invalid")
        assert "Enter a whole address" in page.inner_text(".field.invalid .error")
        assert page.input_value("[name=password]") == "", "a password is never sent back"
