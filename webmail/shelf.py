"""A folder of small files that can be made again at any time: thumbnails, drawn pages. Bounded; losing it costs work.

Names are keyed with the installation's secret, so that they tell nothing of what was looked at.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings

LIMIT = 256 * 1024 * 1024
MOST = 40_000
TOUCHED = 3600.0  # seconds between notes that a file was looked at


class Shelf:
    """`get` what `put` has put under a key, if it is still there."""

    def __init__(self, name: str, *, limit: int = LIMIT) -> None:
        self._name, self._limit = name, limit

    @property
    def _folder(self) -> Path:
        return Path(settings.DATA_DIR) / self._name

    def _path(self, key: str) -> Path:
        name = hmac.new(settings.SECRET_KEY.encode(), key.encode(), hashlib.sha256).hexdigest()
        return self._folder / name[:2] / name

    def get(self, key: str) -> bytes | None:
        path = self._path(key)
        try:
            data = path.read_bytes()
            if time.time() - path.stat().st_mtime > TOUCHED:
                os.utime(path)  # what was looked at lately is dropped last
        except OSError:
            return None
        return data

    def put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        with suppress(OSError):  # a full disk only costs the next reader the work
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.write_bytes(data)
            draft.replace(path)
        if secrets.randbelow(64) == 0:
            self.prune()

    def prune(self) -> None:
        """Drop what was not looked at for longest, until a fifth of the room is free again."""
        files = []
        with suppress(OSError):
            for path in self._folder.glob("??/*"):
                with suppress(OSError):
                    about = path.stat()
                    files.append((about.st_mtime, about.st_size, path))
        total = sum(size for _at, size, _path in files)
        if total <= self._limit and len(files) <= MOST:
            return
        left = len(files)
        for _at, size, path in sorted(files):
            if total <= self._limit * 4 // 5 and left <= MOST * 4 // 5:
                break
            with suppress(OSError):
                path.unlink()
            total, left = total - size, left - 1
