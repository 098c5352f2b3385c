"""A message while it arrives: in memory when small, in a file without a name when large.

The file lives in DATA_DIR and is gone when the connection is, however it ends. Called by `serve.smtp`.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import IO

from django.conf import settings

IN_MEMORY = 256 * 1024


class Spool:
    """Write pieces, then read the whole. Use as a context manager. Raises OSError when the disk is full."""

    def __init__(self) -> None:
        self._file: IO[bytes] = io.BytesIO()
        self.on_disk = False

    def write(self, data: bytes, /) -> None:
        if not self.on_disk and self._file.tell() + len(data) > IN_MEMORY:
            self._move_to_disk()
        self._file.write(data)

    def contents(self) -> bytes:
        self._file.seek(0)
        return self._file.read()

    def _move_to_disk(self) -> None:
        folder = Path(settings.DATA_DIR) / "spool"
        folder.mkdir(exist_ok=True)
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by __exit__
        file.write(self.contents())
        self._file.close()
        self._file, self.on_disk = file, True

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()
