"""The write ticket of `mta.sqlite`: nobody is refused, nobody keeps it."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.db.utils import OperationalError

from mta.sqlite.base import Ticket

BASE = Path(__file__).resolve().parent.parent.parent.parent


@pytest.fixture(autouse=True)
def sqlite_only(transactional_db: None) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the ticket is SQLite's")
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS ticket_test (id INTEGER PRIMARY KEY, value INTEGER UNIQUE)"
        )
        cursor.execute("DELETE FROM ticket_test")


def test_the_ticket_is_held_inside_a_transaction_and_given_back_after_it() -> None:
    with transaction.atomic():
        assert connection.ticket.held
        with transaction.atomic():
            assert connection.ticket.held
        assert connection.ticket.held
    assert not connection.ticket.held


def test_an_error_gives_the_ticket_back() -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO ticket_test (value) VALUES (1)")
        cursor.execute("INSERT INTO ticket_test (value) VALUES (1)")
    assert not connection.ticket.held
    with transaction.atomic():
        pass


def test_closing_inside_a_transaction_gives_the_ticket_back() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        connection.close()
        raise ZeroDivisionError
    with transaction.atomic():
        assert connection.ticket.held
    assert not connection.ticket.held


def test_single_statements_give_it_back_and_reading_never_takes_it() -> None:
    taken: list[str] = []
    original = Ticket.take

    def noticed(self: Ticket) -> None:
        taken.append("taken")
        original(self)

    with pytest.MonkeyPatch.context() as patch, connection.cursor() as cursor:
        patch.setattr(Ticket, "take", noticed)
        cursor.execute("SELECT count(*) FROM ticket_test")
        assert taken == []
        cursor.execute("INSERT INTO ticket_test (value) VALUES (%s)", [7])
        cursor.executemany("INSERT INTO ticket_test (value) VALUES (%s)", [[8], [9]])
        assert taken == ["taken", "taken"]
    assert not connection.ticket.held


def test_a_second_thread_waits_for_the_first() -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait(5)
        with transaction.atomic():
            order.append("second")
        connections.close_all()

    thread = threading.Thread(target=second)
    thread.start()
    with transaction.atomic():
        inside.set()
        time.sleep(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_thread_that_waits_for_itself_is_told(tmp_path: Path) -> None:
    first = Ticket(str(tmp_path / "write.lock"), timeout=0.1)
    second = Ticket(str(tmp_path / "write.lock"), timeout=0.1)
    first.take()
    with pytest.raises(OperationalError, match="write ticket"):
        second.take()
    first.close()
    second.take()
    second.close()


WRITER = """
import os, sys, sqlite3
from pathlib import Path
sys.path.insert(0, os.environ["CHECKOUT"])
import django
from django.conf import settings
settings.configure(DATABASES={"default": {"ENGINE": "mta.sqlite", "NAME": sys.argv[1], "OPTIONS": {
    "transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA journal_mode=WAL"}}})
django.setup()
from django.db import connection, transaction
for turn in range(int(sys.argv[2])):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT value FROM counter")
        (value,) = cursor.fetchone()
        cursor.execute("UPDATE counter SET value = %s", [value + 1])
"""


def test_six_processes_that_read_and_then_write_lose_no_count(tmp_path: Path) -> None:
    import sqlite3

    database = tmp_path / "counter.sqlite3"
    with sqlite3.connect(database) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("CREATE TABLE counter (value INTEGER)")
        made.execute("INSERT INTO counter VALUES (0)")
    made.close()
    environment = os.environ | {"CHECKOUT": str(BASE)}
    command = [sys.executable, "-c", WRITER, str(database), "60"]
    writers = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for _ in range(6)]
    errors = [writer.communicate(timeout=60)[1].decode() for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 6, errors
    with sqlite3.connect(database) as read:
        assert read.execute("SELECT value FROM counter").fetchone() == (360,)
    read.close()


def test_a_killed_writer_leaves_no_lock_behind(tmp_path: Path) -> None:
    lock = str(tmp_path / "write.lock")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from mta.sqlite.base import Ticket;"
        "t = Ticket(sys.argv[2], timeout=5); t.take(); print('has it', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(BASE), lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None and holder.stdout.readline() == b"has it\n"
    holder.kill()
    holder.communicate()
    ticket = Ticket(lock, timeout=1)
    ticket.take()
    assert ticket.held
    ticket.close()


def test_a_fork_does_not_share_its_parents_ticket(tmp_path: Path) -> None:
    ticket = Ticket(str(tmp_path / "write.lock"), timeout=5)
    ticket.take()
    child = os.fork()
    if child == 0:
        ticket.give_back()  # not the child's to give
        os._exit(0)
    os.waitpid(child, 0)
    assert ticket.held
    probe = subprocess.run(
        [
            sys.executable,
            "-c",
            "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)",
            str(tmp_path / "write.lock"),
        ],
        capture_output=True,
        check=False,
    )
    assert b"BlockingIOError" in probe.stderr
    ticket.close()
