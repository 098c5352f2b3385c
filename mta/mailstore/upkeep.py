"""What the store forgets, and when: mail past its undo window, old journal rows, bytes nobody names.

Runs from the beat; every step works in chunks, may run twice, and may be lost. Bytes go last: a Blob
row without a message is marked, waits a day, is looked at again under its mailspace's lock, and only
then lets go of its object; an object is deleted after its row, never the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter

from django.conf import settings
from django.db import transaction
from django.db.models import F

from mta.values import QUARANTINE, TRASH, Cause, now_us

from . import blobs, converging, rows, runs, sql
from .door import Door
from .live import new_action
from .models import (
    Action,
    Blob,
    BlobObject,
    Change,
    Draft,
    DraftAttachment,
    ExpungedUids,
    Job,
    JobItems,
    Mailbox,
    Message,
    Placement,
)
from .purge import purge
from .writer import commit

DAY = 24 * 3600 * 1_000_000
TRASH_DAYS = 30
BLOB_WAIT = DAY
CHUNK = 200
TOMBSTONES = 2000  # compacted at once
PARTS = 60
SWEEP = Cause("task", "daily clean-up")


def window() -> int:
    """The undo window in µs."""
    return int(settings.UNDO_DAYS) * DAY


def empty_old_trash(*, now: int | None = None, part: int | None = None) -> int:
    """Remove from Trash, and the quarantine, what has lain there for 30 days (undoable for the undo window).

    `part` of PARTS takes a share of the mailspaces: looking through every Trash each minute would cost more
    than a day's delay is worth.
    """
    cutoff = (now or now_us()) - TRASH_DAYS * DAY
    boxes = Mailbox.objects.filter(role__in=(TRASH, QUARANTINE), messages__gt=0)
    if part is not None:
        boxes = boxes.annotate(part=F("mailspace_id") % PARTS).filter(part=part)
    removed = 0
    for mailspace, box in boxes.values_list("mailspace_id", "id"):
        # What came first has the lowest UIDs: no look at the rest.
        first = Placement.objects.filter(mailspace_id=mailspace, mailbox_id=box, expunged_modseq__isnull=True)
        found = first.order_by("uid").values_list("uid", "saved_at")[: 10 * CHUNK]
        uids = [uid for uid, saved_at in found if saved_at < cutoff]
        for piece in rows.chunks(uids, CHUNK):
            commit({mailspace}, partial(_empty, mailspace=mailspace, box=box, uids=piece))
        removed += len(uids)
    return removed


def _empty(door: Door, mailspace: int, box: int, uids: Sequence[int]) -> None:
    changing = door[mailspace]
    entry = changing.entry("delete forever", SWEEP, new_action(), box)
    changing.expunge(rows.at(mailspace, box, uids), entry)


def purge_messages(*, now: int | None = None) -> int:
    """Forget messages whose last placement went before the undo window: text, facts, and their bytes."""
    cutoff = (now or now_us()) - window()
    gone = list(
        Placement.objects.filter(expunged_at__lt=cutoff, message_id__gt=0)
        .order_by("expunged_at")
        .values_list("mailspace_id", "message_id")[:CHUNK]
    )
    for mailspace in sorted({owner for owner, _ in gone}):
        ids = {message for owner, message in gone if owner == mailspace}
        commit({mailspace}, partial(_purge, mailspace=mailspace, ids=ids, cutoff=cutoff))
    return len(gone)


def _purge(door: Door, mailspace: int, ids: set[int], cutoff: int) -> None:
    changing = door[mailspace]
    # Asked for as the partial index has it.
    tombstones = Placement.objects.filter(
        mailspace_id=mailspace, message_id__in=ids, expunged_modseq__isnull=False, message_id__gt=0
    )
    kept = changing.placed_anywhere(ids)
    kept |= set(tombstones.filter(expunged_at__gte=cutoff).values_list("message_id", flat=True))
    purge(changing, sorted(ids - kept))
    # Those of messages that live on elsewhere: they need no second look.
    tombstones.filter(expunged_at__lt=cutoff).update(message_id=0)


def compact_tombstones(*, now: int | None = None) -> int:
    """Move tombstones past the undo window, whose messages are forgotten, into their mailboxes' sets of UIDs."""
    cutoff = (now or now_us()) - window()
    old = list(
        Placement.objects.filter(expunged_at__lt=cutoff, message_id=0)
        .order_by("expunged_at")
        .values_list("mailspace_id", "mailbox_id", "id", "uid", "expunged_modseq")[:TOMBSTONES]
    )
    for (mailspace, mailbox), group in groupby(sorted(old), key=itemgetter(0, 1)):
        _, _, ids, uids, modseqs = zip(*group, strict=True)
        work = partial(
            _compact, mailspace=mailspace, mailbox=mailbox, ids=ids, uids=uids, modseq=max(modseqs)
        )
        commit({mailspace}, work)
    return len(old)


def _compact(
    door: Door, *, mailspace: int, mailbox: int, ids: Sequence[int], uids: Sequence[int], modseq: int
) -> None:
    del door  # its lock is what is needed
    row, _ = ExpungedUids.objects.get_or_create(mailspace_id=mailspace, mailbox_id=mailbox)
    # Somebody else may have done some of it meanwhile: UIDs are a set.
    together = runs.union(runs.unpacked(bytes(row.runs)), runs.of(sorted(uids)))
    row.runs, row.count, row.modseq = runs.packed(together), runs.count(together), max(row.modseq, modseq)
    row.save(update_fields=["runs", "count", "modseq"])
    where, param = sql.among("id", ids)
    sql.execute(f"DELETE FROM mailstore_placement WHERE mailspace_id = %s AND {where}", [mailspace, *param])


