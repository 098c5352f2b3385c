"""The conversation in a real Chromium, line by line of the acceptance list's section 6."""

from __future__ import annotations

import imaplib
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.eventually import eventually
from tests.mail import mail
from tests.product import Product
from tests.webmail.test_mail_browser import PASSWORD, deliver, sign_in
from tests.webmail.test_papers import calendar

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page


@pytest.fixture
def address(product: Product) -> str:
    """A mailbox of this test's own."""
    address = f"talker-{secrets.token_hex(4)}@example.test"
    product.add_account(address, PASSWORD)
    return address


@pytest.fixture
def watched(context: BrowserContext) -> Iterator[Page]:
    """A page whose errors fail the test."""
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    yield page
    assert errors == []


def put(product: Product, address: str, *raws: bytes, flags: str = "\\Seen", box: str = "INBOX") -> None:
    """Mail that is there already, as a mail program puts it."""
    with imaplib.IMAP4("127.0.0.1", product.port("imap")) as imap:
        imap.login(address, PASSWORD)
        for raw in raws:
            assert imap.append(box, flags, "", raw)[0] == "OK"


def talk(address: str, count: int, *, subject: str = "Boat", start: int = 0) -> list[bytes]:
    """A conversation of some messages, each of which is an answer to the first."""
    return [
        mail(
            subject=f"Re: {subject}" if number else subject,
            to=address,
            body=f"Words of number {number}.",
            message_id=f"{subject}-{number}@{address}",
            references=f"{subject}-0@{address}" if number else "",
        )
        for number in range(start, start + count)
    ]


def open_first(page: Page) -> None:
    page.locator("[data-test=subject]").first.click()
    page.wait_for_selector("[data-test=message-subject]")


def menu_of(message: Locator) -> Locator:
    message.locator("[popovertarget^=more-]").click()
    return message.page.locator(".menu:popover-open")


def test_a_conversation_opens_at_what_is_new_folds_the_rest_and_has_its_tools(
    product: Product, address: str, watched: Page
) -> None:
    """Spec 6.1, 6.2, 6.3."""
    page = watched
    put(product, address, *talk(address, 6))
    put(product, address, *talk(address, 1, subject="Shed"))
    deliver(product, address, talk(address, 1, start=6)[0])
    sign_in(page, product, address)
    open_first(page)
    assert page.locator(".pager-range").inner_text() == "1 of 2"
    assert page.locator("a[data-newer]").get_attribute("aria-disabled") == "true"
    assert page.locator("[data-messages] > [data-opened]").count() == 1
    assert "Words of number 6." in page.locator("[data-test=message-body]").inner_text()
    fold = page.locator(".fold-button")
    assert "5 earlier messages" in fold.inner_text()
    fold.click()
    assert page.locator("[data-messages] > .message.closed").count() == 6
    page.locator("[data-open-all]").click()
    eventually(
        lambda: page.locator("[data-messages] > [data-opened]").count() == 7, "all are open", within=10
    )
    page.locator("[data-close-all]").click()
    eventually(lambda: page.locator("[data-messages] > .closed").count() == 6, "all are closed", within=10)
    for name, where in (("Print all", "/mail/print/"), ("Open in a new window", "/mail/inbox/")):
        tool = page.get_by_role("link", name=name)
        assert where in (tool.get_attribute("href") or "") and tool.get_attribute("target") == "_blank"
    page.locator(".chip-remove").click()  # leaves the Inbox
    page.wait_for_selector("[data-test=row]")
    assert page.locator("[data-test=subject]").all_inner_texts() == ["Shed"]
    page.keyboard.press("z")
    page.wait_for_selector("[data-test=subject]:has-text('Boat')")
    assert page.locator(".row[data-unread]").count() == 0  # it was read on opening
    open_first(page)
    page.keyboard.press("Shift+U")
    page.wait_for_selector("[data-test=row][data-unread]")


