"""The store as mail programs and people see it: UIDs, counts, verbs, undo."""

from __future__ import annotations

import pytest

from mta.mailstore import errors, rows
from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.values import ALL, DELETED, FLAGGED, SEEN, STARRED, Cause
from tests.mail import mail

from .conftest import WEB, Space

IMAP = Cause("imap", "a mail program", "ann@example.test")


def test_a_new_mailspace_has_its_real_mailboxes(space: Space) -> None:
    names = [info.name for info in mailstore.mailboxes(space.id)]
    assert names == ["INBOX", "Drafts", "Sent", "Archive", "Junk", "Trash", "Snoozed", "Scheduled"]
    assert len({info.uidvalidity for info in mailstore.mailboxes(space.id)}) == 8


def test_bytes_come_back_exactly_as_they_were_stored(space: Space) -> None:
    for raw in (mail(), b"", b"no header at all", b"Subject: x\r\n\r\n" + bytes(range(1, 256)) * 400):
        message = mailstore.append(space.id, space.box("inbox").id, raw, cause=IMAP).message
        assert mailstore.raw(space.id, message) == raw


def test_counts_and_lines_follow_every_change(space: Space) -> None:
    one = space.deliver(subject="One")
    two = space.deliver(subject="Two", flags=SEEN)
    inbox = space.box("inbox")
    assert (inbox.messages, inbox.unseen, inbox.threads, inbox.unread_threads) == (2, 1, 2, 1)
    assert [line.subject for line in space.lines()] == ["Two", "One"]
    mailstore.star_messages(space.id, [one], on=True, cause=WEB)
    mailstore.mark_messages(space.id, [one], seen=True, cause=WEB)
    assert [line.subject for line in space.lines(STARRED)] == ["One"]
    assert space.box("inbox").unread_threads == 0
    assert mailstore.view_counts(space.id) == {ALL: (2, 0), STARRED: (1, 0)}
    assert mailstore.message(space.id, two).flags == SEEN
    assert differences(space.id) == []


def test_imap_copy_move_and_expunge_keep_one_message_with_new_uids(space: Space) -> None:
    space.deliver(subject="A")
    message = space.deliver(subject="B")
    inbox, work = space.box("inbox").id, mailstore.create_mailbox(space.id, "Work/Plans", cause=IMAP).id
    copied = mailstore.copy(space.id, inbox, [2], work, cause=IMAP)
    assert (copied.source, copied.target) == ((2,), (1,))
    assert space.where(message) == {"INBOX", "Work/Plans"}
    again = mailstore.copy(space.id, inbox, [2], work, cause=IMAP)
    twin = mailstore.message_ids_at(space.id, work, [again.target[0]])[0]
    assert twin != message and mailstore.raw(space.id, twin) == mailstore.raw(space.id, message)
    moved = mailstore.move(space.id, inbox, [2], work, cause=IMAP)
    assert moved.target == (3,)
    view = mailstore.changes(space.id, work)
    assert [row.uid for row in view.rows] == [2, 3]
    mailstore.store_flags(space.id, work, [2, 3], "add", DELETED, (), cause=IMAP)
    assert space.lines("Work/Plans") == []
    assert mailstore.expunge(space.id, work, [3], cause=IMAP) == (3,)
    assert mailstore.expunge(space.id, work, cause=IMAP) == (2,)
    assert space.box("Work/Plans").messages == 0
    assert differences(space.id) == []


def test_changes_since_a_modseq_are_exactly_what_another_session_must_hear(space: Space) -> None:
    for subject in "ABC":
        space.deliver(subject=subject)
    inbox = space.box("inbox").id
    before = mailstore.changes(space.id, inbox)
    assert [row.uid for row in before.rows] == [1, 2, 3]
    mailstore.store_flags(space.id, inbox, [2], "add", FLAGGED, ("$Todo",), cause=IMAP)
    mailstore.store_flags(space.id, inbox, [1], "add", DELETED, (), cause=IMAP)
    mailstore.expunge(space.id, inbox, cause=IMAP)
    space.deliver(subject="D")
    after = mailstore.changes(space.id, inbox, before.highestmodseq)
    assert after.expunged == (1,)
    assert [(row.uid, row.flags, row.keywords) for row in after.rows] == [
        (2, FLAGGED, ("$Todo",)),
        (4, 0, ()),
    ]
    assert mailstore.changes(space.id, inbox, after.highestmodseq).rows == ()


