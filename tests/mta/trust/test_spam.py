"""The built-in spam filter: what it sees in a message, what it learns, and what it tells people."""

from __future__ import annotations

import pytest

from mta.correspondents import service as correspondents
from mta.flow import weighing
from mta.mailstore.service import prepare
from mta.trust.spam import features, statistics
from mta.trust.spam.statistics import Lesson
from mta.trust.verdict import NOTHING_KNOWN, Evidence, Verdict
from mta.values import now_us

pytestmark = pytest.mark.django_db(transaction=True)

PHISHING = b"""From: "PayPal Service" <info@secure-login.xyz>\r
To: ann@example.test\r
Subject: YOUR ACCOUNT IS LIMITED\r
Date: Mon, 23 Nov 2026 10:00:00 +0000\r
Message-ID: <1@secure-login.xyz>\r
Content-Type: text/html; charset=utf-8\r
\r
<p>Dear customer, verify at <a href="http://paypal.account-check.xyz/in">https://www.paypal.com/login</a> now</p>\r
"""
LETTER = b"""From: Ben <ben@friends.test>\r
To: ann@example.test\r
Subject: Saturday\r
Date: Mon, 23 Nov 2026 10:00:00 +0000\r
Message-ID: <2@friends.test>\r
\r
Hi Ann, shall we walk to the lake on Saturday? I bring the bread. Ben\r
"""


def weigh(raw: bytes, *, mailspace: int = 1, found: Verdict = NOTHING_KNOWN) -> Verdict:
    return weighing.weigh(prepare(raw), raw, found, mailspace=mailspace)


def test_phishing_is_junk_on_a_fresh_installation_and_its_reason_names_the_link() -> None:
    found = weigh(PHISHING).of("spam")
    assert found is not None
    assert found.result == "spam"
    assert found.score >= 5.0
    assert "www.paypal.com" in found.reason


def test_a_plain_letter_is_not_doubted() -> None:
    found = weigh(LETTER)
    assert found.score < 1.0


def test_a_lesson_of_a_mailspace_counts_for_it_more_than_for_others() -> None:
    tokens = features.read(LETTER).tokens
    before = weigh(LETTER).score
    statistics.learn(1, [Lesson(each, True, tokens) for each in range(8)])
    statistics.learn(1, [Lesson(100 + each, False, ("something", "else")) for each in range(8)])
    assert weigh(LETTER).score > before + 1.0
    assert weigh(LETTER, mailspace=2).score == before


def test_unlearning_brings_back_what_was_before() -> None:
    tokens = features.read(LETTER).tokens
    statistics.learn(1, [Lesson(5, False, ("other", "words"))])
    before = weigh(LETTER).score
    statistics.learn(1, [Lesson(7, True, tokens)])
    statistics.learn(1, [Lesson(7, True, tokens)])  # once more changes nothing
    assert statistics.learned(1).spam == 1
    statistics.learn(1, unlearn=[7])
    assert statistics.learned(1).spam == 0
    assert weigh(LETTER).score == before


def test_somebody_known_counts_only_if_their_domain_vouches_for_the_message() -> None:
    correspondents.seen(1, [("Ben", "ben@friends.test")], own=True, at=now_us())
    assert weigh(LETTER).of("known") is None
    forged = NOTHING_KNOWN.plus([Evidence("dmarc", "fail", "", "friends.test")])
    assert weigh(LETTER, found=forged).of("known") is None
    elsewhere = NOTHING_KNOWN.plus([Evidence("spf", "pass", "", "spammer.test")])
    assert weigh(LETTER, found=elsewhere).of("known") is None
    signed = NOTHING_KNOWN.plus([Evidence("dkim", "pass", "", "friends.test")])
    known = weigh(LETTER, found=signed).of("known")
    assert known is not None
    assert known.score < 0
    assert weigh(LETTER, found=signed, mailspace=2).of("known") is None


def test_what_one_forgets_is_no_longer_counted_for_the_host_either() -> None:
    tokens = features.read(PHISHING).tokens
    statistics.learn(1, [Lesson(each, True, tokens) for each in range(3)])
    assert statistics.learned(statistics.HOST).spam == 3
    statistics.forget(1)
    assert statistics.learned(1).spam == 0
    assert statistics.learned(statistics.HOST).spam == 0


def test_nobody_alone_teaches_everybody() -> None:
    day = statistics.DAY
    for each in range(5):
        lessons = [Lesson(100 * each + number, True, ("word",)) for number in range(80)]
        statistics.learn(1, lessons, at=now_us() - (9 - each) * day)
    assert statistics.learned(1).spam == 400
    assert statistics.learned(statistics.HOST).spam == statistics.SHARED_LEAST
