"""A whole mailbox moves in over IMAP from a real server: our own sidecar as the old host."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.mailstore.service import Incoming
from mta.values import ANSWERED, FLAGGED, SEEN, SENT, Cause
from tests.mail import mail
from tests.sidecar import PASSWORD, FakeDirectory, RunningSidecar
from tests.webmail.mail_world import Reader
from tests.webmail.moving.conftest import OLD
from webmail.moving import mover as moving
from webmail.moving import turns
from webmail.moving.imap import Imap
from webmail.moving.models import Source
from webmail.moving.wire import PLAIN, STARTTLS, TLS

CAUSE = Cause("import", "test")
DAY = 86_400_000_000
NOW = 1_700_000_000_000_000


def source(
    who: Reader, host: RunningSidecar, *, listen: str = "IMAPS", tls: str = TLS, **more: Any
) -> Source:
    """What the page makes."""
    protocol = Source.POP3 if listen.startswith("POP3") else Source.IMAP
    made = Source(
        account=who.account,
        mailspace=who.space,
        address=OLD,
        username=OLD,
        protocol=protocol,
        host="localhost",
        port=host.address(f"{listen}_LISTEN")[1],
        tls=tls,
        action=mailstore.new_action(),
        next_at=timezone.now(),
        **more,
    )
    made.set_password(PASSWORD)
    made.save()
    return made


def work(made: Source) -> Source:
    """One turn, as a worker takes it; the row afterwards."""
    turns.work(moving.work, most=1)
    made.refresh_from_db()
    return made


def fill(old: FakeDirectory, folder: str, count: int, *, first: int = 0, flags: int = 0) -> None:
    space = old.people[OLD]
    names = {each.name: each.id for each in mailstore.mailboxes(space)}
    box = names.get(folder) or mailstore.create_mailbox(space, folder, cause=CAUSE).id
    mailstore.append_many(
        space,
        box,
        [
            Incoming(
                mail(subject=f"{folder} {number}", body=f"Text {number} of {folder}"),
                flags=flags,
                internal_date=NOW + number * DAY,
            )
            for number in range(first, first + count)
        ],
        cause=CAUSE,
    )


def held(space: int, folder: str) -> list[tuple[bytes, int, int]]:
    """(bytes, flags, date) of a mailbox's messages, by date."""
    box = mailstore.mailbox(space, folder)
    found = [(each.raw, each.flags, each.internal_date or 0) for each in mailstore.letters(space, box)]
    return sorted(found, key=lambda each: (each[2], each[0]))


@pytest.mark.parametrize(("listen", "tls"), [("IMAPS", TLS), ("IMAP", STARTTLS), ("IMAP", PLAIN)])
def test_folders_flags_and_dates_come_along(
    mover: Reader, old: FakeDirectory, old_host: RunningSidecar, listen: str, tls: str
) -> None:
    fill(old, "INBOX", 5, flags=SEEN)
    fill(old, "INBOX", 2, first=5)
    fill(old, "Sent", 3, flags=SEEN | ANSWERED)
    fill(old, "Work/Größe & mehr", 2, flags=FLAGGED)
    made = work(source(mover, old_host, listen=listen, tls=tls))
    assert (made.state, made.problem) == (Source.DONE, "")
    theirs = old.people[OLD]
    for folder in ("INBOX", "Sent", "Work/Größe & mehr"):
        assert held(mover.space, folder) == held(theirs, folder), folder
    assert (made.messages, made.done, made.total) == (12, 12, 12)
    assert mailstore.mailbox_by_role(mover.space, SENT).messages == 3
    assert differences(mover.space) == []


