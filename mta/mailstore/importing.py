"""Brings whole archives into a mailspace: mailboxes made, what is there already skipped, the rest stored in chunks.

Memory is bounded by a chunk, whatever the archive holds. All chunks share one action, so that the journal shows
one import and undoes it; a run that was cut off is taken up by running it again. A message is there already when
its very bytes are in that mailbox; one that lies twice in the source is there when it lies twice here. Called by
the command `import_mail`; see `mta.archive` for what is read.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from mta.archive.naming import fit
from mta.archive.values import Broken, Folder, Letter, Passed, Piece
from mta.message.headers import first, message_ids, parse_header, split_message
from mta.values import ARCHIVE, DELETED, DRAFTS, INBOX, SCHEDULED, SEEN, SENT, SNOOZED, Cause, MailboxInfo

from . import bulk, contents, folders, keywords, rows, sql
from .blobs import Prepared, prepare
from .changing import Changing
from .door import Door
from .errors import MailboxExists, OverQuota, StoreError
from .live import Entry, Live, Stay, new_action
from .models import Mailbox
from .writer import commit

log = logging.getLogger(__name__)

CHUNK = 500
CHUNK_BYTES = 16 << 20
KEPT_DIGESTS = 200_000
HIGHEST_VALIDITY = 4_000_000_000  # of 32 bits; what is above leaves no room for ours
LATEST = 253_402_300_799_000_000  # the end of the year 9999, µs
LONGEST_UIDL = 70  # RFC 1939 §7
# Mailboxes where mail waits for a moment that an archive does not know of.
_INSTEAD = {SNOOZED: INBOX, SCHEDULED: DRAFTS}


@dataclass(frozen=True, slots=True)
class Terms:
    """How an import shall be done. `into`: everything goes below this mailbox; with `flat`, into it alone.

    `most_new`: so many mailboxes are made; the mail of further ones goes to Archive. `action`: the import is a piece
    of a larger one, which is one line of the journal.
    """

    into: str = ""
    flat: bool = False
    dry_run: bool = False
    over_quota: bool = False
    seen: bool = False  # all of it counts as read
    most_new: int = 5_000
    action: str = ""


@dataclass(slots=True)
class Tally:
    """What an import has done so far (or, on a dry run, would do)."""

    action: str = ""
    messages: int = 0  # stored; one with three labels counts once
    stored: Counter[str] = field(default_factory=Counter)  # by mailbox
    there: Counter[str] = field(default_factory=Counter)  # those that were in it already
    created: list[str] = field(default_factory=list)
    unmade: int = 0  # mailboxes that were too many
    size: int = 0  # bytes of what was stored
    broken: int = 0
    passed: int = 0  # files that hold no mail
    over_quota: bool = False  # stopped because the quota is full


def import_letters(
    mailspace: int,
    pieces: Iterable[Piece],
    *,
    cause: Cause,
    terms: Terms,
    report: Callable[[Broken], None],
    progress: Callable[[Tally], None],
) -> Tally:
    """Store what an archive holds. `report` hears of each thing that could not be taken, `progress` of each chunk."""
    run = _Run(mailspace, cause, terms, report)
    for chunk in _chunks(pieces, run):
        try:
            run.take(chunk)
        except OverQuota:
            run.tally.over_quota = True
            break
        finally:
            progress(run.tally)
    return run.tally


def _chunks(pieces: Iterable[Piece], run: _Run) -> Iterator[list[Letter]]:
    waiting: list[Letter] = []
    size = 0
    for piece in pieces:
        if isinstance(piece, Letter):
            if waiting and piece.late != waiting[-1].late:  # copies are known by what is stored
                yield waiting
                waiting, size = [], 0
            waiting.append(piece)
            size += len(piece.raw)
            if len(waiting) >= CHUNK or size >= CHUNK_BYTES:
                yield waiting
                waiting, size = [], 0
        elif isinstance(piece, Folder):
            run.note(piece)
        elif isinstance(piece, Passed):
            run.tally.passed += 1
        else:
            run.refuse(piece)
    if waiting:
        yield waiting


@dataclass(slots=True, eq=False)
class _Box:
    """A mailbox that mail goes to. `before`: UIDs from here on are this import's own. `taken`: those matched."""

    id: int
    name: str
    before: int
    taken: set[int] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class _Task:
    """One letter, the mailboxes it is still missing from, and the message it is here already, if it is."""

    letter: Letter
    missing: list[_Box]
    message: int | None = None
    prepared: Prepared | None = None


