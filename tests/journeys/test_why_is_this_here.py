"""Why is this here, for every way into a place: mail in Spam says why by itself and goes back with one press; a label,
a snooze, a mute and a mail program are each named, and each can be put right from the panel.

No message is further from the answer than two presses: "Details" below its sender's name, then the question itself.
"""

from __future__ import annotations

import imaplib
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.eventually import eventually
from tests.journeys.conftest import PASSWORD
from tests.journeys.screen import PATIENCE, Screen
from tests.mail import mail
from tests.product import Product
from tests.webmail.test_mail_browser import deliver

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

# What delivery will do with a message that its own domain disowns: Spam, with the papers it looked at.
INTO_SPAM = """
import sys
from hosting.models import Account
from mta.mailstore import service as mailstore
from mta.message import trace
from mta.trust.verdict import Evidence, Verdict, written
from mta.values import JUNK, Cause, now_us
address, raw = {address!r}, {raw!r}
space = Account.objects.get(username=address).mailspace
papers = Verdict(tuple(Evidence(method, result, "", "bank.test") for method, result in (("spf", "fail"), ("dkim", "none"), ("dmarc", "fail"))))
line = trace.received("mail.bank.test", "192.0.2.66", None, "mail.example.test", "ESMTPS", "TLSv1.3 TLS_AES_256_GCM_SHA384", "f0rged", address, now_us())
reasons = {{"placement": "Sent to " + address, "evidence": written(papers), "spam": "bank.test does not vouch for it"}}
mailstore.commit({{space}}, lambda door: door.store(space, mailstore.prepare(raw), JUNK, prefix=trace.return_path("no-reply@bank.test") + trace.delivered_to(address) + line, trace_id="f0rged", reasons=reasons, cause=Cause("smtp")))
"""


def enter(product: Product, screen: Callable[..., Screen], name: str) -> tuple[str, Page]:
    """A mailbox of its own, and a window in which its owner has signed in."""
    address = f"{name}-{secrets.token_hex(4)}@example.test"
    product.add_account(address, PASSWORD)
    return address, screen(product).enter(address).page


def program(product: Product, address: str) -> imaplib.IMAP4:
    """A mail program that says what it is, as mail programs do (RFC 2971)."""
    imap = imaplib.IMAP4("127.0.0.1", product.port("imap"))
    imap.login(address, PASSWORD)
    imap.xatom("ID", '("name" "Thunderbird" "version" "140.4")')
    return imap


def go(page: Page, place: str) -> None:
    page.goto(f"{page.url.split('/mail/')[0]}/mail/{place}/")
    page.wait_for_selector("body[data-ready]")


def open_letter(page: Page, subject: str) -> None:
    """By its row; a list that is looked at follows by itself what comes."""
    page.locator("[data-test=subject]", has_text=subject).click(timeout=PATIENCE)
    page.wait_for_selector(f"[data-test=message-subject]:has-text('{subject}')")


def why(page: Page) -> Locator:
    """The panel of the last message, two presses away."""
    page.locator("[data-messages] > [data-opened] [popovertarget^=details-]").last.click()
    page.locator(".menu:popover-open").get_by_role("link", name="Why is this here").click()
    panel = page.locator(".why")
    panel.wait_for()
    return panel


def sentences(panel: Locator) -> list[str]:
    """How it came, why it lies where it lies, what can be done: one panel, three sentences."""
    found = panel.locator(".why-text").all_inner_texts()
    assert len(found) == 3
    return found


