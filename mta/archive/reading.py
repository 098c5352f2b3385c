"""Reads whatever holds mail: decides what a file or folder is, and gives its folders and letters, one at a time.

Nothing here raises for what it meets below the top: a file that cannot be read is a `Broken`, one without mail a
`Passed`. Called by `mta.mailstore.importing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from io import BufferedReader, FileIO
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryFile
from typing import IO, BinaryIO

from . import lines, loose, maildir, mbox, naming
from .mbox import Entry
from .trees import DiskFolder, Node, ZipFolder, natural
from .values import INBOX, Broken, Folder, Letter, Passed, Piece, Unreadable, Wishes

_MAILDIR = frozenset(("cur", "new", "tmp"))
# Folders that only wrap what is meant, such as the one folder of a .zip.
_WRAPPERS = frozenset(("maildir", ".maildir", "mail", "takeout", "mails", "imap", "export"))
_PEEK = 4096


def read(path: Path, wishes: Wishes) -> Iterator[Piece]:
    """Everything in a file or folder. Raises Unreadable if that itself is nothing that could hold mail."""
    if path.is_dir():
        top: Node = DiskFolder.at(path)
    elif _is_zip(path):
        top = ZipFolder.at(path)
    else:
        yield from _single(path, wishes)
        return
    try:
        yield from _Walk(wishes).top(top)
    finally:
        top.close()


def size(path: Path) -> int:
    """About how many bytes of mail there are, without reading them: never much less than there are."""
    if path.is_dir():
        top: Node = DiskFolder.at(path)
    elif _is_zip(path):
        top = ZipFolder.at(path)
    else:
        return path.stat().st_size
    try:
        return _size(top)
    finally:
        top.close()


def _is_zip(path: Path) -> bool:
    """By its beginning: one that was cut short is a .zip, too, and told to be broken."""
    try:
        with path.open("rb") as stream:
            return stream.read(4) in (b"PK\3\4", b"PK\5\6")
    except OSError:
        return False


def _size(node: Node) -> int:
    total = 0
    for name in node.files():
        try:
            total += node.size(name)
        except Unreadable:
            continue
    for name in node.names():
        try:
            with closing(node.folder(name)) as child:
                total += _size(child)
        except Unreadable:
            continue
    return total


def _single(path: Path, wishes: Wishes) -> Iterator[Piece]:
    try:
        with path.open("rb") as stream:
            start = stream.peek(_PEEK)[:_PEEK]
            if mbox.looks_like_one(start):
                name = naming.clean(path.name)
                yield from _Walk(wishes).mbox(stream, _mbox_name((name,)), name)
                return
            if (reason := loose.why_foreign(start)) is not None:
                raise Unreadable(f"{path.name} {reason}")
            raw = loose.contents(stream, largest=wishes.largest, apple=path.suffix == ".emlx")
            loose.require_message(raw)
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}") from None
    except Unreadable as error:
        raise Unreadable(
            f"{path.name} {error}" if not str(error).startswith(path.name) else str(error)
        ) from None
    raw = lines.to_crlf(raw)
    yield Folder(INBOX)
    yield Letter(raw, (INBOX,), internal_date=loose.arrival(raw), where=path.name)


def _mbox_name(trail: tuple[str, ...]) -> tuple[str, ...]:
    """The folder that an mbox file is: `Work.sbd/Plans` (Thunderbird), `Work.mbox/mbox` (Apple), `Work.mbox`."""
    levels = []
    for level in trail:
        for ending in (".mbox", ".mbx", ".sbd"):
            level = level.removesuffix(ending) or level
        levels.append(level)
    if levels[-1].lower() == "mbox":
        levels.pop()
    return tuple(levels)


_ROOM = 1 << 30  # bytes that stay free on a disk


def _copied(stream: BinaryIO, to: IO[bytes]) -> bool:
    """Whether all of a stream found room."""
    while True:
        if disk_usage(to.fileno()).free < _ROOM + (64 << 20):
            return False
        for _block in range(64):
            data = stream.read(1 << 20)
            if not data:
                return True
            to.write(data)


class _Chained:
    """Two streams as one."""

    def __init__(self, first: IO[bytes], then: BinaryIO) -> None:
        self._first: IO[bytes] | None = first
        self._then = then

    def read(self, size: int) -> bytes:
        if self._first is not None:
            if data := self._first.read(size):
                return data
            self._first = None
        return self._then.read(size)


@dataclass(frozen=True, slots=True)
class _Lists:
    """What is known of a Maildir beside its files."""

    folder: str
    late: bool
    uids: maildir.UidList
    words: dict[str, str]


_UNLISTED = maildir.Listed(0)


def _levels(name: str) -> tuple[str, ...]:
    """The levels of a mailbox name that a folder stands for."""
    return naming.from_maildir(name) if name.startswith(".") else naming.from_path((name,))


def _is_last(trail: tuple[str, ...]) -> bool:
    """Gmail's All Mail comes after all others, and so does the folder it lies in."""
    name = "/".join(_mbox_name(trail))
    return naming.holds_everything(name) or naming.holds_everything(f"{name}/All Mail")