def test_a_head_tells_all_and_its_menu_does_all(product: Product, address: str, watched: Page) -> None:
    """Spec 6.4, 6.5, 6.6, 6.0."""
    page = watched
    first, second = talk(address, 2)
    deliver(product, address, first)
    deliver(product, address, second)
    sign_in(page, product, address)
    open_first(page)
    message = page.locator("[data-messages] > [data-opened]").last
    assert message.locator("[data-test=message-from]").inner_text() == "Ada Lovelace"
    assert message.locator(".message-address").inner_text() == "ada@outside.test"
    assert message.locator(".message-to").inner_text().strip() == "to me"
    assert re.search(r"\(.+\)", message.locator(".ago").inner_text())
    message.locator("[popovertarget^=details-]").click()
    details = page.locator(".menu:popover-open .message-details").inner_text()
    for words in (
        "Ada Lovelace <ada@outside.test>",
        "outside.test, not checked",
        "Not encrypted",
        "Re: Boat",
    ):
        assert words in details, details
    page.keyboard.press("Escape")
    message.locator("[data-message-action=star]").click()
    assert message.locator("[data-message-action=star]").get_attribute("aria-pressed") == "true"
    with page.expect_popup() as opened:
        menu_of(message).get_by_text("Show original").click()
    original = opened.value
    original.wait_for_selector(".source")
    assert "Words of number 1." in original.locator(".source").inner_text()
    pairs = original.locator(".pairs").inner_text()
    assert [method for method in ("SPF", "DKIM", "DMARC") if method in pairs] == ["SPF", "DKIM", "DMARC"]
    assert "pass" not in pairs, pairs  # no DNS answers this installation
    original.get_by_role("button", name="Copy").click()
    original.close()
    with page.expect_download() as saved:
        menu_of(message).get_by_text("Download message").click()
    assert saved.value.suggested_filename.endswith(".eml")
    menu_of(message).get_by_text("Delete this message").click()
    page.wait_for_selector("text=Message moved to Trash.")
    assert page.locator("[data-messages] > li").count() == 1
    page.locator("#toasts .toast-action").click()
    eventually(
        lambda: page.locator("[data-messages] > li").count() == 2, "it is back in its place", within=10
    )
    menu_of(page.locator("[data-messages] > [data-opened]").last).get_by_text("Report spam").click()
    eventually(lambda: page.locator("[data-messages] > li").count() == 1, "it went to Spam", within=10)
    page.reload()
    page.get_by_text("1 message is in Spam.").wait_for()
    page.locator(".hidden-note .link").click()
    eventually(lambda: page.locator("[data-messages] > li").count() == 2, "it is shown on demand", within=10)
    menu_of(page.locator("[data-messages] > [data-opened]").last).get_by_text(
        "Mark as unread from here"
    ).click()
    page.wait_for_selector("[data-test=row]")


def test_what_was_said_before_is_folded_and_nothing_else(
    product: Product, address: str, watched: Page
) -> None:
    """Spec 6.7."""
    page = watched
    signed = "\r\n-- \r\nAda, Marlowe Studio"
    first = mail(
        subject="Oars",
        to=address,
        message_id=f"oars@{address}",
        body=f"The oars are behind the ladder.{signed}",
    )
    quoted = f"Found them.{signed}\r\n\r\nOn 3 May 2026, Ada wrote:\r\n> The oars are behind the ladder."
    answer = mail(subject="Re: Oars", to=address, references=f"oars@{address}", body=quoted)
    put(product, address, first)
    deliver(product, address, answer)
    sign_in(page, product, address)
    open_first(page)
    text = page.locator("[data-test=message-body]").last
    assert text.locator("> .message-text").inner_text().strip() == "Found them."
    text.locator("summary.trimmed-button").click()
    text.get_by_text("behind the ladder").wait_for()
    text.get_by_text("Marlowe Studio").wait_for()


def test_who_only_looks_known_is_named(product: Product, address: str, watched: Page) -> None:
    """Spec 6.11."""
    page = watched
    known = mail(subject="Hello", to=address, sender="Ada Marlowe <ada@harbour-studio.test>")
    own = mail(subject="Re: Hello", sender=f"Me <{address}>", to="Ada Marlowe <ada@harbour-studio.test>")
    put(product, address, known)
    put(product, address, own, box="Sent")
    deliver(
        product, address, mail(subject="Favour", to=address, sender="Ada Marlowe <ada@harbour-studlo.test>")
    )
    sign_in(page, product, address)
    open_first(page)
    page.locator(".banner.danger[role=alert]").wait_for()
    assert "harbour-studlo.test" in page.locator(".banner.danger").inner_text()
    menu_of(page.locator("[data-messages] > [data-opened]").last).get_by_text("Report phishing").click()
    page.locator("#confirm[open] [data-confirm-yes]").click()
    page.wait_for_selector("[data-test=row]")
    page.locator("[data-test=subject]", has_text="Favour").wait_for(state="detached")
    page.locator("#toasts .toast", has_text="in Spam").locator(".toast-action").click()
    page.locator("[data-test=subject]", has_text="Favour").wait_for()


