"""Keeps the full-text index close behind deliveries: a thread of the sidecar, woken by the bus.

Losing it loses nothing: a search reads the unindexed tail itself and the sweep catches up.
"""

from __future__ import annotations

import logging
import threading

from django.db import close_old_connections, connection

from mta.bus import Listener

from . import indexing

log = logging.getLogger(__name__)

GATHER = 0.3  # seconds to let a burst of mail come together
LOOK_ANYWAY = 30.0


class Indexer:
    """Indexes what is new, in batches, shortly after each commit that anybody announces."""

    def __init__(self) -> None:
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._listener = Listener(lambda _changed: self._wake.set())
        self._thread = threading.Thread(target=self._run, name="indexer", daemon=True)

    def start(self) -> None:
        self._wake.set()
        self._thread.start()
        self._listener.start()

    def stop(self) -> None:
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
                while indexing.index_pending() >= indexing.BATCH and not self._stopping.is_set():
                    pass
            except Exception:
                log.warning("indexing failed; it will be tried again", exc_info=True)
                self._stopping.wait(2)
            if connection.vendor == "postgresql":
                connection.close()  # gives the connection back to the pool
        connection.close()
