"""List lines: what a conversation shows in each mailbox and view where it lies.

`lines` is pure: messages and placements in, one line per box out; `refresh` writes the difference, and only the
columns that differ. Called when a Changing is flushed, and by the doctor.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from mta.values import (
    ALL,
    DRAFTS,
    FLAGGED,
    IMPORTANT,
    JUNK,
    MUTED,
    QUARANTINE,
    SCHEDULED,
    SEEN,
    SENT,
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
    keywords: str
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
    aside: bool = True  # it lies only in Junk, Trash or Quarantine
    _readers: list[Any] | None = None

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
    "keywords",
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
    for thread, member in _members(mailspace, *sql.among("thread_id", threads), roles):
        threads[thread].append(member)
    return threads


def load_messages(
    mailspace: int, messages: Collection[int], roles: Mapping[int, str]
) -> dict[int, tuple[int, Member]]:
    """Some visible messages, each with its thread."""
    found = _members(mailspace, *sql.among("id", messages), roles)
    return {member.id: (thread, member) for thread, member in found}


def _members(
    mailspace: int, where: str, param: list[Any], roles: Mapping[int, str]
) -> list[tuple[int, Member]]:
    """Members with their threads, oldest first."""
    members: dict[int, Member] = {}
    found: list[tuple[int, Member]] = []
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
        found.append((thread, member))
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
            role, member = roles[mailbox], members[message]
            member.placed.append(Placed(mailbox, role, *times))
            if role not in ASIDE:
                member.aside = False
    return [(thread, member) for thread, member in found if member.placed]


def lines(members: list[Member]) -> dict[int, tuple[Any, ...]]:
    """The line of a conversation in each box where it shows: box id → values of LINE_COLUMNS."""
    boxes: dict[int, list[tuple[Member, Placed]]] = defaultdict(list)
    shown = []
    for member in members:
        for place in member.placed:
            boxes[place.mailbox].append((member, place))
        if not member.aside:
            shown.append(member)
            pair = member, next(p for p in member.placed if p.role not in ASIDE)
            boxes[ALL].append(pair)
            if member.flags & FLAGGED:
                boxes[STARRED].append(pair)
    summary = _summary(shown) if shown else ()
    result = {}
    for box, here in boxes.items():
        lies_aside = box > 0 and here[0][1].role in ASIDE
        about = _summary([member for member, _ in here]) if lies_aside else summary
        result[box] = (*_here(box, here), *about)
    return result


def _here(box: int, here: list[tuple[Member, Placed]]) -> tuple[Any, ...]:
    """The columns that look only at messages placed in this box, oldest first."""
    unread = sort_at = 0
    wake_at = None
    woken = False
    for member, place in here:
        if not member.flags & SEEN:
            unread += 1
        sort_at = max(sort_at, _sort_at(box, member, place))
        if box > 0:
            if place.wake_at is not None:
                wake_at = place.wake_at if wake_at is None else min(wake_at, place.wake_at)
            if place.woken_at is not None and place.woken_at > member.internal_date and place.role != SENT:
                woken = True
    newest = here[-1][0]
    # Sent and Drafts name the readers of what was written, not those of the answer that came since.
    return sort_at, unread, newest.id, wake_at, woken, newest.readers


def _sort_at(box: int, member: Member, place: Placed) -> int:
    if box > 0 and place.role in (SNOOZED, SCHEDULED) and place.wake_at is not None:
        return place.wake_at
    if box > 0 and place.role == DRAFTS:
        return place.saved_at
    return max(member.internal_date, place.woken_at or 0)


def _summary(members: list[Member]) -> tuple[Any, ...]:
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
    return (
        len(unique),
        any(member.flags & FLAGGED for member in members),
        _has(members, IMPORTANT),
        _has(members, MUTED),
        (unique[0].subject or newest.subject)[:255],
        newest.snippet,
        len(attachments),
        len(drafts),
        list(people.values())[:50],
        attachments[:3],
        sorted({place.mailbox for member in members for place in member.placed}),
    )


def _has(members: list[Member], keyword: str) -> bool:
    """Whether a message of the conversation has it, in any case (RFC 9051 §2.3.2)."""
    low = keyword.lower()
    return any(low in member.keywords.lower().split() for member in members if member.keywords)


# What looks at the messages here, then what looks at the whole conversation.
LINE_COLUMNS = (
    *("sort_at", "unread", "last_message", "wake_at", "woken", "recipients"),
    *("count", "starred", "important", "muted", "subject", "snippet", "attachment_count", "drafts"),
    *("people", "attachments", "boxes"),
)
JSON_COLUMNS = ("recipients", "people", "attachments", "boxes")
_JSON_PLACES = tuple(LINE_COLUMNS.index(name) for name in JSON_COLUMNS)
UNREAD, STARS = LINE_COLUMNS.index("unread"), LINE_COLUMNS.index("starred")
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
        for box, line in lines(members).items():
            new = _stored(line, texts)
            is_unread = int(line[UNREAD] > 0)
            old = before.pop((thread, box), None)
            if old is None:
                made.append((changing.id, box, thread, *new))
                changing.count_threads(box, 1, is_unread, int(line[STARS]))
            elif old[3:] != new:
                more = is_unread - int(old[3 + UNREAD] > 0)
                changing.count_threads(box, 0, more, int(line[STARS]) - int(old[3 + STARS]))
                places = [at for at, value in enumerate(new) if old[3 + at] != value]
                different = tuple(LINE_COLUMNS[at] for at in places)
                updates[different].append((old[0], *(new[at] for at in places)))
    for row in before.values():  # whatever is left shows nothing any more
        changing.count_threads(row[2], -1, -int(row[3 + UNREAD] > 0), -int(row[3 + STARS]))
    if before:
        where, param = sql.among("id", [row[0] for row in before.values()])
        sql.execute(f"DELETE FROM mailstore_threadrow WHERE {where}", param)
    sql.insert_many("mailstore_threadrow", (*KEY, *LINE_COLUMNS), made, json_columns=JSON_COLUMNS)
    for different, rows in updates.items():
        sql.update_many("mailstore_threadrow", different, rows, json_columns=JSON_COLUMNS)


def _stored(line: tuple[Any, ...], texts: dict[int, str]) -> tuple[Any, ...]:
    """A line as it is kept. `texts` remembers the JSON of values that several lines share."""
    stored = list(line)
    for place in _JSON_PLACES:
        value = line[place]
        text = texts.get(id(value))
        if text is None:
            text = texts[id(value)] = sql.as_json(value)
        stored[place] = text
    return tuple(stored)


def roles_of(mailspace: int) -> dict[int, str]:
    """Mailbox id → role, removed mailboxes included (their placements may come back)."""
    found = sql.select("SELECT id, role FROM mailstore_mailbox WHERE mailspace_id = %s", [mailspace])
    return dict(found)
