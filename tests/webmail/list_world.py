"""A mailbox full of letters, put there by a mail program, and a browser that looks at it: for the tests of lists."""

from __future__ import annotations

import base64
import imaplib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tests.mail import mail
from tests.product import Product
from tests.webmail.test_mail_browser import PASSWORD, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page


def program(product: Product, address: str) -> imaplib.IMAP4:
    """A mail program that is signed in."""
    found = imaplib.IMAP4("127.0.0.1", product.port("imap"))
    found.login(address, PASSWORD)
    return found


def fill(
    product: Product, address: str, letters: Iterable[bytes], *, folder: str = "INBOX", flags: str = ""
) -> None:
    """Letters that lie in a folder, the last one newest; a folder that is not there is made."""
    imap = program(product, address)
    if folder != "INBOX":
        imap.create(folder)
    for letter in letters:
        answer, said = imap.append(folder, f"({flags})", "", letter)  # type: ignore[arg-type]  # none: now
        assert answer == "OK", said
    imap.logout()


def numbered(count: int, address: str) -> list[bytes]:
    return [mail(subject=f"Number {number}", to=address) for number in range(count)]


def files_mail(names: Iterable[str], subject: str, *, media: str = "application/pdf") -> bytes:
    """A letter with attached files."""
    lines = [
        "From: Ada Lovelace <ada@outside.test>",
        f"Subject: {subject}",
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="b"',
        "",
        "--b",
        "Content-Type: text/plain; charset=utf-8",
        "",
        "Here they are.",
    ]
    for name in names:
        lines += [
            "--b",
            f'Content-Type: {media}; name="{name}"',
            f'Content-Disposition: attachment; filename="{name}"',
            "Content-Transfer-Encoding: base64",
            "",
            base64.b64encode(b"%PDF-1.4 nothing").decode(),
        ]
    return "\r\n".join([*lines, "--b--", ""]).encode()


def enter(page: Page, product: Product, address: str) -> None:
    """Signs in, and waits until keys are heard."""
    sign_in(page, product, address)
    page.wait_for_selector("body[data-ready]")


def cursor(page: Page) -> str:
    """The subject of the row that the keys mean."""
    return page.locator(".row.cursor .row-subject").inner_text()


def checked(page: Page) -> list[str]:
    return page.locator(".row.checked .row-subject").all_inner_texts()


def open_place(page: Page, place: str) -> None:
    """Goes to a place of the left column, as a click on it does."""
    page.evaluate("document.querySelectorAll('.sidebar details').forEach((more) => { more.open = true; })")
    page.click(f'.sidebar [data-nav="{place}"]')
    page.wait_for_selector(f'#view[data-box="{place}"]', state="attached")


def toast(page: Page, text: str) -> None:
    """Waits until it is said."""
    page.wait_for_selector(f"#toasts .toast:not(.leaving) >> text={text}")
