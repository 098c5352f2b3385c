"""Mailspaces and their mailboxes: made, renamed, removed, listed, with their kept counts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from mta.values import (
    ALL,
    ARCHIVE,
    DRAFTS,
    INBOX,
    JUNK,
    SCHEDULED,
    SENT,
    SNOOZED,
    STARRED,
    TRASH,
    Cause,
    MailboxInfo,
    now_us,
)

from . import rows, sql
from .changing import Changing
from .door import Door
from .errors import BadName, CannotChange, MailboxExists, NoSuchMailbox, StoreError
from .live import Entry, Stay, new_action
from .models import Mailbox, Mailspace
from .writer import commit

SEPARATOR = "/"
NAME_LENGTH = 255
DEPTH = 20
MOST = 5000  # mailboxes of one mailspace
ROLES = (
    (INBOX, "INBOX"),
    (DRAFTS, "Drafts"),
    (SENT, "Sent"),
    (ARCHIVE, "Archive"),
    (JUNK, "Junk"),
    (TRASH, "Trash"),
    (SNOOZED, "Snoozed"),
    (SCHEDULED, "Scheduled"),
)
_ROLE_ORDER = {role: place for place, (role, _) in enumerate(ROLES)}


@dataclass(frozen=True, slots=True)
class Usage:
    """Storage of a mailspace: bytes used, bytes allowed (0 = no limit), messages."""

    used: int
    quota: int
    messages: int
    clock: int = field(default=0, compare=False)  # where the mailspace stood when this was read
    filters: int = field(default=0, compare=False)  # which version of its filters was in force (Door.filters)


def create_mailspace(*, quota_bytes: int = 0) -> int:
    """A new, empty mailspace with its real mailboxes. Returns its id."""
    mailspace = Mailspace.objects.create(quota_bytes=quota_bytes, created_at=now_us())

    def work(door: Door) -> None:
        changing = door[mailspace.id]
        for role, name in ROLES:
            _insert(changing, name, role=role, colour=None)

    commit({mailspace.id}, work)
    return mailspace.id


def set_quota(mailspace: int, quota_bytes: int) -> None:
    """Change how many bytes a mailspace may hold; 0 for no limit."""
    Mailspace.objects.filter(id=mailspace).update(quota_bytes=quota_bytes)


def usage(mailspace: int) -> Usage:
    """What a mailspace uses and may use."""
    return usages([mailspace]).get(mailspace, Usage(0, 0, 0))


def usages(mailspaces: Iterable[int]) -> dict[int, Usage]:
    """The same for many, in one query (plain SQL: every RCPT asks)."""
    where, ids = sql.among("id", list(mailspaces))
    found = sql.select(
        f"SELECT id, used_bytes, quota_bytes, messages, clock, filters FROM mailstore_mailspace WHERE {where}",
        ids,
    )
    return {id_: Usage(*values) for id_, *values in found}


def would_exceed(mailspace: int, size: int) -> bool:
    """True when storing `size` more bytes would pass the quota (asked at RCPT)."""
    now = usage(mailspace)
    return bool(now.quota) and now.used + size > now.quota


def clocks(mailspaces: Iterable[int]) -> dict[int, int]:
    """The modseq clock of each mailspace."""
    return dict(Mailspace.objects.filter(id__in=list(mailspaces)).values_list("id", "clock"))


# --- reading mailboxes

_INFO = (
    "id",
    "name",
    "role",
    "colour",
    "subscribed",
    "uidvalidity",
    "uidnext",
    "highestmodseq",
    "messages",
    "unseen",
    "size",
    "threads",
    "unread_threads",
    "recent",
    "deleted",
    "recent_uid",
)


def mailboxes(mailspace: int) -> tuple[MailboxInfo, ...]:
    """Every mailbox, the real ones first in their usual order, then labels by name."""
    found = Mailbox.objects.filter(mailspace_id=mailspace, deleted_at__isnull=True).values_list(*_INFO)
    infos = [MailboxInfo(*row) for row in found]
    return tuple(sorted(infos, key=lambda box: (_ROLE_ORDER.get(box.role, 99), box.name.casefold())))


def mailbox(mailspace: int, name: str) -> MailboxInfo:
    """A mailbox by its full name; INBOX in any case (RFC 3501 §5.1)."""
    wanted = normal_name(name)
    return _one(mailspace, "name", wanted)


def mailbox_by_id(mailspace: int, id_: int) -> MailboxInfo:
    """A mailbox of this mailspace by id."""
    return _one(mailspace, "id", id_)


def mailbox_by_role(mailspace: int, role: str) -> MailboxInfo:
    """The mailbox with a role, e.g. values.SENT."""
    return _one(mailspace, "role", role)


def _one(mailspace: int, column: str, value: int | str) -> MailboxInfo:
    """Plain SQL: every SELECT, STATUS and APPEND of a mail program asks."""
    found = sql.select(
        f"SELECT {', '.join(_INFO)} FROM mailstore_mailbox"
        f" WHERE mailspace_id = %s AND deleted_at IS NULL AND {column} = %s",
        [mailspace, value],
    )
    for id_, name, role, colour, subscribed, *counts in found:
        return MailboxInfo(id_, name, role, colour, bool(subscribed), *counts)
    raise NoSuchMailbox("There is no such mailbox.")


def deleted_sizes(mailspace: int) -> dict[int, int]:
    """Octets that an EXPUNGE would free, for each mailbox in which something is marked \\Deleted."""
    found = sql.select(
        "SELECT mailbox_id, SUM(size) FROM mailstore_placement"
        " WHERE mailspace_id = %s AND expunged_modseq IS NULL AND deleted GROUP BY mailbox_id",
        [mailspace],
    )
    return {mailbox: int(size) for mailbox, size in found}


def view_counts(mailspace: int) -> dict[int, tuple[int, int]]:
    """(conversations, unread conversations) of the views All and Starred."""
    row = Mailspace.objects.filter(id=mailspace).values_list(
        "all_threads", "all_unread", "starred_threads", "starred_unread"
    )[0]
    return {ALL: (row[0], row[1]), STARRED: (row[2], row[3])}


# --- writing mailboxes


def normal_name(name: str) -> str:
    """The one spelling of a mailbox name; raises BadName when it cannot be one."""
    # The same letters in another composition are the same name (RFC 9051 §5.1: Net-Unicode, RFC 5198).
    parts = unicodedata.normalize("NFC", name[: NAME_LENGTH * 2]).split(SEPARATOR)
    if parts[0].upper() == "INBOX":
        parts[0] = "INBOX"
    whole = SEPARATOR.join(parts)
    if len(parts) > DEPTH or max(len(name), len(whole)) > NAME_LENGTH or not all(map(str.strip, parts)):
        raise BadName("That name cannot be used for a mailbox.")
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in whole):
        raise BadName("A mailbox name cannot hold control characters.")
    return whole


def create_mailbox(
    mailspace: int,
    name: str,
    *,
    cause: Cause,
    role: str = "",
    colour: int | None = None,
    action: str | None = None,
) -> MailboxInfo:
    """Make a mailbox, and the parents it needs (RFC 3501 §6.3.3). `action`: as part of a larger one."""
    wanted = normal_name(name.rstrip(SEPARATOR))

    def work(door: Door) -> int:
        changing = door[mailspace]
        verb = "import" if action and cause.kind == "import" else "create"
        entry = changing.entry(verb, cause, action or new_action())
        existing = changing.names()
        if wanted in existing:
            raise MailboxExists("A mailbox of that name is already here.")
        if role and role in {changing.roles()[id_] for id_ in existing.values()}:
            raise MailboxExists("A mailbox with that role is already here.")
        _insert_parents(changing, entry, wanted, existing)
        made = _insert(changing, wanted, role=role, colour=colour)
        entry.mailboxes.append({"id": made.id, "created": True})
        return made.id

    return mailbox_by_id(mailspace, commit({mailspace}, work))


def create_mailboxes(mailspace: int, names: Sequence[str], *, cause: Cause) -> list[MailboxInfo]:
    """Make many labels in one transaction, under one action; those that are there or cannot be are passed over."""
    made: list[int] = []

    def work(door: Door) -> None:
        changing = door[mailspace]
        entry = changing.entry("create", cause, new_action())
        existing = changing.names()
        for name in names:
            try:
                wanted = normal_name(name.rstrip(SEPARATOR))
                if wanted in existing:
                    continue
                parts = wanted.split(SEPARATOR)
                if len(existing) + len(parts) > MOST:
                    return
                for depth in range(1, len(parts) + 1):
                    each = SEPARATOR.join(parts[:depth])
                    if each not in existing:
                        row = _insert(changing, each, role="", colour=None)
                        existing[each] = row.id
                        entry.mailboxes.append({"id": row.id, "created": True})
                made.append(existing[wanted])
            except StoreError:
                continue

    commit({mailspace}, work)
    wanted = set(made)
    return [each for each in mailboxes(mailspace) if each.id in wanted]


def _insert_parents(changing: Changing, entry: Entry, name: str, existing: dict[str, int]) -> None:
    parts = name.split(SEPARATOR)
    if len(existing) + len(parts) > MOST:
        raise CannotChange("There are too many mailboxes already.")
    for depth in range(1, len(parts)):
        parent = SEPARATOR.join(parts[:depth])
        if parent not in existing:
            made = _insert(changing, parent, role="", colour=None)
            entry.mailboxes.append({"id": made.id, "created": True})


def _insert(changing: Changing, name: str, *, role: str, colour: int | None) -> Mailbox:
    made = Mailbox.objects.create(
        mailspace_id=changing.id,
        name=name,
        role=role,
        colour=colour,
        uidvalidity=changing.take_uidvalidity(),
        highestmodseq=changing.modseq,
    )
    changing.add_mailbox(made)
    return made


def rename_mailbox(mailspace: int, name: str, new_name: str, *, cause: Cause) -> str:
    """Rename a mailbox and what is below it. Renaming INBOX moves its mail (RFC 3501 §6.3.5).

    Returns the action id for undo.
    """
    old, new = normal_name(name), normal_name(new_name.rstrip(SEPARATOR))
    action = new_action()
    if old == "INBOX":
        _move_inbox_to(mailspace, new, cause=cause, action=action)
        return action

    def work(door: Door) -> None:
        changing = door[mailspace]
        existing = changing.names()
        if old not in existing:
            raise NoSuchMailbox("There is no such mailbox.")
        if changing.mailbox(existing[old]).role:
            raise CannotChange("The mailboxes that every account has keep their names.")
        if new.startswith(old + SEPARATOR):
            raise BadName("A mailbox cannot be moved below itself.")
        renamed = {
            name: normal_name(new + name[len(old) :])
            for name in existing
            if name == old or name.startswith(old + SEPARATOR)
        }
        if not (existing.keys() - renamed.keys()).isdisjoint(renamed.values()) or old == new:
            raise MailboxExists("A mailbox of that name is already here.")
        entry = changing.entry("rename", cause, action)
        _insert_parents(changing, entry, new, existing)
        for name, wanted in renamed.items():
            box = changing.mailbox(existing[name])
            entry.mailboxes.append({"id": box.id, "name": name})
            box.name = wanted
            changing.touch_mailbox(box)

    commit({mailspace}, work)
    return action


def _move_inbox_to(mailspace: int, new: str, *, cause: Cause, action: str) -> None:
    target_id = create_mailbox(mailspace, new, cause=cause, action=action).id
    inbox = mailbox_by_role(mailspace, INBOX).id

    def work(door: Door, after: int) -> int | None:
        changing = door[mailspace]
        entry = changing.entry("move", cause, action, inbox)
        lives = rows.in_mailbox(mailspace, inbox, after=after)
        target = changing.open_mailbox(target_id)
        changing.expunge(lives, entry)
        stays = [Stay(live.deleted, live.saved_at, live.wake_at, live.woken_at) for live in lives]
        changing.place(lives, target, entry, stays=stays)
        return lives[-1].uid if len(lives) == rows.CHUNK else None

    after: int | None = 0
    while after is not None:
        after = commit({mailspace}, partial(work, after=after))


def delete_mailbox(mailspace: int, name: str, *, cause: Cause) -> str:
    """Remove a mailbox; mail that is nowhere else goes to Trash, so that nothing is lost.

    (RFC 3501 §6.3.4 would let it vanish.) A mailbox with others below it keeps them. Returns the
    action id for undo.
    """
    wanted = normal_name(name)
    box = mailbox(mailspace, wanted)
    if box.role:
        raise CannotChange("The mailboxes that every account has cannot be removed.")
    action = new_action()

    def work(door: Door, after: int) -> int | None:
        changing = door[mailspace]
        row = changing.open_mailbox(box.id)
        lives = rows.in_mailbox(mailspace, box.id, after=after)
        entry = changing.entry("delete mailbox", cause, action, box.id)
        changing.expunge(lives, entry)
        seen = changing.placed_anywhere([live.message for live in lives], visibly=True)
        changing.put([live for live in lives if live.message not in seen], changing.role(TRASH), entry)
        if len(lives) == rows.CHUNK:
            return lives[-1].uid
        # In the same transaction as the last piece: nothing can be delivered in between.
        entry.mailboxes.append({"id": row.id, "removed": True, "name": row.name})
        row.deleted_at = changing.now
        changing.touch_mailbox(row)
        return None

    after: int | None = 0
    while after is not None:
        after = commit({mailspace}, partial(work, after=after))
    return action


def subscribe(mailspace: int, name: str, on: bool) -> None:
    """Note whether mail programs should show a mailbox (RFC 3501 §6.3.6)."""
    _update(mailspace, mailbox(mailspace, name).id, subscribed=on)


def set_colour(mailspace: int, id_: int, colour: int | None, *, cause: Cause | None = None) -> str:
    """Give a label one of the 12 hues, or none. With a cause it is journalled; returns the action id for undo."""
    action = new_action()

    def work(door: Door) -> None:
        changing = door[mailspace]
        box = changing.open_mailbox(id_)
        if cause is not None and box.colour != colour:
            entry = changing.entry("colour", cause, action, box.id)
            entry.mailboxes.append({"id": box.id, "colour": box.colour})
        box.colour = colour
        changing.touch_mailbox(box)

    commit({mailspace}, work)
    return action


def _update(mailspace: int, id_: int, **values: object) -> None:
    commit({mailspace}, partial(_set, mailspace=mailspace, id_=id_, values=values))


def _set(door: Door, *, mailspace: int, id_: int, values: dict[str, object]) -> None:
    box = door[mailspace].open_mailbox(id_)
    for column, value in values.items():
        setattr(box, column, value)
    door[mailspace].touch_mailbox(box)