def test_an_invitation_is_answered_and_a_list_is_left(product: Product, address: str, watched: Page) -> None:
    """Spec 6.13."""
    page = watched
    start = datetime.now(UTC) + timedelta(days=3)
    lines = (
        f"DTSTART:{start:%Y%m%dT%H0000Z}",
        "SUMMARY:Tea and maps",
        "ORGANIZER;CN=Emiko:mailto:emiko@hana.test",
        f"ATTENDEE:mailto:{address}",
    )
    invite = mail(subject="Tea", to=address, extra="List-Unsubscribe: <mailto:leave@list.test>").replace(
        b"Content-Type: text/plain; charset=utf-8", b"Content-Type: text/calendar; method=REQUEST"
    )
    deliver(product, address, invite.replace(b"Shall we meet at noon?", calendar(*lines)))
    sign_in(page, product, address)
    open_first(page)
    card = page.locator("[data-invitation]")
    assert card.locator(".leaf-day").inner_text() == str(start.day)
    card.get_by_role("button", name="Yes").click()
    card.get_by_text("You said yes. Emiko is told.").wait_for()
    assert card.get_by_role("button", name="Yes").get_attribute("aria-pressed") == "true"
    page.reload()
    page.locator("[data-invitation]").get_by_text("You said yes.").wait_for()
    page.locator(".message-leave").first.click()
    asked = page.locator("#confirm[open]")
    asked.get_by_text("leave@list.test").wait_for()
    asked.locator("[data-confirm-yes]").click()
    page.get_by_text("Unsubscribed by a mail to leave@list.test.").wait_for()
    assert page.locator(".message-leave").count() == 0


def test_after_an_action_the_chosen_neighbour_opens(product: Product, address: str, watched: Page) -> None:
    """Spec 6.14, 6.1."""
    page = watched
    for subject in ("One", "Two", "Three", "Four"):
        put(product, address, *talk(address, 1, subject=subject))
    sign_in(page, product, address)
    title = page.locator("[data-test=message-subject]")
    page.locator("[data-test=subject]", has_text="Three").click()
    title.get_by_text("Three").wait_for()
    page.keyboard.press("]")
    title.get_by_text("Two").wait_for()
    page.keyboard.press("[")
    title.get_by_text("Four").wait_for()
    page.keyboard.press("e")
    page.wait_for_selector("[data-test=row]")  # the list, unless chosen otherwise
    assert page.locator("[data-test=subject]").all_inner_texts() == ["One"]


def test_news_disturb_neither_the_place_nor_an_answer_that_is_being_written(
    product: Product, address: str, watched: Page
) -> None:
    """Spec 6.12, 6.15."""
    page = watched
    long = "\r\n".join(f"Line {number} of a long letter." for number in range(120))
    put(product, address, mail(subject="Boat", to=address, message_id=f"Boat-0@{address}", body=long))
    sign_in(page, product, address)
    open_first(page)
    assert [each.strip() for each in page.locator("[data-reply-bar] .button").all_inner_texts()] == [
        "Reply",
        "Forward",
    ]
    page.locator("[data-test=reply]").click()
    editor = page.locator(".compose [contenteditable=true]").first
    editor.wait_for()
    editor.press_sequentially("Half a senten")
    body = page.locator(".sheet-body")
    body.evaluate("e => { e.scrollTop = 300; }")
    deliver(product, address, talk(address, 1, start=1)[0])
    note = page.locator("[data-new-messages]")
    note.get_by_text("1 new message.").wait_for()
    assert body.evaluate("e => e.scrollTop") == 300
    assert "Half a senten" in editor.inner_text()
    note.get_by_role("button", name="Show").click()
    page.get_by_text("Words of number 1.").wait_for()
    assert body.evaluate("e => e.scrollTop") == 300
    assert "Half a senten" in editor.inner_text()


def test_paper_has_the_subject_the_people_and_the_messages(
    product: Product, address: str, watched: Page
) -> None:
    """Spec 6.16."""
    page = watched
    put(product, address, *talk(address, 2))
    page.context.add_init_script("window.print = () => { window.printed = true; }")
    sign_in(page, product, address)
    open_first(page)
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Print all").click()
    paper = opened.value
    paper.wait_for_function("window.printed")
    text = paper.locator("body").inner_text()
    assert "Boat" in text and "Words of number 0." in text and "Words of number 1." in text
    assert paper.locator("button, nav, input").count() == 0


def test_the_next_conversation_is_there_before_it_is_asked_for(
    product: Product, address: str, watched: Page
) -> None:
    """Spec S5, S13."""
    page = watched
    put(product, address, *talk(address, 1, subject="Older"))
    deliver(product, address, talk(address, 1, subject="Middle")[0])
    put(product, address, *talk(address, 1, subject="Newest"))
    sign_in(page, product, address)
    with page.expect_response(
        lambda answer: answer.request.headers.get("x-mailstead") == "prefetch"
    ) as ahead:
        page.locator("[data-test=subject]", has_text="Newest").click()
        page.wait_for_selector("[data-test=message-body] >> text=Words of number 0.")
    assert ahead.value.ok
    page.keyboard.press("u")
    page.wait_for_selector("[data-test=row][data-unread]:has-text('Middle')")  # looking ahead read nothing
