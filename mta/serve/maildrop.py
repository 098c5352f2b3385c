"""The maildrop of a POP3 session: held, listed, and left behind.

RFC 1939 §4: one session at a time; a second is told IN-USE. The lease is a row's (see `mailstore.maildrops`); here a
process keeps those of its sessions alive with one statement for all of them. Plain functions block and go through
the bridge. Called by `serve.pop3`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from django.db import DatabaseError

from mta import directory
from mta.directory import Login
from mta.mailstore import service as mailstore
from mta.mailstore.errors import NoSuchMessage
from mta.serve.bridge import Bridge, Busy
from mta.serve.readahead import Shelf
from mta.values import Cause
from mta.wire import sasl
from mta.wire.pop3 import Maildrop, unique_ids

log = logging.getLogger(__name__)

RENEW_SECONDS = 15.0  # a third of the lease: two may fail


class WrongPassword(Exception):
    """Or no such name."""


class NotOpened(Exception):
    """The sign-in is good, and still there is no maildrop for it; `code` is RFC 2449's or RFC 3206's."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.text, self.code = text, code


class LeaseLost(Exception):
    """The lease ran out meanwhile, and somebody else may have the maildrop: nothing was deleted."""


IN_USE = "Another session has this mailbox open", "IN-USE"


class Leases:
    """The maildrops that this process holds. Lives in its event loop."""

    def __init__(self) -> None:
        self.holder = secrets.token_hex(16)
        self._held: set[int] = set()
        self._turn = threading.Lock()
        self._keeper: asyncio.Task[None] | None = None
        self.shelf = Shelf()

    def reserve(self, mailspace: int) -> bool:
        """One session of this process at a time; False if there is one. From any thread, as `unreserve`."""
        with self._turn:
            if mailspace in self._held:
                return False
            self._held.add(mailspace)
            return True

    def unreserve(self, mailspace: int) -> None:
        """The row was never ours, or has been given back."""
        with self._turn:
            self._held.discard(mailspace)

    def keep(self, bridge: Bridge) -> None:
        """From now on what is held is renewed."""
        if self._keeper is None:
            self._keeper = asyncio.get_running_loop().create_task(self._keep(bridge))

    def forget(self, mailspace: int) -> None:
        """A session is over, and the row has been given back."""
        self.unreserve(mailspace)
        if not self._held and self._keeper is not None:
            self._keeper.cancel()
            self._keeper = None

    async def _keep(self, bridge: Bridge) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                with self._turn:
                    held = frozenset(self._held)
                await bridge.run(mailstore.keep_maildrops, held, self.holder)
            except (DatabaseError, Busy):
                log.warning("pop3: leases could not be renewed", exc_info=True)


@dataclass(slots=True)
class Opened:
    """A maildrop as it was at sign-in. `retrieved`: the numbers that were sent whole."""

    mailspace: int
    mailbox: int
    drop: Maildrop
    login: Login
    ip: str
    retrieved: set[int] = field(default_factory=set)

    @property
    def cause(self) -> Cause:
        return Cause("pop3", session=f"POP3 client on {self.ip}", actor=self.login.username)


def enter(given: sasl.Plain, ip: str, leases: Leases) -> Opened:
    """Sign in, take the lease, and list what is in the Inbox, in one go. Raises WrongPassword, NotOpened."""
    login = None
    # RFC 4616 §2: acting for someone else is a matter of grants, not of passwords.
    if given.authorize in {"", given.username}:
        login = directory.current().sign_in(given.username, given.password, protocol="pop3", peer=ip)
    if login is None:
        raise WrongPassword
    if not login.access or login.access[0].rights != "own":
        raise NotOpened("This account has no mailbox of its own", "SYS/PERM")
    mailspace = login.access[0].mailspace
    if not leases.reserve(mailspace):
        raise NotOpened(*IN_USE)
    try:
        return _open(login, ip, leases.holder)
    except BaseException:
        leases.unreserve(mailspace)
        raise


def _open(login: Login, ip: str, holder: str) -> Opened:
    mailspace = login.access[0].mailspace
    if not mailstore.take_maildrop(mailspace, holder):
        raise NotOpened(*IN_USE)
    try:
        inbox = mailstore.inbox(mailspace, newest=login.maildrop.newest)
    except BaseException:
        mailstore.free_maildrop(mailspace, holder)
        raise
    named = unique_ids(inbox.messages, inbox.imported) if inbox.imported else {}
    drop = Maildrop(inbox.uids, inbox.messages, inbox.sizes, named=named)
    return Opened(mailspace, inbox.mailbox, drop, login, ip)


def header(opened: Opened, number: int) -> bytes:
    """The message's bytes up to the end of its header, or further. Raises NoSuchMessage."""
    message = opened.drop.messages[number - 1]
    for _message, beginning in mailstore.headers(opened.mailspace, [message]):
        return beginning
    raise NoSuchMessage


def update(opened: Opened, uids: Sequence[int], holder: str) -> None:
    """RFC 1939 §6, the UPDATE state: delete, then let the maildrop go. Raises LeaseLost."""
    if uids and not mailstore.keep_maildrops({opened.mailspace}, holder):
        raise LeaseLost
    _note_read(opened)
    if uids:
        mailstore.delete_retrieved(
            opened.mailspace,
            opened.mailbox,
            uids,
            erases=opened.login.maildrop.erases,
            cause=opened.cause,
        )
    mailstore.free_maildrop(opened.mailspace, holder)


def leave(opened: Opened, holder: str) -> None:
    """The client went without QUIT: nothing is deleted (RFC 1939 §6)."""
    try:
        _note_read(opened)
    finally:
        mailstore.free_maildrop(opened.mailspace, holder)


def _note_read(opened: Opened) -> None:
    if opened.login.maildrop.marks_read and opened.retrieved:
        uids = [opened.drop.uids[number - 1] for number in sorted(opened.retrieved)]
        opened.retrieved.clear()
        mailstore.note_retrieved(opened.mailspace, opened.mailbox, uids, cause=opened.cause)


async def close(opened: Opened, leases: Leases, bridge: Bridge) -> None:
    """The end of a session without QUIT: the lease goes back at once, or else by itself."""
    try:
        with suppress(DatabaseError, Busy):
            await bridge.run(leave, opened, leases.holder)
    finally:
        leases.forget(opened.mailspace)
