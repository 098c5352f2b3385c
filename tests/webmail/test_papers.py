"""What a message's papers say, ways out of lists, and invitations: values in, values out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as some

from hosting.access import Sender
from mta.mailstore.service import ConversationMessage, Person
from mta.message import trace
from mta.values import Cause
from webmail import evidence, invitations
from webmail.evidence import Known
from webmail.fetching import Failed, Fetched
from webmail.heads import banners, details
from webmail.unsubscribing import CannotLeave, Offer, leave, offer

TRACE = "0123456789abcdefghijklmnop"
MESSAGE = ConversationMessage(
    id=1, email_id=1, thread=1, flags=0, keywords=(), subject="Hello", from_=Person("Ada", "ada@acme.test"),
    to=(Person("Ann", "ann@example.test"),), cc=(), bcc=(), reply_to=(), sent_at=None, internal_date=0, size=1,
    snippet="", attachments=(), boxes=(1,), message_id="m@acme.test", in_reply_to="", references=(), list_id="",
    automatic=False, own=False, reasons={}, trace_id=TRACE, draft=None, also=(),
)  # fmt: skip


@pytest.fixture(autouse=True)
def in_berlin() -> Iterator[None]:
    with timezone.override(ZoneInfo("Europe/Berlin")):
        yield


def delivered(header: bytes = b"", tls: str | None = "TLSv1.3", trace_id: str = TRACE) -> bytes:
    line = trace.received("mail.acme.test", "192.0.2.7", None, "mx.test", "ESMTPS", tls, trace_id, None, 0)
    return (
        trace.return_path("bounce@acme.test")
        + trace.delivered_to("ann@example.test")
        + line
        + header
        + b"\r\nHi\r\n"
    )


# --- papers -------------------------------------------------------------------------------------------------
def test_our_own_trace_line_is_known_by_its_id() -> None:
    known = evidence.known(MESSAGE, delivered())
    assert (known.came, known.host, known.ip, known.tls) == (
        "outside",
        "mail.acme.test",
        "192.0.2.7",
        "TLSv1.3",
    )
    assert (known.mailed_by, known.delivered_to) == ("acme.test", "ann@example.test")


def test_a_line_that_only_looks_like_ours_proves_nothing() -> None:
    known = evidence.known(replace(MESSAGE, trace_id=""), delivered())
    assert (known.came, known.host) == ("", "")
    assert evidence.known(replace(MESSAGE, trace_id="another"), delivered()).came == "here"


def test_what_a_sender_writes_about_itself_is_no_verdict() -> None:
    known = evidence.known(
        MESSAGE, delivered(b"Authentication-Results: mx.test; dmarc=pass header.from=acme.test\r\n")
    )
    assert known.checked == known.noted == ()


def test_what_the_host_before_noted_is_told_as_its_word() -> None:
    raw = b"Authentication-Results: mx.old.test; spf=pass smtp.mailfrom=a@acme.test; dmarc=fail\r\n\r\nHi\r\n"
    known = evidence.known(replace(MESSAGE, trace_id=""), raw)
    assert known.noted_by == "mx.old.test"
    assert [(each.method, each.result, each.domain) for each in known.noted] == [
        ("spf", "pass", "acme.test"),
        ("dmarc", "fail", ""),
    ]


def test_details_say_whether_a_name_was_checked() -> None:
    signature = b"DKIM-Signature: v=1; d=acme.test; h=from:to; b=x\r\n"
    lines = dict(details(MESSAGE, evidence.known(MESSAGE, delivered(signature))))
    assert lines["Signed by"] == "acme.test, not checked"
    assert lines["Security"] == "TLSv1.3"
    checked = replace(MESSAGE, reasons={"evidence": [["dkim", "pass", "", "acme.test"]]})
    assert (
        dict(details(checked, evidence.known(checked, delivered(signature))))["Signed by"]
        == "acme.test, confirmed"
    )
    plain = dict(details(MESSAGE, evidence.known(MESSAGE, delivered(tls=None))))
    assert plain["Security"] == "Not encrypted on its last way"


def test_red_is_only_for_a_sender_that_its_own_domain_disowns() -> None:
    def kinds(**results: str) -> list[str]:
        found = [[method, result, "", "acme.test"] for method, result in results.items()]
        message = replace(MESSAGE, reasons={"evidence": found})
        return [each.kind for each in banners(message, evidence.known(message, delivered()))]

    assert kinds(dmarc="fail") == ["danger"]
    assert kinds(spf="fail") == ["warn"]
    assert kinds(spf="fail", dmarc="pass") == []
    assert kinds() == []


@settings(deadline=None)
@given(some.binary(max_size=400), some.text(max_size=200))
def test_no_header_is_too_odd_to_read(noise: bytes, text: str) -> None:
    raw = b"Received: " + noise + b"\r\nDKIM-Signature: " + text.encode("utf-8", "replace") + b"\r\n\r\n"
    evidence.known(MESSAGE, raw)
    evidence.known(replace(MESSAGE, reasons={"evidence": [[text], text, 7, None]}), noise)


# --- ways out of lists --------------------------------------------------------------------------------------
BOTH = frozenset({"list-unsubscribe", "list-unsubscribe-post"})
LIST = Known(
    unsubscribe="<mailto:leave@list.test?subject=out>, <https://list.test/u/7>", one_click=True, signs=BOTH
)
WAYS = [
    (LIST, Offer("one-click", "https://list.test/u/7", "list.test")),
    (replace(LIST, signs=frozenset()), Offer("mail", "mailto:leave@list.test?subject=out", "leave@list.test")),
    (replace(LIST, one_click=False), Offer("mail", "mailto:leave@list.test?subject=out", "leave@list.test")),
    (Known(unsubscribe="<http://list.test/u>"), Offer("page", "http://list.test/u", "list.test")),
    (Known(unsubscribe="<http://list.test/u>", one_click=True, signs=BOTH), Offer("page", "http://list.test/u", "list.test")),
    (Known(unsubscribe="<javascript:alert(1)>"), None),
    (Known(unsubscribe="<mailto:a@x.test,b@x.test>"), None),
    (Known(unsubscribe="<https://ann@list.test/>"), None),
    (Known(), None),
]  # fmt: skip


@pytest.mark.parametrize(("known", "wanted"), WAYS)
def test_the_best_way_out_is_offered(known: Known, wanted: Offer | None) -> None:
    assert offer(known) == wanted


def test_who_is_not_what_it_says_gets_no_answer() -> None:
    forged = replace(MESSAGE, reasons={"evidence": [["dmarc", "fail", "", "list.test"]]})
    raw = delivered(b"List-Unsubscribe: <https://list.test/u>\r\n")
    assert offer(evidence.known(MESSAGE, raw)) is not None
    assert offer(evidence.known(forged, raw)) is None
    assert offer(replace(LIST, checked=evidence.known(forged, raw).checked)) is None


ANN = Sender(1, "ann@example.test", "Ann", True)


def leaving(answer: Any) -> tuple[str, list[tuple[str, dict[str, Any]]]]:
    """Leave by one click; `answer` is the other host's. Gives the words, and what was asked."""
    asked: list[tuple[str, dict[str, Any]]] = []

    def ask(url: str, **how: Any) -> Fetched:
        asked.append((url, how))
        if isinstance(answer, Exception):
            raise answer
        return Fetched(url, answer, "text/plain", b"")

    found = offer(LIST)
    assert found is not None
    return leave(1, 1, found, sender=ANN, cause=Cause("web"), ask=ask), asked


