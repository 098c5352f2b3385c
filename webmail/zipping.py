"""A .zip that is made while it is sent: one file of it is in memory at a time, and nothing lies on the disk.

Files are stored, not packed again: most are packed already. Names are only names, each once: no folders, no way out
of the one it is unpacked into, nothing that a system takes for something else.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator

MAX_NAME = 150
_PIECE = 256 * 1024
_WINDOWS = re.compile(r"(?i)(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")
# Signs that turn the direction of what follows: `exe.txt` is written so that it reads `txt.exe`, or the reverse.
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]')

Entry = tuple[str, Callable[[], bytes]]  # a name, and what gives its bytes when their turn comes


class _Pipe(io.RawIOBase):
    """Takes what the archive writes; `taken` hands it on. Cannot seek, so sizes follow the files."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._pieces.append(piece)
        self._at += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._at

    def taken(self) -> bytes:
        found, self._pieces = b"".join(self._pieces), []
        return found


def stream(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The archive, piece by piece."""
    pipe = _Pipe()
    taken: set[str] = set()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[arg-type]
        for name, give in entries:
            about = zipfile.ZipInfo(free_name(name, taken))
            about.external_attr = 0o600 << 16  # a file, not to be run
            data = memoryview(give())
            with archive.open(about, "w") as file:
                for at in range(0, len(data), _PIECE):
                    file.write(data[at : at + _PIECE])
                    yield pipe.taken()
            del data
            yield pipe.taken()
    yield pipe.taken()


def free_name(name: str, taken: set[str]) -> str:
    """A name without folders (`../` in archives), and not one that is used already."""
    plain = _FORBIDDEN.sub("_", name).strip(". ")[:MAX_NAME].rstrip(". ") or "file"
    if _WINDOWS.fullmatch(plain):
        plain = f"_{plain}"
    stem, dot, ending = plain.rpartition(".")
    wanted, number = plain, 2
    while wanted.casefold() in taken:
        wanted = f"{stem} ({number}).{ending}" if dot else f"{plain} ({number})"
        number += 1
    taken.add(wanted.casefold())
    return wanted
