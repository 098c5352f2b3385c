"""The doctor's longer looks, chunk by chunk: list lines, header texts, bytes, the index. Changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.db import connection

from mta.message.text import fold
from mta.values import ALL, STARRED

from . import blobs, search, sql
from . import lines as list_lines
from .columns import TEXT_KEPT
from .models import Mailbox, Mailspace, ThreadRow

CHUNK = 500


def _walk(columns: str, table: str, mailspace: int, key: str = "id") -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a mailspace in chunks, by their first column."""
    last = -(2**63)
    while True:
        found = sql.select(
            f"SELECT {key}, {columns} FROM {table} WHERE mailspace_id = %s AND {key} > %s ORDER BY {key} LIMIT {CHUNK}",
            [mailspace, last],
        )
        if not found:
            return
        yield found
        last = found[-1][0]


def lines(mailspace: int) -> Iterator[str]:
    """Thread rows, and the conversations counted in each box."""
    roles = list_lines.roles_of(mailspace)
    total: Counter[int] = Counter()
    unread: Counter[int] = Counter()
    starred: Counter[int] = Counter()
    for chunk in _walk("messages", "mailstore_thread", mailspace):
        ids = [row[0] for row in chunk]
        wanted = {
            (thread, box): line
            for thread, members in list_lines.load(mailspace, ids, roles).items()
            for box, line in list_lines.lines(members).items()
        }
        found = ThreadRow.objects.filter(mailspace_id=mailspace, thread_id__in=ids)
        kept = {(row.thread_id, row.box): row for row in found}
        for key in sorted(wanted.keys() ^ kept.keys()):
            yield f"thread row {key} is {'missing' if key in wanted else 'too many'}"
        for key in sorted(wanted.keys() & kept.keys()):
            for column, value in zip(list_lines.LINE_COLUMNS, wanted[key], strict=True):
                have = getattr(kept[key], column)
                if have != value:
                    yield f"thread row {key}: {column} is {have!r}, should be {value!r}"
        for (_, box), line in wanted.items():
            total[box] += 1
            unread[box] += line[list_lines.UNREAD] > 0
            starred[box] += bool(line[list_lines.STARS])
    space = Mailspace.objects.get(id=mailspace)
    boxes = Mailbox.objects.filter(mailspace_id=mailspace)
    counts = {box.id: (box.threads, box.unread_threads, box.starred_threads) for box in boxes}
    counts[ALL] = (space.all_threads, space.all_unread, space.starred_threads)
    counts[STARRED] = (space.starred_threads, space.starred_unread, space.starred_threads)
    for box, kept_counts in counts.items():
        counted = (total[box], unread[box], starred[box])
        if kept_counts != counted:
            yield f"box {box}: kept {kept_counts} conversations, unread and starred ones, counted {counted}"


def header_texts(mailspace: int) -> Iterator[str]:
    """One row per message, and the subject in it as it is folded."""
    extra = sql.select(
        "SELECT h.message_id FROM mailstore_headertext h WHERE h.mailspace_id = %s AND NOT EXISTS ("
        " SELECT 1 FROM mailstore_message m WHERE m.id = h.message_id AND m.mailspace_id = h.mailspace_id)",
        [mailspace],
    )
    for (message,) in extra:
        yield f"header texts of message {message}, which is not there"
    for chunk in _walk("subject", "mailstore_message", mailspace):
        low, high = chunk[0][0], chunk[-1][0]
        kept = dict(
            sql.select(
                "SELECT message_id, subject_text FROM mailstore_headertext"
                " WHERE mailspace_id = %s AND message_id BETWEEN %s AND %s",
                [mailspace, low, high],
            )
        )
        for message, subject in chunk:
            if kept.get(message) != fold(subject)[:TEXT_KEPT]:
                yield f"message {message}: its header texts are missing, or of another subject"


