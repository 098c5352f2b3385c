"""Conversations that sleep, those that are muted or important, and single messages."""

from __future__ import annotations

from typing import Any

import pytest

from mta.mailstore import service as mailstore
from mta.mailstore import waking
from mta.mailstore.doctor import differences
from mta.mailstore.errors import CannotChange
from mta.mailstore.service import Door, prepare
from mta.values import ARCHIVE, INBOX, SEEN, Appended, Cause, now_us
from tests.mail import mail
from tests.mta.mailstore.conftest import WEB, Space

HOUR = 3600 * 1_000_000
SMTP, IMAP = Cause("smtp", "mx.outside.test [192.0.2.1]"), Cause("imap", "a program")


def answer(space: Space, parent: str, *, when_muted: Any = None, role: str = INBOX) -> Appended:
    """A reply from outside, as deliveries store it."""
    prepared = prepare(mail(subject="Re: Lunch", references=parent))

    def work(door: Door) -> Appended:
        return door.store(space.id, prepared, role, cause=SMTP, when_muted=when_muted)

    return mailstore.commit({space.id}, work)


def thread_of(space: Space, message: int) -> int:
    return mailstore.message(space.id, message).thread


@pytest.fixture
def lunch(space: Space) -> int:
    """A read message in the Inbox; returns its conversation."""
    return thread_of(space, space.deliver(message_id="first@outside.test", flags=SEEN))


def test_a_snoozed_conversation_leaves_the_inbox_and_shows_when_it_wakes(space: Space, lunch: int) -> None:
    until = now_us() + HOUR
    done = mailstore.snooze(space.id, [lunch], until=until, cause=WEB)
    assert (done.conversations, done.messages) == (1, 1)
    assert space.lines() == []
    (line,) = space.lines("snoozed")
    assert (line.wake_at, line.sort_at, line.woken) == (until, until, False)
    assert differences(space.id) == []
    assert mailstore.wake_due(now=until - 1) == 0


def test_it_comes_back_unread_at_the_top_of_the_inbox(space: Space, lunch: int) -> None:
    until = now_us() + HOUR
    mailstore.snooze(space.id, [lunch], until=until, cause=WEB)
    space.deliver(subject="Later mail", internal_date=now_us() + 60_000_000)
    assert mailstore.wake_due(now=until) == 1
    top = space.lines()[0]
    assert (top.thread, top.unread, top.woken, top.wake_at) == (lunch, 1, True, None)
    assert top.sort_at >= until and space.lines("snoozed") == []
    assert mailstore.wake_due(now=until) == 0
    assert differences(space.id) == []
    line = mailstore.history(space.id)[0]
    assert (line.verb, line.cause) == ("wake", "task")


def test_undo_gives_the_old_place_and_the_old_time_back(space: Space, lunch: int) -> None:
    first, second = now_us() + HOUR, now_us() + 2 * HOUR
    asleep = mailstore.snooze(space.id, [lunch], until=first, cause=WEB)
    longer = mailstore.snooze(space.id, [lunch], until=second, cause=WEB)
    assert space.lines("snoozed")[0].wake_at == second
    mailstore.undo(space.id, longer.action, cause=WEB)
    assert space.lines("snoozed")[0].wake_at == first
    mailstore.snooze(space.id, [lunch], until=second, cause=WEB)
    woken = mailstore.unsnooze(space.id, [lunch], cause=WEB)
    assert not space.lines()[0].woken and space.lines()[0].unread == 0
    mailstore.undo(space.id, woken.action, cause=WEB)
    assert space.lines("snoozed")[0].wake_at == second
    assert mailstore.undo(space.id, asleep.action, cause=WEB).skipped == 1  # it sleeps by another command
    assert differences(space.id) == []


def test_undo_of_a_snooze_puts_it_back_where_it_was(space: Space, lunch: int) -> None:
    before = space.lines()
    done = mailstore.snooze(space.id, [lunch], until=now_us() + HOUR, cause=WEB)
    mailstore.undo(space.id, done.action, cause=WEB)
    assert space.lines() == before and space.lines("snoozed") == []


def test_an_answer_wakes_its_conversation(space: Space, lunch: int) -> None:
    mailstore.snooze(space.id, [lunch], until=now_us() + HOUR, cause=WEB)
    made = answer(space, "first@outside.test")
    assert made.thread == lunch
    (line,) = space.lines()
    assert (line.count, line.unread, line.woken) == (2, 1, False)
    assert space.lines("snoozed") == [] and differences(space.id) == []


def test_what_arrives_elsewhere_wakes_nothing(space: Space, lunch: int) -> None:
    mailstore.snooze(space.id, [lunch], until=now_us() + HOUR, cause=WEB)
    answer(space, "first@outside.test", role=ARCHIVE)
    assert [line.thread for line in space.lines("snoozed")] == [lunch]


