"""Messages that wait for their hour: who may still send then, and what they are signed with."""

from __future__ import annotations

import re

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from mta.directory import SigningKey
from mta.flow import scheduled, submit
from mta.flow.errors import NotYours
from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.queue import reasons
from mta.queue import service as queue
from mta.values import DRAFTS, SCHEDULED, SENT, now_us
from tests.mta.flow.conftest import CAUSE, Office

HOUR = 3600 * 1_000_000
DAY = 24 * HOUR


def planned(office: Office, at: int, *to: str) -> submit.Submitted:
    return submit.submit_draft(office.ann, 1, office.draft(*to), cause=CAUSE, send_at=at)


def another_key() -> SigningKey:
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return SigningKey("a.test", "s2", pem)


def test_it_is_signed_as_it_leaves_with_the_key_of_that_day(office: Office) -> None:
    at = now_us() + DAY
    sent = planned(office, at, "x@outside.test", "ben@a.test")
    assert b"DKIM-Signature" not in queue.raw(sent.outgoing)
    office.directory.keys[:] = [another_key()]
    assert scheduled.send_due(at + 1) == 1
    raw, info = queue.raw(sent.outgoing), queue.outgoing(sent.outgoing)
    assert re.findall(rb"\bs=(\w+)", raw) == [b"s2"] and info.size == len(raw)
    assert raw.startswith(b"DKIM-Signature:") and b"t=%d;" % ((at + 1) // 1_000_000) in raw
    assert {claimed.address for claimed in queue.claim(limit=5, now=at + 2)} == {
        "x@outside.test",
        "ben@a.test",
    }
    assert len(office.box(office.ann, SENT)) == 1 and differences(office.ann) == []


def test_what_may_not_be_sent_any_more_stays_says_why_and_is_not_tried_again(office: Office) -> None:
    at = now_us() + DAY
    sent = planned(office, at, "x@outside.test")
    address = office.directory.entries.pop("ann@a.test")
    before = mailstore.clocks([office.ann])[office.ann]
    assert scheduled.send_due(at + 1) == 0
    (message,) = office.box(office.ann, SCHEDULED)
    assert mailstore.threads_changed(office.ann, before)[0] == (message.thread,)  # open pages hear of it
    (state,) = queue.recipients(sent.outgoing)
    assert (state.state, state.reason) == ("held", reasons.NOT_ALLOWED) and "not allowed" in state.said
    assert mailstore.is_scheduled(office.ann, message.id) == 0 and mailstore.scheduled_due(at + 9 * DAY) == []
    office.directory.entries["ann@a.test"] = address  # nobody said that it should go now
    assert scheduled.send_due(at + 40 * DAY) == 0 and queue.claim(limit=5, now=at + 40 * DAY) == ()
    assert differences(office.ann) == []

    again = scheduled.again(office.ann, 1, message.id, at=None, cause=CAUSE)
    assert office.box(office.ann, SCHEDULED) == [] and len(office.box(office.ann, SENT)) == 1
    assert [claimed.outgoing for claimed in queue.claim(limit=5)] == [again.outgoing]
    assert differences(office.ann) == []


def test_sending_now_what_may_still_not_be_sent_gives_the_draft_back(office: Office) -> None:
    at = now_us() + DAY
    planned(office, at, "x@outside.test")
    office.directory.entries.pop("ann@a.test")
    scheduled.send_due(at + 1)
    (message,) = office.box(office.ann, SCHEDULED)
    with pytest.raises(NotYours):
        scheduled.again(office.ann, 1, message.id, at=None, cause=CAUSE)
    assert office.box(office.ann, SCHEDULED) == [] and queue.claim(limit=5, now=at + DAY) == ()
    assert office.box(office.ann, DRAFTS) == [] and office.box(office.ann, SENT) == []


def test_what_was_kept_back_and_then_thrown_away_is_let_go_after_a_year(office: Office) -> None:
    at = now_us() + DAY
    sent = planned(office, at, "x@outside.test")
    office.directory.entries.pop("ann@a.test")
    scheduled.send_due(at + 1)
    (message,) = office.box(office.ann, SCHEDULED)
    mailstore.delete(office.ann, [message.thread], cause=CAUSE)
    scheduled.send_due(at + 300 * DAY)
    assert queue.recipients(sent.outgoing)[0].state == "held"
    scheduled.send_due(at + 450 * DAY)
    assert queue.recipients(sent.outgoing)[0].state == "cancelled"
