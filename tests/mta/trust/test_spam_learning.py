"""What people move into Junk, or out of it, is learned from wherever they move it, once, and unlearned when it goes back."""

from __future__ import annotations

import pytest

from mta.flow import learning, weighing
from mta.mailstore import service as mailstore
from mta.trust import greylist
from mta.trust.spam import statistics
from mta.trust.verdict import NOTHING_KNOWN, Evidence
from mta.values import ARCHIVE, DELETED, INBOX, JUNK, SEEN, TRASH, Cause

pytestmark = pytest.mark.django_db(transaction=True)

WEB = Cause("web", "a browser", "ann@a.test")
IMAP = Cause("imap", "a phone", "ann@a.test")
SECOND = 1_000_000


def letter(number: int, words: str = "the committee meets in the old mill on friday evening") -> bytes:
    return (
        f"From: Writer <writer@club.test>\r\nTo: ann@a.test\r\nSubject: Letter {number}\r\n"
        f"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{number}@club.test>\r\n\r\n{words}\r\n"
    ).encode()


@pytest.fixture
def space() -> int:
    return mailstore.create_mailspace()


def put(space: int, number: int, *, role: str = INBOX, flags: int = 0, words: str = "") -> int:
    box = mailstore.mailbox_by_role(space, role).id
    raw = letter(number, words) if words else letter(number)
    mailstore.append(space, box, raw, cause=Cause("smtp"), flags=flags)
    return max(row.message for row in mailstore.changes(space, box).rows)


def sweep() -> None:
    while learning.sweep(rounds=20):
        pass


def test_what_is_reported_as_spam_is_learned_once(space: int) -> None:
    message = put(space, 1)
    mailstore.junk_messages(space, [message], cause=WEB)
    sweep()
    assert learning.learned(space) == (1, 0)
    sweep()
    assert learning.learned(space) == (1, 0)


def test_a_mail_program_that_copies_marks_and_expunges_reports_spam_too(space: int) -> None:
    put(space, 1)
    inbox, junk = (mailstore.mailbox_by_role(space, role).id for role in (INBOX, JUNK))
    (row,) = mailstore.changes(space, inbox).rows
    mailstore.copy(space, inbox, [row.uid], junk, cause=IMAP)
    mailstore.store_flags(space, inbox, [row.uid], "add", DELETED, (), cause=IMAP)
    mailstore.expunge(space, inbox, cause=IMAP)
    sweep()
    assert learning.learned(space) == (1, 0)


def test_a_move_over_imap_out_of_junk_teaches_what_is_wanted(space: int) -> None:
    put(space, 1, role=JUNK)
    inbox, junk = (mailstore.mailbox_by_role(space, role).id for role in (INBOX, JUNK))
    (row,) = mailstore.changes(space, junk).rows
    mailstore.move(space, junk, [row.uid], inbox, cause=IMAP)
    sweep()
    assert learning.learned(space) == (0, 1)


def test_what_goes_back_is_unlearned(space: int) -> None:
    message = put(space, 1)
    done = mailstore.junk_messages(space, [message], cause=WEB)
    sweep()
    mailstore.undo(space, done.action, cause=WEB)
    sweep()
    assert learning.learned(space) == (0, 0)


def test_there_and_back_between_two_sweeps_teaches_nothing(space: int) -> None:
    message = put(space, 1)
    mailstore.junk_messages(space, [message], cause=WEB)
    mailstore.unjunk_messages(space, [message], cause=WEB)
    sweep()
    assert learning.learned(space) == (0, 0)


def test_what_a_filter_moved_or_a_delivery_put_there_teaches_nothing(space: int) -> None:
    put(space, 1, role=JUNK)
    message = put(space, 2)
    mailstore.junk_messages(space, [message], cause=Cause("filter", "Club"))
    sweep()
    assert learning.learned(space) == (0, 0)


def test_from_junk_to_trash_is_no_word_for_it(space: int) -> None:
    put(space, 1, role=JUNK)
    junk, trash = (mailstore.mailbox_by_role(space, role).id for role in (JUNK, TRASH))
    (row,) = mailstore.changes(space, junk).rows
    mailstore.move(space, junk, [row.uid], trash, cause=IMAP)
    sweep()
    assert learning.learned(space) == (0, 0)


def test_mail_that_was_read_and_kept_is_learned_beside_spam_and_no_more_of_it(space: int) -> None:
    for number in range(10, 16):
        put(space, number, role=ARCHIVE, flags=SEEN)
    put(space, 20)  # unread: nobody has said anything about it
    spam = [put(space, number) for number in (1, 2)]
    mailstore.junk_messages(space, spam, cause=WEB)
    sweep()
    assert learning.learned(space) == (2, 2)


