"""The main loop: two installations that know each other only through the DNS."""

from __future__ import annotations

import imaplib
import re
import smtplib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from imapclient import IMAPClient
from playwright.sync_api import expect

from tests.eventually import eventually
from tests.journeys.conftest import PASSWORD, TwoHosts
from tests.journeys.screen import PATIENCE, Screen
from tests.mail import mail
from tests.product import Product

pytestmark = pytest.mark.product
Open = Callable[..., Screen]


@contextmanager
def idling(product: Product, address: str) -> Iterator[IMAPClient]:
    """A mail program that waits at the inbox."""
    with IMAPClient("127.0.0.1", product.port("imap"), ssl=False, timeout=30) as client:
        client.login(address, PASSWORD)
        client.select_folder("INBOX")
        client.idle()
        try:
            yield client
        finally:
            client.idle_done()


def hears(client: IMAPClient, word: bytes) -> None:
    eventually(
        lambda: any(word in each for each in client.idle_check(timeout=1)), f"IDLE tells {word!r}", within=45
    )


def test_a_message_goes_to_the_other_host_and_its_answer_joins_the_conversation(
    two_hosts: TwoHosts, screen: Open
) -> None:
    ann = screen(two_hosts.a).sign_in("ann@a.test", PASSWORD)
    bob = screen(two_hosts.b).sign_in("bob@b.test", PASSWORD)
    with idling(two_hosts.b, "bob@b.test") as phone:
        ann.write("bob@b.test", "A walk on Sunday", "Shall we go up to the lighthouse?")
        hears(phone, b"EXISTS")
    row = bob.sees_row("A walk on Sunday")  # without asking: the open tab was told
    expect(row).to_have_class(_word("unread"))
    bob.open("A walk on Sunday")
    bob.reads("Shall we go up to the lighthouse?", letter=bob.letters.first)
    bob.reply("Gladly. I bring the cake.")

    with idling(two_hosts.a, "ann@a.test") as phone:
        row = ann.sees_row("A walk on Sunday")
        expect(row.locator(".row-count")).to_have_text("2")
        ann.open("A walk on Sunday")
        ann.sees_letters(2)
        ann.reads("Gladly. I bring the cake.", letter=ann.letters.last)
        hears(phone, b"FETCH")  # read in the browser, told to the phone
    # What became of her message is written below it, a step for each hop.
    sent = ann.unfolds(ann.letters.first)
    expect(sent.locator("[data-sending] .node").first).to_have_attribute(
        "data-state", "delivered", timeout=PATIENCE
    )
    for host in (two_hosts.a, two_hosts.b):
        assert "as it should be" in host.ask("doctor", "--store")


def test_mail_between_the_hosts_is_encrypted_and_signed(two_hosts: TwoHosts) -> None:
    a, b = two_hosts.a, two_hosts.b
    with smtplib.SMTP("127.0.0.1", a.port("submission"), timeout=20) as smtp:
        smtp.login("ada@a.test", PASSWORD)
        smtp.sendmail(
            "ada@a.test", ["bea@b.test"], mail(subject="By hand", sender="ada@a.test", to="bea@b.test")
        )
    raw = eventually(lambda: _found(b, "bea@b.test", "By hand"), "the message arrives", within=45)
    assert b"DKIM-Signature:" in raw
    received = raw.partition(b"Received: from mail.a.test")[2].partition(b";")[0]
    assert b"with ESMTPS" in received


def test_an_unknown_recipient_at_the_other_host_comes_back_as_a_report(
    two_hosts: TwoHosts, screen: Open
) -> None:
    ada = screen(two_hosts.a).sign_in("ada@a.test", PASSWORD)
    ada.write("nobody@b.test", "Is anybody there", "Hello?")
    ada.go("/mail/sent/")
    ada.open("Is anybody there")
    ada.waits_for_letters(2)  # hers, and the report
    failed = ada.unfolds(ada.letters.first).locator("[data-sending]")
    expect(failed.locator(".node").first).to_have_attribute("data-state", "failed", timeout=PATIENCE)
    expect(failed).to_contain_text("nobody@b.test")


def test_read_on_the_phone_is_read_in_the_browser(two_hosts: TwoHosts, screen: Open) -> None:
    b = two_hosts.b
    bea = screen(b).sign_in("bea@b.test", PASSWORD)
    with smtplib.SMTP("127.0.0.1", b.port("smtp"), timeout=20) as smtp:
        smtp.sendmail("ada@outside.test", ["bea@b.test"], mail(subject="Read me", to="bea@b.test"))
    row = bea.sees_row("Read me")
    expect(row).to_have_class(_word("unread"))
    with imaplib.IMAP4("127.0.0.1", b.port("imap"), timeout=20) as phone:
        phone.login("bea@b.test", PASSWORD)
        phone.select()
        (found,) = phone.search(None, "SUBJECT", '"Read me"')[1]
        phone.store(found.decode(), "+FLAGS", "(\\Seen)")
        expect(row).not_to_have_class(_word("unread"), timeout=PATIENCE)
        phone.store(found.decode(), "+FLAGS", "(\\Deleted)")
        bea.misses_row("Read me")


def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(^|\s){name}(\s|$)")


def _found(product: Product, address: str, subject: str) -> bytes:
    """A message in somebody's inbox, or nothing."""
    with imaplib.IMAP4("127.0.0.1", product.port("imap"), timeout=20) as client:
        client.login(address, PASSWORD)
        client.select(readonly=True)
        numbers = client.search(None, "SUBJECT", f'"{subject}"')[1][0].split()
        data = client.fetch(numbers[0].decode(), "(BODY.PEEK[])")[1] if numbers else []
    return next((part[1] for part in data if isinstance(part, tuple)), b"")
