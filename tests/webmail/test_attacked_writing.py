"""What a hostile tester found in writing, filters, contacts and settings, each as it was tried."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from mta.directory import Resolution
from mta.filters import service as filters
from mta.filters.models import ForwardingAddress
from mta.filters.service import AutoReply, CannotFilter
from mta.flow import submit
from mta.flow.errors import AlreadySent
from mta.mailstore import service as mailstore
from mta.queue import service as queue
from mta.queue.models import Outgoing
from mta.values import now_us
from tests.mta.flow.conftest import CAUSE, Office, office, signing_key
from tests.mta.flow.test_filters import arrive, boxes, confirmed, sent
from tests.webmail.mail_world import Reader
from webmail.contacts import cards
from webmail.models import Preferences

__all__ = ["office", "signing_key"]  # fixtures

pytestmark = pytest.mark.django_db
DAY = 86_400 * 1_000_000


# --- forwarding ---------------------------------------------------------------------------------------------
def test_mail_that_is_forwarded_to_an_alias_of_ones_own_stays_in_the_inbox(office: Office) -> None:
    """It went to Trash, "it was forwarded", and nowhere else: the alias leads back here."""
    confirmed(office, "both@a.test", enabled=True, keep=False)
    arrive(office)
    assert boxes(office) == {"INBOX"}
    assert sent("forward") == []


def test_asking_and_removing_by_turns_does_not_fill_a_strangers_mailbox(office: Office) -> None:
    first = filters.ask_forwarding(office.ann, "victim@outside.test")
    filters.remove_forwarding(office.ann, first.id)
    with pytest.raises(CannotFilter):
        filters.ask_forwarding(office.ann, "victim@outside.test")
    assert Outgoing.objects.count() == 1
    asked = 1
    with pytest.raises(CannotFilter):
        for number in range(50):
            made = filters.ask_forwarding(office.ann, f"n{number}@outside.test")
            filters.remove_forwarding(office.ann, made.id)
            asked += 1
    assert Outgoing.objects.count() == asked == 20
    assert not ForwardingAddress.objects.exists()


# --- the automatic reply ------------------------------------------------------------------------------------
REPLY = {"kind": "reply", "enabled": True, "subject": "s", "html": "", "text": "t", "days": 4}


def bring(who: Reader, *entries: dict[str, Any]) -> int:
    file = SimpleUploadedFile("filters.json", json.dumps({"entries": entries}).encode())
    return int(who.client.post("/mail/settings/filters/import/", {"file": file}).status_code)


@pytest.mark.parametrize(
    "moments",
    [{"starts": 10**30}, {"starts": 9 * 10**18}, {"starts": -9 * 10**18}, {"ends": 9 * 10**18}],
)
def test_a_file_with_absurd_moments_breaks_no_page(ann: Reader, moments: dict[str, int]) -> None:
    """The line over the lists could not say such a day: every list was an error until the database was mended."""
    assert bring(ann, REPLY | moments) == 302
    assert filters.auto_reply(ann.space) == AutoReply()
    for page in ("inbox", "settings/reply", "settings/filters"):
        ann.page(f"/mail/{page}/")


def test_a_file_with_letters_that_no_database_keeps_is_taken_without_them(ann: Reader) -> None:
    rule = {"kind": "rule", "name": "a\0\ud800", "query": "\0", "criteria": ["not", ["words", "x"]]}
    blocked = {"kind": "blocked", "address": "\ud800@x.test"}
    assert bring(ann, REPLY | {"text": "a\0b\ud800", "subject": "\0x"}, rule, blocked) == 302
    assert (filters.auto_reply(ann.space).text, filters.auto_reply(ann.space).subject) == ("ab", "x")
    ann.page("/mail/inbox/")
    ann.page("/mail/settings/filters/")


def test_html_out_of_a_file_is_what_the_editor_could_have_made(ann: Reader) -> None:
    """It goes out to strangers in one's own name."""
    html = "<script>alert(1)</script><p onclick=x>Away</p><img src=https://t.test/x.gif>"
    assert bring(ann, REPLY | {"html": html}) == 302
    kept = filters.auto_reply(ann.space).html
    assert "Away" in kept
    assert not any(each in kept for each in ("script", "onclick", "t.test"))


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
@pytest.mark.parametrize(("first", "last"), [("0001-01-01", ""), ("9999-12-31", "9999-12-31")])
def test_a_reply_from_the_first_or_last_day_of_all_years_is_refused(
    ann: Reader, zone: str, first: str, last: str
) -> None:
    """It was saved, and its page was an error from then on."""
    Preferences.objects.create(account=ann.account, time_zone=zone)
    form = {"enabled": "on", "starts": first, "ends": last, "text": "Away", "days": "4"}
    assert ann.client.post("/mail/settings/reply/", form).status_code == 400
    ann.page("/mail/settings/reply/")
    ann.page("/mail/inbox/")


