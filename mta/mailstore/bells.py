"""Bells: one per process; turns rings of the bus into "this mailspace changed" for those watched.

Used by IMAP IDLE in the sidecar and by the live events of the web client. When the bus cannot say
which mailspaces changed (SQLite), it reads the clocks of the watched ones, in one query.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable

from django.db import connection

from mta.bus import Listener

from .models import Mailspace

log = logging.getLogger(__name__)

RETRY = 1.0


class Bells:
    """Watch mailspaces; `on_ring(mailspace)` is called from a thread after each change of one."""

    def __init__(self, on_ring: Callable[[int], None]) -> None:
        self._on_ring = on_ring
        self._watched: Counter[int] = Counter()
        self._clocks: dict[int, int] = {}
        self._lock = threading.Lock()
        self._look = threading.Event()
        self._stopping = False
        self._pause = threading.Event()
        self._listener = Listener(self._heard)
        self._looker = threading.Thread(target=self._look_on, name="bells", daemon=True)

    def start(self) -> None:
        self._looker.start()
        self._listener.start()

    def stop(self) -> None:
        self._stopping = True
        self._pause.set()
        self._look.set()
        self._listener.stop()
        self._looker.join(timeout=5)

    def watch(self, mailspace: int) -> None:
        """Start hearing of a mailspace; counted, so watch and unwatch pair up."""
        with self._lock:
            self._watched[mailspace] += 1
        self._look.set()

    def unwatch(self, mailspace: int) -> None:
        with self._lock:
            self._watched[mailspace] -= 1
            if self._watched[mailspace] <= 0:
                del self._watched[mailspace]
                self._clocks.pop(mailspace, None)

    def _heard(self, changed: frozenset[int] | None) -> None:
        if changed is None:
            if self._watched:
                self._look.set()
            return
        for mailspace in changed:
            if mailspace in self._watched:
                self._on_ring(mailspace)

    def _look_on(self) -> None:
        try:
            while True:
                self._look.wait()
                self._look.clear()
                if self._stopping:
                    return
                try:
                    for mailspace in self._moved():
                        self._on_ring(mailspace)
                except Exception:  # the database is away; whoever listens must hear of it when it is back
                    log.warning("could not read the clocks; trying again", exc_info=True)
                    connection.close()
                    self._pause.wait(RETRY)
                    self._look.set()
        finally:
            connection.close()

    def _moved(self) -> list[int]:
        """Watched mailspaces whose clock moved since the last look; a first look always rings."""
        with self._lock:
            watched = list(self._watched)
        now = dict(Mailspace.objects.filter(id__in=watched).values_list("id", "clock"))
        if connection.vendor == "postgresql":
            connection.close()  # gives the connection back to the pool
        with self._lock:
            moved = [id_ for id_, clock in now.items() if self._clocks.get(id_) != clock]
            self._clocks.update(now)
        return moved