def test_unchangedsince_leaves_newer_messages_alone(space: Space) -> None:
    space.deliver()
    space.deliver()
    inbox = space.box("inbox").id
    modseq = mailstore.changes(space.id, inbox).highestmodseq
    mailstore.store_flags(space.id, inbox, [1], "add", SEEN, (), cause=IMAP)
    failed = mailstore.store_flags(
        space.id, inbox, [1, 2], "add", FLAGGED, (), unchangedsince=modseq, cause=IMAP
    )
    assert failed == (1,)


def test_recent_is_given_to_one_session_only(space: Space) -> None:
    space.deliver()
    inbox = space.box("inbox")
    assert mailstore.take_recent(space.id, inbox.id, inbox.uidnext) == 0
    assert mailstore.take_recent(space.id, inbox.id, inbox.uidnext) == 2


def test_archive_delete_and_junk_say_where_mail_goes_and_undo_brings_it_back(space: Space) -> None:
    message = space.deliver()
    thread = space.lines()[0].thread
    label = mailstore.create_mailbox(space.id, "Work", cause=WEB).id
    mailstore.label(space.id, [thread], label, cause=WEB)
    done = mailstore.archive(space.id, [thread], cause=WEB)
    assert space.where(message) == {"Work"}
    mailstore.undo(space.id, done.action, cause=WEB)
    assert space.where(message) == {"INBOX", "Work"}
    done = mailstore.delete(space.id, [thread], cause=WEB)
    assert space.where(message) == {"Trash"}
    mailstore.undo(space.id, done.action, cause=WEB)
    assert space.where(message) == {"INBOX", "Work"}
    done = mailstore.junk(space.id, [thread], cause=WEB)
    assert space.where(message) == {"Junk"}
    mailstore.unjunk(space.id, [thread], cause=WEB)
    assert space.where(message) == {"INBOX"}
    assert differences(space.id) == []


def test_an_archived_message_without_labels_lies_in_archive(space: Space) -> None:
    message = space.deliver()
    thread = space.lines()[0].thread
    label = mailstore.create_mailbox(space.id, "Work", cause=WEB).id
    mailstore.archive(space.id, [thread], cause=WEB)
    assert space.where(message) == {"Archive"}
    mailstore.label(space.id, [thread], label, cause=WEB)
    mailstore.move_threads(space.id, [thread], label, space.box("inbox").id, cause=WEB)
    assert space.where(message) == {"Archive", "INBOX"}
    mailstore.unlabel(space.id, [thread], space.box("archive").id, cause=WEB)
    mailstore.unlabel(space.id, [thread], space.box("inbox").id, cause=WEB)
    assert space.where(message) == {"Archive"}
    assert differences(space.id) == []


def test_moving_from_a_search_leaves_inbox_and_archive(space: Space) -> None:
    message = space.deliver()
    thread = space.lines()[0].thread
    label = mailstore.create_mailbox(space.id, "Work", cause=WEB).id
    mailstore.move_threads(space.id, [thread], None, label, cause=WEB)
    assert space.where(message) == {"Work"}
    assert space.box("Work").uidnext == 2
    assert differences(space.id) == []


def test_undo_skips_what_was_changed_since(space: Space) -> None:
    kept, touched = space.deliver(subject="kept"), space.deliver(subject="touched")
    threads = [line.thread for line in space.lines()]
    done = mailstore.delete(space.id, threads, cause=WEB)
    trash = space.box("trash")
    uid = next(row.uid for row in mailstore.changes(space.id, trash.id).rows if row.message == touched)
    mailstore.move(space.id, trash.id, [uid], space.box("archive").id, cause=IMAP)
    undone = mailstore.undo(space.id, done.action, cause=WEB)
    assert (space.where(kept), space.where(touched), undone.skipped) == ({"INBOX"}, {"Archive"}, 1)
    with pytest.raises(errors.NothingToUndo):
        mailstore.undo(space.id, done.action, cause=WEB)
    assert differences(space.id) == []


