"""What is done to conversations, messages and labels; what is said about it; and that it can be undone."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from mta.mailstore import service as mailstore
from mta.values import ARCHIVE, FLAGGED, INBOX, JUNK, SEEN, TRASH
from tests.webmail.mail_world import CAUSE, Reader

pytestmark = pytest.mark.django_db


def places(ann: Reader, thread: int) -> set[str]:
    """Where a conversation lies: roles, or names of labels."""
    names = {each.id: each.role or each.name for each in mailstore.mailboxes(ann.space)}
    return {names[box] for box in mailstore.conversation(ann.space, thread, aside=True).boxes}


def flags(ann: Reader, thread: int) -> int:
    return mailstore.conversation(ann.space, thread, aside=True).messages[-1].flags


@pytest.mark.parametrize(
    ("verb", "place", "leaves", "said"),
    [
        ("archive", ARCHIVE, True, "Conversation archived."),
        ("delete", TRASH, True, "Conversation moved to Trash."),
        ("junk", JUNK, True, "Conversation moved to Spam."),
        ("read", INBOX, False, "Marked as read."),
        ("star", INBOX, False, "Starred."),
    ],
)
def test_a_verb_says_what_it_did_and_can_be_undone(
    ann: Reader, verb: str, place: str, leaves: bool, said: str
) -> None:
    thread = ann.receive()
    answer = ann.do(verb, [thread])
    assert places(ann, thread) == {place}
    assert answer["text"] == said
    assert answer["leaves"] is leaves
    assert ann.do("undo", action=answer["action"])["text"] == "Undone."
    assert places(ann, thread) == {INBOX}
    assert flags(ann, thread) == 0


def test_several_conversations_are_counted(ann: Reader) -> None:
    threads = [ann.receive(subject=f"Number {number}") for number in range(3)]
    assert ann.do("archive", threads)["text"] == "3 conversations archived."


def test_reading_and_starring_go_both_ways(ann: Reader) -> None:
    thread = ann.receive()
    ann.do("read", [thread])
    ann.do("star", [thread])
    assert flags(ann, thread) == SEEN | FLAGGED
    ann.do("unread", [thread])
    ann.do("unstar", [thread])
    assert flags(ann, thread) == 0


def test_moving_and_labelling_name_their_target_and_make_it_when_it_is_new(ann: Reader) -> None:
    thread = ann.receive()
    assert ann.do("label", [thread], new="Work/Doors")["text"] == "Label Work/Doors added."
    assert places(ann, thread) == {INBOX, "Work/Doors"}
    doors = mailstore.mailbox(ann.space, "Work/Doors")
    assert ann.do("unlabel", [thread], target=str(doors.id))["text"] == "Label Work/Doors removed."
    assert ann.do("move", [thread], target="label/Work/Doors")["text"] == "Conversation moved to Work/Doors."
    assert places(ann, thread) == {"Work/Doors"}
    ann.do("move", [thread], target="inbox", box="label/Work/Doors")
    assert places(ann, thread) == {INBOX}


def test_a_label_that_is_known_is_not_made_twice(ann: Reader) -> None:
    mailstore.create_mailbox(ann.space, "Work", cause=CAUSE)
    ann.do("label", [ann.receive()], new="work")
    assert [each.name for each in mailstore.mailboxes(ann.space) if not each.role] == ["Work"]


def test_removing_the_inbox_chip_archives(ann: Reader) -> None:
    thread = ann.receive()
    ann.do("unlabel", [thread], target=str(ann.role(INBOX)))
    assert places(ann, thread) == {ARCHIVE}


def test_only_what_lies_in_trash_is_deleted_forever(ann: Reader) -> None:
    kept, gone = ann.receive(subject="Kept"), ann.receive(subject="Gone")
    ann.do("delete", [gone])
    ann.do("delete-forever", [kept, gone], box="trash")
    assert places(ann, kept) == {INBOX}
    assert mailstore.mailbox_by_role(ann.space, TRASH).messages == 0


def test_trash_is_emptied_and_nothing_else_can_be(ann: Reader) -> None:
    ann.do("delete", [ann.receive()])
    assert ann.do("empty", box="inbox")["status"] == 400
    assert ann.do("empty", box="trash")["text"] == "Trash is empty now."
    assert mailstore.mailbox_by_role(ann.space, TRASH).messages == 0


def test_single_messages_are_starred_read_and_deleted(ann: Reader) -> None:
    thread = ann.receive(message_id="a@x")
    ann.receive(subject="Re: Lunch", message_id="b@x", references="a@x")
    first, second = (each.id for each in mailstore.conversation(ann.space, thread).messages)
    ann.do("star-messages", [first])
    ann.do("read-messages", [first, second])
    ann.do("unread-messages", [second])
    found = mailstore.conversation(ann.space, thread).messages
    assert [each.flags for each in found] == [SEEN | FLAGGED, 0]
    assert ann.do("delete-messages", [first])["text"] == "Message moved to Trash."
    assert [each.id for each in mailstore.conversation(ann.space, thread).messages] == [second]


@pytest.mark.parametrize(
    ("verb", "fields"),
    [
        ("archive", {}),
        ("nonsense", {"ids": "1"}),
        ("move", {"ids": "1"}),
        ("move", {"ids": "1", "target": "999999"}),
        ("label", {"ids": "1", "new": "a//b"}),
        ("undo", {"action": "never"}),
        ("undo", {}),
        ("archive", {"ids": "x"}),
        ("archive", {"ids": "9" * 30}),
    ],
)
def test_what_cannot_be_done_is_said(ann: Reader, verb: str, fields: dict[str, str]) -> None:
    response = ann.client.post(f"/mail/actions/{verb}/", fields, headers={"X-Mailstead": "1"})
    assert response.status_code == 400
    assert response.json()["text"]


def test_without_scripts_a_button_of_the_form_does_the_same(ann: Reader) -> None:
    thread = ann.receive()
    response = ann.client.post(
        "/mail/actions/",
        {"verb": "archive", "ids": [thread], "box": "inbox", "next": "/mail/inbox/"},
        follow=True,
    )
    assert response.redirect_chain == [("/mail/inbox/", 302)]
    assert b"Conversation archived." in response.content
    assert places(ann, thread) == {ARCHIVE}


def test_a_form_leads_nowhere_else(ann: Reader) -> None:
    for following in ("https://evil.test/", "//evil.test/", "javascript:alert(1)"):
        response = ann.client.post(
            "/mail/actions/", {"verb": "read", "ids": [ann.receive()], "next": following}
        )
        assert response["Location"] == "/mail/inbox/"


def test_nothing_changes_by_a_link_or_without_the_token(ann: Reader) -> None:
    thread = ann.receive()
    assert ann.get(f"/mail/actions/archive/?ids={thread}").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = ann.client.cookies
    assert strict.post("/mail/actions/archive/", {"ids": [thread]}).status_code == 403
    assert strict.post("/mail/labels/", {"name": "x"}).status_code == 403
    assert places(ann, thread) == {INBOX}


# --- labels
def test_a_label_is_made_renamed_coloured_and_removed(ann: Reader) -> None:
    thread = ann.receive()
    ann.client.post("/mail/labels/", {"name": "Work", "colour": "3"})
    work = mailstore.mailbox(ann.space, "Work")
    assert work.colour == 3
    ann.client.post("/mail/labels/", {"name": "Doors", "parent": str(work.id)})
    ann.do("label", [thread], target=str(work.id))
    ann.client.post(f"/mail/labels/{work.id}/", {"name": "Office", "colour": "7"})
    assert {each.name for each in mailstore.mailboxes(ann.space) if not each.role} == {
        "Office",
        "Office/Doors",
    }
    assert mailstore.mailbox_by_id(ann.space, work.id).colour == 7
    answer = ann.client.post(f"/mail/labels/{work.id}/remove/", headers={"X-Mailstead": "1"}).json()
    assert places(ann, thread) == {INBOX}
    ann.do("undo", action=answer["action"])
    assert places(ann, thread) == {INBOX, "Office"}


@pytest.mark.parametrize("name", ["", "Inbox", "a//b", "x" * 300, "Work"])
def test_a_name_that_cannot_be_is_refused_in_words(ann: Reader, name: str) -> None:
    mailstore.create_mailbox(ann.space, "Work", cause=CAUSE)
    response = ann.client.post("/mail/labels/", {"name": name}, headers={"X-Mailstead": "1"})
    assert response.status_code == 400
    assert response.json()["text"]


def test_the_places_that_everybody_has_are_no_labels_to_change(ann: Reader) -> None:
    assert ann.client.post(f"/mail/labels/{ann.role(TRASH)}/", {"name": "Bin"}).status_code == 404
    assert ann.client.post(f"/mail/labels/{ann.role(TRASH)}/remove/").status_code == 404


# --- settings
def test_settings_are_kept(ann: Reader) -> None:
    for number in range(30):
        ann.receive(subject=f"Number {number}")
    ann.client.post(
        "/mail/settings/", {"page_size": "25", "after_action": "older", "time_zone": "Asia/Tokyo"}
    )
    assert "1–25 of 30" in ann.page("/mail/inbox/")
    assert 'data-after="older"' in ann.page("/mail/inbox/")
    refused = ann.client.post("/mail/settings/", {"page_size": "7", "after_action": "older"})
    assert b'id="id_page_size_error"' in refused.content
    refused = ann.client.post("/mail/settings/", {"every": "general", "time_zone": "Mars"})
    assert b'id="id_time_zone_error"' in refused.content


def test_everybody_chooses_how_their_own_inbox_behaves_over_pop3(ann: Reader) -> None:
    saved = ann.client.post("/mail/settings/pop3/", {"deletes": "erase", "newest": "500"})
    assert saved.status_code == 302
    page = ann.page("/mail/settings/forwarding/")
    assert 'value="500"' in page
    assert re.search(r'value="erase"[^>]* checked', page)
    refused = ann.client.post("/mail/settings/pop3/", {"deletes": "trash", "newest": "many"})
    assert b'id="id_newest_error"' in refused.content
    assert 'value="500"' in ann.page("/mail/settings/forwarding/")


def test_times_are_those_of_the_reader(ann: Reader) -> None:
    thread = ann.receive()
    ann.client.cookies["tz"] = "Asia/Tokyo"
    assert "JST" in ann.page(f"/mail/inbox/{thread}/")
    for nonsense in ("../../etc/passwd", "Mars/Base", "x" * 500):
        ann.client.cookies["tz"] = nonsense
        assert "UTC" in ann.page(f"/mail/inbox/{thread}/")
