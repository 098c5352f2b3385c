"""The lease of a maildrop, what is in it, and what a session leaves behind."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.mailstore.models import Mailspace, Message
from mta.values import DELETED, SEEN, Cause, now_us
from tests.mta.mailstore.conftest import Space

POP3 = Cause("pop3", "POP3 client on 192.0.2.1", "ann@example.test")


def test_one_holds_a_maildrop_until_it_is_let_go(space: Space) -> None:
    assert mailstore.take_maildrop(space.id, "one")
    assert not mailstore.take_maildrop(space.id, "two")
    mailstore.free_maildrop(space.id, "two")  # not theirs to give
    assert not mailstore.take_maildrop(space.id, "two")
    mailstore.free_maildrop(space.id, "one")
    assert mailstore.take_maildrop(space.id, "two")


def test_a_lease_runs_out_unless_it_is_renewed(space: Space) -> None:
    other = mailstore.create_mailspace()
    for mailspace in (space.id, other):
        assert mailstore.take_maildrop(mailspace, "one")
    Mailspace.objects.update(maildrop_until=now_us() + 1_000_000)
    assert mailstore.keep_maildrops({space.id, other}, "one")
    assert all(until > now_us() + 30_000_000 for until in _until())
    Mailspace.objects.filter(id=other).update(maildrop_until=now_us() - 1)
    assert mailstore.take_maildrop(other, "two")
    assert not mailstore.keep_maildrops({space.id, other}, "one")
    assert mailstore.keep_maildrops({space.id}, "one")
    assert not mailstore.take_maildrop(other, "one")


def _until() -> list[int]:
    return list(Mailspace.objects.values_list("maildrop_until", flat=True))


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_gets_it() -> None:
    mailspace = mailstore.create_mailspace()
    start, won = threading.Barrier(6), []

    def ask(name: str) -> None:
        start.wait()
        if mailstore.take_maildrop(mailspace, name):
            won.append(name)
        connection.close()

    threads = [threading.Thread(target=ask, args=(f"process {number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert Mailspace.objects.get(id=mailspace).maildrop_holder == won[0]


def test_an_inbox_is_listed_without_what_is_marked_deleted(space: Space) -> None:
    first, second, third = (space.deliver(body="x" * size) for size in (10, 20, 30))
    space.deliver("archive")
    box = space.box("inbox")
    found = mailstore.inbox(space.id)
    assert (found.mailbox, list(found.messages), found.imported) == (box.id, [first, second, third], {})
    assert list(found.sizes) == [len(mailstore.raw(space.id, message)) for message in (first, second, third)]
    mailstore.store_flags(space.id, box.id, [found.uids[1]], "add", DELETED, (), cause=POP3)
    assert list(mailstore.inbox(space.id).messages) == [first, third]
    assert list(mailstore.inbox(space.id, newest=1).messages) == [third]
    assert list(mailstore.inbox(space.id, newest=9).messages) == [first, third]


def test_imported_messages_bring_their_unique_ids(space: Space) -> None:
    first, second = space.deliver(), space.deliver()
    Message.objects.filter(id=second).update(uidl="000000054c8b5a")
    other = mailstore.create_mailspace()
    elsewhere = Space(other).deliver()
    Message.objects.filter(id=elsewhere).update(uidl="another's")
    found = mailstore.inbox(space.id)
    assert list(found.messages) == [first, second]
    assert found.imported == {second: "000000054c8b5a"}


@pytest.mark.parametrize(("erases", "where"), [(False, {"Trash"}), (True, set())])
def test_deleted_means_trash_or_gone_and_both_can_be_undone(
    space: Space, erases: bool, where: set[str]
) -> None:
    kept, deleted = space.deliver(), space.deliver()
    found = mailstore.inbox(space.id)
    mailstore.delete_retrieved(space.id, found.mailbox, [found.uids[1]], erases=erases, cause=POP3)
    assert space.where(deleted) == where
    assert space.where(kept) == {"INBOX"}
    (line, *_rest) = mailstore.history(space.id)
    assert "POP3" in line.session
    mailstore.undo(space.id, line.action, cause=POP3)
    assert space.where(deleted) == {"INBOX"}
    assert differences(space.id) == []


def test_what_lies_under_a_label_too_stays_there(space: Space) -> None:
    message = space.deliver()
    label = mailstore.create_mailbox(space.id, "Invoices", cause=POP3)
    found = mailstore.inbox(space.id)
    mailstore.copy(space.id, found.mailbox, [found.uids[0]], label.id, cause=POP3)
    mailstore.delete_retrieved(space.id, found.mailbox, [found.uids[0]], erases=True, cause=POP3)
    assert space.where(message) == {"Invoices"}


def test_more_than_one_chunk_is_deleted(space: Space) -> None:
    box = space.box("inbox")
    incoming = [mailstore.Incoming(b"Subject: %d\r\n\r\nx\r\n" % number) for number in range(520)]
    for start in range(0, 520, 260):
        mailstore.append_many(space.id, box.id, incoming[start : start + 260], cause=POP3)
    found = mailstore.inbox(space.id)
    mailstore.note_retrieved(space.id, box.id, found.uids[:510], cause=POP3)
    mailstore.delete_retrieved(space.id, box.id, found.uids[:510], erases=True, cause=POP3)
    assert list(mailstore.inbox(space.id).messages) == list(found.messages[510:])
    assert space.box("inbox").unseen == 10
    assert not any(row.flags & SEEN for row in mailstore.changes(space.id, box.id).rows)