def test_moments_far_but_sayable_are_kept(ann: Reader) -> None:
    now = now_us()
    kept = filters.set_auto_reply(ann.space, AutoReply(True, "", "", "Away", now, now + 3_650 * DAY, 4))
    assert kept.starts == now


# --- the address book ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "line",
    [
        "a;" * 300_000,
        "EMAIL" + ";a=b" * 100_000 + ":x@y.test",
        'X;Y="' + 'a",' * 100_000,
        "X;" + '"' * 300_000,
    ],
)
def test_a_card_with_thousands_of_parameters_is_read_in_no_time(line: str) -> None:
    """vobject's pattern took minutes for one such line, and a process of the web with it."""
    card = f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada\r\n{line}\r\nEND:VCARD\r\n".encode()
    start = time.process_time()
    people, _unread = cards.read(card)
    assert time.process_time() - start < 2
    assert [each.name for each in people] == ["Ada"]


def test_a_card_keeps_what_stands_behind_quotes_and_long_labels() -> None:
    line = 'EMAIL;TYPE="home,work";X-NOTE="a:b;c":ada@there.test'
    card = f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada\r\n{line}\r\nEND:VCARD\r\n".encode()
    assert cards.read(card)[0][0].emails[0][1] == "ada@there.test"


def test_a_person_in_thousands_of_groups_is_read_in_bearable_time() -> None:
    member = "MEMBER:urn:uuid:u\r\n" * 1_900
    group = f"BEGIN:VCARD\r\nVERSION:4.0\r\nKIND:group\r\nFN:Friends\r\nUID:g\r\n{member}END:VCARD\r\n"
    person = "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ada\r\nUID:u\r\nEND:VCARD\r\n"
    start = time.process_time()
    people, _unread = cards.read((group * 10 + person * 3_000).encode())
    assert time.process_time() - start < 10
    assert people[0].groups == ("Friends",)


# --- sending ------------------------------------------------------------------------------------------------
def test_words_that_another_window_saves_while_the_message_is_sent_go_along(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were said to be saved, were in no message, and their draft was closed."""
    draft = office.draft("ben@a.test", text="Old words")
    known = office.directory.resolve

    def resolve(address: str) -> Resolution:
        """The moment between reading the draft and sending it."""
        found = mailstore.draft(office.ann, draft)
        if found.version < 3:
            fields = replace(found.fields, text=f"New words {found.version}")
            mailstore.save_draft(office.ann, draft, fields, version=found.version, cause=CAUSE)
        return known(address)

    monkeypatch.setattr(office.directory, "resolve", resolve)
    submit.submit_draft(office.ann, 1, draft, cause=CAUSE)
    assert b"New words 2" in office.raw(office.ben, "inbox")
    assert b"New words 2" in office.raw(office.ann, "sent")
    with pytest.raises(AlreadySent):
        submit.submit_draft(office.ann, 1, draft, cause=CAUSE)


def saved(who: Reader, **fields: Any) -> int:
    data = {"to": [["", "ben@outside.test"]], "subject": "Later", "html": "<p>x</p>"} | fields
    answer = who.client.post(
        "/mail/compose/save/", json.dumps(data), "application/json", headers={"X-Mailstead": "1"}
    )
    return int(answer.json()["draft"])


@pytest.mark.parametrize("moment", [True, "x", 1e300, [1], {}, -1, 0, 10**18, 10**30, False, 1.5])
def test_a_moment_that_cannot_be_read_does_not_send_at_once(ann: Reader, moment: Any) -> None:
    draft = saved(ann)
    answer = ann.client.post(
        f"/mail/compose/{draft}/send/",
        json.dumps({"at": moment}),
        "application/json",
        headers={"X-Mailstead": "1"},
    )
    assert answer.status_code == 422
    assert not Outgoing.objects.exists()
    assert mailstore.draft(ann.space, draft).state == "open"


def test_no_field_of_a_message_makes_a_line_of_its_own(ann: Reader) -> None:
    bad = "x\r\nBcc: eve@evil.test\u2028X-Bad: y\x00"
    draft = saved(
        ann, subject=bad, to=[[bad, "ben@outside.test"]], receipt=True, **{"from": ann.account.username}
    )
    for name in (bad, "../../etc/passwd", '"; filename=evil.html', "\u202egpj.exe"):
        file = SimpleUploadedFile("x", b"x")
        file.__dict__["_name"] = name  # what Django makes of it comes after the wire
        ann.client.post(f"/mail/compose/{draft}/files/", {"file": file}, headers={"X-Mailstead": "1"})
    address = f"/mail/compose/{draft}/send/"
    assert ann.client.post(address, "{}", "application/json", headers={"X-Mailstead": "1"}).status_code == 200
    raw = queue.raw(Outgoing.objects.get().id)
    names = [line.partition(b":")[0].lower() for line in raw.split(b"\r\n") if line[:1].strip()]
    assert not {b"bcc", b"x-bad"} & set(names)
    assert b"../" not in raw