def test_what_a_mail_program_expunged_comes_back_under_a_new_uid(space: Space) -> None:
    message = space.deliver()
    inbox = space.box("inbox").id
    mailstore.store_flags(space.id, inbox, [1], "add", DELETED, (), cause=IMAP)
    mailstore.expunge(space.id, inbox, cause=IMAP)
    assert space.where(message) == set() and mailstore.usage(space.id).messages == 0
    line = next(line for line in mailstore.history(space.id) if line.verb == "expunge")
    assert (line.session, line.count, line.mailbox) == ("a mail program", 1, "INBOX")
    mailstore.undo(space.id, line.action, cause=WEB)
    assert [row.uid for row in mailstore.changes(space.id, inbox).rows] == [2]
    assert mailstore.usage(space.id).messages == 1


def test_undoing_read_and_star_restores_flags(space: Space) -> None:
    message = space.deliver(flags=FLAGGED)
    thread = space.lines()[0].thread
    done = mailstore.mark(space.id, [thread], seen=True, cause=WEB)
    mailstore.undo(space.id, done.action, cause=WEB)
    assert mailstore.message(space.id, message).flags == FLAGGED
    assert differences(space.id) == []


def test_a_removed_mailbox_leaves_its_mail_in_trash_and_comes_back_with_it(space: Space) -> None:
    box = mailstore.create_mailbox(space.id, "Old", cause=IMAP)
    message = space.deliver("Old")
    action = mailstore.delete_mailbox(space.id, "Old", cause=IMAP)
    assert space.where(message) == {"Trash"}
    with pytest.raises(errors.NoSuchMailbox):
        mailstore.mailbox(space.id, "Old")
    mailstore.undo(space.id, action, cause=WEB)
    assert space.where(message) == {"Old"} and space.box("Old").uidvalidity == box.uidvalidity
    assert differences(space.id) == []


def test_a_name_used_again_gets_another_uidvalidity(space: Space) -> None:
    first = mailstore.create_mailbox(space.id, "Old", cause=IMAP).uidvalidity
    mailstore.delete_mailbox(space.id, "Old", cause=IMAP)
    assert mailstore.create_mailbox(space.id, "Old", cause=IMAP).uidvalidity > first


def test_mailbox_names_are_checked_and_renaming_takes_children_along(space: Space) -> None:
    mailstore.create_mailbox(space.id, "A/B", cause=IMAP)
    mailstore.rename_mailbox(space.id, "A", "Z", cause=IMAP)
    assert {"Z", "Z/B"} <= {info.name for info in mailstore.mailboxes(space.id)}
    for name in ("", "/", "a//b", "x\ny", "n" * 300, "/".join("x" * 30)):
        with pytest.raises(errors.BadName):
            mailstore.create_mailbox(space.id, name, cause=IMAP)
    with pytest.raises(errors.MailboxExists):
        mailstore.create_mailbox(space.id, "inbox", cause=IMAP)
    with pytest.raises(errors.CannotChange):
        mailstore.delete_mailbox(space.id, "Trash", cause=IMAP)


def test_renaming_the_inbox_moves_its_mail_and_keeps_the_inbox(space: Space) -> None:
    message = space.deliver()
    mailstore.rename_mailbox(space.id, "INBOX", "Before", cause=IMAP)
    assert space.where(message) == {"Before"} and space.box("inbox").messages == 0
    assert differences(space.id) == []


def test_a_full_mailspace_refuses_append_but_keeps_what_was_accepted(space: Space) -> None:
    mailstore.set_quota(space.id, 1000)
    assert mailstore.would_exceed(space.id, 2000)
    with pytest.raises(errors.OverQuota):
        mailstore.append(space.id, space.box("inbox").id, mail(body="x" * 2000), cause=IMAP)
    prepared = mailstore.prepare(mail(body="x" * 2000))
    mailstore.commit({space.id}, lambda door: door.store(space.id, prepared, "inbox", cause=IMAP))
    assert space.box("inbox").messages == 1


