"""Keeps the full-text index close behind deliveries: a thread of the sidecar.

It indexes what its own process stored, soon; what others left (the web client's processes, one that died), at longer
intervals, so that several sidecars do not do everything several times. Losing it loses nothing: a search reads or
indexes what is missing itself, and the sweep catches up. While mail waits to be stored it rests most of the time, so
that deliveries are hardly slower for it, unless it falls far behind.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable

from django.db import close_old_connections, connection

from . import fresh, indexing, writer

log = logging.getLogger(__name__)

GATHER = 0.5  # seconds to let a burst of mail come together
LOOK_ANYWAY = 20.0  # seconds between looks at what others left, half as long to half as long again
SHARE = 0.1  # of the time, while the writer is busy
SHARE_BEHIND = 0.5  # when mail is stored faster than that for long
BEHIND = 5_000  # messages indexed in one go while the writer was always busy
LONGEST_REST = 2.0


class Indexer:
    """Indexes what is new, in batches, shortly after it was stored."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="indexer", daemon=True)

    def start(self) -> None:
        fresh.texts.turn(on=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        fresh.texts.new.set()
        self._thread.join(timeout=10)
        fresh.texts.turn(on=False)

    def _run(self) -> None:
        look = 0.0
        while not self._stopping.is_set():
            fresh.texts.new.wait(max(0.0, look - time.monotonic()))
            if self._stopping.wait(GATHER):
                break
            fresh.texts.new.clear()
            try:
                close_old_connections()
                self._catch_up(indexing.index_fresh)
                if time.monotonic() >= look:
                    self._catch_up(indexing.index_pending)
                    look = time.monotonic() + LOOK_ANYWAY * random.uniform(0.5, 1.5)  # noqa: S311
            except Exception:
                log.warning("indexing failed; it will be tried again", exc_info=True)
                self._stopping.wait(2)
            if connection.vendor == "postgresql":
                connection.close()  # gives the connection back to the pool
        connection.close()

    def _catch_up(self, index: Callable[[], int]) -> None:
        """Batch after batch until nothing is left."""
        done = 0
        while not self._stopping.is_set():
            start = time.monotonic()
            found = index()
            done += found
            if found < indexing.BATCH:
                return
            if writer.is_busy():
                share = SHARE_BEHIND if done > BEHIND else SHARE
                self._stopping.wait(rest(time.monotonic() - start, share))


def rest(worked: float, share: float) -> float:
    """How long to do nothing, so that the work is that share of the time."""
    return min(LONGEST_REST, worked * (1 / share - 1))
