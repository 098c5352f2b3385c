"""Many new messages in one transaction: what `Changing.insert` does for one, with a statement for hundreds.

The rows are the same, and so are the conversations: the ids that lead to threads are read once for all messages,
and each joins among those and the ones before it. A reply that lost its references looks for its conversation by
subject, which needs the rows of those before it: it goes the ordinary way. Called by `importing`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import blobs, columns, fresh, sql, threads
from .blobs import Prepared
from .changing import Changing
from .columns import BASE_SUBJECT_LENGTH, HEADER_COLUMNS
from .live import Live

_YOUNGER = 1 << 62  # above every row's id: threads of this batch


@dataclass(frozen=True, slots=True)
class New:
    """One message to insert; as the arguments of `Changing.insert`."""

    prepared: Prepared
    flags: int = 0
    words: Sequence[str] = ()
    internal_date: int | None = None
    own: bool = False
    uidl: str = ""


def insert(changing: Changing, news: Sequence[New]) -> list[Live]:
    """New messages, not yet placed anywhere, in the same order."""
    lives: list[Live] = []
    waiting: list[New] = []
    for new in news:
        if not threads.may_join_by_subject(new.prepared.facts):
            waiting.append(new)
            continue
        lives += _insert(changing, waiting)
        waiting = []
        lives.append(
            changing.insert(
                new.prepared,
                flags=new.flags,
                words=new.words,
                internal_date=new.internal_date,
                own=new.own,
                uidl=new.uidl,
            )
        )
    return lives + _insert(changing, waiting)


def _insert(changing: Changing, news: Sequence[New]) -> list[Live]:
    if not news:
        return []
    dates = [changing.now if new.internal_date is None else new.internal_date for new in news]
    joined = _join(changing.id, news, dates)
    blob_ids = _blobs(changing, [new.prepared.blob for new in news])
    rows: list[dict[str, Any]] = [
        {
            "blob_id": blob,
            "thread_id": thread,
            "trace_id": "",
            "prefix": b"",
            "reasons": "{}",
            **changing.common(
                new.prepared,
                size=new.prepared.blob.size,
                at=at,
                own=new.own,
                flags=new.flags,
                words=new.words,
                uidl=new.uidl,
            ),
        }
        for new, at, thread, blob in zip(news, dates, joined, blob_ids, strict=True)
    ]
    ids = sql.insert_rows("mailstore_message", rows, json_columns=columns.JSON_COLUMNS)
    texts = [
        (changing.id, id_, *columns.header_texts(new.prepared.facts))
        for id_, new in zip(ids, news, strict=True)
    ]
    sql.insert_many("mailstore_headertext", HEADER_COLUMNS, texts)
    for id_, new, at in zip(ids, news, dates, strict=True):
        fresh.texts.remember(id_, new.prepared.blob.size, at, new.prepared.facts.search_text)
    return [changing.inserted(id_, row) for id_, row in zip(ids, rows, strict=True)]


def _blobs(changing: Changing, prepared: Sequence[blobs.PreparedBlob]) -> list[int]:
    """Blob rows; one statement for those whose bytes live in the row."""
    small = [blob for blob in prepared if blob.name is None]
    made = iter(
        sql.insert_rows(
            "mailstore_blob",
            [
                {"mailspace_id": changing.id, "size": blob.size, "data": blob.frame, "object_id": None}
                for blob in small
            ],
        )
    )
    return [
        next(made)
        if blob.name is None
        else blobs.insert(changing.id, blob, changing.objects, now=changing.now)
        for blob in prepared
    ]


# --- conversations


@dataclass(slots=True, eq=False)
class _Thread:
    """A conversation while messages join it."""

    id: int
    base: str
    messages: int
    newest_at: int
    is_open: bool

    @property
    def is_new(self) -> bool:
        return self.id >= _YOUNGER

    def take(self, at: int) -> None:
        self.messages += 1
        self.newest_at = max(self.newest_at, at)
        self.is_open = self.messages < threads.CLOSES_AT


def _join(mailspace: int, news: Sequence[New], dates: Sequence[int]) -> list[int]:
    """The thread of each message, as `threads.join` would find it, one after the other."""
    refs = [threads.refs_of(new.prepared.facts) for new in news]
    leads = _leads(mailspace, {ref for some in refs for ref in some})
    chosen: list[_Thread] = []
    told: list[tuple[int, _Thread]] = []  # new ids that lead to threads
    for new, at, some in zip(news, dates, refs, strict=True):
        base = new.prepared.facts.base_subject[:BASE_SUBJECT_LENGTH]
        near = {thread for ref in some for thread in leads[ref] if thread.is_open and thread.base == base}
        thread = max(near, key=lambda each: (each.newest_at, each.id), default=None)
        if thread is None:
            thread = _Thread(_YOUNGER + len(chosen), base, 0, at, True)
        thread.take(at)
        chosen.append(thread)
        for ref in some:
            if thread not in leads[ref]:
                leads[ref].append(thread)
                told.append((ref, thread))
    _write(mailspace, list(dict.fromkeys(chosen)))
    found = [(mailspace, ref, thread.id) for ref, thread in told]
    sql.insert_new("mailstore_threadref", ("mailspace_id", "ref", "thread_id"), found)
    return [thread.id for thread in chosen]


def _leads(mailspace: int, refs: set[int]) -> dict[int, list[_Thread]]:
    leads: dict[int, list[_Thread]] = defaultdict(list)
    where, params = sql.among("ref", sorted(refs))
    pairs = sql.select(
        f"SELECT ref, thread_id FROM mailstore_threadref WHERE mailspace_id = %s AND {where}",
        [mailspace, *params],
    )
    where, params = sql.among("id", sorted({thread for _, thread in pairs}))
    rows = sql.select(
        "SELECT id, base_subject, messages, newest_at, is_open FROM mailstore_thread"
        f" WHERE mailspace_id = %s AND {where}",
        [mailspace, *params],
    )
    known = {row[0]: _Thread(*row) for row in rows}
    for ref, thread in pairs:
        if thread in known:
            leads[ref].append(known[thread])
    return leads


def _write(mailspace: int, touched: Sequence[_Thread]) -> None:
    """Make the new threads, which get their ids here, and count on the old ones."""
    new = [thread for thread in touched if thread.is_new]
    rows = [
        {
            "mailspace_id": mailspace,
            "base_subject": thread.base,
            "messages": thread.messages,
            "newest_at": thread.newest_at,
            "is_open": thread.is_open,
        }
        for thread in new
    ]
    for thread in touched:
        if not thread.is_new:
            counted = {
                "messages": thread.messages,
                "newest_at": thread.newest_at,
                "is_open": thread.is_open,
            }
            sql.update("mailstore_thread", thread.id, counted)
    for thread, id_ in zip(new, sql.insert_rows("mailstore_thread", rows), strict=True):
        thread.id = id_
