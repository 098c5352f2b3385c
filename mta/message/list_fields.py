"""What a distribution list writes into the header of what is posted to it (RFC 2369, RFC 2919, RFC 8058). Pure.

The body is never touched and no field that signatures usually cover is, but for From where its domain's DMARC policy
would have the copy refused: then the list is the author, in the author's name, and Reply-To leads to the author.
Called by `mta.flow.lists`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from mta.message.address import parse_addresses, split
from mta.message.encode import address_field, plain, structured_field
from mta.message.encoded_words import encode_words
from mta.message.headers import Field, first, parse_header, select_fields, split_message

# What an earlier list said of itself, what is of the last hop alone, and what would tell the author who has read it.
_NOT_PASSED_ON = frozenset(
    (
        *("list-id", "list-post", "list-owner", "list-help", "list-subscribe", "list-archive"),
        *("list-unsubscribe", "list-unsubscribe-post", "precedence", "return-path"),
        *("disposition-notification-to", "return-receipt-to", "x-confirm-reading-to", "x-original-from"),
    )
)
_LABEL = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*")
_PHRASE = re.compile(r"[A-Za-z0-9 ]+")


@dataclass(frozen=True, slots=True)
class Heading:
    """The list as its fields name it. `open_to_all`: whoever reads may also post."""

    name: str
    address: str
    owner: str
    open_to_all: bool = True


def list_id(address: str) -> str:
    """RFC 2919 §2: the list's address with a dot for its @; what no label may hold is written as numbers."""
    local, domain = split(address)
    label = local.strip('"').lower()
    if not _LABEL.fullmatch(label):
        label = "list-" + label.encode().hex()[:40]
    return f"{label}.{domain}"


def has_passed(fields: tuple[Field, ...], address: str) -> bool:
    """Whether the message has been through this list: such a one would go round for ever."""
    wanted, label = address.lower().encode(), f"<{list_id(address)}>".encode()
    for field in fields:
        if field.name in ("x-loop", "delivered-to") and field.value.strip().lower() == wanted:
            return True
        if field.name == "list-id" and label in field.value.lower():
            return True
    return False


def headed(raw: bytes, heading: Heading, *, rewrite_from: bool) -> bytes:
    """The message as the list sends it: to members here with its author as they are, to those elsewhere perhaps not."""
    header_end, body = split_message(raw)
    fields = parse_header(raw[:header_end])
    left_out = _NOT_PASSED_ON | {"from", "reply-to"} if rewrite_from else _NOT_PASSED_ON
    kept = select_fields(fields, left_out, not_=True)
    return _own(heading) + (_from(fields, heading) if rewrite_from else b"") + kept + raw[body:]


def _own(heading: Heading) -> bytes:
    name = plain(heading.name)
    if _PHRASE.fullmatch(name):
        shown = name
    elif name.isascii():
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        shown = f'"{escaped}"'
    else:
        shown = " ".join(encode_words(name))
    # RFC 2369 §3.4: "NO" says that posting is not for readers.
    post = _mailto(heading.address) if heading.open_to_all else "NO"
    return (
        structured_field("List-Id", f"{shown} <{list_id(heading.address)}>")
        + structured_field("List-Post", post)
        + structured_field("List-Owner", _mailto(heading.owner))
        + structured_field("Precedence", "list")  # old programs do not answer such mail by themselves
        + b"X-Loop: " + plain(heading.address).encode() + b"\r\n"
    )  # fmt: skip


def _from(fields: tuple[Field, ...], heading: Heading) -> bytes:
    """The list as the author, in the author's name; answers go to where they would have gone."""
    written = first(fields, "from") or b""
    authors = [each for each in parse_addresses(written) if each.domain][:5]
    name = next((each.name for each in authors if each.name), "") or next(
        (each.local for each in authors), "Somebody"
    )
    answers = [each for each in parse_addresses(first(fields, "reply-to") or b"") if each.domain][:20]
    people = [(each.name, each.email) for each in answers or authors]
    return (
        address_field("From", ((f"{name} via {plain(heading.name)}", heading.address),))
        + (address_field("Reply-To", people) if people else b"")
        + address_field("X-Original-From", [(each.name, each.email) for each in authors])
    )


def leaving(leave_to: str, leave_url: str) -> bytes:
    """RFC 8058 §3.1: one https link that a POST to ends it, and an address for programs that know only that."""
    fields = structured_field("List-Unsubscribe", f"<{leave_url}>, {_mailto(leave_to)}")
    if leave_url.startswith("https://"):
        fields += b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    return fields


def _mailto(address: str) -> str:
    local, domain = split(address)
    return f"<mailto:{quote(local, safe='!$*._~+-')}@{domain}>"
