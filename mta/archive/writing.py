"""Writes folders and letters as mbox files, a Maildir, .eml files or a .zip of those. Nothing there is overwritten.

Everything goes to a name of its own first, readable for its owner only, and gets its true name when it is whole
and on the disk. One message at a time is in memory. What is written is read back by `reading`, byte for byte, and
by the programs that know the formats.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from . import lines, loose, maildir, mbox, naming
from .values import Folder, Letter

FORMATS = ("mbox", "maildir", "eml", "zip")
_PRIVATE_FILE, _PRIVATE_FOLDER = 0o600, 0o700


class AlreadyThere(Exception):
    """The name to write to is taken; nothing was done."""


class Archive(Protocol):
    """Something being written."""

    def add(self, folder: Folder, letters: Iterable[Letter]) -> None:
        """Write one folder with all its letters, in the order of their UIDs."""
        ...

    def finish(self, address: str) -> None: ...


@contextmanager
def archive(path: Path, format_: str, *, alone: bool = False) -> Iterator[Archive]:
    """Write to `path`, which comes to be when the block ends well. `alone`: one folder, for mbox one file."""
    if os.path.lexists(path):
        raise AlreadyThere(f"{path} is there already; nothing is ever overwritten.")
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    is_file = format_ == "zip" or (format_ == "mbox" and alone)
    try:
        if format_ == "zip":
            with _create(draft) as out, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
                yield _Loose(_ZipFiles(packed), draft.parent)
        elif is_file:
            with _create(draft) as out:
                yield _OneMbox(out)
                out.flush()
                os.fsync(out.fileno())
        else:
            draft.mkdir(mode=_PRIVATE_FOLDER)
            yield _TREES[format_](draft)
            os.sync()
        if is_file:
            os.link(draft, path)  # unlike a rename, this fails where something came to be meanwhile
            draft.unlink()
        elif os.path.lexists(path):
            raise AlreadyThere(f"{path} came to be meanwhile; nothing is ever overwritten.")
        else:
            draft.rename(path)
    except FileExistsError:
        _remove(draft)
        raise AlreadyThere(f"{path} came to be meanwhile; nothing is ever overwritten.") from None
    except BaseException:
        _remove(draft)
        raise


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE), "w+b", 1 << 18)


def _remove(draft: Path) -> None:
    if draft.is_dir():
        shutil.rmtree(draft, ignore_errors=True)
    else:
        draft.unlink(missing_ok=True)


def _folder(path: Path) -> Path:
    if not path.is_dir():
        _folder(path.parent)
        path.mkdir(mode=_PRIVATE_FOLDER)
    return path


def _write(path: Path, data: bytes) -> None:
    with _create(path) as out:
        out.write(data)


# --- mbox


class _OneMbox:
    """A single mbox file."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def add(self, folder: Folder, letters: Iterable[Letter]) -> None:
        _write_mbox(self._out, folder, letters)

    def finish(self, address: str) -> None:
        pass


def _write_mbox(out: BinaryIO, folder: Folder, letters: Iterable[Letter]) -> None:
    first_of: Folder | None = folder
    for letter in letters:
        mbox.write(out, letter, first_of=first_of)
        first_of = None


