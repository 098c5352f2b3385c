"""The maildrop of a POP3 session: an Inbox as it was at sign-in, held by one session at a time.

RFC 1939 §4: a second session is told IN-USE. The lock holds among the threads and processes of one host, and
dies with them. Blocking; called by `serve.pop3` through the bridge (but for `hold` and `release`, which are
instant).
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from mta.directory import Login
from mta.mailstore import service as mailstore
from mta.values import DELETED, INBOX, Cause
from mta.wire.pop3 import Item


@dataclass(frozen=True, slots=True)
class Maildrop:
    mailspace: int
    inbox: int
    items: tuple[Item, ...]


class _Locks:
    """One byte of one file per mailspace. `lockf` does not see threads of its own process: the set does."""

    def __init__(self) -> None:
        self._held: set[int] = set()
        self._file = -1
        self._owner = 0

    def hold(self, mailspace: int) -> bool:
        if self._owner != os.getpid():  # first use, or after a fork
            path = Path(settings.DATA_DIR) / "pop3.lock"
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._held, self._owner = set(), os.getpid()
        if mailspace in self._held:
            return False
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, mailspace)
        except BlockingIOError:
            return False
        self._held.add(mailspace)
        return True

    def release(self, mailspace: int) -> None:
        if mailspace in self._held:
            self._held.discard(mailspace)
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, mailspace)


_locks = _Locks()
hold = _locks.hold
release = _locks.release


def read(mailspace: int) -> Maildrop:
    """What is in the Inbox now, oldest first; messages that a mail program marked deleted are not shown."""
    inbox = mailstore.mailbox_by_role(mailspace, INBOX).id
    rows = [row for row in mailstore.changes(mailspace, inbox).rows if not row.flags & DELETED]
    sizes = dict(mailstore.fetch(mailspace, inbox, [row.uid for row in rows], ("uid", "size")))
    items = tuple(Item(row.uid, row.message, sizes[row.uid]) for row in rows if row.uid in sizes)
    return Maildrop(mailspace, inbox, items)


def delete(maildrop: Maildrop, uids: tuple[int, ...], *, login: Login, ip: str) -> None:
    """RFC 1939 §6: the UPDATE state. Deleted means Trash here, so that it can be had back."""
    cause = Cause("pop3", session=f"POP3 client on {ip}", actor=login.username)
    mailstore.remove(maildrop.mailspace, maildrop.inbox, uids, cause=cause)
