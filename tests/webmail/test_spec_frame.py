"""The frame of the web client: left column, addresses, reading pane, notifications, offline, sessions that end.

Page tests first, then a real Chromium; the numbers at the end of a docstring are lines of docs/webmail-spec-status.md.
"""

from __future__ import annotations

import imaplib
import re
import secrets
import smtplib
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from playwright.sync_api import expect

from mta.mailstore import service as mailstore
from mta.values import SEEN
from tests.eventually import eventually
from tests.mail import mail
from tests.product import Product
from tests.webmail.mail_world import CAUSE, Reader
from webmail.models import Preferences
from webmail.views.settings_form import GROUPS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

PASSWORD = "a good long one"


# --- pages ---------------------------------------------------------------------------------------------------
def label(who: Reader, name: str) -> int:
    return mailstore.create_mailbox(who.space, name, cause=CAUSE).id


def names_of(page: str) -> list[str]:
    column = page[page.index('id="sidebar"') : page.index('id="main"')]
    return re.findall(r'class="nav-text">([^<]+)<', column)


def counted(page: str, name: str) -> str:
    """The number beside a place; nothing where none is shown."""
    item = page.split(f'data-nav="{name}"')[1].split("</a>")[0]
    found = re.search(r'class="nav-count">([^<]+)<', item)
    return found[1] if found else ""


def row_of(page: str, name: str) -> str:
    """The line of a label in the left column."""
    return next(
        row
        for row in re.findall(r'<div class="nav-row.*?</div>', page, re.DOTALL)
        if f'data-path="{name}"' in row
    )


def test_the_left_column_has_its_order_and_its_counts(ann: Reader) -> None:
    """Spec 2.2, 2.3."""
    label(ann, "Work")
    ann.receive(subject="One")
    ann.receive(subject="Two", flags=SEEN)
    page = ann.page("/mail/inbox/")
    assert names_of(page) == [
        *("Inbox", "Starred", "Snoozed", "Sent", "Drafts", "More"),
        *("Scheduled", "Archive", "All mail", "Spam", "Trash", "Files", "Recent changes"),
        *("Contacts", "Work"),
    ]
    inbox = page[page.index('data-nav="inbox"') - 200 : page.index('data-nav="starred"')]
    assert "has-unread" in inbox
    assert re.search(r'class="nav-count">1<', inbox)
    work = row_of(page, "Work")
    assert 'class="nav-count" hidden' in work, "nothing is counted as nothing"
    for role, flags in (("drafts", SEEN), ("drafts", SEEN), ("junk", 0), ("junk", SEEN), ("trash", 0)):
        ann.receive(role=role, flags=flags)
    page = ann.page("/mail/inbox/")
    assert [counted(page, name) for name in ("drafts", "spam", "trash", "sent")] == ["2", "1", "", ""]


def test_labels_below_labels_fold_and_a_browser_keeps_which(ann: Reader) -> None:
    """Spec 2.2."""
    work = label(ann, "Work")
    label(ann, "Work/2026")
    label(ann, "Work/2026/May")
    open_ = ann.page("/mail/inbox/")
    assert f'data-twist="{work}" aria-expanded="true"' in row_of(open_, "Work")
    assert "depth-2" in row_of(open_, "Work/2026/May")
    ann.client.cookies["folded"] = f"{work}.x.99"
    folded = ann.page("/mail/inbox/")
    assert 'aria-expanded="false"' in row_of(folded, "Work")
    assert all(" hidden>" in row_of(folded, name).split("<a ")[0] for name in ("Work/2026", "Work/2026/May"))


def test_a_label_is_hidden_or_there_while_unread_as_each_person_wants(ann: Reader) -> None:
    """Spec 2.4."""
    work, home = label(ann, "Work"), label(ann, "Home")
    label(ann, "Work/Old")
    thread = ann.receive(subject="Plans")
    mailstore.label(ann.space, [thread], home, cause=CAUSE)
    ann.client.post(f"/mail/labels/{work}/looks/", {"list": "hide"})
    ann.client.post(f"/mail/labels/{home}/looks/", {"list": "unread", "rows": "hide"})
    page = ann.page("/mail/inbox/")
    assert names_of(page)[-3:] == ["Hidden labels", "Work", "Old"], "and what lies below it"
    assert "when-unread" in row_of(page, "Home")
    assert 'title="Home"><span class="chip-text"' not in page
    ann.client.post(f"/mail/labels/{home}/looks/", {"list": "", "rows": ""})
    ann.client.post(f"/mail/labels/{work}/looks/", {"list": "nonsense"})
    page = ann.page("/mail/inbox/")
    assert "Hidden labels" not in page
    assert 'title="Home"><span class="chip-text"' in page


