"""Many mailboxes from one: rows as the door would have written them, in seconds instead of hours.

A block of up to 10,000 messages that went through the door (`bench.seed`) is written again, for the same
mailspace or for another, with everything that must differ made different: ids, UIDs, dates, and the block's
token in every text and in the messages' bytes (see `bench.corpus`). What no reader sees is left out: the
journal. `doctor --store` finds nothing to say about the result (tests/bench/test_clone.py).

Every column of every table is either named in the rules below or must be one that a copy shares with its
original; a new column whose name ends like a key is refused, so that it cannot be forgotten here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

import zstandard
from django.db import connection, models, transaction

from bench import originals
from bench.bulk import columns, follow_sequence, insert, places
from bench.corpus import BLOCK, STEP, block_token
from bench.originals import COPIED, Original
from mta.mailstore import blobs, headerwords, indexing, search
from mta.mailstore import models as tables
from mta.mailstore.threads import ref_hash
from mta.values import now_us

STEP_US = int(STEP.total_seconds() * 1_000_000)
# Mailspaces' dates differ, so that rows of the index, which are ordered by date alone, interleave.
SHIFT_US = 17_003_001
_WITHOUT_NUMBERS = (tables.HeaderText, tables.SearchText)  # their keys say what they belong to
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


def clone(source: int, target: int, blocks: Iterable[int]) -> None:
    """Write blocks of a source's mail into another mailspace, after what lies there."""
    original = originals.read(source)
    for block in blocks:
        with transaction.atomic():
            _quick()
            _Copy(original, target, block).write()


def _quick() -> None:
    """A folder that fails half-way is seeded again; waiting for the disk buys nothing."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL synchronous_commit = off")


class _Copy:
    """One block of one mailspace."""

    def __init__(self, original: Original, target: int, block: int) -> None:
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
        if model in _WITHOUT_NUMBERS:
            return 0
        ids = [row[places(model)["id"]] for row in self.original.rows[model]]
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
                insert(model._meta.db_table, columns(model), rows)
            if model not in _WITHOUT_NUMBERS:
                follow_sequence(model)
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
        blob = places(tables.Blob)
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
        at = places(tables.Blob)

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
        at = places(tables.SearchText)
        messages = places(tables.Message)
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
        names_of = columns(tables.SearchText)
        made = [tables.SearchText(**dict(zip(names_of, row, strict=True))) for row in rows]
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "CREATE TEMPORARY TABLE bench_text ON COMMIT DROP AS"
                    " SELECT *, NULL::text[] AS words FROM mailstore_searchtext LIMIT 0"
                )
                found = [[*row, search.lexemes(one)] for row, one in zip(rows, made, strict=True)]
                insert("bench_text", [*names_of, "words"], found)
                names = ", ".join(names_of)
                cursor.execute(
                    f"INSERT INTO mailstore_searchtext ({names}, vector)"  # noqa: S608 - our own words
                    f" SELECT {names}, array_to_tsvector(words) FROM bench_text ORDER BY id"
                )
                cursor.execute("DROP TABLE bench_text")
        else:
            insert(tables.SearchText._meta.db_table, names_of, rows)
            connection.connection.executemany(
                "INSERT INTO mailstore_fts (rowid, subject, sender, recipients, files, body) VALUES (?,?,?,?,?,?)",
                ((row.id, *search.index_columns(row)) for row in made),
            )
        headerwords.learn((self.target, word) for row in made for word in indexing.header_words(row))

    def _write_refs(self) -> None:
        shift = self.shift[tables.Thread]
        refs = {
            (ref_hash(self._text(name)), thread + shift)
            for thread, names in self.original.refs
            for name in names
        }
        insert(
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
