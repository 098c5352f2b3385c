"""The Sent message says where it is: one letter to five people, each of whom fares differently.

Ben has his mailbox here; outside, Ada's server takes mail at once, Slow's asks to come back later, Full has no room
left and Nobody does not exist. Ann hears of it in the toast, in the list of Sent and on the message, as it happens,
in plain sentences, and can do something about each. Who has closed the page finds a report in the inbox.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.dns_server import serving
from tests.journeys.conftest import PASSWORD
from tests.journeys.screen import PATIENCE, Screen
from tests.outside_world import ZONE, OutsideWorld
from tests.product import Product

if TYPE_CHECKING:
    from playwright.sync_api import Locator

pytestmark = pytest.mark.product
Open = Callable[..., Screen]

ANN, BEN = "ann@example.test", "ben@example.test"
EVERYBODY = f"{BEN}, ada@outside.test, slow@outside.test, full@outside.test, nobody@outside.test"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OutsideWorld]:
    with OutsideWorld(tmp_path_factory.mktemp("outside")) as running:
        yield running


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, world: OutsideWorld) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("host") / "data"
    with serving(ZONE) as dns:
        product = Product(folder, "mail.example.test", dns_servers=dns.address)
        product.env["RELAY_PORT"] = str(world.port)
        with product as running:
            world.encrypts_with(folder / "tls" / "cert.pem", folder / "tls" / "key.pem")
            running.add_domain("example.test")
            for address in (ANN, BEN):
                running.add_account(address, PASSWORD)
            yield running


def step(sending: Locator, address: str) -> Locator:
    return sending.locator("[data-test=sending-step]").filter(has_text=address)


def stands(sending: Locator, address: str, state: str, *sentences: str) -> Locator:
    """The line of a recipient, once it says all of this."""
    line = step(sending, address)
    expect(line).to_have_attribute("data-state", state, timeout=PATIENCE)
    for sentence in sentences:
        expect(line).to_contain_text(sentence)
    return line


def test_a_letter_to_five_people_says_where_it_is_with_each_of_them(
    host: Product, world: OutsideWorld, screen: Open
) -> None:
    ann = screen(host).sign_in(ANN, PASSWORD)
    elsewhere = screen(host).sign_in(ANN, PASSWORD)
    elsewhere.go("/mail/sent/")
    ann.write(EVERYBODY, "Five ways to arrive", "The small boat is ready.")

    # the toast says how it goes on, wherever she is by then
    news = ann.page.locator("[data-test=toast-undelivered]")
    expect(news).to_contain_text("Not delivered to 2 of 5.", timeout=PATIENCE)
    # the row of Sent in another tab, and the inbox: a report, unread
    row = elsewhere.sees_row("Five ways to arrive")
    expect(row.locator(".row-delivery")).to_have_text("2 not delivered", timeout=PATIENCE)
    report = ann.sees_row("Five ways to arrive")
    expect(report.and_(ann.page.locator(".unread"))).to_be_visible(timeout=PATIENCE)
    expect(report.locator(".row-from")).to_contain_text("Mail")

    # View leads to the message, where every recipient has a line
    news.locator(".toast-action").click()
    sending = ann.page.locator("[data-test=sending]")
    stands(sending, "ben@example.test", "delivered", "Delivered here.")
    ada = stands(
        sending, "ada@outside.test", "delivered", "Accepted by mx.outside.test, encrypted (TLS 1.3)."
    )
    full = stands(
        sending, "full@outside.test", "failed", "The mailbox full@outside.test is full.", "Try again when"
    )
    nobody = stands(sending, "nobody@outside.test", "failed", "There is no mailbox nobody@outside.test.")
    expect(nobody.locator("[data-test=sending-edit]")).to_have_text("Correct the address")
    # the other server's own words, when they are asked for
    expect(full.locator(".mono")).to_be_hidden()
    full.locator("summary").click()
    expect(full.locator(".mono")).to_contain_text("552 5.2.2 This mailbox is full")
    expect(ada.locator(".mono")).to_be_hidden()

    # the one that waits: why, until when, and not a moment longer than she wants
    waits = stands(
        sending, "slow@outside.test", "retry", "The server of outside.test asks us to wait. We try again at"
    )
    world.patient = False
    waits.locator("[data-test=sending-try]").click()
    stands(
        sending,
        "slow@outside.test",
        "delivered",
        "Accepted by mx.outside.test at attempt 2, encrypted (TLS 1.3).",
    )
    expect(full.locator(".mono")).to_be_visible()  # what she unfolded is still open
    expect(sending.locator(".sending-text")).to_have_text("Delivered to 3 of 5, 2 not delivered")

    # once more, the very same message, to the one whose mailbox was full; and to nobody she writes no more
    world.full = False
    full.locator("[data-test=sending-again]").click()
    stands(sending, "full@outside.test", "delivered", "Accepted by mx.outside.test")
    again = [kept for kept in world.shelf.newest(limit=9) if "full@outside.test" in kept.recipients]
    assert [kept.recipients for kept in again] == [("full@outside.test",)]
    nobody.locator("[data-test=sending-give-up]").click()
    stands(sending, "nobody@outside.test", "gone", "You let it go.")
    expect(sending.locator(".sending-text")).to_have_text("Delivered to 4 of 5, 1 given up")
    expect(row.locator(".row-delivery")).to_have_count(0, timeout=PATIENCE)
    assert world.asked.count("nobody@outside.test") == 1


def test_who_closes_the_page_at_once_has_sent_all_the_same_and_hears_of_a_failure(
    host: Product, screen: Open
) -> None:
    ann = screen(host).sign_in(ANN, PASSWORD)
    ann.write("nobody@outside.test", "Closed at once", "Gone before it left.")
    ann.close()
    later = screen(host).sign_in(ANN, PASSWORD)
    report = later.sees_row("Closed at once")
    expect(report.and_(later.page.locator(".unread"))).to_be_visible(timeout=PATIENCE)
    later.open("Closed at once")
    sending = later.page.locator("[data-test=sending]")
    stands(sending, "nobody@outside.test", "failed", "There is no mailbox nobody@outside.test.")
