"""The quarantine: what it holds is seen by no mail program, list, search or page until it is released."""

from __future__ import annotations

import pytest

from mta.mailstore import service as mailstore
from mta.mailstore import upkeep
from mta.mailstore.doctor import differences
from mta.mailstore.errors import NoSuchMessage
from mta.mailstore.service import Door, prepare
from mta.message.criteria import Words
from mta.values import ALL, INBOX, QUARANTINE, Cause, now_us
from tests.mail import mail

pytestmark = pytest.mark.django_db
ME = Cause("web", actor="ann@example.test")
DAY = 24 * 3600 * 1_000_000


def put(mailspace: int, role: str, subject: str, *, at: int | None = None, body: str = "Hello.") -> int:
    prepared = prepare(mail(subject=subject, body=body))

    def work(door: Door) -> int:
        reasons = {"placement": "A scanner found Eicar-Test in it"}
        return door.store(
            mailspace, prepared, role, cause=Cause("smtp"), reasons=reasons, internal_date=at
        ).message

    return mailstore.commit({mailspace}, work)


@pytest.fixture
def mailspace() -> int:
    return mailstore.create_mailspace()


def test_what_is_held_lies_in_no_list_and_opens_nowhere(mailspace: int) -> None:
    message = put(mailspace, QUARANTINE, "Invoice attached", body="A needle in it.")
    assert mailstore.threads(mailspace, ALL).rows == ()
    assert mailstore.threads(mailspace, mailstore.mailbox_by_role(mailspace, INBOX).id).rows == ()
    assert mailstore.search_threads(mailspace, Words("needle"), limit=10).rows == ()
    with pytest.raises(NoSuchMessage):
        mailstore.message(mailspace, message)
    assert mailstore.is_held(mailspace, [message]) == {message}
    assert differences(mailspace) == []


def test_the_first_message_held_makes_the_mailbox_and_the_second_uses_it(mailspace: int) -> None:
    before = mailstore.mailboxes(mailspace)
    put(mailspace, QUARANTINE, "One")
    put(mailspace, QUARANTINE, "Two")
    (made,) = set(mailstore.mailboxes(mailspace)) - set(before)
    assert (made.role, made.messages, made.subscribed) == (QUARANTINE, 2, False)
    assert mailstore.held_counts([mailspace, mailspace + 1]) == {mailspace: 2}


def test_a_page_of_it_is_newest_first_over_several_mailspaces(mailspace: int) -> None:
    other = mailstore.create_mailspace()
    now = now_us()
    numbers = [put((mailspace, other)[n % 2], QUARANTINE, f"Number {n}", at=now + n) for n in range(5)]
    put(other, INBOX, "Not held")
    first = mailstore.held([mailspace, other], limit=2)
    assert [(each.subject, each.mailspace) for each in first] == [
        ("Number 4", mailspace),
        ("Number 3", other),
    ]
    rest = mailstore.held([mailspace, other], before=first[-1].key)
    assert [each.message for each in rest] == [numbers[2], numbers[1], numbers[0]]
    assert [each.subject for each in mailstore.held([other])] == ["Number 3", "Number 1"]
    assert mailstore.held([other], since=now_us() + DAY) == ()
    assert mailstore.held([]) == ()


def test_released_mail_goes_to_the_inbox_with_its_date_and_undo_holds_it_again(mailspace: int) -> None:
    at = now_us() - 3 * DAY
    message = put(mailspace, QUARANTINE, "From a friend", at=at)
    done = mailstore.release(mailspace, [message], cause=ME)
    assert done.messages == 1
    assert mailstore.message(mailspace, message).internal_date == at
    assert mailstore.held([mailspace]) == ()
    assert mailstore.release(mailspace, [message], cause=ME).messages == 0
    mailstore.undo(mailspace, done.action, cause=ME)
    assert [each.message for each in mailstore.held([mailspace])] == [message]
    assert differences(mailspace) == []


def test_only_what_is_held_is_released_or_thrown_away(mailspace: int) -> None:
    inbox = put(mailspace, INBOX, "Mine")
    held = put(mailspace, QUARANTINE, "Held")
    other = mailstore.create_mailspace()
    assert mailstore.throw_away(other, [held], cause=ME).messages == 0
    assert mailstore.throw_away(mailspace, [inbox, held], cause=ME).messages == 1
    assert mailstore.message(mailspace, inbox).subject == "Mine"
    assert mailstore.held([mailspace]) == ()
    assert differences(mailspace) == []


