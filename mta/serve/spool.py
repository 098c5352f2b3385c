"""A message while it arrives: in memory when small, in a file without a name when large, or when many arrive.

The file lives in DATA_DIR and is gone when the connection is, however it ends. What all connections hold in memory
together is bounded: above that, the next byte of a message goes to a file, however small it is. Called by
`serve.intake`, in the event loop's thread.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import IO

from django.conf import settings

IN_MEMORY = 256 * 1024
ALL_IN_MEMORY = 32 * 1024 * 1024


class Spool:
    """Write pieces, then read the whole. Use as a context manager. Raises OSError when the disk is full."""

    in_memory = 0  # bytes of all spools of this process

    def __init__(self) -> None:
        self._file: IO[bytes] = io.BytesIO()
        self._held = 0  # of `in_memory`, ours
        self.size = 0
        self.on_disk = False

    def write(self, data: bytes, /) -> None:
        if not self.on_disk:
            if self.size + len(data) > IN_MEMORY or Spool.in_memory + len(data) > ALL_IN_MEMORY:
                self._move_to_disk()
            else:
                self._held += len(data)
                Spool.in_memory += len(data)
        self._file.write(data)
        self.size += len(data)

    def contents(self) -> bytes:
        self._file.seek(0)
        return self._file.read()

    def _move_to_disk(self) -> None:
        folder = Path(settings.DATA_DIR) / "spool"
        folder.mkdir(exist_ok=True)
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by `close`
        file.write(self.contents())
        self._forget()
        self._file.close()
        self._file, self.on_disk = file, True

    def _forget(self) -> None:
        Spool.in_memory -= self._held
        self._held = 0

    def close(self) -> None:
        """Harmless when it is closed already."""
        self._forget()
        self._file.close()

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
