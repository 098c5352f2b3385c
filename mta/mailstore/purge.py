"""Forgetting messages for good: their text, facts, place in the index and in their thread; bytes are only marked.

For what lies in no mailbox any more: past its undo window (`upkeep`), or a draft's superseded form (`drafts`).
Runs inside a Changing. The tombstones stay for mail programs that were away; they name no message any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from . import indexing, sql, threads
from .changing import Changing
from .models import Blob, Draft, HeaderText, Message


def purge(changing: Changing, messages: Sequence[int]) -> None:
    """Forget messages that have no live placement."""
    # Locked before the index is asked, so that nobody indexes them meanwhile.
    found = list(
        Message.objects.filter(mailspace_id=changing.id, id__in=messages)
        .order_by("id")
        .select_for_update()
        .values_list("id", "blob_id", "thread_id")
    )
    if not found:
        return
    ids = [id_ for id_, _, _ in found]
    indexing.forget(changing.id, ids)
    Blob.objects.filter(mailspace_id=changing.id, id__in={blob for _, blob, _ in found}).update(
        marked_at=changing.now
    )
    Draft.objects.filter(mailspace_id=changing.id, message__in=ids).exclude(state="open").update(message=None)
    HeaderText.objects.filter(mailspace_id=changing.id, message_id__in=ids).delete()
    Message.objects.filter(mailspace_id=changing.id, id__in=ids).delete()
    where, param = sql.among("message_id", ids)
    sql.execute(
        "UPDATE mailstore_placement SET message_id = 0"
        f" WHERE mailspace_id = %s AND {where} AND expunged_modseq IS NOT NULL AND message_id > 0",
        [changing.id, *param],
    )
    lost = Counter(thread for _, _, thread in found)
    threads.grow(changing.id, {thread: -number for thread, number in lost.items()})
    changing.emptied.update(lost)
    changing.touched.update(lost)
