"""Many at once: threads and processes that deliver, move and flag; connections that break; a writer that stops."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path

import pytest
from django.conf import settings
from django.db import OperationalError, connection, transaction

from mta.mailstore import errors, upkeep, writer
from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.mailstore.models import BlobObject
from mta.values import DELETED, SEEN, Cause, now_us
from tests.mail import mail

SMTP = Cause("smtp", "a test")
DAY = 24 * 3600 * 1_000_000


@pytest.fixture
def spaces(transactional_db: None) -> list[int]:
    return [mailstore.create_mailspace() for _ in range(4)]


@pytest.fixture(params=["writer", "inline"])
def either(request: pytest.FixtureRequest, spaces: list[int]) -> Iterator[str]:
    """With this process's writer thread, and without."""
    if request.param == "writer":
        mailstore.start_writer()
    yield request.param
    mailstore.stop_writer()


@pytest.fixture
def running(spaces: list[int]) -> Iterator[None]:
    mailstore.start_writer()
    yield
    mailstore.stop_writer()


def inbox(space: int) -> int:
    return mailstore.mailbox_by_role(space, "inbox").id


def deliver(prepared: mailstore.Prepared, spaces: list[int]) -> None:
    """One message to several mailspaces in one commit."""
    mailstore.commit(spaces, lambda door: [door.store(one, prepared, "inbox", cause=SMTP) for one in spaces])


def in_threads(work: Callable[[int], None], count: int = 4) -> None:
    """Run `work(number)` in threads with connections of their own; raise what any of them raised."""
    raised: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    if raised:
        raise raised[0]


def test_threads_that_do_everything_at_once_lose_nothing(spaces: list[int], either: str) -> None:
    delivered = [0] * 4

    def work(number: int) -> None:
        dice = random.Random(number)
        for turn in range(12):
            few = dice.sample(spaces, 2)
            prepared = mailstore.prepare(mail(body=dice.randbytes(30_000).hex() if turn % 4 == 0 else "x"))
            deliver(prepared, few)
            delivered[number] += 2
            space = dice.choice(spaces)
            uids = [row.uid for row in mailstore.changes(space, inbox(space)).rows]
            if uids:
                one = dice.choice(uids)
                trash = mailstore.mailbox_by_role(space, "archive").id
                mailstore.store_flags(space, inbox(space), [one], "add", SEEN, (), cause=SMTP)
                if dice.random() < 0.5:
                    mailstore.move(space, inbox(space), [one], trash, cause=SMTP)

    in_threads(work)
    assert sum(mailstore.usage(space).messages for space in spaces) == sum(delivered) == 96
    for space in spaces:
        assert differences(space) == []


def test_keywords_that_many_add_to_one_message_are_all_there(spaces: list[int], either: str) -> None:
    space = spaces[0]
    uid = mailstore.append(space, inbox(space), mail(), cause=SMTP).uid

    def work(number: int) -> None:
        for turn in range(8):
            mailstore.store_flags(
                space, inbox(space), [uid], "add", 0, (f"word-{number}-{turn}",), cause=SMTP
            )

    in_threads(work)
    assert len(mailstore.changes(space, inbox(space)).rows[0].keywords) == 32


@pytest.mark.usefixtures("running")
def test_a_caller_who_gives_up_harms_neither_the_writer_nor_the_others(spaces: list[int]) -> None:
    space, prepared, gate = spaces[0], mailstore.prepare(mail()), threading.Event()

    def slow(door: mailstore.Door) -> int:
        gate.wait(10)
        return door.store(space, prepared, "inbox", cause=SMTP).uid

    started = mailstore.submit({space}, slow)
    while not started.running():
        time.sleep(0.001)
    waiting = mailstore.submit({space}, slow)
    assert waiting.cancel() and not started.cancel()
    gate.set()
    assert started.result(timeout=10) == 1
    with pytest.raises(CancelledError):
        waiting.result(timeout=10)
    assert mailstore.submit({space}, slow).result(timeout=10) == 2


