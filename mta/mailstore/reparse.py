"""Parses stored messages anew whose facts an older parser wrote (`manage.py doctor --reparse`).

Bytes, flags, UIDs and conversations stay; what is derived from the bytes is written again: the columns that FETCH
and lists read, header texts, list lines, the index. May be stopped and started again; runs while mail is served.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from django.db import DatabaseError

from mta.message.parse import PARSER_VERSION, Facts, parse_message

from . import columns, contents, indexing, rows, sql
from .door import Door
from .errors import NoSuchMessage
from .writer import commit

log = logging.getLogger(__name__)

CHUNK = 100
PIECE = 10  # messages in memory

Parsed = tuple[Facts, bytes]


def pending() -> int:
    """How many rows an older parser wrote."""
    return int(
        rows.select("SELECT COUNT(*) FROM mailstore_message WHERE parsed_by < %s", [PARSER_VERSION])[0][0]
    )


def reparse(progress: Callable[[int, int], None], *, mailspace: int | None = None) -> tuple[int, list[int]]:
    """Redo them all (or those of one mailspace); returns how many were done, and the ids that could not be read."""
    last = done = 0
    unread: list[int] = []
    where, params = ("AND mailspace_id = %s", [mailspace]) if mailspace is not None else ("", [])
    while True:
        found = rows.select(
            f"SELECT id, mailspace_id FROM mailstore_message WHERE id > %s AND parsed_by < %s {where}"
            f" ORDER BY id LIMIT {CHUNK}",
            [last, PARSER_VERSION, *params],
        )
        if not found:
            return done, unread
        last = found[-1][0]
        for owner in sorted({row[1] for row in found}):
            ids = [id_ for id_, whose in found if whose == owner]
            for piece in rows.chunks(ids, PIECE):
                facts = {}
                for id_ in piece:
                    if (new := _facts(owner, id_, unread)) is not None:
                        facts[id_] = new
                commit({owner}, partial(_write, mailspace=owner, facts=facts))
                done += len(facts)
        progress(done, len(unread))


def _facts(mailspace: int, message: int, unread: list[int]) -> Parsed | None:
    """The facts, and the lines that were put before the message for this recipient."""
    try:
        # As at delivery: without those lines.
        found = rows.select("SELECT prefix FROM mailstore_message WHERE id = %s", [message])
        prefix = bytes(found[0][0]) if found else b""
        return parse_message(contents.raw(mailspace, message).removeprefix(prefix)), prefix
    except NoSuchMessage:
        return None  # purged meanwhile
    except (DatabaseError, OSError) as error:
        if not isinstance(error, FileNotFoundError):
            raise  # not this message's fault: the next run goes on where this one stopped
        unread.append(message)
        return None
    except Exception:
        log.exception("message %d cannot be read", message)
        unread.append(message)
        return None


def _write(door: Door, mailspace: int, facts: dict[int, Parsed]) -> None:
    if not facts:
        return
    changing = door[mailspace]
    where, params = sql.among("id", list(facts))
    still = sql.select(
        f"SELECT id, thread_id FROM mailstore_message WHERE mailspace_id = %s AND {where}",
        [mailspace, *params],
    )
    indexing.forget(mailspace, [id_ for id_, _ in still])
    for id_, thread in still:
        row = columns.from_facts(facts[id_][0]) | {"indexed": False}
        del row["base_subject"]  # conversations stay as they are
        sql.update("mailstore_message", id_, row)
        changing.touched.add(thread)
    where, params = sql.among("message_id", [id_ for id_, _ in still])
    sql.execute(f"DELETE FROM mailstore_headertext WHERE mailspace_id = %s AND {where}", [mailspace, *params])
    texts = [(mailspace, id_, *columns.header_texts(*facts[id_])) for id_, _ in still]
    sql.insert_many("mailstore_headertext", columns.HEADER_COLUMNS, texts)
