"""A mailbox as mail programs see it: runs of UIDs at a modseq, flag tables, what was expunged since."""

from __future__ import annotations

from mta.mailstore import runs
from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.mailstore.models import Message
from mta.values import DELETED, FLAGGED, SEEN

from .conftest import WEB, Space


def _uids(space: Space, box: int, *, uidnext: int, modseq: int) -> list[int]:
    return list(runs.uids(mailstore.uid_runs(space.id, box, uidnext=uidnext, modseq=modseq)))


def _expunge(space: Space, box: int, uids: list[int]) -> None:
    mailstore.store_flags(space.id, box, uids, "add", DELETED, (), cause=WEB)
    mailstore.expunge(space.id, box, uids, cause=WEB)


def test_the_uids_of_a_mailbox_are_those_that_it_had_at_a_modseq(space: Space) -> None:
    inbox = space.box("inbox").id
    moments = []
    for number in range(12):
        space.deliver()
        if number % 3 == 2:
            _expunge(space, inbox, [number])
        view = mailstore.changes(space.id, inbox)
        moments.append((view.uidnext, view.highestmodseq, [row.uid for row in view.rows]))
    for uidnext, modseq, uids in moments:
        assert _uids(space, inbox, uidnext=uidnext, modseq=modseq) == uids


def test_they_are_the_same_when_more_is_gone_than_there(space: Space) -> None:
    inbox = space.box("inbox").id
    for _ in range(10):
        space.deliver()
    before = space.box("inbox")
    _expunge(space, inbox, [1, 2, 3, 4, 6, 7, 8, 10])
    after = space.box("inbox")
    assert _uids(space, inbox, uidnext=11, modseq=before.highestmodseq) == list(range(1, 11))
    assert _uids(space, inbox, uidnext=11, modseq=after.highestmodseq) == [5, 9]
    assert _uids(space, inbox, uidnext=6, modseq=after.highestmodseq) == [5]


def test_a_mailbox_without_holes_is_one_run(space: Space) -> None:
    for _ in range(3):
        space.deliver()
    inbox = space.box("inbox")
    assert mailstore.uid_runs(space.id, inbox.id, uidnext=4, modseq=inbox.highestmodseq) == ((1, 3),)
    assert mailstore.uid_runs(space.id, inbox.id, uidnext=1, modseq=1) == ()
    assert mailstore.uid_runs(space.id, 10**6, uidnext=4, modseq=9) == ()


def test_expunged_since_tells_what_fell_after_a_modseq(space: Space) -> None:
    for _ in range(6):
        space.deliver()
    inbox = space.box("inbox").id
    _expunge(space, inbox, [2])
    since = space.box("inbox").highestmodseq
    _expunge(space, inbox, [3, 4, 6])
    assert mailstore.expunged_since(space.id, inbox, since) == (((3, 4), (6, 6)), True)
    assert mailstore.expunged_since(space.id, inbox, 1) == (((2, 4), (6, 6)), True)


def test_a_flag_table_has_every_flag_and_keyword(space: Space) -> None:
    for _ in range(4):
        space.deliver()
    inbox = space.box("inbox").id
    mailstore.store_flags(space.id, inbox, [1, 2], "add", SEEN, ("$Todo", "Later"), cause=WEB)
    mailstore.store_flags(space.id, inbox, [2], "remove", 0, ("later",), cause=WEB)
    mailstore.store_flags(space.id, inbox, [4], "add", FLAGGED | DELETED, (), cause=WEB)
    _expunge(space, inbox, [3])
    table = mailstore.flag_table(space.id, inbox)
    assert list(table.uids) == [1, 2, 4]
    assert list(table.flags) == [SEEN, SEEN, FLAGGED | DELETED]
    assert table.keywords == {1: ("$Todo", "Later"), 2: ("$Todo",)}
    info = space.box("inbox")
    assert (table.highestmodseq, table.uidnext) == (info.highestmodseq, info.uidnext) and not table.gone
    assert mailstore.flag_table(space.id, 10**6).gone


def test_a_flag_of_a_message_raises_the_modseq_in_every_mailbox_that_holds_it(space: Space) -> None:
    space.deliver()
    inbox, archive = space.box("inbox").id, space.box("archive").id
    mailstore.copy(space.id, inbox, [1], archive, cause=WEB)
    since = space.box("archive").highestmodseq
    mailstore.store_flags(space.id, inbox, [1], "add", SEEN, (), cause=WEB)
    changed = mailstore.changes(space.id, archive, since)
    assert [(row.uid, row.flags, row.modseq) for row in changed.rows] == [(1, SEEN, changed.highestmodseq)]
    assert differences(space.id) == []


def test_recent_and_deleted_are_kept_counts(space: Space) -> None:
    for _ in range(4):
        space.deliver()
    inbox = space.box("inbox").id
    assert space.box("inbox").recent == 4
    assert mailstore.take_recent(space.id, inbox, 4) == 0  # one session was told of the first three
    assert space.box("inbox").recent == 1
    mailstore.store_flags(space.id, inbox, [1, 4], "add", DELETED, (), cause=WEB)
    assert space.box("inbox").deleted == 2
    mailstore.expunge(space.id, inbox, [4], cause=WEB)
    info = space.box("inbox")
    assert (info.messages, info.recent, info.deleted) == (3, 0, 1)
    assert differences(space.id) == []


def test_what_placements_say_is_read_without_the_messages(space: Space) -> None:
    space.deliver()
    inbox = space.box("inbox").id
    narrow = ("uid", "message", "flags", "deleted", "keywords", "modseq", "internal_date", "saved_at", "size")
    assert mailstore.fetch(space.id, inbox, [1], ("size", "snippet"))[0][1] == "Shall we meet at noon?"
    before = mailstore.fetch(space.id, inbox, [1], narrow)
    Message.objects.all().delete()
    assert mailstore.fetch(space.id, inbox, [1], narrow) == before != []
    assert mailstore.fetch(space.id, inbox, [1], ("size", "snippet")) == []