def test_storage_leads_to_where_the_room_goes_and_the_last_sign_in_is_said(ann: Reader) -> None:
    """Spec 2.10."""
    ann.receive(subject="Large", body="x" * 3000)
    page = ann.page("/mail/inbox/")
    assert 'href="/mail/settings/storage/"' in page
    assert "Last sign-in" in page
    storage = ann.page("/mail/settings/storage/")
    assert "1 message<" in storage
    assert "larger%3A5M" in storage


def test_every_preference_of_reading_can_be_set_and_what_is_not_named_stays(ann: Reader) -> None:
    for tab, _group, _title, names in GROUPS:
        page = ann.page(f"/mail/settings/{tab}/")
        assert [name for name in names if f'name="{name}"' not in page] == [], tab
    chosen = {
        "every": "1", "inbox_type": "unread", "page_size": "25", "after_action": "older", "read_after": "3",
        "pictures": "ask", "swipe_right": "snooze", "swipe_left": "none", "language": "", "time_zone": "",
        "morning": "7", "evening": "19", "notifications": "important", "keyboard": "on",
        "receipts": "never", "undo_seconds": "10",
    }  # fmt: skip
    assert ann.client.post("/mail/settings/", chosen).status_code == 302
    kept = Preferences.objects.get(account=ann.account)
    assert (kept.inbox_type, kept.read_after, kept.morning, kept.notifications) == (
        "unread",
        3,
        7,
        "important",
    )
    assert (kept.conversations, kept.keyboard) == (False, True), "a switch that is off sends nothing"
    ann.client.post("/mail/settings/", {"page_size": "100"})
    kept.refresh_from_db()
    assert (kept.page_size, kept.inbox_type, kept.keyboard) == (100, "unread", True)


def test_a_conversation_is_drawn_beside_its_list_where_the_browser_has_a_pane(ann: Reader) -> None:
    """Spec 2.9."""
    thread = ann.receive(subject="Plans", body="The text")
    ann.receive(subject="Other")
    alone = ann.page(f"/mail/inbox/{thread}/")
    assert 'data-test="row"' not in alone
    ann.client.cookies["pane"] = "right"
    assert 'id="pane"' in ann.page("/mail/inbox/")
    for address in (f"/mail/inbox/{thread}/", f"/mail/inbox/{thread}/?q=Plans"):
        beside = ann.page(address)
        assert 'data-pane="right"' in beside
        assert beside.count('id="view"') == beside.count('id="reading"') == beside.count('id="acting"') == 1
        assert "The text" in beside
        assert beside.index('data-test="row"') < beside.index('data-test="message-subject"')
    assert ann.get("/mail/inbox/999999/").status_code == 404
    ann.client.cookies["pane"] = "<script>"
    assert 'data-pane="none"' in ann.page("/mail/inbox/")


def test_a_page_of_somebody_else_is_told_so_and_gets_nothing(ann: Reader, eve: Reader) -> None:
    """Spec 13.1."""
    ann.receive(subject="Private")
    hers = {"X-Mailstead": "part", "X-Mailstead-Account": f"{ann.account.pk}.{ann.space}"}
    answer = eve.client.get("/mail/inbox/", headers=hers)
    assert answer.status_code == 409
    assert answer.json()["reason"] == "account"


def test_the_panel_signs_in_and_says_who_has(ann: Reader) -> None:
    """Spec 13.1."""
    ann.account.set_password(PASSWORD)
    ann.account.save()
    browser = Client(enforce_csrf_checks=True)
    assert b'id="sign-in-panel"' in browser.get("/sign-in/").content
    token = browser.cookies["mailstead_csrf"].value
    said = {
        "username": "ann@example.test",
        "password": "wrong",
        "mailspace": str(ann.space),
        "csrfmiddlewaretoken": token,
    }
    assert browser.post("/sign-in/", said).status_code == 400
    answer = browser.post("/sign-in/", said | {"password": PASSWORD})
    assert answer.json()["account"] == f"{ann.account.pk}.{ann.space}"
    assert browser.get("/mail/inbox/").status_code == 200
    assert Client(enforce_csrf_checks=True).post("/sign-in/", said).status_code == 403