def forget_journal(*, now: int | None = None) -> int:
    """Drop journal rows past the undo window."""
    cutoff = (now or now_us()) - window()
    # Row ids follow the clock, so that the oldest rows are the first: no look at the rest of them.
    oldest = Change.objects.order_by("id").values_list("id", "at")[: 10 * CHUNK]
    old = [id_ for id_, at in oldest if at < cutoff]
    _forget_set_aside(old)
    Change.objects.filter(id__in=old).delete()
    first = Action.objects.order_by("id").values_list("id", "until")[: 10 * CHUNK]
    Action.objects.filter(id__in=[id_ for id_, until in first if until < cutoff]).delete()
    return len(old)


def _forget_set_aside(old: Sequence[int]) -> None:
    """Files of what was written over go with the journal rows that could bring them back."""
    overwritings = Change.objects.filter(verb__in=("overwrite", "undo overwrite"))
    leaving = list(overwritings.filter(id__in=old))
    for mailspace in sorted({change.mailspace_id for change in leaving}):
        mine = [change for change in leaving if change.mailspace_id == mailspace]
        still = overwritings.filter(mailspace_id=mailspace).exclude(id__in=old)
        ids = converging.files_forgotten(mine, still)
        commit({mailspace}, partial(_forget_files, mailspace=mailspace, ids=ids))


def _forget_files(door: Door, mailspace: int, ids: Sequence[int]) -> None:
    files = DraftAttachment.objects.filter(mailspace_id=mailspace, id__in=ids, draft_id__lt=0)
    converging.forget_files(mailspace, files, now=door.now)


def forget_jobs(*, now: int | None = None) -> int:
    """Drop what was done in the background and ended a day ago; its journal stays."""
    cutoff = (now or now_us()) - DAY
    old = list(Job.objects.filter(ended_at__lt=cutoff).order_by("id").values_list("id", flat=True)[:CHUNK])
    JobItems.objects.filter(job_id__in=old).delete()
    Job.objects.filter(id__in=old).delete()
    return len(old)


def forget_drafts(*, now: int | None = None) -> int:
    """Drop drafts that were sent or discarded before the undo window, and mark the bytes of their files."""
    cutoff = (now or now_us()) - window()
    found = Draft.objects.exclude(state="open").filter(updated_at__lt=cutoff).order_by("id")
    # What is sent later may still be taken back until then.
    old = [
        (mailspace, id_)
        for mailspace, id_, fields in found.values_list("mailspace_id", "id", "fields")[:CHUNK]
        if (fields.get("scheduled_at") or 0) < cutoff
    ]
    for mailspace in sorted({owner for owner, _ in old}):
        ids = [id_ for owner, id_ in old if owner == mailspace]
        commit({mailspace}, partial(_forget_drafts, mailspace=mailspace, ids=ids, cutoff=cutoff))
    return len(old)


def _forget_drafts(door: Door, mailspace: int, ids: Sequence[int], cutoff: int) -> None:
    drafts = Draft.objects.filter(mailspace_id=mailspace, id__in=ids, updated_at__lt=cutoff)
    gone = list(drafts.exclude(state="open").values_list("id", flat=True))
    files = DraftAttachment.objects.filter(
        mailspace_id=mailspace, draft_id__in=[*gone, *(-each for each in gone)]
    )
    converging.forget_files(mailspace, files, now=door.now)
    Draft.objects.filter(mailspace_id=mailspace, id__in=gone).delete()


def sweep_orphans(shard: int, *, now: int | None = None) -> int:
    """Delete object files of one shard that are a day old and that no row names."""
    return blobs.sweep_orphans(shard % blobs.SHARDS, before=(now or now_us()) - BLOB_WAIT)


def collect_blobs(*, now: int | None = None) -> int:
    """Let go of bytes that were marked a day ago and still belong to nothing."""
    cutoff = (now or now_us()) - BLOB_WAIT
    due = list(
        Blob.objects.filter(marked_at__lt=cutoff).order_by("id").values_list("mailspace_id", "id")[:CHUNK]
    )
    dead: list[str] = []
    for mailspace in sorted({owner for owner, _ in due}):
        ids = [blob for owner, blob in due if owner == mailspace]
        dead += commit({mailspace}, partial(_release, mailspace=mailspace, ids=ids))
    for name in dead:
        blobs.store().delete(name)
    return len(due)


def _release(door: Door, mailspace: int, ids: Sequence[int]) -> list[str]:
    del door  # its lock is what is needed
    used = set(
        Message.objects.filter(mailspace_id=mailspace, blob_id__in=ids).values_list("blob_id", flat=True)
    )
    used |= set(
        DraftAttachment.objects.filter(mailspace_id=mailspace, blob_id__in=ids).values_list(
            "blob_id", flat=True
        )
    )
    Blob.objects.filter(mailspace_id=mailspace, id__in=used).update(marked_at=None)
    free = Blob.objects.filter(mailspace_id=mailspace, id__in=set(ids) - used)
    named = [object_id for object_id in free.values_list("object_id", flat=True) if object_id is not None]
    free.delete()
    dead = []
    with transaction.atomic():
        for object_id in sorted(named):
            BlobObject.objects.filter(id=object_id).update(references=F("references") - 1)
        for row in BlobObject.objects.filter(id__in=named, references__lte=0):
            dead.append(row.name)
            row.delete()
    return dead
