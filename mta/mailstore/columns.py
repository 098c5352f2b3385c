"""The columns of a Message row, from the facts parsed at delivery; and which columns the door keeps. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mta.message.address import Address
from mta.message.parse import PARSER_VERSION, Facts, delivered_to
from mta.message.text import fold

from .sql import as_json

BASE_SUBJECT_LENGTH = 255
ADDRESSES_KEPT = 500
TEXT_KEPT = 20_000  # characters of folded header text kept for substring search

# What the door may change in a mailbox and a mailspace. Quota and state belong to others.
MAILBOX_COLUMNS = (
    "name",
    "colour",
    "subscribed",
    "uidnext",
    "recent_uid",
    "recent",
    "highestmodseq",
    "messages",
    "unseen",
    "deleted",
    "size",
    "threads",
    "unread_threads",
    "starred_threads",
    "deleted_at",
)
SPACE_COLUMNS = (
    "clock",
    "used_bytes",
    "messages",
    "last_uidvalidity",
    "all_threads",
    "all_unread",
    "starred_threads",
    "starred_unread",
    "filters",
)
PLACEMENT_COLUMNS = (
    "mailspace_id",
    "mailbox_id",
    "uid",
    "message_id",
    "flags",
    "keywords",
    "size",
    "internal_date",
    "deleted",
    "saved_at",
    "wake_at",
    "woken_at",
    "modseq",
)
CHANGE_COLUMNS = (
    *("mailspace_id", "at", "modseq", "action", "verb", "cause"),
    *("session", "actor", "mailbox_id"),
    *("count", "before", "is_open", "undone_by", "undoes"),
)
ACTION_COLUMNS = (
    *("mailspace_id", "action", "at", "until", "verb", "cause", "session", "actor"),
    *(
        "mailbox_id",
        "target_id",
        "count",
        "conversations",
        "sample",
        "changes",
        "undone",
        "undoes",
        "is_open",
    ),
)
JSON_COLUMNS = frozenset(("reasons", "addresses", "attachments"))
HEADER_TEXTS = (
    *("subject_text", "from_text", "to_text", "cc_text", "bcc_text"),
    *("list_text", "delivered_text"),
)
HEADER_COLUMNS = ("mailspace_id", "message_id", *HEADER_TEXTS)


def from_facts(facts: Facts) -> dict[str, Any]:
    """Everything of a Message row that its bytes alone decide; JSON columns already as text."""
    first = facts.from_[0] if facts.from_ else None
    addresses = {
        kind: [[one.name, one.email] for one in found[:ADDRESSES_KEPT]]
        for kind, found in (
            ("from", facts.from_),
            ("to", facts.to),
            ("cc", facts.cc),
            ("bcc", facts.bcc),
            ("reply_to", facts.reply_to),
        )
        if found
    }
    return {
        "sent_at": facts.sent_at,
        "head": facts.head,
        "head_complete": facts.head_complete,
        "envelope": facts.envelope,
        "bodystructure": facts.bodystructure,
        "body": facts.body,
        "subject": facts.subject,
        "base_subject": facts.base_subject[:BASE_SUBJECT_LENGTH],
        "message_id": facts.message_id[:998],
        "in_reply_to": (facts.in_reply_to[0] if facts.in_reply_to else "")[:998],
        "references": " ".join(facts.references),
        "from_name": (first.name if first else "")[:255],
        "from_address": (first.email if first else "")[:320],
        "addresses": as_json(addresses),
        "list_id": facts.list_id[:255],
        "snippet": facts.snippet[:255],
        "attachments": as_json(
            [[a.number, a.name, a.type, a.size, a.inline, a.content_id] for a in facts.attachments]
        ),
        "has_attachment": any(not a.inline for a in facts.attachments),
        "automatic": facts.auto_submitted or facts.bulk,
        "parsed_by": PARSER_VERSION,
    }


def header_texts(facts: Facts, prefix: bytes = b"") -> tuple[str, ...]:
    """The values of HEADER_TEXTS: folded, for substring search. `prefix` is what was put before the message."""
    people = (facts.from_, facts.to, facts.cc, facts.bcc)
    delivered = (*(delivered_to(prefix) if prefix else ()), *facts.delivered_to)
    return (
        fold(facts.subject)[:TEXT_KEPT],
        *(_searchable(each) for each in people),
        fold(facts.list_id),
        fold(", ".join(delivered))[:TEXT_KEPT],
    )


def _searchable(addresses: Sequence[Address]) -> str:
    joined = ", ".join(f"{address.name} <{address.email}>" for address in addresses)
    return fold(joined)[:TEXT_KEPT]
