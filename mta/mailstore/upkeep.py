"""What the store forgets, and when: mail past its undo window, old journal rows, bytes nobody names.

Runs from the beat; every step works in chunks, may run twice, and may be lost. Bytes go last: a Blob
row without a message is marked, waits a day, is looked at again under its mailspace's lock, and only
then lets go of its object; an object is deleted after its row, never the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import F

from mta.values import TRASH, Cause, now_us

from . import blobs, rows, search
from .door import Door, new_action
from .models import Blob, BlobObject, Change, DraftAttachment, Mailbox, Message, Placement
from .writer import commit

DAY = 24 * 3600 * 1_000_000
TRASH_DAYS = 30
BLOB_WAIT = DAY
CHUNK = 200
SWEEP = Cause("task", "daily clean-up")


def window() -> int:
    """The undo window in µs."""
    return int(settings.UNDO_DAYS) * DAY


def empty_old_trash(*, now: int | None = None) -> int:
    """Remove from Trash what has lain there for 30 days (undoable for the undo window)."""
    cutoff = (now or now_us()) - TRASH_DAYS * DAY
    boxes = Mailbox.objects.filter(role=TRASH, messages__gt=0).values_list("mailspace_id", "id")
    removed = 0
    for mailspace, box in boxes:
        uids = list(
            Placement.objects.filter(
                mailspace_id=mailspace, mailbox_id=box, expunged_modseq__isnull=True, saved_at__lt=cutoff
            ).values_list("uid", flat=True)[: 10 * CHUNK]
        )
        for piece in rows.chunks(uids, CHUNK):

            def work(
                door: Door, mailspace: int = mailspace, box: int = box, piece: Sequence[int] = piece
            ) -> None:
                changing = door[mailspace]
                entry = changing.entry("delete forever", SWEEP, new_action(), box)
                changing.expunge(rows.at(mailspace, box, piece), entry)

            commit({mailspace}, work)
            removed += len(piece)
    return removed


def purge_messages(*, now: int | None = None) -> int:
    """Forget messages whose last placement went before the undo window: text, facts, and their bytes."""
    cutoff = (now or now_us()) - window()
    gone = list(
        Placement.objects.filter(expunged_at__lt=cutoff)
        .exclude(message_id=0)
        .order_by("id")
        .values_list("mailspace_id", "message_id")[:CHUNK]
    )
    for mailspace in {owner for owner, _ in gone}:
        ids = {message for owner, message in gone if owner == mailspace}
        commit({mailspace}, partial(_purge, mailspace=mailspace, ids=ids, cutoff=cutoff))
    return len(gone)


def _purge(door: Door, mailspace: int, ids: set[int], cutoff: int) -> None:
    tombstones = Placement.objects.filter(mailspace_id=mailspace, message_id__in=ids)
    kept = set(tombstones.filter(expunged_at__isnull=True).values_list("message_id", flat=True))
    kept |= set(tombstones.filter(expunged_at__gte=cutoff).values_list("message_id", flat=True))
    purge = sorted(ids - kept)
    found = Message.objects.filter(mailspace_id=mailspace, id__in=purge)
    Blob.objects.filter(mailspace_id=mailspace, id__in=list(found.values_list("blob_id", flat=True))).update(
        marked_at=door.now
    )
    search.forget(mailspace, purge)
    found.delete()
    # The tombstones stay for clients that were away; they name no message any more.
    tombstones.filter(expunged_at__lt=cutoff).update(message_id=0)


def forget_journal(*, now: int | None = None) -> int:
    """Drop journal rows past the undo window."""
    cutoff = (now or now_us()) - window()
    old = list(Change.objects.filter(at__lt=cutoff).order_by("id").values_list("id", flat=True)[: 10 * CHUNK])
    Change.objects.filter(id__in=old).delete()
    return len(old)


def collect_blobs(*, now: int | None = None) -> int:
    """Let go of bytes that were marked a day ago and still belong to nothing."""
    cutoff = (now or now_us()) - BLOB_WAIT
    due = list(
        Blob.objects.filter(marked_at__lt=cutoff).order_by("id").values_list("mailspace_id", "id")[:CHUNK]
    )
    dead: list[str] = []
    for mailspace in {owner for owner, _ in due}:
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