def test_another_mailspace_sees_nothing(space: Space) -> None:
    message = space.deliver()
    other = mailstore.create_mailspace()
    with pytest.raises(errors.NoSuchMessage):
        mailstore.raw(other, message)
    with pytest.raises(errors.NoSuchMessage):
        mailstore.message(other, message)
    with pytest.raises(errors.NoSuchMailbox):
        mailstore.append(other, space.box("inbox").id, mail(), cause=IMAP)
    assert mailstore.fetch(other, space.box("inbox").id, [1], ("uid",)) == []
    mailstore.delete(other, [space.lines()[0].thread], cause=WEB)
    assert space.where(message) == {"INBOX"}


def test_large_bytes_of_one_delivery_to_many_are_stored_once(db: None) -> None:
    import random

    from mta.mailstore.models import Blob, BlobObject

    spaces = [Space(mailstore.create_mailspace()) for _ in range(3)]
    raw = mail(body=random.Random(1).randbytes(40_000).hex())
    prepared = mailstore.prepare(raw)

    def work(door: mailstore.Door) -> list[int]:
        return [
            door.store(one.id, prepared, "inbox", prefix=b"X-For: %d\r\n" % one.id, cause=IMAP).message
            for one in spaces
        ]

    ids = mailstore.commit({one.id for one in spaces}, work)
    assert BlobObject.objects.get().references == 3 == Blob.objects.count()
    for one, message in zip(spaces, ids, strict=True):
        assert mailstore.raw(one.id, message) == b"X-For: %d\r\n" % one.id + raw


def test_paging_reaches_every_line_once(space: Space) -> None:
    for number in range(7):
        space.deliver(subject=f"S{number}", internal_date=1_000_000 * (number // 2))
    inbox = space.box("inbox").id
    seen, before = [], None
    while True:
        page = mailstore.threads(space.id, inbox, before=before, limit=3)
        assert (page.total, page.position) == (7, len(seen))
        seen += [line.subject for line in page.rows]
        if not page.has_older:
            break
        before = (page.rows[-1].sort_at, page.rows[-1].thread)
    assert sorted(seen) == [f"S{number}" for number in range(7)]
    first = mailstore.threads(space.id, inbox, after=before, limit=3)
    assert [line.subject for line in first.rows] == seen[2:5] and first.has_newer and first.has_older
    last = mailstore.threads(space.id, inbox, oldest_first=True, limit=3)
    assert [line.subject for line in last.rows] == seen[-3:] and not last.has_older
    newer, older, position = mailstore.neighbours(space.id, inbox, last.rows[0].thread)
    assert (newer is not None, older, position) == (True, last.rows[1].thread, 4)


def test_a_mailbox_of_several_chunks_is_emptied_moved_and_removed_whole(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "CHUNK", 3)
    monkeypatch.setattr(rows.in_mailbox, "__kwdefaults__", {"deleted": None, "after": 0, "limit": 3})
    for number in range(8):
        space.deliver(subject=f"Number {number}")
    mailstore.rename_mailbox(space.id, "INBOX", "Old", cause=IMAP)
    assert (space.box("INBOX").messages, space.box("Old").messages) == (0, 8)
    removed = mailstore.delete_mailbox(space.id, "Old", cause=IMAP)
    assert space.box("trash").messages == 8
    mailstore.undo(space.id, removed, cause=WEB)
    assert space.box("Old").messages == 8
    mailstore.delete_mailbox(space.id, "Old", cause=IMAP)
    emptied = mailstore.empty(space.id, space.box("trash").id, cause=WEB)
    assert emptied.messages == 8 and space.box("trash").messages == 0
    mailstore.undo(space.id, emptied.action, cause=WEB)
    assert space.box("trash").messages == 8 and differences(space.id) == []
