"""The doorbell of processes that share a SQLite database: a ring buffer in a small mapped file.

Each slot names a mailspace that changed and the process that said so; the counter in front says how many there
have ever been. Looking costs one read of memory. A listener that slept for longer than the buffer lasts is told
to look for itself. Nothing here is durable or true: it only says "look". Used by `bus`.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import threading
from collections.abc import Collection
from pathlib import Path

SLOTS = 4096
_COUNTER = struct.Struct("=Q")
_SLOT = struct.Struct("=QQ")  # mailspace, ringer
_SIZE = _SLOT.size * (SLOTS + 1)  # the counter has a slot's room


class BellFile:
    """One process's hold on the file. `ring` from any thread; `rung` is one listener's."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(self._descriptor).st_size < _SIZE:
            os.ftruncate(self._descriptor, _SIZE)
        self._map = mmap.mmap(self._descriptor, _SIZE)
        self._heard = self._count()

    def close(self) -> None:
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
                # Last, so that whoever sees the number sees what it counts.
                _COUNTER.pack_into(self._map, 0, count + len(mailspaces))
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

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
