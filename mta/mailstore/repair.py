"""Writes again what the store derives from messages and placements (`manage.py doctor --repair`).

Truth is the messages, where they lie, and the bytes; copies of flags in placements, header texts, counts,
conversations' lines and what the index holds follow from them. Whatever the doctor names beyond that (bytes that
are lost, placements of nothing, UIDs that lead nowhere) is left for a person. In chunks, while mail is served.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from mta.message.text import fold
from mta.values import ALL, SEEN, STARRED

from . import headerwords, indexing, rows, search, sql
from .changing import Changing
from .columns import TEXT_KEPT
from .door import Door
from .models import Mailbox
from .reparse import reparse
from .threads import CLOSES_AT
from .writer import commit

CHUNK = 500


def repair(mailspace: int) -> None:
    """All of one mailspace."""
    _in_chunks(mailspace, "mailstore_message", _message_rows)
    reparse(lambda done, unread: None, mailspace=mailspace)
    commit({mailspace}, partial(_leftovers, mailspace=mailspace))
    commit({mailspace}, partial(_thread_counts, mailspace=mailspace))
    _in_chunks(mailspace, "mailstore_thread", _lines)
    commit({mailspace}, partial(_counts, mailspace=mailspace))


def _in_chunks(mailspace: int, table: str, work: Callable[..., None]) -> None:
    last = 0
    while True:
        found = rows.select(
            f"SELECT id FROM {table} WHERE mailspace_id = %s AND id > %s ORDER BY id LIMIT {CHUNK}",
            [mailspace, last],
        )
        if not found:
            return
        ids = [row[0] for row in found]
        last = ids[-1]
        commit({mailspace}, partial(work, mailspace=mailspace, ids=ids))


# --- messages


def _message_rows(door: Door, mailspace: int, ids: list[int]) -> None:
    _placements(door[mailspace], ids)
    _header_texts(mailspace, ids)
    _index(mailspace, ids)


def _placements(changing: Changing, ids: list[int]) -> None:
    """Copies in placements; mail programs are told of the flags that were wrong."""
    where, params = sql.among("m.id", ids)
    wrong = sql.select(
        "SELECT p.id, p.mailbox_id, m.flags, m.keywords, m.size, m.internal_date FROM mailstore_message m"
        " JOIN mailstore_placement p ON p.mailspace_id = m.mailspace_id AND p.message_id = m.id"
        f" AND p.expunged_modseq IS NULL WHERE m.mailspace_id = %s AND {where} AND (p.flags <> m.flags"
        " OR p.keywords <> m.keywords OR p.size <> m.size OR p.internal_date <> m.internal_date)",
        [changing.id, *params],
    )
    for placement, mailbox, flags, keywords, size, internal_date in wrong:
        changing.touch_mailbox(changing.mailbox(mailbox))
        values = {"flags": flags, "keywords": keywords, "size": size, "internal_date": internal_date}
        sql.update("mailstore_placement", placement, values | {"modseq": changing.modseq})


def _header_texts(mailspace: int, ids: list[int]) -> None:
    """Those of another subject, or missing: `reparse`, which follows, writes them."""
    where, params = sql.among("m.id", ids)
    kept = sql.select(
        "SELECT m.id, m.subject, h.subject_text FROM mailstore_message m LEFT JOIN mailstore_headertext h"
        f" ON h.mailspace_id = m.mailspace_id AND h.message_id = m.id WHERE m.mailspace_id = %s AND {where}",
        [mailspace, *params],
    )
    wrong = [id_ for id_, subject, text in kept if text != fold(subject)[:TEXT_KEPT]]
    if wrong:
        where, params = sql.among("id", wrong)
        sql.execute(
            f"UPDATE mailstore_message SET parsed_by = 0 WHERE mailspace_id = %s AND {where}",
            [mailspace, *params],
        )


def _index(mailspace: int, ids: list[int]) -> None:
    """What is said to be in the index and is not, or the other way round, is indexed anew."""
    named, named_params = sql.among("message_id", ids)
    kept = sql.select(
        f"SELECT {', '.join(search.HEADER_KINDS)} FROM mailstore_searchtext WHERE {named}", named_params
    )
    headerwords.learn((mailspace, word) for texts in kept for text in texts for word in text.split())
    where, params = sql.among("m.id", ids)
    wrong = sql.select(
        "SELECT m.id FROM mailstore_message m LEFT JOIN mailstore_searchtext t ON t.message_id = m.id"
        f" WHERE m.mailspace_id = %s AND {where} AND m.indexed <> (t.id IS NOT NULL)",
        [mailspace, *params],
    )
    if wrong:
        again = [row[0] for row in wrong]
        indexing.forget(mailspace, again)
        where, params = sql.among("id", again)
        sql.execute(
            f"UPDATE mailstore_message SET indexed = %s WHERE mailspace_id = %s AND {where}",
            [False, mailspace, *params],
        )


def _leftovers(door: Door, mailspace: int) -> None:
    """Texts of messages that are gone."""
    gone = "NOT EXISTS (SELECT 1 FROM mailstore_message m WHERE m.id = {0}.message_id AND m.mailspace_id = {0}.mailspace_id)"
    found = sql.select(
        f"SELECT t.message_id FROM mailstore_searchtext t WHERE t.mailspace_id = %s AND {gone.format('t')}",
        [mailspace],
    )
    indexing.forget(mailspace, [row[0] for row in found])
    sql.execute(
        f"DELETE FROM mailstore_headertext WHERE mailspace_id = %s AND {gone.format('mailstore_headertext')}",
        [mailspace],
    )


# --- conversations


def _thread_counts(door: Door, mailspace: int) -> None:
    """How many messages each has; lines of conversations that are gone."""
    counted = "(SELECT COUNT(*) FROM mailstore_message m WHERE m.mailspace_id = t.mailspace_id AND m.thread_id = t.id)"
    wrong = sql.select(
        f"SELECT t.id, {counted} FROM mailstore_thread t WHERE t.mailspace_id = %s"
        f" AND (t.messages <> {counted} OR t.is_open <> (t.messages < {CLOSES_AT}))",
        [mailspace],
    )
    for thread, number in wrong:
        sql.update("mailstore_thread", thread, {"messages": number, "is_open": number < CLOSES_AT})
    sql.execute(
        "DELETE FROM mailstore_threadrow WHERE mailspace_id = %s AND NOT EXISTS (SELECT 1 FROM mailstore_thread t"
        " WHERE t.id = mailstore_threadrow.thread_id AND t.mailspace_id = mailstore_threadrow.mailspace_id)",
        [mailspace],
    )


def _lines(door: Door, mailspace: int, ids: list[int]) -> None:
    """The flush of the door writes their lines anew."""
    door[mailspace].touched.update(ids)


# --- counts


NONE = (0, 0, 0)


def _counts(door: Door, mailspace: int) -> None:
    """Of mailboxes, views and the whole; and the clock, which no number may be above."""
    changing = door[mailspace]
    row = changing.row
    lines = {
        box: tuple(numbers)
        for box, *numbers in sql.select(
            "SELECT box, COUNT(*), SUM(CASE WHEN unread > 0 THEN 1 ELSE 0 END),"
            " SUM(CASE WHEN starred THEN 1 ELSE 0 END) FROM mailstore_threadrow"
            " WHERE mailspace_id = %s GROUP BY box",
            [mailspace],
        )
    }
    row.clock = max(row.clock, *(box.highestmodseq for box in Mailbox.objects.filter(mailspace_id=mailspace)))
    changing.changed()
    row.all_threads, row.all_unread = lines.get(ALL, NONE)[:2]
    row.starred_threads, row.starred_unread = lines.get(STARRED, NONE)[:2]
    row.messages, row.used_bytes = sql.select(
        "SELECT COUNT(*), COALESCE(SUM(m.size), 0) FROM mailstore_message m WHERE m.mailspace_id = %s AND EXISTS ("
        "SELECT 1 FROM mailstore_placement p WHERE p.mailspace_id = m.mailspace_id AND p.message_id = m.id"
        " AND p.expunged_modseq IS NULL)",
        [mailspace],
    )[0]
    for id_ in Mailbox.objects.filter(mailspace_id=mailspace).values_list("id", flat=True):
        box = changing.mailbox(id_)
        box.messages, box.unseen, box.recent, box.deleted, box.size = sql.select(
            f"""SELECT COUNT(*), COALESCE(SUM(CASE WHEN flags & {SEEN} = 0 THEN 1 ELSE 0 END), 0),
                       COALESCE(SUM(CASE WHEN uid >= %s THEN 1 ELSE 0 END), 0),
                       COALESCE(SUM(CASE WHEN deleted THEN 1 ELSE 0 END), 0), COALESCE(SUM(size), 0)
                  FROM mailstore_placement
                 WHERE mailspace_id = %s AND mailbox_id = %s AND expunged_modseq IS NULL""",
            [box.recent_uid, mailspace, id_],
        )[0]
        box.threads, box.unread_threads, box.starred_threads = lines.get(id_, NONE)
        changing.touch_mailbox(box)
