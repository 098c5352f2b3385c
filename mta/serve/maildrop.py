"""The maildrop of a POP3 session: held, listed, and left behind.

RFC 1939 §4: one session at a time; a second is told IN-USE. The lease is a row's (see `mailstore.maildrops`); here a
process keeps those of its sessions alive with one statement for all of them. Plain functions block and go through
the bridge. Called by `serve.pop3`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from django.db import DatabaseError

from mta.directory import Login
from mta.mailstore import service as mailstore
from mta.mailstore.errors import NoSuchMessage
from mta.serve.bridge import Bridge, Busy
from mta.serve.readahead import Shelf
from mta.values import Cause
from mta.wire.pop3 import Maildrop, unique_ids

log = logging.getLogger(__name__)

RENEW_SECONDS = 15.0  # a third of the lease: two may fail


class LeaseLost(Exception):
    """The lease ran out meanwhile, and somebody else may have the maildrop: nothing was deleted."""


class Leases:
    """The maildrops that this process holds. Lives in its event loop."""

    def __init__(self) -> None:
        self.holder = secrets.token_hex(16)
        self._held: set[int] = set()
        self._keeper: asyncio.Task[None] | None = None
        self.shelf = Shelf()

    def reserve(self, mailspace: int, bridge: Bridge) -> bool:
        """One session of this process at a time; the row is taken by `open_`. False if there is one."""
        if mailspace in self._held:
            return False
        self._held.add(mailspace)
        if self._keeper is None:
            self._keeper = asyncio.get_running_loop().create_task(self._keep(bridge))
        return True

    def forget(self, mailspace: int) -> None:
        """The session is over, and the row has been given back (or was never ours)."""
        self._held.discard(mailspace)
        if not self._held and self._keeper is not None:
            self._keeper.cancel()
            self._keeper = None

    async def _keep(self, bridge: Bridge) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await bridge.run(mailstore.keep_maildrops, frozenset(self._held), self.holder)
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


def open_(login: Login, ip: str, holder: str) -> Opened | None:
    """Take the lease and list what is in the Inbox; None while another session has it."""
    mailspace = login.access[0].mailspace
    if not mailstore.take_maildrop(mailspace, holder):
        return None
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