def test_a_bell_or_hook_that_fails_after_the_commit_does_not_do_the_work_twice(
    spaces: list[int], either: str
) -> None:
    space, prepared = spaces[0], mailstore.prepare(mail())

    def fail() -> None:
        raise ValueError("the bell fell down")

    def work(door: mailstore.Door) -> int:
        transaction.on_commit(fail)
        return door.store(space, prepared, "inbox", cause=SMTP).uid

    assert mailstore.submit({space}, work).result(timeout=10) == 1
    assert mailstore.mailbox_by_role(space, "inbox").messages == 1


def test_a_stopping_writer_finishes_its_queue_and_refuses_what_comes_later(spaces: list[int]) -> None:
    space, prepared = spaces[0], mailstore.prepare(mail())
    one = writer.Writer()
    units = [
        writer.Unit(frozenset({space}), lambda door: door.store(space, prepared, "inbox", cause=SMTP).uid)
        for _ in range(120)
    ]
    futures = [one.submit(unit) for unit in units]
    one.stop()
    assert [future.result(timeout=0) for future in futures] == list(range(1, 121))
    late = one.submit(writer.Unit(frozenset({space}), lambda door: None))
    with pytest.raises(writer.Overloaded):
        late.result(timeout=0)


@pytest.mark.usefixtures("running")
def test_an_unknown_mailspace_is_refused_and_named(spaces: list[int]) -> None:
    prepared = mailstore.prepare(mail())
    with pytest.raises(errors.NoSuchMailspace):
        mailstore.commit({10**12}, lambda door: door.store(10**12, prepared, "inbox", cause=SMTP))


def test_the_same_prepared_bytes_can_be_stored_in_two_transactions(spaces: list[int]) -> None:
    prepared = mailstore.prepare(mail(body=random.Random(3).randbytes(40_000).hex()))
    for space in spaces[:2]:
        mailstore.commit({space}, lambda door, one=space: door.store(one, prepared, "inbox", cause=SMTP))
    assert BlobObject.objects.get().references == 2
    assert [differences(space) for space in spaces[:2]] == [[], []]


# --- PostgreSQL goes away


def backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def kill_backend(pid: int) -> None:
    def work(_number: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])

    in_threads(work, count=1)


@pytest.mark.usefixtures("running")
def test_the_writer_survives_a_connection_that_breaks_in_the_middle(
    spaces: list[int], on_sqlite: bool
) -> None:
    if on_sqlite:
        pytest.skip("SQLite has no connection to lose")
    space, prepared = spaces[0], mailstore.prepare(mail())
    tries: list[int] = []

    def struck(door: mailstore.Door) -> int:
        tries.append(1)
        if len(tries) == 1:
            kill_backend(backend())
        return door.store(space, prepared, "inbox", cause=SMTP).uid

    futures = [
        mailstore.submit(
            {space},
            struck if number == 3 else lambda door: door.store(space, prepared, "inbox", cause=SMTP).uid,
        )
        for number in range(8)
    ]
    assert sorted(future.result(timeout=30) for future in futures) == list(range(1, 9))
    assert differences(space) == []


@pytest.mark.usefixtures("running")
def test_a_commit_without_an_answer_is_never_told_as_success(spaces: list[int], on_sqlite: bool) -> None:
    if on_sqlite:
        pytest.skip("SQLite has no connection to lose")
    space, prepared = spaces[0], mailstore.prepare(mail())
    good: Future[int] = mailstore.submit(
        {space}, lambda door: door.store(space, prepared, "inbox", cause=SMTP).uid
    )
    assert good.result(timeout=30) == 1
    flush = mailstore.Door.flush

    def flush_and_break(door: mailstore.Door) -> frozenset[int]:
        changed = flush(door)
        mailstore.Door.flush = flush  # type: ignore[method-assign]
        kill_backend(backend())
        return changed

    mailstore.Door.flush = flush_and_break  # type: ignore[method-assign]
    try:
        lost = mailstore.submit({space}, lambda door: door.store(space, prepared, "inbox", cause=SMTP).uid)
        with pytest.raises(OperationalError):
            lost.result(timeout=30)
    finally:
        mailstore.Door.flush = flush  # type: ignore[method-assign]
    after = mailstore.submit({space}, lambda door: door.store(space, prepared, "inbox", cause=SMTP).uid)
    assert after.result(timeout=30) == 2
    assert mailstore.mailbox_by_role(space, "inbox").messages == 2 and differences(space) == []


