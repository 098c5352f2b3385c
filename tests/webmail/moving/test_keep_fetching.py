"""Keep fetching: what arrives at the old host comes along, over IMAP and POP3, from real servers."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from hosting.models import Grant
from mta.mailstore.doctor import differences
from mta.values import SEEN
from tests.sidecar import FakeDirectory, RunningSidecar
from tests.webmail.mail_world import Reader
from tests.webmail.moving.conftest import OLD
from tests.webmail.moving.test_over_imap import fill, held, source, work
from webmail.moving import mover as moving
from webmail.moving.models import Source
from webmail.moving.wire import PLAIN, STARTTLS, TLS


def due(made: Source) -> Source:
    Source.objects.filter(pk=made.pk).update(next_at=timezone.now())
    return work(made)


def test_over_imap_what_arrives_is_new_mail_in_the_inbox(
    mover: Reader, old: FakeDirectory, old_host: RunningSidecar
) -> None:
    fill(old, "INBOX", 3, flags=SEEN)
    made = work(source(mover, old_host, keep=True, label=OLD))
    assert (made.state, made.arrived) == (Source.DONE, 0)
    fill(old, "INBOX", 2, first=3)
    made = due(made)
    assert (made.arrived, made.problem) == (2, "")
    assert due(made).arrived == 2
    assert len(held(mover.space, "INBOX")) == 5
    assert [flags for _raw, flags, _at in held(mover.space, OLD)] == [0, 0]
    assert differences(mover.space) == []


@pytest.mark.parametrize(("listen", "tls"), [("POP3S", TLS), ("POP3", STARTTLS), ("POP3", PLAIN)])
def test_over_pop3_each_message_comes_once_and_stays_there(
    mover: Reader, old: FakeDirectory, old_host: RunningSidecar, listen: str, tls: str
) -> None:
    fill(old, "INBOX", 4)
    made = work(source(mover, old_host, listen=listen, tls=tls, keep=True, label=OLD))
    assert (made.state, made.problem, made.messages) == (Source.DONE, "", 4)
    theirs = held(old.people[OLD], "INBOX")
    mine = held(mover.space, "INBOX")
    assert [raw for raw, _flags, _at in mine] == [raw for raw, _flags, _at in theirs]
    assert {flags for _raw, flags, _at in mine} == {SEEN}
    fill(old, "INBOX", 2, first=4)
    made = due(made)
    assert (made.arrived, due(made).arrived) == (2, 2)
    assert len(held(mover.space, OLD)) == 2
    assert len(held(old.people[OLD], "INBOX")) == 6


def test_over_pop3_what_was_fetched_is_deleted_there_if_asked_for(
    mover: Reader, old: FakeDirectory, old_host: RunningSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that dies after storing and before deleting loses nothing and brings nothing twice."""
    fill(old, "INBOX", 4)
    remove, removed = moving.PopMover._remove, []

    def dying(self: moving.PopMover, pop3: Any, numbers: Any) -> None:
        removed.append(numbers)
        if len(removed) == 1:
            raise KeyboardInterrupt
        remove(self, pop3, numbers)

    monkeypatch.setattr(moving.PopMover, "_remove", dying)
    made = source(mover, old_host, listen="POP3S", keep=True, leave=False)
    with pytest.raises(KeyboardInterrupt):
        work(made)
    Source.objects.update(lease_until=timezone.now())
    made = work(made)
    assert made.state == Source.DONE
    assert len(held(mover.space, "INBOX")) == 4
    assert held(old.people[OLD], "INBOX") == []


def test_a_host_that_is_away_is_tried_again_later_and_says_so(
    mover: Reader, old: FakeDirectory, old_host: RunningSidecar
) -> None:
    fill(old, "INBOX", 1)
    made = work(source(mover, old_host, keep=True))
    old_host.stop()
    made = due(made)
    assert made.failures == 1
    assert made.next_at is not None
    assert "localhost does not answer at port" in made.problem
    assert "We try again at" in mover.page("/mail/settings/moving/")
    before = made.next_at
    made = due(made)
    assert made.failures == 2
    assert made.next_at is not None
    assert made.next_at - timezone.now() > before - timezone.now(), "less and less often"


def test_who_may_no_longer_change_the_mailbox_brings_nothing_more(
    mover: Reader, old: FakeDirectory, old_host: RunningSidecar
) -> None:
    fill(old, "INBOX", 1)
    made = source(mover, old_host)
    Grant.objects.filter(account=mover.account).delete()
    made = work(made)
    assert made.state == Source.REFUSED
    assert held(mover.space, "INBOX") == []
