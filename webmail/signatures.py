"""The signature under a message: which one an address has, and how it looks when it is sent.

It is opaque to the editor, like the original: kept beside the writer's words and appended when the message is built,
above the original or below it, under the line `-- ` by which every mail program knows it (RFC 3676 §4.3).
Called by webmail.compose and the views of compose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mta.mailstore.service import DraftFields
from mta.message.flowed import SIGNATURE
from mta.message.text import html_to_text
from webmail import own_pictures
from webmail.models import IdentityLook, Signature
from webmail.own_html import own_text

MARK = "mailstead_signature"
_OPEN = f'<div class="{MARK}" dir="auto"><div>-- </div>'


@dataclass(frozen=True, slots=True)
class Look:
    """How messages from one address begin: its signatures, and where answers are asked to go."""

    new: int | None = None
    answer: int | None = None
    reply_to: str = ""


def looks(account: int) -> dict[str, Look]:
    """Of each address that has one."""
    return {
        each.address.lower(): Look(each.signature_new_id, each.signature_answer_id, each.reply_to)
        for each in IdentityLook.objects.filter(account_id=account)
    }


def look(account: int, address: str) -> Look:
    """Of one address, a detail after a plus left aside."""
    local, _at, domain = address.lower().rpartition("@")
    known = looks(account)
    return known.get(address.lower()) or known.get(f"{local.partition('+')[0]}@{domain}") or Look()


def every(account: int) -> Sequence[Signature]:
    return list(Signature.objects.filter(account_id=account).order_by("name"))


def choices(account: int) -> list[dict[str, object]]:
    """All of them as a window shows them, pictures at their addresses here."""
    found = every(account)
    together = "".join(each.html for each in found)
    files = own_pictures.as_files(account, together) if own_pictures.names_in(together) else ()
    return [
        {"id": each.pk, "name": each.name, "html": own_pictures.by_address(each.html, files)}
        for each in found
    ]


def html_of(account: int, signature: int | None) -> str:
    """A signature of this account, as it is appended; "" for one that is not theirs."""
    if signature is None:
        return ""
    found = Signature.objects.filter(account_id=account, id=signature).values_list("html", flat=True).first()
    return block(found) if found else ""


def block(html: str) -> str:
    """A signature as it is appended."""
    return f"{_OPEN}{html}</div>" if html_to_text(html).strip() or "<img" in html else ""


def as_text(signature_html: str) -> str:
    """The block as plain text."""
    if not signature_html:
        return ""
    inner = signature_html.removeprefix(_OPEN).removesuffix("</div>")
    return f"{SIGNATURE}\n{own_text(inner).strip()}"


def assembled(own: str, fields: DraftFields, quoted: str) -> str:
    """The whole text part: the writer's words, the signature and the original, in their order."""
    below = [as_text(fields.signature_html), quoted]
    if not fields.signature_above:
        below.reverse()
    parts = [part for part in (own, *below) if part]
    return "\n\n".join(parts) + "\n" if parts else ""
