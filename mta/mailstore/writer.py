"""Transactions of the store: one unit of work inline, or many in one commit by a writer thread.

In the sidecar a single thread runs the units: a batch is what queued up while the last commit ran,
at most 50 units, which is about 50 ms of work, no timer (group commit: one fsync for many messages). If a batch
fails, each unit is retried alone, so that one bad unit never takes others down. Waiters are told
after the commit; a unit whose commit got no answer is told so and never done again by itself. Processes without the thread (web, worker) commit in the caller's own thread.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection, transaction

from mta import bus

from .door import Door

log = logging.getLogger(__name__)
T = TypeVar("T")

BATCH_UNITS = 50
QUEUE_LIMIT = 10_000


@dataclass(slots=True)
class Unit:
    """Some mailspaces, and the work to do while they are locked."""

    mailspaces: frozenset[int]
    work: Callable[[Door], Any]
    future: Future[Any] = field(default_factory=Future)


class Overloaded(OperationalError):
    """More work is waiting than the writer takes, or it is stopping; nothing was changed."""


class OutcomeUnknown(OperationalError):
    """The database did not say whether the transaction was committed. Never told as success, never done again."""


def commit(mailspaces: Iterable[int], work: Callable[[Door], T]) -> T:
    """Run `work` with these mailspaces locked, in one durable transaction; returns its result.

    When this returns, the result is on disk and the bells have rung. Exceptions roll all of it back.
    """
    unit = Unit(frozenset(mailspaces), work)
    writer = _writer
    if writer is None or connection.in_atomic_block or writer.is_current_thread():
        return _run([unit])[0]
    return writer.submit(unit).result()


def submit(mailspaces: Iterable[int], work: Callable[[Door], T]) -> Future[T]:
    """The same for callers who cannot wait in a thread: a future that resolves after the commit."""
    unit = Unit(frozenset(mailspaces), work)
    writer = _writer
    if writer is not None:
        return writer.submit(unit)
    try:
        unit.future.set_result(_run([unit])[0])
    except Exception as error:
        unit.future.set_exception(error)
    return unit.future


def _run(units: Sequence[Unit]) -> list[Any]:
    committed = finished = False
    changed: frozenset[int] = frozenset()

    def after_commit() -> None:
        nonlocal committed
        committed = True
        bus.ring(changed)

    try:
        with transaction.atomic():
            # First of all hooks, so that those of the units cannot keep the bells from ringing.
            transaction.on_commit(after_commit, robust=True)
            door = Door(frozenset().union(*(unit.mailspaces for unit in units)))
            results = [unit.work(door) for unit in units]
            changed = door.flush()
            finished = True
    except Exception as error:
        if committed:  # some unit's own hook failed; what is stored is stored
            log.exception("something failed after a commit")
            return results
        if finished and isinstance(error, (OperationalError, InterfaceError)):
            raise OutcomeUnknown("The database connection was lost during a commit.") from error
        raise
    return results


def _renew_connection() -> None:
    """After trouble, and back to PostgreSQL's pool; SQLite's stays open: closing the last one ends the WAL
    and empties the cache, which cost a third of the writer's time."""
    if connection.vendor != "sqlite" or connection.errors_occurred or connection.in_atomic_block:
        connection.close()


class Writer:
    """The writer thread of a process. Every future it was given resolves, whatever happens."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Unit | None] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="mail-writer", daemon=True)
        self._thread.start()

    def is_current_thread(self) -> bool:
        return threading.current_thread() is self._thread

    def submit(self, unit: Unit) -> Future[Any]:
        """Queue a unit; never blocks, since event loops call it."""
        with self._guard:
            if self._stopping or self._queue.qsize() >= QUEUE_LIMIT:
                unit.future.set_exception(Overloaded("The mail store is too busy, or stopping."))
            else:
                self._queue.put(unit)
        return unit.future

    @property
    def waiting(self) -> int:
        """Units that are queued."""
        return self._queue.qsize()

    def stop(self) -> None:
        """Finish what is queued, then end; what comes later is refused."""
        with self._guard:
            self._stopping = True
            self._queue.put(None)
        self._thread.join(timeout=30)

    def _work(self) -> None:
        running = True
        while running:
            first = self._queue.get()
            running = first is not None
            if first is not None:
                batch = [first]
                running = self._gather(batch)
                # From here on nobody can cancel them; one cancelled before is not done at all.
                batch = [unit for unit in batch if unit.future.set_running_or_notify_cancel()]
                if batch:
                    self._commit(batch)
        connection.close()

    def _gather(self, batch: list[Unit]) -> bool:
        """Add what is already waiting; False when told to end."""
        while len(batch) < BATCH_UNITS:
            try:
                unit = self._queue.get_nowait()
            except queue.Empty:
                return True
            if unit is None:
                return False
            batch.append(unit)
        return True

    def _commit(self, batch: list[Unit]) -> None:
        try:
            _renew_connection()
            results = _run(batch)
        except OutcomeUnknown as error:
            log.warning("a commit of %d units ended without an answer", len(batch), exc_info=True)
            for unit in batch:
                unit.future.set_exception(error)
        except BaseException as error:
            if len(batch) == 1 and not isinstance(error, (OperationalError, InterfaceError)):
                batch[0].future.set_exception(error)
                return
            log.info("a batch of %d units failed; running each alone", len(batch), exc_info=True)
            for unit in batch:
                self._alone(unit)
        else:
            for unit, result in zip(batch, results, strict=True):
                unit.future.set_result(result)

    def _alone(self, unit: Unit) -> None:
        """Once more, on a connection that was not part of any trouble."""
        try:
            connection.close()
            result = _run([unit])[0]
        except BaseException as error:
            unit.future.set_exception(error)
        else:
            unit.future.set_result(result)


_writer: Writer | None = None


def is_busy() -> bool:
    """Whether somebody waits for this process's writer thread now; who can wait should."""
    writer = _writer
    return writer is not None and writer.waiting > 0


def start() -> None:
    """Start this process's writer thread (the sidecar does, once)."""
    global _writer
    if _writer is None:
        _writer = Writer()


def stop() -> None:
    """Finish queued units and end the thread."""
    global _writer
    writer, _writer = _writer, None
    if writer is not None:
        writer.stop()