@pytest.mark.parametrize(("verb", "goal"), [("archive", "archive"), ("delete", "trash"), ("junk", "junk")])
def test_a_conversation_that_is_put_away_does_not_wake(
    space: Space, lunch: int, verb: str, goal: str
) -> None:
    mailstore.snooze(space.id, [lunch], until=now_us() + HOUR, cause=WEB)
    done = getattr(mailstore, verb)(space.id, [lunch], cause=WEB)
    assert [line.thread for line in space.lines(goal)] == [lunch]
    assert mailstore.wake_due(now=now_us() + 2 * HOUR) == 0
    mailstore.undo(space.id, done.action, cause=WEB)
    assert mailstore.wake_due(now=now_us() + 2 * HOUR) == 1
    assert differences(space.id) == []


def test_it_can_be_moved_out_of_snoozed_and_out_of_a_view(space: Space, lunch: int) -> None:
    label = mailstore.create_mailbox(space.id, "Work", cause=WEB).id
    for source in (space.box("snoozed").id, None):
        mailstore.snooze(space.id, [lunch], until=now_us() + HOUR, cause=WEB)
        moved = mailstore.move_threads(space.id, [lunch], source, label, cause=WEB)
        assert space.lines("snoozed") == [] and [line.thread for line in space.lines("Work")] == [lunch]
        mailstore.undo(space.id, moved.action, cause=WEB)


def test_archived_and_labelled_conversations_and_own_ones_can_sleep(space: Space, lunch: int) -> None:
    mailstore.archive(space.id, [lunch], cause=WEB)
    mailstore.snooze(space.id, [lunch], until=now_us() + HOUR, cause=WEB)
    assert space.lines("archive") == [] and len(space.lines("snoozed")) == 1
    sent = thread_of(space, space.deliver("sent", subject="Offer"))
    mailstore.snooze(space.id, [sent], until=now_us() + HOUR, cause=WEB)
    assert [line.thread for line in space.lines("sent")] == [sent]
    mailstore.wake_due(now=now_us() + 2 * HOUR)
    assert {line.thread for line in space.lines()} == {lunch, sent}
    gone = thread_of(space, space.deliver("trash", subject="Old"))
    assert mailstore.snooze(space.id, [gone], until=now_us() + HOUR, cause=WEB).messages == 0
    assert differences(space.id) == []


def test_a_mail_program_may_put_mail_to_sleep_without_a_time_and_take_it_out(
    space: Space, lunch: int
) -> None:
    inbox, asleep = space.box("inbox").id, space.box("snoozed").id
    moved = mailstore.move(space.id, inbox, [1], asleep, cause=IMAP)
    (line,) = space.lines("snoozed")
    assert line.wake_at is None and mailstore.wake_due(now=now_us() + HOUR) == 0
    mailstore.snooze(space.id, [lunch], until=now_us() + HOUR, cause=WEB)
    uids = [row.uid for row in mailstore.changes(space.id, asleep).rows]
    assert uids != list(moved.target)
    mailstore.move(space.id, asleep, uids, inbox, cause=IMAP)
    assert space.lines()[0].wake_at is None and mailstore.wake_due(now=now_us() + 2 * HOUR) == 0
    assert differences(space.id) == []


def test_what_a_program_marked_as_deleted_goes_on_sleeping(space: Space, lunch: int) -> None:
    mailstore.snooze(space.id, [lunch], until=now_us() + HOUR, cause=WEB)
    asleep = space.box("snoozed").id
    mailstore.store_flags(space.id, asleep, [1], "add", 16, (), cause=IMAP)
    assert mailstore.wake_due(now=now_us() + 2 * HOUR) == 0


def test_much_that_is_due_wakes_in_pieces(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waking, "AT_ONCE", 3)
    monkeypatch.setattr(waking, "THREADS", 2)
    threads = [thread_of(space, space.deliver(subject=f"Offer {number}")) for number in range(8)]
    mailstore.snooze(space.id, threads, until=now_us() + HOUR, cause=WEB)
    assert mailstore.wake_due(now=now_us() + HOUR) == 8
    assert {line.thread for line in space.lines()} == set(threads)


# --- muted and important


PAST = (ARCHIVE, {"placement": "muted"})


def test_answers_to_a_muted_conversation_skip_the_inbox(space: Space, lunch: int) -> None:
    done = mailstore.mute(space.id, [lunch], on=True, cause=WEB)
    (line,) = space.lines("archive")
    assert line.muted and space.lines() == []
    made = answer(space, "first@outside.test", when_muted=PAST)
    assert space.where(made.message) == {"Archive"}
    assert mailstore.message(space.id, made.message).reasons == {"placement": "muted"}
    latest = mailstore.history(space.id)[0]
    assert (latest.verb, latest.cause, latest.session) == ("skip inbox", "filter", "muted conversation")
    mailstore.undo(space.id, latest.action, cause=WEB)
    assert space.where(made.message) == {"INBOX"}
    mailstore.undo(space.id, done.action, cause=WEB)
    assert not space.lines()[0].muted
    assert space.where(answer(space, "first@outside.test", when_muted=PAST).message) == {"INBOX"}
    assert differences(space.id) == []


