"""What a hostile tester found in the web client, each as it was tried."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import pytest

from mta.mailstore import service as mailstore
from tests.mail import mail
from tests.product import Product
from tests.webmail.list_world import enter, fill, numbered
from tests.webmail.mail_world import CAUSE, Reader
from tests.webmail.picture_server import PictureServer
from tests.webmail.test_mail_browser import address
from webmail import fetching, invitations, pictures
from webmail.boxes import box_of
from webmail.models import Preferences
from webmail.reading import earlier

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

__all__ = ["address"]  # a fixture


def calendar(event: str, *, zone: str = "") -> bytes:
    lines = (
        f"BEGIN:VCALENDAR\nVERSION:2.0\nMETHOD:REQUEST\n{zone}BEGIN:VEVENT\nUID:u@x\n{event}\nSUMMARY:Meet\n"
    )
    people = "ORGANIZER:mailto:org@outside.test\nATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:ann@example.test\n"
    return f"{lines}{people}END:VEVENT\nEND:VCALENDAR\n".replace("\n", "\r\n").encode()


def zone(name: str, offset: str, rule: str = "") -> str:
    def half(kind: str, day: str, offset: str, rule: str) -> str:
        start = f"BEGIN:{kind}\nDTSTART:{day}T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:{offset}\n"
        return f"{start}{rule}END:{kind}\n"

    summer = half("DAYLIGHT", "16010601", offset, "")
    return (
        f"BEGIN:VTIMEZONE\nTZID:{name}\n{half('STANDARD', '16010101', offset, rule)}{summer}END:VTIMEZONE\n"
    )


# --- invitations --------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("reader_zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_an_event_at_the_end_or_the_beginning_of_all_years_does_not_close_its_conversation(
    ann: Reader, reader_zone: str
) -> None:
    Preferences.objects.create(account=ann.account, time_zone=reader_zone)
    for event in (
        "DTSTART:99991231T235959Z",
        "DTSTART:00010101T000000Z",
        "DTSTART:20261124T100000Z\nDTEND:99991231T235959Z",
        "DTSTART;VALUE=DATE:00010101\nDTEND;VALUE=DATE:00010102",
        "DTSTART:20261124T100000Z\nRECURRENCE-ID:99991231T235959Z",
    ):
        head = b"From: org@outside.test\r\nTo: ann@example.test\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\n"
        thread = ann.receive(raw=head + calendar(event))
        message = mailstore.conversation(ann.space, thread).messages[0].id
        assert ann.get(f"/mail/inbox/{thread}/").status_code == 200, event
        assert ann.get(f"/mail/message/{message}/").status_code == 200, event


@pytest.mark.django_db
def test_an_invitation_names_the_address_that_an_answer_goes_to(ann: Reader) -> None:
    """The name is what its writer likes: "Your bank"."""
    head = b"From: org@outside.test\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\n"
    event = calendar("DTSTART:20261124T100000Z").replace(b"ORGANIZER:", b"ORGANIZER;CN=Your bank:")
    page = ann.page(f"/mail/inbox/{ann.receive(raw=head + event)}/")
    card = page[page.index('class="invitation') :]
    assert ">Your bank</span>" in card
    assert ">org@outside.test</span>" in card


def test_a_time_zone_of_one_calendar_means_nothing_in_the_next() -> None:
    for name in ("W. Europe Standard Time", "Office"):
        hours = []
        for offset in ("+0900", "-0500"):
            found = invitations.read(
                calendar(f"DTSTART;TZID={name}:20261124T100000", zone=zone(name, offset))
            )
            assert found is not None
            hours.append(found.starts.isoformat())
        assert hours == ["2026-11-24T01:00:00+00:00", "2026-11-24T15:00:00+00:00"]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=HOURLY",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;INTERVAL=0",
        "FREQ=YEARLY;BYHOUR=1,2,3;BYMINUTE=1,2,3",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    ],
)
def test_a_time_zone_that_changes_every_second_takes_no_time(rule: str) -> None:
    began = time.process_time()
    found = invitations.read(
        calendar("DTSTART;TZID=Evil:20261124T100000", zone=zone("Evil", "+0900", f"RRULE:{rule}\n"))
    )
    if found is not None:
        assert found.starts.isoformat()
    assert time.process_time() - began < 2


# --- long lines ---------------------------------------------------------------------------------------------
def test_a_line_of_a_million_letters_without_a_space_is_read_once() -> None:
    """As what may be quoted later: an address was looked for from each of the letters."""
    began = time.process_time()
    earlier([b"From: ada@outside.test\r\n\r\n" + b"x" * 1_000_000 + b"\r\n"])
    assert time.process_time() - began < 2


@pytest.mark.django_db
@pytest.mark.parametrize("sign", [b"&", b"&nbsp;", b"\xc2\xa0"])
def test_a_million_signs_that_are_escaped_are_printed_in_a_moment(ann: Reader, sign: bytes) -> None:
    head = b"From: ada@outside.test\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>"
    thread = ann.receive(raw=head + sign * 1_000_000)
    began = time.process_time()
    ann.page(f"/mail/print/{thread}/")
    assert time.process_time() - began < 3


# --- labels -------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("name", ["..", ".", "../x", "Work/../../settings", "~..", "~1", "12"])
def test_a_label_of_dots_has_an_address_that_a_browser_does_not_walk_up(ann: Reader, name: str) -> None:
    mailstore.create_mailbox(ann.space, name, cause=CAUSE)
    made = next(each for each in map(box_of, mailstore.mailboxes(ann.space)) if each.name == name)
    assert urljoin("https://mail.test/", made.url) == f"https://mail.test{made.url}"
    assert ann.get(made.url).context["box"].id == made.id


# --- pictures -----------------------------------------------------------------------------------------------
def test_a_picture_that_had_to_wait_for_others_may_be_had_the_next_time(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path
    settings.ALLOW_PRIVATE_NETWORKS = True
    with PictureServer() as server, ExitStack() as held:
        for _each in range(fetching.AT_ONCE):
            held.enter_context(fetching._turns)
        with pytest.raises(fetching.Busy):
            fetching.fetch(f"{server.url}/harbour.png", seconds=0.01)
        monkeypatch.setattr(pictures, "SECONDS", 0.01)
        assert pictures.load(1, f"{server.url}/harbour.png") is None
        held.close()
        monkeypatch.undo()
        assert pictures.load(1, f"{server.url}/harbour.png") is not None


@pytest.mark.parametrize("address", ["192.0.0.192", "192.0.0.8", "192.88.99.1", "::ffff:192.0.0.192"])
def test_metadata_at_an_address_that_python_calls_public_is_not_asked(address: str) -> None:
    assert not fetching.is_public(address)


# --- jobs ---------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_an_undo_that_was_stopped_does_not_say_that_all_is_undone(ann: Reader) -> None:
    for number in range(3):
        ann.receive(subject=f"Number {number}")
    begun = ann.client.post(
        "/mail/actions/", {"verb": "star", "all": "1", "box": "inbox"}, headers={"X-Mailstead": "1"}
    ).json()
    mailstore.work_bulks()
    undoing = ann.do("undo-all", action=begun["action"])
    stopped = ann.client.post(f"/mail/jobs/{undoing['job']}/stop/", headers={"X-Mailstead": "1"}).json()
    assert stopped["text"] == "Stopped: 0 of 3 undone."


# --- without a line -----------------------------------------------------------------------------------------
def test_everything_does_not_wait_for_a_line_to_become_mail_that_nobody_has_seen(
    product: Product, address: str, context: BrowserContext, page: Page
) -> None:
    fill(product, address, numbered(55, address))
    enter(page, product, address)
    page.wait_for_selector("[data-test=row]")
    page.locator("[data-check-all]").click()
    page.locator("[data-everything] button").click()
    page.keyboard.press("e")
    page.wait_for_selector("#confirm[open]")
    context.set_offline(True)
    page.wait_for_selector("text=You are offline.")
    page.click("#confirm [data-confirm-yes]")
    page.wait_for_selector("#toasts .toast >> text=You are offline.")
    fill(product, address, [mail(subject="Unseen", to=address)])
    context.set_offline(False)
    page.locator("[data-test=offline]").wait_for(state="hidden")
    page.goto(f"{product.url}/mail/inbox/")
    page.wait_for_selector("[data-test=row] >> text=Unseen")
    assert page.locator("[data-test=row]").count() == 50


# --- the content host ---------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    "written", ["content.test", "CONTENT.test", "content.test.", "content.test:443", "content.test.:443"]
)
def test_the_content_host_is_never_the_app_however_its_name_is_written(
    ann: Reader, settings: Any, written: str
) -> None:
    settings.CONTENT_ORIGIN, settings.PUBLIC_URL = "https://content.test", "https://mail.test"
    settings.ALLOWED_HOSTS = ["mail.test", "content.test"]
    for address_of_app in ("/", "/mail/inbox/"):
        response = ann.client.get(address_of_app, headers={"host": written}, secure=True)
        assert (response.status_code, response.content) == (404, b"")
        assert not response.cookies