def _views(patterns: list[URLPattern | URLResolver], before: str = "") -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for each in patterns:
        route = before + str(each.pattern)
        found += (
            _views(each.url_patterns, route) if isinstance(each, URLResolver) else [(route, each.callback)]
        )
    return found


# A mailbox provider's own servers post to this address, with nothing of a session (RFC 8058).
WITHOUT_TOKEN = frozenset({"lists/leave/<str:token>/"})


def test_no_address_is_excepted_from_the_check_of_the_token() -> None:
    """Spec 13.2. That it refuses, and that no GET changes mail: tests/webmail/test_isolation.py."""
    views = _views(get_resolver().url_patterns)
    assert len(views) > 60
    excepted = {route for route, view in views if getattr(view, "csrf_exempt", False)}
    assert excepted == WITHOUT_TOKEN


def test_notices_tell_of_new_mail_in_the_inbox_as_far_as_wanted(ann: Reader) -> None:
    """Spec 2.8."""
    Preferences.objects.create(account=ann.account, notifications=Preferences.EVERY)
    first = ann.get("/mail/live/notices/").json()
    assert first["notices"] == []
    old = ann.receive(subject="Read already", flags=SEEN)
    new = ann.receive(subject="Lunch", body="At one?")
    query = f"/mail/live/notices/?since={first['clock']}&at=1"
    (notice,) = ann.get(query).json()["notices"]
    assert notice["url"] == f"/mail/inbox/{new}/"
    assert notice["text"].startswith("Lunch\nAt one?")
    Preferences.objects.update(notifications=Preferences.IMPORTANT)
    assert ann.get(query).json()["notices"] == []
    mailstore.mark_important(ann.space, [new, old], on=True, cause=CAUSE)
    assert [each["id"] for each in ann.get(query).json()["notices"]] == [new]


# --- in a browser ----------------------------------------------------------------------------------------------
@pytest.fixture
def address(product: Product) -> str:
    """A mailbox of this test's own."""
    address = f"frame-{secrets.token_hex(4)}@example.test"
    product.add_account(address, PASSWORD)
    return address


def fill(product: Product, address: str, *subjects: str, labels: tuple[str, ...] = ()) -> None:
    """Unread mail in the inbox, the last subject on top."""
    with imaplib.IMAP4("127.0.0.1", product.port("imap")) as imap:
        imap.login(address, PASSWORD)
        for name in labels:
            imap.create(name)
        for subject in subjects:
            imap.append("INBOX", "", "", mail(subject=subject, to=address, body=f"Text of {subject}"))


def deliver(product: Product, address: str, subject: str) -> None:
    with smtplib.SMTP("127.0.0.1", product.port("smtp"), timeout=20) as smtp:
        smtp.sendmail("ada@outside.test", [address], mail(subject=subject, to=address))


def sign_in(page: Page, product: Product, address: str) -> None:
    page.context.add_cookies([product.session(address)])
    page.goto(product.url)
    page.wait_for_url("**/mail/inbox/")
    page.wait_for_selector("[data-test=row], .empty")
    page.wait_for_selector("body[data-ready]")


def open_subject(page: Page, subject: str) -> None:
    page.locator("[data-test=subject]", has_text=subject).first.click()


