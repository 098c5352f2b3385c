"""Commands over whole selections, in the background: exact, resumable, stoppable, undoable."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from mta.mailstore import jobs, upkeep, working
from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.mailstore.errors import CannotChange, NoSuchJob, NothingToUndo
from mta.mailstore.models import Job, JobItems
from mta.mailstore.service import Door, Found, InBox, prepare
from mta.message import criteria as c
from mta.values import ALL, DELETED, INBOX, SEEN, Cause, now_us
from tests.mail import mail
from tests.mta.mailstore.conftest import WEB, Space

HOUR = 3600 * 1_000_000


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "FIRST", 3)
    monkeypatch.setattr(working, "MOST", 3)
    monkeypatch.setattr(working, "AIM", 60.0)  # as large on a busy machine


def fill(space: Space, number: int, flags: int = 0) -> list[int]:
    """So many conversations in the Inbox; returns their messages."""
    return [
        space.deliver(subject=f"Offer {n}", message_id=f"o{n}@outside.test", flags=flags)
        for n in range(number)
    ]


def threads(space: Space, messages: list[int]) -> list[int]:
    return [mailstore.message(space.id, message).thread for message in messages]


def finish(space: Space, job: mailstore.BulkInfo) -> mailstore.BulkInfo:
    """As a worker does."""
    assert not mailstore.work_bulks(seconds=30)
    return mailstore.bulk(space.id, job.id)


class Killed(BaseException):
    """The process ends here."""


def killed_after(pieces: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do so many pieces of what is due, then die without a word: no handler of ours runs."""
    done = 0
    commit = working.commit

    def counting(mailspaces: set[int], work: object) -> object:
        nonlocal done
        if done == pieces:
            raise Killed
        done += 1
        return commit(mailspaces, work)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(working, "commit", counting)
        with pytest.raises(Killed):
            mailstore.work_bulks()


@pytest.mark.usefixtures("small_pieces")
def test_a_whole_inbox_is_archived_and_what_really_changed_is_counted(space: Space) -> None:
    messages = fill(space, 10)
    inbox = space.box("inbox").id
    job = mailstore.start_bulk(space.id, "archive", InBox(inbox), cause=WEB)
    assert (job.total, job.done, job.state, job.running) == (10, 0, "running", True)
    mailstore.archive(space.id, threads(space, messages)[:2], cause=WEB)  # somebody was quicker
    job = finish(space, job)
    assert (job.total, job.seen, job.done, job.messages, job.state) == (10, 10, 8, 8, "done")
    assert space.lines() == [] and len(space.lines("archive")) == 10
    (line,) = [line for line in mailstore.history(space.id) if line.action == job.action]
    assert (line.verb, line.count, line.conversations, line.target) == ("archive", 8, 8, "Archive")
    undone = mailstore.start_undo(space.id, job.action, cause=WEB)
    assert undone.total == 8
    undone = finish(space, undone)
    assert (undone.done, undone.verb, undone.state, undone.skipped) == (8, "undo archive", "done", 0)
    assert len(space.lines()) == 8 and differences(space.id) == []
    (line,) = [line for line in mailstore.history(space.id) if line.action == job.action]
    assert line.undone and not line.undoable


@pytest.mark.usefixtures("small_pieces")
def test_mail_that_arrives_meanwhile_is_left_alone_in_its_conversation_too(space: Space) -> None:
    fill(space, 4)
    inbox = space.box("inbox").id
    job = mailstore.start_bulk(space.id, "archive", InBox(inbox), cause=WEB)
    reply = prepare(mail(subject="Re: Offer 2", references="o2@outside.test"))

    def work(door: Door) -> int:
        return door.store(space.id, reply, INBOX, cause=Cause("smtp")).message

    answer = mailstore.commit({space.id}, work)
    new = space.deliver(subject="Something else")
    assert finish(space, job).done == 4
    assert space.where(answer) == {"INBOX"} and space.where(new) == {"INBOX"}
    assert [line.count for line in space.lines()] == [1, 2]


