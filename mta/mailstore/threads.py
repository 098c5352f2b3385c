"""Conversations: which thread a message joins, and the list lines a thread shows.

The rule (design): a message joins the newest open thread of an equal base subject that one of its
Message-ID, In-Reply-To or References ids leads to; without any, a reply joins by subject within 14
days between the same correspondents. Threads close at 200 messages and are never merged.
`lines` is pure: messages and placements in, one line per box out; `refresh` writes the difference.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from mta.message.parse import Facts
from mta.values import (
    ALL,
    DRAFTS,
    FLAGGED,
    JUNK,
    QUARANTINE,
    SCHEDULED,
    SEEN,
    SNOOZED,
    STARRED,
    TRASH,
)

from . import sql
from .columns import BASE_SUBJECT_LENGTH
from .models import Message, Thread, ThreadRef, ThreadRow

if TYPE_CHECKING:
    from .changing import Changing

CLOSES_AT = 200
THREADS_AT_ONCE = 500
REFERENCES_LIMIT = 100
SUBJECT_WINDOW = 14 * 24 * 3600 * 1_000_000
ASIDE = frozenset({JUNK, TRASH, QUARANTINE})  # a conversation does not show what lies there


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


# --- list lines --------------------------------------------------------------------------------


@dataclass(slots=True)
class Placed:
    """One visible placement, as much of it as a line needs."""

    mailbox: int
    role: str
    saved_at: int
    wake_at: int | None
    woken_at: int | None


@dataclass(slots=True)
class Member:
    """One message of a conversation, as much of it as a line needs."""

    id: int
    flags: int
    subject: str
    from_name: str
    from_address: str
    addresses: dict[str, Any]
    snippet: str
    attachments: list[Any]
    internal_date: int
    message_id: str
    own: bool
    placed: list[Placed] = field(default_factory=list)

    @property
    def aside(self) -> bool:
        """True when it lies only in Junk, Trash or Quarantine."""
        return all(place.role in ASIDE for place in self.placed)


MEMBER_COLUMNS = (
    "id",
    "flags",
    "subject",
    "from_name",
    "from_address",
    "addresses",
    "snippet",
    "attachments",
    "internal_date",
    "message_id",
    "own",
)
_BY_DATE = itemgetter(1 + MEMBER_COLUMNS.index("internal_date"), 1 + MEMBER_COLUMNS.index("id"))


def load(mailspace: int, thread_ids: Iterable[int], roles: Mapping[int, str]) -> dict[int, list[Member]]:
    """The visible members of some threads, oldest first, in two queries."""
    threads: dict[int, list[Member]] = {thread: [] for thread in thread_ids}
    members: dict[int, Member] = {}
    where, param = sql.among("thread_id", threads)
    rows = sql.select(
        f"SELECT thread_id, {', '.join(MEMBER_COLUMNS)} FROM mailstore_message WHERE mailspace_id = %s AND {where}",
        [mailspace, *param],
    )
    # Sorted here: asked to sort by date, SQLite walks the index of the dates, over the whole mailspace.
    rows.sort(key=_BY_DATE)
    for thread, *columns in rows:
        member = Member(*columns)
        member.addresses, member.attachments = json.loads(columns[5]), json.loads(columns[7])
        member.own = bool(member.own)
        members[member.id] = member
        threads[thread].append(member)
    ids = list(members)
    if ids:
        where, param = sql.among("message_id", ids)
        placements = sql.select(
            "SELECT message_id, mailbox_id, saved_at, wake_at, woken_at FROM mailstore_placement"
            f" WHERE mailspace_id = %s AND {where} AND expunged_modseq IS NULL AND NOT deleted",
            [mailspace, *param],
        )
        placements.sort(key=itemgetter(1))
        for message, mailbox, *times in placements:
            members[message].placed.append(Placed(mailbox, roles[mailbox], *times))
    return {thread: [m for m in found if m.placed] for thread, found in threads.items()}


def lines(members: list[Member]) -> dict[int, dict[str, Any]]:
    """The line of a conversation in each box where it shows: box id → columns of ThreadRow."""
    boxes: dict[int, list[tuple[Member, Placed]]] = defaultdict(list)
    for member in members:
        for place in member.placed:
            boxes[place.mailbox].append((member, place))
        if not member.aside:
            place = next(p for p in member.placed if p.role not in ASIDE)
            boxes[ALL].append((member, place))
            if member.flags & FLAGGED:
                boxes[STARRED].append((member, place))
    shown = [member for member in members if not member.aside]
    summary = _summary(shown) if shown else {}
    result = {}
    for box, here in boxes.items():
        lies_aside = box > 0 and here[0][1].role in ASIDE
        result[box] = {
            **(_summary([member for member, _ in here]) if lies_aside else summary),
            **_here(box, here),
        }
    return result


def _here(box: int, here: list[tuple[Member, Placed]]) -> dict[str, Any]:
    """The columns that look only at messages placed in this box."""
    seen_ids: set[int] = set()
    unread = 0
    for member, _ in here:
        if member.id not in seen_ids and not member.flags & SEEN:
            unread += 1
        seen_ids.add(member.id)
    wakes = [place.wake_at for _, place in here if place.wake_at is not None]
    newest = here[-1][0]
    return {
        # Sent and Drafts name the readers of what was written, not those of the answer that came since.
        "recipients": [pair for kind in ("to", "cc", "bcc") for pair in newest.addresses.get(kind, ())][:10],
        "last_message": newest.id,
        "sort_at": max(_sort_at(box, member, place) for member, place in here),
        "unread": unread,
        "wake_at": min(wakes) if wakes and box > 0 else None,
        "woken": box > 0 and any((place.woken_at or 0) > member.internal_date for member, place in here),
    }


def _sort_at(box: int, member: Member, place: Placed) -> int:
    if box > 0 and place.role in (SNOOZED, SCHEDULED) and place.wake_at is not None:
        return place.wake_at
    if box > 0 and place.role == DRAFTS:
        return place.saved_at
    return max(member.internal_date, place.woken_at or 0)


def _summary(members: list[Member]) -> dict[str, Any]:
    """The columns that look at the whole conversation. My sent copy and its delivered twin count once."""
    unique: list[Member] = []
    twins: set[tuple[str, str]] = set()
    for member in members:
        key = (member.message_id, member.from_address.lower())
        if member.message_id and key in twins:
            continue
        twins.add(key)
        unique.append(member)
    drafts = [m for m in unique if any(place.role == DRAFTS for place in m.placed)]
    written = [m for m in unique if m not in drafts] or unique
    people: dict[str, list[Any]] = {}
    for member in written:
        person = people.setdefault(
            member.from_address.lower(), [member.from_name, member.from_address, False, member.own]
        )
        person[2] = person[2] or not member.flags & SEEN
    attachments = [
        [member.id, part[0], part[1], part[2]]
        for member in unique
        for part in member.attachments
        if not part[4]
    ]
    newest = unique[-1]
    return {
        "count": len(unique),
        "starred": any(member.flags & FLAGGED for member in members),
        "subject": (unique[0].subject or newest.subject)[:255],
        "snippet": newest.snippet,
        "people": list(people.values())[:50],
        "attachments": attachments[:3],
        "attachment_count": len(attachments),
        "boxes": sorted({place.mailbox for member in members for place in member.placed}),
        "drafts": len(drafts),
    }


LINE_COLUMNS = (
    "sort_at",
    "unread",
    "count",
    "starred",
    "subject",
    "snippet",
    "people",
    "recipients",
    "attachments",
    "attachment_count",
    "boxes",
    "drafts",
    "last_message",
    "wake_at",
    "woken",
)


JSON_COLUMNS = frozenset({"people", "recipients", "attachments", "boxes"})
UNREAD = LINE_COLUMNS.index("unread")


def refresh(changing: Changing, thread_ids: set[int]) -> None:
    """Bring the rows of some threads up to date, and the thread counts of the boxes they are in."""
    ids = sorted(thread_ids)
    for start in range(0, len(ids), THREADS_AT_ONCE):
        _refresh(changing, ids[start : start + THREADS_AT_ONCE])


def _refresh(changing: Changing, ids: list[int]) -> None:
    roles = changing.roles()
    where, param = sql.among("thread_id", ids)
    found = sql.select(
        f"SELECT id, thread_id, box, {', '.join(LINE_COLUMNS)} FROM mailstore_threadrow"
        f" WHERE mailspace_id = %s AND {where}",
        [changing.id, *param],
    )
    before = {(row[1], row[2]): row for row in found}
    write: list[tuple[Any, ...]] = []
    for thread, members in load(changing.id, ids, roles).items():
        texts: dict[int, str] = {}  # a conversation's lines share most of their values
        for box, columns in lines(members).items():
            for name in JSON_COLUMNS:
                if id(columns[name]) not in texts:
                    texts[id(columns[name])] = sql.as_json(columns[name])
            stored = tuple(
                texts[id(columns[name])] if name in JSON_COLUMNS else columns[name] for name in LINE_COLUMNS
            )
            old = before.pop((thread, box), None)
            if old is not None and _same(old[3:], stored):
                continue
            write.append((changing.id, box, thread, *stored))
            was_unread = old is not None and old[3 + UNREAD] > 0
            changing.count_threads(box, int(old is None), int(columns["unread"] > 0) - int(was_unread))
    for row in before.values():  # whatever is left shows nothing any more
        changing.count_threads(row[2], -1, -int(row[3 + UNREAD] > 0))
    if before:
        ThreadRow.objects.filter(id__in=[row[0] for row in before.values()]).delete()
    key = ("mailspace_id", "box", "thread_id")
    sql.upsert("mailstore_threadrow", (*key, *LINE_COLUMNS), write, key=key)


def _same(old: Sequence[Any], new: Sequence[Any]) -> bool:
    """Compare a stored line with a new one; JSON by value, since a database may write it its own way."""
    return all(
        was == now or (isinstance(now, str) and name in JSON_COLUMNS and json.loads(was) == json.loads(now))
        for name, was, now in zip(LINE_COLUMNS, old, new, strict=True)
    )


def roles_of(mailspace: int) -> dict[int, str]:
    """Mailbox id → role, removed mailboxes included (their placements may come back)."""
    found = sql.select("SELECT id, role FROM mailstore_mailbox WHERE mailspace_id = %s", [mailspace])
    return dict(found)