def test_mail_in_spam_says_why_and_one_press_brings_it_back(
    product: Product, screen: Callable[..., Screen]
) -> None:
    address, page = enter(product, screen, "suspect")
    bank = "Harbour Bank <no-reply@bank.test>"
    raw = mail(subject="Your account", to=address, sender=bank)
    product.ask("shell", "-c", INTO_SPAM.format(address=address, raw=raw))
    go(page, "spam")
    open_letter(page, "Your account")
    panel = page.locator(".why")  # what lies in Spam is not asked first
    came, placed, can = sentences(panel)
    assert came.startswith("mail.bank.test handed it to us at ")
    assert came.endswith(", over an encrypted connection, but bank.test does not vouch for it.")
    assert placed == "It was delivered to Spam: bank.test does not vouch for it."
    assert can == "If it is not spam, say so, and it goes back to the Inbox."
    panel.locator("summary").click()
    papers = panel.locator(".why-details li").all_inner_texts()
    assert papers == [
        "mail.bank.test [192.0.2.66] · TLSv1.3 TLS_AES_256_GCM_SHA384",
        "SPF fail (bank.test)",
        "DKIM none (bank.test)",
        "DMARC fail (bank.test)",
    ]
    panel.get_by_role("button", name="Not spam").click()
    page.locator("#toasts .toast", has_text="Inbox").wait_for()

    # It is back, and now the answer is another one: the reader said so.
    go(page, "inbox")
    open_letter(page, "Your account")
    came, placed, can = sentences(why(page))
    assert "bank.test does not vouch for it." in came
    assert placed.startswith("You said at ") and placed.endswith(" that it is not spam.")

    # The next one of the same sender comes to the Inbox, and can be reported from its panel.
    deliver(product, address, mail(subject="Your statement", to=address, sender=bank))
    go(page, "inbox")
    open_letter(page, "Your statement")
    panel = why(page)
    came, placed, can = sentences(panel)
    assert "handed it to us at " in came and "over a connection that was not encrypted" in came
    assert came.endswith("; whether it is from bank.test could not be checked just then.")
    assert placed == f"It was sent to {address}, and nothing spoke against it."
    panel.get_by_role("button", name="Report spam").click()
    toast = page.locator("#toasts .toast", has_text="Spam")
    toast.wait_for()
    toast.locator(".toast-action").click()  # and that is taken back as everything is
    go(page, "inbox")
    page.locator("[data-test=subject]", has_text="Your statement").wait_for()


def test_labels_sleep_and_silence_are_named_and_ended_from_the_panel(
    product: Product, screen: Callable[..., Screen]
) -> None:
    address, page = enter(product, screen, "tidy")
    deliver(product, address, mail(subject="The lease", to=address, message_id=f"lease@{address}"))
    open_letter(page, "The lease")

    # A label: it lies in two places, and each says why.
    page.keyboard.press("l")
    page.locator("#label-menu [data-filter]").fill("House")
    page.locator("#label-menu [data-make]").click()
    page.locator(".conversation-head .chip", has_text="House").wait_for()
    page.locator(".sidebar a", has_text="House").click()
    page.wait_for_selector("#view[data-box^='label/']", state="attached")
    open_letter(page, "The lease")
    _came, placed, _can = sentences(why(page))
    assert placed.startswith("You labelled it at ") and placed.endswith("It is also in Inbox.")

    # Asleep, and woken from the panel.
    go(page, "inbox")
    open_letter(page, "The lease")
    page.keyboard.press("b")
    page.locator("#snooze-menu button", has_text="Next week").click()
    page.locator("#toasts .toast", has_text="Snoozed until").wait_for()
    go(page, "snoozed")
    open_letter(page, "The lease")
    panel = why(page)
    _came, placed, can = sentences(panel)
    assert placed.startswith("You put it aside until ") and can == "If you want it now, bring it back."
    panel.get_by_role("button", name="Bring it back now").click()
    page.locator("#toasts .toast").wait_for()
    go(page, "inbox")
    open_letter(page, "The lease")

    # Silenced: an answer that is not written to the reader goes past the Inbox, and says so.
    page.keyboard.press("m")
    page.locator("#toasts .toast", has_text="Conversation muted.").wait_for()
    answer = mail(
        subject="Re: The lease", to="tenants@outside.test", references=f"lease@{address}", body="Me, too."
    )
    deliver(product, address, answer)
    go(page, "archive")
    open_letter(page, "The lease")
    page.get_by_text("Me, too.").wait_for(timeout=PATIENCE)
    panel = why(page)
    _came, placed, can = sentences(panel)
    assert placed.startswith("It went past the Inbox because you muted this conversation.")
    panel.get_by_role("button", name="Unmute").click()
    page.locator("#toasts .toast", has_text="No longer muted.").wait_for()


def test_a_message_that_a_program_moved_says_so_and_goes_back(
    product: Product, screen: Callable[..., Screen]
) -> None:
    address, page = enter(product, screen, "asker")
    deliver(product, address, mail(subject="The lease", to=address))
    with program(product, address) as imap:
        imap.select("INBOX")
        eventually(lambda: imap.search(None, "ALL")[1] != [b""] or imap.noop() is None, "it came", within=10)
        assert imap.uid("MOVE", "1:*", "Archive")[0] == "OK"
    go(page, "archive")
    open_letter(page, "The lease")
    panel = why(page)
    came, placed, can = sentences(panel)
    assert "handed it to us" in came and "could not be checked just then." in came
    assert placed.startswith("Thunderbird") and "on 127.0.0.1 moved it here from Inbox at " in placed
    assert "undo it" in can
    panel.get_by_role("button", name="Undo the move").click()
    page.get_by_text("Undone.").wait_for()
    go(page, "inbox")
    page.locator("[data-test=subject]", has_text="The lease").wait_for()
