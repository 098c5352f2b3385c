"""From a draft to the bytes of a message. One function for what is sent, kept in Sent and shown to mail programs.

Reads the draft's files; writes nothing. Called by `flow.submit`, and by the web client for the draft's IMAP form.
"""

from __future__ import annotations

from datetime import UTC, datetime

from mta.mailstore import service as mailstore
from mta.mailstore.service import DraftInfo
from mta.message import build
from mta.message.address import Address, BadAddress, canonical_domain, parse_addresses
from mta.message.build import Outgoing, Upload


def from_draft(mailspace: int, draft: DraftInfo, *, at: int, with_bcc: bool) -> bytes:
    """The message as it stands; `at` (µs) becomes its Date. Addresses that are none yet keep their text."""
    return build.build(outgoing(mailspace, draft, at=at), with_bcc=with_bcc)


def outgoing(mailspace: int, draft: DraftInfo, *, at: int) -> Outgoing:
    """The same before it is written out."""
    fields = draft.fields
    return Outgoing(
        from_=_address(fields.from_name, fields.identity),
        to=_people(fields.to),
        cc=_people(fields.cc),
        bcc=_people(fields.bcc),
        subject=fields.subject,
        text=fields.text,
        html=fields.body or None,
        flowed=fields.plain,
        reply_to=_people((("", fields.reply_to),)) if fields.reply_to else (),
        extra_headers=(("Disposition-Notification-To", fields.identity),) if fields.receipt else (),
        message_id=draft.header_id,
        date=datetime.fromtimestamp(at / 1_000_000, UTC),
        in_reply_to=fields.in_reply_to,
        references=fields.references,
        attachments=tuple(
            Upload(
                file.name,
                file.type,
                mailstore.attachment_bytes(mailspace, draft.id, file.id),
                content_id=file.content_id or None,
                inline=file.inline,
            )
            for file in draft.attachments
        ),
    )


def _people(pairs: tuple[tuple[str, str], ...]) -> tuple[Address, ...]:
    return tuple(_address(name, email) for name, email in pairs)


def _address(name: str, email: str) -> Address:
    """An address with its domain in A-labels; what is none yet keeps its text, in the name's place."""
    try:
        found = parse_addresses(email, 1)[0]
        return Address(name, found.local, canonical_domain(found.domain))
    except (IndexError, BadAddress):
        return Address(name or email, "", "")
