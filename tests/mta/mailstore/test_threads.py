"""Which conversation a message joins, and what a conversation shows."""

from __future__ import annotations

from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.values import SEEN
from tests.mail import mail

from .conftest import WEB, Space


def test_a_reply_joins_the_thread_of_its_parent(space: Space) -> None:
    space.deliver(message_id="p@x", subject="Plan")
    space.deliver(references="p@x", subject="Re: Plan")
    assert [(line.count, line.subject) for line in space.lines()] == [(2, "Plan")]


def test_a_late_parent_lands_in_the_thread_of_its_children(space: Space) -> None:
    space.deliver(references="p@x", subject="Re: Plan")
    space.deliver(message_id="p@x", subject="Plan")
    assert len(space.lines()) == 1


def test_another_subject_starts_another_thread(space: Space) -> None:
    space.deliver(message_id="p@x", subject="Plan")
    space.deliver(references="p@x", subject="Something else")
    assert len(space.lines()) == 2


def test_a_reply_without_references_joins_by_subject_between_the_same_people(space: Space) -> None:
    space.deliver(subject="Plan", sender="ann@example.test", to="ada@outside.test", box="sent")
    space.deliver(subject="Re: Plan", sender="ada@outside.test", to="ann@example.test")
    space.deliver(subject="Re: Plan", sender="stranger@elsewhere.test", to="someone@else.test")
    assert sorted(line.count for line in space.lines()) == [1, 2]


def test_a_conversation_crosses_mailboxes_but_not_junk_and_trash(space: Space) -> None:
    space.deliver(message_id="p@x", subject="Plan")
    space.deliver("sent", references="p@x", subject="Re: Plan", sender="ann@example.test", flags=SEEN)
    gone = space.deliver(references="p@x", subject="Re: Plan")
    mailstore.delete_messages(space.id, [gone], cause=WEB)
    thread = space.lines()[0].thread
    conversation = mailstore.conversation(space.id, thread)
    assert [message.own for message in conversation.messages] == [False, True]
    assert conversation.hidden_trash == 1
    assert len(mailstore.conversation(space.id, thread, aside=True).messages) == 3
    line = space.lines()[0]
    assert [(person.email, person.own) for person in line.people] == [
        ("ada@outside.test", False),
        ("ann@example.test", True),
    ]
    assert differences(space.id) == []


def test_my_sent_copy_and_its_delivered_twin_count_once(space: Space) -> None:
    space.deliver("sent", message_id="s@x", sender="ann@example.test", flags=SEEN)
    space.deliver("inbox", message_id="s@x", sender="ann@example.test")
    line = space.lines()[0]
    assert line.count == 1
    messages = mailstore.conversation(space.id, line.thread).messages
    assert len(messages) == 1 and len(messages[0].also) == 1 and len(messages[0].boxes) == 2


def test_a_thread_closes_at_two_hundred_messages(space: Space) -> None:
    space.deliver(message_id="p@x", subject="Plan")
    raw = [mailstore.Incoming(mail(references="p@x", subject="Re: Plan")) for _ in range(205)]
    mailstore.append_many(space.id, space.box("inbox").id, raw, cause=WEB)
    counts = sorted(line.count for line in space.lines())
    assert counts == [6, 200]
