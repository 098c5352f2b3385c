"""Pages of the web client: lists, conversations, search; what is theirs, and what is nobody else's."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from mta.mailstore import service as mailstore
from mta.queue import service as queue
from mta.queue.values import FAILED, WEB, NewOutgoing, NewRecipient, Outcome
from mta.values import DRAFTS, FLAGGED, JUNK, SEEN, TRASH, now_us
from tests.webmail.mail_world import CAUSE, Reader

pytestmark = pytest.mark.django_db

ROW = re.compile(r'<div class="row[^"]*" role="row" id="row-(\d+)"')


def row_ids(page: str) -> list[int]:
    return [int(each) for each in ROW.findall(page)]


# --- lists
def test_the_newest_conversation_stands_first(ann: Reader) -> None:
    first, second = ann.receive(subject="First"), ann.receive(subject="Second")
    assert row_ids(ann.page("/mail/inbox/")) == [second, first]


def test_a_row_says_who_what_and_what_is_in_it(ann: Reader) -> None:
    thread = ann.receive(subject="Keys", body="Bring them.", flags=FLAGGED)
    label = mailstore.create_mailbox(ann.space, "Work/Doors", cause=CAUSE, colour=3)
    mailstore.label(ann.space, [thread], label.id, cause=CAUSE)
    page = ann.page("/mail/inbox/")
    for sign in (
        'data-test="row"',
        "data-unread",
        "Ada Lovelace",
        "Keys",
        "Bring them.",
        'aria-pressed="true"',
        ">Doors<",
    ):
        assert sign in page


def test_rows_of_sent_say_to_whom(ann: Reader) -> None:
    ann.sent(subject="Hello", to="Ben Okafor <ben@x.test>")
    assert "To: Ben Okafor" in ann.page("/mail/sent/")


def test_rows_of_sent_go_on_naming_whom_i_wrote_to_when_an_answer_has_come(ann: Reader) -> None:
    ann.sent(subject="Hello", to="Ben Okafor <ben@x.test>", message_id="a@x")
    ann.receive(subject="Re: Hello", to="Ann <ann@example.test>", references="a@x", message_id="b@x")
    page = ann.page("/mail/sent/")
    assert "To: Ben Okafor" in page
    assert "To: Ann" not in page


def test_an_empty_place_counts_nothing(ann: Reader) -> None:
    assert '<span class="pager-range" hidden' in ann.page("/mail/snoozed/")


def test_participants_are_named_in_order_and_the_reader_is_me(ann: Reader) -> None:
    ann.receive(subject="Lunch", message_id="a@x")
    ann.sent(subject="Re: Lunch", message_id="b@x", references="a@x")
    page = ann.page("/mail/inbox/")
    assert re.search(r">Ada</span>.*>me</span>.*row-count\">2<", page, re.DOTALL)


def test_pages_follow_each_other_and_lead_back(ann: Reader, django_assert_max_num_queries: object) -> None:
    from webmail.models import Preferences

    Preferences.objects.create(account=ann.account, page_size=25)
    threads = [ann.receive(subject=f"Number {number}") for number in range(60)][::-1]
    address, seen = "/mail/inbox/", []
    for _ in range(3):
        page = ann.page(address)
        seen.append(row_ids(page))
        following = re.search(r'href="([^"]+)" rel="next"', page)
        if following:
            address = following[1]
    assert seen == [threads[:25], threads[25:50], threads[50:]]
    assert "51–60 of 60" in page
    back = re.search(r'href="([^"]+)" rel="prev"', page)
    assert back is not None
    assert row_ids(ann.page(back[1])) == threads[25:50]
    assert row_ids(ann.page("/mail/inbox/?last=1"))[-1] == threads[-1]


@pytest.mark.parametrize(
    "place", ["starred", "snoozed", "drafts", "scheduled", "archive", "all", "spam", "trash"]
)
def test_every_place_opens_when_it_is_empty(ann: Reader, place: str) -> None:
    assert "empty-title" in ann.page(f"/mail/{place}/")


def test_labels_have_addresses_even_when_their_names_are_numbers(ann: Reader) -> None:
    for name in ("Work", "Work/2024", "2024", "~x", "a b/ü & c"):
        mailstore.create_mailbox(ann.space, name, cause=CAUSE)
    page = ann.page("/mail/inbox/")
    addresses = re.findall(r'href="(/mail/label/[^"]+)"', page)
    assert len(set(addresses)) == 6  # "a b" is the parent of the last
    for address in addresses:
        assert 'aria-current="page"' in ann.page(unescape(address))


def test_the_title_counts_what_is_unread(ann: Reader) -> None:
    ann.receive()
    ann.receive(flags=SEEN)
    assert "<title>Inbox (1) - ann@example.test - Mailstead</title>" in ann.page("/mail/inbox/")


def test_a_list_costs_the_same_number_of_queries_however_long_it_is(ann: Reader) -> None:
    def queries(address: str) -> int:
        ann.page(address)
        with CaptureQueriesContext(connection) as found:
            ann.page(address)
        return len(found)

    ann.receive()
    addresses = ("/mail/inbox/", "/mail/all/", "/mail/search/?q=lunch")
    few = [queries(address) for address in addresses]
    for number in range(30):
        ann.receive(subject=f"Lunch {number}")
    assert [queries(address) for address in addresses] == few
    assert max(few) <= 16  # the search also reads what is not indexed yet, and looks into Spam and Trash


# --- conversations
def test_a_conversation_shows_messages_from_every_mailbox_but_trash_and_spam(ann: Reader) -> None:
    thread = ann.receive(subject="Lunch", message_id="a@x", body="Question")
    ann.sent(subject="Re: Lunch", message_id="b@x", references="a@x", body="Answer")
    ann.receive(subject="Re: Lunch", message_id="c@x", references="a@x", body="Spam", role=JUNK)
    ann.receive(subject="Re: Lunch", message_id="d@x", references="a@x", body="Thrown", role=TRASH)
    page = ann.page(f"/mail/inbox/{thread}/?open=all")
    assert "Question" in page
    assert "Answer" in page
    assert "Spam</div>" not in page
    assert "1 message is in Trash." in page
    assert "Thrown" in ann.page(f"/mail/inbox/{thread}/?open=all&aside=1")


def test_opening_a_conversation_makes_it_read_but_looking_ahead_does_not(ann: Reader) -> None:
    thread = ann.receive()
    for how in ("prefetch", "part"):
        ann.get(f"/mail/inbox/{thread}/", headers={"X-Mailstead": how})  # type: ignore[arg-type]
        assert mailstore.conversation(ann.space, thread).messages[0].flags & SEEN == 0
    ann.page(f"/mail/inbox/{thread}/")
    assert mailstore.conversation(ann.space, thread).messages[0].flags & SEEN


def test_unread_messages_and_the_last_stand_open_and_many_closed_ones_are_folded(ann: Reader) -> None:
    for number in range(8):
        thread = ann.receive(
            subject="Re: Plan",
            message_id=f"{number}@x",
            references="0@x" if number else "",
            flags=0 if number == 6 else SEEN,
        )
    page = ann.page(f"/mail/inbox/{thread}/")
    assert page.count("data-opened") == 2
    assert "5 earlier messages" in page
    assert ann.page(f"/mail/inbox/{thread}/?open=all").count("data-opened") == 8


def test_a_reply_hides_what_it_quotes_behind_a_button(ann: Reader) -> None:
    thread = ann.receive(subject="Lunch", message_id="a@x", body="Shall we meet at noon by the old harbour?")
    ann.receive(
        subject="Re: Lunch",
        message_id="b@x",
        references="a@x",
        body="Yes.\r\n\r\nOn Monday 3 May 2026, Ada wrote:\r\n> Shall we meet at noon by the old harbour?",
    )
    page = ann.page(f"/mail/inbox/{thread}/")
    assert re.search(r'<details class="trimmed">.*noon by the old harbour', page, re.DOTALL)


def test_html_is_shown_in_a_frame_that_cannot_run_anything(ann: Reader) -> None:
    raw = b"From: a@x.test\r\nSubject: News\r\nContent-Type: text/html\r\n\r\n<p>Hi</p><img src=https://x.test/a.png><script>alert(1)</script>"
    thread = ann.receive(raw=raw)
    page = ann.page(f"/mail/inbox/{thread}/")
    frame = re.search(r'<iframe class="message-frame" src="([^"]+)" sandbox="([^"]+)"', page)
    assert frame is not None
    assert "allow-scripts" not in frame[2]
    assert "allow-forms" not in frame[2]
    assert "Pictures held back" in page
    body = ann.get(frame[1])
    assert b"<p>Hi</p>" in body.content
    assert b"script" not in body.content
    assert b"x.test/a.png" not in body.content
    policy = body["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'self'" in policy
    assert "sandbox" in policy


def test_neighbours_lead_through_the_list(ann: Reader) -> None:
    threads = [ann.receive(subject=f"Number {number}") for number in range(3)]
    page = ann.page(f"/mail/inbox/{threads[1]}/")
    assert f'href="/mail/inbox/{threads[0]}/" data-older data-test="next-message"' in page
    assert f'href="/mail/inbox/{threads[2]}/" data-newer' in page
    assert "2 of 3" in page


def test_a_draft_leads_to_the_page_that_writes(ann: Reader) -> None:
    thread = ann.receive(subject="Unfinished", role=DRAFTS, flags=SEEN)
    page = ann.page("/mail/drafts/")
    assert 'href="/mail/compose/?mode=draft&amp;message=' in page
    assert "Unfinished" in page
    assert thread


def test_hostile_names_and_subjects_stay_text(ann: Reader) -> None:
    evil = '"><script>alert(1)</script>'
    thread = ann.receive(subject=evil, sender=f'"{evil[2:]}" <a@x.test>', body=evil)
    mailstore.create_mailbox(ann.space, "<img src=x onerror=alert(1)>", cause=CAUSE)
    for address in ("/mail/inbox/", f"/mail/inbox/{thread}/", f"/mail/search/?q={evil}", "/mail/all/"):
        page = ann.page(address)
        assert "<script>alert" not in page
        assert "<img src=x" not in page


# --- search
def test_search_finds_words_in_bodies_and_leaves_out_spam_and_trash(ann: Reader) -> None:
    found = ann.receive(subject="One", body="the zanzibar report")
    ann.receive(subject="Two", body="zanzibar", role=JUNK)
    ann.receive(subject="Three", body="nothing")
    page = ann.page("/mail/search/?q=zanzibar")
    assert row_ids(page) == [found]
    assert 'data-test="results"' in page
    assert len(row_ids(ann.page("/mail/search/?q=zanzibar+in:anywhere"))) == 2


def test_pages_of_a_search_follow_each_other(ann: Reader) -> None:
    from webmail.models import Preferences

    Preferences.objects.create(account=ann.account, page_size=25)
    threads = [ann.receive(subject=f"Lamp {number}") for number in range(40)][::-1]
    # The newest message of this conversation does not match; its place among the results is the match's.
    ann.receive(subject="Re: Lamp 20", references="none@x", body="nothing")
    page = ann.page("/mail/search/?q=subject:lamp")
    older = re.search(r'href="([^"]+)" rel="next"', page)
    assert older is not None
    second = ann.page(older[1].replace("&amp;", "&"))
    assert set(threads) <= set(row_ids(page) + row_ids(second))
    assert "26–" in second
    newer = re.search(r'href="([^"]+)" rel="prev"', second)
    assert newer is not None
    assert row_ids(ann.page(newer[1].replace("&amp;", "&"))) == row_ids(page)


@pytest.mark.parametrize(
    "text", ['"', "(((", "from:", "a OR", "larger:x", "%_*'\";--", "in:nowhere", "\x00", "x" * 5000]
)
def test_no_search_is_an_error(ann: Reader, text: str) -> None:
    assert ann.get("/mail/search/", **{"QUERY_STRING": ""}).status_code == 200
    assert ann.client.get("/mail/search/", {"q": text}).status_code == 200


# --- whose it is
def test_strangers_are_asked_to_sign_in_and_scripts_are_told(ann: Reader) -> None:
    stranger = Client()
    response = stranger.get("/mail/inbox/?x=1")
    assert response.status_code == 302
    assert response["Location"] == "/?next=%2Fmail%2Finbox%2F%3Fx%3D1"
    assert stranger.get("/mail/inbox/", headers={"X-Mailstead": "part"}).status_code == 401
    assert stranger.post("/mail/actions/archive/", {"ids": "1"}).status_code == 401


def test_nothing_of_another_mailspace_can_be_reached(ann: Reader, eve: Reader) -> None:
    thread = ann.receive(
        subject="Secret",
        extra="X: y",
        body="between us",
    )
    message = mailstore.conversation(ann.space, thread).messages[0].id
    for address in (
        f"/mail/inbox/{thread}/",
        f"/mail/all/{thread}/",
        f"/mail/message/{message}/",
        f"/mail/original/{message}/",
        f"/mail/download/{message}/",
        f"/mail/body/{message}/",
        f"/mail/attachment/{message}/1/x.txt",
        f"/mail/attachments/{message}/",
        f"/mail/inline/{message}/x@y",
        f"/mail/live/conversation/{thread}/",
    ):
        response = eve.get(address)
        assert response.status_code == 404, address
        assert b"between us" not in response.content
    assert b"Secret" not in eve.get("/mail/search/?q=secret").content
    mine = eve.receive()
    eve.get(f"/mail/body/{mailstore.conversation(eve.space, mine).messages[0].id}/?earlier={message}")
    for verb in ("archive", "delete", "read", "star", "delete-messages"):
        eve.do(verb, [thread])
    label = mailstore.create_mailbox(ann.space, "Hers", cause=CAUSE)
    assert eve.do("move", [mine], target=str(label.id))["status"] == 400
    assert eve.client.post(f"/mail/labels/{label.id}/", {"name": "Mine"}).status_code == 404
    assert mailstore.mailbox_by_role(ann.space, "inbox").threads == 1
    assert mailstore.mailbox_by_id(ann.space, label.id).name == "Hers"


def test_who_may_only_read_changes_nothing(ann: Reader, eve: Reader) -> None:
    from hosting.models import Grant

    thread = ann.receive()
    Grant.objects.filter(account=eve.account).delete()
    Grant.objects.create(account=eve.account, mailspace=ann.space, right=Grant.READ)
    assert f'id="row-{thread}"' in eve.page("/mail/inbox/")
    assert eve.do("archive", [thread])["status"] == 403
    assert mailstore.mailbox_by_role(ann.space, "inbox").threads == 1
    eve.page(f"/mail/inbox/{thread}/")
    assert mailstore.conversation(ann.space, thread).messages[0].flags & SEEN == 0


# --- where a sent message is
def _fail(ann: Reader, message: int) -> None:
    queue.enqueue(
        NewOutgoing(
            kind=WEB,
            sender="ann@example.test",
            raw=b"x",
            recipients=(NewRecipient("ben@outside.test"),),
            mailspace=ann.space,
            message=message,
        )
    )
    (claimed,) = queue.claim(limit=10)
    no = Outcome(FAILED, "no mailbox", 550, "5.1.1", "5.1.1 who?", "mx.outside.test")
    queue.record(claimed, no, queue.decide(claimed, no, now=now_us()), now=now_us())


def test_what_was_not_delivered_is_marked_in_sent_and_stands_open(ann: Reader) -> None:
    thread = ann.sent(subject="Out", message_id="out@x", to="ben@outside.test")
    message = mailstore.conversation(ann.space, thread).messages[0].id
    ann.receive(subject="Re: Out", references="out@x", message_id="b@x", flags=SEEN)
    assert 'data-state="failed"' not in ann.page("/mail/sent/")
    _fail(ann, message)
    for page in (ann.page("/mail/sent/"), ann.get("/mail/live/rows/sent/?since=0").json()["rows"][0]["html"]):
        assert '<span class="node" data-state="failed"></span>Not delivered' in page
    assert 'data-state="failed"' not in ann.page("/mail/inbox/")
    assert f'data-sending="{message}"' in ann.page(f"/mail/inbox/{thread}/")
    news = ann.get(f"/mail/live/conversation/{thread}/").json()["sendings"][str(message)]
    assert (news["state"], news["text"]) == ("failed", "Not delivered")


def test_a_sent_message_says_how_it_stands_with_each_recipient(ann: Reader) -> None:
    thread = ann.sent(subject="Out", message_id="out@example.test", to="ben@outside.test, cy@outside.test")
    message = mailstore.conversation(ann.space, thread).messages[0]
    queue.enqueue(
        NewOutgoing(
            kind=WEB,
            sender="ann@example.test",
            raw=b"x",
            recipients=(
                NewRecipient("ben@outside.test", delivered_here=True),
                NewRecipient("cy@outside.test"),
            ),
            mailspace=ann.space,
            message=message.id,
            header_id="out@example.test",
        )
    )
    page = ann.page(f"/mail/sent/{thread}/")
    assert 'data-state="delivered"' in page
    assert 'data-state="queued"' in page
    assert "Delivered to 1 of 2, 1 on its way" in page
    assert "data-waiting" in page
    news = ann.get(f"/mail/live/conversation/{thread}/").json()["sendings"][str(message.id)]
    assert news["waiting"]
    assert "cy@outside.test" in news["html"]
