"""The relay's Celery tasks. They carry nothing, may run twice or never: the rows say what is to be done.

`relay` is what the doorbell of the queue calls for; `sweep` is beat's, and finds what a lost bell left behind.
A retry is a row's `next_attempt`, never a countdown. At most two runs at a time per worker, so that slow
remotes leave threads for other work; a run that is going on picks up what the others would have.
"""

from __future__ import annotations

import threading
from typing import Any

from celery import shared_task
from celery.signals import worker_init, worker_shutting_down

from mta.queue import service as queue
from mta.relay import run as relay_run

_runs = threading.BoundedSemaphore(2)


@shared_task(ignore_result=True)
def relay() -> None:
    """Deliver what is due."""
    if not _runs.acquire(blocking=False):
        return
    try:
        relay_run.run()
    finally:
        _runs.release()


@shared_task(ignore_result=True)
def sweep() -> None:
    """The same, if anything is due; and forget what was settled long ago."""
    if queue.due():
        relay()
    queue.purge()


@worker_init.connect
def _begin(**_details: Any) -> None:
    relay_run.stopping.clear()


@worker_shutting_down.connect
def _stop(**_details: Any) -> None:
    relay_run.stopping.set()
