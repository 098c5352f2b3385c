"""What a new demonstration shows of arriving mail: a good message, spam, a forged one and a virus came over SMTP, each
lies where it belongs, and says why in sentences."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import DEMO_PASSWORD
from tests.journeys.screen import PATIENCE, Screen
from tests.product import Product

pytestmark = pytest.mark.product
Open = Callable[..., Screen]


def test_each_of_four_messages_says_why_it_lies_where_it_lies(demo: Product, screen: Open) -> None:
    ann = screen(demo).sign_in("ann@example.test", DEMO_PASSWORD)

    # The good one: who vouches for it, in plain words.
    ann.open("Your notebooks are ready")
    ann.page.locator("[data-messages] > [data-opened] [popovertarget^=details-]").last.click()
    ann.page.locator(".menu:popover-open").get_by_role("link", name="Why is this here").click()
    panel = ann.page.locator(".why")
    expect(panel.locator(".why-text")).to_have_count(3, timeout=PATIENCE)
    expect(panel.locator(".why-text").first).to_contain_text("castell-bindery.test")
    panel.locator("summary").first.click()
    for sentence in (
        "The message really comes from castell-bindery.test.",
        "castell-bindery.test signed it, and it was not changed since.",
        "The sender's server is allowed to send for castell-bindery.test.",
        "The sender's server is known as mx.castell-bindery.test.",
    ):
        expect(panel.locator(".why-details").first).to_contain_text(sentence)

    # Spam lies in Spam, and says so by itself.
    ann.go("/mail/spam/")
    ann.open("CONGRATULATIONS")
    expect(ann.page.locator(".why-text").nth(1)).to_contain_text(
        "It was delivered to Spam: a link leads to a number instead of a name", timeout=PATIENCE
    )

    # What is forged, and what carries a virus, is held.
    ann.go("/mail/quarantine/")
    forged = ann.page.locator("[data-test=held][data-kind=forged]")
    expect(forged).to_contain_text("Please confirm your account", timeout=PATIENCE)
    expect(forged.locator(".held-reason")).to_contain_text(
        "northern-savings.test says that such mail is not its own"
    )
    virus = ann.page.locator("[data-test=held][data-kind=virus]")
    expect(virus).to_contain_text("Your parcel could not be delivered")
    expect(virus.locator(".held-reason")).to_contain_text("Eicar-Test-Signature")
    expect(virus.locator("[data-test=release]")).to_have_count(0)
