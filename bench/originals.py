"""Mailspaces whose first block of mail came through the door, read once: what `bench.clone` makes copies of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import zstandard
from django.db import models

from bench.bulk import columns, places
from mta.mailstore import blobs
from mta.mailstore import models as tables

COPIED: tuple[type[models.Model], ...] = (
    tables.Blob,
    tables.Thread,
    tables.Message,
    tables.HeaderText,
    tables.Placement,
    tables.ThreadRow,
    tables.SearchText,
)
_SPACE_COUNTS = ("used_bytes", "messages", "all_threads", "all_unread", "starred_threads", "starred_unread")
_INBOX_COUNTS = ("messages", "unseen", "size", "threads", "unread_threads", "starred_threads", "recent")

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
class Original:
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


_read: dict[int, Original] = {}


def read(mailspace: int) -> Original:
    """An original, from memory if it was the last one asked for."""
    if mailspace not in _read:
        _read.clear()
        _read[mailspace] = _load(mailspace)
    return _read[mailspace]


def _load(mailspace: int) -> Original:
    found = Original(mailspace)
    space = tables.Mailspace.objects.get(id=mailspace)
    found.boxes = dict(tables.Mailbox.objects.filter(mailspace_id=mailspace).values_list("id", "role"))
    found.inbox = next(id_ for id_, role in found.boxes.items() if role == "inbox")
    for model in COPIED:
        rows = [
            list(row)
            for row in model.objects.filter(mailspace_id=mailspace)
            .order_by("pk")
            .values_list(*columns(model))
        ]
        found.rows[model] = rows
    message = places(tables.Message)
    for row in found.rows[tables.Message]:
        names = [row[message["message_id"]], row[message["in_reply_to"]], *row[message["references"]].split()]
        found.refs.append((row[message["thread_id"]], [name for name in dict.fromkeys(names) if name]))
    blob = places(tables.Blob)
    found.objects = dict(tables.BlobObject.objects.values_list("id", "name"))
    for row in found.rows[tables.Blob]:
        data, named = row[blob["data"]], row[blob["object_id"]]
        frame = bytes(data) if data is not None else blobs.store().get(found.objects[named])
        found.bytes[row[blob["id"]]] = zstandard.ZstdDecompressor().decompress(frame)
    box = tables.Mailbox.objects.get(id=found.inbox)
    found.space_counts = {name: getattr(space, name) for name in _SPACE_COUNTS}
    found.inbox_counts = {name: getattr(box, name) for name in _INBOX_COUNTS if hasattr(box, name)}
    return found
