"""Many mailboxes from one: rows as the door would have written them, in seconds instead of hours.

A block of up to 10,000 messages that went through the door (`bench.seed`) is written again, for the same
mailspace or for another, with everything that must differ made different: ids, UIDs, dates, and the block's
token in every text and in the messages' bytes (see `bench.corpus`). What no reader sees is left out: the
journal. `doctor --store` finds nothing to say about the result (tests/bench/test_seed.py).

Every column of every table is either named in the rules below or must be one that a copy shares with its
original; a new column whose name ends like a key is refused, so that it cannot be forgotten here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import zstandard
from django.db import connection, models, transaction

from bench.corpus import BLOCK, STEP, block_token
from mta.mailstore import blobs, headerwords, indexing, search
from mta.mailstore import models as tables
from mta.mailstore.threads import ref_hash
from mta.values import now_us

STEP_US = int(STEP.total_seconds() * 1_000_000)
SHIFT_US = (
    17_003_001  # mailspaces' dates differ, so that rows of the index, ordered by date alone, interleave
)
HEADER_TEXT = getattr(tables, "HeaderText", None)
COPIED: tuple[type[models.Model], ...] = tuple(
    model
    for model in (
        tables.Blob,
        tables.Thread,
        tables.Message,
        HEADER_TEXT,
        tables.Placement,
        tables.ThreadRow,
        tables.SearchText,
    )
    if model is not None
)
_DATES = {"internal_date", "sort_at", "newest_at", "saved_at"}
_TEXTS = (models.CharField, models.TextField)
_KNOWN_KEYS = {
    "mailspace_id",
    "message_id",
    "blob_id",
    "email_id",
    "thread_id",
    "mailbox_id",
    "object_id",
    "trace_id",
    "list_id",
}

_SPACE_COUNTS = ("used_bytes", "messages", "all_threads", "all_unread", "starred_threads", "starred_unread")
_INBOX_COUNTS = ("messages", "unseen", "size", "threads", "unread_threads", "recent")

_originals: dict[tuple[int, str], int] = {}


def remember(mailspace: int, count: int, kind: str) -> None:
    """Note a mailspace whose first block came through the door."""
    _originals[count, kind] = mailspace


def find(count: int, kind: str) -> int | None:
    return _originals.get((count, kind))


def forget() -> None:
    """Everything that is remembered of originals."""
    _originals.clear()
    _read.clear()


@dataclass
class _Original:
    """The first block of a mailspace, read once."""

    mailspace: int
    rows: dict[type[models.Model], list[list[Any]]] = field(default_factory=dict)
    refs: list[tuple[int, list[str]]] = field(default_factory=list)  # thread, Message-IDs that lead to it
    bytes: dict[int, bytes] = field(default_factory=dict)  # blob → raw message
    objects: dict[int, str] = field(default_factory=dict)
    inbox: int = 0
    boxes: dict[int, str] = field(default_factory=dict)
    space_counts: dict[str, int] = field(default_factory=dict)
    inbox_counts: dict[str, int] = field(default_factory=dict)


_read: dict[int, _Original] = {}


def clone(source: int, target: int, blocks: Iterable[int]) -> None:
    """Write blocks of a source's mail into another mailspace, after what lies there."""
    original = _read.get(source)
    if original is None:
        _read.clear()
        original = _read[source] = _load(source)
    for block in blocks:
        with transaction.atomic():
            _quick()
            _Copy(original, target, block).write()


@contextmanager
def bulk() -> Iterator[None]:
    """PostgreSQL: the full-text index is made once, at the end, instead of word by word."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes"
            " WHERE tablename = 'mailstore_searchtext' AND indexdef LIKE '%USING gin%'"
        )
        found = cursor.fetchall()
        for name, _ in found:
            cursor.execute(f'DROP INDEX "{name}"')
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET maintenance_work_mem = '512MB'")
            for _, definition in found:
                cursor.execute(definition)
            cursor.execute("ANALYZE")


def _quick() -> None:
    """A folder that fails half-way is seeded again; waiting for the disk buys nothing."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL synchronous_commit = off")


def _columns(model: type[models.Model]) -> list[str]:
    return [one.column for one in model._meta.concrete_fields if one.column]


def _load(mailspace: int) -> _Original:
    found = _Original(mailspace)
    space = tables.Mailspace.objects.get(id=mailspace)
    found.boxes = dict(tables.Mailbox.objects.filter(mailspace_id=mailspace).values_list("id", "role"))
    found.inbox = next(id_ for id_, role in found.boxes.items() if role == "inbox")
    for model in COPIED:
        rows = [
            list(row)
            for row in model.objects.filter(mailspace_id=mailspace)
            .order_by("pk")
            .values_list(*_columns(model))
        ]
        found.rows[model] = rows
    message = _index(tables.Message)
    for row in found.rows[tables.Message]:
        names = [row[message["message_id"]], row[message["in_reply_to"]], *row[message["references"]].split()]
        found.refs.append((row[message["thread_id"]], [name for name in dict.fromkeys(names) if name]))
    blob = _index(tables.Blob)
    found.objects = dict(tables.BlobObject.objects.values_list("id", "name"))
    for row in found.rows[tables.Blob]:
        data, named = row[blob["data"]], row[blob["object_id"]]
        frame = bytes(data) if data is not None else blobs.store().get(found.objects[named])
        found.bytes[row[blob["id"]]] = zstandard.ZstdDecompressor().decompress(frame)
    box = tables.Mailbox.objects.get(id=found.inbox)
    found.space_counts = {name: getattr(space, name) for name in _SPACE_COUNTS}
    found.inbox_counts = {name: getattr(box, name) for name in _INBOX_COUNTS if hasattr(box, name)}
    return found


