"""Messages of a POP3 session in memory before they are asked for.

Most clients wait for a message before they ask for the next: one trip to the database each would cost more than the
messages. So a batch is read at a time, and the next one while this one is being taken. What is here is bounded for
each session and for all of them together, and does not stay for a client that has stopped asking. Lives in the event
loop, reads through the bridge. Used by `serve.pop3`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from mta.mailstore import service as mailstore
from mta.serve.bridge import Bridge
from mta.wire.pop3 import Maildrop

BATCH_BYTES = 1024 * 1024
BATCH_MESSAGES = 100
READERS = 2  # batches at a time: more threads would only fight for the interpreter
SHELF_BYTES = 128 * 1024 * 1024  # of all sessions of a process together; above it nothing more is read ahead
FADE_SECONDS = 15.0  # what nobody took for so long, or twice that, is dropped


class Shelf:
    """What all sessions of this process have read ahead: counted, and dropped where it is not taken."""

    def __init__(self) -> None:
        self.bytes = 0
        self.turns = asyncio.Semaphore(READERS)
        self._aheads: set[ReadAhead] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_full(self) -> bool:
        return self.bytes > SHELF_BYTES

    def add(self, ahead: ReadAhead) -> None:
        self._aheads.add(ahead)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FADE_SECONDS, self._tick)

    def remove(self, ahead: ReadAhead) -> None:
        self._aheads.discard(ahead)
        if not self._aheads and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        for ahead in self._aheads:
            ahead.fade()
        self._timer = asyncio.get_running_loop().call_later(FADE_SECONDS, self._tick)


class ReadAhead:
    """What one session has here, by number. Grows to whole batches once a client asks for one after the other."""

    def __init__(self, drop: Maildrop, mailspace: int, *, bridge: Bridge, shelf: Shelf) -> None:
        self._drop, self._mailspace, self._bridge = drop, mailspace, bridge
        self._ready: dict[int, bytes] = {}
        self._shelf = shelf
        self._touched = True
        self._expected = 1  # the number after the last one read
        self._most = 1
        self._coming: asyncio.Task[None] | None = None
        shelf.add(self)

    def take(self, number: int, *, whole: bool) -> bytes | None:
        """A message that is here already. One that was only looked at stays for the RETR that may follow."""
        self._touched = True
        if not whole:
            return self._ready.get(number)
        raw = self._ready.pop(number, None)
        if raw is not None:
            self._shelf.bytes -= len(raw)
            if self._coming is None and len(self._ready) * 2 < self._most:
                self._read_on()
        return raw

    async def fetch(self, number: int, *, whole: bool) -> bytes | None:
        """The message, read now, and more with it the longer it goes in order; None if it is not there any more."""
        if self._coming is not None:
            await asyncio.wait([self._coming])
            if number in self._ready:
                return self.take(number, whole=whole)
        self._clear()
        grown = min(self._most * 4, BATCH_MESSAGES)
        self._most = grown if number == self._expected and not self._shelf.is_full else 1
        await self._read(self._plan(number))
        return self.take(number, whole=whole)

    def fade(self) -> None:
        """Drop what was not asked for since the last time."""
        if not self._touched:
            self._clear()
        self._touched = False

    def end(self) -> None:
        if self._coming is not None:
            self._coming.cancel()
        self._clear()
        self._shelf.remove(self)

    def _clear(self) -> None:
        self._shelf.bytes -= sum(map(len, self._ready.values()))
        self._ready.clear()

    def _read_on(self) -> None:
        wanted = self._most == BATCH_MESSAGES and not self._shelf.is_full
        numbers = self._plan(self._expected) if wanted else []
        if numbers and self._drop.size(numbers[0]) <= BATCH_BYTES:
            self._coming = asyncio.get_running_loop().create_task(self._read(numbers))
            self._coming.add_done_callback(self._arrived)

    def _arrived(self, task: asyncio.Task[None]) -> None:
        self._coming = None
        if not task.cancelled():
            task.exception()  # whoever wants one of these messages reads it again, and hears of the trouble then

    def _plan(self, number: int) -> list[int]:
        chosen: list[int] = []
        size = 0
        for each in self._drop.following(number):
            size += self._drop.size(each)
            if chosen and (len(chosen) >= self._most or size > BATCH_BYTES):
                break
            chosen.append(each)
        return chosen

    async def _read(self, numbers: Sequence[int]) -> None:
        ids = {self._drop.messages[number - 1]: number for number in numbers}
        self._expected = numbers[-1] + 1
        async with self._shelf.turns:
            found = await self._bridge.run(_raws, self._mailspace, list(ids))
        for message, raw in found:
            self._ready[ids[message]] = raw
            self._shelf.bytes += len(raw)


def _raws(mailspace: int, messages: Sequence[int]) -> list[tuple[int, bytes]]:
    return list(mailstore.raws(mailspace, messages))
