"""What the spam filter learned from somebody stands in their settings, and can be forgotten by them alone."""

from __future__ import annotations

import pytest
from django.test import Client

from hosting.models import Grant
from mta.flow import learning
from tests.webmail.mail_world import Reader

pytestmark = pytest.mark.django_db

FILTERS = "/mail/settings/filters/"
FORGET = f"{FILTERS}spam/"


def learn(who: Reader) -> None:
    who.receive(subject="Read and kept", flags=1)
    thread = who.receive(subject="Cheap watches")
    assert who.do("junk", [thread])["status"] == 200
    learning.sweep(rounds=10)


def test_report_spam_teaches_and_the_settings_say_how_much(ann: Reader) -> None:
    assert "it learns what you mean" in ann.page(FILTERS)
    learn(ann)
    assert "Spam: 1. Wanted: 1." in ann.page(FILTERS)


def test_what_was_learned_is_forgotten_for_good(ann: Reader, eve: Reader) -> None:
    learn(ann)
    learn(eve)
    ann.client.post(FORGET)
    page = ann.page(FILTERS)
    assert "has forgotten what it learned" in page
    assert "it learns what you mean" in page
    learning.sweep(rounds=10)
    assert learning.learned(ann.space) == (0, 0)
    assert learning.learned(eve.space) == (1, 1)


def test_nobody_else_may_make_it_forget(ann: Reader, eve: Reader) -> None:
    learn(ann)
    Grant.objects.create(account=eve.account, mailspace=ann.space, right=Grant.ORGANISE)
    eve.client.post("/mail/settings/mailbox/", {"mailspace": str(ann.space)})
    assert eve.client.post(FORGET).status_code == 404
    assert Client().post(FORGET).status_code in (302, 401)
    assert ann.client.get(FORGET).status_code == 405
    assert learning.learned(ann.space) == (1, 1)
