"""What this process parsed of messages it has just stored, until its indexer has used it.

So that they are not read and parsed again, by the indexer or by a search that comes sooner. Bounded; only kept where
an indexer runs. A message is named by id, size and arrival: an id that was rolled back may be given to another one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

KEPT = 16 * 1024 * 1024  # characters, about

Key = tuple[int, int, int]  # id, size, INTERNALDATE


class Fresh:
    """Texts by message, the oldest first."""

    def __init__(self) -> None:
        self.new = threading.Event()  # there is something to index
        self._on = False
        self._texts: OrderedDict[Key, str] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def turn(self, *, on: bool) -> None:
        """Keep texts from now on, or nothing any more."""
        with self._lock:
            self._on = on
            if not on:
                self._texts.clear()
                self._size = 0

    def remember(self, message: int, size: int, arrived: int, text: str) -> None:
        """Keep what was parsed of a message that is being stored."""
        if not self._on:
            return
        with self._lock:
            key = message, size, arrived
            self._size += len(text) - len(self._texts.pop(key, ""))
            self._texts[key] = text
            while self._size > KEPT:
                _, oldest = self._texts.popitem(last=False)
                self._size -= len(oldest)
        self.new.set()

    def oldest(self, limit: int) -> list[int]:
        """The ids of some messages."""
        with self._lock:
            return [key[0] for key, _ in zip(self._texts, range(limit), strict=False)]

    def text(self, message: int, size: int, arrived: int) -> str | None:
        """What was parsed of a message, if it is known."""
        return self._texts.get((message, size, arrived))

    def forget(self, messages: set[int]) -> None:
        """They are indexed, or will never be."""
        with self._lock:
            for key in [key for key in self._texts if key[0] in messages]:
                self._size -= len(self._texts.pop(key))


texts = Fresh()
