"""The settings in a real Chromium: tabs and the guard, the quick panel, accounts and signatures, storage and export.

The numbers at the end of a docstring are lines of docs/webmail-spec-status.md.
"""

from __future__ import annotations

import secrets
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.product import Product

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.product]
PASSWORD = "a good long one"


@pytest.fixture
def address(product: Product) -> str:
    """A mailbox of this test's own."""
    address = f"set-{secrets.token_hex(4)}@example.test"
    product.add_account(address, PASSWORD)
    return address


def sign_in(page: Page, product: Product, address: str) -> None:
    page.context.add_cookies([product.session(address)])
    page.goto(product.url)
    page.wait_for_url("**/mail/inbox/")
    page.wait_for_selector("body[data-ready]")


def settings(page: Page, product: Product, tab: str) -> None:
    page.goto(f"{product.url}/mail/settings/{tab}/")
    page.wait_for_selector("body[data-ready]")


def problems(page: Page) -> list[str]:
    """What axe-core calls serious or critical."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


def test_what_was_changed_is_guarded_saved_or_let_go(product: Product, address: str, page: Page) -> None:
    """Spec 2.6, 2.11."""
    sign_in(page, product, address)
    settings(page, product, "general")
    page.click("[data-test=tab-inbox]")
    page.wait_for_url("**/mail/settings/inbox/")
    page.wait_for_selector("body[data-ready]")
    expect(page.locator("[data-unsaved]")).to_be_hidden()
    page.select_option("[name=page_size]", "25")
    expect(page.locator("[data-unsaved]")).to_be_visible()
    page.click("[data-test=tab-labels]")
    dialog = page.locator("#confirm")
    expect(dialog).to_contain_text("Leave without saving?")
    dialog.get_by_role("button", name="Cancel").click()
    assert page.url.endswith("/settings/inbox/")
    expect(page.locator("[name=page_size]")).to_have_value("25")
    page.click("[data-test=cancel]")
    expect(page.locator("[name=page_size]")).to_have_value("50")
    page.wait_for_selector("body[data-ready]")
    page.select_option("[name=page_size]", "100")
    page.click("[data-test=save]")
    page.wait_for_selector("text=Settings saved.")
    assert page.url.endswith("/settings/inbox/")
    expect(page.locator("[name=page_size]")).to_have_value("100")
    page.wait_for_selector("body[data-ready]")
    page.select_option("[name=page_size]", "25")
    page.click("[data-nav=inbox]")
    dialog.locator("[data-confirm-yes]").click()
    page.wait_for_url("**/mail/inbox/")
    settings(page, product, "general")
    foot, view = page.locator(".settings-save").bounding_box(), page.viewport_size
    assert foot
    assert view
    assert foot["y"] + foot["height"] <= view["height"], "Save and Cancel are in sight before scrolling"


def test_the_gear_opens_a_panel_whose_choices_show_at_once(
    product: Product, address: str, page: Page
) -> None:
    """Spec 2.11, 2.12."""
    sign_in(page, product, address)
    root = page.locator("html")
    page.click("a[data-quick]")
    panel = page.locator("#quick")
    panel.wait_for(state="visible")
    panel.locator("[data-set-density=compact]").click()
    expect(root).to_have_attribute("data-density", "compact")
    panel.locator("[data-set-theme=dark]").click()
    expect(root).to_have_attribute("data-theme", "dark")
    assert problems(page) == []
    with page.expect_response("**/mail/settings/"):
        panel.get_by_label("Each message by itself").check()
    page.wait_for_selector("#view[data-messages]", state="attached")
    panel.locator("[data-set-pane=right]").click()
    page.wait_for_selector("#pane", state="attached")
    page.keyboard.press("Escape")
    panel.wait_for(state="hidden")
    page.click("a[data-quick]")
    panel.locator("[data-test=all-settings]").click()
    page.wait_for_url("**/mail/settings/")


def test_a_signature_is_written_with_the_editor_and_given_to_an_address(
    product: Product, address: str, page: Page
) -> None:
    sign_in(page, product, address)
    settings(page, product, "accounts")
    page.click("[data-test=new-signature]")
    page.fill("[name=name]", "Work")
    text = page.locator(".own-text .ProseMirror")
    text.click()
    page.click("[data-own=bold]")
    expect(page.locator("[data-own=bold]")).to_have_attribute("aria-pressed", "true")
    expect(text).to_be_focused()
    page.keyboard.type("Ann Weber")
    assert problems(page) == []
    page.click("[data-test=save]")
    page.wait_for_selector("text=Signature saved.")
    expect(page.locator("[name=new-0] option:checked")).to_have_text("Work")
    expect(page.locator("[name=answer-0] option:checked")).to_have_text("Work")
    page.select_option("[name=answer-0]", value="")
    page.click("[data-test=save]")
    page.wait_for_selector("text=Settings saved.")
    expect(page.locator("[name=new-0] option:checked")).to_have_text("Work")
    expect(page.locator("[name=answer-0] option:checked")).not_to_have_text("Work")
    page.get_by_role("link", name="Work", exact=True).click()
    expect(page.locator(".own-text strong")).to_have_text("Ann Weber")


def test_an_export_is_made_while_one_waits_and_the_settings_have_nothing_that_axe_minds(
    product: Product, address: str, page: Page, tmp_path: Path
) -> None:
    """Spec 2.10."""
    sign_in(page, product, address)
    page.click("text=Manage")
    page.wait_for_url("**/mail/settings/storage/")
    settings(page, product, "export")
    page.fill("[name=password]", PASSWORD)
    page.click("[data-test=export]")
    link = page.locator("[data-test=export-file]")
    link.wait_for(timeout=45_000)
    with page.expect_download() as loading:
        link.click()
    loading.value.save_as(tmp_path / "mail.zip")
    with zipfile.ZipFile(tmp_path / "mail.zip") as packed:
        assert "filters.json" in packed.namelist()
    for tab in ("general", "labels", "inbox", "accounts", "advanced", "programs", "storage", "template"):
        settings(page, product, tab)
        assert problems(page) == [], tab


def test_a_new_inbox_greets_and_lets_itself_be_put_away(tmp_path: Path, browser: Browser) -> None:
    address = "ann@example.test"
    context: BrowserContext = browser.new_context(timezone_id="Europe/Vienna", locale="en-GB")
    page = context.new_page()
    with Product(tmp_path / "data", env={"WELCOME": "on"}) as product:
        product.add_domain("example.test")
        product.add_account(address, PASSWORD)
        page.goto(product.url)  # which learns the browser's time zone
        sign_in(page, product, address)
        expect(page.locator("#welcome-zone")).to_have_value("Europe/Vienna")
        page.fill("#welcome-name", "Ann Weber")
        assert problems(page) == []
        page.click("[data-test=welcome-save]")
        page.locator("[data-test=welcome-who]").wait_for(state="detached")
        page.wait_for_selector("body[data-ready]")
        page.locator("[data-test=card-phone] button").click()
        page.locator("[data-test=card-phone]").wait_for(state="detached")
        page.wait_for_selector("body[data-ready]")
        page.locator("[data-test=card-write] a").click()
        page.wait_for_selector(".compose")
    context.close()


def test_settings_work_without_scripts_and_on_a_phone(
    product: Product, address: str, browser: Browser
) -> None:
    """Spec 2.11."""
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": 390, "height": 844}, locale="en-GB"
    )
    page = context.new_page()
    try:
        page.goto(product.url)
        page.fill("input[name=username]", address)
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.goto(f"{product.url}/mail/settings/inbox/")
        page.uncheck("[name=conversations]", force=True)
        page.click("[data-test=save]")
        expect(page.locator("[name=conversations]")).not_to_be_checked()
        page.goto(f"{product.url}/mail/settings/signature/")
        page.fill("[name=name]", "Plain")
        page.fill("[name=text]", "Ann")
        page.click("[data-test=save]")
        expect(page.get_by_role("link", name="Plain", exact=True)).to_be_visible()
        for tab in ("general", "accounts", "programs", "storage"):
            page.goto(f"{product.url}/mail/settings/{tab}/")
            box = page.locator("main").bounding_box()
            assert box
            assert box["width"] <= 390, f"{tab} does not reach over the edge of a phone"
    finally:
        context.close()
