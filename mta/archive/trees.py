"""Folders with files in them, on a disk or in a .zip, read alike and with nothing trusted.

Symbolic links are never followed, and each folder is opened below its parent's descriptor: whoever owns a home
folder cannot lead an administrator's import out of it. A .zip is read entry by entry without unpacking: names
that leave it, encrypted, overlapping and absurdly compressed entries are refused.
"""

from __future__ import annotations

import os
import re
import stat
import zipfile
import zlib
from calendar import timegm
from io import BufferedReader, FileIO, RawIOBase
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol

from .values import Broken, Unreadable

DEEPEST = 40
MOST_ENTRIES = 5_000_000
LARGEST_DIRECTORY = 1 << 29  # bytes of a .zip's table of contents
BOMB_SIZE, BOMB_RATIO = 1 << 28, 500  # deflate reaches 1000 : 1; mail at its most repetitive some 200 : 1
_BUFFER = 1 << 16
_DIGITS = re.compile(r"(\d{1,30})")


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts `9.eml` before `10.eml`."""
    return tuple(
        (0, int(piece), "") if piece.isdecimal() and piece.isascii() else (1, 0, piece)
        for piece in _DIGITS.split(name)
        if piece
    )


class Node(Protocol):
    """A folder. `path` is how a person finds it; `refused` is what in it was left alone."""

    name: str
    path: str
    refused: list[Broken]

    def files(self) -> list[str]: ...

    def names(self) -> list[str]:
        """The folders in it."""
        ...

    def folder(self, name: str) -> Node:
        """Open one of them; close it when done."""
        ...

    def open(self, name: str) -> BufferedReader: ...

    def size(self, name: str) -> int: ...

    def modified(self, name: str) -> int | None:
        """µs since the epoch, if the file says so."""
        ...

    def close(self) -> None: ...


class DiskFolder:
    """A folder on a disk."""

    def __init__(self, fd: int, name: str, path: str, depth: int = 0) -> None:
        self.name, self.path = name, path
        self.refused: list[Broken] = []
        self._fd, self._depth = fd, depth
        self._files: list[str] = []
        self._folders: list[str] = []
        with os.scandir(fd) as entries:
            for entry in entries:
                if entry.is_symlink():
                    self._refuse(entry.name, "is a symbolic link, which is not followed")
                elif entry.is_dir(follow_symlinks=False):
                    self._folders.append(entry.name)
                elif entry.is_file(follow_symlinks=False):
                    self._files.append(entry.name)
                else:
                    self._refuse(entry.name, "is neither a file nor a folder")
        self._files.sort(key=natural)
        self._folders.sort(key=natural)

    @classmethod
    def at(cls, path: Path) -> DiskFolder:
        """The folder that a person named; a link there is theirs."""
        return cls(os.open(path, os.O_RDONLY | os.O_DIRECTORY), path.name, "")

    def _refuse(self, name: str, reason: str) -> None:
        self.refused.append(Broken(self._shown(name), reason))

    def _shown(self, name: str) -> str:
        return f"{self.path}/{name}" if self.path else name

    def files(self) -> list[str]:
        return self._files

    def names(self) -> list[str]:
        return self._folders

    def folder(self, name: str) -> DiskFolder:
        if self._depth >= DEEPEST:
            raise Unreadable("lies too deep")
        try:
            fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=self._fd)
        except OSError as error:
            raise Unreadable(_words(error)) from None
        return DiskFolder(fd, name, self._shown(name), self._depth + 1)

    def open(self, name: str) -> BufferedReader:
        try:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self._fd)
        except OSError as error:
            raise Unreadable(_words(error)) from None
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise Unreadable("is not a file")
        return BufferedReader(FileIO(fd), _BUFFER)

    def _stat(self, name: str) -> os.stat_result:
        try:
            return os.stat(name, dir_fd=self._fd, follow_symlinks=False)
        except OSError as error:
            raise Unreadable(_words(error)) from None

    def size(self, name: str) -> int:
        return self._stat(name).st_size

    def modified(self, name: str) -> int | None:
        return self._stat(name).st_mtime_ns // 1000

    def close(self) -> None:
        os.close(self._fd)


def _words(error: OSError) -> str:
    return f"cannot be opened: {error.strerror or error}"


class ZipFolder:
    """A folder in a .zip."""

    def __init__(self, archive: zipfile.ZipFile, name: str, path: str) -> None:
        self.name, self.path = name, path
        self.refused: list[Broken] = []
        self._archive = archive
        self._entries: dict[str, zipfile.ZipInfo] = {}
        self._below: dict[str, ZipFolder] = {}

    @classmethod
    def at(cls, path: Path) -> ZipFolder:
        """The top of an archive. Raises Unreadable for what is no .zip, or one made to do harm."""
        try:
            archive = zipfile.ZipFile(_bounded(path))
        except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
            raise Unreadable(f"{path.name} is no .zip, or was cut short: {error}") from None
        top = cls(archive, path.name, "")
        try:
            _refuse_overlaps(archive)
        except Unreadable as error:
            archive.close()
            raise Unreadable(f"{path.name} {error}") from None
        for info in archive.infolist():
            top._sort_in(info)
        return top

    def _sort_in(self, info: zipfile.ZipInfo) -> None:
        parts = info.filename.replace("\\", "/").split("/")
        if (
            parts[0] == ""
            or ".." in parts
            or ":" in parts[0]
            or "\0" in info.filename
            or len(parts) > DEEPEST
        ):
            self.refused.append(Broken(info.filename, "has a name that leads out of the archive"))
            return
        folder = self
        *above, name = [part for part in parts[:-1] if part not in ("", ".")] + [parts[-1]]
        for part in above:
            shown = f"{folder.path}/{part}" if folder.path else part
            folder = folder._below.setdefault(part, ZipFolder(self._archive, part, shown))
        if not name or info.is_dir():
            return
        if stat.S_ISLNK(info.external_attr >> 16):
            folder.refused.append(Broken(info.filename, "is a symbolic link, which is not followed"))
        else:
            folder._entries[name] = info

    def files(self) -> list[str]:
        return sorted(self._entries, key=natural)

    def names(self) -> list[str]:
        return sorted(self._below, key=natural)

    def folder(self, name: str) -> ZipFolder:
        return self._below[name]

    def open(self, name: str) -> BufferedReader:
        info = self._entries[name]
        if info.flag_bits & 0x1:
            raise Unreadable("is encrypted")
        if info.file_size > BOMB_SIZE and info.file_size > BOMB_RATIO * max(info.compress_size, 1):
            raise Unreadable("would unpack to far more than mail does; left alone")
        try:
            return BufferedReader(_Entry(self._archive.open(info)), _BUFFER)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
            raise Unreadable(f"cannot be unpacked: {error}") from None

    def size(self, name: str) -> int:
        return self._entries[name].file_size

    def modified(self, name: str) -> int | None:
        return timegm((*self._entries[name].date_time, 0, 0, 0)) * 1_000_000

    def close(self) -> None:
        if not self.path:
            self._archive.close()


class _Entry(RawIOBase):
    """An entry being unpacked; damage is said in our words."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._stream.read(len(buffer))
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
            raise Unreadable(f"is damaged: {error}") from None
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


_END = b"PK\5\6"


def _bounded(path: Path) -> BinaryIO:
    """The file, once its table of contents is known to fit into memory (`zipfile` reads all of it)."""
    file = path.open("rb")
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - (1 << 16) - 22))
    tail = file.read()
    place = tail.rfind(_END)
    length = int.from_bytes(tail[place + 12 : place + 16], "little") if place >= 0 else 0
    wide = tail.rfind(b"PK\6\6")
    if length == 0xFFFFFFFF and wide >= 0:
        length = int.from_bytes(tail[wide + 40 : wide + 48], "little")
    file.seek(0)
    if min(length, size) > LARGEST_DIRECTORY:
        file.close()
        raise ValueError("it names too many files")
    return file


def _refuse_overlaps(archive: zipfile.ZipFile) -> None:
    """Entries that share bytes are how small files unpack to petabytes."""
    infos = archive.infolist()
    if len(infos) > MOST_ENTRIES:
        raise Unreadable("names too many files")
    end = 0
    for info in sorted(infos, key=lambda each: each.header_offset):
        if info.header_offset < end:
            raise Unreadable("has entries that overlap, which no honest .zip has")
        end = info.header_offset + 30 + info.compress_size
