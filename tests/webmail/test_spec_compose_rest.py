"""What a writer does besides typing: signatures, labels, sending and putting away, pasting plainly, printing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.journeys.screen import PATIENCE, Screen
from tests.mail import mail
from tests.product import Product
from tests.webmail.compose_world import WINDOW, compose, discard_all, menu, state, text_of, whom
from tests.webmail.list_world import fill
from tests.webmail.picture_server import png
from tests.webmail.test_mail_browser import PASSWORD
from tests.webmail.test_spec_accessibility import findings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FilePayload

pytestmark = pytest.mark.xdist_group("product-compose")
WRITER, FRIEND, OTHER = "feather@example.test", "plume@example.test", "second@example.test"
SIGNED = f"""
from hosting.models import Account, Identity
from mta.mailstore import service as mailstore
from mta.values import Cause
from webmail.models import IdentityLook, Signature
ann = Account.objects.get(username="{WRITER}")
Identity.objects.create(mailspace=ann.mailspace, address="{OTHER}", name="Second")
mailstore.create_mailbox(ann.mailspace, "Trips/Norway", cause=Cause("task", "test"))
for address in ("{WRITER}", "{OTHER}"):
    made = Signature.objects.create(account=ann, name=address, html=f"<p>Signed from {{address}}</p>")
    IdentityLook.objects.create(account=ann, address=address, signature_new=made, signature_answer=made)
