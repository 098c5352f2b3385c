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

from . import contents, headerwords, search
from .errors import NoSuchMessage
from .models import Message, SearchText

log = logging.getLogger(__name__)

BATCH = 200
REMEMBERED = 16 * 1024 * 1024  # characters, about
_FTS = "subject, sender, recipients, files, body"

Texts = dict[str, str]


class _Fresh:
    """The texts of messages that this process parsed when it stored them, until they are indexed.

    Named by id, size and arrival: an id that was rolled back may be given to another message.
    """

    def __init__(self) -> None:
        self._texts: OrderedDict[tuple[int, int, int], str] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def put(self, key: tuple[int, int, int], text: str) -> None:
        with self._lock:
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
    """Keep what was parsed of a message that is being stored."""
    _fresh.put((message, size, arrived), search_text)


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
    SearchText.objects.bulk_create(made)
    _add_to_index(made)
    headerwords.learn((row.mailspace_id, word) for row in made for word in header_words(row))
    Message.objects.filter(id__in=[row.message_id for row in made]).update(indexed=True)


def header_words(row: SearchText) -> Iterator[str]:
    """The words of subject and addresses that were indexed."""
    for kind in search.HEADER_KINDS:
        yield from getattr(row, kind).split()


def _make_unique(made: list[SearchText]) -> None:
    """Row ids follow INTERNALDATE, spread over a millisecond; where one is taken, twice as far on each time."""
    taken = set(SearchText.objects.filter(id__in=[row.id for row in made]).values_list("id", flat=True))
    for row in made:
        step = 1
        while row.id in taken:
            row.id += step
            step *= 2
            if SearchText.objects.filter(id=row.id).exists():
                taken.add(row.id)
        taken.add(row.id)


def _add_to_index(made: Sequence[SearchText]) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.executemany(
                "UPDATE mailstore_searchtext SET vector = array_to_tsvector(%s) WHERE id = %s",
                [(search._lexemes(row), row.id) for row in made],
            )
        else:
            cursor.executemany(
                f"INSERT INTO mailstore_fts (rowid, {_FTS}) VALUES (%s,%s,%s,%s,%s,%s)",
                [(row.id, *search._columns(row)) for row in made],
            )


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
