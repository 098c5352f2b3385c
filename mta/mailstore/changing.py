"""One mailspace while it changes: the atoms of which every command is built, and what they keep up to date.

A Changing is made by a Door (see `door`) with the mailspace locked. Its atoms (insert, place, expunge, flag,
mark_deleted) number, count and journal; `flush` refreshes the list lines of every touched conversation,
saves the kept counts and writes the journal. What it knows may be ahead of the database until then: commands
ask it, not the tables, for mailboxes. Called by `folders`, `verbs`, `mailops`, `drafts`, `journal`, `upkeep`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS

from mta.values import ALL, DRAFTS, SEEN, STARRED, Cause

from . import blobs, columns, fresh, header_texts, journalling, keywords, lines, rows, sql, threads
from .blobs import Prepared
from .columns import (
    MAILBOX_COLUMNS,
    PLACEMENT_COLUMNS,
    SPACE_COLUMNS,
)
from .errors import NoSuchMailbox, OverQuota
from .live import Entry, Live, Stay, nowhere, one_each
from .models import Mailbox, Mailspace, Message

_MAILBOX = tuple(field.attname for field in Mailbox._meta.concrete_fields)


class Changing:
    """One mailspace, locked, while it changes. Everything in it shares one new modseq."""

    def __init__(self, row: Mailspace, *, now: int, objects: dict[str, int]) -> None:
        self.id: int = row.id
        self.now = now
        self.touched: set[int] = set()  # threads
        self.emptied: set[int] = set()  # threads that lost messages for good
        self._row = row
        self.objects = objects  # large objects already named in this transaction
        self._clock_taken = False
        self._dirty = False
        self._mailboxes: dict[int, Mailbox] = {}
        self._names_before: dict[int, str] = {}
        self._dirty_mailboxes: set[int] = set()
        self._roles: dict[int, str] | None = None
        self._entries: list[Entry] = []
        self._new: list[int] = []  # messages inserted now
        self._forms: set[int] = set()  # messages that came to Drafts or left it

    # --- numbering, journal, counts

    @property
    def modseq(self) -> int:
        """This change's number; taken from the mailspace's clock at first use."""
        if not self._clock_taken:
            self._row.clock += 1
            self._clock_taken = self._dirty = True
        return self._row.clock

    @property
    def forms(self) -> set[int]:
        """Messages that came to Drafts or left it."""
        return self._forms

    @property
    def entries(self) -> Sequence[Entry]:
        """The journal rows in the making."""
        return self._entries

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

    def keep_filters(self, version: int) -> None:
        """Note which version of its filters is in force. No change of mail: no modseq."""
        self._row.filters = version
        self._dirty = True

    def take_uidvalidity(self) -> int:
        """A UIDVALIDITY that this mailspace has never used (RFC 3501 §2.3.1.1)."""
        self._row.last_uidvalidity = max(self.now // 1_000_000, self._row.last_uidvalidity + 1)
        self._dirty = True
        return self._row.last_uidvalidity

    def raise_uidvalidity(self, above: int) -> None:
        """No mailbox made from now on has a UIDVALIDITY that another host may have used for its name."""
        if above > self._row.last_uidvalidity:
            self._row.last_uidvalidity = above
            self._dirty = True

    def renew_uidvalidity(self, mailbox: Mailbox) -> None:
        """A new one for a mailbox that never held anything."""
        mailbox.uidvalidity = self.take_uidvalidity()
        sql.update("mailstore_mailbox", mailbox.id, {"uidvalidity": mailbox.uidvalidity})
        self.touch_mailbox(mailbox)

    def count_threads(self, box: int, threads_delta: int, unread_delta: int, starred_delta: int) -> None:
        """Note conversations more or less in a box. Those with a star are all of Starred; other boxes count them."""
        if not threads_delta and not unread_delta and not starred_delta:
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
            mailbox.starred_threads += starred_delta
            self._dirty_mailboxes.add(box)

    # --- mailboxes

    def mailbox(self, id_: int) -> Mailbox:
        """A mailbox of this mailspace, removed ones included."""
        found = self._mailboxes.get(id_)
        if found is None:
            found = self._read_mailbox("id = %s", id_)
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

    def label(self, id_: int) -> Mailbox | None:
        """A label, if it is still there."""
        try:
            found = self.mailbox(id_)
        except NoSuchMailbox:
            return None
        return found if found.deleted_at is None and not found.role else None

    def role(self, role: str) -> Mailbox:
        """The mailbox with a role, e.g. Archive."""
        for mailbox in self._mailboxes.values():
            if mailbox.role == role and mailbox.deleted_at is None:
                return mailbox
        found = self._read_mailbox("role = %s AND deleted_at IS NULL", role)
        if found is None:
            raise NoSuchMailbox(f"There is no mailbox for {role}.")
        return self._mailboxes.setdefault(found.id, found)

    def _read_mailbox(self, where: str, value: int | str) -> Mailbox | None:
        """One row, with plain SQL: every delivery asks for its Inbox."""
        found = sql.select(
            f"SELECT {', '.join(_MAILBOX)} FROM mailstore_mailbox WHERE mailspace_id = %s AND {where}",
            [self.id, value],
        )
        if not found:
            return None
        box = Mailbox.from_db(DEFAULT_DB_ALIAS, _MAILBOX, found[0])
        self._names_before.setdefault(box.id, box.name)
        return box

    def roles(self) -> dict[int, str]:
        """Mailbox id → role."""
        if self._roles is None:
            self._roles = lines.roles_of(self.id)
        return self._roles

    def names(self) -> dict[str, int]:
        """Name → id of every mailbox that exists for people now, this transaction's changes included."""
        found = dict(
            Mailbox.objects.filter(mailspace_id=self.id, deleted_at__isnull=True).values_list("id", "name")
        )
        for id_, box in self._mailboxes.items():
            if box.deleted_at is None:
                found[id_] = box.name
            else:
                found.pop(id_, None)
        return {name: id_ for id_, name in found.items()}

    def add_mailbox(self, mailbox: Mailbox) -> None:
        self._mailboxes[mailbox.id] = mailbox
        self._roles = None
        self.changed()

    def keep_recent(self, mailbox: Mailbox, first: int) -> None:
        """Note that UIDs below `first` are \\Recent for nobody any more. No change for anybody else: no modseq."""
        still = sql.select(
            "SELECT COUNT(*) FROM mailstore_placement"
            " WHERE mailspace_id = %s AND mailbox_id = %s AND uid >= %s AND expunged_modseq IS NULL",
            [self.id, mailbox.id, first],
        )
        mailbox.recent_uid, mailbox.recent = first, still[0][0]
        self._dirty_mailboxes.add(mailbox.id)

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
        words: Sequence[str],
        prefix: bytes = b"",
        internal_date: int | None = None,
        trace_id: str = "",
        reasons: dict[str, Any] | None = None,
        thread: int | None = None,
        own: bool = False,
        check_quota: bool = False,
        uidl: str = "",
    ) -> Live:
        """A new message, not yet placed anywhere. Its bytes are already durable (blobs.prepare)."""
        size = len(prefix) + prepared.blob.size
        if check_quota:
            self.check_quota(size)
        arrived = self.now if internal_date is None else internal_date
        row = {
            "blob_id": blobs.insert(self.id, prepared.blob, self.objects, now=self.now),
            "thread_id": threads.join(self.id, prepared.facts, at=arrived, thread=thread),
            "trace_id": trace_id,
            "prefix": prefix,
            "reasons": sql.as_json(reasons or {}),
            **self.common(prepared, size=size, at=arrived, own=own, flags=flags, words=words, uidl=uidl),
        }
        id_ = sql.insert("mailstore_message", row)
        texts = columns.header_texts(prepared.facts, prefix)
        header_texts.add(self.id, id_, texts)
        fresh.texts.remember(id_, size, arrived, prepared.facts.search_text)
        return self.inserted(id_, row)

    def common(
        self,
        prepared: Prepared,
        *,
        size: int,
        at: int,
        own: bool,
        flags: int,
        words: Sequence[str],
        uidl: str,
    ) -> dict[str, Any]:
        """The columns that every new message has, however it comes in (see `bulk`)."""
        return {
            "mailspace_id": self.id,
            "email_id": 0,  # its own id, once there is one: see flush
            "size": size,
            "internal_date": at,
            "own": own,
            "indexed": False,
            "flags": flags,
            "keywords": keywords.joined(keywords.checked(words)),
            "uidl": uidl,
            **columns.from_facts(prepared.facts),
        }

    def inserted(self, id_: int, row: dict[str, Any]) -> Live:
        """Note a new message row, in the form that `place` takes."""
        self._new.append(id_)
        return nowhere(
            id_, row["thread_id"], row["flags"], row["keywords"], row["size"], row["internal_date"]
        )

    def check_quota(self, size: int) -> None:
        """Raise OverQuota when so many bytes more do not fit."""
        if self._row.quota_bytes and self._row.used_bytes + size > self._row.quota_bytes:
            raise OverQuota("The mailbox is full.")

    def duplicate(self, lives: Sequence[Live]) -> list[Live]:
        """Second messages with the same bytes, facts and `email_id` (COPY where they already are)."""
        found = Message.objects.filter(mailspace_id=self.id).in_bulk([live.message for live in lives])
        twins = [found[live.message] for live in lives]
        for twin in twins:
            twin.pk, twin.indexed, twin.uidl = None, False, ""
        Message.objects.bulk_create(twins, batch_size=100)
        ids = {live.message: twin.id for live, twin in zip(lives, twins, strict=True)}
        header_texts.copy(self.id, ids)
        threads.grow(self.id, Counter(twin.thread_id for twin in twins))
        return [nowhere(t.id, t.thread_id, t.flags, t.keywords, t.size, t.internal_date) for t in twins]

    def place(
        self,
        messages: Sequence[Live],
        mailbox: Mailbox,
        entry: Entry | None = None,
        *,
        new: bool = False,
        stays: Sequence[Stay] | None = None,
    ) -> list[int]:
        """Give messages UIDs in a mailbox where they are not; returns the UIDs, in the same order.

        `new`: they were inserted just now and lie nowhere. `stays`: how each lies there.
        """
        if not messages:
            return []
        modseq, first = self.modseq, mailbox.uidnext
        mailbox.uidnext += len(messages)
        lying = set() if new else self.placed_anywhere(live.message for live in messages)
        uids, stays = range(first, mailbox.uidnext), stays or [Stay()] * len(messages)
        made = [
            (
                *(self.id, mailbox.id, uid, live.message),
                *(live.flags, live.keywords, live.size, live.internal_date),
                *(stay.deleted, self.now if stay.saved_at is None else stay.saved_at),
                *(stay.wake_at, stay.woken_at, modseq),
            )
            for uid, live, stay in zip(uids, messages, stays, strict=True)
        ]
        self._use(+1, [live.size for live in messages if live.message not in lying])
        if entry is not None:
            entry.added += [[mailbox.id, uid, live.message] for uid, live in zip(uids, messages, strict=True)]
            entry.threads.update([live.thread for live in messages])
        self._count(mailbox, +1, messages)
        mailbox.deleted += sum(stay.deleted for stay in stays)
        mailbox.recent += len(messages)  # UIDs only grow
        sql.insert_many("mailstore_placement", PLACEMENT_COLUMNS, made)
        return list(uids)

    def put(
        self, messages: Iterable[Live], mailbox: Mailbox, entry: Entry, *, stay: Stay | None = None
    ) -> None:
        """Make messages lie visibly in a mailbox, whether they do already or not; `stay`: how new ones lie there."""
        wanted = one_each(messages)
        there = [
            live
            for live in rows.of_messages(self.id, [live.message for live in wanted])
            if live.mailbox == mailbox.id
        ]
        self.mark_deleted(there, False, entry)
        known = {live.message for live in there}
        new = [live for live in wanted if live.message not in known]
        self.place(new, mailbox, entry, stays=None if stay is None else [stay] * len(new))

    def expunge(self, placements: Sequence[Live], entry: Entry | None = None) -> None:
        """Take placements away, leaving tombstones. A message that loses its last one is gone."""
        if not placements:
            return
        where, param = sql.among("id", [live.placement for live in placements])
        sql.execute(
            f"UPDATE mailstore_placement SET expunged_modseq = %s, expunged_at = %s, modseq = %s WHERE {where}",
            [self.modseq, self.now, self.modseq, *param],
        )
        by_mailbox: dict[int, list[Live]] = defaultdict(list)
        for live in placements:
            by_mailbox[live.mailbox].append(live)
        for id_, lives in by_mailbox.items():
            mailbox = self.mailbox(id_)
            self._count(mailbox, -1, lives)
            mailbox.deleted -= sum(1 for live in lives if live.deleted)
            mailbox.recent -= sum(1 for live in lives if live.uid >= mailbox.recent_uid)
        if entry is not None:
            entry.removed += [
                [
                    *(live.mailbox, live.uid, live.message),
                    *(int(live.deleted), live.saved_at, live.wake_at, live.woken_at),
                ]
                for live in placements
            ]
            entry.threads.update([live.thread for live in placements])
        sizes = {live.message: live.size for live in placements}
        self._use(-1, [sizes[message] for message in sizes.keys() - self.placed_anywhere(sizes)])

    def flag(self, lives: Sequence[Live], entry: Entry | None, new: dict[int, tuple[int, str]]) -> None:
        """Set message flags and keywords: `new` maps message id → (flags, keywords)."""
        states: dict[tuple[int, str], list[int]] = defaultdict(list)
        changed: dict[int, Live] = {}
        for live in lives:
            flags, words = new[live.message]
            if live.message in changed or (flags, words) == (live.flags, live.keywords):
                continue
            changed[live.message] = live
            states[flags, words].append(live.message)
            if entry is not None:
                entry.flags[live.flags, live.keywords, flags, words].append(live.message)
        if not changed:
            return
        for (flags, words), messages in states.items():
            where, param = sql.among("id", messages)
            sql.execute(
                f"UPDATE mailstore_message SET flags = %s, keywords = %s WHERE mailspace_id = %s AND {where}",
                [flags, words, self.id, *param],
            )
            # \\Seen and the rest belong to the message: every mailbox that holds it must say so.
            where, param = sql.among("message_id", messages)
            sql.execute(
                "UPDATE mailstore_placement SET flags = %s, keywords = %s, modseq = %s"
                f" WHERE mailspace_id = %s AND {where} AND expunged_modseq IS NULL",
                [flags, words, self.modseq, self.id, *param],
            )
        unseen: Counter[int] = Counter()
        for mailbox_id, message in self._homes(changed):
            unseen[mailbox_id] += int(not new[message][0] & SEEN) - int(not changed[message].flags & SEEN)
        for mailbox_id, more in unseen.items():
            self.touch_mailbox(self.mailbox(mailbox_id)).unseen += more
        self.touched.update(live.thread for live in changed.values())
        if entry is not None:
            entry.threads.update(live.thread for live in changed.values())

    def mark_deleted(self, lives: Sequence[Live], on: bool, entry: Entry | None) -> None:
        """Set or clear \\Deleted, which belongs to the placement (RFC 8621 §4.1.1 hides it)."""
        changed = [live for live in lives if live.deleted != on]
        if not changed:
            return
        where, param = sql.among("id", [live.placement for live in changed])
        sql.execute(
            f"UPDATE mailstore_placement SET deleted = %s, modseq = %s WHERE {where}",
            [on, self.modseq, *param],
        )
        for live in changed:
            mailbox = self.touch_mailbox(self.mailbox(live.mailbox))
            mailbox.deleted += 1 if on else -1
            self.touched.add(live.thread)
            if entry is not None:
                entry.marked.append([live.mailbox, live.uid, int(on), live.message])
                entry.threads.add(live.thread)

    def placed_anywhere(self, messages: Iterable[int], *, visibly: bool = False) -> set[int]:
        """Those of some messages that have a live placement (one that people see)."""
        return {message for _, message in self._homes(messages, "AND NOT deleted" if visibly else "")}

    def _homes(self, messages: Iterable[int], more: str = "") -> list[tuple[Any, ...]]:
        where, param = sql.among("message_id", list(messages))
        return sql.select(
            "SELECT mailbox_id, message_id FROM mailstore_placement"
            f" WHERE mailspace_id = %s AND {where} AND expunged_modseq IS NULL {more}",
            [self.id, *param],
        )

    def _use(self, sign: int, sizes: Sequence[int]) -> None:
        """Count messages that came to the mailspace, or left it."""
        if sizes:
            self._row.used_bytes += sign * sum(sizes)
            self._row.messages += sign * len(sizes)
            self._dirty = True

    def _count(self, mailbox: Mailbox, sign: int, lives: Sequence[Live]) -> None:
        """Count messages that came to a mailbox, or left it."""
        mailbox.messages += sign * len(lives)
        mailbox.size += sign * sum([live.size for live in lives])
        mailbox.unseen += sign * sum([1 for live in lives if not live.flags & SEEN])
        if mailbox.role == DRAFTS:
            self._forms.update(live.message for live in lives)
        self.touched.update([live.thread for live in lives])
        self.touch_mailbox(mailbox)

    # --- leaving

    def flush(self) -> bool:
        """Write what is kept; True if anything changed."""
        if self._new:
            where, ids = sql.among("id", self._new)
            sql.execute(
                f"UPDATE mailstore_message SET email_id = id WHERE mailspace_id = %s AND email_id = 0 AND {where}",
                [self.id, *ids],
            )
        if self.touched:
            lines.refresh(self, self.touched)
        if self.emptied:
            threads.forget_empty(self.id, self.emptied)
        self._free_names()
        for id_ in sorted(self._dirty_mailboxes):
            box = self._mailboxes[id_]
            sql.update("mailstore_mailbox", id_, {name: getattr(box, name) for name in MAILBOX_COLUMNS})
        journalling.write(self.id, self._entries, modseq=lambda: self.modseq, now=self.now)
        if self._dirty or self._dirty_mailboxes:
            sql.update(
                "mailstore_mailspace", self.id, {name: getattr(self._row, name) for name in SPACE_COLUMNS}
            )
        return self._clock_taken

    def _free_names(self) -> None:
        """Mailboxes may have exchanged their names: no two have one between two statements."""
        before = self._names_before
        renamed = [id_ for id_ in self._dirty_mailboxes if self._mailboxes[id_].name != before.get(id_)]
        for id_ in renamed if len(renamed) > 1 else ():
            sql.update("mailstore_mailbox", id_, {"name": f"\x01{id_}"})