def test_an_answer_to_the_reader_comes_to_the_inbox_and_unmuting_lets_all_in(
    space: Space, lunch: int
) -> None:
    mailstore.mute(space.id, [lunch], on=True, cause=WEB)
    assert space.where(answer(space, "first@outside.test").message) == {"INBOX"}
    mailstore.mute(space.id, [lunch], on=False, cause=WEB)
    assert space.where(answer(space, "first@outside.test", when_muted=PAST).message) == {"INBOX"}


def test_a_muted_conversation_sleeps_on_when_it_is_answered(space: Space, lunch: int) -> None:
    mailstore.mute(space.id, [lunch], on=True, cause=WEB)
    mailstore.snooze(space.id, [lunch], until=now_us() + HOUR, cause=WEB)
    answer(space, "first@outside.test", when_muted=PAST)
    assert len(space.lines("snoozed")) == 1 and space.lines() == []


def test_important_is_a_keyword_whatever_its_case(space: Space, lunch: int) -> None:
    done = mailstore.mark_important(space.id, [lunch], on=True, cause=WEB)
    assert space.lines()[0].important
    mailstore.undo(space.id, done.action, cause=WEB)
    assert not space.lines()[0].important
    mailstore.store_flags(space.id, space.box("inbox").id, [1], "add", 0, ["$IMPORTANT"], cause=IMAP)
    assert space.lines()[0].important
    mailstore.mark_important(space.id, [lunch], on=False, cause=WEB)
    assert not space.lines()[0].important and differences(space.id) == []


# --- labels and single messages


def test_several_labels_come_and_go_as_one_action(space: Space, lunch: int) -> None:
    work, home = (mailstore.create_mailbox(space.id, name, cause=WEB).id for name in ("Work", "Home"))
    mailstore.label(space.id, [lunch], home, cause=WEB)
    done = mailstore.apply_labels(
        space.id, [lunch], add=[work], remove=[home, space.box("inbox").id], cause=WEB
    )
    assert [len(space.lines(box)) for box in ("Work", "Home", "inbox", "archive")] == [1, 0, 0, 0]
    mailstore.undo(space.id, done.action, cause=WEB)
    assert [len(space.lines(box)) for box in ("Work", "Home", "inbox", "archive")] == [0, 1, 1, 0]
    with pytest.raises(CannotChange):
        mailstore.apply_labels(space.id, [lunch], add=[space.box("trash").id], remove=[], cause=WEB)


@pytest.mark.parametrize(("verb", "goal"), [("archive", "Archive"), ("junk", "Junk")])
def test_single_messages_can_be_put_away(space: Space, lunch: int, verb: str, goal: str) -> None:
    made = answer(space, "first@outside.test").message
    done = getattr(mailstore, f"{verb}_messages")(space.id, [made], cause=WEB)
    assert space.where(made) == {goal} and space.lines()[0].thread == lunch
    mailstore.undo(space.id, done.action, cause=WEB)
    assert space.where(made) == {"INBOX"}
    label = mailstore.create_mailbox(space.id, "Work", cause=WEB).id
    mailstore.move_messages(space.id, [made], space.box("inbox").id, label, cause=WEB)
    assert space.where(made) == {"Work"}


# --- sections


def test_sections_of_a_list_have_pages_and_counts(space: Space) -> None:
    inbox = space.box("inbox").id
    threads = [
        thread_of(space, space.deliver(subject=f"Offer {number}", flags=SEEN * (number % 3 == 0)))
        for number in range(9)
    ]
    mailstore.star(space.id, threads[:2], on=True, cause=WEB)
    for section, wanted in {
        "unread": [t for n, t in enumerate(threads) if n % 3],
        "read": threads[::3],
        "starred": threads[:2],
        "unstarred": threads[2:],
    }.items():
        first = mailstore.threads(space.id, inbox, limit=2, section=section)  # type: ignore[arg-type]
        assert [line.thread for line in first.rows] == wanted[::-1][:2]
        assert (first.total, first.has_newer, first.has_older) == (len(wanted), False, len(wanted) > 2)
        last = first.rows[-1]
        older = mailstore.threads(
            space.id,
            inbox,
            limit=20,
            section=section,  # type: ignore[arg-type]
            before=(last.sort_at, last.thread),
        )
        assert [line.thread for line in older.rows] == wanted[::-1][2:] and not older.has_older
        assert older.position == (2 if older.rows else 0)
    mailstore.star(space.id, threads, on=False, cause=WEB)
    assert mailstore.threads(space.id, inbox, section="starred").rows == ()
    assert differences(space.id) == []
