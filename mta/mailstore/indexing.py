"""Writing the full-text index: batches of messages that are not in it yet, and forgetting those that go.

Texts are parsed outside the transaction, or come from delivery (`fresh`). Indexers at once share the work by row
locks.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import partial

from django.db import DatabaseError, connection, transaction

from . import contents, fresh, headerwords, rows, search, writer
from .door import Door
from .errors import NoSuchMessage
from .models import Message, SearchText
from .sql import among

log = logging.getLogger(__name__)

BATCH = 200
AT_ONCE = 50  # of one unit of the writer, whose other work waits for it
_FTS = "subject, sender, recipients, files, body"

Texts = dict[str, str]


_WAITING = ("mailspace_id", "id", "size", "internal_date")


def index_pending(*, limit: int = BATCH, mailspace: int | None = None) -> int:
    """Index up to `limit` messages that are not indexed yet; returns how many were looked at."""
    waiting = Message.objects.filter(indexed=False)
    if mailspace is not None:
        waiting = waiting.filter(mailspace_id=mailspace)
    # As their small index has them.
    return _index(list(waiting.order_by("mailspace_id", "id").values_list(*_WAITING)[:limit]))


def index_fresh(*, limit: int = BATCH) -> int:
    """The same with messages that this process stored itself a moment ago."""
    ids = fresh.texts.oldest(limit)
    if ids:
        _index(list(Message.objects.filter(id__in=ids, indexed=False).values_list(*_WAITING)))
        fresh.texts.forget(set(ids))
    return len(ids)


def _index(found: Sequence[tuple[int, int, int, int]]) -> int:
    read = {id_: (space, texts) for space, id_, texts in _texts(found)}
    if not read:
        return len(found)
    if connection.vendor == "postgresql":
        with transaction.atomic():
            _write(read)
    else:
        # One who writes at a time: it costs less together with what is being delivered than between.
        for piece in rows.chunks(list(read), AT_ONCE):
            writer.commit((), partial(_work, {id_: read[id_] for id_ in piece}))
    return len(found)


def _work(read: dict[int, tuple[int, Texts]], _door: Door) -> None:
    _write(read)


def _texts(waiting: Sequence[tuple[int, int, int, int]]) -> Iterator[tuple[int, int, Texts]]:
    unread: dict[int, list[int]] = {}
    for space, id_, size, arrived in waiting:
        text = fresh.texts.text(id_, size, arrived)
        if text is not None:
            yield space, id_, search.tokens(text)
        else:
            unread.setdefault(space, []).append(id_)
    for space, ids in unread.items():
        try:
            found = [(space, id_, search.texts(raw)) for id_, raw in contents.raws(space, ids)]
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                raise  # the files are away for a moment: the batch is tried again
            found = [(space, id_, texts) for id_ in ids if (texts := _texts_of(space, id_)) is not None]
        except DatabaseError:
            raise
        except Exception:  # one of them: find out which, so that it holds up nobody else
            found = [(space, id_, texts) for id_ in ids if (texts := _texts_of(space, id_)) is not None]
        yield from found


def _texts_of(mailspace: int, message: int) -> Texts | None:
    """The words of a stored message; None if it is gone. None at all if its bytes are lost, or no mail.

    That the database or the files are away is no fault of the message: it is tried again.
    """
    try:
        return search.texts(contents.raw(mailspace, message))
    except NoSuchMessage:
        return None
    except DatabaseError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
            raise
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
                [(*_values(row), search.lexemes(row)) for row in made],
            )
        else:
            cursor.executemany(
                f"INSERT INTO mailstore_searchtext ({columns}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                [_values(row) for row in made],
            )
            cursor.executemany(
                f"INSERT INTO mailstore_fts (rowid, {_FTS}) VALUES (%s, %s, %s, %s, %s, %s)",
                [(row.id, *search.index_columns(row)) for row in made],
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
                [(row.id, *search.index_columns(row)) for row in found],
            )
    SearchText.objects.filter(id__in=[row.id for row in found]).delete()
    headerwords.forget(mailspace, {word for row in found for word in header_words(row)})
