"""This process's ledger, and the thread that shares it with the others.

    from mta.limits import service as limits
    if not limits.current().hit(f"smtp.connect:{network}", rate=policy.connection_rate): ...

`start()` begins to share (the sidecar does); without it a process counts for itself. When Redis or the database
does not answer, that is said once a minute, counted, and each process goes on alone: mail first.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import close_old_connections, connection, connections

from mta import metrics
from mta.limits.in_redis import InRedis
from mta.limits.in_table import InTable
from mta.limits.ledger import Exchange, Ledger

log = logging.getLogger(__name__)

TABLE_SECONDS = 1.0  # between two exchanges: one write transaction a second at most
REDIS_SECONDS = 0.25
COMPLAIN_SECONDS = 60.0

_ledger = Ledger()


def current() -> Ledger:
    """The ledger of this process."""
    return _ledger


@contextmanager
def use(ledger: Ledger) -> Iterator[Ledger]:
    """Another ledger for the length of a block (tests)."""
    global _ledger
    before, _ledger = _ledger, ledger
    try:
        yield ledger
    finally:
        _ledger = before


def _begin_anew() -> None:
    """A fork counts for itself: the parent's visitors and locks are not its own."""
    global _ledger
    _ledger = Ledger()


os.register_at_fork(after_in_child=_begin_anew)


def shared() -> Exchange:
    """Where the processes of this installation meet."""
    return InRedis(settings.REDIS_URL) if settings.REDIS_URL else InTable()


def sweep() -> int:
    """Rows that mean nothing any more go; how many. Called by beat."""
    return shared().sweep(now=time.time())


class Sharing:
    """A thread that exchanges the ledger with the others'. `start()` once, `stop()` once."""

    def __init__(
        self, ledger: Ledger, *, exchange: Exchange | None = None, every: float | None = None
    ) -> None:
        self._ledger = ledger
        self._exchange = exchange or shared()
        self._every = every or (REDIS_SECONDS if isinstance(self._exchange, InRedis) else TABLE_SECONDS)
        self._stopping = threading.Event()
        self._complained = float("-inf")
        self._thread = threading.Thread(target=self._run, name="limits", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Say the last word: what this process holds is free at once. A database that is busy is not waited for."""
        self._stopping.set()
        self._thread.join(timeout=3)

    def _run(self) -> None:
        while not self._stopping.wait(self._every):
            self._share(last=False)
        self._share(last=True)
        connections.close_all()

    def _share(self, *, last: bool) -> None:
        try:
            close_old_connections()
            if last:
                self._ledger.let_go(self._exchange)
            else:
                self._ledger.exchange(self._exchange)
        except Exception:
            metrics.LIMITS_ALONE.inc()
            if time.monotonic() >= self._complained + COMPLAIN_SECONDS:
                self._complained = time.monotonic()
                log.warning("limits cannot be shared; this process counts for itself", exc_info=True)
        if connection.vendor == "postgresql":
            connection.close()  # back to the pool
