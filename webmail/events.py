"""Live events: one stream per browser (SSE), told of a change by the bells, which ring for every process.

A stream carries no mail, only "mailspace 7 is at 1234"; the browser then asks for what it shows. Waiting costs a
coroutine and a queue: no thread, no database connection. Everything that reads the clocks does it in a thread that
gives its connection back at once. The view in webmail/views/live.py decides who may listen to what.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor

from django.db import connections

from mta.mailstore import service as mailstore
from mta.mailstore.service import Bells

KEEP_ALIVE = 15.0  # seconds between comments, below the patience of proxies
LONGEST = 15 * 60.0  # then the browser comes again, and who it is is looked at again
RETRY = 1000  # ms that a browser waits before it comes again
LINGER = 60.0  # seconds the bells go on when nobody listens: who loads a page again is back in a moment

_readers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="live-clock")


def _read_clocks(mailspaces: Iterable[int]) -> dict[int, int]:
    try:
        return mailstore.clocks(list(mailspaces))
    finally:
        connections.close_all()


class Exchange:
    """One per process: turns rings of the bells into wake-ups of the streams that listen. Starts with the first
    listener, stops a while after the last: stopping takes as long as a thread sleeps, and starting again waits for it,
    which must not happen in the event loop each time that the only person here loads a page."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bells: Bells | None = None
        self._ending: threading.Timer | None = None
        self._listeners: dict[int, set[Listener]] = {}

    def join(self, listener: Listener) -> None:
        with self._lock:
            if self._ending is not None:
                self._ending.cancel()
                self._ending = None
            if self._bells is None:
                self._bells = Bells(self._heard)
                self._bells.start()
            for mailspace in listener.mailspaces:
                self._listeners.setdefault(mailspace, set()).add(listener)
                self._bells.watch(mailspace)

    def leave(self, listener: Listener) -> None:
        with self._lock:
            for mailspace in listener.mailspaces:
                there = self._listeners.get(mailspace, set())
                there.discard(listener)
                if not there:
                    self._listeners.pop(mailspace, None)
                if self._bells is not None:
                    self._bells.unwatch(mailspace)
            if not self._listeners and self._bells is not None and self._ending is None:
                self._ending = threading.Timer(LINGER, self._end)
                self._ending.name, self._ending.daemon = "bells-stop", True
                self._ending.start()

    def _end(self) -> None:
        with self._lock:
            if self._listeners or self._ending is not threading.current_thread():
                return  # somebody came meanwhile
            bells, self._bells, self._ending = self._bells, None, None
        if bells is not None:
            bells.stop()

    def _heard(self, mailspace: int) -> None:
        with self._lock:
            listeners = tuple(self._listeners.get(mailspace, ()))
        for listener in listeners:
            listener.wake(mailspace)


class Listener:
    """One stream: the mailspaces it may hear of, and those that rang since it last looked."""

    def __init__(self, mailspaces: Iterable[int]) -> None:
        self.mailspaces = tuple(mailspaces)
        self._loop = asyncio.get_running_loop()
        self._rung: set[int] = set()
        self._woken = asyncio.Event()

    def wake(self, mailspace: int) -> None:
        """From any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closing
            self._loop.call_soon_threadsafe(self._ring, mailspace)

    def _ring(self, mailspace: int) -> None:
        self._rung.add(mailspace)
        self._woken.set()

    async def rings(self) -> set[int]:
        """The mailspaces that rang; none when it is time for a sign of life."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(KEEP_ALIVE):
                await self._woken.wait()
        self._woken.clear()
        rung, self._rung = self._rung, set()
        return rung


exchange = Exchange()


async def stream(mailspaces: Iterable[int], *, known: dict[int, int]) -> AsyncIterator[bytes]:
    """The lines of an event stream. `known`: clocks the browser has seen; what is newer is told at once."""
    listener = Listener(mailspaces)
    loop = asyncio.get_running_loop()
    until = loop.time() + LONGEST
    seen = dict(known)
    exchange.join(listener)
    try:
        yield f"retry: {RETRY}\n\n".encode()
        look = set(listener.mailspaces)
        while loop.time() < until:
            clocks = await loop.run_in_executor(_readers, _read_clocks, look) if look else {}
            for mailspace, clock in clocks.items():
                if seen.get(mailspace) != clock:
                    seen[mailspace] = clock
                    yield f"id: {mailspace}:{clock}\nevent: change\ndata: {mailspace}:{clock}\n\n".encode()
            look = await listener.rings()
            if not look:
                yield b": still here\n\n"
    finally:
        exchange.leave(listener)
