"""The doorbell of the queue: tells a worker that something is due. Losing it costs only latency.

Whoever wires the product together installs what ringing means (a Celery message); without that, ringing
does nothing and the worker's sweep finds the rows. Never touches rows, never blocks the caller: a thread
of its own rings, and rings that come while it is busy become one. No Django here.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class Bell:
    """One bell per process."""

    def __init__(self) -> None:
        self._ring: Callable[[], object] | None = None
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None
        self._guard = threading.Lock()

    def install(self, ring: Callable[[], object] | None) -> None:
        """Say what ringing does; None: nothing."""
        self._ring = ring

    def ring(self) -> None:
        if self._ring is None:
            return
        self._wanted.set()
        with self._guard:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="queue-bell", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while self._wanted.wait(timeout=60):
            self._wanted.clear()
            ring = self._ring
            if ring is None:
                continue
            try:
                ring()
            except Exception as trouble:  # the broker's errors are of any kind; the sweep finds the rows
                log.warning("queue: no worker could be woken, the sweep will: %s", trouble)


bell = Bell()
install = bell.install
ring = bell.ring