def test_the_left_column_folds_to_icons_and_labels_change_from_their_menu(
    product: Product, address: str, page: Page
) -> None:
    """Spec 2.1, 2.2, 2.4, 2.12."""
    fill(product, address, "One", labels=("Work", "Work/2026", "Home"))
    sign_in(page, product, address)
    page.wait_for_selector(".topbar .search input")
    assert (
        page.locator(
            ".topbar [data-opens=keys], .topbar a.icon-button[href='/mail/settings/'], .topbar [popovertarget=account-menu]"
        ).count()
        == 3
    )
    sidebar = page.locator("#sidebar")
    page.click("[data-toggle-sidebar]")
    page.mouse.move(900, 500)
    eventually(lambda: sidebar.bounding_box()["width"] < 80, "only icons are left")  # type: ignore[index]
    assert not page.locator("[data-nav=inbox] .nav-text").is_visible()
    sidebar.hover(position={"x": 20, "y": 120})
    page.locator("[data-nav=inbox] .nav-text").wait_for(state="visible")
    page.click("[data-toggle-sidebar]")

    page.click("[data-twist]")
    page.locator("[data-path='Work/2026']").wait_for(state="hidden")
    page.reload()
    page.locator("[data-path='Work/2026']").wait_for(state="hidden")
    page.hover("[data-path=Home]")
    page.click("[data-path=Home] [data-label-menu]")
    page.click("#label-actions [data-label-colour='2']")
    page.wait_for_selector("[data-path=Home] .nav-mark.hue-2")
    page.hover("[data-path=Home]")
    page.click("[data-path=Home] [data-label-menu]")
    page.click("#label-actions [data-label-list=unread]")
    page.locator("[data-path=Home]").wait_for(state="hidden")
    page.hover("[data-path=Work]")
    page.click("[data-path=Work] [data-label-menu]")
    page.click("#label-actions [data-label-do=below]")
    page.fill("#label-name", "Work/2027")
    page.click("#label-dialog button.primary")
    page.locator("[data-path='Work/2027']").wait_for(state="attached")

    page.click("[popovertarget=account-menu]")
    page.click("#account-menu [data-set-theme=dark]")
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_views_come_back_as_they_were_left_and_the_title_counts(
    product: Product, address: str, page: Page
) -> None:
    """Spec 2.6, 2.7."""
    fill(product, address, *(f"Number {number}" for number in range(40)))
    sign_in(page, product, address)
    eventually(lambda: page.title().startswith("Inbox (40) - "), "the title counts")
    body = page.locator("#main > .sheet-body")
    open_subject(page, "Number 9")
    page.wait_for_selector("[data-test=message-subject]")
    assert re.search(r"/mail/inbox/\d+/$", page.url)
    page.go_back()
    page.wait_for_selector(".row.cursor:has-text('Number 9')")
    assert body.evaluate("e => e.scrollTop") > 0
    eventually(lambda: "Inbox (39)" in page.title(), "one is read", within=15)
    assert "mark-unread" in (page.locator("link[rel=icon]").get_attribute("href") or "")
    page.goto(f"{product.url}/mail/search/?q=Number+7")
    page.wait_for_selector("[data-test=results] [data-test=row]")
    page.click("[data-nav=starred]")
    page.wait_for_url("**/mail/starred/")
    page.go_back()
    page.wait_for_selector("[data-test=results] [data-test=row]")
    assert page.input_value(".topbar .search input") == "Number 7"

    page.keyboard.press("c")
    page.fill("#compose-dock [name=subject]", "Still writing")
    page.wait_for_url("**#compose=*", timeout=45_000)
    page.evaluate("sessionStorage.clear()")  # the address alone says it
    page.goto("about:blank")
    page.go_back()
    expect(page.locator("#compose-dock [name=subject]")).to_have_value("Still writing", timeout=45_000)