def test_one_click_is_one_post_without_redirects() -> None:
    """RFC 8058 §3.1 and §3.2."""
    said, asked = leaving(202)
    assert said == "Unsubscribed: list.test has confirmed it."
    (url, how) = asked[0]
    assert (url, how["method"], how["body"], how["redirects"]) == (
        "https://list.test/u/7",
        "POST",
        b"List-Unsubscribe=One-Click",
        0,
    )


@pytest.mark.parametrize("answer", [404, 302, Failed("away")])
def test_a_list_that_does_not_answer_says_so(answer: Any) -> None:
    with pytest.raises(CannotLeave, match="still on the list"):
        leaving(answer)


# --- invitations --------------------------------------------------------------------------------------------
def calendar(*lines: str, method: str = "REQUEST") -> bytes:
    begin = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//x//EN",
        f"METHOD:{method}",
        "BEGIN:VEVENT",
        "UID:7@x.test",
    )
    return "\r\n".join((*begin, *lines, "END:VEVENT", "END:VCALENDAR", "")).encode()


TEA = (
    "DTSTART:20260303T140000Z",
    "DTEND:20260303T150000Z",
    "SUMMARY:Tea <b>and</b> maps",
    "LOCATION:Garden",
    "ORGANIZER;CN=Emiko:mailto:emiko@hana.test",
    "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:ann@example.test",
    "ATTENDEE:mailto:ben@example.test",
)
OWN = frozenset({"ann@example.test"})


