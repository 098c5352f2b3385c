"""The quarantine on the web: its page, the links of the daily mail, and whose they are."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from mta.filters import service as filters
from mta.mailstore import service as mailstore
from mta.mailstore.service import Door
from mta.message.parse import parse_message
from mta.values import INBOX, QUARANTINE, Cause
from tests.mail import mail
from tests.webmail.mail_world import Reader
from webmail import digest
from webmail.models import Preferences

pytestmark = pytest.mark.django_db
HOLIDAY = datetime(2026, 11, 20, 12, tzinfo=UTC)


def hold(
    reader: Reader,
    subject: str = "You have won",
    *,
    kind: str = "spam",
    sender: str = "Lotto <win@lotto.test>",
    at: datetime = HOLIDAY,
) -> int:
    prepared = mailstore.prepare(mail(sender=sender, subject=subject, body="Claim <b>now</b> & here."))
    reasons = {"placement": "The message is full of what spam is made of", "held": kind}

    def work(door: Door) -> int:
        when = int(at.timestamp() * 1_000_000)
        cause = Cause("smtp")
        return door.store(
            reader.space, prepared, QUARANTINE, cause=cause, reasons=reasons, internal_date=when
        ).message

    return mailstore.commit({reader.space}, work)


def subjects(reader: Reader, role: str) -> list[str]:
    page = mailstore.threads(reader.space, reader.role(role), limit=50)
    return sorted(mailstore.conversation(reader.space, row.thread).subject for row in page.rows)


def act(reader: Reader, message: int, do: str) -> str:
    fields = {"message": message, "do": do}
    return str(reader.client.post("/mail/quarantine/do/", fields, follow=True).content.decode())


def test_the_page_shows_who_what_and_why_and_the_column_leads_there(ann: Reader) -> None:
    assert "/mail/quarantine/" not in ann.page("/mail/inbox/")
    hold(ann)
    hold(ann, "Invoice", kind="virus", sender="a@x.test")
    assert 'href="/mail/quarantine/"' in ann.page("/mail/inbox/")
    page = ann.page("/mail/quarantine/")
    assert "You have won" in page
    assert "win@lotto.test" in page
    assert "The message is full of what spam is made of." in page
    assert "Claim &lt;b&gt;" in page or "Claim now" in page
    assert page.count('data-test="release"') == 1
    assert "Only an administrator of your domain can let it in." in page


def test_released_mail_is_in_the_inbox_and_its_sender_allowed_or_not(ann: Reader) -> None:
    assert "in the Inbox now" in act(ann, hold(ann, "One"), "release")
    assert filters.rules(ann.space) == ()
    assert "win@lotto.test is no longer called spam" in act(ann, hold(ann, "Two"), "allow")
    act(ann, hold(ann, "Three"), "allow")
    (rule,) = filters.rules(ann.space)
    assert rule.actions.never_spam
    assert subjects(ann, INBOX) == ["One", "Three", "Two"]
    assert mailstore.held([ann.space]) == ()


def test_a_virus_stays_whatever_is_asked_and_a_forged_sender_is_never_trusted(ann: Reader) -> None:
    virus = hold(ann, kind="virus")
    assert "holds a virus" in act(ann, virus, "release")
    assert "may not be who it says" in act(ann, hold(ann, kind="forged"), "allow")
    assert len(mailstore.held([ann.space])) == 2
    assert filters.rules(ann.space) == ()
    assert "It is gone." in act(ann, virus, "delete")


def test_a_virus_that_was_let_in_says_so_wherever_it_is_read(ann: Reader) -> None:
    message = hold(ann, kind="virus")
    mailstore.release(ann.space, [message], cause=Cause("web", session="the panel", actor="admin"))
    thread = mailstore.message(ann.space, message).thread
    assert "A virus scanner found a virus in this message." in ann.page(f"/mail/inbox/{thread}/")


def test_other_pages_know_the_place_and_count_it(ann: Reader) -> None:
    hold(ann)
    assert 'href="/mail/quarantine/"' in ann.page("/mail/settings/storage/")
    news = ann.get("/mail/live/rows/inbox/?since=0").json()
    assert news["counts"]["quarantine"] == [1, False]


def test_block_throws_it_away_and_empty_throws_all_away(ann: Reader) -> None:
    act(ann, hold(ann), "block")
    assert [each.address for each in filters.blocked(ann.space)] == ["win@lotto.test"]
    for number in range(3):
        hold(ann, f"Number {number}")
    fields = {"do": "empty"}
    said = ann.client.post("/mail/quarantine/do/", fields, follow=True).content.decode()
    assert "3 messages were deleted." in said
    assert "Nothing is held." in said


def test_what_is_held_opens_nowhere_else(ann: Reader) -> None:
    message = hold(ann)
    for address in ("original", "body", "why", "attachment"):
        assert ann.get(f"/mail/{address}/{message}/").status_code == 404
    assert ann.get(f"/mail/original/{message}/download/").status_code == 404


@pytest.mark.parametrize("message", ["", "x", "-1", "9" * 30, "0"])
def test_what_is_not_held_is_not_found(ann: Reader, eve: Reader, message: str) -> None:
    fields = {"message": message, "do": "release"}
    assert ann.client.post("/mail/quarantine/do/", fields).status_code == 404
    other = {"message": hold(eve), "do": "release"}
    assert ann.client.post("/mail/quarantine/do/", other).status_code == 404


def test_pages_follow_each_other(ann: Reader) -> None:
    for number in range(52):
        hold(ann, f"Number {number:02}", at=HOLIDAY + timedelta(minutes=number))
    first = ann.page("/mail/quarantine/")
    assert first.count('data-test="held"') == 50
    older = re.search(r'href="(\?before=[^"]+)"', first)
    assert older is not None
    second = ann.page("/mail/quarantine/" + older[1])
    assert "Number 01" in second
    assert second.count('data-test="held"') == 2
    assert ann.page("/mail/quarantine/?before=x.y").count('data-test="held"') == 50


# --- the daily mail


def test_the_daily_mail_comes_in_the_morning_of_its_reader_and_once(ann: Reader) -> None:
    Preferences.objects.create(account=ann.account, time_zone="Europe/Vienna", morning=7)
    hold(ann, at=HOLIDAY)
    night = datetime(2026, 11, 21, 5, 50, tzinfo=UTC)  # 06:50 in Vienna
    assert digest.sweep(now=night) == 0
    assert digest.sweep(now=night + timedelta(minutes=10)) == 1
    assert digest.sweep(now=night + timedelta(minutes=20)) == 0
    hold(ann, "Later", at=night + timedelta(hours=1))
    assert digest.sweep(now=night + timedelta(hours=5)) == 0
    assert digest.sweep(now=night + timedelta(days=1, minutes=10)) == 1
    assert subjects(ann, INBOX) == ["1 message is held in your quarantine"] * 2


def links(reader: Reader) -> dict[str, str]:
    """What the newest mail in the Inbox leads to, by what it does."""
    row = mailstore.threads(reader.space, reader.role(INBOX), limit=1).rows[0]
    message = mailstore.conversation(reader.space, row.thread).messages[-1]
    text = parse_message(mailstore.raw(reader.space, message.id)).search_text
    return {do: path for path, do in re.findall(r"https?://[^/\s]+(/quarantine/\S+?/)\?do=(\w+)", text)}


def test_its_links_do_what_they_say_by_a_button(ann: Reader) -> None:
    hold(ann)
    digest.sweep(now=HOLIDAY + timedelta(days=1))
    found = links(ann)
    assert set(found) == {"release", "allow", "block"}
    stranger = Client()
    page = stranger.get(found["release"] + "?do=release")
    assert page.status_code == 200
    assert "data-go" not in page.content.decode()
    assert page["Referrer-Policy"] == "no-referrer"
    assert len(mailstore.held([ann.space])) == 1
    said = stranger.post(found["release"], {"do": "release"}).content.decode()
    assert "It is in the Inbox now." in said
    assert "You have won" in subjects(ann, INBOX)
    assert stranger.get(found["release"]).status_code == 404


def test_who_only_has_the_link_settles_this_message_and_nothing_more(ann: Reader, eve: Reader) -> None:
    path = f"/quarantine/{digest.token(ann.space, hold(ann))}/"
    for stranger in (Client(), eve.client):
        page = stranger.get(path + "?do=allow").content.decode()
        assert 'data-test="allow"' not in page
        assert "?next=%2Fquarantine%2F" in page or "?next=/quarantine/" in page
        assert "Sign in first" in stranger.post(path, {"do": "allow"}).content.decode()
        assert "Sign in first" in stranger.post(path, {"do": "block"}).content.decode()
    assert filters.rules(ann.space) == ()
    assert filters.blocked(ann.space) == ()
    assert "no longer called spam" in ann.client.post(path, {"do": "allow"}).content.decode()


def test_its_owner_needs_one_click_and_nobody_else_does(ann: Reader, eve: Reader) -> None:
    path = f"/quarantine/{digest.token(ann.space, hold(ann))}/"
    assert 'data-go="release"' in ann.page(path + "?do=release")
    assert "data-go" not in eve.page(path + "?do=release")
    assert "data-go" not in ann.page(path + "?do=nonsense")
    virus = f"/quarantine/{digest.token(ann.space, hold(ann, kind='virus'))}/"
    assert "data-go" not in ann.page(virus + "?do=release")
    said = ann.client.post(virus, {"do": "release"}).content.decode()
    assert "holds a virus" in said


@pytest.mark.parametrize("token", ["x", "x" * 1000, "WzEsMl0:1:x"])
def test_a_link_that_was_made_up_leads_nowhere(client: Client, db: None, token: str) -> None:
    response = client.get(f"/quarantine/{token}/")
    assert response.status_code == 404
    assert "too old, or was cut off" in response.content.decode()
