"""Mail from outside to us: written by somebody who does not exist, delivered over real SMTP to our own door.

Called by the sink (`echo@`) and by the page "Outside world". Blocking.
"""

from __future__ import annotations

import re
import smtplib
import socket
from dataclasses import replace
from datetime import UTC, datetime

from django.conf import settings

from mta.message import build
from mta.message.address import Address, BadAddress, parse_addresses, parse_path
from mta.message.headers import Field, decode_text, first, message_ids, parse_header, split_message
from mta.sandbox.shelf import text_of


class NotDelivered(Exception):
    """Our server did not take it; the text is its own words, for a person."""


def door() -> tuple[str, int]:
    """Where our own SMTP server listens."""
    if not settings.SMTP_LISTEN:
        raise NotDelivered("SMTP_LISTEN is off: nobody can write to this installation.")
    host, port = settings.SMTP_LISTEN[0]
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
    return anywhere.get(host, host), port


def is_open() -> bool:
    """Whether somebody takes calls there."""
    try:
        socket.create_connection(door(), timeout=2).close()
    except (OSError, NotDelivered):
        return False
    return True


def _source(address: str) -> tuple[str, int] | None:
    """An address on loopback to call from, where this system has more than one of them."""
    if not address:
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        try:
            trial.bind((address, 0))
        except OSError:
            return None
    return address, 0


def deliver(raw: bytes, *, sender: str, recipient: str, source: str = "") -> None:
    """Hand a message to our own server, as any server outside would. Raises NotDelivered."""
    host, port = door()
    name = f"mx.{sender.rpartition('@')[2] or 'outside.test'}"
    try:
        with smtplib.SMTP(
            host,
            port,
            local_hostname=name,
            timeout=20,
            source_address=_source(source) if host == "127.0.0.1" else None,
        ) as smtp:
            smtp.sendmail(sender, [recipient], raw)
    except smtplib.SMTPRecipientsRefused as refused:
        raise NotDelivered(_words(next(iter(refused.recipients.values()))[1])) from None
    except smtplib.SMTPResponseException as refused:
        raise NotDelivered(_words(refused.smtp_error)) from None
    except (OSError, smtplib.SMTPException, UnicodeError) as trouble:
        raise NotDelivered(str(trouble) or type(trouble).__name__) from trouble


def _words(reply: bytes | str) -> str:
    """A reply as a sentence: its text without the enhanced code."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return re.sub(r"[245]\.\d{1,3}\.\d{1,3}\s+", "", text).strip()


def letter(*, sender: str, recipient: str, subject: str, text: str) -> bytes:
    """A new message; raises BadAddress."""
    return build.build(_outgoing(sender, recipient, subject, text), with_bcc=False)


def answer(original: bytes, *, sender: str, text: str) -> tuple[bytes, str]:
    """A reply to a message that arrived outside, and whom it goes to. Raises BadAddress if to nobody."""
    fields = parse_header(original[: split_message(original)[0]])
    recipient = _reply_address(fields)
    if recipient is None:
        raise BadAddress("This message says nobody to reply to.")
    own = message_ids(first(fields, "message-id") or b"", 1)
    earlier = message_ids(first(fields, "references") or b"", 50)
    subject = build.reply_subject(decode_text(first(fields, "subject") or b""))
    attribution = f"{recipient.display} wrote:"
    quoted = build.quote_text(text_of(original)[:20_000], attribution)
    outgoing = _outgoing(sender, recipient.email, subject, f"{text}\n\n{quoted}")
    outgoing = replace(
        outgoing,
        to=(recipient,),
        in_reply_to=own[0] if own else "",
        references=tuple(dict.fromkeys((*earlier, *own))),
    )
    return build.build(outgoing, with_bcc=False), recipient.email


def may_be_answered(original: bytes) -> bool:
    """RFC 3834 §2: nothing automatic answers what is itself automatic."""
    fields = parse_header(original[: split_message(original)[0]])
    automatic = (first(fields, "auto-submitted") or b"no").strip().lower()
    return automatic == b"no" and _reply_address(fields) is not None


def _reply_address(fields: tuple[Field, ...]) -> Address | None:
    for name in ("reply-to", "from"):
        for address in parse_addresses(first(fields, name) or b"", 5):
            if address.local and address.domain:
                return address
    return None


def _outgoing(sender: str, recipient: str, subject: str, text: str) -> build.Outgoing:
    name, address = _person(sender)
    domain = address.rpartition("@")[2]
    to = parse_path(recipient.strip())
    found = parse_addresses(to, 1)
    if not found or not found[0].domain:
        raise BadAddress("An address has a name, an @ and a domain.")
    return build.Outgoing(
        from_=replace(parse_addresses(address, 1)[0], name=name),
        to=(found[0],),
        subject=subject,
        text=text,
        message_id=build.new_message_id(domain),
        date=datetime.now(UTC),
    )


def _person(sender: str) -> tuple[str, str]:
    """A name for an address: `carl.winter@outside.test` → Carl Winter."""
    address = parse_path(sender.strip())
    local, _at, domain = address.rpartition("@")
    if not local or not domain:
        raise BadAddress("An address has a name, an @ and a domain.")
    words = local.partition("+")[0].replace("_", ".").replace("-", ".").split(".")
    return " ".join(word.capitalize() for word in words if word.isalnum()), address