def test_what_nobody_released_goes_after_thirty_days(mailspace: int) -> None:
    put(mailspace, QUARANTINE, "Old")
    assert upkeep.empty_old_trash(now=now_us() + 29 * DAY) == 0
    assert upkeep.empty_old_trash(now=now_us() + 31 * DAY) == 1
    assert mailstore.held([mailspace]) == ()


def test_an_owner_is_told_once_of_what_is_held(mailspace: int) -> None:
    first = put(mailspace, QUARANTINE, "One")
    told: list[tuple[int, ...]] = []

    def tell(door: Door, fresh: tuple[mailstore.Held, ...]) -> None:
        told.append(tuple(each.message for each in fresh))

    assert mailstore.held_unmentioned() == [mailspace]
    assert mailstore.mention_held(mailspace, tell) == 1
    assert mailstore.mention_held(mailspace, tell) == 0
    second = put(mailspace, QUARANTINE, "Two")
    assert mailstore.mention_held(mailspace, tell) == 1
    assert told == [(first,), (second,)]
    mailstore.release(mailspace, [first], cause=ME)
    assert mailstore.message(mailspace, first).keywords == ()
    assert differences(mailspace) == []


@pytest.mark.parametrize(
    "verb", ["delete", "junk", "archive", "delete_messages", "junk_messages", "delete_forever"]
)
def test_what_is_done_to_its_conversation_does_not_let_a_held_message_out(mailspace: int, verb: str) -> None:
    """Whoever sends a virus can name any message as the one that it answers."""
    letter = put(mailspace, INBOX, "Lunch")
    thread = mailstore.message(mailspace, letter).thread
    prepared = prepare(mail(subject="Re: Lunch", references="unknown@x.test"))

    def work(door: Door) -> int:
        return door.store(mailspace, prepared, QUARANTINE, cause=Cause("smtp"), thread=thread).message

    held = mailstore.commit({mailspace}, work)
    about = [letter, held] if verb.endswith("messages") else [thread]
    getattr(mailstore, verb)(mailspace, about, cause=ME)
    assert mailstore.is_held(mailspace, [held]) == {held}
    assert differences(mailspace) == []


def test_going_back_to_a_moment_does_not_let_out_what_was_found_since(mailspace: int) -> None:
    message = put(mailspace, INBOX, "A letter")
    moment = now_us()
    mailstore.archive(mailspace, [mailstore.message(mailspace, message).thread], cause=ME)
    deleted = put(mailspace, INBOX, "Another")
    mailstore.delete_messages(mailspace, [deleted], cause=ME)
    virus = {"placement": "A virus scanner found “Eicar” in it", "held": "virus"}
    assert mailstore.hold(mailspace, [message, deleted], reasons=virus) == 2
    mailstore.start_rewind(mailspace, moment, cause=ME)
    mailstore.work_bulks()
    assert mailstore.is_held(mailspace, [message, deleted]) == {message, deleted}
    assert differences(mailspace) == []


def test_what_a_scanner_finds_later_leaves_every_place_but_trash(mailspace: int) -> None:
    message = put(mailspace, INBOX, "A letter")
    work = mailstore.create_mailbox(mailspace, "Work", cause=ME)
    thread = mailstore.message(mailspace, message).thread
    mailstore.label(mailspace, [thread], work.id, cause=ME)
    gone = put(mailspace, INBOX, "Deleted")
    mailstore.delete_messages(mailspace, [gone], cause=ME)
    spam = {"placement": "Rspamd says so", "held": "spam"}
    assert mailstore.hold(mailspace, [gone], reasons=spam) == 0
    found = {"placement": "A virus scanner found “Eicar” in it", "held": "virus"}
    assert mailstore.hold(mailspace, [message], reasons=found) == 1
    (held,) = mailstore.held([mailspace])
    assert held.reasons["held"] == "virus"
    assert mailstore.history(mailspace, limit=1)[0].verb == "delete"
    assert mailstore.is_held(mailspace, [message, gone]) == {message}
    assert [box.name for box in mailstore.mailboxes(mailspace) if box.messages] == ["Trash", "$Quarantine"]
    assert differences(mailspace) == []
