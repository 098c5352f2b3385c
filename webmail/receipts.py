"""Receipts: whether the sender of a message asked for one, and the answer that tells them it was shown.

RFC 8098. Nobody gets one unless the reader, or the setting they chose, says so; and even "always" asks where the
address is not plainly the author's own (§2.1), where the message came through a list or from a machine, and where it
lies in Spam. One answer for each message: its keyword `$MDNSent` (RFC 3503) says that it is done. Called by the
views of a conversation.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.access import Sender
from mta.flow import submit
from mta.mailstore import service as mailstore
from mta.mailstore.service import ConversationMessage
from mta.message import build, mdn
from mta.message.address import Address, parse_addresses
from mta.message.headers import parse_header, split_message
from mta.values import Cause, now_us

SENT = "$MDNSent"
FIELD = "disposition-notification-to"
ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Wish:
    """A receipt somebody asks for. `plain`: the address is the author's own, and nothing else is odd."""

    message: int
    address: str
    plain: bool


def wish(message: ConversationMessage, raw: bytes, *, in_spam: bool = False) -> Wish | None:
    """The receipt that is asked for and not settled yet; `raw` is the message, or at least its header."""
    if message.own or SENT.lower() in {word.lower() for word in message.keywords}:
        return None
    header_end, _body = split_message(raw)
    fields = parse_header(raw[:header_end])
    asked = [each for field in fields if field.name == FIELD for each in parse_addresses(field.value, 3)]
    whole = [each.email for each in asked if each.local and each.domain]
    if not whole:
        return None
    returned = [
        each.email.lower()
        for field in fields
        if field.name == "return-path"
        for each in parse_addresses(field.value, 1)
    ]
    author = message.from_.email.lower()
    plain = (
        len(asked) == 1
        and whole[0].lower() == author
        and returned in ([], [author])
        and not (message.list_id or message.automatic or in_spam)
    )
    return Wish(message.id, whole[0], plain)


def settle(
    mailspace: int, account: int, wished: Wish, *, sender: Sender, by_hand: bool, cause: Cause
) -> bool:
    """Send the receipt and note it; False when it was settled before. `by_hand`: the reader said so just now."""
    about = mailstore.message(mailspace, wished.message)
    readable = _("Your message “%(subject)s” was shown to %(name)s on %(date)s.") % {
        "subject": about.subject,
        "name": sender.name or sender.address,
        "date": timezone.localtime().strftime("%Y-%m-%d %H:%M %z"),
    }
    note_text = _("This says that it was shown on a screen, not that it was read or understood.")
    answer = build.Outgoing(
        from_=_address(sender.name, sender.address),
        to=(_address("", wished.address),),
        subject=_("Shown: %s") % about.subject,
        text=f"{readable}\n\n{note_text}\n",
        message_id=build.new_message_id(sender.address.rpartition("@")[2]),
        date=datetime.fromtimestamp(now_us() / 1_000_000, UTC),
        in_reply_to=about.message_id,
        references=(about.message_id,) if about.message_id else (),
        extra_headers=(("Auto-Submitted", "auto-replied"),),
        report=mdn.disposition(
            host=settings.MAIL_HOSTNAME,
            recipient=sender.address,
            message_id=about.message_id,
            by_hand=by_hand,
        ),
    )
    if not note(mailspace, wished.message, cause=cause):
        return False
    submit.submit_letter(mailspace, account, answer, cause=cause, keep=False, unanswerable=True)
    return True


def note(mailspace: int, message: int, *, cause: Cause) -> bool:
    """Note that a wish is settled, one way or the other; False when it was already."""
    return mailstore.note_receipt(mailspace, message, cause=cause)


def _address(name: str, email: str) -> Address:
    local, _at, domain = email.rpartition("@")
    return Address(name, local, domain)
