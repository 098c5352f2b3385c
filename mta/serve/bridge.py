"""The bridge between the event loop and everything that blocks: the database, password hashes, parsing.

A small pool of threads runs plain functions; `run` awaits their answer. Its queue is bounded: when it is
full, `Busy` is raised at once, which every protocol turns into "try again later". Each thread keeps its
database connection in good order, so callers never think about it. Never runs coroutines.
Used by every server in `mta.serve`.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

from django.db import connections

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_Job = tuple["Future[Any]", Callable[[], Any]]


class Busy(Exception):
    """More work is waiting than the pool will ever catch up with; the client should come back later."""


class Bridge:
    """Threads for blocking calls. `start()` once, `stop()` when the last caller has gone."""

    def __init__(self, *, threads: int = 8, waiting: int = 2000) -> None:
        self._jobs: queue.Queue[_Job | None] = queue.Queue(maxsize=waiting)
        self._count = threads
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        for number in range(self._count):
            thread = threading.Thread(target=self._work, name=f"bridge-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Finish what is queued, close the threads' connections, and return."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(timeout=10)
        self._threads.clear()

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a blocking function in a thread. Its exceptions arrive here; a full queue raises Busy.

        If the caller is cancelled (the client went away), a call that has begun still runs to its end.
        """
        future: Future[T] = Future()
        try:
            self._jobs.put_nowait((future, lambda: function(*args, **kwargs)))
        except queue.Full:
            raise Busy from None
        return await asyncio.wrap_future(future)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, call = job
            if future.set_running_or_notify_cancel():
                _settle(future, call)
            del job, future, call  # a message's bytes must not wait here for the next job
        connections.close_all()


def _settle(future: Future[Any], call: Callable[[], Any]) -> None:
    try:
        answer = call()
    except BaseException as error:  # it belongs to whoever waits, whatever it is
        tidy_connections()
        future.set_exception(error)
    else:
        tidy_connections()
        future.set_result(answer)


def tidy_connections() -> None:
    """Leave this thread's database connection as the next job wants it.

    PostgreSQL: back to the pool (a thread that keeps its pooled connection starves the others). SQLite: kept
    open, because opening one costs more than most queries; closed only after trouble.
    """
    for connection in connections.all(initialized_only=True):
        troubled = connection.errors_occurred or connection.in_atomic_block or not connection.autocommit
        if troubled or connection.vendor != "sqlite":
            connection.close()