class _Mboxes:
    """A folder of mbox files: `Work.mbox`, and below it `Work.sbd/Plans.mbox`, as Thunderbird has them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: list[tuple[str, Folder]] = []

    def add(self, folder: Folder, letters: Iterable[Letter]) -> None:
        *above, name = naming.to_path(folder.name)
        path = "/".join((*(f"{level}.sbd" for level in above), f"{name}.mbox"))
        _folder((self._root / path).parent)
        with _create(self._root / path) as out:
            _write_mbox(out, folder, letters)
        self._folders.append((path, folder))

    def finish(self, address: str) -> None:
        _write(self._root / loose.FOLDERS_FILE, loose.folder_list(self._folders, address=address))


# --- Maildir


class _Maildir:
    """A Maildir++ with what Dovecot keeps beside the messages."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: list[tuple[str, Folder]] = []

    def add(self, folder: Folder, letters: Iterable[Letter]) -> None:
        name = naming.to_maildir(folder.name)
        path = self._make(name)
        words: dict[str, str] = {}
        with _create(path / maildir.UIDS_FILE) as uids:
            uids.write(maildir.uidlist_header(folder.uidvalidity, folder.uidnext))
            for letter in letters:
                own = [word for word in letter.keywords if word != maildir.FORWARDED]
                for word in own:
                    if word not in words and len(words) < maildir.MOST_KEYWORDS:
                        words[word] = chr(ord("a") + len(words))
                file = maildir.write_name(
                    letter, letters="".join(words[word] for word in own if word in words)
                )
                beyond = [word for word in own if word not in words]
                uids.write(maildir.uidlist_line(file, uid=letter.uid, uidl=letter.uidl, keywords=beyond))
                data = lines.to_lf(letter.raw) if lines.is_regular(letter.raw) else letter.raw
                _write(path / "cur" / file, data)
                at = (letter.internal_date or 0) * 1000
                os.utime(path / "cur" / file, ns=(at, at))
        if words:
            _write(path / maildir.KEYWORDS_FILE, maildir.write_keywords(words))
        self._folders.append((name, folder))

    def _make(self, name: str) -> Path:
        path = self._root / name
        for part in ("cur", "new", "tmp"):
            _folder(path / part)
        if name:
            _write(path / "maildirfolder", b"")
        return path

    def finish(self, address: str) -> None:
        if not (self._root / "cur").exists():
            self._make("")
        shown = [folder.name for _, folder in self._folders if folder.subscribed]
        _write(self._root / "subscriptions", maildir.write_subscriptions(shown))
        _write(self._root / loose.FOLDERS_FILE, loose.folder_list(self._folders, address=address))


# --- .eml, in folders or in a .zip


class _Files(Protocol):
    """Where files of a tree go."""

    def put(self, path: str, data: bytes, at: int | None) -> None: ...

    def put_stream(self, path: str, stream: BinaryIO) -> None: ...


class _DiskFiles:
    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, path: str, data: bytes, at: int | None) -> None:
        _folder((self._root / path).parent)
        _write(self._root / path, data)
        if at is not None:
            os.utime(self._root / path, ns=(at * 1000, at * 1000))

    def put_stream(self, path: str, stream: BinaryIO) -> None:
        _folder((self._root / path).parent)
        with _create(self._root / path) as out:
            shutil.copyfileobj(stream, out)


class _ZipFiles:
    def __init__(self, packed: zipfile.ZipFile) -> None:
        self._packed = packed

    def put(self, path: str, data: bytes, at: int | None) -> None:
        self._packed.writestr(self._info(path, at), data)

    def put_stream(self, path: str, stream: BinaryIO) -> None:
        with self._packed.open(self._info(path, None), "w", force_zip64=True) as out:
            shutil.copyfileobj(stream, out)

    def _info(self, path: str, at: int | None) -> zipfile.ZipInfo:
        when = time.gmtime(time.time() if at is None else at // 1_000_000)
        year = min(max(when.tm_year, 1980), 2107)  # what a .zip can say
        info = zipfile.ZipInfo(path, (year, *when[1:6]))
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = (0o100000 | _PRIVATE_FILE) << 16
        return info


class _Loose:
    """A file for each message, and a list in each folder of what the bytes do not tell."""

    def __init__(self, files: _Files, scratch: Path) -> None:
        self._files, self._scratch = files, scratch
        self._folders: list[tuple[str, Folder]] = []

    def add(self, folder: Folder, letters: Iterable[Letter]) -> None:
        path = "/".join(naming.to_path(folder.name))
        with tempfile.TemporaryFile(dir=self._scratch) as listed:
            for letter in letters:
                file = f"{letter.uid:08d}.eml"
                self._files.put(f"{path}/{file}", letter.raw, letter.internal_date)
                listed.write(loose.letter_line(letter, file))
            listed.seek(0)
            self._files.put_stream(f"{path}/{loose.LETTERS_FILE}", listed)
        self._folders.append((path, folder))

    def finish(self, address: str) -> None:
        self._files.put(loose.FOLDERS_FILE, loose.folder_list(self._folders, address=address), None)


_TREES: dict[str, Callable[[Path], Archive]] = {
    "mbox": _Mboxes,
    "maildir": _Maildir,
    "eml": lambda root: _Loose(_DiskFiles(root), root),
}
