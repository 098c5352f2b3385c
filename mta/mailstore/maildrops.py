"""What POP3 asks of the store: who holds a maildrop, what is in an Inbox, and what a session leaves behind.

RFC 1939 §4 gives a maildrop to one session at a time. Here that is a lease in the mailspace's row: it holds for
every process and host, whoever holds it renews it, and when they died it runs out by itself. The times are those of
the database where it has a clock of its own, so that hosts need not agree. Called by `serve.maildrop`.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from mta.values import INBOX, SEEN, Cause, now_us

from . import rows, sql
from .door import Door
from .errors import NoSuchMailbox
from .live import new_action
from .mailops import remove, store_flags
from .writer import commit

LEASE_SECONDS = 45
ROWS_AT_ONCE = 1000
_LEASE_US = LEASE_SECONDS * 1_000_000


@dataclass(frozen=True, slots=True)
class Inbox:
    """The messages of an Inbox that no program has marked deleted, oldest first, as columns.

    `imported`: the unique ids (UIDL) that messages brought with them from another server.
    """

    mailbox: int
    uids: array[int]
    messages: array[int]
    sizes: array[int]
    imported: dict[int, str]


# --- the lease


def take_maildrop(mailspace: int, holder: str) -> bool:
    """Hold a maildrop; False while somebody else does."""
    now, params = _now()
    statement = f"""UPDATE mailstore_mailspace SET maildrop_holder = %s, maildrop_until = {now} + %s
                     WHERE id = %s AND (maildrop_holder = '' OR maildrop_until < {now})"""
    return _lightly(statement, [holder, *params, _LEASE_US, mailspace, *params]) == 1


def keep_maildrops(mailspaces: Collection[int], holder: str) -> bool:
    """Renew leases; False when not all of them are ours any more."""
    kept = 0
    for piece in rows.chunks(sorted(mailspaces)):
        now, params = _now()
        where, ids = sql.among("id", piece)
        # Several rows are locked in the order of their ids, as the door does it.
        lock = " ORDER BY id FOR UPDATE" if connection.vendor == "postgresql" else ""
        kept += _lightly(
            f"""UPDATE mailstore_mailspace SET maildrop_until = {now} + %s WHERE id IN (
                SELECT id FROM mailstore_mailspace WHERE {where} AND maildrop_holder = %s{lock})""",
            [*params, _LEASE_US, *ids, holder],
        )
    return kept == len(mailspaces)


def free_maildrop(mailspace: int, holder: str) -> None:
    """Let a maildrop go, if it is (still) ours."""
    _lightly(
        "UPDATE mailstore_mailspace SET maildrop_holder = '', maildrop_until = 0"
        " WHERE id = %s AND maildrop_holder = %s",
        [mailspace, holder],
    )


def _lightly(statement: str, params: Sequence[Any]) -> int:
    """Run an UPDATE without waiting for the disk; returns how many rows it changed.

    Others see it at once all the same. A power cut may take it back, but that ends the session as well, and an
    old lease runs out by itself.
    """
    if connection.vendor == "postgresql":
        quick = " AND set_config('synchronous_commit', 'off', true) = 'off'"  # for this one transaction
        return sql.execute(statement + quick, params)
    if connection.in_atomic_block:
        return sql.execute(statement, params)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous")
        (before,) = cursor.fetchone()
        cursor.execute("PRAGMA synchronous = NORMAL")  # in WAL mode: no sync at COMMIT
        try:
            cursor.execute(statement, params)
            return cursor.rowcount
        finally:
            cursor.execute(f"PRAGMA synchronous = {int(before)}")


def _now() -> tuple[str, list[int]]:
    """SQL for the present in µs, and its parameters. SQLite is on this host, whose clock does."""
    if connection.vendor == "postgresql":
        return "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint", []
    return "%s", [now_us()]


# --- reading


def inbox(mailspace: int, *, newest: int = 0) -> Inbox:
    """What is in the Inbox; only so many of the newest, if `newest` is not 0. Narrow rows and one snapshot."""
    with rows.snapshot():
        found = sql.select(
            "SELECT id FROM mailstore_mailbox WHERE mailspace_id = %s AND role = %s AND deleted_at IS NULL",
            [mailspace, INBOX],
        )
        if not found:
            raise NoSuchMailbox("There is no such mailbox.")
        mailbox = found[0][0]
        statement = """SELECT uid, message_id, size FROM mailstore_placement
                        WHERE mailspace_id = %s AND mailbox_id = %s AND expunged_modseq IS NULL AND NOT deleted
                        ORDER BY uid"""
        params = [mailspace, mailbox]
        if newest:
            statement, params = statement + " DESC LIMIT %s", [*params, newest]
        columns = _columns(statement, params)
        imported = sql.select(
            "SELECT id, uidl FROM mailstore_message WHERE mailspace_id = %s AND uidl > ''", [mailspace]
        )
    if newest:
        for column in columns:
            column.reverse()
    return Inbox(mailbox, *columns, dict(imported))


def _columns(statement: str, params: Sequence[int]) -> tuple[array[int], array[int], array[int]]:
    """Three columns of numbers, however many rows: they are never tuples all at once."""
    columns = array("Q"), array("Q"), array("Q")
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        while rows_read := cursor.fetchmany(ROWS_AT_ONCE):
            for column, numbers in zip(columns, zip(*rows_read, strict=True), strict=True):
                column.extend(numbers)
    return columns


# --- what a session leaves behind


def note_retrieved(mailspace: int, mailbox: int, uids: Sequence[int], *, cause: Cause) -> None:
    """What a client has retrieved counts as read, where the account wants it so."""
    store_flags(mailspace, mailbox, uids, "add", SEEN, (), cause=cause)


def delete_retrieved(
    mailspace: int, mailbox: int, uids: Sequence[int], *, erases: bool, cause: Cause
) -> None:
    """RFC 1939 §6: what the client deleted goes to Trash, so that it can be had back; or away, if `erases`."""
    if not erases:
        remove(mailspace, mailbox, uids, cause=cause)
        return
    action = new_action()
    for piece in rows.chunks(uids):

        def work(door: Door, piece: Sequence[int] = piece) -> None:
            changing = door[mailspace]
            changing.open_mailbox(mailbox)
            lives = rows.at(mailspace, mailbox, piece)
            changing.expunge(lives, changing.entry("expunge", cause, action, mailbox))

        commit({mailspace}, work)
