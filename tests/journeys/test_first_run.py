"""From an empty folder to mail for a domain, in the browser: /setup, records, a live check, an account."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from mta.sandbox.zone import read
from tests.dns_server import serving
from tests.journeys.conftest import PASSWORD
from tests.journeys.screen import PATIENCE, Screen
from tests.mail import mail
from tests.product import Product

pytestmark = pytest.mark.product
Open = Callable[..., Screen]

Zone = dict[str, dict[str, list[str]]]


@pytest.fixture(scope="module")
def zone() -> Zone:
    return {"mail.bakery.test": {"A": ["127.0.0.1"]}}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory, zone: Zone) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("fresh")
    with (
        serving(zone) as dns,
        Product(folder / "data", "mail.bakery.test", dns_servers=dns.address) as running,
    ):
        yield running


def _publish(screen: Screen, zone: Zone) -> None:
    """What the administrator does at their DNS provider: take the zone file and put it in."""
    link = screen.page.get_by_role("link", name="Download as a zone file")
    link.wait_for()
    screen.page.wait_for_load_state(
        "load"
    )  # a click while the page still arrives may be lost with its old link
    with screen.page.expect_download() as download:
        link.click()
    zone.update(read(download.value.path().read_text()))


def _turns_green(screen: Screen) -> None:
    expect(screen.page.locator("#records")).to_contain_text("Everything is right", timeout=PATIENCE)


def test_from_the_setup_link_to_the_first_mail(fresh: Product, zone: Zone, screen: Open) -> None:
    admin = screen(fresh)
    page = admin.page
    page.goto(fresh.setup_link)
    page.fill("input[name=username]", "rita")
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/setup/host/")
    assert page.input_value("input[name=hostname]") == "mail.bakery.test"
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/setup/doors/")
    page.get_by_role("link", name="Continue").click()
    page.fill("input[name=name]", "bakery.test")
    page.get_by_role("button", name="Add domain").click()
    page.wait_for_url("**/panel/domains/bakery.test/")

    _publish(admin, zone)
    _turns_green(admin)

    admin.go("/panel/accounts/add/")
    page.fill("input[name=local_part]", "otto")
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Add account").click()
    expect(page.locator("#main")).to_contain_text("otto@bakery.test")

    otto = screen(fresh).sign_in("otto@bakery.test", PASSWORD)
    assert otto.page.url.endswith("/mail/inbox/")
    with smtplib.SMTP("127.0.0.1", fresh.port("smtp"), timeout=20) as smtp:
        smtp.sendmail(
            "ada@outside.test", ["otto@bakery.test"], mail(subject="Welcome", to="otto@bakery.test")
        )
    otto.sees_row("Welcome")
    # The link that made the administrator is spent.
    assert page.request.get(fresh.setup_link).status == 404


def test_a_domain_added_later_turns_green_as_its_records_appear(
    fresh: Product, zone: Zone, screen: Open
) -> None:
    admin = screen(fresh).sign_in("rita", PASSWORD)
    admin.go("/panel/domains/add/")
    admin.page.fill("input[name=name]", "cafe.test")
    admin.page.get_by_role("button", name="Add").click()
    admin.page.wait_for_url("**/panel/domains/cafe.test/")
    records = admin.page.locator("#records")
    expect(records.locator(".status[data-state=warn]").first).to_be_visible(timeout=PATIENCE)
    zone["cafe.test"] = {"MX": ["10 mail.elsewhere.test."]}  # not quite
    expect(records.locator(".status[data-state=danger]").first).to_be_visible(timeout=PATIENCE)
    _publish(admin, zone)
    _turns_green(admin)
    expect(admin.page.locator("#records .status[data-state=good]").first).to_be_visible()
