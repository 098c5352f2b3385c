"""A mailbox is put back to how it was, whoever changed what since; and that, too, can be undone.

REWINDS asks for more histories.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from mta.mailstore import service as mailstore
from mta.mailstore import working
from mta.mailstore.doctor import differences
from mta.mailstore.errors import CannotChange, NothingToUndo, StoreError
from mta.mailstore.models import Placement
from mta.mailstore.service import Door, Found, InBox, prepare
from mta.message import criteria as c
from mta.values import ALL, ARCHIVE, DELETED, INBOX, SEEN, Cause, now_us
from tests.mail import mail
from tests.mta.mailstore.conftest import WEB, Space

IMAP, SMTP = Cause("imap", "Thunderbird on 10.0.0.7", "ann@example.test"), Cause("smtp", "mx [192.0.2.1]")
HOUR = 3600 * 1_000_000
NAMES = ("Work", "Work/Plans", "Old", "New")
Picture = tuple[set[tuple[Any, ...]], set[tuple[Any, ...]]]


def picture(space: Space) -> Picture:
    """(every placement with its flags, keywords and sleep; every mailbox with its colour)."""
    boxes = {box.id: box for box in mailstore.mailboxes(space.id)}
    live = Placement.objects.filter(mailspace_id=space.id, expunged_modseq__isnull=True)
    columns = ("message_id", "mailbox_id", "flags", "deleted", "keywords", "wake_at", "woken_at")
    placed = {(row[0], boxes[row[1]].name, *row[2:]) for row in live.values_list(*columns)}
    return placed, {(box.name, box.colour) for box in boxes.values()}


def rewind(space: Space, at: int) -> mailstore.BulkInfo:
    job = mailstore.start_rewind(space.id, at, cause=WEB)
    assert not mailstore.work_bulks(seconds=60)
    return mailstore.bulk(space.id, job.id)


def undo(space: Space, action: str) -> mailstore.BulkInfo:
    job = mailstore.start_undo(space.id, action, cause=WEB)
    assert not mailstore.work_bulks(seconds=60)
    return mailstore.bulk(space.id, job.id)


def deliver(space: Space, *, when_muted: Any = None, **parts: str) -> int:
    """As it comes from outside, without a row in the journal."""
    prepared = prepare(mail(**parts))

    def work(door: Door) -> int:
        return door.store(space.id, prepared, INBOX, cause=SMTP, when_muted=when_muted).message

    return mailstore.commit({space.id}, work)


class Life:
    """Things that people, programs and time do, chosen at random."""

    def __init__(self, space: Space, seed: int) -> None:
        self.space, self.dice = space, random.Random(seed)
        self.number = 0

    def one(self) -> None:
        deeds: list[Callable[[], Any]] = [
            *(self._arrive, self._verb, self._verb, self._verb, self._program, self._program, self._program),
            *(self._folder, self._undo, self._sleep, self._job, self._wake),
        ]
        with suppress(StoreError):
            self.dice.choice(deeds)()

    def _box(self) -> int:
        return self.dice.choice(mailstore.mailboxes(self.space.id)).id

    def _threads(self) -> list[int]:
        box = self.dice.choice([ALL, self._box(), self._box(), self.space.box("inbox").id])
        lines = mailstore.threads(self.space.id, box).rows
        return [line.thread for line in self.dice.sample(lines, min(len(lines), self.dice.randint(1, 3)))]

    def _arrive(self) -> None:
        self.number += 1
        parts = {"message_id": f"m{self.number}@outside.test", "subject": f"Offer {self.number % 4}"}
        if self.number > 3 and self.dice.random() < 0.5:
            parent = self.dice.randint(1, self.number - 1)
            parts |= {"references": f"m{parent}@outside.test", "subject": f"Re: Offer {parent % 4}"}
        if self.dice.random() < 0.3:
            name = self.dice.choice(["INBOX", "Sent", "Archive", "Trash"])
            box = mailstore.mailbox(self.space.id, name).id
            mailstore.append(self.space.id, box, mail(**parts), flags=self.dice.choice([0, SEEN]), cause=IMAP)
        else:
            deliver(self.space, when_muted=(ARCHIVE, {}), **parts)

    def _verb(self) -> None:
        threads, on = self._threads(), self.dice.random() < 0.5
        verb = self.dice.choice(
            [
                *("archive", "delete", "junk", "unjunk", "label", "unlabel", "move", "mark", "star", "mute"),
                *("important", "forever", "empty", "labels"),
            ]
        )
        space = self.space.id
        match verb:
            case "label" | "unlabel":
                getattr(mailstore, verb)(space, threads, self._box(), cause=WEB)
            case "labels":
                mailstore.apply_labels(space, threads, add=[self._box()], remove=[self._box()], cause=WEB)
            case "move":
                mailstore.move_threads(
                    space, threads, self.dice.choice([None, self._box()]), self._box(), cause=WEB
                )
            case "mark":
                mailstore.mark(space, threads, seen=on, cause=WEB)
            case "star" | "mute":
                getattr(mailstore, verb)(space, threads, on=on, cause=WEB)
            case "important":
                mailstore.mark_important(space, threads, on=on, cause=WEB)
            case "forever":
                mailstore.delete_forever(space, threads, cause=WEB)
            case "empty":
                mailstore.empty(space, self.space.box(self.dice.choice(["trash", "junk"])).id, cause=WEB)
            case _:
                getattr(mailstore, verb)(space, threads, cause=WEB)

    def _sleep(self) -> None:
        until = now_us() + self.dice.randint(1, 3) * HOUR
        mailstore.snooze(self.space.id, self._threads(), until=until, cause=WEB)

    def _wake(self) -> None:
        if self.dice.random() < 0.3:
            mailstore.wake_due(now=now_us() + 2 * HOUR)
        else:
            mailstore.unsnooze(self.space.id, self._threads(), cause=WEB)

    def _program(self) -> None:
        box = self._box()
        there = [row.uid for row in mailstore.changes(self.space.id, box).rows]
        uids = self.dice.sample(there, min(len(there), 2))
        match self.dice.choice(["flags", "flags", "move", "copy", "expunge"]):
            case "flags":
                mailstore.store_flags(
                    self.space.id,
                    box,
                    uids,
                    self.dice.choice(["add", "remove", "replace"]),
                    self.dice.choice([1, 4, DELETED, 1 | DELETED]),
                    self.dice.choice([(), ("$Todo",), ("$Muted",)]),
                    cause=IMAP,
                )
            case "move":
                mailstore.move(self.space.id, box, uids, self._box(), cause=IMAP)
            case "copy":
                target = self._box()
                lying = {row.message for row in mailstore.changes(self.space.id, target).rows}
                messages = mailstore.message_ids_at(self.space.id, box, uids)
                if not lying.intersection(messages):  # else there would be new messages, which stay
                    mailstore.copy(self.space.id, box, uids, target, cause=IMAP)
            case "expunge":
                mailstore.store_flags(self.space.id, box, uids, "add", DELETED, (), cause=IMAP)
                mailstore.expunge(self.space.id, box, cause=IMAP)

    def _folder(self) -> None:
        space, name = self.space.id, self.dice.choice(NAMES)
        match self.dice.choice(["create", "rename", "delete", "colour"]):
            case "create":
                mailstore.create_mailbox(space, name, cause=IMAP)
            case "rename":
                mailstore.rename_mailbox(space, name, self.dice.choice(NAMES), cause=IMAP)
            case "delete":
                mailstore.delete_mailbox(space, name, cause=IMAP)
            case "colour":
                mailstore.set_colour(
                    space, mailstore.mailbox(space, name).id, self.dice.randint(1, 9), cause=WEB
                )

    def _undo(self) -> None:
        lines = mailstore.history(self.space.id, limit=10)
        if lines:
            mailstore.undo(self.space.id, self.dice.choice(lines).action, cause=WEB)

    def _job(self) -> None:
        verb = self.dice.choice(["archive", "read", "star", "delete"])
        unread = Found(c.Not(c.Flag("seen")))
        scope = InBox(self._box()) if self.dice.random() < 0.5 else unread
        mailstore.start_bulk(self.space.id, verb, scope, cause=WEB)
        mailstore.work_bulks()


@pytest.mark.parametrize("seed", range(int(os.environ.get("REWINDS", "12"))))
def test_whatever_was_done_since_the_mailbox_is_as_it_was_and_undo_gives_the_present_back(
    space: Space, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "FIRST", 4)
    monkeypatch.setattr(working, "MOST", 4)
    monkeypatch.setattr(working, "AIM", 60.0)
    life = Life(space, seed)
    for _ in range(4):
        life._arrive()
    for _ in range(life.dice.randint(5, 20)):
        life.one()
    wanted = picture(space)
    known = set(Placement.objects.filter(mailspace_id=space.id).values_list("message_id", flat=True))
    at = now_us()
    for _ in range(life.dice.randint(5, 25)):
        life.one()
    present = picture(space)
    try:
        job = rewind(space, at)
    except NothingToUndo:
        assert {row for row in present[0] if row[0] in known} == wanted[0] and present[1] == wanted[1]
        return
    assert job.state == "done", job.note
    placed, boxes = picture(space)
    assert {row for row in placed if row[0] in known} == wanted[0]
    new_there = {row[0] for row in present[0]} - known
    assert new_there <= {row[0] for row in placed}, "new mail stays"
    assert boxes >= wanted[1]
    new_homes = {row[1] for row in placed if row[0] not in known}
    extra = {name for name, _ in boxes - wanted[1]}
    assert all(any(home == name or home.startswith(f"{name}/") for home in new_homes) for name in extra)
    assert differences(space.id) == []
    if job.messages or extra or boxes != present[1]:
        undone = undo(space, job.action)
        assert undone.skipped == 0
    assert picture(space) == present
    assert differences(space.id) == []


def test_a_job_whose_process_was_killed_rewinds_to_the_same_moment(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = [space.deliver(subject=f"Offer {n}") for n in range(7)]
    monkeypatch.setattr(working, "FIRST", 2)
    monkeypatch.setattr(working, "MOST", 2)
    monkeypatch.setattr(working, "AIM", 60.0)
    before, at = picture(space), now_us()
    mailstore.delete_messages(space.id, messages, cause=IMAP)
    mailstore.empty(space.id, space.box("trash").id, cause=IMAP)
    job = mailstore.start_rewind(space.id, at, cause=WEB)
    claimed = working.claim(now_us())
    assert claimed is not None
    working._gather(claimed)
    with pytest.raises(ZeroDivisionError), monkeypatch.context() as patch:
        patch.setattr(working.time, "sleep", lambda seconds: 1 / 0)
        working._run(claimed, 1e18)
    assert mailstore.bulk(space.id, job.id).done == 2
    mailstore.star_messages(space.id, messages[:1], on=True, cause=WEB)  # a person goes on meanwhile
    later = now_us() + working.LEASE + 1
    working.work(now=lambda: later)
    done = mailstore.bulk(space.id, job.id)
    assert (done.state, done.done, done.total) == ("done", 7, 7)
    mailstore.star_messages(space.id, messages[:1], on=False, cause=WEB)
    assert picture(space) == before and differences(space.id) == []


def test_names_that_went_round_in_a_circle_come_back(space: Space) -> None:
    for name in ("A", "B"):
        mailstore.append(
            space.id,
            mailstore.create_mailbox(space.id, name, cause=WEB).id,
            mail(subject=f"In {name}"),
            cause=WEB,
        )
    before, at = picture(space), now_us()
    for old, new in (("A", "C"), ("B", "A"), ("C", "B")):
        mailstore.rename_mailbox(space.id, old, new, cause=IMAP)
    present = picture(space)
    job = rewind(space, at)
    assert picture(space) == before
    undo(space, job.action)
    assert picture(space) == present and differences(space.id) == []


def test_a_new_label_that_took_the_name_of_a_removed_one_makes_room(space: Space) -> None:
    old = mailstore.create_mailbox(space.id, "Work", cause=WEB).id
    message = mailstore.append(space.id, old, mail(), cause=WEB).message
    at = now_us()
    mailstore.delete_mailbox(space.id, "Work", cause=IMAP)
    new = mailstore.create_mailbox(space.id, "Work", cause=WEB).id
    late = mailstore.append(space.id, new, mail(subject="Late"), cause=IMAP).message
    rewind(space, at)
    assert space.where(message) == {"Work"} and space.where(late) == {"Work 2"}
    assert space.box("Work").id == old and differences(space.id) == []


def test_mail_that_a_program_put_there_since_returns_to_where_it_was_put(space: Space) -> None:
    space.deliver()
    at = now_us()
    put = mailstore.append(space.id, space.box("inbox").id, mail(subject="Put"), cause=IMAP)
    deleted = mailstore.delete(space.id, [put.thread], cause=IMAP)
    mailstore.undo(space.id, deleted.action, cause=WEB)
    mailstore.delete(space.id, [put.thread], cause=IMAP)
    mailstore.empty(space.id, space.box("trash").id, cause=IMAP)
    form = mailstore.append(space.id, space.box("drafts").id, mail(subject="First form"), cause=IMAP)
    mailstore.store_flags(space.id, form.mailbox, [form.uid], "add", DELETED, (), cause=IMAP)
    mailstore.expunge(space.id, form.mailbox, cause=IMAP)
    present = picture(space)
    job = rewind(space, at)
    assert space.where(put.message) == {"INBOX"}
    assert space.where(form.message) == set(), "what a program replaced while somebody wrote is over"
    undo(space, job.action)
    assert picture(space) == present and differences(space.id) == []


def test_a_preview_names_what_is_in_force_and_its_cause(space: Space) -> None:
    messages = [space.deliver(subject=f"Offer {n}") for n in range(3)]
    at = now_us()
    uids = [row.uid for row in mailstore.changes(space.id, space.box("inbox").id).rows]
    mailstore.move(space.id, space.box("inbox").id, uids[:2], space.box("trash").id, cause=IMAP)
    starred = mailstore.star_messages(space.id, messages, on=True, cause=WEB)
    mailstore.undo(space.id, starred.action, cause=WEB)
    (line,) = mailstore.rewind_preview(space.id, at)
    assert (line.verb, line.cause, line.session, line.count) == ("move", "imap", "Thunderbird on 10.0.0.7", 2)
    assert (line.mailbox, line.target, line.conversations) == ("INBOX", "Trash", 2)
    assert set(line.subjects) == {"Offer 0", "Offer 1"}
    assert mailstore.rewind_preview(space.id, now_us()) == ()


def test_what_was_taken_back_says_so_until_the_rewind_is_undone(space: Space) -> None:
    message = space.deliver()
    at = now_us()
    deleted = mailstore.delete_messages(space.id, [message], cause=WEB)
    job = rewind(space, at)

    def line(action: str) -> mailstore.HistoryLine:
        return next(line for line in mailstore.history(space.id) if line.action == action)

    assert line(deleted.action).undone and not line(deleted.action).undoable
    assert line(job.action).verb == "rewind" and line(job.action).undoable
    undo(space, job.action)
    assert not line(deleted.action).undone and line(job.action).undone
    assert space.where(message) == {"Trash"}


def test_a_rewind_needs_something_to_take_back_and_a_moment_that_is_remembered(space: Space) -> None:
    space.deliver()
    with pytest.raises(NothingToUndo):
        mailstore.start_rewind(space.id, now_us(), cause=WEB)
    with pytest.raises(CannotChange):
        mailstore.start_rewind(space.id, now_us() - 400 * 24 * HOUR, cause=WEB)


# --- what was undone


def test_an_action_that_is_partly_undone_says_so(space: Space) -> None:
    messages = [space.deliver(subject=f"Offer {n}") for n in range(150)]
    threads = [mailstore.message(space.id, message).thread for message in messages]
    done = mailstore.archive(space.id, threads, cause=WEB)  # two pieces

    def line() -> mailstore.HistoryLine:
        return next(line for line in mailstore.history(space.id) if line.action == done.action)

    assert (line().count, line().conversations, line().partly, line().undoable) == (150, 150, False, True)
    job = mailstore.start_undo(space.id, done.action, cause=WEB)
    claimed = working.claim(now_us())
    assert claimed is not None
    with pytest.MonkeyPatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(working, "FIRST", 1)
        patch.setattr(working.time, "sleep", lambda seconds: 1 / 0)
        working._run(claimed, 1e18)
    mailstore.stop_bulk(space.id, job.id)
    assert (line().undone, line().partly, line().undoable) == (False, True, True)
    undo(space, done.action)
    assert (line().undone, line().partly, line().undoable) == (True, False, False)
    assert len(mailstore.threads(space.id, space.box("inbox").id, limit=200).rows) == 150


def test_undo_of_an_undo_puts_the_action_in_force_again(space: Space) -> None:
    message = space.deliver()
    first = mailstore.delete_messages(space.id, [message], cause=WEB).action
    actions = [first]
    for verb, undone in [("undo delete", True), ("redo delete", False), ("undo delete", True)]:
        actions.append(mailstore.undo(space.id, actions[-1], cause=WEB).action)
        lines = {line.action: line for line in mailstore.history(space.id)}
        assert lines[actions[-1]].verb == verb and lines[first].undone is undone
        assert not lines[actions[-1]].undone and lines[first].undoable is not undone


def test_history_has_pages_kinds_of_causes_and_few_queries(
    space: Space, django_assert_num_queries: Any
) -> None:
    messages = [space.deliver(subject=f"Offer {n}") for n in range(4)]
    for message in messages:
        mailstore.star_messages(space.id, [message], on=True, cause=IMAP if message % 2 else WEB)
    with django_assert_num_queries(3):
        page = mailstore.history(space.id, limit=2)
    assert [line.subjects for line in page] == [("Offer 3",), ("Offer 2",)]
    more = mailstore.history(space.id, limit=2, before=page[-1].at)
    assert [line.subjects for line in more] == [("Offer 1",), ("Offer 0",)]
    assert {line.cause for line in mailstore.history(space.id, cause="imap")} == {"imap"}


def test_names_and_colours_of_labels_and_answers_can_be_undone(space: Space) -> None:
    label = mailstore.create_mailbox(space.id, "Work", cause=WEB).id
    message = space.deliver()
    before = picture(space)
    coloured = mailstore.set_colour(space.id, label, 5, cause=WEB)
    renamed = mailstore.rename_mailbox(space.id, "Work", "Play", cause=WEB)
    mailstore.set_answered(space.id, message, cause=WEB)
    mailstore.set_answered(space.id, message, cause=WEB, forwarded=True)
    verbs = {line.verb: line.action for line in mailstore.history(space.id, limit=4)}
    for action in (verbs["forward"], verbs["answer"], renamed, coloured):
        mailstore.undo(space.id, action, cause=WEB)
    assert picture(space) == before
    removed = mailstore.delete_mailbox(space.id, "Work", cause=WEB)
    mailstore.undo(space.id, removed, cause=WEB)
    assert picture(space) == before and differences(space.id) == []