@pytest.mark.usefixtures("small_pieces")
def test_a_job_whose_process_was_killed_goes_on_where_it_was(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(space, 11)
    inbox = space.box("inbox").id
    job = mailstore.start_bulk(space.id, "read", InBox(inbox), cause=WEB)
    killed_after(2, monkeypatch)
    half = mailstore.bulk(space.id, job.id)
    assert (half.done, half.state, space.box("inbox").unseen) == (6, "running", 5)
    assert not mailstore.work_bulks()  # the lease has not run out
    assert mailstore.bulk(space.id, job.id).done == 6
    later = now_us() + working.LEASE + 1
    assert not working.work(now=lambda: later)
    done = mailstore.bulk(space.id, job.id)
    assert (done.done, done.seen, done.state, space.box("inbox").unseen) == (11, 11, "done", 0)
    assert sum(line.count for line in mailstore.history(space.id) if line.action == job.action) == 11


@pytest.mark.usefixtures("small_pieces")
def test_a_worker_that_slept_too_long_does_nothing_when_another_has_its_job(space: Space) -> None:
    fill(space, 5)
    job = mailstore.start_bulk(space.id, "delete", InBox(space.box("inbox").id), cause=WEB)
    slow = working.claim(now_us())
    assert slow is not None and slow.id == job.id
    quick = working.claim(now_us() + working.LEASE + 1)
    assert quick is not None and quick.id == job.id
    working._slice(slow, 1e18)
    assert mailstore.bulk(space.id, job.id).done == 0
    working._slice(quick, 1e18)
    assert mailstore.bulk(space.id, job.id).done == 5


@pytest.mark.usefixtures("small_pieces")
def test_undo_stops_what_is_still_being_done(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(space, 9)
    job = mailstore.start_bulk(space.id, "delete", InBox(space.box("inbox").id), cause=WEB)
    killed_after(1, monkeypatch)
    undoing = mailstore.start_undo(space.id, job.action, cause=WEB)
    assert mailstore.bulk(space.id, job.id).state == "stopped"
    undoing = finish(space, undoing)
    assert (undoing.done, undoing.state) == (3, "done")
    assert len(space.lines()) == 9 and differences(space.id) == []
    again = mailstore.start_undo(space.id, undoing.action, cause=WEB)  # and what it did, once more
    again = finish(space, again)
    assert (again.verb, again.done) == ("redo delete", 3) and len(space.lines("trash")) == 3


def test_undo_before_anything_was_done_only_stops(space: Space) -> None:
    fill(space, 2)
    job = mailstore.start_bulk(space.id, "delete", InBox(space.box("inbox").id), cause=WEB)
    undoing = mailstore.start_undo(space.id, job.action, cause=WEB)
    assert (undoing.state, undoing.total, undoing.verb) == ("done", 0, "undo delete")
    finish(space, undoing)
    assert len(space.lines()) == 2
    with pytest.raises(NothingToUndo):
        mailstore.start_undo(space.id, "unknown", cause=WEB)


def test_a_job_can_be_stopped_and_is_forgotten_by_others(space: Space) -> None:
    fill(space, 2)
    other = mailstore.create_mailspace()
    job = mailstore.start_bulk(space.id, "star", InBox(ALL), cause=WEB)
    assert [one.id for one in mailstore.bulks(space.id)] == [job.id] and mailstore.bulks(other) == ()
    with pytest.raises(NoSuchJob):
        mailstore.bulk(other, job.id)
    assert mailstore.stop_bulk(space.id, job.id).state == "stopped"
    assert finish(space, job).done == 0
    Job.objects.update(ended_at=now_us() - 25 * HOUR)
    assert mailstore.bulks(space.id) == ()
    assert upkeep.forget_jobs() == 1 and not JobItems.objects.exists()


def test_a_section_of_a_list_can_be_done(space: Space) -> None:
    messages = fill(space, 4)
    mailstore.mark_messages(space.id, messages[:1], seen=True, cause=WEB)
    job = mailstore.start_bulk(space.id, "archive", InBox(space.box("inbox").id, "unread"), cause=WEB)
    assert finish(space, job).done == 3
    assert [line.last_message for line in space.lines()] == messages[:1]


def test_what_a_search_finds_can_be_done_and_no_later_match(space: Space) -> None:
    messages = [space.deliver(subject=f"{word} {n}") for n in range(3) for word in ("Invoice", "Letter")]
    mailstore.delete_messages(space.id, messages[:1], cause=WEB)
    wanted = Found(c.Words("invoice", where="subject"))
    job = mailstore.start_bulk(space.id, "star", wanted, cause=WEB)
    assert (job.total, job.state) == (None, "gathering")
    late = space.deliver(subject="Invoice 9")
    job = finish(space, job)
    assert (job.total, job.done, job.state) == (2, 2, "done")
    flags = {message: mailstore.message(space.id, message).flags & 4 for message in (*messages, late)}
    assert [message for message, star in flags.items() if star] == [messages[2], messages[4]]
    everywhere = mailstore.start_bulk(
        space.id, "unread", Found(c.Words("invoice", where="subject"), everywhere=True), cause=WEB
    )
    assert finish(space, everywhere).total == 4


@pytest.mark.parametrize(
    ("verb", "params", "place"),
    [
        ("delete", {}, "Trash"),
        ("junk", {}, "Junk"),
        ("label", {"mailbox": "Work"}, "Work"),
        ("label", {"add": ["Work"], "remove": ["inbox"]}, "Work"),
        ("move", {"target": "Work"}, "Work"),
        ("snooze", {"until": 1 << 60}, "Snoozed"),
        ("mute", {}, "Archive"),
        ("important", {}, "INBOX"),
        ("unstar", {}, "INBOX"),
    ],
)
def test_each_verb_has_its_meaning(space: Space, verb: str, params: dict[str, object], place: str) -> None:
    mailstore.create_mailbox(space.id, "Work", cause=WEB)
    messages = fill(space, 2)
    before = space.lines()
    named = {
        name: [space.box(one).id for one in value]
        if isinstance(value, list)
        else space.box(value).id
        if isinstance(value, str)
        else value
        for name, value in params.items()
    }
    job = mailstore.start_bulk(space.id, verb, InBox(space.box("inbox").id), params=named, cause=WEB)
    job = finish(space, job)
    assert job.state == "done" and all(place in space.where(message) for message in messages)
    if job.done:
        finish(space, mailstore.start_undo(space.id, job.action, cause=WEB))
    assert space.lines() == before and differences(space.id) == []


@pytest.mark.usefixtures("small_pieces")
def test_trash_of_any_size_is_emptied_hidden_mail_included_and_new_mail_not(space: Space) -> None:
    messages = fill(space, 7)
    trash = space.box("trash").id
    mailstore.delete_messages(space.id, messages, cause=WEB)
    mailstore.store_flags(space.id, trash, [1], "add", DELETED, (), cause=WEB)
    job = mailstore.start_bulk(space.id, "empty", InBox(trash), cause=WEB)
    late = space.deliver("trash", subject="Late")
    job = finish(space, job)
    assert (job.total, job.messages) == (7, 7)
    assert [row.message for row in mailstore.changes(space.id, trash).rows] == [late]
    finish(space, mailstore.start_undo(space.id, job.action, cause=WEB))
    assert space.box("trash").messages == 8 and differences(space.id) == []


def test_what_cannot_be_done_is_said_at_once(space: Space) -> None:
    inbox = InBox(space.box("inbox").id)
    for verb, params in [
        ("fly", {}),
        ("label", {"mailbox": space.box("trash").id}),
        ("move", {"target": space.box("drafts").id}),
        ("move", {}),
        ("label", {"mailbox": 1 << 40}),
        ("empty", {}),
    ]:
        with pytest.raises(CannotChange):
            mailstore.start_bulk(space.id, verb, inbox, params=params, cause=WEB)
    assert not Job.objects.exists()


@pytest.mark.usefixtures("small_pieces")
def test_a_job_that_can_no_longer_be_done_says_why(space: Space) -> None:
    fill(space, 4)
    work = mailstore.create_mailbox(space.id, "Work", cause=WEB).id
    inbox = InBox(space.box("inbox").id)
    job = mailstore.start_bulk(space.id, "label", inbox, params={"mailbox": work}, cause=WEB)
    mailstore.delete_mailbox(space.id, "Work", cause=WEB)
    job = finish(space, job)
    assert (job.state, job.note, job.done) == ("failed", "That mailbox is no longer here.", 0)


def test_a_job_that_fails_again_and_again_ends(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(space, 1)
    job = mailstore.start_bulk(space.id, "read", InBox(space.box("inbox").id), cause=WEB)

    def broken(*_args: object, **_more: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(working, "_act", broken)
    later = now_us() + HOUR
    assert not working.work(now=lambda: later)
    assert mailstore.bulk(space.id, job.id).state == "failed"


def test_two_jobs_share_a_worker_by_turns(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "SLICE", 0.0)
    monkeypatch.setattr(working, "FIRST", 1)
    monkeypatch.setattr(working, "MOST", 1)
    fill(space, 3, flags=SEEN)
    inbox = InBox(space.box("inbox").id)
    first = mailstore.start_bulk(space.id, "star", inbox, cause=WEB)
    second = mailstore.start_bulk(space.id, "important", inbox, cause=WEB)
    order = []
    slice_ = working._slice

    def noting(job: Job, until: float) -> None:
        order.append(job.id)
        slice_(job, until)

    monkeypatch.setattr(working, "_slice", noting)
    assert not mailstore.work_bulks()
    assert order[:4] == [first.id, second.id, first.id, second.id]
    assert jobs.bulk(space.id, first.id).done == jobs.bulk(space.id, second.id).done == 3


def test_progress_rings_the_bell(space: Space) -> None:
    fill(space, 2, flags=SEEN)
    job = mailstore.start_bulk(space.id, "read", InBox(space.box("inbox").id), cause=WEB)
    before = mailstore.clocks([space.id])
    assert finish(space, job).done == 0  # all were read already
    assert mailstore.clocks([space.id])[space.id] > before[space.id]


# --- processes that really die

CHILD = """
import sys, time
import django
from django.conf import settings
from django.db import connection
django.setup()
settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = sys.argv[1]
from mta.mailstore import working
working.FIRST = working.MOST = 2
working.AIM = 60.0  # pieces stay as large on a busy machine
sleep = working.time.sleep
def told(seconds):
    print("piece", flush=True)
    sleep(0.02)
working.time.sleep = told
working.work(seconds=60)
"""


def test_a_worker_killed_in_the_middle_leaves_nothing_half_done(transactional_db: None) -> None:
    space = Space(mailstore.create_mailspace())
    fill(space, 30)
    job = mailstore.start_bulk(space.id, "archive", InBox(space.box("inbox").id), cause=WEB)
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "PYTEST_XDIST_WORKER": Path(settings.DATA_DIR).name,
        "TEST_FOLDER": str(Path(settings.DATA_DIR).parent),
    }
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(connection.settings_dict["NAME"])],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    for _ in range(4):
        assert child.stdout.readline() == "piece\n"
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=20)
    half = mailstore.bulk(space.id, job.id)
    assert half.running and 8 <= half.done < 30 and half.done == half.seen == half.messages
    assert space.box("archive").messages == half.done and differences(space.id) == []
    later = now_us() + working.LEASE + 1
    assert not working.work(now=lambda: later)
    done = mailstore.bulk(space.id, job.id)
    assert (done.state, done.done) == ("done", 30) and space.box("inbox").messages == 0
    finish(space, mailstore.start_undo(space.id, job.action, cause=WEB))
    assert space.box("inbox").messages == 30 and differences(space.id) == []


def test_pieces_shrink_on_a_busy_machine_but_not_to_nothing() -> None:
    def after(took: float) -> int:
        size = working.FIRST
        for _ in range(20):
            size = working._next_size(size, took)
        return size

    assert after(0.001) == working.MOST
    assert after(working.SLOW * 0.9) == working.FIRST, (
        "each transaction costs the same, however little it does"
    )
    assert after(working.SLOW * 20) == 1, "others wait for it"
