"""Message bytes: compressed inside a row when small, else one durable object that rows name.

`prepare` runs before and outside any transaction: when it returns, a large object is on disk
(file and folder synced), so that a row that names it can never point at nothing. Objects have fresh
random names and are never resurrected. Only this module knows how bytes are kept.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import zstandard
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import F

from mta.message.parse import Facts, parse_message

from . import sql
from .models import Blob, BlobObject

UNFINISHED = ".new"
SHARDS = 256
INLINE_LIMIT = 16 * 1024  # compressed bytes that still live in the row


class ObjectStore(Protocol):
    """Where large objects live. `put` returns only when the bytes would survive a power cut."""

    def put(self, name: str, data: bytes) -> None: ...

    def get(self, name: str) -> bytes: ...

    def delete(self, name: str) -> None: ...

    def older_than(self, at: int, shard: int) -> list[str]:
        """Names written before `at` (µs), unfinished ones too, that start with the shard's two hex digits."""
        ...


class FileStore:
    """Objects as files under a folder, spread over 256 subfolders."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _path(self, name: str) -> Path:
        return self.root / name[:2] / name

    def put(self, name: str, data: bytes) -> None:
        path = self._path(name)
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            _sync_folder(self.root)
            _sync_folder(self.root.parent)
        draft = path.with_suffix(UNFINISHED)
        try:
            with draft.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)

    def get(self, name: str) -> bytes:
        return self._path(name).read_bytes()

    def delete(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def older_than(self, at: int, shard: int) -> list[str]:
        folder = self.root / f"{shard:02x}"
        if not folder.is_dir():
            return []
        return sorted(path.name for path in folder.iterdir() if path.stat().st_mtime_ns // 1000 < at)


def _sync_folder(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@cache
def store() -> ObjectStore:
    """The object store that BLOB_URL names; files in DATA_DIR by default."""
    if settings.BLOB_URL:
        raise ImproperlyConfigured("BLOB_URL: only the default, files in DATA_DIR, is supported so far.")
    return FileStore(Path(settings.DATA_DIR) / "blobs")


@dataclass(frozen=True, slots=True)
class PreparedBlob:
    """Bytes ready to be named by rows: a compressed frame, or the name of a durable object."""

    size: int
    sha256: bytes
    frame: bytes | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message ready to be stored: its parsed facts and its durable bytes. Not bound to a thread."""

    facts: Facts
    blob: PreparedBlob


def prepare(raw: bytes) -> Prepared:
    """Parse a message and make its bytes durable. CPU and disk work: never in an event loop."""
    return Prepared(facts=parse_message(raw), blob=prepare_blob(raw))


def prepare_blob(data: bytes) -> PreparedBlob:
    """Compress bytes; put them in the object store, synced, when they are too large for a row."""
    frame = zstandard.ZstdCompressor(level=3).compress(data)
    digest = hashlib.sha256(data).digest()
    if len(frame) <= INLINE_LIMIT:
        return PreparedBlob(len(data), digest, frame, None)
    name = secrets.token_hex(20)
    store().put(name, frame)
    return PreparedBlob(len(data), digest, None, name)


def insert(mailspace: int, blob: PreparedBlob, objects: dict[str, int], *, now: int) -> int:
    """Write the Blob row (and the object's row, once per transaction: `objects` remembers it)."""
    object_id = None
    if blob.name is not None:
        object_id = objects.get(blob.name)
        if object_id is None:
            # Stored before when the same prepared bytes are committed in two transactions.
            statement = (
                'INSERT INTO mailstore_blobobject (name, size, sha256, "references", created_at)'
                " VALUES (%s, %s, %s, 1, %s)"
                ' ON CONFLICT (name) DO UPDATE SET "references" = mailstore_blobobject."references" + 1'
                " RETURNING id"
            )
            made = sql.select(statement, [blob.name, blob.size, blob.sha256, now])
            objects[blob.name] = object_id = made[0][0]
        else:
            BlobObject.objects.filter(id=object_id).update(references=F("references") + 1)
    row = {"mailspace_id": mailspace, "size": blob.size, "data": blob.frame, "object_id": object_id}
    return sql.insert("mailstore_blob", row)


def read_many(mailspace: int, blob_ids: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """(blob id, bytes) for each row that exists, in no particular order."""
    rows = list(
        Blob.objects.filter(mailspace_id=mailspace, id__in=blob_ids).values_list(
            "id", "size", "data", "object_id"
        )
    )
    wanted = [object_id for *_, object_id in rows if object_id is not None]
    names = dict(BlobObject.objects.filter(id__in=wanted).values_list("id", "name")) if wanted else {}
    for blob_id, size, data, object_id in rows:
        frame = bytes(data or b"") if object_id is None else store().get(names[object_id])
        yield blob_id, expand(frame, size)


def read(mailspace: int, blob_id: int) -> bytes:
    """The bytes of one blob of this mailspace."""
    for _, data in read_many(mailspace, [blob_id]):
        return data
    raise KeyError(blob_id)


def sweep_orphans(shard: int, *, before: int) -> int:
    """Delete objects written before `before` (µs) that no row names: a process died before it could store them."""
    old = store().older_than(before, shard)
    named: set[str] = set()
    for start in range(0, len(old), 500):
        named.update(
            BlobObject.objects.filter(name__in=old[start : start + 500]).values_list("name", flat=True)
        )
    orphans = [name for name in old if name not in named]
    for name in orphans:
        store().delete(name)
    return len(orphans)


def expand(frame: bytes, size: int) -> bytes:
    """Undo the compression; `size` bounds the result, so that a damaged frame cannot blow up."""
    return zstandard.ZstdDecompressor().decompress(frame, max_output_size=max(size, 1))
