"""Reads of placements joined with their messages, as plain tuples: the store's hot queries.

There is no database relation between mail tables (they may be split one day), so these few joins
are written in SQL. Every one filters by mailspace first.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection

from .errors import TooMuch
from .live import Live
from .sql import among, select

CHUNK = 500
STEPS = 50_000  # of SQLite's machine, between two looks at the clock


@contextmanager
def snapshot() -> Iterator[None]:
    """Several reads that see one state of the database, without any write lock.

    Inside a transaction already: nothing to do there. Never held while a socket is written to.
    """
    if connection.in_atomic_block or not connection.get_autocommit():
        yield
        return
    begin = (
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        if connection.vendor == "postgresql"
        else "BEGIN DEFERRED"
    )
    with connection.cursor() as cursor:
        cursor.execute(begin)
        try:
            yield
        except BaseException:
            connection.close()  # it may be broken; whoever comes next gets a fresh one
            raise
        cursor.execute("ROLLBACK")


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Reads that together take no longer; TooMuch if they do. PostgreSQL stops by itself (`search.LONGEST`)."""
    if connection.vendor != "sqlite":
        yield
        return
    until = time.monotonic() + seconds
    connection.ensure_connection()
    sqlite = connection.connection
    sqlite.set_progress_handler(lambda: time.monotonic() > until, STEPS)
    try:
        yield
    except OperationalError as error:
        if "interrupted" in str(error):
            raise TooMuch("This search takes too long; ask for less at once.") from error
        raise
    finally:
        sqlite.set_progress_handler(None, 0)


_LIVE = """
SELECT p.id, p.mailbox_id, p.uid, p.message_id, p.deleted, p.saved_at, p.wake_at, p.woken_at,
       p.flags, p.keywords, p.size, p.internal_date, p.modseq, m.thread_id
  FROM mailstore_placement p JOIN mailstore_message m ON m.id = p.message_id
 WHERE p.mailspace_id = %s AND p.expunged_modseq IS NULL AND """


def chunks(values: Sequence[int], size: int = CHUNK) -> Iterator[Sequence[int]]:
    """A sequence in pieces that one statement or one bulk transaction may take."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def at(mailspace: int, mailbox: int, uids: Sequence[int]) -> list[Live]:
    """Live placements of a mailbox with these UIDs, in UID order."""
    found: list[Live] = []
    for where, params, wanted in uid_conditions(uids):
        rows = select(_LIVE + f"p.mailbox_id = %s AND {where} ORDER BY p.uid", [mailspace, mailbox, *params])
        found += [Live(*row) for row in rows if wanted is None or row[2] in wanted]
    return found


def in_mailbox(
    mailspace: int, mailbox: int, *, deleted: bool | None = None, after: int = 0, limit: int = CHUNK
) -> list[Live]:
    """The first live placements of a mailbox, optionally only those (not) marked \\Deleted.

    Who takes them away chunk by chunk goes on `after` the last UID, so that no tombstone is looked at twice.
    """
    # Written out, as the partial index has it: what is marked is found without looking at the rest.
    marked = {None: "", True: " AND p.deleted", False: " AND NOT p.deleted"}[deleted]
    where = f"p.mailbox_id = %s AND p.uid > %s{marked}"
    found = select(f"{_LIVE} {where} ORDER BY p.uid LIMIT %s", [mailspace, mailbox, after, limit])
    return [Live(*row) for row in found]


def of_messages(mailspace: int, messages: Sequence[int]) -> list[Live]:
    """Every live placement of some messages, in the order of their ids."""
    where, param = among("p.message_id", messages)
    return [
        Live(*row)
        for row in select(_LIVE + f"{where} ORDER BY p.message_id, p.mailbox_id", [mailspace, *param])
    ]


def of_threads(mailspace: int, threads: Sequence[int]) -> list[Live]:
    """Every live placement of the messages of some threads, thread by thread."""
    where, param = among("m.thread_id", threads)
    statement = _LIVE + f"m.mailspace_id = %s AND {where} ORDER BY m.thread_id, p.message_id, p.mailbox_id"
    return [Live(*row) for row in select(statement, [mailspace, mailspace, *param])]


def uid_conditions(uids: Sequence[int]) -> Iterator[tuple[str, list[Any], frozenset[int] | None]]:
    """SQL for a set of UIDs: one range where they are dense (then filter by `wanted`), else a list."""
    if not uids:
        return
    ordered = sorted(set(uids))
    low, high = ordered[0], ordered[-1]
    if high - low + 1 <= 4 * len(ordered):
        wanted = None if high - low + 1 == len(ordered) else frozenset(ordered)
        yield "p.uid BETWEEN %s AND %s", [low, high], wanted
        return
    where, param = among("p.uid", ordered)
    yield where, param, None


def threads_of(mailspace: int, messages: Iterable[int]) -> set[int]:
    """The threads of some messages."""
    where, param = among("id", list(messages))
    found = select(
        f"SELECT DISTINCT thread_id FROM mailstore_message WHERE mailspace_id = %s AND {where}",
        [mailspace, *param],
    )
    return {row[0] for row in found}
