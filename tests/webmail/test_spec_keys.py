"""The keyboard in a real browser: every key of the list's table but those of the composer, and the cursor."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.eventually import eventually
from tests.mail import mail
from tests.product import Product
from tests.webmail.list_world import checked, cursor, enter, fill, numbered, toast
from tests.webmail.test_mail_browser import (  # the fixtures, too
    address,
    subjects,
    until_subjects,
    watched,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["address", "watched"]


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def at(page: Page, where: str) -> None:
    """Waits until a view is shown."""
    page.wait_for_selector(f"#view{where}", state="attached")


def test_keys_move_select_and_organise_in_a_list(product: Product, address: str, watched: Page) -> None:
    """Spec 9 (j k x s e y # ! I U + - m z [ ] . , u * …), K1, K2, K4."""
    page = watched
    fill(product, address, numbered(12, address))
    enter(page, product, address)
    eventually(lambda: len(subjects(page)) == 12, "all of them", within=10)
    press(page, "j", "ArrowDown", "j", "k", "ArrowUp")
    assert cursor(page) == "Number 11"
    press(page, "x", "j", "x")
    assert checked(page) == ["Number 11", "Number 10"]
    press(page, "*", "n")
    assert checked(page) == []

    press(page, "s", "j", "I")  # a star on 10, 9 is read
    row = page.locator("[data-test=row]")
    eventually(lambda: row.nth(1).get_attribute("data-starred") == "", "a star", within=5)
    eventually(lambda: row.nth(2).get_attribute("data-unread") is None, "read", within=5)
    for keys, wanted in ((("*", "r"), ["Number 9"]), (("*", "s"), ["Number 10"])):
        press(page, *keys)
        assert checked(page) == wanted
    press(page, "*", "t")
    assert len(checked(page)) == 11
    press(page, "*", "u")
    assert len(checked(page)) == 11
    assert "Number 9" not in checked(page)
    press(page, "Escape")
    assert checked(page) == []
    press(page, "U", "+")
    eventually(lambda: row.nth(2).get_attribute("data-unread") == "", "unread", within=5)
    eventually(lambda: row.nth(2).get_attribute("data-important") == "", "important", within=5)
    press(page, "-")
    toast(page, "No longer marked as important.")
    eventually(lambda: row.nth(2).get_attribute("data-important") is None, "no longer", within=5)

    # what is done to the row under the cursor takes it away; the next one has its place
    left = [f"Number {number}" for number in range(11, -1, -1)]
    for key, said in (("e", "archived"), ("#", "Trash"), ("!", "Spam"), ("m", "muted"), ("y", "archived")):
        gone = cursor(page)
        following = left[left.index(gone) + 1]
        left.remove(gone)
        press(page, key)
        toast(page, said)
        until_subjects(page, left)
        assert cursor(page) == following
    press(page, "z")
    toast(page, "Undone.")
    until_subjects(page, left := sorted([*left, gone], key=lambda name: -int(name.split()[1])))
    assert cursor(page) == following
    press(page, "[")  # archives, and goes to the newer one
    toast(page, "archived")
    left.remove(following)
    until_subjects(page, left)
    assert cursor(page) == gone
    press(page, "u")  # the cursor survives
    page.wait_for_selector("[data-toolbar]:not([aria-busy])")
    eventually(lambda: page.locator(".row.cursor").count() == 1, "refreshed", within=5)
    assert cursor(page) == gone
    press(page, "u")  # and while the list is on its way again, somebody goes to the field
    page.evaluate("document.querySelector('.topbar .search input').focus()")
    page.keyboard.type("jjx#")
    page.wait_for_selector("[data-toolbar]:not([aria-busy])")
    assert page.input_value("input[name=q]") == "jjx#"
    page.keyboard.press("Control+z")  # the browser's own, for the text
    assert page.input_value("input[name=q]") != "jjx#"
    page.fill("input[name=q]", "")
    press(page, "Escape", "Escape")  # what is suggested, then the field
    until_subjects(page, left)

    press(page, ".")
    page.wait_for_selector("#row-menu:popover-open")
    press(page, "Escape", ",")
    assert page.evaluate("document.activeElement.closest('[role=toolbar]') !== null")
    press(page, "ArrowRight", "ArrowRight")
    assert page.evaluate("document.activeElement.closest('[role=toolbar]') !== null")


def test_keys_lead_to_places_and_wait_while_they_load(product: Product, address: str, watched: Page) -> None:
    """Spec 9 (g …, /, ?, u, o, n p, ; :, N, _), K1, K3."""
    page = watched
    fill(product, address, [], folder="Work")
    fill(product, address, numbered(60, address))
    fill(product, address, [mail(subject="Talk", to=address, message_id="talk@x")])
    fill(product, address, [mail(subject="Re: Talk", to=address, references="talk@x", body="And so on")])
    enter(page, product, address)
    eventually(lambda: len(subjects(page)) == 50, "a page of them", within=10)
    for key, place in (
        ("s", "starred"),
        ("b", "snoozed"),
        ("t", "sent"),
        ("d", "drafts"),
        ("a", "all"),
        ("i", "inbox"),
    ):
        press(page, "g", key)
        at(page, f"[data-box={place}]")
    press(page, "g", "n")
    page.wait_for_selector(".pager-range:text-is('51–61 of 61')")
    press(page, "g", "p")
    page.wait_for_selector(".pager-range:text-is('1–50 of 61')")
    press(page, "g", "l")
    page.keyboard.type("wor")
    press(page, "Enter")
    at(page, "[data-box='label/Work']")

    # keys pressed while the inbox is on its way are not lost, and mean the inbox
    page.route("**/mail/inbox/", lambda route: (page.wait_for_timeout(400), route.continue_())[1])
    press(page, "g", "i", "j", "j", "x")
    eventually(lambda: checked(page) == ["Number 59"], "the second row is selected", within=10)
    page.unroute("**/mail/inbox/")
    press(page, "x")

    # the cursor is always seen, with a row of margin
    for _ in range(30):
        press(page, "j")
    box, sheet = page.locator(".row.cursor").bounding_box(), page.locator(".sheet-body").bounding_box()
    assert box and sheet and box["y"] + 2 * box["height"] <= sheet["y"] + sheet["height"] + 1

    page.locator("[data-test=subject]", has_text="Talk").click()
    page.wait_for_selector("[data-test=message-body]")
    press(page, "p", "n", ";", ":")
    press(page, "j")
    page.wait_for_selector("[data-test=message-subject]:text-is('Number 59')")
    press(page, "k")
    page.wait_for_selector("[data-test=message-subject]:text-is('Talk')")
    press(page, "u")
    at(page, "[data-box=inbox][data-view=list]")
    assert cursor(page) == "Talk"
    press(page, "o")
    page.wait_for_selector("[data-test=message-subject]")
    press(page, "]")  # archived, and the next older one is open
    page.wait_for_selector("[data-test=message-subject]:text-is('Number 59')")
    press(page, "U")  # unread leads back to the list
    at(page, "[data-box=inbox][data-view=list]")
    eventually(
        lambda: page.locator(".row.unread .row-subject").first.inner_text() == "Number 59", "unread", within=5
    )

    press(page, "/")
    assert page.evaluate("document.activeElement.name") == "q"
    press(page, "Escape", "Escape", "?")  # what is suggested, then the field
    page.wait_for_selector("#keys[open]")
    named = set(re.sub(r"\s", "", " ".join(page.locator("#keys kbd").all_inner_texts())))
    assert set("jkouxse#!zbmlv;:.,`~_+-[]?/ynpcdraf") <= named
    assert page.locator("#keys").evaluate("e => e.scrollTop") == 0


def test_keys_can_be_switched_off_but_for_the_plain_ones(
    product: Product, address: str, watched: Page
) -> None:
    """Spec 9 (a setting), 11.2."""
    page = watched
    fill(product, address, numbered(3, address))
    enter(page, product, address)
    until_subjects(page, ["Number 2", "Number 1", "Number 0"])
    page.evaluate("document.body.dataset.keyboard = ''")  # as the server writes it for who has chosen so
    press(page, "ArrowDown", "ArrowDown", "e", "#", "x")
    assert cursor(page) == "Number 1"
    assert checked(page) == []
    assert len(subjects(page)) == 3
    press(page, "Enter")
    page.wait_for_selector("[data-test=message-subject]:text-is('Number 1')")