def test_kept_mail_that_is_reported_later_changes_sides(space: int) -> None:
    kept = put(space, 10, flags=SEEN)
    mailstore.junk_messages(space, [put(space, 1)], cause=WEB)
    sweep()
    assert learning.learned(space) == (1, 1)
    mailstore.junk_messages(space, [kept], cause=WEB)
    sweep()
    assert learning.learned(space) == (2, 0)


def test_a_reset_forgets_and_does_not_learn_the_same_again(space: int) -> None:
    mailstore.junk_messages(space, [put(space, 1)], cause=WEB)
    sweep()
    learning.reset(space)
    sweep()
    assert learning.learned(space) == (0, 0)
    mailstore.junk_messages(space, [put(space, 2)], cause=WEB)
    sweep()
    assert learning.learned(space) == (1, 0)


def test_some_reports_move_the_next_letter_of_that_kind_to_junk_and_not_elses(space: int) -> None:
    other = mailstore.create_mailspace()
    words = "bulbous marrow tonic for the weary gardener straight from the barrel"
    for number in range(30, 36):
        put(space, number, role=ARCHIVE, flags=SEEN)
    mailstore.junk_messages(space, [put(space, number, words=words) for number in range(6)], cause=WEB)
    sweep()
    raw = letter(7, words).replace(b"writer@club.test", b"barrel@marrow.test")
    prepared = mailstore.prepare(raw)
    found = weighing.weigh_all(prepared, raw, NOTHING_KNOWN, mailspaces=[space, other])
    assert found[space].score > found[other].score + 3
    assert found[other].score < 3


def test_weighing_asks_the_database_once_however_many_mailspaces(
    space: int, django_assert_num_queries
) -> None:
    raw = letter(1)
    prepared = mailstore.prepare(raw)
    with django_assert_num_queries(1):
        weighing.weigh_all(prepared, raw, NOTHING_KNOWN, mailspaces=range(space, space + 40))


def test_upkeep_halves_and_shrinks(space: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "MOST_LEARNED", 3)
    monkeypatch.setattr(statistics, "MOST_TOKENS", 10)
    lessons = [statistics.Lesson(each, True, ("often", f"once{each}")) for each in range(40)]
    statistics.learn(space, lessons)
    statistics.upkeep()
    assert statistics.learned(space).spam == 20
    own = statistics.sources(["often", "once1"], [space])[space][-1]
    assert own.tokens.keys() == {"often"}


# --- greylisting
def test_who_comes_again_after_a_while_passes_from_then_on() -> None:
    at = 1_800_000_000 * SECOND
    who = ("192.0.2.7", "new@stranger.test", "ann@a.test")
    assert greylist.wait(*who, at)
    assert greylist.wait(*who, at + 5 * SECOND)  # too soon
    assert not greylist.wait("192.0.2.99", *who[1:], at + 600 * SECOND)  # another host of the same network
    assert not greylist.wait(*who, at + 20 * 86_400 * SECOND)
    assert greylist.wait("198.51.100.7", *who[1:], at + 600 * SECOND)


def test_who_never_comes_again_is_forgotten() -> None:
    at = 1_800_000_000 * SECOND
    assert greylist.wait("192.0.2.7", "a@stranger.test", "ann@a.test", at)
    assert greylist.forget(at=at + SECOND) == 0
    assert greylist.forget(at=at + 3 * 86_400 * SECOND) == 1


def test_only_doubtful_mail_of_strangers_is_asked_to_come_again() -> None:
    def scored(points: float) -> object:
        return NOTHING_KNOWN.plus([Evidence("spam", "unsure", "", "", points)])

    assert not greylist.doubtful(scored(1.0), junk_at=5.0)
    assert greylist.doubtful(scored(4.0), junk_at=5.0)
    assert not greylist.doubtful(scored(5.0), junk_at=5.0)
    known = scored(9.0).plus([Evidence("known", "pass", "", "", -5.0)])
    assert not greylist.doubtful(known, junk_at=5.0)


def test_a_sweep_that_cannot_see_everybody_begins_with_who_waits_longest() -> None:
    spaces = [mailstore.create_mailspace() for _ in range(3)]
    for number, space in enumerate(spaces):
        mailstore.junk_messages(space, [put(space, number)], cause=WEB)
    for _ in spaces:
        put(spaces[0], 9)  # somebody gets mail all the time
        learning.sweep(rounds=1)
    assert [learning.learned(space)[0] for space in spaces] == [1, 1, 1]


def test_what_a_mailspace_learned_goes_when_it_is_gone(space: int) -> None:
    mailstore.junk_messages(space, [put(space, 1)], cause=WEB)
    sweep()
    gone = space + 1_000
    statistics.learn(gone, [statistics.Lesson(1, True, ("word",))])
    sweep()
    assert learning.learned(gone) == (0, 0)
    assert learning.learned(space) == (1, 0)
    assert statistics.learned(statistics.HOST).spam == 1
