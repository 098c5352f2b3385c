"""What the store forgets, and that it never forgets too early."""

from __future__ import annotations

import random

import pytest

from mta.mailstore import blobs, errors, upkeep
from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.mailstore.models import Blob, BlobObject, Change, Message, Placement, SearchText
from mta.values import DELETED, now_us
from tests.mail import mail

from .conftest import WEB, Space

DAYS = 24 * 3600 * 1_000_000


def big() -> bytes:
    return mail(body=random.Random(7).randbytes(40_000).hex())


def test_deleted_mail_can_be_undone_until_the_window_ends_and_then_its_bytes_go(space: Space) -> None:
    message = mailstore.append(space.id, space.box("inbox").id, big(), cause=WEB).message
    while mailstore.index_pending():
        pass
    name = BlobObject.objects.get().name
    thread = space.lines()[0].thread
    mailstore.delete(space.id, [thread], cause=WEB)
    forever = mailstore.delete_forever(space.id, [thread], cause=WEB)
    upkeep.purge_messages(now=now_us() + 29 * DAYS)
    upkeep.collect_blobs(now=now_us() + 29 * DAYS)
    mailstore.undo(space.id, forever.action, cause=WEB)
    assert space.where(message) == {"Trash"}
    mailstore.delete_forever(space.id, [thread], cause=WEB)
    while upkeep.purge_messages(now=now_us() + 31 * DAYS):
        pass
    assert not Message.objects.exists() and not SearchText.objects.exists()
    upkeep.collect_blobs()
    assert blobs.store().get(name)
    upkeep.collect_blobs(now=now_us() + 2 * DAYS)
    assert not Blob.objects.exists() and not BlobObject.objects.exists()
    with pytest.raises(FileNotFoundError):
        blobs.store().get(name)
    assert differences(space.id) == []


def test_bytes_shared_with_another_message_stay(space: Space) -> None:
    raw = big()
    mailstore.append(space.id, space.box("inbox").id, raw, cause=WEB)
    archive = space.box("archive").id
    mailstore.copy(space.id, space.box("inbox").id, [1], archive, cause=WEB)
    twin = mailstore.copy(space.id, space.box("inbox").id, [1], archive, cause=WEB).target[0]
    first = mailstore.message_ids_at(space.id, archive, [1])[0]
    Message.objects.filter(id=first).update(blob_id=Message.objects.exclude(id=first).get().blob_id)
    mailstore.store_flags(space.id, archive, [twin], "add", 16, (), cause=WEB)
    mailstore.expunge(space.id, archive, cause=WEB)
    while upkeep.purge_messages(now=now_us() + 31 * DAYS):
        pass
    upkeep.collect_blobs(now=now_us() + 40 * DAYS)
    assert mailstore.raw(space.id, first) == raw


def test_trash_is_emptied_after_thirty_days_and_the_journal_forgets(space: Space) -> None:
    space.deliver()
    mailstore.delete(space.id, [space.lines()[0].thread], cause=WEB)
    assert upkeep.empty_old_trash(now=now_us() + 29 * DAYS) == 0
    assert upkeep.empty_old_trash(now=now_us() + 31 * DAYS) == 1
    assert space.box("trash").messages == 0
    assert upkeep.forget_journal() == 0
    upkeep.forget_journal(now=now_us() + 31 * DAYS)
    assert not Change.objects.exists()
    with pytest.raises(errors.NothingToUndo):
        mailstore.undo(space.id, "0" * 24, cause=WEB)


def _expunge(space: Space, uids: list[int]) -> int:
    inbox = space.box("inbox").id
    mailstore.store_flags(space.id, inbox, uids, "add", DELETED, (), cause=WEB)
    mailstore.expunge(space.id, inbox, uids, cause=WEB)
    return space.box("inbox").highestmodseq


def _clean_up(now: int) -> None:
    for forget in (upkeep.purge_messages, upkeep.compact_tombstones):
        while forget(now=now):
            pass


def test_old_tombstones_become_a_few_numbers_and_programs_still_hear_of_them(space: Space) -> None:
    for _ in range(8):
        space.deliver()
    inbox = space.box("inbox").id
    first = _expunge(space, [2, 3, 6])
    Placement.objects.filter(expunged_modseq__isnull=False).update(expunged_at=now_us() - 31 * DAYS)
    second = _expunge(space, [4])
    _clean_up(now_us())
    assert Placement.objects.filter(expunged_modseq__isnull=False).count() == 1
    assert mailstore.uid_runs(space.id, inbox, uidnext=9, modseq=second) == ((1, 1), (5, 5), (7, 8))
    assert mailstore.expunged_since(space.id, inbox, first) == (((4, 4),), True)
    # Nobody knows any more when each of the others fell: all that is missing is told.
    assert mailstore.expunged_since(space.id, inbox, first - 1) == (((2, 4), (6, 6)), False)
    assert mailstore.changes(space.id, inbox, first - 1).expunged == (2, 3, 4, 6)
    assert differences(space.id) == []
    _clean_up(now_us() + 31 * DAYS)
    _clean_up(now_us() + 31 * DAYS)
    assert not Placement.objects.filter(expunged_modseq__isnull=False).exists()
    assert mailstore.uid_runs(space.id, inbox, uidnext=9, modseq=second) == ((1, 1), (5, 5), (7, 8))
    assert differences(space.id) == []


def test_the_tombstone_of_a_message_that_lives_elsewhere_is_compacted_too(space: Space) -> None:
    space.deliver()
    inbox, archive = space.box("inbox").id, space.box("archive").id
    mailstore.copy(space.id, inbox, [1], archive, cause=WEB)
    _expunge(space, [1])
    _clean_up(now_us() + 31 * DAYS)
    assert Placement.objects.count() == 1 and Message.objects.count() == 1
    assert differences(space.id) == []
