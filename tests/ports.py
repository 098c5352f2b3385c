"""Ports for tests that run side by side: one that is free and that no other test process was given."""

import os
import tempfile
import time
from pathlib import Path

from webmail.probe import free_port

_TAKEN = Path(tempfile.gettempdir()) / f"mailstead-test-ports-{os.getuid()}"
_FORGET = 3600.0  # seconds: longer than any test run


def reserved() -> int:
    """A port on 127.0.0.1; the mark that it is taken is forgotten after an hour."""
    _TAKEN.mkdir(exist_ok=True)
    while True:
        port = free_port("127.0.0.1")
        mark = _TAKEN / str(port)
        try:
            mark.touch(exist_ok=False)
        except FileExistsError:
            if time.time() - mark.stat().st_mtime < _FORGET:
                continue
            mark.touch()
        return port
