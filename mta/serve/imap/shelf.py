"""The messages opened last, with their parts, for clients that read one message in many pieces.

One shelf per process, at most SHELF_BYTES in all. A message never changes, so nothing here grows stale; the
key leads with the mailspace, so nobody finds another's. Thread-safe; called in the bridge's threads.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from mta.mailstore import service as mailstore
from mta.wire.imap.fetch import Opened

SHELF_BYTES = 64 * 1024 * 1024

_lock = threading.Lock()
_kept: OrderedDict[tuple[int, int], Opened] = OrderedDict()
_size = 0


def opened(mailspace: int, message: int) -> Opened:
    """The message's bytes and parts. Raises NoSuchMessage."""
    key = (mailspace, message)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    found = Opened(mailstore.raw(mailspace, message))
    _keep(key, found)
    return found


def _keep(key: tuple[int, int], found: Opened) -> None:
    global _size
    with _lock:
        if key in _kept or len(found.raw) > SHELF_BYTES:
            return
        _kept[key] = found
        _size += len(found.raw)
        while _size > SHELF_BYTES:
            _key, oldest = _kept.popitem(last=False)
            _size -= len(oldest.raw)


def clear() -> None:
    """Forget everything (tests, and a mailspace that is erased)."""
    global _size
    with _lock:
        _kept.clear()
        _size = 0
