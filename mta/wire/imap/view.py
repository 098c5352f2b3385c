"""What a client knows of its selected mailbox, and how it is told the rest.

A `View` is frozen: UIDs and flags as the client was told them. A `Selection` holds the told view and what
has been learnt since (`values.ViewChanges`); `report` turns the difference into untagged responses, so
that no command has to remember what to tell whom. Pure: reads nothing, never asks the store.

The view is built at first need (`needs_view`): SELECT itself answers from the mailbox's kept counts.

Moving to (build on this; `selection.view` and its flags go away):
    selection = await session.need_view()    its UIDs are known from here on
    selection.uids: Uids                     as told to the client (`uids.Uids`: index, by_uid, numbers, &, slices)
    selection.saved: Uids                    RFC 5182 `$`; SEARCH sets it, `chosen` reads it
    selection.modseq, .exists, .uidnext, .tell_modseq, .rev2, .first_recent, .is_recent(uid)
    naming.chosen(selection, ranges, uid=…)  → Uids
    selection.flags(uid, bits, keywords)     the inside of FLAGS (…), with \\Recent where it belongs
    selection.announce(keywords)             an untagged FLAGS for keywords not yet announced, or b""
    selection.expect({uid: (bits, keywords)})  the client knows (or will be told by this very command) these
                                             flags: the change need not be told again
    await session.flag_table()               values.FlagTable of the whole mailbox, shared by the process;
                                             at least as new as selection.modseq; for commands over very many
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mta.values import SEEN, MailboxInfo, ViewChanges, ViewRow
from mta.wire.imap import responses, sequences
from mta.wire.imap.sequences import Ranges

# Shown in FLAGS at SELECT, before the view tells which others are in use.
COMMON_KEYWORDS = ("$Forwarded", "$Junk", "$MDNSent", "$Muted", "$NotJunk")


@dataclass(frozen=True, slots=True)
class View:
    """The mailbox as told: UIDs ascending, flag bits beside them, keywords where there are any."""

    uids: array[int] = field(default_factory=lambda: array("I"))
    flags: bytes = b""
    keywords: dict[int, tuple[str, ...]] = field(default_factory=dict)  # by UID

    def __len__(self) -> int:
        return len(self.uids)

    def index(self, uid: int) -> int:
        """Where the UID is (its sequence number - 1), or -1."""
        at = bisect_left(self.uids, uid)
        return at if at < len(self.uids) and self.uids[at] == uid else -1

    def highest_uid(self) -> int:
        return self.uids[-1] if self.uids else 0

    def by_sequence(self, ranges: Ranges) -> array[int]:
        """The UIDs at these sequence numbers."""
        found: array[int] = array("I")
        for low, high in sequences.resolve(ranges, len(self.uids)):
            found += self.uids[low - 1 : high]
        return found

    def by_uid(self, ranges: Ranges) -> array[int]:
        """The UIDs of these ranges that exist."""
        found: array[int] = array("I")
        for low, high in sequences.resolve(ranges, self.highest_uid()):
            found += self.uids[bisect_left(self.uids, low) : bisect_right(self.uids, high)]
        return found

    def exceeds(self, ranges: Ranges) -> bool:
        """RFC 3501 §9: a sequence number above the number of messages is an error."""
        count = len(self.uids)
        return any(low > count or high > count or not count for low, high in ranges)


def view_of(rows: Iterable[ViewRow]) -> View:
    uids: array[int] = array("I")
    bits = bytearray()
    keywords: dict[int, tuple[str, ...]] = {}
    for row in rows:
        uids.append(row.uid)
        bits.append(row.flags)
        if row.keywords:
            keywords[row.uid] = row.keywords
    return View(uids, bytes(bits), keywords)


class Selection:
    """A selected mailbox: what was told, what is still to tell."""

    def __init__(self, info: MailboxInfo, *, read_only: bool, first_recent: int) -> None:
        self.mailbox = info.id
        self.name = info.name
        self.uidvalidity = info.uidvalidity
        self.read_only = read_only
        self.first_recent = first_recent
        self.taken = info.uidnext  # \\Recent below this has been taken by this session
        self.exists = info.messages
        self.uidnext = info.uidnext
        self.modseq = info.highestmodseq  # everything up to here has been learnt
        self.gone = False
        self.tell_modseq = False
        self._view: View | None = None
        self._grown = 0  # messages told of since SELECT, while there is no view
        self._rows: dict[int, ViewRow] = {}
        self._expunged: set[int] = set()
        self._changed: set[int] = set()  # flags that moved between SELECT and the view, still to be told
        self._known_keywords = set(COMMON_KEYWORDS)

    # --- learning

    @property
    def needs_view(self) -> bool:
        return self._view is None

    @property
    def view(self) -> View:
        if self._view is None:
            raise LookupError("the view has not been built")
        return self._view

    def build(self, whole: ViewChanges, since: ViewChanges | None) -> None:
        """Make the view of SELECT's moment out of the mailbox now and what changed in between.

        `whole` is everything there is; `since` what changed after `modseq`, read later than `whole`, or
        None if nothing can have. A message that SELECT counted and that has gone since is in `since`.
        """
        uids = {row.uid for row in whole.rows}
        rows = [row for row in whole.rows if row.uid < self.uidnext]
        if since is not None:
            rows += [
                ViewRow(uid, 0, 0, (), 0) for uid in since.expunged if uid < self.uidnext and uid not in uids
            ]
            rows.sort(key=lambda row: row.uid)
        self._view = view_of(rows)
        self.exists = len(rows)
        if since is not None:
            # The view already holds these flags, but the client may know older ones, from its last session.
            self._changed = {row.uid for row in since.rows if row.uid < self.uidnext}
            self.learn(since)

    def grow(self, changes: ViewChanges) -> list[bytes] | None:
        """Tell of new mail while there is no view yet; None if there is more to tell than that.

        An idle client in a mailbox that only ever grows never needs a view.
        """
        if changes.gone or changes.expunged or any(row.uid < self.uidnext for row in changes.rows):
            return None
        self.exists += len(changes.rows)
        self._grown += len(changes.rows)
        self.learn(ViewChanges((), (), changes.highestmodseq, changes.uidnext))
        if not changes.rows:
            return []
        return [b"* %d EXISTS\r\n" % self.exists, b"* %d RECENT\r\n" % self.recent()]

    def told_uidnext(self) -> int:
        """No message from this UID on has been told of."""
        return self.uidnext if self._view is None else self._view.highest_uid() + 1

    def learn(self, changes: ViewChanges) -> None:
        self.gone = self.gone or changes.gone
        for row in changes.rows:
            self._rows[row.uid] = row
        for uid in changes.expunged:
            self._rows.pop(uid, None)
        self._expunged.update(changes.expunged)
        self.modseq = max(self.modseq, changes.highestmodseq)
        self.uidnext = max(self.uidnext, changes.uidnext)

    def expect(self, uids: Iterable[int], mode: str, bits: int, keywords: tuple[str, ...]) -> None:
        """The client knows what its .SILENT store does: take it as told (RFC 3501 §6.4.6)."""
        view = self.view
        flags = bytearray(view.flags)
        words = dict(view.keywords)
        for uid in uids:
            at = view.index(uid)
            if at < 0:
                continue
            flags[at], kept = altered(flags[at], words.get(uid, ()), mode, bits, keywords)
            if kept:
                words[uid] = kept
            else:
                words.pop(uid, None)
        self._view = View(view.uids, bytes(flags), words)

    # --- telling

    def is_recent(self, uid: int) -> bool:
        return uid >= self.first_recent

    def recent(self) -> int:
        if self._view is None:  # then nothing was recent at SELECT
            return 0 if self.read_only else self._grown
        return len(self._view.uids) - bisect_left(self._view.uids, self.first_recent)

    def first_unseen(self) -> int:
        """The sequence number for OK [UNSEEN n] (RFC 3501 §7.1), or 0."""
        return next((at for at, bits in enumerate(self.view.flags, start=1) if not bits & SEEN), 0)

    def flags_of(self, at: int) -> bytes:
        """The inside of the FLAGS list of the message at this index."""
        view = self.view
        uid = view.uids[at]
        bits = view.flags[at] | (responses.RECENT if uid >= self.first_recent else 0)
        return responses.flags(bits, view.keywords.get(uid, ()))

    def flags_line(self) -> bytes:
        words = sorted(self._known_keywords)
        return responses.untagged(b"FLAGS (" + responses.flags(31, words) + b")")

    def permanent_flags(self) -> bytes:
        if self.read_only:
            return b"PERMANENTFLAGS ()"
        return b"PERMANENTFLAGS (" + responses.flags(31, sorted(self._known_keywords)) + b" \\*)"

    def fetch_flags(self, uid: int, *, with_uid: bool, modseq: int = 0) -> bytes:
        """An untagged FETCH that tells a message's flags (RFC 3501 §7.4.2)."""
        at = self.view.index(uid)
        inside = b"FLAGS (" + self.flags_of(at) + b")"
        if with_uid:
            inside = b"UID %d " % uid + inside
        if self.tell_modseq and modseq:
            inside += b" MODSEQ (%d)" % modseq
        return b"* %d FETCH (%b)\r\n" % (at + 1, inside)

    def report(
        self, *, expunges: bool = True, with_uid: bool = False, always: frozenset[int] = frozenset()
    ) -> list[bytes]:
        """The difference between told and learnt, as responses; what is reported counts as told.

        `expunges=False` keeps EXPUNGE back (RFC 3501 §7.4.1: not during FETCH, STORE, SEARCH). `always`
        are UIDs whose flags are told even if they did not change: a STORE answers for each message.
        """
        if self._view is None or not (self._rows or always or (expunges and self._expunged)):
            return []
        out: list[bytes] = []
        if expunges and self._expunged:
            out += self._report_expunged()
        out += self._report_keywords()
        out += self._report_flags(with_uid=with_uid, always=always | self._changed)
        self._changed.clear()
        out += self._report_new()
        return out

    def _report_expunged(self) -> Iterator[bytes]:
        view = self.view
        places = sorted(at for at in map(view.index, self._expunged) if at >= 0)
        self._expunged.clear()
        if places:
            gone = set(places)
            kept = [at for at in range(len(view.uids)) if at not in gone]
            keywords = {uid: words for uid, words in view.keywords.items() if view.index(uid) not in gone}
            self._view = View(
                array("I", [view.uids[at] for at in kept]), bytes(view.flags[at] for at in kept), keywords
            )
            self.exists = len(kept)
        # Highest first: then the numbers of those still to be named do not move.
        return (b"* %d EXPUNGE\r\n" % (at + 1) for at in reversed(places))

    def _report_keywords(self) -> list[bytes]:
        """RFC 3501 §7.2.6: a flag is announced before it is first used."""
        new = {word for row in self._rows.values() for word in row.keywords} - self._known_keywords
        if not new:
            return []
        self._known_keywords |= new
        return [self.flags_line()]

    def learn_keywords(self) -> list[bytes]:
        """After the view was built: announce the keywords it holds."""
        new = {word for words in self.view.keywords.values() for word in words} - self._known_keywords
        self._known_keywords |= new
        return [self.flags_line()] if new else []

    def _report_flags(self, *, with_uid: bool, always: frozenset[int]) -> list[bytes]:
        view = self.view
        known = {uid: row for uid, row in self._rows.items() if view.index(uid) >= 0}
        flags = bytearray(view.flags)
        keywords = view.keywords
        tell: dict[int, int] = {}  # UID → modseq
        changed = False
        for uid, row in known.items():
            at = view.index(uid)
            if flags[at] != row.flags or keywords.get(uid, ()) != row.keywords:
                if not changed:
                    keywords, changed = dict(keywords), True
                flags[at] = row.flags
                keywords[uid] = row.keywords
                tell[uid] = row.modseq
            elif self.tell_modseq or uid in always:
                tell[uid] = row.modseq
            del self._rows[uid]
        if changed:
            keywords = {uid: words for uid, words in keywords.items() if words}
            self._view = view = View(view.uids, bytes(flags), keywords)
        told = sorted(tell.keys() | {uid for uid in always if view.index(uid) >= 0})
        return [self.fetch_flags(uid, with_uid=with_uid, modseq=tell.get(uid, 0)) for uid in told]

    def _report_new(self) -> list[bytes]:
        view = self.view
        last = view.highest_uid()
        new = sorted((row for row in self._rows.values() if row.uid > last), key=lambda row: row.uid)
        self._rows.clear()
        if not new:
            return []
        added = view_of(new)
        self._view = View(
            view.uids + added.uids, view.flags + added.flags, {**view.keywords, **added.keywords}
        )
        self.exists = len(self._view.uids)
        return [b"* %d EXISTS\r\n" % self.exists, b"* %d RECENT\r\n" % self.recent()]


def altered(
    bits: int, words: tuple[str, ...], mode: str, change: int, keywords: tuple[str, ...]
) -> tuple[int, tuple[str, ...]]:
    """What STORE makes of one message's flags."""
    if mode == "replace":
        return change, tuple(sorted(set(keywords)))
    if mode == "add":
        return bits | change, tuple(sorted({*words, *keywords})) if keywords else words
    return bits & ~change, tuple(word for word in words if word not in keywords)
