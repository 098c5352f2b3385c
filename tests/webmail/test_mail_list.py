"""Lists as pages: the inbox in parts, single messages as rows, marks in rows, several labels, everything at once."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mta.mailstore import service as mailstore
from mta.mailstore.tasks import work
from mta.values import ARCHIVE, FLAGGED, INBOX, SEEN, SNOOZED, TRASH
from tests.webmail.mail_world import CAUSE, Reader
from webmail.models import Preferences

pytestmark = pytest.mark.django_db


def prefer(ann: Reader, **chosen: object) -> None:
    Preferences.objects.update_or_create(account=ann.account, defaults=chosen)


def rows(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'id="row-(\d+)"', page)]


def label(ann: Reader, name: str) -> int:
    return mailstore.create_mailbox(ann.space, name, cause=CAUSE).id


# --- the inbox in two parts
def test_the_unread_stand_above_everything_else(ann: Reader) -> None:
    prefer(ann, inbox_type="unread", page_size=25)
    read = [ann.receive(subject=f"Read {number}", flags=SEEN) for number in range(30)][::-1]
    new = [ann.receive(subject=f"New {number}") for number in range(3)][::-1]
    page = ann.page("/mail/inbox/")
    assert rows(page) == [*new, *read[:25]]
    assert page.index(">Unread") < page.index(">Everything else")
    assert "1–25 of 30" in page
    older = re.search(r'href="([^"]+)" rel="next"', page)
    assert older is not None
    second = ann.page(unescape(older[1]))
    assert rows(second) == read[25:]
    assert "26–30 of 30" in second


def test_a_part_that_is_long_has_a_page_of_its_own(ann: Reader) -> None:
    prefer(ann, inbox_type="starred", page_size=25)
    starred = [ann.receive(subject=f"Star {number}", flags=FLAGGED) for number in range(28)][::-1]
    plain = ann.receive(subject="Plain")
    page = ann.page("/mail/inbox/")
    assert rows(page) == [*starred[:25], plain]
    assert "Show all 28" in page
    assert rows(ann.page("/mail/inbox/?section=starred")) == starred[:25]


def test_two_parts_cost_a_constant_number_of_queries(ann: Reader) -> None:
    prefer(ann, inbox_type="unread")

    def queries() -> int:
        ann.page("/mail/inbox/")
        with CaptureQueriesContext(connection) as found:
            ann.page("/mail/inbox/")
        return len(found)

    ann.receive()
    ann.receive(flags=SEEN)
    few = queries()
    for number in range(30):
        ann.receive(subject=f"Number {number}", flags=SEEN if number % 2 else 0)
    assert queries() == few
    assert few <= 16


# --- single messages
def test_without_conversations_every_message_is_a_row(ann: Reader) -> None:
    prefer(ann, conversations=False)
    thread = ann.receive(subject="Lunch", message_id="a@x")
    ann.receive(subject="Re: Lunch", message_id="b@x", references="a@x")
    first, second = (each.id for each in mailstore.conversation(ann.space, thread).messages)
    page = ann.page("/mail/inbox/")
    assert rows(page) == [second, first]
    assert f"/mail/inbox/{thread}/?message={second}" in page
    said = ann.do("archive", [second], messages="1")
    assert said["text"] == "Message archived."
    assert rows(ann.page("/mail/inbox/")) == [first]
    ann.do("undo", action=said["action"])
    assert rows(ann.page("/mail/inbox/")) == [second, first]


def test_what_is_for_conversations_only_finds_them_from_single_messages(ann: Reader) -> None:
    prefer(ann, conversations=False)
    ann.receive(subject="Other")  # so that the numbers of messages and conversations differ
    thread = ann.receive(subject="Lunch", message_id="a@x")
    ann.receive(subject="Re: Lunch", message_id="b@x", references="a@x")
    found = mailstore.conversation(ann.space, thread).messages
    ann.do("mute", [found[-1].id], messages="1")
    assert len(rows(ann.page("/mail/inbox/"))) == 1
    assert ann.do("important", [2**40], messages="1")["status"] == 400


def test_pages_of_single_messages_follow_each_other(ann: Reader) -> None:
    prefer(ann, conversations=False, page_size=25)
    for number in range(30):
        ann.receive(subject=f"Number {number}")
    page = ann.page("/mail/inbox/")
    older = re.search(r'href="([^"]+)" rel="next"', page)
    assert older is not None
    assert len(set(rows(page)) | set(rows(ann.page(unescape(older[1]))))) == 30


# --- what a row shows
def test_a_label_that_is_hidden_on_rows_is_not_drawn(ann: Reader) -> None:
    shown, hidden = label(ann, "Shown"), label(ann, "Hidden")
    thread = ann.receive()
    ann.do("labels", [thread], add=[str(shown), str(hidden)])  # type: ignore[arg-type]  # several
    chips = r'class="chip-text">([^<]+)<'
    assert set(re.findall(chips, ann.page("/mail/inbox/"))) == {"Shown", "Hidden"}
    prefer(ann, label_looks={str(hidden): {"rows": "hide"}})
    assert set(re.findall(chips, ann.page("/mail/inbox/"))) == {"Shown"}


def test_the_inbox_is_a_chip_where_it_is_not_the_place(ann: Reader) -> None:
    thread = ann.receive()
    ann.do("label", [thread], new="Work")
    chips = r'class="chip-text">([^<]+)<'
    assert set(re.findall(chips, ann.page("/mail/label/Work/"))) == {"Inbox"}
    assert set(re.findall(chips, ann.page("/mail/search/?q=lunch"))) == {"Inbox", "Work"}


def test_importance_and_muting_are_marked_and_undone(ann: Reader) -> None:
    thread = ann.receive()
    important = ann.do("important", [thread])
    assert important["text"] == "Marked as important."
    assert "data-important" in ann.page("/mail/inbox/")
    assert 'class="visually-hidden">important' in ann.page("/mail/inbox/")
    muted = ann.do("mute", [thread])
    assert rows(ann.page("/mail/inbox/")) == []
    assert "Muted" in ann.page("/mail/archive/")
    ann.do("undo", action=muted["action"])
    ann.do("undo", action=important["action"])
    page = ann.page("/mail/inbox/")
    assert rows(page) == [thread]
    assert "data-important" not in page


def test_what_wakes_is_marked_and_stands_first(ann: Reader) -> None:
    sleeper = ann.receive(subject="Sleeper", flags=SEEN)
    ann.do("snooze", [sleeper], when="tomorrow")
    other = ann.receive(subject="Other")
    assert rows(ann.page("/mail/inbox/")) == [other]
    tomorrow = int((timezone.now() + timedelta(days=2)).timestamp() * 1_000_000)
    mailstore.wake_due(tomorrow)
    page = ann.page("/mail/inbox/")
    assert rows(page)[0] == sleeper
    assert re.search(r'row-mark">.*?Snoozed', page)


@pytest.mark.parametrize(
    "fields", [{}, {"when": "yesterday"}, {"when": "picked", "at": "2001-01-01T08:00"}, {"when": "picked"}]
)
def test_a_time_that_is_not_to_come_is_refused_in_words(ann: Reader, fields: dict[str, str]) -> None:
    said = ann.do("snooze", [ann.receive()], **fields)
    assert (said["status"], said["text"]) == (400, "Choose a time that is still to come.")


def test_the_snooze_menu_is_drawn_anew_for_an_old_page(ann: Reader) -> None:
    page = ann.page("/mail/snooze/?box=inbox")
    assert 'value="tomorrow"' in page
    assert "Back to the inbox now" in ann.page("/mail/snooze/?box=snoozed")


# --- everything at once
def everything(ann: Reader, verb: str, **fields: str) -> dict[str, object]:
    """Begins it, lets a worker do it, and gives what is told in the end."""
    said = ann.do(verb, all="1", **fields)
    assert said["status"] == 200, said
    work()
    told = ann.client.get(f"/mail/jobs/{said['job']}/", headers={"X-Mailstead": "1"}).json()
    assert told["ended"], told
    return dict(told)


def test_everything_in_a_place_is_archived_and_brought_back(ann: Reader) -> None:
    threads = [ann.receive(subject=f"Number {number}") for number in range(60)]
    told = everything(ann, "archive")
    assert told["text"] == "60 conversations archived."
    assert rows(ann.page("/mail/inbox/")) == []
    assert mailstore.mailbox_by_role(ann.space, ARCHIVE).messages == 60
    undone = ann.do("undo-all", action=str(told["action"]))
    work()
    assert ann.client.get(f"/mail/jobs/{undone['job']}/").json()["text"] == "Undone."
    assert rows(ann.page("/mail/inbox/")) == threads[::-1][:50]


def test_everything_that_a_search_finds_and_nothing_else(ann: Reader) -> None:
    found = [ann.receive(subject=f"Boats {number}") for number in range(3)]
    other = ann.receive(subject="Trains")
    told = everything(ann, "delete", q="boats", box="all")
    assert told["text"] == "3 conversations moved to Trash."
    assert rows(ann.page("/mail/inbox/")) == [other]
    assert sorted(rows(ann.page("/mail/trash/"))) == found


def test_everything_in_a_part_of_the_inbox(ann: Reader) -> None:
    read, new = ann.receive(flags=SEEN), ann.receive(subject="New")
    everything(ann, "archive", section="read")
    assert rows(ann.page("/mail/inbox/")) == [new]
    assert read in rows(ann.page("/mail/archive/"))


@pytest.mark.parametrize(
    ("verb", "fields", "said"),
    [
        ("read", {}, "Marked as read."),
        ("star", {}, "2 conversations starred."),
        ("important", {}, "2 conversations marked as important."),
        ("mute", {}, "2 conversations muted."),
        ("junk", {}, "2 conversations moved to Spam."),
        ("label", {"new": "Work"}, "Label Work added."),
        ("move", {"new": "Work"}, "2 conversations moved to Work."),
        ("snooze", {"when": "tomorrow"}, "2 conversations snoozed until "),
    ],
)
def test_every_verb_goes_for_everything(ann: Reader, verb: str, fields: dict[str, str], said: str) -> None:
    ann.receive()
    ann.receive(subject="Another")
    assert str(everything(ann, verb, **fields)["text"]).startswith(said)


def test_a_job_is_stopped_and_is_nobody_elses(ann: Reader, eve: Reader) -> None:
    for number in range(3):
        ann.receive(subject=f"Number {number}")
    said = ann.do("archive", all="1")
    assert said["text"] == "Archiving 0 of 3"
    assert eve.client.get(f"/mail/jobs/{said['job']}/").status_code == 404
    assert eve.client.post(f"/mail/jobs/{said['job']}/stop/").status_code == 404
    told = ann.client.post(f"/mail/jobs/{said['job']}/stop/").json()
    assert told["ended"]
    work()
    assert len(rows(ann.page("/mail/inbox/"))) == 3


def test_what_needs_more_is_refused_in_words(ann: Reader) -> None:
    ann.receive()
    for verb in ("move", "labels", "snooze", "empty"):
        assert ann.do(verb, all="1")["status"] == 400


def test_a_large_trash_is_emptied_in_the_background(ann: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webmail.jobs.FEW", 1)
    for number in range(3):
        ann.receive(subject=f"Number {number}", role=TRASH)
    said = ann.do("empty", box="trash")
    work()
    assert ann.client.get(f"/mail/jobs/{said['job']}/").json()["text"] == "Trash is empty now."
    assert mailstore.mailbox_by_role(ann.space, TRASH).messages == 0


def test_nobody_snoozes_for_somebody_else(ann: Reader, eve: Reader) -> None:
    thread = ann.receive()
    eve.do("snooze", [thread], when="tomorrow")
    assert mailstore.mailbox_by_role(ann.space, SNOOZED).messages == 0
    assert mailstore.mailbox_by_role(ann.space, INBOX).messages == 1


def test_reporting_a_list_as_spam_offers_the_way_out_of_it(ann: Reader) -> None:
    fields = "List-Id: <garden.lists.test>\r\nList-Unsubscribe: <mailto:leave@lists.test>"
    thread = ann.receive(subject="Garden", extra=fields)
    said = ann.do("junk", [thread])
    message = mailstore.conversation(ann.space, thread, aside=True).messages[-1].id
    assert said["more"] == {"text": "Unsubscribe", "url": f"/mail/unsubscribe/{message}/"}
    assert "more" not in ann.do("junk", [ann.receive()])
    ann.do("unjunk", [thread], box="spam")
    assert thread in rows(ann.page("/mail/inbox/"))
