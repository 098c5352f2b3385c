"""The doctor's looks beyond single mailspaces: bytes that nobody names, rows of mailspaces that are gone. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from mta.values import now_us

from . import blobs, rows
from .models import BlobObject, Message

SHOWN = 50
# The daily sweep takes what is a day old; what is left after three is not being swept.
LONG_AGO = 3 * 24 * 3600 * 1_000_000
_TABLES = (
    "mailbox",
    "message",
    "placement",
    "thread",
    "threadrow",
    "blob",
    "draft",
    "searchtext",
    "headertext",
    "change",
    "action",
    "job",
)


def problems(*, now: int | None = None) -> Iterator[str]:
    """What no mailspace's own recount sees."""
    yield from _of_nobody()
    nameless = rows.select(
        "SELECT o.name FROM mailstore_blobobject o WHERE NOT EXISTS ("
        f"SELECT 1 FROM mailstore_blob b WHERE b.object_id = o.id) ORDER BY o.id LIMIT {SHOWN}",
        [],
    )
    for (name,) in nameless:
        yield f"object {name} is named by no blob"
    unknown = rows.select(
        "SELECT t.message_id FROM mailstore_searchtext t WHERE NOT EXISTS ("
        f"SELECT 1 FROM mailstore_message m WHERE m.id = t.message_id) LIMIT {SHOWN}",
        [],
    )
    for (message,) in unknown:
        yield f"there is search text of message {message}, which is not there"
    yield from _orphans((now or now_us()) - LONG_AGO)


def _of_nobody() -> Iterator[str]:
    for table in _TABLES:
        found = rows.select(
            f"SELECT t.mailspace_id, COUNT(*) FROM mailstore_{table} t WHERE NOT EXISTS ("
            "SELECT 1 FROM mailstore_mailspace s WHERE s.id = t.mailspace_id)"
            f" GROUP BY t.mailspace_id ORDER BY t.mailspace_id LIMIT {SHOWN}",
            [],
        )
        for mailspace, number in found:
            yield f"{number} rows of {table} belong to mailspace {mailspace}, which is not there"


def _orphans(before: int) -> Iterator[str]:
    for shard in range(blobs.SHARDS):
        old = blobs.store().older_than(before, shard)
        for start in range(0, len(old), 500):
            piece = old[start : start + 500]
            named = set(BlobObject.objects.filter(name__in=piece).values_list("name", flat=True))
            for name in piece:
                if name not in named:
                    yield f"object {name} has bytes and no row, and the daily sweep left it"


def waiting_for_index() -> int:
    """Messages that searches still read themselves; a sidecar that runs takes them within seconds."""
    return Message.objects.filter(indexed=False).count()
