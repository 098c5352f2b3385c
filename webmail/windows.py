"""What a window that writes is told: how a message begins, how its draft stands. JSON in the making.

Times are µs; people are (name, address) pairs. See static/js/compose-window.js. Called by the views of compose.
"""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from mta.mailstore.service import DraftFile, DraftInfo
from webmail import compose, signatures
from webmail.answering import NEW, Opening
from webmail.own_html import SHOWN_PICTURES, editor_html, file_url, own_text
from webmail.people import wrong_people
from webmail.templatetags.look import file_hue, file_icon
from webmail.writing import Desk


def as_new_window(begun: Opening, desk: Desk) -> dict[str, Any]:
    """A message that is not saved yet."""
    chosen = desk.visit.preferences
    look = signatures.look(desk.visit.account.pk, begun.sender.address)
    return {
        "mode": begun.mode,
        "message": begun.parent,
        "from": begun.sender.address,
        "senders": _senders(desk, begun.sender.address, begun.sender.name),
        "to": begun.to,
        "cc": begun.cc,
        "bcc": begun.bcc,
        "subject": begun.subject,
        "html": begun.html,
        "text": own_text(begun.html) if begun.html else "",
        "plain": chosen.write_plain,
        "receipt": False,
        "labels": [],
        "signature": look.new if begun.mode == NEW else look.answer,
        "signature_above": chosen.signature_above,
        "quote": reverse("mail:compose-quote-of", args=[begun.parent]) + f"?mode={begun.mode}"
        if begun.parent and not begun.enclosed
        else "",
        "attach": [each.message for each in begun.enclosed],
        "missing": begun.missing,
        "files": [
            *(
                {"part": file.number, "name": file.name, "type": file.type, "size": file.size}
                | _look(file.type)
                for file in begun.files
            ),
            *(
                {"message": file.message, "name": file.name, "type": "message/rfc822", "size": file.size}
                | _look("message/rfc822")
                for file in begun.enclosed
            ),
        ],
    }


def _senders(desk: Desk, address: str, name: str) -> list[dict[str, str]]:
    """Whom they may write as; a masked address, or one with a detail after the plus, only where it was written to."""
    offered = desk.visit.shown_senders
    found = [{"address": each.address, "name": each.name} for each in offered]
    if address and address.lower() not in {each.address.lower() for each in offered}:
        found.append({"address": address, "name": name})
    return found


def as_window(draft: DraftInfo, desk: Desk) -> dict[str, Any]:
    """A draft as its window shows it."""
    fields = draft.fields
    return {
        "draft": draft.id,
        "version": draft.version,
        "mode": fields.mode,
        "message": fields.parent,
        "from": fields.identity,
        "senders": _senders(desk, fields.identity, fields.from_name),
        "to": fields.to,
        "cc": fields.cc,
        "bcc": fields.bcc,
        "subject": fields.subject,
        "html": editor_html(draft),
        "text": fields.written if fields.plain else own_text(fields.html),
        "plain": fields.plain,
        "receipt": fields.receipt,
        "labels": fields.labels,
        "signature": fields.signature,
        "signature_above": fields.signature_above,
        "quote": _quote(draft),
        "attach": [],
        "missing": [],
        "files": _files(draft),
    }


def standing(draft: DraftInfo, *, check: bool = False) -> dict[str, Any]:
    """What a window that saved needs to know; with `check` also what speaks against sending it."""
    said: dict[str, Any] = {
        "draft": draft.id,
        "version": draft.version,
        "quote": _quote(draft),
        "files": _files(draft),
        "room": compose.room(draft),
    }
    if check:
        fields = draft.fields
        said["worries"] = [{"kind": kind, "text": text} for kind, text in compose.worries(draft)]
        said["wrong"] = wrong_people((*fields.to, *fields.cc, *fields.bcc))
    return said


def _quote(draft: DraftInfo) -> str:
    return reverse("mail:compose-quote", args=[draft.id]) if draft.fields.quoted_html else ""


def _files(draft: DraftInfo) -> list[dict[str, Any]]:
    return [as_file(draft.id, file) for file in draft.attachments if not file.inline]


def as_file(draft: int, file: DraftFile) -> dict[str, Any]:
    """A file of a draft as its window shows it."""
    return {
        "id": file.id,
        "name": file.name,
        "type": file.type,
        "size": file.size,
        "url": file_url(draft, file.id),
        "picture": file.type in SHOWN_PICTURES,
    } | _look(file.type)


def _look(media_type: str) -> dict[str, str]:
    return {"icon": str(file_icon(media_type)), "hue": file_hue(media_type)}
