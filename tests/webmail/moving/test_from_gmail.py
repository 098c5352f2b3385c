"""Gmail over IMAP: labels become labels and states, and a message with five labels is fetched and stored once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from mta.filters import service as filters
from mta.filters.service import Actions
from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.message.criteria import Words
from mta.values import FLAGGED, INBOX, SEEN
from tests.mail import mail
from tests.webmail.mail_world import CAUSE, Reader
from tests.webmail.moving.gmail_server import PASSWORD, Gmail, Server
from tests.webmail.moving.test_over_imap import held, work
from webmail.moving.models import Source
from webmail.moving.wire import PLAIN

ADDRESS = "ann@gmail.test"


@pytest.fixture
def gmail() -> Gmail:
    return Gmail()


@pytest.fixture
def google(gmail: Gmail) -> Iterator[Server]:
    with Server(gmail) as server:
        yield server


def source(who: Reader, google: Server, **more: Any) -> Source:
    made = Source(
        account=who.account,
        mailspace=who.space,
        address=ADDRESS,
        username=ADDRESS,
        host="127.0.0.1",
        port=google.port,
        tls=PLAIN,
        action=mailstore.new_action(),
        next_at=timezone.now(),
        **more,
    )
    made.set_password(PASSWORD)
    made.save()
    return made


def subjects(space: int, folder: str) -> set[str]:
    box = mailstore.mailbox(space, folder)
    return {
        each.raw.split(b"Subject: ")[1].split(b"\r\n")[0].decode() for each in mailstore.letters(space, box)
    }


def fill(gmail: Gmail) -> None:
    gmail.add(mail(subject="plan"), "\\Inbox", "\\Important", "Work", "Work/Größe & Co", flags="\\Seen")
    gmail.add(mail(subject="star"), "\\Inbox", "\\Starred")
    gmail.add(mail(subject="mine"), "\\Sent", "Work", flags="\\Seen")
    gmail.add(mail(subject="put away"), flags="\\Seen")
    gmail.add(mail(subject="draft"), "\\Draft", flags="\\Draft \\Seen")
    gmail.add(mail(subject="junk"), "\\Inbox", home="junk")
    gmail.add(mail(subject="gone"), home="trash")
    gmail.add(mail(subject="year"), "2026", flags="\\Seen")


@pytest.mark.parametrize("all_mail", [True, False])
def test_labels_become_labels_and_states_and_nothing_comes_twice(
    mover: Reader, gmail: Gmail, google: Server, all_mail: bool
) -> None:
    fill(gmail)
    gmail.all_mail = all_mail
    made = work(source(mover, google))
    assert (made.state, made.problem, made.gmail) == (Source.DONE, "", True)
    space = mover.space
    assert subjects(space, "INBOX") == {"plan", "star"}
    assert subjects(space, "Work") == {"plan", "mine"}
    assert subjects(space, "Work/Größe & Co") == {"plan"}
    assert subjects(space, "Sent") == {"mine"}
    assert subjects(space, "Junk") == {"junk"}
    assert subjects(space, "Trash") == {"gone"}
    assert subjects(space, "2026") == {"year"}
    if all_mail:
        assert subjects(space, "Drafts") == {"draft"}
        assert subjects(space, "Archive") == {"put away"}
    marks = {
        row.raw.split(b"Subject: ")[1].split(b"\r\n")[0]: (row.flags, row.keywords, row.internal_date)
        for row in mailstore.letters(space, mailstore.mailbox(space, "INBOX"))
    }
    assert marks[b"plan"] == (SEEN, ("$Important",), 1_700_000_000_000_000)
    assert marks[b"star"][0] == FLAGGED
    fetched = [line for line in gmail.log if "BODY.PEEK[]" in line]
    names = mailstore.usage(space)
    assert names.messages == made.messages == (8 if all_mail else 6)
    assert fetched
    assert not any(line.startswith("SELECT") for line in gmail.log), "nothing may change over there"
    assert differences(space) == []


def test_moving_again_fetches_no_body_again(mover: Reader, gmail: Gmail, google: Server) -> None:
    fill(gmail)
    made = work(source(mover, google))
    gmail.log.clear()
    made.folders.update(lowest=0, reached=None, finished=False)
    Source.objects.update(state=Source.MOVING, next_at=timezone.now())
    made = work(made)
    assert (made.state, made.messages) == (Source.DONE, 8)
    assert not [line for line in gmail.log if "BODY.PEEK[]" in line]


def test_what_arrives_is_delivered_through_the_filters_under_its_label(
    mover: Reader, gmail: Gmail, google: Server
) -> None:
    fill(gmail)
    made = work(source(mover, google, keep=True, label=ADDRESS))
    assert made.next_at is not None
    assert subjects(mover.space, "INBOX") == {"plan", "star"}
    filters.add_rule(
        mover.space,
        name="News",
        query="news",
        criteria=Words("news", "subject"),
        actions=Actions(skip_inbox=True, star=True),
        cause=CAUSE,
    )
    gmail.add(mail(subject="hello"), "\\Inbox", "Work")
    gmail.add(mail(subject="news"), "\\Inbox")
    gmail.add(mail(subject="skipped"), "Lists")
    gmail.add(mail(subject="sent over there"), "\\Sent")
    gmail.add(mail(subject="a draft"), "\\Draft", flags="\\Draft")
    for _again in range(2):
        Source.objects.update(next_at=timezone.now())
        made = work(made)
        assert (made.problem, made.arrived) == ("", 3)
    assert subjects(mover.space, "INBOX") == {"plan", "star", "hello"}
    assert subjects(mover.space, ADDRESS) == {"hello", "news"}
    assert subjects(mover.space, "Lists") == {"skipped"}
    assert "hello" in subjects(mover.space, "Work")
    assert "a draft" not in subjects(mover.space, "Drafts")
    (news,) = [each for each in held(mover.space, ADDRESS) if b"Subject: news" in each[0]]
    assert news[1] & FLAGGED
    assert mailstore.mailbox_by_role(mover.space, INBOX).unseen == 2
    assert differences(mover.space) == []
    page = mover.page("/mail/settings/moving/")
    assert "3 have arrived since." in page


def test_a_password_that_is_refused_three_times_is_not_tried_again(
    mover: Reader, gmail: Gmail, google: Server
) -> None:
    made = source(mover, google)
    made.set_password("wrong")
    made.save()
    for expected in (Source.MOVING, Source.MOVING, Source.REFUSED):
        Source.objects.filter(next_at__isnull=False).update(next_at=timezone.now())
        made = work(made)
        assert made.state == expected
    assert made.next_at is None
    tries = len(gmail.log)
    assert work(made).problem == "127.0.0.1 does not take this name and password."
    assert len(gmail.log) == tries
    page = mover.page("/mail/settings/moving/")
    assert "We have stopped trying." in page
    assert "wrong" not in page
    said = mover.client.post(f"/mail/settings/moving/{made.pk}/", {"do": "password", "password": PASSWORD})
    assert said.status_code == 302
    assert work(made).state == Source.DONE
