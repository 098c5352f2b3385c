"""Receipts (RFC 8098): asked about, sent once, never by themselves to an address that is not plainly the author's."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import Any

import pytest

from mta.mailstore import service as mailstore
from mta.message import mdn
from mta.queue import service as queue
from mta.values import JUNK, SENT
from tests.mail import mail
from tests.webmail.mail_world import Reader
from tests.webmail.test_compose_pages import in_box, only_message
from webmail.models import Preferences

pytestmark = pytest.mark.django_db
ASKS = "Disposition-Notification-To: Ada <ada@outside.test>"
ELSEWHERE = "Disposition-Notification-To: spy@else.test"


def asking(who: Reader, **parts: Any) -> Any:
    return only_message(who, who.receive(**{"extra": ASKS, "message_id": "asks@outside.test"} | parts))


def answer(who: Reader, message: Any, what: str) -> Any:
    return who.client.post(f"/mail/receipt/{message.id}/", {"do": what}, headers={"X-Mailstead": "1"})


def chose(who: Reader, how: str) -> None:
    Preferences.objects.update_or_create(account=who.account, defaults={"receipts": how})


def sent_receipts() -> list[Any]:
    found = queue.claim(limit=10)
    return [message_from_bytes(queue.raw(each.outgoing), policy=policy.default) for each in found]


def test_a_reader_is_asked_and_the_receipt_says_what_was_shown(ann: Reader) -> None:
    message = asking(ann)
    assert "asks to be told" in ann.page(f"/mail/inbox/{message.thread}/")
    assert sent_receipts() == []
    assert answer(ann, message, "send").status_code == 200
    (claimed,) = queue.claim(limit=10)
    assert queue.outgoing(claimed.outgoing).sender == "" and claimed.address == "ada@outside.test"
    found = message_from_bytes(queue.raw(claimed.outgoing), policy=policy.default)
    assert found.get_content_type() == "multipart/report"
    assert found["Content-Type"].params["report-type"] == "disposition-notification"
    assert found["In-Reply-To"] == "<asks@outside.test>" and found["Auto-Submitted"] == "auto-replied"
    text, machine = found.iter_parts()
    assert "Lunch" in text.get_content() and machine.get_content_type() == mdn.TYPE
    fields = machine.as_string()
    assert "Original-Message-ID: <asks@outside.test>" in fields
    assert "Final-Recipient: rfc822;ann@example.test" in fields
    assert "Disposition: manual-action/MDN-sent-manually; displayed" in fields
    assert in_box(ann, SENT) == []


def test_a_receipt_is_settled_once_whatever_was_chosen(ann: Reader) -> None:
    message = asking(ann)
    answer(ann, message, "no")
    assert "$MDNSent" in mailstore.message(ann.space, message.id).keywords
    assert "asks to be told" not in ann.page(f"/mail/inbox/{message.thread}/")
    assert answer(ann, message, "send").status_code == 404 and sent_receipts() == []


def test_always_means_by_itself_for_plain_wishes_and_never_means_nobody_is_asked(ann: Reader) -> None:
    chose(ann, "always")
    message = asking(ann)
    assert 'data-receipt="always"' in ann.page(f"/mail/inbox/{message.thread}/")
    assert answer(ann, message, "always").status_code == 200
    (found,) = sent_receipts()
    assert "manual-action/MDN-sent-automatically; displayed" in found.as_string()
    chose(ann, "never")
    other = asking(ann, message_id="second@outside.test")
    assert "data-receipt" not in ann.page(f"/mail/inbox/{other.thread}/")
    assert answer(ann, other, "always").status_code == 404


@pytest.mark.parametrize(
    "parts",
    [
        {"extra": ELSEWHERE},
        {"extra": f"{ASKS}, spy@else.test"},
        {"extra": f"{ASKS}\r\nList-Id: <list.outside.test>"},
        {"extra": f"{ASKS}\r\nAuto-Submitted: auto-generated"},
        {"raw": b"Return-Path: <bounce@else.test>\r\n" + mail(extra=ASKS)},
        {"role": JUNK},
    ],
)
def test_what_is_odd_is_never_answered_by_itself(ann: Reader, parts: dict[str, Any]) -> None:
    chose(ann, "always")
    message = only_message_aside(ann, ann.receive(**{"extra": ASKS} | parts))
    slug = "spam" if parts.get("role") == JUNK else "inbox"
    page = ann.page(f"/mail/{slug}/{message.thread}/")
    assert 'data-receipt=""' in page
    assert answer(ann, message, "always").status_code == 404 and sent_receipts() == []


def only_message_aside(who: Reader, thread: int) -> Any:
    return mailstore.conversation(who.space, thread, aside=True).messages[0]


def test_nobody_settles_a_receipt_for_somebody_else(ann: Reader, eve: Reader) -> None:
    message = asking(ann)
    assert answer(eve, message, "send").status_code == 404
    assert eve.client.get(f"/mail/receipt/{message.id}/").status_code == 405
    assert sent_receipts() == []


def test_an_address_with_other_letters_is_written_out() -> None:
    fields = mdn.disposition(host="h.test", recipient="grüße@a.test", message_id="", by_hand=True)
    assert b"Final-Recipient: utf-8;gr\\x{FC}\\x{DF}e@a.test\r\n" in fields