def event(*lines: str, method: str = "REQUEST") -> invitations.Invitation:
    found = invitations.read(calendar(*lines, method=method))
    assert found is not None
    return found


def test_an_invitation_is_read_and_shown_on_the_readers_clock() -> None:
    card = invitations.card(event(*TEA), OWN)
    assert card.when == "Tuesday, 3 March 2026, 15:00–16:00"
    assert (card.month, card.day, card.zone, card.state) == ("Mar", "3", "Europe/Berlin", "open")
    assert card.invitation.summary == "Tea <b>and</b> maps"  # text, whatever it looks like
    assert card.invitation.organiser.name == "Emiko"


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (("DTSTART;VALUE=DATE:20260303", "DTEND;VALUE=DATE:20260304"), "Tuesday, 3 March 2026"),
        (
            ("DTSTART;VALUE=DATE:20260303", "DTEND;VALUE=DATE:20260306"),
            "Tuesday, 3 March 2026 – Thursday, 5 March 2026",
        ),
        (("DTSTART:20260303T090000",), "Tuesday, 3 March 2026, 09:00"),
        (
            ("DTSTART;TZID=America/New_York:20260303T090000", "DURATION:PT90M"),
            "Tuesday, 3 March 2026, 15:00–16:30",
        ),
        (("DTSTART:20260303T090000Z", "RRULE:FREQ=WEEKLY"), "Tuesday, 3 March 2026, 10:00 (every week)"),
        (("DTSTART:20260303T090000Z", "DTEND:20250303T090000Z"), "Tuesday, 3 March 2026, 10:00"),
    ],
)
def test_times_of_all_kinds_are_said(lines: tuple[str, ...], shown: str) -> None:
    assert invitations.when(event(*lines)) == shown


def test_an_answer_a_change_and_a_cancellation_are_understood() -> None:
    first, changed = event(*TEA), event(*TEA, "SEQUENCE:1")
    reply = invitations.reply(first, first.guests[0], ANN, invitations.YES)
    said = invitations.read(reply.encode())
    assert said is not None and said.method == "REPLY"
    assert [(each.email, each.state) for each in said.guests] == [("ann@example.test", "ACCEPTED")]
    assert (said.uid, said.sequence, said.organiser.email) == (first.uid, 0, "emiko@hana.test")
    cancelled = event(*TEA, "SEQUENCE:2", method="CANCEL")
    assert invitations.cards({1: first, 2: said}, OWN, [1, 2])[1].said == "ACCEPTED"
    states = invitations.cards({1: first, 2: changed, 3: cancelled}, OWN, [1, 2, 3])
    assert [states[each].state for each in (1, 2, 3)] == ["cancelled", "cancelled", "cancelled"]
    states = invitations.cards({1: first, 2: changed}, OWN, [1, 2])
    assert [states[each].state for each in (1, 2)] == ["replaced", "open"]


def test_who_was_not_invited_has_nothing_to_answer() -> None:
    assert invitations.card(event(*TEA), frozenset({"eve@example.test"})).state == "told"
    assert invitations.card(event(*TEA), frozenset({"emiko@hana.test"})).words == "You invited to this event."
    assert invitations.card(event(*TEA, method="PUBLISH"), OWN).state == "told"


@pytest.mark.parametrize(
    "data",
    [b"", b"BEGIN:VCALENDAR", calendar(), calendar("DTSTART:never"), b"\xff" * 100, b"x\n" * 10_000],
)
def test_what_is_no_calendar_is_no_invitation(data: bytes) -> None:
    assert invitations.read(data) is None


@settings(deadline=None)
@given(some.binary(max_size=600))
def test_no_calendar_is_too_odd_to_read(noise: bytes) -> None:
    invitations.read(calendar("DTSTART:20260303T140000Z") + noise)
    invitations.read(calendar(noise.decode("latin-1"), "DTSTART:20260303T140000Z"))


def test_an_end_before_the_start_and_far_times_do_not_break_the_card() -> None:
    for lines in (
        ("DTSTART;VALUE=DATE:99991231",),
        ("DTSTART:00010101T000000Z",),
        ("DTSTART:20260303T000000Z", "DURATION:P99999D"),
    ):
        found = invitations.read(calendar(*lines))
        if found is not None:
            invitations.card(found, OWN)
    assert isinstance(event("DTSTART;VALUE=DATE:20260303").starts, date)
    assert isinstance(event("DTSTART:20260303T000000Z").starts, datetime)
    assert UTC is not None