# --- a process dies

CHILD = """
import random, sys
import django
from django.conf import settings
from django.db import connection
django.setup()
settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = sys.argv[1]
from mta.mailstore import service as mailstore
from mta.values import DELETED, Cause
from tests.mail import mail
cause, spaces, dice = Cause("smtp", "a child"), [int(one) for one in sys.argv[2].split(",")], random.Random(int(sys.argv[3]))
mailstore.start_writer()
while True:
    few = dice.sample(spaces, 2)
    body = dice.randbytes(30_000).hex() if dice.random() < 0.4 else "short"
    prepared = mailstore.prepare(mail(body=body))
    made = mailstore.commit(few, lambda door: [door.store(one, prepared, "inbox", cause=cause) for one in few])
    sys.stdout.write("".join(f"{one} {each.message}\\n" for one, each in zip(few, made)))
    sys.stdout.flush()
    box = mailstore.mailbox_by_role(few[0], "inbox").id
    mailstore.move(few[0], box, [made[0].uid], mailstore.mailbox_by_role(few[0], "archive").id, cause=cause)
"""


def test_what_was_acknowledged_survives_processes_that_are_killed(spaces: list[int]) -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "PYTEST_XDIST_WORKER": Path(settings.DATA_DIR).name,
        "TEST_FOLDER": str(Path(settings.DATA_DIR).parent),
    }
    name, listed = str(connection.settings_dict["NAME"]), ",".join(map(str, spaces))
    acknowledged: list[tuple[int, int]] = []
    for seed in range(2):
        children = [
            subprocess.Popen(
                [sys.executable, "-c", CHILD, name, listed, str(10 * seed + number)],
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(2)
        ]
        for child in children:
            assert child.stdout is not None
            acknowledged += [_pair(child.stdout.readline()) for _ in range(5)]
        time.sleep(0.15)
        for child in children:
            child.send_signal(signal.SIGKILL)
            rest, _ = child.communicate(timeout=20)
            acknowledged += [_pair(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    assert len(acknowledged) >= 20
    for space, message in acknowledged:
        assert mailstore.raw(space, message).startswith(b"From:")
        assert mailstore.message(space, message).boxes
    for space in spaces:
        assert differences(space) == []


def _pair(line: str) -> tuple[int, int]:
    space, message = line.split()
    return int(space), int(message)


def test_bytes_that_no_row_ever_named_are_swept_after_a_day_and_named_ones_are_not(spaces: list[int]) -> None:
    store = mailstore.prepare(mail(body=random.Random(1).randbytes(40_000).hex()))
    lost = mailstore.prepare(mail(body=random.Random(2).randbytes(40_000).hex()))
    mailstore.commit({spaces[0]}, lambda door: door.store(spaces[0], store, "inbox", cause=SMTP))
    root = Path(settings.DATA_DIR) / "blobs"
    assert store.blob.name is not None and lost.blob.name is not None
    kept, orphan = (root / name[:2] / name for name in (store.blob.name, lost.blob.name))
    (orphan.with_suffix(".new")).write_bytes(b"half")
    for shard in range(256):
        upkeep.sweep_orphans(shard)
    assert kept.exists() and orphan.exists()
    for shard in range(256):
        upkeep.sweep_orphans(shard, now=now_us() + 2 * DAY)
    assert kept.exists() and not orphan.exists() and not orphan.with_suffix(".new").exists()


def test_expunging_everything_while_others_append_leaves_the_counts_right(spaces: list[int]) -> None:
    space = spaces[0]

    def work(number: int) -> None:
        for _ in range(8):
            if number % 2:
                mailstore.append(space, inbox(space), mail(), flags=DELETED, cause=SMTP)
            else:
                mailstore.expunge(space, inbox(space), cause=SMTP)

    in_threads(work)
    mailstore.expunge(space, inbox(space), cause=SMTP)
    assert mailstore.usage(space).messages == 0 and differences(space) == []
