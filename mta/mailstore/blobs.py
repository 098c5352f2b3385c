"""Message bytes: compressed inside a row when small, else one durable object that rows name.

`prepare` runs before and outside any transaction: when it returns, a large object is on disk
(file and folder synced), so that a row that names it can never point at nothing. Objects have fresh
random names and are never resurrected. Only this module knows how bytes are kept.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO, Protocol

import zstandard
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import F

from mta.message.parse import Facts, parse_message

from . import sql
from .models import BlobObject

UNFINISHED = ".new"
SHARDS = 256
PIECE = 32 * 1024  # what is looked at first of a blob of which only the beginning is wanted
INLINE_LIMIT = 16 * 1024  # compressed bytes that still live in the row


class ObjectStore(Protocol):
    """Where large objects live. `put` returns only when the bytes would survive a power cut."""

    def put(self, name: str, data: bytes) -> None: ...

    def get(self, name: str) -> bytes: ...

    def open(self, name: str) -> BinaryIO:
        """For those who read only the beginning."""
        ...

    def delete(self, name: str) -> None: ...

    def has(self, name: str) -> bool: ...

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
        # Open, size, read, close and nothing else: mail programs read thousands of these in a row.
        fd = os.open(f"{self.root}/{name[:2]}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            size = os.fstat(fd).st_size
            data = os.read(fd, size)
            while len(data) < size and (more := os.read(fd, size - len(data))):
                data += more
            return data
        finally:
            os.close(fd)

    def open(self, name: str) -> BinaryIO:
        return self._path(name).open("rb", buffering=0)

    def has(self, name: str) -> bool:
        return self._path(name).is_file()

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
    frame = _tools.compressor.compress(data)
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


def read(mailspace: int, blob_id: int) -> bytes:
    """The bytes of one blob of this mailspace."""
    found = sql.select(
        "SELECT b.size, b.data, o.name FROM mailstore_blob b LEFT JOIN mailstore_blobobject o"
        " ON o.id = b.object_id WHERE b.mailspace_id = %s AND b.id = %s",
        [mailspace, blob_id],
    )
    for size, frame, name in found:
        return content(size, frame, name)
    raise KeyError(blob_id)


def content(size: int, frame: bytes | None, name: str | None) -> bytes:
    """The bytes of a blob whose row holds this frame, or names this object."""
    return expand(frame if name is None else store().get(name), size)


def beginning(size: int, frame: bytes | None, name: str | None, *, until: Callable[[bytes], bool]) -> bytes:
    """At least so much from the front of a blob that `until` says it is enough; all of it if it never does."""
    if size <= PIECE:
        return content(size, frame, name)
    source = io.BytesIO(frame or b"") if name is None else store().open(name)
    with source, _tools.decompressor.stream_reader(source) as reader:
        data = reader.read(PIECE)
        while not until(data) and (more := reader.read(len(data))):
            data += more
    return data


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


def expand(frame: bytes | None, size: int) -> bytes:
    """Undo the compression; `size` bounds the result, so that a damaged frame cannot blow up."""
    return _tools.decompressor.decompress(frame or b"", max_output_size=max(size, 1))


class _Tools(threading.local):
    """A thread's own: making them costs more than using them once, and no two threads may share one."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=3)
        self.decompressor = zstandard.ZstdDecompressor()


_tools = _Tools()
