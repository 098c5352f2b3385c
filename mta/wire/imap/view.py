"""What a client knows of its selected mailbox, and how it is told the rest.

A `Selection` holds the UIDs the client was told of (`uids`: runs, see `uids.Uids`) and what has been learnt
since (`values.ViewChanges`). `report` turns the difference into untagged responses, so that no command has
to remember what to tell whom. Pure: reads nothing, never asks the store.

SELECT answers from the mailbox's kept counts; the UIDs are read at first need (`needs_view`, `show`). Flags
are not kept at all: their changes are told as the store numbers them (modseq), and `expect` names those that the
client knows already, because it asked for them itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mta.values import MailboxInfo, ViewChanges, ViewRow
from mta.wire.imap import responses
from mta.wire.imap.uids import NONE, Uids

# Shown in FLAGS at SELECT, before we know which others are in use.
COMMON_KEYWORDS = ("$Forwarded", "$Junk", "$MDNSent", "$Muted", "$NotJunk")

Flags = tuple[int, tuple[str, ...]]  # bits and keywords of one message


class Selection:
    """A selected mailbox: what was told, what is still to tell."""

    __slots__ = (
        "_changed",
        "_expected",
        "_expunged",
        "_new_keywords",
        "_recent",
        "_uids",
        "exists",
        "first_recent",
        "gone",
        "mailbox",
        "modseq",
        "name",
        "qresync",
        "read_only",
        "rev2",
        "saved",
        "taken",
        "tell_modseq",
        "told_modseq",
        "uidnext",
        "uidvalidity",
    )

    def __init__(
        self,
        info: MailboxInfo,
        *,
        read_only: bool,
        first_recent: int,
        tell_modseq: bool = False,
        qresync: bool = False,
        rev2: bool = False,
    ) -> None:
        self.mailbox = info.id
        self.name = info.name
        self.uidvalidity = info.uidvalidity
        self.read_only = read_only
        self.first_recent = first_recent
        self.taken = info.uidnext  # \\Recent below this has been taken by this session
        self.exists = info.messages
        self.uidnext = info.uidnext
        self.modseq = info.highestmodseq  # everything up to here has been learnt
        self.told_modseq = info.highestmodseq  # and up to here told
        self.tell_modseq = tell_modseq  # RFC 7162 §3.1: MODSEQ in every FETCH
        self.qresync = qresync  # RFC 7162 §3.2: VANISHED instead of EXPUNGE
        self.rev2 = rev2  # RFC 9051: no \\Recent
        self.saved = NONE  # RFC 5182 §2.1: what `$` stands for
        self.gone = False
        self._uids: Uids | None = None
        self._recent = info.recent if first_recent < info.uidnext else 0  # while there is no view
        self._changed: dict[int, ViewRow] = {}
        self._expunged: set[int] = set()
        self._expected: dict[int, Flags] = {}
        # A session in a hundred meets one: None stands for "only the common ones".
        self._new_keywords: frozenset[str] | None = None

    # --- learning

    @property
    def needs_view(self) -> bool:
        return self._uids is None

    @property
    def uids(self) -> Uids:
        """The UIDs as told; the one at position n has the sequence number n + 1."""
        if self._uids is None:
            raise LookupError("the UIDs have not been read")
        return self._uids

    def show(self, uids: Uids) -> bool:
        """Take the mailbox's UIDs as they were at `modseq` and below `uidnext`.

        False if they are not as many as the client was told: then nothing can be said about its numbers.
        """
        if len(uids) != self.exists:
            return False
        self._uids = uids
        return True

    def grow(self, changes: ViewChanges) -> list[bytes] | None:
        """Tell of new mail while there is no view yet; None if there is more to tell than that.

        An idle client in a mailbox that only ever grows never needs a view.
        """
        if changes.gone or changes.expunged or any(row.uid < self.uidnext for row in changes.rows):
            return None
        self.modseq = self.told_modseq = max(self.modseq, changes.highestmodseq)
        self.uidnext = max(self.uidnext, changes.uidnext)
        if not changes.rows:
            return []
        self.exists += len(changes.rows)
        self._recent += 0 if self.read_only else len(changes.rows)
        return self._counts()

    def learn(self, changes: ViewChanges) -> None:
        self.gone = self.gone or changes.gone
        for row in changes.rows:
            self._changed[row.uid] = row
        for uid in changes.expunged:
            self._changed.pop(uid, None)
        self._expunged.update(changes.expunged)
        self.modseq = max(self.modseq, changes.highestmodseq)
        self.uidnext = max(self.uidnext, changes.uidnext)

    def expect(self, flags: Mapping[int, Flags]) -> None:
        """The client knows that these messages have (or will have) these flags, once told of this command.

        A change that ends there needs no words (RFC 3501 §6.4.6); if somebody else's came between, it does.
        """
        self._expected.update(flags)

    # --- asked by commands

    def told_uidnext(self) -> int:
        """No message from this UID on has been told of."""
        return self.uidnext if self._uids is None else self._uids.last + 1

    def is_recent(self, uid: int) -> bool:
        return uid >= self.first_recent and not self.rev2

    def recent(self) -> int:
        if self._uids is None:
            return self._recent
        return len(self._uids) - self._uids.below(self.first_recent)

    def flags(self, uid: int, bits: int, keywords: tuple[str, ...] = ()) -> bytes:
        """The inside of a FLAGS list."""
        if uid >= self.first_recent and not self.rev2:
            bits |= responses.RECENT
        return responses.flags(bits, keywords)

    def flags_line(self) -> bytes:
        return responses.untagged(b"FLAGS (" + responses.flags(31, self._keywords()) + b")")

    def permanent_flags(self) -> bytes:
        if self.read_only:
            return b"PERMANENTFLAGS ()"
        return b"PERMANENTFLAGS (" + responses.flags(31, self._keywords()) + b" \\*)"

    def _keywords(self) -> list[str]:
        return sorted({*COMMON_KEYWORDS, *(self._new_keywords or ())})

    def announce(self, keywords: Iterable[str]) -> bytes:
        """RFC 3501 §7.2.6: a FLAGS response for keywords that have not been in one; b"" if all have."""
        new = frozenset(keywords).difference(COMMON_KEYWORDS, self._new_keywords or ())
        if not new:
            return b""
        self._new_keywords = (self._new_keywords or frozenset()) | new
        return self.flags_line()

    # --- telling

    def report(
        self, *, expunges: bool = True, with_uid: bool = False, always: Mapping[int, ViewRow] | None = None
    ) -> Iterator[bytes]:
        """The difference between told and learnt, as responses; what is reported counts as told.

        `expunges=False` keeps EXPUNGE back (RFC 3501 §7.4.1: not during FETCH, STORE, SEARCH). `always` are
        messages as they were before a STORE, which is answered for each of them.
        """
        if self._uids is None:
            return
        if expunges and self._expunged:
            yield from self._report_expunged()
        if self._changed or always:
            changed, self._changed = self._changed, {}
            yield self.announce({word for row in changed.values() for word in row.keywords})
            last = self._uids.last
            yield from self._report_flags(changed, with_uid=with_uid, always=always or {})
            new = Uids.of(uid for uid in changed if uid > last)
            if new:
                self._uids = self._uids.plus(new)
                self.exists = len(self._uids)
                yield from self._counts()
        self._expected.clear()
        if not self._expunged:
            self.told_modseq = self.modseq

    def _report_expunged(self) -> Iterator[bytes]:
        gone = Uids.of(self._expunged) & self.uids
        self._expunged.clear()
        if not gone:
            return
        numbers = self.uids.numbers(gone)
        self._uids = self.uids.without(gone)
        self.exists = len(self._uids)
        self.saved = self.saved.without(gone)  # RFC 5182 §2.1
        if self.qresync:
            yield responses.vanished(gone)  # RFC 7162 §3.2.10
            return
        for low, high in reversed(list(numbers.ranges)):
            # Highest first: then the numbers of those still to be named do not move.
            for number in range(high, low - 1, -1):
                yield b"* %d EXPUNGE\r\n" % number

    def _report_flags(
        self, changed: Mapping[int, ViewRow], *, with_uid: bool, always: Mapping[int, ViewRow]
    ) -> Iterator[bytes]:
        """An untagged FETCH for each message whose flags the client may not know (RFC 3501 §7.4.2)."""
        uids = self.uids
        with_uid = with_uid or self.qresync or self.rev2  # RFC 7162 §3.2.4, RFC 9051 §7.5.2
        for uid in sorted(changed.keys() | always.keys()):
            at = uids.index(uid)
            if at < 0:
                continue
            row = changed.get(uid) or always[uid]
            parts = [b"UID %d" % uid] if with_uid else []
            if uid in always or self._expected.get(uid) != (row.flags, row.keywords):
                parts.append(b"FLAGS (" + self.flags(uid, row.flags, row.keywords) + b")")
            elif not self.tell_modseq:
                continue
            if self.tell_modseq:  # RFC 7162 §3.1.3: even after a STORE .SILENT
                parts.append(b"MODSEQ (%d)" % row.modseq)
            yield b"* %d FETCH (%b)\r\n" % (at + 1, b" ".join(parts))

    def _counts(self) -> list[bytes]:
        exists = b"* %d EXISTS\r\n" % self.exists
        # RFC 9051 §2.3.2: there is no \\Recent in IMAP4rev2.
        return [exists] if self.rev2 else [exists, b"* %d RECENT\r\n" % self.recent()]


def altered(bits: int, words: tuple[str, ...], mode: str, change: int, keywords: tuple[str, ...]) -> Flags:
    """What STORE makes of one message's flags; keywords keep the spelling they have, as in the store."""
    have = {word.lower(): word for word in words}
    given = {word.lower(): word for word in keywords}
    if mode == "add":
        return bits | change, tuple(sorted({**given, **have}.values())) if given else words
    if mode == "remove":
        return bits & ~change, tuple(word for word in words if word.lower() not in given)
    return change, tuple(sorted(have.get(low, word) for low, word in given.items()))