"""
COPY = """() => navigator.clipboard.write([new ClipboardItem({
  "text/html": new Blob(["<b>bold</b> words"], {type: "text/html"}),
  "text/plain": new Blob(["bold words"], {type: "text/plain"}),
})])"""


@pytest.fixture(scope="module")
def people(product: Product) -> Product:
    for address in (WRITER, FRIEND):
        product.add_account(address, PASSWORD)
    product.ask("shell", "-v0", "-c", SIGNED)
    letter = mail(
        subject="Boats in June", sender=f"Pal <{FRIEND}>", to=OTHER, message_id="boats@x", body="When?"
    )
    fill(product, WRITER, [letter])
    return product


@pytest.fixture
def writer(people: Product, browser: Browser) -> Iterator[Screen]:
    screen = Screen(browser, people, permissions=["clipboard-read", "clipboard-write"]).enter(WRITER)
    yield screen
    screen.close()
    assert [error for error in screen.errors if "status of 4" not in error] == []


def test_an_answer_is_signed_labelled_sent_and_its_conversation_put_away(writer: Screen) -> None:
    """Spec 7.5, 7.7 (signature, label), 7.12; send and archive."""
    page = writer.page
    window = compose(page)
    signed = window.locator("[data-test=compose-signature]")
    expect(signed).to_contain_text(f"Signed from {WRITER}")
    sender = window.locator("[name=from]")
    sender.select_option(OTHER)
    expect(signed).to_contain_text(f"Signed from {OTHER}")
    discard_all(page)
    writer.open("Boats in June")
    page.keyboard.press("r")
    window = page.locator(WINDOW)
    expect(text_of(window)).to_be_focused(timeout=PATIENCE)
    assert sender.input_value() == OTHER and whom(window, "to") == [FRIEND]  # to which it was written
    expect(signed).to_contain_text(f"Signed from {OTHER}")
    menu(window, "compose-more", "compose-label")
    window.locator("[data-test=compose-labels] [role=menuitemcheckbox]", has_text="Trips/Norway").click()
    window.locator("[data-test=compose-more]").click()
    expect(window.locator("[data-test=compose-label]")).to_contain_text("Norway")
    page.keyboard.press("Escape")
    text_of(window).press_sequentially("In the first week.")
    menu(window, "send-more", "send-archive")
    expect(window).to_have_count(0, timeout=PATIENCE)
    writer.go("/mail/inbox/")
    writer.misses_row("Boats in June")
    writer.go("/mail/label/Trips/Norway/")
    writer.open("Boats in June")
    writer.reads("In the first week.", letter=writer.letters.last)


def test_what_is_pasted_plainly_printed_left_and_gone_is_handled(writer: Screen) -> None:
    """Spec 7.3 (leaving a field), 7.9 (Ctrl+Shift+V), 7.7 (print), 7.11 (discarded elsewhere), 11.6."""
    page = writer.page
    window = compose(page)
    to = window.locator("[data-test=compose-to] input")
    to.fill("nobody.yet@else.test")
    window.locator(".compose-body").click()
    expect(window.locator("[data-field=to] .person")).to_have_count(1)
    assert whom(window, "to") == ["nobody.yet@else.test"]
    body = text_of(window)
    body.click()
    page.evaluate(COPY)
    page.keyboard.press("Control+Shift+V")
    expect(body).to_have_text("bold words")
    expect(body.locator("strong")).to_have_count(0)
    page.keyboard.press("Enter")
    page.keyboard.press("Control+V")
    expect(body.locator("strong")).to_have_text("bold")
    state(window, "Draft saved")
    assert findings(page) == []
    with page.expect_popup() as opened:
        window.locator("[data-test=compose-more]").click()
        window.locator("[data-do=print]").click()
    sheet = opened.value
    expect(sheet.locator("body")).to_contain_text("bold words", timeout=PATIENCE)
    expect(sheet.locator("[data-test=compose-window], nav")).to_have_count(0)
    sheet.close()
    other = page.context.new_page()
    other.goto(f"{writer.url}/mail/drafts/")
    other.locator("[data-test=row] [data-test=subject]").first.click()
    other.locator("[data-test=discard]").click()
    expect(other.locator("[data-test=toast-discarded]")).to_be_visible(timeout=PATIENCE)
    other.close()
    body.press_sequentially(" and more")
    window.locator("[data-test=compose-subject]").fill("Still here")
    state(window, "Draft saved")  # what is typed is kept: it is a draft of its own now
    writer.go("/mail/drafts/")
    writer.sees_row("Still here")


def test_a_face_and_a_picture_in_the_signature_are_shown_and_sent(people: Product, browser: Browser) -> None:
    """Spec 7.12; pictures of one's own."""
    people.add_account("face@example.test", PASSWORD)
    screen = Screen(browser, people).enter("face@example.test")
    page = screen.page
    photo: FilePayload = {"name": "me.png", "mimeType": "image/png", "buffer": png(60, 40)}
    screen.go("/mail/settings/accounts/")
    page.locator("#own-photo").set_input_files(photo)
    page.locator("[data-test=accounts] button.primary").click()
    face = page.locator("[popovertarget=account-menu] .avatar img")
    expect(face).to_have_js_property("naturalWidth", 192, timeout=PATIENCE)
    screen.go("/mail/settings/signature/")
    editor = page.locator(".own-text .ProseMirror")
    expect(editor).to_be_visible(timeout=PATIENCE)
    page.fill("#look-name", "With a picture")
    page.locator("[data-test=own-picture]").set_input_files(photo)
    expect(editor.locator("img[src]")).to_have_js_property("naturalWidth", 60, timeout=PATIENCE)
    page.locator(
        "[data-test=editor-form] button[type=submit], [data-test=editor-form] .primary"
    ).first.click()
    page.wait_for_url("**/settings/accounts/")
    screen.go("/mail/inbox/")
    window = compose(page)
    shown = window.locator("[data-test=compose-signature] img")
    expect(shown).to_have_js_property("naturalWidth", 60, timeout=PATIENCE)
    window.locator("[data-test=compose-to] input").fill(FRIEND)
    window.locator("[data-test=compose-subject]").fill("With my picture")
    text_of(window).press_sequentially("Hello")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-test=toast-sending] .toast-action")).to_be_visible(timeout=PATIENCE)
    screen.go("/mail/sent/")
    screen.open("With my picture")
    frame = screen.letters.last.frame_locator("iframe.message-frame")
    expect(frame.locator("img")).to_have_js_property("naturalWidth", 60, timeout=PATIENCE)
    expect(screen.letters.last.locator(".message-head .avatar img")).to_be_visible()
    screen.close()
    assert [error for error in screen.errors if "status of 4" not in error] == []
