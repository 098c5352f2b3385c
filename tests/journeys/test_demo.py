"""A newcomer's first minutes: `up --demo`, Ann's inbox, and a sandbox internet that answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import DEMO_PASSWORD
from tests.journeys.screen import PATIENCE, Screen
from tests.product import Product

pytestmark = pytest.mark.product
Open = Callable[..., Screen]


@pytest.fixture
def ann(demo: Product, screen: Open) -> Screen:
    return screen(demo).sign_in("ann@example.test", DEMO_PASSWORD)


def test_start_prints_who_may_sign_in(demo: Product) -> None:
    for told in ("ann@example.test", "admin@example.test", DEMO_PASSWORD, demo.url):
        assert told in demo.output


def test_the_inbox_is_full_of_mail(ann: Screen) -> None:
    assert ann.page.url.endswith("/mail/inbox/")
    rows = ann.page.locator("[data-test=row]")
    assert rows.count() >= 25
    expect(rows.first).to_be_visible()
    assert ann.page.locator("[data-test=row].unread").count() > 0
    rows.first.locator("[data-test=subject]").click()
    expect(ann.letters.last).to_be_visible()


def test_echo_answers_in_the_conversation(ann: Screen) -> None:
    ann.write("echo@outside.test", "Anybody out there", "Hello, outside world.")
    row = ann.sees_row("Anybody out there")
    expect(row.locator(".row-count")).to_have_text("2", timeout=PATIENCE)
    ann.open("Anybody out there")
    ann.sees_letters(2)
    expect(ann.letters.last).to_contain_text("Thank you for your message.")


def test_a_full_mailbox_is_told_in_a_sentence(ann: Screen) -> None:
    ann.write("full@outside.test", "To a full mailbox", "Is there room for me?")
    toast = ann.page.locator("[data-test=toast-undelivered]")
    expect(toast).to_contain_text("Not delivered.", timeout=PATIENCE)  # without looking at Sent
    ann.go("/mail/sent/")
    row = ann.sees_row("To a full mailbox")
    expect(row.locator(".row-text .node")).to_have_attribute("data-state", "failed")
    expect(row.locator(".row-from")).to_contain_text("full@outside.test")
    ann.open("To a full mailbox")
    ann.waits_for_letters(2)  # hers, and the report
    sending = ann.unfolds(ann.letters.first).locator("[data-sending]")
    expect(sending.locator("summary .node")).to_have_attribute("data-state", "failed", timeout=PATIENCE)
    expect(sending).to_contain_text("The mailbox full@outside.test is full.")


def test_sending_is_undone_in_time(ann: Screen) -> None:
    ann.product.prefer("ann@example.test", undo_seconds=30)
    ann.write("echo@outside.test", "Too early", "Not yet finished")
    ann.page.locator("#toasts .toast-action", has_text="Undo").click()
    ann.product.prefer("ann@example.test", undo_seconds=5)
    window = ann.page.locator("[data-test=compose-window]")
    expect(window.locator("[data-test=compose-body] [contenteditable]")).to_contain_text(
        "Not yet finished", timeout=PATIENCE
    )
    window.locator("[data-test=discard]").click()
    ann.go("/mail/sent/")
    ann.misses_row("Too early")


def test_archiving_is_undone_by_the_toast_and_by_z(ann: Screen) -> None:
    subject = ann.page.locator("[data-test=row] .row-subject").nth(2).inner_text()
    row = ann.sees_row(subject)
    row.hover()
    row.locator("[data-action=archive]").click()
    ann.misses_row(subject)
    ann.sees_toast("archived").locator(".toast-action").click()
    row = ann.sees_row(subject)
    row.hover()
    row.locator("[data-action=archive]").click()
    ann.misses_row(subject)
    ann.sees_toast("archived")
    ann.page.keyboard.press("z")
    ann.sees_row(subject)
    ann.go("/mail/archive/")
    ann.misses_row(subject)


def test_a_label_a_star_and_a_search_find_a_message_again(ann: Screen) -> None:
    plain = ann.page.locator("[data-test=row]:has([data-action=star][aria-pressed=false]) .row-subject")
    subject = plain.nth(3).inner_text()
    row = ann.row(subject).first  # by its name: mail that comes meanwhile moves it down
    row.hover()
    row.locator("[data-action=star]").click()
    expect(row.locator("[data-action=star]")).to_have_attribute("aria-pressed", "true")
    ann.go("/mail/starred/")
    ann.sees_row(subject)
    ann.page.keyboard.press("/")
    ann.page.keyboard.type(f'subject:"{subject}"')
    ann.page.keyboard.press("Enter")
    expect(ann.page.locator("[data-test=results]")).to_be_visible(timeout=PATIENCE)
    expect(ann.row(subject).first).to_be_visible(timeout=PATIENCE)


def test_the_administrator_lands_in_the_panel_and_the_reseller_sees_only_their_own(
    demo: Product, screen: Open
) -> None:
    admin = screen(demo).sign_in("admin@example.test", DEMO_PASSWORD)
    assert "/panel/" in admin.page.url
    admin.go("/panel/domains/")
    expect(admin.page.locator("#main")).to_contain_text("example.test")
    expect(admin.page.locator("#main")).to_contain_text("marlowe-studio.test")
    reseller = screen(demo).sign_in("reseller@example.test", DEMO_PASSWORD)
    reseller.go("/panel/domains/")
    expect(reseller.page.locator("#main")).to_contain_text("marlowe-studio.test")
    expect(reseller.page.locator("#main")).not_to_contain_text("example.test")


def test_the_store_adds_up(demo: Product) -> None:
    assert "as it should be" in demo.ask("doctor", "--store")