def _index(model: type[models.Model]) -> dict[str, int]:
    return {name: place for place, name in enumerate(_columns(model))}


class _Copy:
    """One block of one mailspace."""

    def __init__(self, original: _Original, target: int, block: int) -> None:
        self.original = original
        self.target = target
        self.block = block
        self.old, self.new = block_token(0), block_token(block)
        self.space = tables.Mailspace.objects.select_for_update().get(id=target)
        boxes = {box.role: box for box in tables.Mailbox.objects.filter(mailspace_id=target)}
        self.inbox = boxes["inbox"]
        self.boxes = {id_: boxes[role].id for id_, role in original.boxes.items() if role in boxes}
        self.modseq = self.space.clock + 1
        self.uids = self.inbox.uidnext - 1
        self.days = block * BLOCK * STEP_US + target * SHIFT_US % STEP_US
        self.shift = {model: self._shift(model) for model in COPIED}
        self.compress = zstandard.ZstdCompressor(level=3).compress
        self.objects: dict[int, int] = {}

    def _shift(self, model: type[models.Model]) -> int:
        """How much is added to ids of a table."""
        if model in (HEADER_TEXT, tables.SearchText):
            return 0
        ids = [row[_index(model)["id"]] for row in self.original.rows[model]]
        top = model.objects.aggregate(top=models.Max("id"))["top"] or 0
        return max(0, top + 1 - min(ids, default=0))

    def write(self) -> None:
        self._copy_objects()
        for model in COPIED:
            make = self._maker(model)
            rows = [make(row) for row in self.original.rows[model]]
            if model is tables.SearchText:
                self._index(rows)
            else:
                _insert(model._meta.db_table, _columns(model), rows)
            _follow_sequence(model)
        self._write_refs()
        self._count()

    # --- columns

    def _maker(self, model: type[models.Model]) -> Callable[[list[Any]], list[Any]]:
        """A function from a row of the original to the copy's."""
        changes = [
            (place, change)
            for place, one in enumerate(f for f in model._meta.concrete_fields if f.column)
            if (change := self._change(model, one)) is not None
        ]

        def make(row: list[Any]) -> list[Any]:
            copy = list(row)
            for place, change in changes:
                copy[place] = change(row[place])
            return copy

        if model is tables.Blob:
            return self._blob_maker(make)
        if model is tables.SearchText:
            return self._text_maker(make)
        return make

    def _change(
        self, model: type[models.Model], column: models.Field[Any, Any]
    ) -> Callable[[Any], Any] | None:
        name = column.column
        if name == "id" and model is not tables.SearchText:
            return self._plus(self.shift[model])
        if name == "mailspace_id":
            return lambda _: self.target
        if name == "mailbox_id" or name == "box":
            return lambda box: self.boxes[box] if box > 0 else box
        if name == "uid":
            return self._plus(self.uids)
        if name == "modseq":
            return lambda _: self.modseq
        if name == "thread_id":
            return self._plus(self.shift[tables.Thread])
        if name == "blob_id":
            return self._plus(self.shift[tables.Blob])
        if name in {"email_id", "last_message"} or (name == "message_id" and model is not tables.Message):
            return self._plus(self.shift[tables.Message])
        if name in _DATES:
            return self._plus(self.days)
        if name == "boxes":
            return lambda boxes: json.dumps([self.boxes[box] for box in _value(boxes)])
        if name == "attachments" and model is tables.ThreadRow:
            return self._attachments
        if isinstance(column, models.JSONField):
            return lambda value: self._text(
                value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            )
        if isinstance(column, models.BinaryField):
            return self._bytes
        if isinstance(column, _TEXTS):
            return self._text
        if name.endswith("_id") and name not in _KNOWN_KEYS:
            raise ValueError(f"{model.__name__}.{name} is new: say in bench/clone.py what a copy has there")
        return None

    @staticmethod
    def _plus(number: int) -> Callable[[Any], Any]:
        return lambda value: None if value is None else value + number

    def _text(self, value: str) -> str:
        return value.replace(self.old, self.new) if self.block else value

    def _bytes(self, value: Any) -> Any:
        if value is None or not self.block:
            return None if value is None else bytes(value)
        return bytes(value).replace(self.old.encode(), self.new.encode())

    def _attachments(self, value: Any) -> str:
        shift = self.shift[tables.Message]
        return json.dumps([[message + shift, *rest] for message, *rest in _value(value)], ensure_ascii=False)

    # --- bytes

    def _copy_objects(self) -> None:
        """Large messages: the same object for the same bytes, a new one where the token differs."""
        blob = _index(tables.Blob)
        for row in self.original.rows[tables.Blob]:
            named = row[blob["object_id"]]
            if named is None:
                continue
            if not self.block:
                tables.BlobObject.objects.filter(id=named).update(references=models.F("references") + 1)
                self.objects[named] = named
                continue
            raw = self._bytes(self.original.bytes[row[blob["id"]]])
            name = os.urandom(20).hex()
            path = blobs.store()._path(name)  # the store would sync each one
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.compress(raw))
            made = tables.BlobObject.objects.create(
                name=name,
                size=len(raw),
                sha256=blobs.hashlib.sha256(raw).digest(),
                references=1,
                created_at=now_us(),
            )
            self.objects[named] = made.id

    def _blob_maker(self, make: Callable[[list[Any]], list[Any]]) -> Callable[[list[Any]], list[Any]]:
        at = _index(tables.Blob)

        def blob(row: list[Any]) -> list[Any]:
            data = row[at["data"]]
            copy = make([*row[: at["data"]], None, *row[at["data"] + 1 :]])
            if data is not None:
                raw = self.original.bytes[row[at["id"]]]
                copy[at["data"]] = self.compress(self._bytes(raw)) if self.block else bytes(data)
            elif row[at["object_id"]] is not None:
                copy[at["object_id"]] = self.objects[row[at["object_id"]]]
            return copy

        return blob

    # --- search, threads, counts

    def _text_maker(self, make: Callable[[list[Any]], list[Any]]) -> Callable[[list[Any]], list[Any]]:
        """Rows of the index follow INTERNALDATE, with the message's id as the last three digits."""
        at = _index(tables.SearchText)
        messages = _index(tables.Message)
        dates = {
            row[messages["id"]]: row[messages["internal_date"]] for row in self.original.rows[tables.Message]
        }
        shift = self.shift[tables.Message]

        def text(row: list[Any]) -> list[Any]:
            copy = make(row)
            message = row[at["message_id"]]
            copy[at["id"]] = dates[message] + self.days + (message + shift) % search.SPREAD
            return copy

        return text

    def _index(self, rows: list[list[Any]]) -> None:
        columns = _columns(tables.SearchText)
        made = [tables.SearchText(**dict(zip(columns, row, strict=True))) for row in rows]
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "CREATE TEMPORARY TABLE bench_text ON COMMIT DROP AS"
                    " SELECT *, NULL::text[] AS words FROM mailstore_searchtext LIMIT 0"
                )
                found = [[*row, search._lexemes(one)] for row, one in zip(rows, made, strict=True)]
                _insert("bench_text", [*columns, "words"], found)
                names = ", ".join(columns)
                cursor.execute(
                    f"INSERT INTO mailstore_searchtext ({names}, vector)"  # noqa: S608 - our own words
                    f" SELECT {names}, array_to_tsvector(words) FROM bench_text ORDER BY id"
                )
                cursor.execute("DROP TABLE bench_text")
        else:
            _insert(tables.SearchText._meta.db_table, columns, rows)
            connection.connection.executemany(
                "INSERT INTO mailstore_fts (rowid, subject, sender, recipients, files, body) VALUES (?,?,?,?,?,?)",
                ((row.id, *search._columns(row)) for row in made),
            )
        headerwords.learn((self.target, word) for row in made for word in indexing.header_words(row))

    def _write_refs(self) -> None:
        shift = self.shift[tables.Thread]
        refs = {
            (ref_hash(self._text(name)), thread + shift)
            for thread, names in self.original.refs
            for name in names
        }
        _insert(
            tables.ThreadRef._meta.db_table,
            ["mailspace_id", "ref", "thread_id"],
            [[self.target, ref, thread] for ref, thread in sorted(refs)],
        )

    def _count(self) -> None:
        self.inbox.uidnext += len(self.original.rows[tables.Message])
        self.inbox.highestmodseq = self.modseq
        for name, number in self.original.inbox_counts.items():
            setattr(self.inbox, name, getattr(self.inbox, name) + number)
        self.inbox.save()
        self.space.clock = self.modseq
        for name, number in self.original.space_counts.items():
            setattr(self.space, name, getattr(self.space, name) + number)
        self.space.save()


def _value(column: Any) -> Any:
    return json.loads(column) if isinstance(column, str) else column


def _insert(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor, cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row(row)
        return
    marks = ", ".join("?" * len(columns))
    connection.ensure_connection()
    connection.connection.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', rows)  # noqa: S608


def _follow_sequence(model: type[models.Model]) -> None:
    """PostgreSQL: no id that was written is given out again. (SQLite's AUTOINCREMENT sees to it by itself.)"""
    if connection.vendor == "postgresql" and model not in (HEADER_TEXT, tables.SearchText):
        table = model._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence(%s, 'id'), (SELECT MAX(id) FROM {table}))",  # noqa: S608
                [table],
            )