def test_a_conversation_opens_beside_its_list_and_the_keys_lead_it(
    product: Product, address: str, page: Page
) -> None:
    """Spec 2.9."""
    fill(product, address, "One", "Two", "Three", "Four")
    sign_in(page, product, address)
    page.goto(f"{product.url}/mail/settings/")
    page.click("[data-test=pane-right]")
    page.goto(f"{product.url}/mail/inbox/")
    page.wait_for_selector("text=Choose a conversation to read it here.")
    shown = page.locator("#pane [data-test=message-subject]")
    open_subject(page, "Three")
    shown.get_by_text("Three").wait_for()
    assert page.locator("[data-test=row]").count() == 4, "the list is still there"
    three = page.url
    assert re.search(r"/mail/inbox/\d+/$", three)
    page.keyboard.press("j")
    shown.get_by_text("Two").wait_for()
    eventually(
        lambda: page.locator("[data-test=row][data-unread]").count() == 2, "what is shown is read", within=15
    )
    page.keyboard.press("e")  # archives Two; the row that takes its place is shown
    shown.get_by_text("One").wait_for()
    page.wait_for_selector("text=Conversation archived.")
    deliver(product, address, "Five")
    page.wait_for_selector("[data-test=row] >> text=Five")
    assert shown.inner_text() == "One"
    page.reload()
    shown.get_by_text("One").wait_for()
    assert page.locator("[data-test=row]").count() == 4
    page.go_back()
    page.wait_for_url("**/mail/inbox/")
    page.wait_for_selector("text=Choose a conversation to read it here.")

    list_ = page.locator("#main > .sheet-body")
    before = list_.bounding_box()["width"]  # type: ignore[index]
    page.focus("[data-pane-grip]")
    for _press in range(5):
        page.keyboard.press("ArrowRight")
    after = list_.bounding_box()["width"]  # type: ignore[index]
    assert after > before + 40
    page.goto(f"{product.url}/mail/search/?q=One")
    assert abs(list_.bounding_box()["width"] - after) < 2, "the split is kept"  # type: ignore[index]
    open_subject(page, "One")
    shown.get_by_text("One").wait_for()
    assert page.locator("[data-test=results] [data-test=row]").count() == 1
    page.set_viewport_size({"width": 900, "height": 700})
    page.goto(f"{product.url}/mail/inbox/")
    open_subject(page, "Five")
    page.wait_for_selector("[data-test=message-subject]")
    assert page.locator("[data-test=row]").count() == 0, "a narrow window shows one thing at a time"


def test_without_a_line_views_stay_readable_and_actions_wait(
    product: Product, address: str, context: BrowserContext, page: Page
) -> None:
    """Spec 5.5."""
    fill(product, address, "One", "Two", "Three")
    sign_in(page, product, address)
    open_subject(page, "Two")
    page.wait_for_selector("[data-test=message-body] >> text=Text of Two")
    page.keyboard.press("u")
    page.wait_for_selector("[data-test=row]")
    context.set_offline(True)
    page.wait_for_selector("text=You are offline. Showing the last view.")
    open_subject(page, "Two")
    page.wait_for_selector("[data-test=message-body] >> text=Text of Two")
    page.keyboard.press("u")
    page.wait_for_selector("[data-test=row]")
    page.keyboard.press("e")
    page.wait_for_selector("text=1 action waits.")
    page.keyboard.press("#")
    page.wait_for_selector("text=2 actions wait.")
    assert page.locator("[data-test=row]").count() == 1
    context.set_offline(False)
    page.locator("[data-test=offline]").wait_for(state="hidden")
    page.wait_for_selector("[data-test=toast-waited]")
    page.goto(f"{product.url}/mail/inbox/")
    assert page.locator("[data-test=row]").count() == 1
    page.goto(f"{product.url}/mail/trash/")
    assert page.locator("[data-test=row]").count() == 1


def test_a_session_that_ends_asks_over_the_page_and_goes_on(
    product: Product, address: str, context: BrowserContext, page: Page
) -> None:
    """Spec 13.1."""
    other = f"other-{secrets.token_hex(4)}@example.test"
    product.add_account(other, PASSWORD)
    fill(product, address, "One", "Two")
    sign_in(page, product, address)
    page.keyboard.press("c")
    page.fill("#compose-dock [name=subject]", "A secret of mine")
    page.wait_for_selector("#compose-dock >> text=Draft saved", timeout=45_000)

    context.clear_cookies(name="mailstead_session")
    page.locator("[data-test=row]", has_text="Two").hover()
    page.locator("[data-test=row]", has_text="Two").locator("[data-action=archive]").click()
    page.wait_for_selector("#sign-in-panel")
    assert page.input_value("#panel-username") == address
    page.fill("#panel-password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Conversation archived.")
    assert page.locator("[data-test=row]").count() == 1

    context.clear_cookies(name="mailstead_session")
    page.fill("#compose-dock [data-test=compose-to] input", f"{address},")
    page.click("#compose-dock [data-test=send]")
    page.fill("#panel-password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Sending in")  # what was to be sent is sent then
    page.locator("#compose-dock [name=subject]").wait_for(state="detached")

    page.keyboard.press("c")
    page.wait_for_selector("#compose-dock [name=subject]")
    context.clear_cookies(name="mailstead_session")
    page.fill("#compose-dock [name=subject]", "Another secret")
    page.wait_for_selector("#sign-in-panel")
    page.fill("#panel-username", other)
    page.fill("#panel-password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Nothing waiting for you.")
    assert page.locator("#compose-dock [name=subject]").count() == 0
    assert "secret" not in page.content()


