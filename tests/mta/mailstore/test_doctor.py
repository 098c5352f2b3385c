"""The doctor sees each thing that is wrong, and calls it by its name."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from django.db.models import F

from mta.mailstore import blobs, runs
from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.mailstore.models import (
    Blob,
    BlobObject,
    Draft,
    ExpungedUids,
    HeaderText,
    Mailbox,
    Mailspace,
    Message,
    Placement,
    SearchText,
    Thread,
    ThreadRow,
)
from mta.values import DELETED
from tests.mail import mail

from .conftest import WEB, Space

BIG = random.Random(7).randbytes(40_000).hex()  # does not fit into a row
LIVE = Placement.objects.filter(expunged_modseq__isnull=True)
GONE = Placement.objects.filter(expunged_modseq__isnull=False)


def _compact_what_lives() -> None:
    one = Placement.objects.filter(expunged_modseq__isnull=True)[0]
    kept = runs.packed(((one.uid, one.uid),))
    ExpungedUids.objects.create(
        mailspace_id=one.mailspace_id, mailbox_id=one.mailbox_id, count=1, runs=kept, modseq=1
    )


def _lose_an_object() -> None:
    blobs.store().delete(BlobObject.objects.get().name)


def _bytes_of_nothing() -> None:
    owner = Message.objects.all()[0].mailspace_id
    Blob.objects.create(mailspace_id=owner, size=0, data=b"")


BREAKS: dict[str, tuple[Callable[[], object], str]] = {
    "a flag": (lambda: LIVE.update(flags=4), "does not say what its message"),
    "a keyword": (lambda: LIVE.update(keywords="x"), "does not say what its message"),
    "a size": (lambda: LIVE.update(size=1), "does not say what its message"),
    "a date": (lambda: LIVE.update(internal_date=1), "does not say what its message"),
    "messages": (lambda: Mailbox.objects.filter(role="inbox").update(messages=9), "kept messages"),
    "unseen": (lambda: Mailbox.objects.filter(role="inbox").update(unseen=9), "kept messages"),
    "recent": (lambda: Mailbox.objects.filter(role="inbox").update(recent=9), "kept messages"),
    "deleted": (lambda: Mailbox.objects.filter(role="inbox").update(deleted=9), "kept messages"),
    "size": (lambda: Mailbox.objects.filter(role="trash").update(size=9), "kept messages"),
    "used bytes": (lambda: Mailspace.objects.update(used_bytes=9), "usage kept"),
    "uidnext, too low": (lambda: Mailbox.objects.update(uidnext=1), "UIDNEXT"),
    "uidnext, too high": (lambda: Mailbox.objects.update(uidnext=F("uidnext") + 1), "UIDNEXT"),
    "a lost tombstone": (lambda: GONE.delete(), "UIDNEXT"),
    "a compacted UID that lives": (_compact_what_lives, "among the compacted"),
    "a tombstone's modseq": (lambda: GONE.update(modseq=1), "tombstone"),
    "highestmodseq, too low": (lambda: Mailbox.objects.update(highestmodseq=1), "HIGHESTMODSEQ"),
    "highestmodseq, too high": (lambda: Mailbox.objects.update(highestmodseq=10**9), "above the clock"),
    "uidvalidity": (lambda: Mailbox.objects.update(uidvalidity=7), "UIDVALIDITY"),
    "a thread's count": (lambda: Thread.objects.update(messages=9), "kept 9 messages"),
    "a thread": (lambda: Thread.objects.all().delete(), "which is not there"),
    "a line": (lambda: ThreadRow.objects.filter(box__gt=0).delete(), "is missing"),
    "a line's text": (lambda: ThreadRow.objects.update(snippet="?"), "snippet is"),
    "counted lines": (lambda: Mailspace.objects.update(all_threads=9), "conversations"),
    "header texts": (lambda: HeaderText.objects.all().delete(), "header texts"),
    "a subject's text": (lambda: HeaderText.objects.update(subject_text="?"), "header texts"),
    "a draft's form": (lambda: Draft.objects.update(message=77), "draft"),
    "a draft's state": (lambda: Draft.objects.update(state="discarded"), "draft"),
    "bytes": (lambda: Message.objects.update(blob_id=77), "blob 77"),
    "bytes of nothing": (_bytes_of_nothing, "belongs to nothing"),
    "references": (lambda: BlobObject.objects.update(references=9), "kept 9 references"),
    "an object's bytes": (_lose_an_object, "lost its bytes"),
    "the index": (lambda: SearchText.objects.all().delete(), "index"),
    "a placement of nothing": (lambda: GONE.update(message_id=77), "which is not there"),
    "a placement nowhere": (lambda: LIVE.update(mailbox_id=77), "which is not there"),
    "a removed mailbox": (lambda: Mailbox.objects.update(deleted_at=1), "removed mailbox"),
}


@pytest.mark.parametrize("what", BREAKS)
def test_the_doctor_sees(space: Space, what: str) -> None:
    space.deliver(subject="One")
    space.deliver(subject="Two")
    mailstore.append(space.id, space.box("inbox").id, mail(body=BIG), cause=WEB)
    draft = mailstore.new_draft(space.id, mailstore.DraftFields(), header_id="d@x", cause=WEB)
    mailstore.materialise(space.id, draft.id, mail(), version=1, cause=WEB)
    mailstore.store_flags(space.id, space.box("inbox").id, [1], "add", DELETED, (), cause=WEB)
    mailstore.expunge(space.id, space.box("inbox").id, cause=WEB)
    while mailstore.index_pending():
        pass
    assert differences(space.id) == []
    break_it, word = BREAKS[what]
    break_it()
    found = differences(space.id)
    assert any(word in line for line in found), found
