"""How long a server waits for its client, and how it is woken when the house closes.

One timer per connection that is moved by setting a number, not by making a new timer per command. Used by the
SMTP and POP3 servers around each read and write.
"""

from __future__ import annotations

import asyncio

from mta.serve.session import Context

_AGAIN = 0.1


class TooSlow(Exception):
    """The client said nothing, or read nothing, for too long."""


class Closing(Exception):
    """The process is stopping; a client that is waiting for nothing is told so."""


class Patience:
    """`wait(seconds)` before waiting for the client, `rest()` when it is our turn.

    A client that is too slow makes the pending read raise TooSlow (a pending write is cut off). When the
    house stops, a pending `idle` read raises Closing.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: Context) -> None:
        self._reader = reader
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._until: float | None = None
        self._idle = False
        self._timer: asyncio.TimerHandle | None = None
        self._house = context.house
        self._house.at_stop.add(self._stop)

    def wait(self, seconds: float, *, idle: bool = False) -> None:
        if idle and self._house.stopping.is_set():
            raise Closing
        self._idle = idle
        self._until = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._until:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(self._until, self._ring)

    def rest(self) -> None:
        self._until = None
        self._idle = False

    def end(self) -> None:
        self.rest()
        self._house.at_stop.discard(self._stop)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        if self._until is None:
            return
        if self._until > self._loop.time():
            self._timer = self._loop.call_at(self._until, self._ring)
            return
        self._wake(TooSlow())
        # A byte that came at this very moment may have woken the reader before, who then waits on and would not see
        # the exception: whoever sends a byte now and then could stay for ever. So it is said until it was heard.
        self._timer = self._loop.call_later(_AGAIN, self._ring)

    def _stop(self) -> None:
        if self._idle:
            self._wake(Closing())

    def _wake(self, error: Exception) -> None:
        if self._writer.transport.get_write_buffer_size():
            self._writer.transport.abort()  # it reads nothing either: no words will reach it
        self._reader.set_exception(error)
