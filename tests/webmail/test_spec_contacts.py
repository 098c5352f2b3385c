"""The address book in a real Chromium: from a table of another program to the recipient field.

The number at the end of a docstring is a line of docs/webmail-spec-status.md.
"""

from __future__ import annotations

import secrets
import smtplib
from typing import TYPE_CHECKING, Literal

import pytest
from playwright.sync_api import expect

from tests.mail import mail
from tests.product import Product

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PASSWORD = "a good long one"
TABLE = (
    b"First Name,Last Name,Labels,E-mail 1 - Value\r\n"
    b"Ada,Lovelace,Engine room,ada@x.test\r\nBen,Okafor,Engine room,ben@x.test\r\nAda,Lovelace,,ada@y.test\r\n"
)


@pytest.fixture
def address(product: Product) -> str:
    """A mailbox of this test's own."""
    address = f"people-{secrets.token_hex(4)}@example.test"
    product.add_account(address, PASSWORD)
    return address


def sign_in(page: Page, product: Product, address: str) -> None:
    page.context.add_cookies([product.session(address)])
    page.goto(product.url)
    page.wait_for_url("**/mail/inbox/")
    page.wait_for_selector("body[data-ready]")


def test_a_table_becomes_a_book_whose_people_and_groups_are_offered_while_writing(
    page: Page, product: Product, address: str
) -> None:
    """Import, merge with a look before, the face of a sender, a group as recipient. Spec 7.4."""
    with smtplib.SMTP("127.0.0.1", product.port("smtp"), timeout=20) as smtp:
        letter = mail(subject="Engine drawings", sender="Cora Byron <cora@outside.test>", to=address)
        smtp.sendmail("cora@outside.test", [address], letter)
    sign_in(page, product, address)
    page.click("[data-nav=contacts]")
    page.get_by_role("link", name="Import and export").click()
    page.set_input_files("input[name=file]", [{"name": "c.csv", "mimeType": "text/csv", "buffer": TABLE}])
    page.click("[data-test=import]")
    expect(page.locator("[data-test=imported]")).to_contain_text("3 contacts are new.")

    page.get_by_role("link", name="Duplicates").click()
    page.click("[data-test=merge-set]")
    expect(page.locator(".contact-fields").first).to_contain_text("ada@y.test")
    page.click("[data-test=merge]")
    expect(page.locator("[data-test=contact-name]")).to_have_text("Ada Lovelace")
    expect(page.locator("[data-test=undo]")).to_be_visible()

    page.click("[data-nav=inbox]")
    page.locator("[data-test=subject]", has_text="Engine drawings").click()
    page.click("[data-test=sender-contact]")
    expect(page.locator("input[name=emails_value]").first).to_have_value("cora@outside.test")
    page.click("[data-test=save-contact]")
    expect(page.locator("[data-test=contact-name]")).to_have_text("Cora Byron")
    expect(page.locator(".contact-conversations")).to_contain_text("Engine drawings")

    page.click("[data-test=compose]")
    field = page.locator("[data-test=compose-to]")
    field.press_sequentially("eng")
    page.get_by_role("option").filter(has_text="Engine room").click()
    expect(page.locator(".compose-line .person")).to_have_count(2)
    field.press_sequentially("byr")
    page.get_by_role("option").filter(has_text="cora@outside.test").click()
    expect(page.locator(".compose-line .person")).to_have_count(3)


def problems(page: Page) -> list[str]:
    """What axe-core calls serious or critical."""
    from axe_playwright_python.sync_playwright import Axe

    return [
        f"{each['id']}: {each['nodes'][0]['html'][:200]}"
        for each in Axe().run(page).response["violations"]
        if each["impact"] in ("serious", "critical")
    ]


PAGES = ("", "new/", "other/", "duplicates/", "import/")


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_the_book_is_for_everybody_and_needs_no_script(
    product: Product, address: str, browser: Browser, width: int, scheme: Literal["light", "dark"]
) -> None:
    """axe, nothing wider than a phone, and everything by plain forms. Spec 11.6, 11.7, 12.1."""
    plain = browser.new_context(java_script_enabled=False)
    page = plain.new_page()
    page.goto(product.url)
    page.fill("input[name=username]", address)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.goto(f"{product.url}/mail/contacts/import/")
    page.set_input_files("input[name=file]", [{"name": "c.csv", "mimeType": "text/csv", "buffer": TABLE}])
    page.click("[data-test=import]")
    page.get_by_role("link", name="Everybody", exact=True).click()
    page.get_by_label("Tick Ben Okafor").check()
    page.click("[data-test=delete-ticked]")
    expect(page.locator("[data-test=contact]")).to_have_count(2)
    page.click("[data-test=undo]")
    expect(page.locator("[data-test=contact]")).to_have_count(3)
    card = page.get_by_role("link", name="Ben Okafor", exact=True).get_attribute("href")
    cookies = plain.cookies()
    plain.close()

    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    context.add_cookies(cookies)  # type: ignore[arg-type]
    page = context.new_page()
    found = {}
    for name in (*(f"/mail/contacts/{each}" for each in PAGES), str(card), f"{card}edit/"):
        page.goto(product.url + name)
        page.wait_for_selector("body[data-ready]")
        found[name] = problems(page)
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide, name
    context.close()
    assert {name: said for name, said in found.items() if said} == {}