class _Walk:
    """One reading of one archive."""

    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes
        self._exact: dict[str, Folder] = {}
        self._subscribed: frozenset[str] | None = None

    def top(self, node: Node) -> Iterator[Piece]:
        """Into the archive, past folders that only wrap it."""
        names = node.names()
        if not node.files() and len(names) == 1 and names[0].lower() in _WRAPPERS:
            with closing(node.folder(names[0])) as inner:
                yield from self.top(inner)
            yield from node.refused
        else:
            yield from self._inside(node)

    def _inside(self, node: Node) -> Iterator[Piece]:
        if loose.FOLDERS_FILE in node.files():
            with node.open(loose.FOLDERS_FILE) as stream:
                self._exact = loose.read_folder_list(stream)
        else:
            for name in maildir.SUBSCRIPTIONS:
                if name in node.files() and self._subscribed is None:
                    with node.open(name) as stream:
                        self._subscribed = maildir.read_subscriptions(stream)
        yield from self._walk(node, (), ())

    def _walk(self, node: Node, trail: tuple[str, ...], path: tuple[str, ...]) -> Iterator[Piece]:
        """`trail` is the name of the folder so far, `path` where it lies below the top."""
        is_maildir = "cur" in node.names() and not {"new", "tmp"}.isdisjoint(node.names())
        if is_maildir:
            yield from self._maildir(node, trail, path)
        else:
            yield from self._files(node, trail, path)
        inside = [name for name in node.names() if not (is_maildir and name in _MAILDIR)]
        inside.sort(key=lambda name: (_is_last((*trail, *_levels(name))), natural(name)))
        for name in inside:
            try:
                with closing(node.folder(name)) as child:
                    # Else it is what programs keep for themselves.
                    if not name.startswith(".") or "cur" in child.names():
                        yield from self._walk(child, (*trail, *_levels(name)), (*path, name))
            except Unreadable as error:
                yield Broken("/".join((*path, name)), str(error))
        yield from node.refused

    # --- names

    def _folder(self, trail: tuple[str, ...], path: tuple[str, ...]) -> tuple[Folder, bool] | None:
        """The folder of ours, and whether its letters are copies; None if nobody wants it."""
        wishes = self._wishes
        exact = self._exact.get("/".join(path))
        source = exact.name if exact else "/".join(trail) or INBOX
        if naming.is_within(source, wishes.skip) or (
            wishes.only and not naming.is_within(source, wishes.only)
        ):
            return None
        if exact is not None:
            return exact, False
        if not wishes.by_name:
            return Folder(naming.fit(source), subscribed=self._is_subscribed(source)), False
        if naming.is_view(source) and not wishes.only:
            return None
        name = naming.fit(naming.mailbox_for(source))
        return Folder(name, subscribed=self._is_subscribed(source)), naming.holds_everything(source)

    def _is_subscribed(self, source: str) -> bool | None:
        return None if self._subscribed is None else source == INBOX or source in self._subscribed

    # --- Maildir

    def _maildir(self, node: Node, trail: tuple[str, ...], path: tuple[str, ...]) -> Iterator[Piece]:
        wanted = self._folder(trail, path)
        if wanted is None:
            return
        folder, late = wanted
        listed = maildir.UidList(0, 0, {})
        words: dict[str, str] = {}
        try:
            if maildir.UIDS_FILE in node.files():
                with node.open(maildir.UIDS_FILE) as stream:
                    listed = maildir.read_uidlist(stream)
            if maildir.KEYWORDS_FILE in node.files():
                with node.open(maildir.KEYWORDS_FILE) as stream:
                    words = maildir.read_keywords(stream)
        except Unreadable as error:
            yield Broken(node.path or node.name, str(error))
        yield replace(folder, uidvalidity=listed.uidvalidity or folder.uidvalidity, uidnext=listed.uidnext)
        with ExitStack() as opened:
            parts = {
                part: opened.enter_context(closing(node.folder(part)))
                for part in ("cur", "new")
                if part in node.names()
            }
            unknown = maildir.Listed(1 << 32)  # after those whose UIDs are known
            found = [
                (listed.messages.get(maildir.name(file).unique, unknown).uid, natural(file), part, file)
                for part, inside in parts.items()
                for file in inside.files()
            ]
            found.sort()
            for _, _, part, file in found:
                yield from self._maildir_file(parts[part], file, _Lists(folder.name, late, listed, words))
            for inside in parts.values():
                yield from inside.refused

    def _maildir_file(self, node: Node, file: str, lists: _Lists) -> Iterator[Piece]:
        where = f"{node.path}/{file}"
        name = maildir.name(file)
        try:
            with node.open(file) as stream:
                raw = loose.contents(stream, largest=self._wishes.largest)
            loose.require_message(raw)
            modified = node.modified(file)
        except Unreadable as error:
            yield Broken(where, str(error))
            return
        if name.stored is not None and len(raw) < name.stored:
            yield Broken(where, f"is cut short: {len(raw)} of {name.stored} bytes. What is left was taken")
        listed = lists.uids.messages.get(name.unique, _UNLISTED)
        words = [lists.words[letter] for letter in name.letters if letter in lists.words]
        words += [maildir.FORWARDED] if name.forwarded and maildir.FORWARDED not in words else []
        uidl = listed.uidl
        if not uidl and lists.folder == INBOX and self._wishes.uidl:
            uidl = maildir.uidl(
                self._wishes.uidl, uid=listed.uid, uidvalidity=lists.uids.uidvalidity, file=name.unique
            )
        yield Letter(
            raw=raw if name.kept else lines.to_crlf(raw),
            folders=(lists.folder,),
            flags=name.flags,
            keywords=tuple(dict.fromkeys((*words, *listed.keywords))),
            internal_date=maildir.moment(name, modified),
            uid=listed.uid,
            uidl=uidl,
            same=name.same,
            late=lists.late,
            where=where,
        )

    # --- other files

    def _files(self, node: Node, trail: tuple[str, ...], path: tuple[str, ...]) -> Iterator[Piece]:
        """mbox files are folders of their own; single messages lie in the folder of their files."""
        files = node.files()
        listed: set[str] = set()
        wanted = None
        if loose.LETTERS_FILE in files or any(loose.is_message_name(file) for file in files):
            wanted = self._folder(_mbox_name(trail) if trail else trail, path)
            if wanted is not None:
                yield wanted[0]
        if loose.LETTERS_FILE in files and wanted is not None:
            yield from self._listed(node, wanted[0].name, listed)
        for file in sorted(files, key=lambda file: (_is_last((*trail, file)), natural(file))):
            if file in listed or file in (loose.LETTERS_FILE, loose.FOLDERS_FILE):
                continue
            where = f"{node.path}/{file}" if node.path else file
            try:
                yield from self._file(node, file, trail, path, wanted, where)
            except Unreadable as error:
                yield Broken(where, str(error))

    def _listed(self, node: Node, folder: str, listed: set[str]) -> Iterator[Piece]:
        """The messages of our own export, in its order."""
        there = set(node.files())
        with node.open(loose.LETTERS_FILE) as stream:
            for said in loose.letter_lines(stream):
                file = said["file"]
                if file not in there or file in listed:
                    continue
                listed.add(file)
                where = f"{node.path}/{file}"
                try:
                    with node.open(file) as message:
                        raw = loose.contents(message, largest=self._wishes.largest)
                    loose.require_message(raw)
                except Unreadable as error:
                    yield Broken(where, str(error))
                    continue
                yield loose.letter(raw, said, folder=folder, where=where)

    def _file(
        self,
        node: Node,
        file: str,
        trail: tuple[str, ...],
        path: tuple[str, ...],
        wanted: tuple[Folder, bool] | None,
        where: str,
    ) -> Iterator[Piece]:
        if file.startswith(".") or file.endswith((".msf", ".lock", ".dat")):
            return  # indexes and locks of mail programs
        is_message = loose.is_message_name(file)
        if is_message and wanted is None:
            return
        with node.open(file) as stream:
            start = stream.peek(_PEEK)[:_PEEK]
            if mbox.looks_like_one(start):
                name = (*trail, *naming.from_path((file,)))
                yield from self.mbox(stream, _mbox_name(name), where, path=(*path, file))
                return
            if (reason := loose.why_foreign(start)) is not None:
                raise Unreadable(reason)
            if not is_message:
                if not start and (exact := self._exact.get("/".join((*path, file)))) is not None:
                    yield exact
                    return
                if file.lower().endswith((".mbox", ".mbx")) and start:
                    raise Unreadable("does not begin with a From line, so it is no mbox")
                yield Passed(where)
                return
            raw = loose.contents(stream, largest=self._wishes.largest, apple=file.endswith(".emlx"))
        loose.require_message(raw)
        if wanted is None:
            return
        raw = lines.to_crlf(raw)
        at = loose.arrival(raw)
        yield Letter(
            raw,
            (wanted[0].name,),
            flags=maildir.name(file).flags if ":2," in file else 0,
            internal_date=node.modified(file) if at is None else at,
            late=wanted[1],
            where=where,
        )

    def mbox(
        self, stream: BinaryIO, trail: tuple[str, ...], where: str, *, path: tuple[str, ...] = ()
    ) -> Iterator[Piece]:
        """The letters of one mbox. With Gmail's labels, its own name means nothing."""
        wanted = self._folder(trail, path)
        if wanted is None:
            return
        folder, late = wanted
        said = False
        uidvalidity = 0
        for entry in self._entries(stream):
            at = f"{where}, message {entry.number} at byte {entry.offset}"
            try:
                if entry.data is None:
                    raise loose.too_large(self._wishes.largest)
                found = mbox.read(entry, folder=folder.name, quoting=self._wishes.quoting, where=at)
                if found.letter is not None:
                    loose.require_message(found.letter.raw)
            except Unreadable as error:
                yield Broken(at, str(error))
                continue
            uidvalidity = uidvalidity or found.uidvalidity
            if found.folder and entry.number == 1:
                # Our own export of one mailbox: it says which.
                folder = replace(folder, name=naming.fit(found.folder))
                found.letter = found.letter and replace(found.letter, folders=(folder.name,))
            if not said and not found.labelled:
                said = True
                yield replace(folder, uidvalidity=uidvalidity or folder.uidvalidity)
            if found.letter is not None:
                yield self._finish(found.letter, folder.name, uidvalidity, late)

    def _entries(self, stream: BinaryIO) -> Iterator[Entry]:
        """Takeout's lie in no order; those of other programs say in their first message what counts for all."""
        largest = self._wishes.largest
        start = stream.peek(_PEEK)[:_PEEK] if isinstance(stream, BufferedReader) else b""
        if not (self._wishes.newest_first and mbox.is_takeout(start)):
            yield from mbox.entries(stream, largest=largest)
            return
        if isinstance(stream.raw, FileIO):  # type: ignore[attr-defined]
            yield from mbox.newest_first(stream, largest=largest)
            return
        with TemporaryFile(dir=self._wishes.spool or None) as unpacked:
            if _copied(stream, unpacked):
                unpacked.seek(0)
                yield from mbox.newest_first(unpacked, largest=largest)
                return
            # No room for all of it: what was unpacked already, then the rest as it comes.
            unpacked.seek(0)
            yield from mbox.entries(_Chained(unpacked, stream), largest=largest)  # type: ignore[arg-type]

    def _finish(self, letter: Letter, folder: str, uidvalidity: int, late: bool) -> Letter:
        uidl, at = letter.uidl, letter.internal_date
        if not uidl and folder == INBOX and letter.uid and uidvalidity and self._wishes.uidl:
            uidl = maildir.uidl(self._wishes.uidl, uid=letter.uid, uidvalidity=uidvalidity, file="")
        if at is None:
            at = loose.arrival(letter.raw)
        return replace(letter, uidl=uidl, internal_date=at, late=late)
