"""How many bytes of messages are worked on at once, over all connections of the process.

A message waits on disk (`serve.spool`) until there is room for it, then it is read, parsed and stored; so two
hundred large ones at the same moment cost time, not memory. Who came first goes first. Small messages have a room
of their own: they never stand behind large ones. Used by `serve.smtp`; lives in the House.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

SMALL = 256 * 1024
ROOM_FOR_SMALL = 32 * 1024 * 1024
ROOM_FOR_LARGE = 64 * 1024 * 1024


class Room:
    """So many bytes and no more; one message that is larger than all of it may be in it alone."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def taking(self, size: int) -> AsyncIterator[None]:
        """Holds `size` bytes of the room for the length of the block; waits until they are free."""
        size = min(size, self.limit)
        await self._take(size)
        try:
            yield
        finally:
            self._give(size)

    async def _take(self, size: int) -> None:
        if not self._waiting and self.taken + size <= self.limit:
            self.taken += size
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give(size)  # it had its turn at the very moment it gave up
            raise

    def _give(self, size: int) -> None:
        self.taken -= size
        while self._waiting:
            wanted, turn = self._waiting[0]
            if turn.cancelled():
                self._waiting.popleft()
                continue
            if self.taken + wanted > self.limit:
                return
            self._waiting.popleft()
            self.taken += wanted
            turn.set_result(None)


class Rooms:
    """One for small messages, one for large ones."""

    def __init__(self) -> None:
        self.small = Room(ROOM_FOR_SMALL)
        self.large = Room(ROOM_FOR_LARGE)

    def for_message(self, size: int) -> Room:
        return self.small if size <= SMALL else self.large
