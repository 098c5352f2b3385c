"""Why is this here: every way a message can come and be placed, and what its reader is told about it. A table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone

from mta.mailstore.service import Placed
from mta.trust.verdict import Evidence
from mta.values import ARCHIVE, DRAFTS, INBOX, JUNK, SENT, SNOOZED, TRASH
from webmail.evidence import Known
from webmail.why import Place, Story, explain

NOON = int(datetime(2026, 3, 3, 12, 0, tzinfo=UTC).timestamp() * 1_000_000)
MORNING = int(datetime(2026, 3, 4, 9, 14, tzinfo=UTC).timestamp() * 1_000_000)
IN, SPAM, BIN, OLD, OUT, WORK, LATER, WRITING = range(1, 9)
PLACES = {
    IN: Place("Inbox", INBOX),
    SPAM: Place("Spam", JUNK),
    BIN: Place("Trash", TRASH),
    OLD: Place("Archive", ARCHIVE),
    OUT: Place("Sent", SENT),
    WORK: Place("Work", ""),
    LATER: Place("Snoozed", SNOOZED),
    WRITING: Place("Drafts", DRAFTS),
}
OUTSIDE = Known(
    came="outside",
    host="mail.acme.test",
    ip="192.0.2.7",
    tls="TLSv1.3",
    delivered_to="ann@example.test",
    mailed_by="acme.test",
)
DELIVERED = Story(
    known=OUTSIDE,
    here=Placed(IN, NOON),
    first=Placed(IN, NOON),
    places=PLACES,
    me="ann@example.test",
    sender="Ada",
    address="ada@acme.test",
    arrived=NOON,
)
PHONE: dict[str, Any] = {"cause": "imap", "session": "Thunderbird on 10.0.0.7", "actor": "ann@example.test"}
BY_ME: dict[str, Any] = {"cause": "web", "session": "Firefox on Linux", "actor": "ann@example.test"}


@pytest.fixture(autouse=True)
def in_utc() -> Iterator[None]:
    with timezone.override(UTC):
        yield


def vouched(**results: str) -> Known:
    return replace(OUTSIDE, checked=tuple(Evidence(method, result) for method, result in results.items()))


def moved(mailbox: int, verb: str, left: tuple[int, ...] = (IN,), **by: Any) -> Placed:
    return Placed(mailbox, MORNING, verb=verb, action="a1", left=left, undoable=True, **by)


HOW = "mail.acme.test handed it to us on 3 Mar at 12:00, over an encrypted connection"
CAME = [
    (DELIVERED, f"{HOW}; whether it is from acme.test was not checked."),
    (replace(DELIVERED, known=vouched(dmarc="pass")), f"{HOW}, and acme.test vouches for it."),
    (replace(DELIVERED, known=vouched(dmarc="fail")), f"{HOW}, but acme.test does not vouch for it."),
    (replace(DELIVERED, known=vouched(spf="pass")), f"{HOW}, and part of its papers are in order."),
    (
        replace(DELIVERED, known=vouched(spf="softfail")),
        f"{HOW}, and nothing proves that it is from acme.test.",
    ),
    (
        replace(DELIVERED, known=replace(OUTSIDE, tls="")),
        "mail.acme.test handed it to us on 3 Mar at 12:00, over a connection that was not encrypted;"
        " whether it is from acme.test was not checked.",
    ),
    (
        replace(DELIVERED, known=replace(OUTSIDE, came="signed-in")),
        "ada@acme.test sent it from a mail program on 3 Mar at 12:00, signed in on this host, so the sender is certain.",
    ),
    (
        replace(DELIVERED, known=Known(came="here", mailed_by="example.test"), address="ben@example.test"),
        "ben@example.test sent it on this host on 3 Mar at 12:00; it never left the house, so the sender is certain.",
    ),
    (replace(DELIVERED, known=Known(came="here")), "This host wrote it itself on 3 Mar at 12:00."),
    (
        replace(
            DELIVERED, known=Known(), first=Placed(IN, NOON, verb="import", session="import of old.mbox")
        ),
        "It came with your import of old.mbox on 3 Mar at 12:00, from the mailbox you had before.",
    ),
    (
        replace(DELIVERED, known=Known(), first=moved(IN, "append", (), **PHONE)),
        "Thunderbird on 10.0.0.7 put it into this mailbox on 4 Mar at 09:14.",
    ),
    (
        replace(DELIVERED, known=Known()),
        "It has been here since 3 Mar, 12:00; how it came is no longer on record.",
    ),
    (
        replace(DELIVERED, own=True, known=Known(came="here"), session="Firefox on Linux from 10.0.0.8"),
        "You sent it from web mail on 3 Mar at 12:00, in Firefox on Linux from 10.0.0.8.",
    ),
    (
        replace(DELIVERED, own=True, known=Known(), first=moved(OUT, "append", (), **PHONE)),
        "You sent it; Thunderbird on 10.0.0.7 put this copy here on 4 Mar at 09:14.",
    ),
    (replace(DELIVERED, draft=True), "You are writing it; it has not been sent."),
]


@pytest.mark.parametrize(("story", "sentence"), CAME)
def test_it_says_how_a_message_came(story: Story, sentence: str) -> None:
    with freeze_year():
        assert explain(story).came.text == sentence


SPAM_STORY = replace(DELIVERED, here=Placed(SPAM, NOON))
PLACED = [
    (DELIVERED, "It was sent to ann@example.test, and nothing spoke against it."),
    (
        replace(SPAM_STORY, reason="acme.test does not vouch for it."),
        "It was delivered to Spam: acme.test does not vouch for it.",
    ),
    (SPAM_STORY, "It was delivered to Spam; the reason is no longer on record."),
    (
        replace(DELIVERED, here=moved(BIN, "move", **PHONE)),
        "Thunderbird on 10.0.0.7 moved it here from Inbox on 4 Mar at 09:14.",
    ),
    (
        replace(DELIVERED, here=moved(BIN, "move", (99,), **PHONE)),
        "Thunderbird on 10.0.0.7 moved it here on 4 Mar at 09:14.",
    ),
    (replace(DELIVERED, here=moved(OLD, "archive", **BY_ME)), "You archived it on 4 Mar at 09:14."),
    (replace(DELIVERED, here=moved(BIN, "delete", **BY_ME)), "You deleted it on 4 Mar at 09:14."),
    (
        replace(DELIVERED, here=moved(SPAM, "junk", **(BY_ME | {"actor": "ben@example.test"}))),
        "ben@example.test reported it as spam on 4 Mar at 09:14.",
    ),
    (
        replace(DELIVERED, here=moved(WORK, "move", cause="filter", session="Invoices")),
        "Your filter “Invoices” put it here on 4 Mar at 09:14.",
    ),
    (
        replace(DELIVERED, here=moved(IN, "undo delete", (BIN,), **BY_ME)),
        "You undid a change on 4 Mar at 09:14, which brought it back.",
    ),
    (
        replace(DELIVERED, muted=True, here=Placed(OLD, NOON)),
        "It went past the Inbox because you muted this conversation.",
    ),
    (
        replace(DELIVERED, here=moved(OLD, "skip inbox", cause="filter", session="muted conversation")),
        "It went past the Inbox because you muted this conversation.",
    ),
    (
        replace(DELIVERED, muted=True),
        "You muted this conversation, but this message is addressed to you.",
    ),
    (
        replace(DELIVERED, here=replace(moved(LATER, "snooze", **BY_ME), wake_at=MORNING)),
        "You put it aside until 4 Mar, 09:14.",
    ),
    (
        replace(DELIVERED, here=replace(moved(WORK, "import"), cause="import")),
        "It lay in a folder of that name before the import.",
    ),
    (
        replace(DELIVERED, also=("Work", "Family")),
        "It was sent to ann@example.test, and nothing spoke against it. It is also in Work, Family.",
    ),
]


@pytest.mark.parametrize(("story", "sentence"), PLACED)
def test_it_says_why_a_message_lies_where_it_lies(story: Story, sentence: str) -> None:
    with freeze_year():
        assert explain(story).placed.text == sentence


CORRECTIONS = [
    (DELIVERED, ["junk-messages"]),
    (SPAM_STORY, ["unjunk-messages"]),
    (replace(DELIVERED, here=moved(BIN, "move", **PHONE)), ["undo"]),
    (replace(DELIVERED, here=moved(BIN, "delete", **BY_ME)), ["move-messages"]),
    (replace(DELIVERED, here=moved(OLD, "archive", **BY_ME)), ["undo"]),
    (replace(DELIVERED, here=Placed(OLD, NOON)), ["move-messages"]),
    (replace(DELIVERED, muted=True, here=Placed(OLD, NOON)), ["unmute"]),
    (replace(DELIVERED, here=moved(OLD, "skip inbox", cause="filter")), ["unmute"]),
    (replace(DELIVERED, own=True, here=Placed(OUT, NOON)), []),
    (replace(DELIVERED, draft=True, here=Placed(WRITING, NOON)), []),
    (replace(DELIVERED, here=replace(moved(BIN, "move", **PHONE), undoable=False)), ["move-messages"]),
]


@pytest.mark.parametrize(("story", "verbs"), CORRECTIONS)
def test_each_correction_fits_its_place(story: Story, verbs: list[str]) -> None:
    found = explain(story)
    assert [each.verb for each in found.corrections] == verbs
    assert found.can.text.endswith(".")
    assert "!" not in "".join(said.text for said in found.sentences)


def test_the_codes_stay_behind_details() -> None:
    found = explain(replace(DELIVERED, known=vouched(spf="pass", dkim="fail", dmarc="fail")))
    assert found.came.details == (
        "mail.acme.test [192.0.2.7] · TLSv1.3",
        "SPF pass",
        "DKIM fail",
        "DMARC fail",
    )
    assert found.came.state == "failed"


class freeze_year:
    """The sentences leave the current year out; the table is of 2026."""

    def __enter__(self) -> None:
        self._localdate = timezone.localdate
        timezone.localdate = lambda *_args: datetime(2026, 3, 20, tzinfo=UTC).date()  # type: ignore[assignment]

    def __exit__(self, *_exc: object) -> None:
        timezone.localdate = self._localdate


def test_what_counted_is_told_to_who_wants_to_know() -> None:
    evidence = (
        Evidence("dmarc", "fail", "acme.test does not vouch for it.", "acme.test", 1.5),
        Evidence("spam", "spam", "It is full of what spam is made of.", "", 4.25),
        Evidence("known", "pass", "You have written to this sender before.", "", -0.5),
        Evidence("spf", "pass", "The server may send for acme.test.", "acme.test"),
    )
    spam = replace(DELIVERED, known=replace(OUTSIDE, checked=evidence), here=Placed(SPAM, NOON), reason="x")
    assert explain(spam).placed.details == (
        "+4.2  It is full of what spam is made of.",
        "+1.5  acme.test does not vouch for it.",
        "-0.5  You have written to this sender before.",
        "5.2 points of spam together",
    )
    assert explain(DELIVERED).placed.details == ()


def test_released_mail_says_who_released_it() -> None:
    released = replace(DELIVERED, here=Placed(IN, MORNING, verb="release", left=(99,), **BY_ME))
    assert explain(released).placed.text.startswith("You released it from the quarantine")
