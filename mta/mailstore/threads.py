"""Conversations: which thread a message joins (the lines that lists show of it are made in `lines`).

The rule (design): a message joins the newest open thread of an equal base subject that one of its
Message-ID, In-Reply-To or References ids leads to; without any, a reply joins by subject within 14
days between the same correspondents. Threads close at 200 messages and are never merged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mta.message.parse import Facts

from . import sql
from .columns import BASE_SUBJECT_LENGTH
from .models import Message, Thread, ThreadRef

if TYPE_CHECKING:
    pass

CLOSES_AT = 200
REFERENCES_LIMIT = 100
SUBJECT_WINDOW = 14 * 24 * 3600 * 1_000_000


def ref_hash(message_id: str) -> int:
    """A Message-ID as a signed 64-bit number; a clash only makes a thread a candidate."""
    digest = hashlib.blake2b(message_id.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def refs_of(facts: Facts) -> list[int]:
    """Hashes of every id that leads to this message's conversation, its own first."""
    ids = [facts.message_id] if facts.message_id else []
    ids += [*facts.in_reply_to, *facts.references]
    return list(dict.fromkeys(ref_hash(message_id) for message_id in ids))[: REFERENCES_LIMIT + 1]


def join(mailspace: int, facts: Facts, *, at: int, thread: int | None = None) -> int:
    """The thread this message belongs to, made if need be; counts it and leaves its ids there."""
    refs = refs_of(facts)
    base = facts.base_subject[:BASE_SUBJECT_LENGTH]
    chosen = (
        _first(mailspace, "id = %s", [thread])
        if thread is not None
        else _by_refs(mailspace, refs, base) or _by_subject(mailspace, facts, base, at)
    )
    if chosen is None:
        row = {
            "mailspace_id": mailspace,
            "base_subject": base,
            "messages": 1,
            "newest_at": at,
            "is_open": True,
        }
        id_ = sql.insert("mailstore_thread", row)
    else:
        id_, messages, newest_at = chosen
        counted = {
            "messages": messages + 1,
            "newest_at": max(newest_at, at),
            "is_open": messages + 1 < CLOSES_AT,
        }
        sql.update("mailstore_thread", id_, counted)
    sql.insert_new(
        "mailstore_threadref", ("mailspace_id", "ref", "thread_id"), [(mailspace, ref, id_) for ref in refs]
    )
    return id_


def grow(mailspace: int, more: Mapping[int, int]) -> None:
    """Count messages that joined their threads by being copied; or, with numbers below 0, that are gone for good."""
    for thread, number in sorted(more.items()):
        sql.execute(
            "UPDATE mailstore_thread SET messages = messages + %s, is_open = messages + %s < %s"
            " WHERE mailspace_id = %s AND id = %s",
            [number, number, CLOSES_AT, mailspace, thread],
        )


def forget_empty(mailspace: int, thread_ids: Iterable[int]) -> None:
    """Drop those of some threads that have no message any more, and the ids that led to them."""
    empty = list(
        Thread.objects.filter(mailspace_id=mailspace, id__in=thread_ids, messages__lte=0).values_list(
            "id", flat=True
        )
    )
    if empty:
        ThreadRef.objects.filter(mailspace_id=mailspace, thread_id__in=empty).delete()
        Thread.objects.filter(mailspace_id=mailspace, id__in=empty).delete()


def _first(mailspace: int, where: str, params: list[Any]) -> tuple[int, int, int] | None:
    """(id, messages, newest_at) of the newest thread that fulfils a condition."""
    found = sql.select(
        "SELECT id, messages, newest_at FROM mailstore_thread"
        f" WHERE mailspace_id = %s AND {where} ORDER BY newest_at DESC, id DESC LIMIT 1",
        [mailspace, *params],
    )
    return found[0] if found else None  # type: ignore[return-value]


def _by_refs(mailspace: int, refs: list[int], base: str) -> tuple[int, int, int] | None:
    if not refs:
        return None
    leads = sql.select(
        f"SELECT thread_id FROM mailstore_threadref WHERE mailspace_id = %s AND ref IN ({sql.marks(refs)})",
        [mailspace, *refs],
    )
    ids = sorted({row[0] for row in leads})
    if not ids:
        return None
    return _first(mailspace, f"id IN ({sql.marks(ids)}) AND base_subject = %s AND is_open", [*ids, base])


def may_join_by_subject(facts: Facts) -> bool:
    """A reply that lost its references."""
    return facts.is_reply and not facts.references and not facts.in_reply_to and bool(facts.base_subject)


def _by_subject(mailspace: int, facts: Facts, base: str, at: int) -> tuple[int, int, int] | None:
    """Between people who were already talking."""
    if not may_join_by_subject(facts):
        return None
    author = {address.email.lower() for address in facts.from_}
    readers = {address.email.lower() for address in (*facts.to, *facts.cc)}
    recent = Thread.objects.filter(
        mailspace_id=mailspace, base_subject=base, is_open=True, newest_at__gte=at - SUBJECT_WINDOW
    ).order_by("-newest_at", "-id")[:5]
    for thread in recent:
        rows = Message.objects.filter(mailspace_id=mailspace, thread_id=thread.id)
        for sender, addresses in rows.values_list("from_address", "addresses")[:CLOSES_AT]:
            wrote_to = {email.lower() for kind in ("to", "cc") for _, email in addresses.get(kind, ())}
            if sender.lower() in readers and author & wrote_to:
                return thread.id, thread.messages, thread.newest_at
            if sender.lower() in author and readers & wrote_to:
                return thread.id, thread.messages, thread.newest_at
    return None