class _Run:
    """One import."""

    def __init__(self, mailspace: int, cause: Cause, terms: Terms, report: Callable[[Broken], None]) -> None:
        self.tally = Tally(action=terms.action or new_action())
        self._mailspace, self._cause, self._terms, self._report = mailspace, cause, terms, report
        self._boxes: dict[str, _Box] = {}
        self._folders: dict[str, Folder] = {}
        self._same: dict[str, int] = {}  # messages that lie in several folders
        self._digests: dict[int, bytes] = {}

    def refuse(self, broken: Broken) -> None:
        self.tally.broken += 1
        self._report(broken)

    def note(self, folder: Folder) -> None:
        """What the source says of a folder; it is made even if it holds nothing."""
        name = self._name(folder.name)
        if name not in self._boxes:
            self._folders[name] = folder
        self._box(folder.name)
        if 0 < folder.uidvalidity < HIGHEST_VALIDITY and not self._terms.dry_run:
            self._outdo(self._boxes[name], folder.uidvalidity)

    def take(self, letters: Sequence[Letter]) -> None:
        """Store one chunk, but for what is there."""
        tasks = [_Task(letter, list(dict.fromkeys(map(self._box, letter.folders)))) for letter in letters]
        self._match(tasks)
        tasks = [task for task in tasks if task.missing]
        fresh = [task for task in tasks if task.message is None and not self._is_known(task.letter)]
        if not self._terms.dry_run:
            for task in fresh:
                task.prepared = prepare(task.letter.raw)
            self._store(tasks)
        self.tally.messages += len(fresh)
        self.tally.size += sum(len(task.letter.raw) for task in fresh)
        for task in tasks:
            self.tally.stored.update(box.name for box in task.missing)

    def _is_known(self, letter: Letter) -> bool:
        """Whether an earlier letter was the same message; notes it if not."""
        if not letter.same:
            return False
        known = letter.same in self._same
        self._same.setdefault(letter.same, 0)
        return known

    # --- mailboxes

    def _name(self, name: str) -> str:
        terms = self._terms
        if not terms.into:
            return name
        return terms.into if terms.flat or name == "INBOX" else f"{terms.into}/{name}"

    def _box(self, source: str) -> _Box:
        name = self._name(source)
        found = self._boxes.get(name)
        if found is None:
            found = self._boxes[name] = self._open(fit(name), self._folders.get(name))
        return found

    def _open(self, name: str, folder: Folder | None) -> _Box:
        """The mailbox of a name, made if need be (in a dry run: as if)."""
        try:
            info = folders.mailbox(self._mailspace, name)
            instead = _INSTEAD.get(info.role)
            if instead is not None:
                info = folders.mailbox_by_role(self._mailspace, instead)
        except StoreError:
            if len(self.tally.created) >= self._terms.most_new:
                self.tally.unmade += 1
                archive = folders.mailbox_by_role(self._mailspace, ARCHIVE)
                return self._known(archive)
            self.tally.created.append(name)
            if self._terms.dry_run:
                return _Box(0, name, 0)
            try:
                info = folders.create_mailbox(
                    self._mailspace,
                    name,
                    cause=self._cause,
                    colour=folder.colour if folder else None,
                    action=self.tally.action,
                )
            except MailboxExists:
                info = folders.mailbox(self._mailspace, name)
            except StoreError as error:  # too many of them, or a name that only looks fit: the mail is kept
                self.tally.created.pop()
                self.refuse(Broken(name, f"{error} Its mail goes to Archive."))
                info, folder = folders.mailbox_by_role(self._mailspace, ARCHIVE), None
            if folder is not None and folder.subscribed is False:
                folders.subscribe(self._mailspace, name, False)
        return self._known(info)

    def _known(self, info: MailboxInfo) -> _Box:
        known = next((box for box in self._boxes.values() if box.id == info.id), None)
        return known or _Box(info.id, info.name, info.uidnext)

    def _outdo(self, box: _Box, uidvalidity: int) -> None:
        """UIDVALIDITY never repeats for a name, not even when it moves here from another host (RFC 3501 §2.3.1.1)."""

        def work(door: Door) -> None:
            changing = door[self._mailspace]
            changing.raise_uidvalidity(uidvalidity)
            mailbox = changing.open_mailbox(box.id)
            if mailbox.uidnext == 1 and mailbox.uidvalidity <= uidvalidity:
                changing.renew_uidvalidity(mailbox)

        commit({self._mailspace}, work)

    # --- what is there

    def _match(self, tasks: Sequence[_Task]) -> None:
        """Take from each task the mailboxes that hold its message."""
        asked = [task for task in tasks if task.letter.late or any(box.before > 1 for box in task.missing)]
        for task, candidates in self._candidates(asked):
            self._take_away(task, candidates)

    def _take_away(self, task: _Task, candidates: Sequence[tuple[int, int, int]]) -> None:
        """`candidates` are (mailbox, uid, message) of the same bytes."""
        for box in list(task.missing):
            for mailbox, uid, message in candidates:
                if mailbox == box.id and uid not in box.taken:
                    box.taken.add(uid)
                    self._found(task, message)
                    task.missing.remove(box)
                    self.tally.there[box.name] += 1
                    break
        if task.letter.late and task.missing:
            self.tally.there.update(box.name for box in task.missing)
            task.missing = []

    def _found(self, task: _Task, message: int) -> None:
        task.message = message
        if task.letter.same:
            self._same[task.letter.same] = message

    def _candidates(self, tasks: Sequence[_Task]) -> Iterator[tuple[_Task, list[tuple[int, int, int]]]]:
        """Each task with the placements of messages that have its very bytes."""
        by_id: dict[str, list[_Task]] = defaultdict(list)
        for task in tasks:
            by_id[_message_id(task.letter.raw)].append(task)
        if not by_id:
            return
        unnamed = sorted({len(task.letter.raw) for task in by_id.get("", ())})
        where, params = sql.among("m.message_id", list(by_id))
        sizes, more = sql.among("m.size", unnamed)
        found = sql.select(
            "SELECT m.message_id, m.size, m.id, p.mailbox_id, p.uid FROM mailstore_message m"
            " JOIN mailstore_placement p ON p.mailspace_id = m.mailspace_id AND p.message_id = m.id"
            f" WHERE m.mailspace_id = %s AND {where} AND (m.message_id > '' OR {sizes})"
            " AND p.expunged_modseq IS NULL ORDER BY p.uid",
            [self._mailspace, *params, *more],
        )
        alike: dict[tuple[str, int], list[tuple[int, int, int]]] = defaultdict(list)
        for message_id, size, message, mailbox, uid in found:
            alike[message_id, size].append((mailbox, uid, message))
        wanted = {
            message
            for id_, those in by_id.items()
            for task in those
            for _, _, message in alike.get((id_, len(task.letter.raw)), ())
        }
        digests = self._digests_of(wanted)
        boxes = {box.id: box for box in self._boxes.values()}
        late = tasks[0].letter.late  # so is the whole chunk, or none of it
        free: dict[bytes, list[tuple[int, int, int]]] = defaultdict(list)
        for mailbox, uid, message in (each for near in alike.values() for each in near):
            box = boxes.get(mailbox)
            used = box is not None and (uid in box.taken or (uid >= box.before and not late))
            if message in digests and not used:
                free[digests[message]].append((mailbox, uid, message))
        known = set(digests.values())
        for task in tasks:
            mine = sha256(task.letter.raw).digest()
            if mine in known:
                yield task, free[mine]

    def _digests_of(self, messages: set[int]) -> dict[int, bytes]:
        """Kept for a while: messages without a Message-ID would be read again and again."""
        if len(self._digests) > KEPT_DIGESTS:
            self._digests.clear()
        new = sorted(messages - self._digests.keys())
        self._digests |= {id_: sha256(raw).digest() for id_, raw in contents.raws(self._mailspace, new)}
        return {message: self._digests[message] for message in messages if message in self._digests}

    # --- storing

    def _store(self, tasks: Sequence[_Task]) -> None:
        if not tasks:
            return

        def work(door: Door) -> dict[str, int]:
            return _Storing(
                door[self._mailspace], self._cause, self.tally.action, self._terms, self._same
            ).all(tasks)

        self._same |= commit({self._mailspace}, work)


