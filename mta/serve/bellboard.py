"""Who in this process wants to hear of which mailspace: bells ring in a thread, callbacks run in the loop.

Many sessions may watch one mailspace; the store's bells are asked once. Called by sessions through
`Context.watch`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mta.mailstore.service import Bells

Callback = Callable[[], None]


class Bellboard:
    """`watch(mailspace, callback)` returns a function that ends the watch."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._watchers: dict[int, dict[object, Callback]] = {}
        self._bells = Bells(self._rung)

    def start(self) -> None:
        self._bells.start()

    def stop(self) -> None:
        self._bells.stop()

    def watch(self, mailspace: int, callback: Callback) -> Callback:
        key = object()
        watchers = self._watchers.setdefault(mailspace, {})
        if not watchers:
            self._bells.watch(mailspace)
        watchers[key] = callback

        def unwatch() -> None:
            if watchers.pop(key, None) is not None and not watchers:
                self._watchers.pop(mailspace, None)
                self._bells.unwatch(mailspace)

        return unwatch

    def _rung(self, mailspace: int) -> None:
        """In the bells' thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell, mailspace)

    def _tell(self, mailspace: int) -> None:
        for callback in list(self._watchers.get(mailspace, {}).values()):
            callback()
