"""What came while a scanner was down is taken in, marked, and looked at later."""

from __future__ import annotations

import asyncio

import pytest

from mta import directory, resolver
from mta.directory import LocalTarget
from mta.flow import learning, scanning, verify
from mta.flow.passage import Arrival, Recipient
from mta.flow.receive import receive
from mta.mailstore import service as mailstore
from mta.resolver import NO_NAME, Answer
from mta.trust import scanners, unscanned
from mta.trust.scanners import Found
from mta.trust.verdict import Evidence
from mta.values import INBOX, JUNK, Cause, now_us
from tests.fake_directory import FakeDirectory

pytestmark = pytest.mark.django_db(transaction=True)

LETTER = b"From: a@b.test\r\nTo: ann@a.test\r\nSubject: hello\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@b.test>\r\n\r\nHow are you?\r\n"
MINUTE = 60 * 1_000_000


class NoDns:
    """Knows nothing at all."""

    async def _nothing(self, name: str) -> Answer[str]:
        return Answer(NO_NAME)

    mx = addresses = txt = ptr = cname = _nothing


@pytest.fixture
def ann(settings):
    settings.CLAMD_URL, settings.RSPAMD_URL = "/nowhere/clamd.sock", "http://127.0.0.1:9"
    space = mailstore.create_mailspace()
    scanners._resting.clear()
    with directory.use(FakeDirectory({"ann@a.test": space})), resolver.use(NoDns()):
        yield space
    scanners._resting.clear()


async def here(function, *args):
    return function(*args)


def deliver(space: int) -> int:
    target = LocalTarget(space, "ann@a.test")
    arrival = Arrival(
        raw=LETTER, sender="a@b.test", recipients=(Recipient("ann@a.test", (target,)),), client_name="b.test",
        ip="8.8.8.8", hostname="mail.a.test", protocol="ESMTP", trusted=True,
    )  # fmt: skip
    found = asyncio.run(verify.verify(arrival, run=here))
    assert found.unscanned == ("rspamd", "clamd")
    receive(arrival, found).result(30)
    return max(row.message for role in (INBOX, JUNK) for row in lying(space, role))


def lying(space: int, role: str):
    return mailstore.changes(space, mailstore.mailbox_by_role(space, role).id).rows


def answers(monkeypatch: pytest.MonkeyPatch, *found: Found) -> None:
    said = list(found)

    async def scan(*_args, **_more) -> Found:
        return said.pop(0) if len(said) > 1 else said[0]

    monkeypatch.setattr(scanners, "scan", scan)


def pass_time(monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    at = now_us() + minutes * MINUTE
    monkeypatch.setattr(unscanned, "now_us", lambda: at)


def test_it_is_taken_in_and_a_virus_that_is_found_later_goes_to_the_quarantine(ann, monkeypatch) -> None:
    message = deliver(ann)
    assert scanning.sweep() == 0  # not at once
    answers(monkeypatch, Found(unscanned=("clamd",)), Found(virus="Eicar"))
    pass_time(monkeypatch, 2)
    assert scanning.sweep() == 0  # still no answer
    pass_time(monkeypatch, 60)
    assert scanning.sweep() == 1
    assert [row.message for row in lying(ann, INBOX)] == []
    assert [each.message for each in mailstore.held([ann])] == [message]
    assert scanning.sweep() == 0


def test_what_rspamd_calls_spam_later_goes_to_junk_but_teaches_nothing(ann, monkeypatch) -> None:
    message = deliver(ann)
    answers(monkeypatch, Found((Evidence("rspamd", "reject", "", "", 12.0),)))
    pass_time(monkeypatch, 2)
    assert scanning.sweep() == 1
    assert [row.message for row in lying(ann, JUNK)] == [message]
    learning.sweep(rounds=5)
    assert learning.learned(ann) == (0, 0)


def test_what_its_reader_has_filed_stays_where_it_is(ann, monkeypatch) -> None:
    message = deliver(ann)
    mailstore.archive_messages(ann, [message], cause=Cause("web"))
    answers(monkeypatch, Found((Evidence("rspamd", "reject", "", "", 12.0),)))
    pass_time(monkeypatch, 2)
    assert scanning.sweep() == 1
    assert lying(ann, JUNK) == ()


def test_nobody_asks_for_ever(ann, monkeypatch) -> None:
    deliver(ann)
    answers(monkeypatch, Found(unscanned=("clamd",)))
    pass_time(monkeypatch, 4 * 24 * 60)
    assert scanning.sweep() == 0
    answers(monkeypatch, Found())
    pass_time(monkeypatch, 9 * 24 * 60)
    assert scanning.sweep() == 0


def test_a_message_that_is_gone_is_no_trouble(ann, monkeypatch) -> None:
    message = deliver(ann)
    mailstore.delete_messages(ann, [message], cause=Cause("web"))
    mailstore.delete_messages_forever(ann, [message], cause=Cause("web"))
    answers(monkeypatch, Found(virus="Eicar"))
    pass_time(monkeypatch, 2)
    scanning.sweep()
    assert mailstore.held([ann]) == ()