class _Storing:
    """One chunk within its transaction."""

    def __init__(
        self, changing: Changing, cause: Cause, action: str, terms: Terms, same: dict[str, int]
    ) -> None:
        self._changing, self._cause, self._action, self._terms = changing, cause, action, terms
        self._known = same
        self._new: dict[str, Live] = {}
        self._lying: set[tuple[int, int]] = set()  # (message, mailbox)
        self._entries: dict[int, Entry] = {}
        self._places: dict[tuple[int, bool], tuple[Mailbox, list[Live], list[Stay]]] = {}

    def all(self, tasks: Sequence[_Task]) -> dict[str, int]:
        """Insert and place; returns what the letters with a `same` have become."""
        uidls = self._free_uidls(tasks)
        old = self._old(tasks)
        if not self._terms.over_quota:
            self._changing.check_quota(sum(len(task.letter.raw) for task in tasks if task.prepared))
        fresh = self._insert([task for task in tasks if task.prepared], uidls)
        for task in tasks:
            same = task.letter.same
            live = fresh.get(task) or old.get(task.message or self._known.get(same, 0)) or self._new.get(same)
            if live is None:  # it was here a moment ago
                task.prepared = prepare(task.letter.raw)
                fresh |= self._insert([task], uidls)
                live = fresh[task]
            is_new = task in fresh
            for box in task.missing:
                if (live.message, box.id) not in self._lying:
                    self._lying.add((live.message, box.id))
                    self._later(box, live, bool(task.letter.flags & DELETED), new=is_new)
                    is_new = False
        # The first places of all come first: a message counts once, with the first one it gets.
        for (_, new), (mailbox, lives, stays) in sorted(
            self._places.items(), key=lambda each: not each[0][1]
        ):
            self._changing.place(lives, mailbox, self._entry(mailbox), new=new, stays=stays)
        return {same: live.message for same, live in self._new.items()}

    def _insert(self, tasks: Sequence[_Task], uidls: set[str]) -> dict[_Task, Live]:
        lives = bulk.insert(self._changing, [self._as_new(task, uidls) for task in tasks])
        made = dict(zip(tasks, lives, strict=True))
        self._new |= {task.letter.same: live for task, live in made.items() if task.letter.same}
        return made

    def _as_new(self, task: _Task, uidls: set[str]) -> bulk.New:
        letter = task.letter
        assert task.prepared is not None  # noqa: S101 - the caller chose these
        home = self._changing.open_mailbox(task.missing[0].id)
        uidl = letter.uidl if letter.uidl in uidls else ""
        uidls.discard(uidl)
        return bulk.New(
            task.prepared,
            flags=letter.flags & ~DELETED | (SEEN if self._terms.seen else 0),
            words=keywords.nearest(letter.keywords),
            internal_date=None if letter.internal_date is None else min(max(letter.internal_date, 0), LATEST),
            own=home.role in (SENT, DRAFTS),
            uidl=uidl,
        )

    def _later(self, box: _Box, live: Live, deleted: bool, *, new: bool) -> None:
        mailbox = self._changing.open_mailbox(box.id)
        _, lives, stays = self._places.setdefault((box.id, new), (mailbox, [], []))
        lives.append(live)
        stays.append(Stay(deleted))

    def _entry(self, mailbox: Mailbox) -> Entry:
        if mailbox.id not in self._entries:
            self._entries[mailbox.id] = self._changing.entry("import", self._cause, self._action, mailbox.id)
        return self._entries[mailbox.id]

    def _old(self, tasks: Sequence[_Task]) -> dict[int, Live]:
        """Messages that are here already and get another place."""
        wanted = {task.message or self._known.get(task.letter.same, 0) for task in tasks} - {0}
        found: dict[int, Live] = {}
        for live in rows.of_messages(self._changing.id, sorted(wanted)) if wanted else ():
            found.setdefault(live.message, live)
            self._lying.add((live.message, live.mailbox))
        return found

    def _free_uidls(self, tasks: Sequence[_Task]) -> set[str]:
        """UIDLs that no other message of the mailspace has, by its own name or by its id."""
        given = {task.letter.uidl for task in tasks if _is_uidl(task.letter.uidl)}
        if not given:
            return given
        where, params = sql.among("uidl", sorted(given))
        found = sql.select(
            f"SELECT uidl FROM mailstore_message WHERE mailspace_id = %s AND uidl > '' AND {where}",
            [self._changing.id, *params],
        )
        given -= {row[0] for row in found}
        numbers = {uidl: int(uidl) for uidl in given if uidl.isdecimal()}
        if numbers:
            # A number may be the id, and so the UIDL, of a message that is here.
            where, ids = sql.among("id", sorted(number for number in numbers.values() if number < 1 << 62))
            ours = sql.select(
                f"SELECT id FROM mailstore_message WHERE mailspace_id = %s AND {where}",
                [self._changing.id, *ids],
            )
            taken = {row[0] for row in ours}
            given -= {uidl for uidl, number in numbers.items() if number in taken}
        return given


def _is_uidl(text: str) -> bool:
    """RFC 1939 §7: 1 to 70 characters from 0x21 to 0x7E."""
    return 0 < len(text) <= LONGEST_UIDL and all("!" <= char <= "~" for char in text)


def _message_id(raw: bytes) -> str:
    """As `mta.message.parse` would keep it."""
    end, _ = split_message(raw)
    value = first(parse_header(raw[:end]), "message-id")
    return "" if value is None else next(iter(message_ids(value, 1)), "")[:998]
