"""The bridge between the event loop and everything that blocks: the database, password hashes, parsing.

A small pool of threads runs plain functions; `run` awaits their answer. Its queue is bounded: when it is
full, `Busy` is raised at once, which every protocol turns into "try again later". Each thread keeps its
database connection in good order, so callers never think about it. Never runs coroutines.
Used by every server in `mta.serve`.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")

_Job = tuple["asyncio.Future[Any]", Callable[[], Any]]


class Busy(Exception):
    """More work is waiting than the pool will ever catch up with; the client should come back later."""


class Bridge:
    """Threads for blocking calls. `start()` once, `stop()` when the last caller has gone.

    Nearly every command crosses it, so it is made of the quickest parts there are: a queue without a Python
    lock, and one call into the loop per answer. (With `queue.Queue` and `concurrent.futures` a crossing took
    two to four times the processor's time.)
    """

    def __init__(self, *, threads: int = 8, waiting: int = 2000) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._waiting = waiting
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
        if self._jobs.qsize() >= self._waiting:
            raise Busy
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put((answer, lambda: function(*args, **kwargs)))
        return await answer

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            answer, call = job
            if not answer.cancelled():
                _carry_out(answer, call)
            del job, answer, call  # a message's bytes must not wait here for the next job
        connections.close_all()


def _carry_out(answer: asyncio.Future[Any], call: Callable[[], Any]) -> None:
    result = None
    trouble: BaseException | None = None
    try:
        result = call()
    except StopIteration as error:  # the one that no future can carry
        trouble = RuntimeError(f"StopIteration({error.value!r})")
    except BaseException as error:  # it belongs to whoever waits, whatever it is
        trouble = error
    tidy_connections()
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        answer.get_loop().call_soon_threadsafe(_settle, answer, result, trouble)


def _settle(answer: asyncio.Future[Any], result: object, trouble: BaseException | None) -> None:
    if answer.cancelled():
        return
    if trouble is None:
        answer.set_result(result)
    else:
        answer.set_exception(trouble)


def tidy_connections() -> None:
    """Leave this thread's database connection as the next job wants it.

    PostgreSQL: back to the pool (a thread that keeps its pooled connection starves the others). SQLite: kept
    open, because opening one costs more than most queries; closed only after trouble.
    """
    for connection in connections.all(initialized_only=True):
        troubled = connection.errors_occurred or connection.in_atomic_block or not connection.autocommit
        if troubled or connection.vendor != "sqlite":
            connection.close()
