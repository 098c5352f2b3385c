"""Ports for tests that run side by side: one that is free and that no other test process was given."""

import os
import random
import socket
import tempfile
import time
from pathlib import Path

# Apart from what the product itself gives to a demo's helpers (webmail.probe.free_port) and from what the system
# gives to whoever asks for any port: neither knows of our marks.
_RANGE = range(11_000, 20_000)
_TAKEN = Path(tempfile.gettempdir()) / f"mailstead-test-ports-{os.getuid()}"
_FORGET = 3600.0  # seconds: longer than any test run


def reserved() -> int:
    """A port on 127.0.0.1; the mark that it is taken is forgotten after an hour."""
    _TAKEN.mkdir(exist_ok=True)
    while True:
        port = random.choice(_RANGE)
        if not _is_free(port):
            continue
        mark = _TAKEN / str(port)
        try:
            mark.touch(exist_ok=False)
        except FileExistsError:
            if time.time() - mark.stat().st_mtime < _FORGET:
                continue
            mark.touch()
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
