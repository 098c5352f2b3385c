"""A Celery application for tests of the broker: `python -m celery -A tests.webmail.embedded_worker worker`."""

import os
import time
from pathlib import Path

from celery import Celery

from webmail import broker

broker.register()
FOLDER = Path(os.environ["TEST_BROKER_FOLDER"])

app = Celery("embedded-test")
app.conf.update(
    broker_url="fslease://",
    broker_transport_options={"folder": str(FOLDER / "broker"), "lease": 1.5},
    result_backend=None,
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=8,
    worker_enable_remote_control=False,
    task_default_queue="mailstead",
)


@app.task(name="mark")
def mark(number: int, seconds: float) -> None:
    """Say that it began, work, and say that it ended."""
    (FOLDER / f"began-{number}-{os.getpid()}").touch()
    time.sleep(seconds)
    (FOLDER / f"ended-{number}").touch()
