"""List lines: what a conversation shows in each mailbox and view where it lies.

`lines` is pure: messages and placements in, one line per box out; `refresh` writes the difference, and only the
columns that differ. Called when a Changing is flushed, and by the doctor.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from .changing import Changing

THREADS_AT_ONCE = 500
ASIDE = frozenset({JUNK, TRASH, QUARANTINE})  # a conversation does not show what lies there


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
    """One message of a conversation, as much of it as a line needs; what is JSON is read when it is wanted."""

    id: int
    flags: int
    subject: str
    from_name: str
    from_address: str
    addresses: str
    snippet: str
    attachments: str
    internal_date: int
    message_id: str
    own: bool
    placed: list[Placed] = field(default_factory=list)
    _readers: list[Any] | None = None

    @property
    def aside(self) -> bool:
        """True when it lies only in Junk, Trash or Quarantine."""
        return all(place.role in ASIDE for place in self.placed)

    @property
    def readers(self) -> list[Any]:
        """The first recipients, as [name, address]; the same list each time."""
        if self._readers is None:
            addresses = json.loads(self.addresses)
            self._readers = [pair for kind in ("to", "cc", "bcc") for pair in addresses.get(kind, ())][:10]
        return self._readers

    @property
    def files(self) -> list[list[Any]]:
        """What is attached: [message, part, name, type]."""
        if self.attachments == "[]":
            return []
        return [[self.id, part[0], part[1], part[2]] for part in json.loads(self.attachments) if not part[4]]


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
        "recipients": newest.readers,
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
    attachments = [file for member in unique for file in member.files]
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
KEY = ("mailspace_id", "box", "thread_id")


def refresh(changing: Changing, thread_ids: set[int]) -> None:
    """Bring the rows of some threads up to date, and the thread counts of the boxes they are in."""
    ids = sorted(thread_ids)
    for start in range(0, len(ids), THREADS_AT_ONCE):
        _refresh(changing, ids[start : start + THREADS_AT_ONCE])


def _refresh(changing: Changing, ids: list[int]) -> None:
    where, param = sql.among("thread_id", ids)
    found = sql.select(
        f"SELECT id, thread_id, box, {', '.join(LINE_COLUMNS)} FROM mailstore_threadrow"
        f" WHERE mailspace_id = %s AND {where}",
        [changing.id, *param],
    )
    before = {(row[1], row[2]): row for row in found}
    made: list[tuple[Any, ...]] = []
    updates: dict[tuple[str, ...], list[tuple[Any, ...]]] = defaultdict(list)
    for thread, members in load(changing.id, ids, changing.roles()).items():
        texts: dict[int, str] = {}  # a conversation's lines share most of their values
        for box, columns in lines(members).items():
            new = _stored(columns, texts)
            old = before.pop((thread, box), None)
            if old is None:
                made.append((changing.id, box, thread, *new))
                changing.count_threads(box, 1, int(columns["unread"] > 0))
            elif different := tuple(
                name for name, was, now in zip(LINE_COLUMNS, old[3:], new, strict=True) if was != now
            ):
                changed = dict(zip(LINE_COLUMNS, new, strict=True))
                updates[different].append((old[0], *(changed[name] for name in different)))
                changing.count_threads(box, 0, int(columns["unread"] > 0) - int(old[3 + UNREAD] > 0))
    for row in before.values():  # whatever is left shows nothing any more
        changing.count_threads(row[2], -1, -int(row[3 + UNREAD] > 0))
    if before:
        where, param = sql.among("id", [row[0] for row in before.values()])
        sql.execute(f"DELETE FROM mailstore_threadrow WHERE {where}", param)
    sql.insert_many("mailstore_threadrow", (*KEY, *LINE_COLUMNS), made, json_columns=JSON_COLUMNS)
    for different, rows in updates.items():
        sql.update_many("mailstore_threadrow", different, rows, json_columns=JSON_COLUMNS)


def _stored(columns: dict[str, Any], texts: dict[int, str]) -> tuple[Any, ...]:
    """A line as it is kept. `texts` remembers the JSON of values that several lines share."""
    for name in JSON_COLUMNS:
        if id(columns[name]) not in texts:
            texts[id(columns[name])] = sql.as_json(columns[name])
    return tuple(texts[id(columns[name])] if name in JSON_COLUMNS else columns[name] for name in LINE_COLUMNS)


def roles_of(mailspace: int) -> dict[int, str]:
    """Mailbox id → role, removed mailboxes included (their placements may come back)."""
    found = sql.select("SELECT id, role FROM mailstore_mailbox WHERE mailspace_id = %s", [mailspace])
    return dict(found)
