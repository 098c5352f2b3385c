"""Writing the full-text index: batches of messages that are not in it yet, and forgetting those that go.

What delivery parsed is remembered for a moment (`remember`), so that the process that stored a message need not
read and parse it again. Parsing happens outside the transaction; indexers at once share the work by row locks.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence

from django.db import connection, transaction

from . import contents, headerwords, rows, search
from .errors import NoSuchMessage
from .models import Message, SearchText
from .sql import among

log = logging.getLogger(__name__)

BATCH = 200
REMEMBERED = 16 * 1024 * 1024  # characters, about
_FTS = "subject, sender, recipients, files, body"

Texts = dict[str, str]


class _Fresh:
    """The texts of messages that this process parsed when it stored them, until it indexes them.

    Named by id, size and arrival: an id that was rolled back may be given to another message.
    """

    def __init__(self) -> None:
        self._texts: OrderedDict[tuple[int, int, int], str] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def put(self, key: tuple[int, int, int], text: str) -> None:
        with self._lock:
            self._size -= len(self._texts.pop(key, ""))
            self._texts[key] = text
            self._size += len(text)
            while self._size > REMEMBERED:
                _, oldest = self._texts.popitem(last=False)
                self._size -= len(oldest)

    def take(self, key: tuple[int, int, int]) -> str | None:
        with self._lock:
            text = self._texts.pop(key, None)
            self._size -= len(text or "")
            return text


_fresh = _Fresh()


def remember(message: int, size: int, arrived: int, search_text: str) -> None:
    """Keep what was parsed of a message that is being stored, if this process indexes."""
    if indexes_here:
        _fresh.put((message, size, arrived), search_text)


indexes_here = False  # set by the process's Indexer


def index_pending(*, limit: int = BATCH, mailspace: int | None = None) -> int:
    """Index up to `limit` messages that are not indexed yet; returns how many were looked at."""
    waiting = Message.objects.filter(indexed=False)
    if mailspace is not None:
        waiting = waiting.filter(mailspace_id=mailspace)
    # By the key of the partial index: by id alone, SQLite reads the whole table for it.
    found = list(
        waiting.order_by("mailspace_id", "id").values_list("mailspace_id", "id", "size", "internal_date")[
            :limit
        ]
    )
    read = {id_: (space, texts) for space, id_, texts in _texts(found)}
    if read:
        with transaction.atomic():
            _write(read)
    return len(found)


def _texts(waiting: Sequence[tuple[int, int, int, int]]) -> Iterator[tuple[int, int, Texts]]:
    unread: dict[int, list[int]] = {}
    for space, id_, size, arrived in waiting:
        text = _fresh.take((id_, size, arrived))
        if text is not None:
            yield space, id_, search.tokens(text)
        else:
            unread.setdefault(space, []).append(id_)
    for space, ids in unread.items():
        try:
            found = [(space, id_, search.texts(raw)) for id_, raw in contents.raws(space, ids)]
        except Exception:  # one of them: find out which, so that it holds up nobody else
            found = [(space, id_, texts) for id_ in ids if (texts := _texts_of(space, id_)) is not None]
        yield from found


def _texts_of(mailspace: int, message: int) -> Texts | None:
    """The words of a stored message; none if it cannot be read; None if it is gone."""
    try:
        return search.texts(contents.raw(mailspace, message))
    except NoSuchMessage:
        return None
    except Exception:
        log.exception("message %d cannot be indexed", message)
        return dict.fromkeys(search.KINDS, "")


def _write(read: dict[int, tuple[int, Texts]]) -> None:
    locked = Message.objects.filter(id__in=read, indexed=False).order_by("id")
    locked = locked.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)
    made = []
    for id_, at in list(locked.values_list("id", "internal_date")):
        mailspace, texts = read[id_]
        made.append(SearchText(id=at + id_ % search.SPREAD, mailspace_id=mailspace, message_id=id_, **texts))
    _make_unique(made)
    _insert(made)
    headerwords.learn((row.mailspace_id, word) for row in made for word in header_words(row))
    Message.objects.filter(id__in=[row.message_id for row in made]).update(indexed=True)


def header_words(row: SearchText) -> Iterator[str]:
    """The words of subject and addresses that were indexed."""
    for kind in search.HEADER_KINDS:
        yield from getattr(row, kind).split()


def _make_unique(made: Sequence[SearchText]) -> None:
    """Row ids follow INTERNALDATE, spread over a millisecond; those that are taken are spread twice as far each time."""
    used: set[int] = set()
    waiting = {row.message_id: row.id for row in made}  # the id that is tried
    spread = search.SPREAD
    chosen: dict[int, int] = {}
    start = {row.message_id: row.id - row.message_id % search.SPREAD for row in made}
    while waiting:
        where, params = among("id", list(waiting.values()))
        taken = {row[0] for row in rows.select(f"SELECT id FROM mailstore_searchtext WHERE {where}", params)}
        spread *= 2
        again: dict[int, int] = {}
        for message, place in waiting.items():
            if place in taken or place in used:
                again[message] = start[message] + (message * 7919 + spread) % spread
            else:
                used.add(place)
                chosen[message] = place
        waiting = again
    for row in made:
        row.id = chosen[row.message_id]


def _insert(made: Sequence[SearchText]) -> None:
    columns = f"id, mailspace_id, message_id, {_FTS}"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.executemany(
                f"INSERT INTO mailstore_searchtext ({columns}, vector)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, array_to_tsvector(%s))",
                [(*_values(row), search._lexemes(row)) for row in made],
            )
        else:
            cursor.executemany(
                f"INSERT INTO mailstore_searchtext ({columns}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                [_values(row) for row in made],
            )
            cursor.executemany(
                f"INSERT INTO mailstore_fts (rowid, {_FTS}) VALUES (%s, %s, %s, %s, %s, %s)",
                [(row.id, *search._columns(row)) for row in made],
            )


def _values(row: SearchText) -> tuple[int | str, ...]:
    texts = (row.subject, row.sender, row.recipients, row.files, row.body)
    return row.id, row.mailspace_id, row.message_id, *texts


def forget(mailspace: int, messages: Sequence[int]) -> None:
    """Take messages out of the index (they are purged or parsed anew)."""
    found = list(SearchText.objects.filter(mailspace_id=mailspace, message_id__in=messages))
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO mailstore_fts (mailstore_fts, rowid, {_FTS}) VALUES ('delete',%s,%s,%s,%s,%s,%s)",
                [(row.id, *search._columns(row)) for row in found],
            )
    SearchText.objects.filter(id__in=[row.id for row in found]).delete()
    headerwords.forget(mailspace, {word for row in found for word in header_words(row)})
