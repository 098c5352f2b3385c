"""The embedded broker: what is published is worked on, whatever dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kombu import Connection

from webmail import broker
from webmail.broker import Spool

broker.register()


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with Connection("fslease://", transport_options={"folder": str(tmp_path), "lease": 1.0}) as connection:
        yield connection


def wait_for(condition: Callable[[], object], *, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def test_messages_come_out_in_the_order_they_went_in(connection: Connection) -> None:
    queue = connection.SimpleQueue("post")
    for number in range(20):
        queue.put({"number": number})
    received = []
    for _ in range(20):
        message = queue.get(timeout=2)
        received.append(message.payload["number"])
        message.ack()
    assert received == list(range(20))
    assert queue.qsize() == 0
    queue.close()


def test_a_message_is_kept_until_it_is_acknowledged(connection: Connection, tmp_path: Path) -> None:
    queue = connection.SimpleQueue("post")
    queue.put({})
    message = queue.get(timeout=2)
    assert len(list((tmp_path / "claimed").iterdir())) == 1
    message.ack()
    assert list((tmp_path / "claimed").iterdir()) == []
    queue.close()


def test_a_rejected_message_comes_again_and_a_refused_one_does_not(connection: Connection) -> None:
    queue = connection.SimpleQueue("post")
    queue.put({"turn": 1})
    queue.get(timeout=2).requeue()
    queue.get(timeout=2).reject()
    assert queue.qsize() == 0
    queue.close()


def test_closing_gives_back_what_was_not_acknowledged(tmp_path: Path) -> None:
    options = {"folder": str(tmp_path)}
    with Connection("fslease://", transport_options=options) as first:
        queue = first.SimpleQueue("post")
        queue.put({"for": "the next worker"})
        queue.get(timeout=2)
    with Connection("fslease://", transport_options=options) as second:
        message = second.SimpleQueue("post").get(timeout=2)
        assert message.payload == {"for": "the next worker"}
        message.ack()


def test_only_one_of_two_workers_gets_a_message(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.put("post", b"{}")
    (name,) = spool.waiting("post")
    assert spool.claim("post", name) is not None
    assert spool.claim("post", name) is None


def test_a_claim_that_is_touched_stays_and_one_that_is_not_goes_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path, lease=20)
    for _ in range(2):
        spool.put("post.box", b"{}")
    alive, dead = (spool.claim("post.box", name) for name in spool.waiting("post.box"))
    assert alive is not None and dead is not None
    long_ago = time.time() - 30
    for claimed in (alive, dead):
        os.utime(claimed, (long_ago, long_ago))
    spool.touch([alive])
    assert spool.reap() == 1
    assert alive.exists() and not dead.exists()
    assert spool.waiting("post.box") == [dead.name.split(".")[1]]


def test_waiting_long_does_not_look_like_being_abandoned(tmp_path: Path) -> None:
    spool = Spool(tmp_path, lease=20)
    spool.put("post", b"{}")
    (name,) = spool.waiting("post")
    os.utime(tmp_path / "queue" / "post" / name, (1, 1))
    claimed = spool.claim("post", name)
    assert spool.reap() == 0
    assert claimed is not None and claimed.exists()


def test_a_torn_file_is_dropped_and_the_next_message_arrives(connection: Connection, tmp_path: Path) -> None:
    queue = connection.SimpleQueue("post")
    Spool(tmp_path).put("post", b'{"properties"')
    queue.put({"whole": True})
    message = queue.get(timeout=2)
    assert message.payload == {"whole": True}
    message.ack()
    queue.close()


class Workers:
    """Celery workers of the application in `embedded_worker.py`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = os.environ | {"TEST_BROKER_FOLDER": str(folder)}
        self._all: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "-A", "tests.webmail.embedded_worker", "worker"]
        options = ["-P", "threads", "-c", "2", "--without-gossip", "--without-mingle", "-l", "WARNING"]
        name = ["-n", f"w{len(self._all)}@test"]
        with (self._folder / f"worker-{len(self._all)}.log").open("wb") as log:
            worker = subprocess.Popen(
                [*command, *options, *name],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._all.append(worker)
        return worker

    def publish(self, count: int, *, seconds: float) -> None:
        with Connection(
            "fslease://", transport_options={"folder": str(self._folder / "broker")}
        ) as connection:
            from celery import Celery

            app = Celery("publisher", set_as_current=False)
            app.conf.update(task_default_queue="mailstead", result_backend=None)
            for number in range(count):
                app.send_task("mark", (number, seconds), connection=connection)

    def stop(self) -> None:
        for worker in self._all:
            if worker.poll() is None:
                os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(tmp_path)
    yield workers
    workers.stop()


def test_killing_a_worker_in_the_middle_of_its_tasks_loses_nothing(workers: Workers, tmp_path: Path) -> None:
    workers.publish(12, seconds=0.3)
    victim = workers.start()
    wait_for(lambda: list(tmp_path.glob("ended-*")))
    os.killpg(victim.pid, signal.SIGKILL)
    workers.start()
    wait_for(lambda: len(list(tmp_path.glob("ended-*"))) == 12)


def test_a_task_longer_than_the_lease_runs_once(workers: Workers, tmp_path: Path) -> None:
    workers.publish(1, seconds=4)
    workers.start()
    workers.start()
    wait_for(lambda: (tmp_path / "ended-0").exists())
    assert len(list(tmp_path.glob("began-0-*"))) == 1


def test_a_worker_told_to_stop_finishes_its_task_and_leaves_the_rest(
    workers: Workers, tmp_path: Path
) -> None:
    workers.publish(6, seconds=0.6)
    worker = workers.start()
    wait_for(lambda: list(tmp_path.glob("began-*")))
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.wait(timeout=20) == 0
    began = {path.name.split("-")[1] for path in tmp_path.glob("began-*")}
    ended = {path.name.split("-")[1] for path in tmp_path.glob("ended-*")}
    assert began == ended
    waiting = len(list((tmp_path / "broker" / "queue" / "mailstead").iterdir()))
    assert waiting == 6 - len(ended)
    assert list((tmp_path / "broker" / "claimed").iterdir()) == []
