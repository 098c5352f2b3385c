"""One slice of work on an old mailbox: its mail brought over, and then what arrives there fetched.

Newest first: of all folders the one goes on whose oldest message that is here is the newest, so that after a minute the
last weeks of everything are here. After each piece the row says how far it is, so that whoever comes next, after a
kill or a broken connection, goes on from there; a piece that comes twice is known by its bytes and not stored again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from mta.archive.loose import arrival
from mta.archive.values import INBOX, Broken, Letter
from mta.mailstore import service as mailstore
from mta.values import DELETED, DRAFT, SEEN, Cause

from . import placing
from .arrivals import deliver
from .errors import Declined, Refused
from .imap import Facts, Imap, seconds_for
from .models import Fetched, Source, SourceFolder
from .pop3 import Pop3
from .turns import Turn

MOST_LABELS = 500  # that one move makes
ASKED = 200  # messages whose facts are asked for at once
PIECE = 100  # messages, and
PIECE_BYTES = 4 << 20  # bytes that are fetched and stored at once
MOST_ARRIVING = 500  # of one look at what arrived
LATEST_UID = (1 << 32) - 1


def work(turn: Turn) -> None:
    """What is due for a source."""
    mover: Mover | PopMover = PopMover(turn) if turn.source.protocol == Source.POP3 else Mover(turn)
    mover.run()


def cause_of(source: Source) -> Cause:
    """Who changes mail here, as Recent changes says it."""
    return Cause("import", f"move from {source.address}", source.account.username)


@dataclass(frozen=True, slots=True)
class _Stored:
    """What a piece came to."""

    messages: int
    there: int
    made: int
    unmade: int
    left_out: int


class _Storing:
    """Puts pieces into the store, all under one action, and counts."""

    def __init__(self, turn: Turn) -> None:
        self.turn, self.source = turn, turn.source

    def put(self, letters: Sequence[Letter]) -> _Stored:
        source = self.source
        terms = mailstore.Terms(most_new=max(0, MOST_LABELS - source.made), action=source.action)
        broken: list[Broken] = []
        tally = mailstore.import_letters(
            source.mailspace,
            letters,
            cause=cause_of(source),
            terms=terms,
            report=broken.append,
            progress=lambda _tally: None,
        )
        if tally.over_quota:
            raise Refused(_("Your mailbox here is full. Make room, then go on."))
        there = max(0, len(letters) - tally.messages - len(broken))
        return _Stored(tally.messages, there, len(tally.created), tally.unmade, len(broken))

    def count(self, stored: _Stored, *, done: int, left_out: int = 0) -> None:
        """Into the row."""
        source = self.source
        self.turn.save(
            done=source.done + done,
            messages=source.messages + stored.messages,
            there=source.there + stored.there,
            made=source.made + stored.made,
            unmade=source.unmade + stored.unmade,
            left_out=source.left_out + stored.left_out + left_out,
        )

    def known(self, names: Sequence[str]) -> set[str]:
        """Which of these messages were fetched before."""
        rows = Fetched.objects.filter(source=self.source, name__in=[each for each in names if each])
        return set(rows.values_list("name", flat=True))

    def remember(self, names: Sequence[str]) -> None:
        Fetched.objects.bulk_create(
            [Fetched(source=self.source, name=name) for name in names if name], ignore_conflicts=True
        )


class Mover(_Storing):
    """A slice over IMAP."""

    def run(self) -> None:
        source = self.source
        with Imap(source.server, source.username, source.password) as imap:
            self._imap = imap
            self._uids: dict[int, list[int]] = {}
            if not source.folders.exists():
                self._list()
            if source.state == Source.MOVING:
                self._walk()
            elif source.keep:
                self._look()

    # --- what there is
    def _list(self) -> None:
        source, imap = self.source, self._imap
        found = placing.places(imap.folders(), gmail=imap.is_gmail, below=source.into)
        if not found:
            raise Refused(_("There are no folders in this mailbox."))
        self.turn.save(gmail=imap.is_gmail)
        SourceFolder.objects.bulk_create(
            SourceFolder(
                source=source,
                rank=rank,
                wire=each.wire,
                name=each.name[:1000],
                mailbox=each.mailbox,
                use=each.use,
                late=each.late,
            )
            for rank, each in enumerate(found)
        )

    def _walk(self) -> None:
        while not self.turn.is_over:
            folder = self._newest_left()
            if folder is None:
                self.turn.save(state=Source.DONE, fetched_at=timezone.now())
                return
            self._step(folder)

    def _newest_left(self) -> SourceFolder | None:
        """Folders not looked into yet, in their order; then the one that is back in time the least. Folders of copies
        come when the others are done."""
        left = list(SourceFolder.objects.filter(source=self.source, finished=False).order_by("rank"))
        first = [each for each in left if not each.late] or left
        fresh = [each for each in first if each.reached is None]
        if fresh:
            return fresh[0]
        return max(first, key=lambda each: each.reached or 0, default=None)

    def _step(self, folder: SourceFolder) -> None:
        """The next messages of a folder, newest first."""
        if not self._open(folder):
            return
        uids = self._uids.get(folder.pk)
        if uids is None:
            last = folder.lowest - 1 if folder.lowest else folder.top
            uids = self._uids[folder.pk] = self._imap.uids(1, last)
        batch, rest = uids[:ASKED], uids[ASKED:]
        self._uids[folder.pk] = rest
        facts = self._imap.facts(batch) if batch else []
        for piece in _pieces(facts):
            self._bring(folder, piece)
        reached = min(
            (each.internal_date for each in facts if each.internal_date), default=folder.reached or 0
        )
        _note(folder, lowest=batch[-1] if batch else folder.lowest, reached=reached, finished=not rest)

    def _open(self, folder: SourceFolder) -> bool:
        """Look into it; a folder that was made anew begins anew, and what is here already is known by its bytes."""
        try:
            opened = self._imap.open(bytes(folder.wire))
        except Declined:
            if not folder.uidvalidity and folder.rank:
                _note(folder, finished=True)  # listed, and not to be had: the others still are
                self.turn.save(left_out=self.source.left_out + 1)
                return False
            raise
        if folder.uidvalidity != opened.uidvalidity:
            again = bool(folder.uidvalidity)
            top = opened.uidnext - 1 if opened.uidnext else max(self._imap.uids(1, LATEST_UID)[:1], default=0)
            self._uids.pop(folder.pk, None)
            _note(folder, uidvalidity=opened.uidvalidity, top=top, lowest=0, reached=None, finished=False)
            self.turn.save(total=self.source.total + (0 if again else opened.messages))
        return True

    def _bring(self, folder: SourceFolder, facts: Sequence[Facts]) -> None:
        known = self.known([each.gmail_id for each in facts])
        largest = settings.MAX_MESSAGE_SIZE
        wanted = [each for each in facts if each.gmail_id not in known and each.size <= largest]
        too_large = sum(each.size > largest for each in facts)
        bodies = self._bodies(wanted)
        fetched = [each for each in wanted if each.uid in bodies]
        stored = self.put([self._letter(folder, each, bodies[each.uid]) for each in fetched])
        self.remember([each.gmail_id for each in fetched])
        _note(folder, lowest=facts[-1].uid)
        missing = len(wanted) - len(fetched)
        self.count(stored, done=len(facts), left_out=too_large + missing)

    def _bodies(self, wanted: Sequence[Facts]) -> dict[int, bytes]:
        if not wanted:
            return {}
        self.turn.hold(seconds_for(sum(each.size for each in wanted)))
        return self._imap.bodies(wanted, largest=settings.MAX_MESSAGE_SIZE)

    def _letter(self, folder: SourceFolder, facts: Facts, raw: bytes) -> Letter:
        folders: tuple[str, ...] = (folder.mailbox,)
        flags, keywords = facts.flags, facts.keywords
        if self.source.gmail:
            folders, flags, keywords = placing.of_gmail(facts, _place(folder), below=self.source.into)
        return Letter(
            raw=raw,
            folders=folders,
            flags=flags & ~DELETED,
            keywords=keywords,
            internal_date=facts.internal_date,
            late=folder.late,
            where=f"{folder.name}, message {facts.uid}",
        )

    # --- what arrives
    def _look(self) -> None:
        """What came since: into the Inbox through the filters, what lies elsewhere to its labels."""
        for folder in self._looked_at():
            before = folder.uidvalidity
            self._open(folder)
            if before != folder.uidvalidity:
                # Made anew over there: nobody knows what is new in it, so all of it is compared.
                SourceFolder.objects.filter(pk=folder.pk).update(late=True)
                self.turn.save(state=Source.MOVING)
                return
            uids = sorted(self._imap.uids(folder.top + 1, LATEST_UID))[:MOST_ARRIVING]
            for start in range(0, len(uids), PIECE):
                for piece in _pieces(self._imap.facts(uids[start : start + PIECE])):
                    self._arrive(folder, piece)
        self.turn.save(fetched_at=timezone.now())

    def _looked_at(self) -> list[SourceFolder]:
        folders = list(SourceFolder.objects.filter(source=self.source).order_by("rank"))
        everything = [each for each in folders if each.use == "all" and self.source.gmail]
        return everything or [each for each in folders if each.name.upper() == INBOX]

    def _arrive(self, folder: SourceFolder, facts: Sequence[Facts]) -> None:
        largest = settings.MAX_MESSAGE_SIZE
        known = self.known([each.gmail_id for each in facts])
        wanted = [each for each in facts if each.size <= largest and each.gmail_id not in known]
        wanted = [each for each in wanted if not (each.flags & DRAFT or _is_own(each))]
        bodies = self._bodies(wanted)
        for each in sorted(wanted, key=lambda one: one.uid):
            if each.uid not in bodies:
                continue
            letter = self._letter(folder, each, bodies[each.uid])
            if placing.within(INBOX, self.source.into) in letter.folders:
                deliver(self.source, letter, known_as=each.gmail_id)
            else:
                self.put([letter])
                self.remember([each.gmail_id])
            _note(folder, top=each.uid)
            self.turn.save(arrived=self.source.arrived + 1)
        if facts:
            _note(folder, top=max(folder.top, *(each.uid for each in facts)))
        self.turn.alive()


def _is_own(facts: Facts) -> bool:
    """Written there, not arrived."""
    return (
        bool({"\\sent", "\\draft"} & {label.casefold() for label in facts.labels})
        and "\\Inbox" not in facts.labels
    )


def _place(folder: SourceFolder) -> placing.Place:
    return placing.Place(bytes(folder.wire), folder.name, folder.mailbox, folder.late, folder.use)


def _note(folder: SourceFolder, **values: object) -> None:
    SourceFolder.objects.filter(pk=folder.pk).update(**values)
    for name, value in values.items():
        setattr(folder, name, value)


def _pieces(facts: Sequence[Facts]) -> Iterator[Sequence[Facts]]:
    """As much as is fetched at once: a single message may be larger."""
    piece: list[Facts] = []
    size = 0
    for each in facts:
        if piece and (len(piece) >= PIECE or size + each.size > PIECE_BYTES):
            yield piece
            piece, size = [], 0
        piece.append(each)
        size += min(each.size, settings.MAX_MESSAGE_SIZE)
    if piece:
        yield piece


class PopMover(_Storing):
    """A slice over POP3, which knows one folder and no flags: what lies there at first counts as read."""

    def run(self) -> None:
        source = self.source
        with Pop3(source.server, source.username, source.password) as pop3:
            listed = pop3.listed()
            known = set(Fetched.objects.filter(source=source).values_list("name", flat=True))
            fresh = [each for each in listed if each[1] not in known]
            moving = source.state == Source.MOVING
            if moving:
                self.turn.save(total=len(listed), done=len(listed) - len(fresh))
            if not source.leave:
                for number, _name, _size in [each for each in listed if each[1] in known][:MOST_ARRIVING]:
                    pop3.delete(number)
                    self.turn.alive()
            for piece in _drops(fresh if moving else fresh[::-1][:MOST_ARRIVING]):
                if self.turn.is_over:
                    return
                self._bring(pop3, piece) if moving else self._arrive(pop3, piece)
            self.turn.save(state=Source.DONE, fetched_at=timezone.now())

    def _bring(self, pop3: Pop3, piece: Sequence[_Drop]) -> None:
        """What lies there at first; a letter that comes again is known by its bytes."""
        bodies = list(self._bodies(pop3, piece))
        inbox = placing.within(INBOX, self.source.into)
        letters = [
            Letter(
                raw=raw, folders=(inbox,), flags=SEEN, internal_date=arrival(raw), where=f"message {number}"
            )
            for number, _name, raw in bodies
        ]
        stored = self.put(letters)
        self.remember([name for _number, name, _size in piece])
        self.count(stored, done=len(piece), left_out=len(piece) - len(bodies))
        self._remove(pop3, [number for number, _name, _raw in bodies])

    def _arrive(self, pop3: Pop3, piece: Sequence[_Drop]) -> None:
        inbox = placing.within(INBOX, self.source.into)
        for number, name, raw in self._bodies(pop3, piece):
            deliver(self.source, Letter(raw=raw, folders=(inbox,)), known_as=name)
            self.turn.save(arrived=self.source.arrived + 1)
            self._remove(pop3, [number])
        self.remember([name for _number, name, _size in piece])

    def _bodies(self, pop3: Pop3, piece: Sequence[_Drop]) -> Iterator[_Retrieved]:
        """What is too large stays where it is."""
        largest = settings.MAX_MESSAGE_SIZE
        for number, name, size in piece:
            self.turn.hold(seconds_for(min(size, largest)))
            raw = pop3.message(number, size=size, largest=largest) if size <= largest else b""
            if 0 < len(raw) <= largest:
                yield number, name, raw

    def _remove(self, pop3: Pop3, numbers: Sequence[int]) -> None:
        if not self.source.leave:
            for number in numbers:
                pop3.delete(number)


_Drop = tuple[int, str, int]  # number, unique id, size
_Retrieved = tuple[int, str, bytes]


def _drops(listed: Sequence[_Drop]) -> Iterator[Sequence[_Drop]]:
    piece: list[_Drop] = []
    size = 0
    for each in listed:
        if piece and (len(piece) >= PIECE // 4 or size + each[2] > PIECE_BYTES):
            yield piece
            piece, size = [], 0
        piece.append(each)
        size += each[2]
    if piece:
        yield piece


def forget(source: Source) -> None:
    """Begin anew: what was brought over is taken back, or was never here."""
    SourceFolder.objects.filter(source=source).delete()
    Fetched.objects.filter(source=source).delete()
    Source.objects.filter(pk=source.pk).update(
        done=0, total=0, messages=0, there=0, left_out=0, made=0, unmade=0, turn=F("turn") + 1
    )