def test_the_newest_mail_is_here_first_and_a_killed_move_goes_on(
    mover: Reader, old: FakeDirectory, old_host: RunningSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker dies in the middle, twice; nothing comes twice and nothing is missing."""
    monkeypatch.setattr(moving, "ASKED", 4)
    monkeypatch.setattr(moving, "PIECE", 2)
    fill(old, "INBOX", 20)
    fill(old, "Lists", 10, first=5)
    made = source(mover, old_host)
    put, pieces = moving.Mover.put, []

    def dying(self: moving.Mover, letters: Any) -> Any:
        pieces.append(letters)
        stored = put(self, letters)
        if len(pieces) in (3, 6):  # stored, and not yet noted
            raise KeyboardInterrupt
        return stored

    monkeypatch.setattr(moving.Mover, "put", dying)
    for _life in range(2):
        with pytest.raises(KeyboardInterrupt):
            work(made)
        Source.objects.update(lease_until=timezone.now())  # it ran out
    subjects = [each.raw.split(b"Subject: ")[1].split(b"\r\n")[0] for piece in pieces[:3] for each in piece]
    assert subjects[:4] == [b"INBOX 19", b"INBOX 18", b"INBOX 17", b"INBOX 16"]
    assert b"Lists 14" in subjects, "every folder shows its newest before the first is through"
    made = work(made)
    assert made.state == Source.DONE
    for folder in ("INBOX", "Lists"):
        assert held(mover.space, folder) == held(old.people[OLD], folder)
    assert made.done == made.total == 30
    assert differences(mover.space) == []


def test_a_slice_ends_and_the_next_goes_on(
    mover: Reader, old: FakeDirectory, old_host: RunningSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "ASKED", 3)
    monkeypatch.setattr(turns, "SLICE", 0.0)
    monkeypatch.setattr(
        turns.Turn, "is_over", property(lambda turn: turn.source.done >= turn.source.turn * 3)
    )
    fill(old, "INBOX", 9)
    made = source(mover, old_host)
    for done in (3, 6, 9):
        made = work(made)
        assert (made.state, made.done) == (Source.MOVING, done)
        assert made.lease_until is None
    assert work(made).state == Source.DONE
    assert held(mover.space, "INBOX") == held(old.people[OLD], "INBOX")


def test_a_folder_made_anew_over_there_brings_nothing_twice(
    mover: Reader, old: FakeDirectory, old_host: RunningSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(old, "INBOX", 6)
    made = work(source(mover, old_host))
    made.folders.filter(name="INBOX").update(uidvalidity=1, finished=False, lowest=4)
    Source.objects.update(state=Source.MOVING, next_at=timezone.now())
    made = work(made)
    assert (made.state, made.messages, made.there) == (Source.DONE, 6, 6)
    assert held(mover.space, "INBOX") == held(old.people[OLD], "INBOX")


def test_a_message_that_is_too_large_is_left_out_and_said(
    mover: Reader, old: FakeDirectory, old_host: RunningSidecar, settings: Any
) -> None:
    fill(old, "INBOX", 2)
    space = old.people[OLD]
    mailstore.append(
        space, mailstore.mailbox(space, "INBOX").id, mail(subject="Huge", body="x" * 70_000), cause=CAUSE
    )
    settings.MAX_MESSAGE_SIZE = 60_000
    made = work(source(mover, old_host))
    assert (made.state, made.messages, made.left_out) == (Source.DONE, 2, 1)
    assert "1 could not be fetched." in mover.page("/mail/settings/moving/")


def test_a_full_mailbox_ends_the_move_with_a_sentence_and_it_goes_on_later(
    mover: Reader, old: FakeDirectory, old_host: RunningSidecar
) -> None:
    fill(old, "INBOX", 4)
    mailstore.set_quota(mover.space, 100)
    made = work(source(mover, old_host))
    assert (made.state, made.next_at) == (Source.REFUSED, None)
    assert "Make room" in made.problem
    mailstore.set_quota(mover.space, 0)
    assert mover.client.post(f"/mail/settings/moving/{made.pk}/", {"do": "go"}).status_code == 302
    assert work(made).state == Source.DONE
    assert len(held(mover.space, "INBOX")) == 4


def test_the_whole_move_is_one_line_and_is_taken_back(
    mover: Reader, old: FakeDirectory, old_host: RunningSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "PIECE", 2)
    fill(old, "INBOX", 5)
    fill(old, "Work", 3)
    made = work(source(mover, old_host))
    (line,) = mailstore.history(mover.space)
    assert (line.verb, line.count) == ("import", 8)
    page = mover.page("/mail/changes/")
    assert "brought in 8 messages" in page
    assert f"move from {OLD}" in page
    assert mover.client.post(f"/mail/settings/moving/{made.pk}/", {"do": "undo"}).status_code == 302
    while mailstore.work_bulks():
        pass
    assert held(mover.space, "INBOX") == []
    assert "Work" not in {each.name for each in mailstore.mailboxes(mover.space)}
    # And once more from the beginning.
    mover.client.post(f"/mail/settings/moving/{made.pk}/", {"do": "go"})
    assert work(made).messages == 8


def test_labels_beyond_a_bound_are_not_made_and_their_mail_is_kept(
    mover: Reader, old: FakeDirectory, old_host: RunningSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "MOST_LABELS", 2)
    for name in ("A", "B", "C", "D"):
        fill(old, name, 1)
    made = work(source(mover, old_host))
    labels = {each.name for each in mailstore.mailboxes(mover.space) if not each.role}
    assert labels == {"A", "B"}
    assert len(held(mover.space, "Archive")) == 2
    assert made.unmade == 2
    assert "their mail is in Archive" in mover.page("/mail/settings/moving/")


def test_a_mailbox_forgotten_in_the_middle_of_a_piece_ends_quietly(
    mover: Reader,
    old: FakeDirectory,
    old_host: RunningSidecar,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fill(old, "INBOX", 3)
    made = source(mover, old_host)
    put = moving.Mover.put

    def forgotten(self: moving.Mover, letters: Any) -> Any:
        stored = put(self, letters)
        mover.client.post(f"/mail/settings/moving/{made.pk}/", {"do": "remove"})
        return stored

    monkeypatch.setattr(moving.Mover, "put", forgotten)
    turns.work(moving.work, most=1)
    assert not Source.objects.exists()
    assert len(held(mover.space, "INBOX")) == 3
    assert "broke" not in caplog.text


def test_stop_is_heard_between_two_pieces_and_go_on_goes_on(
    mover: Reader, old: FakeDirectory, old_host: RunningSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "PIECE", 2)
    fill(old, "INBOX", 8)
    made = source(mover, old_host)
    put = moving.Mover.put

    def stopping(self: moving.Mover, letters: Any) -> Any:
        stored = put(self, letters)
        mover.client.post(f"/mail/settings/moving/{made.pk}/", {"do": "stop"})
        return stored

    monkeypatch.setattr(moving.Mover, "put", stopping)
    assert work(made).state == Source.STOPPED
    assert len(held(mover.space, "INBOX")) == 2
    assert work(made).state == Source.STOPPED
    monkeypatch.setattr(moving.Mover, "put", put)
    mover.client.post(f"/mail/settings/moving/{made.pk}/", {"do": "go"})
    assert work(made).state == Source.DONE
    assert held(mover.space, "INBOX") == held(old.people[OLD], "INBOX")


@pytest.mark.parametrize("breaks", [True, False], ids=["the connection breaks", "the host says no"])
def test_only_a_folder_that_the_host_itself_denies_is_left_out(
    mover: Reader,
    old: FakeDirectory,
    old_host: RunningSidecar,
    monkeypatch: pytest.MonkeyPatch,
    breaks: bool,
) -> None:
    fill(old, "INBOX", 2)
    fill(old, "Work", 3)
    opened = Imap.open

    def troubled(self: Imap, folder: bytes) -> Any:
        if folder != b"Work":
            return opened(self, folder)
        if breaks:
            monkeypatch.setattr(Imap, "open", opened)  # once
            self._channel.close()
            return opened(self, folder)
        return opened(self, b"no such folder")

    monkeypatch.setattr(Imap, "open", troubled)
    made = work(source(mover, old_host))
    if breaks:
        assert (made.state, made.left_out) == (Source.MOVING, 0)
        Source.objects.update(next_at=timezone.now())
        made = work(made)
        assert held(mover.space, "Work") == held(old.people[OLD], "Work")
    assert (made.state, made.left_out) == (Source.DONE, 0 if breaks else 1)
    assert len(held(mover.space, "INBOX")) == 2
