"""A filter that another process made is in force for the next message, and one that was removed no more."""

from __future__ import annotations

import imaplib
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager

from tests.journeys.conftest import PASSWORD
from tests.mail import mail
from tests.product import Product

ADDRESS = "filed@example.test"
FILTER = """
from hosting.models import Account
from mta.filters import service as filters
from mta.filters.service import Actions
from mta.mailstore import service as mailstore
from mta.message import criteria as c
from mta.values import Cause
space, web = Account.objects.get(username="filed@example.test").mailspace, Cause("web", "a journey")
"""
ADD = """
shop = mailstore.create_mailbox(space, "Shop", cause=web).id
filters.add_rule(space, name="Receipts", query="", criteria=c.Words("receipt", "subject"),
                 actions=Actions(skip_inbox=True, labels=(shop,), read=True), cause=web)
"""
REMOVE = """
for rule in filters.rules(space):
    assert (rule.matched, rule.last_matched is not None) == (1, True)
    filters.remove_rule(space, rule.id)
print([(line.verb, line.session) for line in mailstore.history(space, cause="filter")])
"""


@contextmanager
def program(product: Product) -> Iterator[imaplib.IMAP4]:
    imap = imaplib.IMAP4("127.0.0.1", product.port("imap"))
    imap.login(ADDRESS, PASSWORD)
    try:
        yield imap
    finally:
        imap.logout()


def flags_in(product: Product, mailbox: str, subject: str) -> list[bytes]:
    """The flags of the messages with that subject in a mailbox."""
    with program(product) as imap:
        if imap.select(mailbox, readonly=True)[0] != "OK":
            return []
        _, (found,) = imap.search(None, "SUBJECT", f'"{subject}"')
        return [imap.fetch(number, "(FLAGS)")[1][0] for number in found.split()]


def deliver(product: Product, subject: str) -> None:
    with smtplib.SMTP("127.0.0.1", product.port("smtp"), timeout=20) as smtp:
        smtp.sendmail("bills@shop.test", [ADDRESS], mail(subject=subject, to=ADDRESS))


def test_a_filter_is_in_force_from_one_message_to_the_next(product: Product) -> None:
    product.add_account(ADDRESS, PASSWORD)
    deliver(product, "Receipt one")
    assert len(flags_in(product, "INBOX", "Receipt one")) == 1
    product.ask("shell", "-v0", "-c", FILTER + ADD)
    deliver(product, "Receipt two")
    assert flags_in(product, "INBOX", "Receipt two") == []
    (filed,) = flags_in(product, "Shop", "Receipt two")
    assert b"\\Seen" in filed
    told = product.ask("shell", "-v0", "-c", FILTER + REMOVE)
    assert "('move', 'Receipts')" in told
    deliver(product, "Receipt three")
    assert len(flags_in(product, "INBOX", "Receipt three")) == 1
