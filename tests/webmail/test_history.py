"""Recent changes: every change with its cause in words, each with its way back; and the way back to a moment."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.utils import timezone

from mta.mailstore import service as mailstore
from mta.mailstore.service import HistoryLine
from mta.values import INBOX, SEEN, TRASH, Cause
from tests.webmail.mail_world import Reader
from webmail import changes

THUNDERBIRD = Cause("imap", session="Thunderbird on 10.0.0.7", actor="ann@example.test")
FILTER = Cause("filter", session="filter Invoices")
HOUR = 3600 * 1_000_000


def lines(page: str) -> list[str]:
    """Each change as a person reads it."""
    found = re.findall(r'<li class="thread-step change.*?</li>', page, re.DOTALL)
    return [unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", each))).strip() for each in found]


def deleted_by_thunderbird(who: Reader, count: int = 5) -> None:
    threads = [who.receive(subject=f"Letter {number}") for number in range(count)]
    mailstore.delete(who.space, threads, cause=THUNDERBIRD)


def subjects(who: Reader, role: str = INBOX) -> set[str]:
    return {line.subject for line in mailstore.threads(who.space, who.role(role), limit=100).rows}


def finish() -> None:
    assert not mailstore.work_bulks(seconds=30)


def post(who: Reader, address: str, **fields: Any) -> dict[str, Any]:
    answer = who.client.post(address, fields, headers={"X-Mailstead": "1"})
    said: dict[str, Any] = answer.json()
    return said | {"status": answer.status_code}


def test_every_change_says_who_did_what_to_how_much(ann: Reader) -> None:
    deleted_by_thunderbird(ann)
    other = ann.receive(subject="Invoice 7")
    mailstore.archive(ann.space, [other], cause=FILTER)
    ann.do("star", [other])
    said = lines(ann.page("/mail/changes/"))
    assert said[0].startswith("You starred a message Invoice 7")
    assert said[1].startswith("The filter “Invoices” archived a message Invoice 7")
    deleted = next(each for each in said if "Thunderbird" in each)
    assert deleted.startswith("Thunderbird on 10.0.0.7 moved 5 messages to Trash Letter")
    assert "and 2 more" in deleted
    assert deleted.endswith("Undo")


def test_changes_are_of_days_in_the_readers_zone(ann: Reader) -> None:
    with timezone.override("Asia/Tokyo"):
        late = int(
            datetime(2026, 11, 22, 16, 0, tzinfo=UTC).timestamp() * 1_000_000
        )  # already the 23rd there
        early = late - 2 * HOUR
        made = [_line(at) for at in (late, early)]
        days = changes.days(made, me="ann", mailboxes=())
    assert [(day.iso, len(day.lines)) for day in days] == [("2026-11-23", 1), ("2026-11-22", 1)]


def _line(
    at: int, verb: str = "archive", cause: str = "web", session: str = "", count: int = 1
) -> HistoryLine:
    return HistoryLine("a" * 24, at, verb, cause, session, "ann", "Inbox", count, False)


@pytest.mark.parametrize(
    ("verb", "count", "where", "said"),
    [
        ("delete", 312, {}, "moved 312 messages to Trash"),
        ("move", 1, {"mailbox": "Inbox", "target": "Work"}, "moved a message from Inbox to Work"),
        ("label", 2, {"target": "Work"}, "put the label Work on 2 messages"),
        ("expunge", 1234, {"mailbox": "Inbox"}, "deleted 1,234 messages from Inbox"),
        ("undo archive", 3, {}, "took back: archived 3 messages"),
        ("create", 0, {"mailbox": "Work"}, "made the label Work"),
        ("something new", 4, {}, "changed 4 messages"),
    ],
)
def test_a_verb_is_a_sentence(verb: str, count: int, where: dict[str, str], said: str) -> None:
    assert changes.sentence(verb, count, **where) == said


def test_one_kind_of_cause_can_be_looked_at_alone_and_older_ones_follow(ann: Reader) -> None:
    for number in range(105):
        thread = ann.receive(subject=f"Letter {number}")
        mailstore.archive(ann.space, [thread], cause=THUNDERBIRD)
    ann.do("delete", [thread])
    programs = ann.page("/mail/changes/?by=programs")
    assert len(lines(programs)) == 100
    assert not any(line.startswith("You") for line in lines(programs))
    older = re.search(r'href="(\?[^"]+)" data-test="older"', programs)
    assert older
    rest = lines(ann.page(f"/mail/changes/{unescape(older[1])}"))
    assert len(rest) == 5
    assert not set(rest) & set(lines(programs))
    assert [line.split(" 2")[0][:3] for line in lines(ann.page("/mail/changes/?by=web"))] == ["You"]
    assert "Nothing has been changed yet." in ann.page("/mail/changes/?by=filter")


def test_the_page_asks_as_little_for_many_changes_as_for_few(
    ann: Reader, django_assert_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for _round in range(2):
        for number in range(12):
            thread = ann.receive(subject=f"Letter {number}")
            ann.do("star", [thread])
        ann.page("/mail/changes/")
        with CaptureQueriesContext(connection) as asked:
            ann.page("/mail/changes/")
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_what_a_mail_program_did_is_taken_back_from_the_page(ann: Reader) -> None:
    deleted_by_thunderbird(ann)
    assert subjects(ann) == set()
    action = re.search(r'name="action" value="(\w+)"', ann.page("/mail/changes/"))
    assert action
    job = post(ann, "/mail/changes/undo/", action=action[1])
    finish()
    done = ann.get(f"/mail/changes/job/{job['id']}/").json()
    assert (done["running"], done["failed"]) == (False, False)
    assert subjects(ann) == {f"Letter {number}" for number in range(5)}
    page = ann.page("/mail/changes/")
    struck = next(line for line in lines(page) if line.startswith("Thunderbird"))
    assert "Taken back" in struck
    assert "<s>moved 5 messages to Trash</s>" in page
    assert lines(page)[0].startswith("You took back: moved 5 messages to Trash")
    again = post(ann, "/mail/changes/undo/", action=action[1])
    assert (again["status"], again["text"]) == (400, "There is nothing left to undo there.")


def test_the_mailbox_goes_back_to_a_moment_and_forward_again(ann: Reader) -> None:
    first = ann.receive(subject="Kept")
    deleted_by_thunderbird(ann, 2)
    at = int(timezone.now().timestamp() * 1_000_000)
    ann.do("archive", [first])
    ann.receive(subject="Came later")
    mailstore.mark(ann.space, [first], seen=True, cause=THUNDERBIRD)
    page = ann.page(f"/mail/changes/?at={at}")
    preview = page.split('class="rewind-preview"')[1].split("</form>")[0]
    assert "This takes back 2 changes to 2 messages. Mail that has arrived since stays." in preview
    assert {"<li>1 message is unread again</li>", "<li>1 message returns to Inbox</li>"} <= set(
        re.findall("<li>.*?</li>", preview)
    )
    post(ann, "/mail/changes/rewind/", at=str(at))
    finish()
    assert subjects(ann) == {"Kept", "Came later"}
    assert subjects(ann, TRASH) == {"Letter 0", "Letter 1"}, "what was so before stays so"
    action = re.search(r'name="action" value="(\w+)"', ann.page("/mail/changes/"))
    assert action
    post(ann, "/mail/changes/undo/", action=action[1])
    finish()
    assert subjects(ann) == {"Came later"}


def test_what_was_merely_read_in_a_day_is_one_line(ann: Reader) -> None:
    threads = [ann.receive(subject=f"Letter {number}") for number in range(6)]
    for thread in threads:
        ann.do("read", [thread])
        ann.do("archive", [thread])
    said = lines(ann.page("/mail/changes/"))
    assert [line[:39] for line in said if "as read" in line] == ["You marked 6 messages as read Letter 5 "]
    assert sum("archived" in line for line in said) == 6


def test_small_changes_in_a_row_are_one_line_and_taken_back_together(ann: Reader) -> None:
    for number in range(4):
        thread = ann.receive(subject=f"Letter {number}")
    threads = [line.thread for line in mailstore.threads(ann.space, ann.role(INBOX), limit=9).rows]
    for thread in threads:
        mailstore.mark(ann.space, [thread], seen=True, cause=THUNDERBIRD)
    page = ann.page("/mail/changes/")
    assert lines(page)[0].startswith("Thunderbird on 10.0.0.7 marked 4 messages as read")
    actions = re.findall(r'name="action" value="(\w+)"', page.split("</li>")[0])[:4]
    assert len(set(actions)) == 4
    post(ann, "/mail/changes/undo/", action=actions)
    finish()
    assert all(line.unread for line in mailstore.threads(ann.space, ann.role(INBOX), limit=9).rows)


@pytest.mark.parametrize(
    "moment",
    [
        "at=99999999999999999",
        "day=2026-02-31&time=10:00",
        "day=x&time=y",
        "day=2999-01-01&time=10:00",
        "to=never",
    ],
)
def test_a_moment_that_is_none_is_refused(ann: Reader, moment: str) -> None:
    ann.do("star", [ann.receive()])
    assert "Choose a day and a time that are past." in ann.page(f"/mail/changes/?{moment}")
    name, _, value = moment.partition("=")
    assert post(ann, "/mail/changes/rewind/", **{name: value})["status"] == 400


def test_quick_moments_are_past_and_in_the_readers_zone() -> None:
    now = datetime(2026, 11, 23, 7, 30, tzinfo=timezone.get_fixed_timezone(60))
    names = {name: at for name, _words, at in changes.moments(now)}
    assert "morning" not in names, "it has not been eight yet"
    assert names["evening"] == datetime(2026, 11, 22, 18, 0, tzinfo=now.tzinfo)


def test_nobody_sees_or_undoes_what_was_done_elsewhere(ann: Reader, eve: Reader) -> None:
    deleted_by_thunderbird(ann)
    action = re.search(r'name="action" value="(\w+)"', ann.page("/mail/changes/"))
    assert action
    assert "Thunderbird" not in eve.page("/mail/changes/")
    assert post(eve, "/mail/changes/undo/", action=action[1])["status"] == 400
    job = post(ann, "/mail/changes/undo/", action=action[1])
    assert eve.get(f"/mail/changes/job/{job['id']}/").status_code == 404
    finish()
    assert subjects(ann, INBOX)


def test_it_works_by_plain_forms(ann: Reader) -> None:
    thread = ann.receive(subject="One", flags=SEEN)
    ann.do("archive", [thread])
    action = re.search(r'name="action" value="(\w+)"', ann.page("/mail/changes/"))
    assert action
    assert ann.client.post("/mail/changes/undo/", {"action": action[1]})["Location"] == "/mail/changes/"
    finish()
    assert subjects(ann) == {"One"}
