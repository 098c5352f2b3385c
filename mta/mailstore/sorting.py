"""What SORT and THREAD ask of the messages of a mailbox (RFC 5256), as plain tuples in UID order.

Reads only. Ordering them is not the store's business: see `mta.wire.imap.sort` and `thread`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from . import rows

PIECE = 5_000

# Column → the SQL that reads it; `p` is the placement, `m` the message.
_COLUMNS = {
    "internal_date": "p.internal_date",
    "size": "p.size",
    "sent_at": "m.sent_at",
    "base_subject": "m.base_subject",
    "first_from": "m.addresses",
    "first_to": "m.addresses",
    "first_cc": "m.addresses",
}
_PLACED = frozenset(("internal_date", "size"))
_FIRST = {"first_from": "from", "first_to": "to", "first_cc": "cc"}


def sort_rows(
    mailspace: int, mailbox: int, uids: Iterable[int], columns: Sequence[str]
) -> list[tuple[Any, ...]]:
    """(uid, *columns) of the live messages with these UIDs; an address is (name, email), or None."""
    chosen = [_COLUMNS[column] for column in columns]
    found = _read(mailspace, mailbox, uids, chosen, joined=not _PLACED.issuperset(columns))
    kinds = [_FIRST.get(column) for column in columns]
    if not any(kinds):
        return found
    return [
        (
            row[0],
            *(_first(value, kind) if kind else value for value, kind in zip(row[1:], kinds, strict=True)),
        )
        for row in found
    ]


def thread_rows(mailspace: int, mailbox: int, uids: Iterable[int]) -> list[tuple[Any, ...]]:
    """(uid, sent, base subject, subject, Message-ID, first In-Reply-To, References); `sent` by RFC 5256 §2.2."""
    chosen = [
        "COALESCE(m.sent_at, p.internal_date)",
        "m.base_subject",
        "m.subject",
        "m.message_id",
        "m.in_reply_to",
        'm."references"',
    ]
    return _read(mailspace, mailbox, uids, chosen, joined=True)


def _read(
    mailspace: int, mailbox: int, uids: Iterable[int], chosen: Sequence[str], *, joined: bool
) -> list[tuple[Any, ...]]:
    tables = "mailstore_placement p" + (" JOIN mailstore_message m ON m.id = p.message_id" if joined else "")
    found: list[tuple[Any, ...]] = []
    for piece in rows.chunks(list(uids), PIECE):
        for where, params, wanted in rows.uid_conditions(piece):
            read = rows.select(
                f"""SELECT p.uid, {", ".join(chosen)} FROM {tables}
                     WHERE p.mailspace_id = %s AND p.mailbox_id = %s AND p.expunged_modseq IS NULL
                       AND {where} ORDER BY p.uid""",
                [mailspace, mailbox, *params],
            )
            found += read if wanted is None else [row for row in read if row[0] in wanted]
    return found


def _first(addresses: Any, kind: str) -> tuple[str, str] | None:
    every = json.loads(addresses) if isinstance(addresses, str) else addresses
    listed = every.get(kind)
    return (listed[0][0], listed[0][1]) if listed else None