def test_one_of_several_tabs_shows_new_mail_on_the_desktop(
    product: Product, address: str, browser: Browser
) -> None:
    """Spec 2.8."""
    context = browser.new_context(permissions=["notifications"])
    context.set_default_timeout(45_000)
    context.add_init_script(
        """window.shown = [];
        window.Notification = class extends EventTarget {
          static permission = "granted";
          static requestPermission() { window.asked = true; return Promise.resolve("granted"); }
          constructor(title, options) { super(); window.shown.push([title, options.body, this]); }
          close() {}
        };
        document.hasFocus = () => false;"""
    )
    try:
        first = context.new_page()
        sign_in(first, product, address)
        first.goto(f"{product.url}/mail/settings/")
        first.select_option("[name=notifications]", "all")
        first.click("text=Save settings")
        first.wait_for_selector("text=Settings saved.")
        assert first.evaluate("window.asked") is None, "nobody is asked but by the button"
        first.goto(f"{product.url}/mail/inbox/")
        second = context.new_page()
        second.goto(f"{product.url}/mail/sent/")
        watching = "navigator.locks.query().then(all => all.held.filter(each => each.name.startsWith('mailstead-notices')).length)"
        eventually(lambda: first.evaluate(watching) == 1, "one tab watches", within=15)
        first.wait_for_timeout(300)
        deliver(product, address, "Lunch at one")
        tabs = (first, second)
        shown = "window.shown.map(([title, body]) => `${title}: ${body}`)"
        eventually(lambda: sum(len(tab.evaluate(shown)) for tab in tabs) == 1, "one notification", within=15)
        tab = next(tab for tab in tabs if tab.evaluate(shown))
        assert "Lunch at one" in tab.evaluate(shown)[0]
        tab.evaluate("window.shown[0][2].dispatchEvent(new Event('click'))")
        tab.wait_for_selector("[data-test=message-subject] >> text=Lunch at one")
    finally:
        context.close()


def test_without_conversations_every_message_is_a_row_and_is_acted_on_alone(
    product: Product, address: str, page: Page
) -> None:
    """Spec 2.9."""
    with imaplib.IMAP4("127.0.0.1", product.port("imap")) as imap:
        imap.login(address, PASSWORD)
        imap.append("INBOX", "", "", mail(subject="Plans", to=address, body="First", message_id="1@x"))
        reply = mail(subject="Re: Plans", to=address, body="Second", message_id="2@x", references="1@x")
        imap.append("INBOX", "", "", reply)
    sign_in(page, product, address)
    assert page.locator("[data-test=row]").count() == 1
    page.goto(f"{product.url}/mail/settings/inbox/")
    page.uncheck("[name=conversations]")
    page.click("text=Save settings")
    page.wait_for_selector("text=Settings saved.")
    page.goto(f"{product.url}/mail/inbox/")
    rows = page.locator("[data-test=row]")
    assert rows.count() == 2
    rows.nth(1).locator("[data-test=subject]").click()
    page.wait_for_selector("[data-test=message-body] >> text=First")
    assert page.locator("[data-test=message-body]").count() == 1
    assert page.get_by_text("Second").count() == 0
    for _ in range(2):  # when the second news come, the first were shown: the other message is none
        with page.expect_response("**/mail/live/conversation/**"):
            page.evaluate("document.dispatchEvent(new CustomEvent('mail:stale'))")
    assert not page.locator("[data-new-messages]").is_visible()
    page.go_back()
    eventually(lambda: page.locator("[data-test=row][data-unread]").count() == 1, "one is read", within=15)
    rows.nth(0).hover()
    rows.nth(0).locator("[data-action=archive]").click()
    page.wait_for_selector("[data-test=toast-archive] >> text=archived")
    eventually(lambda: rows.count() == 1, "the other one stays")
    page.wait_for_selector("[data-test=row] >> text=First")
    page.keyboard.press("z")
    eventually(lambda: rows.count() == 2, "and it comes back", within=15)
    deliver(product, address, "Third")
    eventually(lambda: rows.count() == 3, "news come by themselves", within=15)
