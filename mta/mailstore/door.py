"""The one door: every write to mail happens inside a Changing, which numbers, counts and journals it.

A Door holds one Changing per mailspace, locked in id order, within one database transaction (see
`writer`). Leaving it refreshes the list lines of every touched conversation, saves the kept counts
and writes the journal. Operations here are the atoms (insert, place, expunge, flag); the commands
that people and mail programs know are built from them in `folders`, `verbs`, `mailops`, `drafts`.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F

from mta.values import ALL, DRAFTS, SEEN, SENT, STARRED, Appended, Cause, now_us

from . import blobs, columns, sql, threads
from .blobs import Prepared
from .errors import NoSuchMailbox, OverQuota
from .models import Change, Draft, Mailbox, Mailspace, Message, Placement

# What the door may change in a mailbox and a mailspace. Quota and state belong to others.
MAILBOX_COLUMNS = (
    "name",
    "colour",
    "subscribed",
    "uidnext",
    "highestmodseq",
    "messages",
    "unseen",
    "size",
    "threads",
    "unread_threads",
    "deleted_at",
)
SPACE_COLUMNS = (
    "clock",
    "used_bytes",
    "messages",
    "last_uidvalidity",
    "all_threads",
    "all_unread",
    "starred_threads",
    "starred_unread",
)


def new_action() -> str:
    """An id that groups the journal rows of one command."""
    return secrets.token_hex(12)


@dataclass(slots=True)
class Live:
    """A live placement with its message, as the atoms need it."""

    placement: int
    mailbox: int
    uid: int
    message: int
    deleted: bool
    saved_at: int
    wake_at: int | None
    woken_at: int | None
    thread: int
    flags: int
    keywords: str
    size: int
    modseq: int


def nowhere(message: int, thread: int, flags: int, keywords: str, size: int, modseq: int) -> Live:
    """A message that lies in no mailbox (yet, or any more), in the form that `place` takes."""
    return Live(0, 0, 0, message, False, 0, None, None, thread, flags, keywords, size, modseq)


@dataclass(slots=True)
class Entry:
    """One journal row in the making. Empty ones are not written."""

    verb: str
    cause: Cause
    action: str
    mailbox: int | None = None
    added: list[list[int]] = field(default_factory=list)  # [mailbox, uid, message]
    removed: list[list[Any]] = field(
        default_factory=list
    )  # [mailbox, uid, message, deleted, saved, wake, woken]
    flags: dict[tuple[int, str, int, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    marked: list[list[int]] = field(default_factory=list)  # [mailbox, uid, on]
    mailboxes: list[dict[str, Any]] = field(default_factory=list)
    draft: int | None = None

    def messages(self) -> set[int]:
        """The messages this entry touched."""
        touched = {row[2] for row in self.added} | {row[2] for row in self.removed}
        return touched.union(*self.flags.values()) if self.flags else touched

    def before(self) -> dict[str, Any]:
        """What undo needs, as JSON; empty when nothing changed."""
        content: dict[str, Any] = {
            "added": self.added,
            "removed": self.removed,
            "flags": [[*states, ids] for states, ids in self.flags.items()],
            "marked": self.marked,
            "mailboxes": self.mailboxes,
            "draft": self.draft,
        }
        return {key: value for key, value in content.items() if value}


class Changing:
    """One mailspace, locked, while it changes. Everything in it shares one new modseq."""

    def __init__(self, row: Mailspace, door: Door) -> None:
        self.id: int = row.id
        self.now = door.now
        self.touched: set[int] = set()  # threads
        self._row = row
        self._door = door
        self._clock_taken = False
        self._dirty = False
        self._mailboxes: dict[int, Mailbox] = {}
        self._dirty_mailboxes: set[int] = set()
        self._roles: dict[int, str] | None = None
        self._entries: list[Entry] = []
        self._new: list[int] = []  # messages inserted now

    # --- numbering, journal, counts

    @property
    def modseq(self) -> int:
        """This change's number; taken from the mailspace's clock at first use."""
        if not self._clock_taken:
            self._row.clock += 1
            self._clock_taken = self._dirty = True
        return self._row.clock

    @property
    def row(self) -> Mailspace:
        return self._row

    def entry(self, verb: str, cause: Cause, action: str, mailbox: int | None = None) -> Entry:
        """A journal row for a command; pass it to the atoms that belong to it."""
        entry = Entry(verb, cause, action, mailbox)
        self._entries.append(entry)
        return entry

    def changed(self) -> None:
        """Note a change that no atom covers (a mailbox made, a draft saved), so that bells ring."""
        _ = self.modseq

    def take_uidvalidity(self) -> int:
        """A UIDVALIDITY that this mailspace has never used (RFC 3501 §2.3.1.1)."""
        self._row.last_uidvalidity = max(self.now // 1_000_000, self._row.last_uidvalidity + 1)
        self._dirty = True
        return self._row.last_uidvalidity

    def count_threads(self, box: int, threads_delta: int, unread_delta: int) -> None:
        if not threads_delta and not unread_delta:
            return
        if box == ALL:
            self._row.all_threads += threads_delta
            self._row.all_unread += unread_delta
            self._dirty = True
        elif box == STARRED:
            self._row.starred_threads += threads_delta
            self._row.starred_unread += unread_delta
            self._dirty = True
        else:
            mailbox = self.mailbox(box)
            mailbox.threads += threads_delta
            mailbox.unread_threads += unread_delta
            self._dirty_mailboxes.add(box)

    # --- mailboxes

    def mailbox(self, id_: int) -> Mailbox:
        """A mailbox of this mailspace, removed ones included."""
        found = self._mailboxes.get(id_)
        if found is None:
            found = Mailbox.objects.filter(mailspace_id=self.id, id=id_).first()
            if found is None:
                raise NoSuchMailbox("That mailbox is not here.")
            self._mailboxes[id_] = found
        return found

    def open_mailbox(self, id_: int) -> Mailbox:
        """A mailbox that exists for people now."""
        found = self.mailbox(id_)
        if found.deleted_at is not None:
            raise NoSuchMailbox("That mailbox is no longer here.")
        return found

    def role(self, role: str) -> Mailbox:
        """The mailbox with a role, e.g. Archive."""
        for mailbox in self._mailboxes.values():
            if mailbox.role == role and mailbox.deleted_at is None:
                return mailbox
        found = Mailbox.objects.filter(mailspace_id=self.id, role=role, deleted_at__isnull=True).first()
        if found is None:
            raise NoSuchMailbox(f"There is no mailbox for {role}.")
        return self._mailboxes.setdefault(found.id, found)

    def roles(self) -> dict[int, str]:
        """Mailbox id → role."""
        if self._roles is None:
            self._roles = threads.roles_of(self.id)
        return self._roles

    def add_mailbox(self, mailbox: Mailbox) -> None:
        self._mailboxes[mailbox.id] = mailbox
        self._roles = None
        self.changed()

    def touch_mailbox(self, mailbox: Mailbox) -> Mailbox:
        mailbox.highestmodseq = self.modseq
        self._dirty_mailboxes.add(mailbox.id)
        return mailbox

    # --- atoms

    def insert(
        self,
        prepared: Prepared,
        *,
        flags: int,
        keywords: Sequence[str],
        prefix: bytes = b"",
        internal_date: int | None = None,
        trace_id: str = "",
        reasons: dict[str, Any] | None = None,
        thread: int | None = None,
        own: bool = False,
        check_quota: bool = False,
    ) -> Live:
        """A new message, not yet placed anywhere. Its bytes are already durable (blobs.prepare)."""
        size = len(prefix) + prepared.blob.size
        if check_quota and self._row.quota_bytes and self._row.used_bytes + size > self._row.quota_bytes:
            raise OverQuota("The mailbox is full.")
        arrived = self.now if internal_date is None else internal_date
        words = " ".join(sorted(set(keywords)))
        thread_id = threads.join(self.id, prepared.facts, at=arrived, thread=thread)
        row = {
            "mailspace_id": self.id,
            "blob_id": blobs.insert(self.id, prepared.blob, self._door.objects, now=self.now),
            "email_id": 0,  # its own id, once there is one: see flush
            "thread_id": thread_id,
            "trace_id": trace_id,
            "prefix": prefix,
            "size": size,
            "internal_date": arrived,
            "own": own,
            "reasons": sql.as_json(reasons or {}),
            "indexed": False,
            "flags": flags,
            "keywords": words,
            "modseq": self.modseq,
        }
        id_ = sql.insert("mailstore_message", row | columns.from_facts(prepared.facts))
        self._new.append(id_)
        return nowhere(id_, thread_id, flags, words, size, self.modseq)

    def duplicate(self, live: Live) -> Live:
        """A second message with the same bytes, facts and `email_id` (COPY where it already is)."""
        twin = Message.objects.get(mailspace_id=self.id, id=live.message)
        twin.pk = None
        twin.modseq = self.modseq
        twin.indexed = False
        twin.save(force_insert=True)
        return nowhere(twin.id, twin.thread_id, twin.flags, twin.keywords, twin.size, twin.modseq)

    def place(
        self,
        message: Live,
        mailbox: Mailbox,
        entry: Entry | None = None,
        *,
        first: bool,
        deleted: bool = False,
        saved_at: int | None = None,
        wake_at: int | None = None,
        woken_at: int | None = None,
    ) -> int:
        """Give a message a UID in a mailbox. `first`: it lies nowhere else now. Returns the UID."""
        uid = mailbox.uidnext
        mailbox.uidnext += 1
        row = {
            "mailspace_id": self.id,
            "mailbox_id": mailbox.id,
            "uid": uid,
            "message_id": message.message,
            "deleted": deleted,
            "saved_at": self.now if saved_at is None else saved_at,
            "wake_at": wake_at,
            "woken_at": woken_at,
            "modseq": self.modseq,
        }
        sql.insert("mailstore_placement", row)
        self._count(mailbox, +1, message.flags, message.size)
        if first:
            self._row.used_bytes += message.size
            self._row.messages += 1
            self._dirty = True
        if entry is not None:
            entry.added.append([mailbox.id, uid, message.message])
        self.touched.add(message.thread)
        return uid

    def expunge(self, placements: Sequence[Live], entry: Entry | None = None) -> None:
        """Take placements away, leaving tombstones. A message that loses its last one is gone."""
        if not placements:
            return
        roles = self.roles()
        Placement.objects.filter(id__in=[live.placement for live in placements]).update(
            expunged_modseq=self.modseq, expunged_at=self.now, modseq=self.modseq
        )
        for live in placements:
            self._count(self.mailbox(live.mailbox), -1, live.flags, live.size)
            self.touched.add(live.thread)
            if entry is not None:
                entry.removed.append(
                    [
                        live.mailbox,
                        live.uid,
                        live.message,
                        int(live.deleted),
                        live.saved_at,
                        live.wake_at,
                        live.woken_at,
                    ]
                )
        sizes = {live.message: live.size for live in placements}
        for message in sizes.keys() - self.placed_anywhere(sizes):
            self._row.used_bytes -= sizes[message]
            self._row.messages -= 1
            self._dirty = True
        drafts = [live.message for live in placements if roles.get(live.mailbox) == DRAFTS]
        if drafts:
            Draft.objects.filter(mailspace_id=self.id, message__in=drafts, state="open").update(
                state="discarded"
            )

    def flag(self, lives: Sequence[Live], entry: Entry | None, new: dict[int, tuple[int, str]]) -> None:
        """Set message flags and keywords: `new` maps message id → (flags, keywords)."""
        states: dict[tuple[int, str], list[int]] = defaultdict(list)
        changed: dict[int, Live] = {}
        for live in lives:
            flags, keywords = new[live.message]
            if live.message in changed or (flags, keywords) == (live.flags, live.keywords):
                continue
            changed[live.message] = live
            states[flags, keywords].append(live.message)
            if entry is not None:
                entry.flags[live.flags, live.keywords, flags, keywords].append(live.message)
        if not changed:
            return
        for (flags, keywords), messages in states.items():
            Message.objects.filter(mailspace_id=self.id, id__in=messages).update(
                flags=flags, keywords=keywords, modseq=self.modseq
            )
        homes = Placement.objects.filter(
            mailspace_id=self.id, message_id__in=changed, expunged_modseq__isnull=True
        ).values_list("mailbox_id", "message_id")
        for mailbox_id, message in homes:
            mailbox = self.touch_mailbox(self.mailbox(mailbox_id))
            mailbox.unseen += int(not new[message][0] & SEEN) - int(not changed[message].flags & SEEN)
        self.touched.update(live.thread for live in changed.values())

    def mark_deleted(self, lives: Sequence[Live], on: bool, entry: Entry | None) -> None:
        """Set or clear \\Deleted, which belongs to the placement (RFC 8621 §4.1.1 hides it)."""
        changed = [live for live in lives if live.deleted != on]
        if not changed:
            return
        Placement.objects.filter(id__in=[live.placement for live in changed]).update(
            deleted=on, modseq=self.modseq
        )
        for live in changed:
            self.touch_mailbox(self.mailbox(live.mailbox))
            self.touched.add(live.thread)
            if entry is not None:
                entry.marked.append([live.mailbox, live.uid, int(on)])

    def placed_anywhere(self, messages: Iterable[int]) -> set[int]:
        """Those of some messages that have a live placement."""
        return set(
            Placement.objects.filter(
                mailspace_id=self.id, message_id__in=list(messages), expunged_modseq__isnull=True
            ).values_list("message_id", flat=True)
        )

    def _count(self, mailbox: Mailbox, sign: int, flags: int, size: int) -> None:
        mailbox.messages += sign
        mailbox.size += sign * size
        if not flags & SEEN:
            mailbox.unseen += sign
        self.touch_mailbox(mailbox)

    # --- leaving

    def flush(self) -> bool:
        """Write what is kept; True if anything changed."""
        if self._new:
            fresh = Message.objects.filter(mailspace_id=self.id, id__in=self._new, email_id=0)
            fresh.update(email_id=F("id"))
        if self.touched:
            threads.refresh(self, self.touched)
        for id_ in sorted(self._dirty_mailboxes):
            box = self._mailboxes[id_]
            sql.update("mailstore_mailbox", id_, {name: getattr(box, name) for name in MAILBOX_COLUMNS})
        rows = [
            Change(
                mailspace_id=self.id,
                at=self.now,
                modseq=self.modseq,
                action=entry.action,
                verb=entry.verb,
                cause=entry.cause.kind,
                session=entry.cause.session[:255],
                actor=entry.cause.actor[:255],
                mailbox_id=entry.mailbox,
                count=len(entry.messages()),
                before=before,
            )
            for entry in self._entries
            if (before := entry.before())
        ]
        Change.objects.bulk_create(rows)
        if self._dirty or self._dirty_mailboxes:
            sql.update(
                "mailstore_mailspace", self.id, {name: getattr(self._row, name) for name in SPACE_COLUMNS}
            )
        return self._clock_taken


class Door:
    """The locked mailspaces of one transaction."""

    def __init__(self, mailspaces: Iterable[int]) -> None:
        self.now = now_us()
        self.objects: dict[str, int] = {}  # large objects already named in this transaction
        rows = Mailspace.objects.filter(id__in=set(mailspaces)).order_by("id").select_for_update()
        self._changing = {row.id: Changing(row, self) for row in rows}

    def __getitem__(self, mailspace: int) -> Changing:
        return self._changing[mailspace]

    def __iter__(self) -> Iterator[int]:
        return iter(self._changing)

    def flush(self) -> frozenset[int]:
        """Finish every mailspace; returns those that changed."""
        return frozenset(id_ for id_, changing in self._changing.items() if changing.flush())

    def store(
        self,
        mailspace: int,
        prepared: Prepared,
        mailbox: int | str,
        *,
        cause: Cause,
        flags: int = 0,
        keywords: Sequence[str] = (),
        prefix: bytes = b"",
        internal_date: int | None = None,
        trace_id: str = "",
        reasons: dict[str, Any] | None = None,
        thread: int | None = None,
    ) -> Appended:
        """Store a message into a mailbox given by id or role. Never fails for quota: it was accepted."""
        changing = self[mailspace]
        target = changing.role(mailbox) if isinstance(mailbox, str) else changing.open_mailbox(mailbox)
        message = changing.insert(
            prepared,
            flags=flags,
            keywords=keywords,
            prefix=prefix,
            internal_date=internal_date,
            trace_id=trace_id,
            reasons=reasons,
            thread=thread,
            own=target.role in (SENT, DRAFTS),
        )
        uid = changing.place(message, target, first=True)
        return Appended(target.id, target.uidvalidity, uid, message.message, message.thread)
