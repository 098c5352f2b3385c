"""A submitted message's own header, read and completed; and a sending taken back.

`completed` is RFC 6409 §8: what a mail program may leave out is added, what must not leave here is removed,
and not one other byte changes. Called by `flow.submit`.
"""

from __future__ import annotations

from contextlib import suppress

from mta.mailstore import service as mailstore
from mta.mailstore.errors import NoSuchMessage
from mta.mailstore.service import Door
from mta.message.address import BadAddress, canonical_domain, parse_addresses
from mta.message.build import new_message_id
from mta.message.encode import date_text_us, id_field, structured_field
from mta.message.headers import parse_header, split_message
from mta.queue.values import OutgoingInfo
from mta.values import Cause

# RFC 6409 leaves Bcc to the client; a client that left it in did not mean to show it (RFC 5322 §3.6.3).
_NEVER_LEAVE = frozenset({"bcc", "resent-bcc", "return-path"})


def authors(raw: bytes, *, sender: bool = True) -> tuple[str, ...]:
    """The addresses of From and, if it is there, Sender, which readers are shown as well; empty unless there is
    exactly one From, at most one Sender, and all in them are whole. Without `sender`: those of From alone."""
    names = ("from", "sender") if sender else ("from",)
    header_end, _body = split_message(raw)
    fields = [field for field in parse_header(raw[:header_end]) if field.name in names]
    if [field.name for field in fields].count("from") != 1 or len(fields) > 2:
        return ()
    found: list[str] = []
    for address in (each for field in fields for each in parse_addresses(field.value)):
        try:
            canonical_domain(address.domain)
        except BadAddress:
            return ()
        if not address.local or not address.domain:
            return ()
        found.append(address.email)
    return tuple(found)


def completed(raw: bytes, *, hostname: str, at: int) -> bytes:
    """With Date and Message-ID, without Bcc and Return-Path."""
    header_end, _body = split_message(raw)
    header, rest = raw[:header_end], raw[header_end:]
    fields = parse_header(header)
    names = {field.name for field in fields}
    position = 0
    for field in fields:
        start = header.find(field.raw, position)
        if field.name in _NEVER_LEAVE and start >= 0:
            header = header[:start] + header[start + len(field.raw) :]
            position = start
        else:
            position = max(position, start + len(field.raw))
    added = b""
    if "date" not in names:
        added += structured_field("Date", date_text_us(at))
    if "message-id" not in names:
        added += id_field("Message-ID", (new_message_id(hostname),))
    return added + header + rest


def take_back(door: Door, mailspace: int, info: OutgoingInfo, *, forwarded: bool, cause: Cause) -> None:
    """Within the transaction that cancels the queue's rows: the Sent copy goes, the draft is open again."""
    if info.message is not None:
        mailstore.withdraw(door, mailspace, info.message)
    if info.draft is not None:
        mailstore.reopen(door, mailspace, info.draft)
    if info.answered is not None:
        with suppress(NoSuchMessage):  # gone since; nothing to take back there
            mailstore.mark_answered(
                door, mailspace, info.answered, cause=cause, forwarded=forwarded, on=False
            )
