"""The doctor's remedies: what follows from the messages is written again, and nothing else is touched."""

from __future__ import annotations

import io
import os

import pytest
from django.core.management import CommandError, call_command

from mta import directory
from mta.mailstore import blobs, hostwide, repair, reparse
from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.mailstore.models import Blob, BlobObject, HeaderText, Mailbox, Message
from mta.values import DELETED, SEEN
from tests.fake_directory import FakeDirectory
from tests.mail import mail

from .conftest import WEB, Space
from .test_doctor import BIG, BREAKS

DERIVED = [
    *(
        "a flag",
        "a keyword",
        "a size",
        "a date",
        "messages",
        "unseen",
        "recent",
        "deleted",
        "size",
        "used bytes",
    ),
    *("highestmodseq, too low", "highestmodseq, too high", "a thread's count", "a line", "a line's text"),
    *("counted lines", "header texts", "a subject's text", "the index"),
]


def _index() -> None:
    while mailstore.index_pending():
        pass


@pytest.mark.parametrize("what", DERIVED)
def test_what_is_derived_is_repaired(space: Space, what: str) -> None:
    space.deliver(subject="One", body="needle in the hay")
    space.deliver(subject="Two", flags=SEEN)
    mailstore.store_flags(space.id, space.box("inbox").id, [2], "add", DELETED, ["Work"], cause=WEB)
    _index()
    BREAKS[what][0]()
    assert differences(space.id) != []
    repair.repair(space.id)
    _index()
    assert differences(space.id) == []
    rows = mailstore.fetch(space.id, space.box("inbox").id, [1, 2], ("uid", "flags", "keywords", "size"))
    assert [(uid, flags, words) for uid, flags, words, _ in rows] == [(1, 0, ""), (2, SEEN, "Work")]


def test_repair_leaves_a_sound_store_as_it_is(space: Space) -> None:
    space.deliver()
    before = list(Message.objects.values())
    repair.repair(space.id)
    assert list(Message.objects.values()) == before
    assert differences(space.id) == []


def test_older_rows_are_parsed_anew(space: Space) -> None:
    message = space.deliver(subject="Übermut", body="quite new")
    _index()
    Message.objects.update(parsed_by=0, subject="old", envelope=b"old", snippet="old", head=b"")
    HeaderText.objects.update(subject_text="old")
    assert reparse.pending() == 1
    flags = mailstore.fetch(space.id, space.box("inbox").id, [1], ("flags", "modseq", "thread"))
    assert reparse.reparse(lambda done, unread: None) == (1, [])
    _index()
    assert reparse.pending() == 0
    assert mailstore.message(space.id, message).subject == "Übermut"
    assert mailstore.fetch(space.id, space.box("inbox").id, [1], ("flags", "modseq", "thread")) == flags
    assert [line.snippet for line in space.lines()] == ["quite new"]
    assert differences(space.id) == []
    assert reparse.reparse(lambda done, unread: None) == (0, [])


def test_one_message_without_bytes_does_not_stop_the_others(space: Space) -> None:
    bad = mailstore.append(space.id, space.box("inbox").id, mail(body=BIG), cause=WEB).message
    space.deliver()
    blobs.store().delete(BlobObject.objects.get().name)
    Message.objects.update(parsed_by=0)
    assert reparse.reparse(lambda done, unread: None) == (1, [bad])


def test_what_belongs_to_nobody_is_seen(space: Space) -> None:
    assert list(hostwide.problems()) == []
    name = "ab" * 20
    blobs.store().put(name, b"x")
    assert list(hostwide.problems()) == []  # it may be a message that is just being stored
    path = blobs.store().root / name[:2] / name  # type: ignore[attr-defined]
    os.utime(path, (0, 0))
    BlobObject.objects.create(name="cd" * 20, size=1, sha256=b"", references=0, created_at=0)
    Mailbox.objects.create(mailspace_id=99_999, name="x", uidvalidity=1)
    found = list(hostwide.problems())
    blobs.store().delete(name)
    assert len(found) == 3
    assert "1 rows of mailbox belong to mailspace 99999" in found[0]
    assert "named by no blob" in found[1]
    assert name in found[2]


def _doctor(*args: str) -> tuple[str, bool]:
    out = io.StringIO()
    try:
        call_command("doctor", *args, stdout=out, stderr=out)
    except CommandError as error:
        return out.getvalue() + str(error), False
    return out.getvalue(), True


def test_the_command_names_whose_mail_is_wrong_and_repairs_it(space: Space) -> None:
    other = Space(mailstore.create_mailspace())
    people = FakeDirectory({"ann@example.test": space.id, "ben@example.test": other.id})
    space.deliver()
    _index()
    with directory.use(people):
        assert _doctor("--store") == ("Everything checked is as it should be.\n", True)
        Mailbox.objects.filter(mailspace_id=space.id, role="inbox").update(unseen=9)
        said, well = _doctor("--store")
        assert not well
        assert f"mailspace {space.id}" in said
        assert "INBOX: kept messages" in said
        assert _doctor("--store", "--account", "ben@example.test")[1]
        assert not _doctor("--store", "--account", "ann@example.test")[1]
        assert "no account" in _doctor("--store", "--account", "eve@example.test")[0]
        said, well = _doctor("--repair", "--account", "ann@example.test")
        assert well, said
        assert "repaired" in said
        assert _doctor("--store")[1]
        Message.objects.update(parsed_by=0)
        assert "--reparse" in _doctor()[0]
        assert "1 messages were parsed anew" in _doctor("--reparse")[0]
        Blob.objects.all().delete()
        assert not _doctor("--repair")[1]
