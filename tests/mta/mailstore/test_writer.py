"""Group commit, isolation of failures, and the bells that ring after a commit."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.values import Cause
from tests.mail import mail

SMTP = Cause("smtp", "a test")


@pytest.fixture
def mailspace(transactional_db: None) -> int:
    return mailstore.create_mailspace()


@pytest.fixture
def writer(mailspace: int) -> Iterator[None]:
    mailstore.start_writer()
    yield
    mailstore.stop_writer()


@pytest.mark.usefixtures("writer")
def test_units_submitted_together_all_resolve_and_one_bad_one_harms_nobody(mailspace: int) -> None:
    prepared = mailstore.prepare(mail())

    def good(door: mailstore.Door) -> int:
        return door.store(mailspace, prepared, "inbox", cause=SMTP).uid

    def bad(door: mailstore.Door) -> int:
        door.store(mailspace, prepared, "inbox", cause=SMTP)
        raise RuntimeError("this unit cannot be done")

    futures = [mailstore.submit({mailspace}, bad if number == 7 else good) for number in range(20)]
    with pytest.raises(RuntimeError):
        futures[7].result(timeout=20)
    uids = [future.result(timeout=20) for number, future in enumerate(futures) if number != 7]
    assert uids == list(range(1, 20))
    assert differences(mailspace) == []


@pytest.mark.usefixtures("writer")
def test_threads_that_wait_for_the_writer_get_their_own_results(mailspace: int) -> None:
    inbox = mailstore.mailbox_by_role(mailspace, "inbox").id
    got: list[int] = []

    def append() -> None:
        from django.db import connection

        got.append(mailstore.append(mailspace, inbox, mail(), cause=SMTP).uid)
        connection.close()

    threads = [threading.Thread(target=append) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(got) == list(range(1, 9))


def test_watchers_hear_of_a_change_and_only_of_theirs(mailspace: int) -> None:
    other = mailstore.create_mailspace()
    heard: list[tuple[int, float]] = []
    bells = mailstore.Bells(lambda one: heard.append((one, time.monotonic())))
    bells.start()
    try:
        bells.watch(mailspace)
        time.sleep(0.3)
        heard.clear()
        mailstore.append(other, mailstore.mailbox_by_role(other, "inbox").id, mail(), cause=SMTP)
        mailstore.append(mailspace, mailstore.mailbox_by_role(mailspace, "inbox").id, mail(), cause=SMTP)
        limit = time.monotonic() + 5
        while not heard and time.monotonic() < limit:
            time.sleep(0.01)
        assert {one for one, _ in heard} == {mailspace}
        bells.unwatch(mailspace)
    finally:
        bells.stop()
