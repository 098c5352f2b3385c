"""The doorbell of the queue: tells a worker that something is due. Losing it costs only latency.

Whoever wires the product together installs what ringing means (a Celery message); without that, ringing
does nothing and the worker's sweep finds the rows. Never touches rows, never blocks the caller: a thread
of its own rings, and rings that come while it is busy become one. No Django here.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

_MOST = 1000  # moments kept; with more than that to come, the sweep is quick enough
_IDLE = 60.0  # seconds after which the thread ends


class Bell:
    """One bell per process."""

    def __init__(self) -> None:
        self._ring: Callable[[], object] | None = None
        self._moments: list[float] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def install(self, ring: Callable[[], object] | None) -> None:
        """Say what ringing does; None: nothing."""
        self._ring = ring

    def ring(self, after: float = 0.0) -> None:
        """Ring in that many seconds (a held message becomes due then)."""
        if self._ring is None:
            return
        with self._changed:
            if len(self._moments) < _MOST:
                heapq.heappush(self._moments, time.monotonic() + after)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="queue-bell", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _work(self) -> None:
        while self._wait():
            ring = self._ring
            if ring is None:
                continue
            try:
                ring()
            except Exception as trouble:  # the broker's errors are of any kind; the sweep finds the rows
                log.warning("queue: no worker could be woken, the sweep will: %s", trouble)

    def _wait(self) -> bool:
        """Until it is time; all moments that have passed are one. False when nothing came for long."""
        with self._changed:
            while True:
                now = time.monotonic()
                wait = self._moments[0] - now if self._moments else _IDLE
                if wait <= 0:
                    while self._moments and self._moments[0] <= now:
                        heapq.heappop(self._moments)
                    return True
                if not self._changed.wait(wait) and not self._moments:
                    self._thread = None
                    return False


bell = Bell()
install = bell.install
ring = bell.ring
