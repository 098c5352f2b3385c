"""The doorbell of processes that share a SQLite database: a ring buffer in a small mapped file.

Each slot names a mailspace that changed and the process that said so; the counter in front says how many there
have ever been. A listener sleeps until the kernel says that the counter was written (inotify; elsewhere it looks
every 10 ms); one that slept for longer than the buffer lasts is told to look for itself. Nothing here is durable
or true: it only says "look". Used by `bus`.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

SLOTS = 4096
INTERVAL = 0.010  # seconds between looks, where nobody wakes us
_IN_MODIFY = 2  # linux/inotify.h
_COUNTER = struct.Struct("=Q")
_SLOT = struct.Struct("=QQ")  # mailspace, ringer
_SIZE = _SLOT.size * (SLOTS + 1)  # the counter has a slot's room


class BellFile:
    """One process's hold on the file. `ring` from any thread; `wait` and `rung` are one listener's."""

    def __init__(self, path: Path, *, listens: bool = False) -> None:
        self._lock = threading.Lock()
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(self._descriptor).st_size < _SIZE:
            os.ftruncate(self._descriptor, _SIZE)
        self._map = mmap.mmap(self._descriptor, _SIZE)
        self._wakes = _woken_by(path) if listens else None
        self._heard = self._count()

    def close(self) -> None:
        if self._wakes is not None:
            os.close(self._wakes)
        self._map.close()
        os.close(self._descriptor)

    def _count(self) -> int:
        count: int = _COUNTER.unpack_from(self._map)[0]
        return count

    def ring(self, mailspaces: Collection[int], *, by: int) -> None:
        with self._lock:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            try:
                count = self._count()
                for number, mailspace in enumerate(mailspaces, start=count):
                    _SLOT.pack_into(self._map, _place(number), mailspace, by)
                # Last, so that whoever sees the number sees what it counts; written, because that wakes.
                os.pwrite(self._descriptor, _COUNTER.pack(count + len(mailspaces)), 0)
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def wait(self, seconds: float, *, leaving: socket.socket | None = None) -> None:
        """Sleep until somebody rings or says on `leaving` that it ends, or so long; or a moment, where nobody can wake us."""
        if self._wakes is None:
            time.sleep(min(INTERVAL, seconds))
            return
        waiting = select.poll()
        waiting.register(self._wakes, select.POLLIN)
        if leaving is not None:
            waiting.register(leaving, select.POLLIN)
        if waiting.poll(seconds * 1000):
            with suppress(BlockingIOError):
                os.read(self._wakes, 65536)

    def rung(self, *, but_by: int) -> frozenset[int] | None:
        """Which mailspaces others said changed since the last call; None: too many to know."""
        count, heard = self._count(), self._heard
        if count == heard:
            return frozenset()
        self._heard = count
        if not 0 < count - heard < SLOTS // 2:
            return None
        found = [_SLOT.unpack_from(self._map, _place(number)) for number in range(heard, count)]
        if self._count() - heard >= SLOTS:  # some were overwritten meanwhile
            return None
        return frozenset(mailspace for mailspace, by in found if by != but_by)


def _place(number: int) -> int:
    return _SLOT.size * (1 + number % SLOTS)


def _woken_by(path: Path) -> int | None:
    """A descriptor that can be read when the file has been written; None where there is no such thing."""
    try:
        libc = ctypes.CDLL(None)
        descriptor: int = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, AttributeError):
        return None
    if descriptor >= 0 and libc.inotify_add_watch(descriptor, os.fsencode(path), _IN_MODIFY) < 0:
        os.close(descriptor)
        return None
    return descriptor if descriptor >= 0 else None
