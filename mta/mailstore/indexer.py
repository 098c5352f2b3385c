"""Keeps the full-text index close behind deliveries: a thread of the sidecar, woken by the bus.

Losing it loses nothing: a search reads or indexes what is missing itself, and the sweep catches up. While mail waits
to be stored it rests most of the time, so that deliveries are hardly slower for it, unless it is far behind.
"""

from __future__ import annotations

import logging
import threading
import time

from django.db import close_old_connections, connection

from mta.bus import Listener

from . import indexing, writer

log = logging.getLogger(__name__)

GATHER = 0.3  # seconds to let a burst of mail come together
LOOK_ANYWAY = 30.0
SHARE = 0.1  # of the time, while the writer is busy
SHARE_BEHIND = 0.5  # when mail is stored faster than that for long
BEHIND = 5_000  # messages that this process indexed in one go while the writer was always busy
LONGEST_REST = 2.0


class Indexer:
    """Indexes what is new, in batches, shortly after each commit that anybody announces."""

    def __init__(self) -> None:
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._listener = Listener(lambda _changed: self._wake.set())
        self._thread = threading.Thread(target=self._run, name="indexer", daemon=True)

    def start(self) -> None:
        indexing.indexes_here = True
        self._wake.set()
        self._thread.start()
        self._listener.start()

    def stop(self) -> None:
        indexing.indexes_here = False
        self._stopping.set()
        self._wake.set()
        self._listener.stop()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(LOOK_ANYWAY)
            if self._stopping.wait(GATHER):
                break
            self._wake.clear()
            try:
                close_old_connections()
                self._catch_up()
            except Exception:
                log.warning("indexing failed; it will be tried again", exc_info=True)
                self._stopping.wait(2)
            if connection.vendor == "postgresql":
                connection.close()  # gives the connection back to the pool
        connection.close()

    def _catch_up(self) -> None:
        """Batch after batch until nothing is left."""
        done = 0
        while not self._stopping.is_set():
            start = time.monotonic()
            found = indexing.index_pending()
            if found < indexing.BATCH:
                return
            done += found
            if writer.is_busy():
                share = SHARE_BEHIND if done > BEHIND else SHARE
                self._stopping.wait(rest(time.monotonic() - start, share))


def rest(worked: float, share: float) -> float:
    """How long to do nothing, so that the work is that share of the time."""
    return min(LONGEST_REST, worked * (1 / share - 1))