# As the partial index of the large ones has it.
_OBJECTS = "SELECT object_id FROM mailstore_blob WHERE mailspace_id = %s AND object_id IS NOT NULL"
_BYTES = {
    "blob {} is named and not there": """
        SELECT m.blob_id FROM mailstore_message m WHERE m.mailspace_id = %s AND NOT EXISTS (
               SELECT 1 FROM mailstore_blob b WHERE b.id = m.blob_id AND b.mailspace_id = m.mailspace_id)
        UNION SELECT a.blob_id FROM mailstore_draftattachment a WHERE a.mailspace_id = %s AND NOT EXISTS (
               SELECT 1 FROM mailstore_blob b WHERE b.id = a.blob_id AND b.mailspace_id = a.mailspace_id)""",
    "blob {} belongs to nothing and is not marked": """
        SELECT b.id FROM mailstore_blob b WHERE b.mailspace_id = %s AND b.marked_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM mailstore_message m WHERE m.blob_id = b.id)
           AND NOT EXISTS (SELECT 1 FROM mailstore_draftattachment a WHERE a.blob_id = b.id)""",
    "blob {} has no bytes": """
        SELECT b.id FROM mailstore_blob b WHERE b.mailspace_id = %s AND b.data IS NULL AND b.object_id IS NULL""",
    "blob {} names object {}, which is not there": """
        SELECT b.id, b.object_id FROM mailstore_blob b
         WHERE b.mailspace_id = %s AND b.object_id IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM mailstore_blobobject o WHERE o.id = b.object_id)""",
    "object {}: kept {} references, counted {}": f"""
        SELECT o.id, o."references", COUNT(b.id) FROM mailstore_blobobject o
          JOIN mailstore_blob b ON b.object_id = o.id
         WHERE o.id IN ({_OBJECTS})
         GROUP BY o.id, o."references" HAVING COUNT(b.id) <> o."references" """,
}


def bytes_(mailspace: int) -> Iterator[str]:
    """Messages without bytes, bytes without messages."""
    for text, query in _BYTES.items():
        for row in sql.select(query, [mailspace] * query.count("%s")):
            yield text.format(*row)
    named = sql.select(
        f"SELECT o.name FROM mailstore_blobobject o WHERE o.id IN ({_OBJECTS}) ORDER BY o.id", [mailspace]
    )
    for (name,) in named:
        if not blobs.store().has(name):
            yield f"object {name} has lost its bytes"


def index(mailspace: int) -> Iterator[str]:
    """What is marked as indexed is, and nothing else of this mailspace's messages."""
    vector = "vector IS NULL" if connection.vendor == "postgresql" else "1 = 0"
    for chunk in _walk("indexed", "mailstore_message", mailspace):
        where, params = sql.among("message_id", [row[0] for row in chunk])
        texts = sql.select(
            f"SELECT message_id, {vector}, id, {', '.join(search.KINDS)} FROM mailstore_searchtext WHERE {where}",
            params,
        )
        marked, there = {row[0] for row in chunk if row[1]}, {row[0] for row in texts}
        for message in sorted(marked ^ there):
            missing = message in marked
            yield f"index: message {message} is {'missing' if missing else 'there and should not be'}"
        for message, without_vector, id_, *kinds in texts:
            if without_vector or not _is_found(mailspace, id_, kinds):
                yield f"message {message} has words that are not in the index"


def _is_found(mailspace: int, id_: int, kinds: list[str]) -> bool:
    """Whether SQLite's index leads from a word of a text to it: the longest one, which few others have."""
    words = [word for kind in kinds for word in kind.split()]
    if connection.vendor == "postgresql" or not words:
        return True
    asked = f'"{mailspace}x{max(words, key=len)}"'
    hit = "SELECT 1 FROM mailstore_fts WHERE mailstore_fts MATCH %s AND rowid = %s"
    return bool(sql.select(hit, [asked, id_]))


def header_words(mailspace: int) -> Iterator[str]:
    """Each word of an indexed subject or address leads to it (see `headerwords`)."""
    for piece in _walk("indexed", "mailstore_message", mailspace):
        where, params = sql.among("message_id", [row[0] for row in piece])
        kinds = sql.select(
            f"SELECT {', '.join(search.HEADER_KINDS)} FROM mailstore_searchtext WHERE {where}", params
        )
        words = sorted({word for texts in kinds for text in texts for word in text.split()})
        for start in range(0, len(words), CHUNK):
            asked = words[start : start + CHUNK]
            known = sql.select(
                "SELECT word FROM mailstore_headerword"
                f" WHERE mailspace_id = %s AND word IN ({sql.marks(asked)})",
                [mailspace, *asked],
            )
            for word in sorted(set(asked).difference(row[0] for row in known)):
                yield f"index: the word {word!r} of a header does not lead there"
