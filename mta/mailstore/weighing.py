"""What fills a mailspace, in pieces of bounded size: each message that lies somewhere, from the oldest on.

One reading of a narrow part of a message's row per piece, so that a count over a million messages may stop and go on
between two of them. Called by the web client's storage page, in the background where there is much.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import sql

PIECE = 5_000

_PIECE = """SELECT m.id, m.internal_date, m.size, m.own, m.from_name, m.from_address, m.list_id
  FROM mailstore_message m
 WHERE m.mailspace_id = %s AND (m.internal_date > %s OR (m.internal_date = %s AND m.id > %s))
   AND EXISTS (SELECT 1 FROM mailstore_placement p WHERE p.mailspace_id = m.mailspace_id
                  AND p.message_id = m.id AND p.expunged_modseq IS NULL)
 ORDER BY m.internal_date, m.id LIMIT %s"""


@dataclass(frozen=True, slots=True)
class Weight:
    """One message: how much it takes, when it came (µs), and from whom."""

    message: int
    at: int
    size: int
    own: bool
    name: str
    address: str
    list: str


def weights(mailspace: int, *, after: tuple[int, int] = (-1, 0), limit: int = PIECE) -> tuple[Weight, ...]:
    """The next messages after (internal date, id)."""
    at, message = after
    rows = sql.select(_PIECE, [mailspace, at, at, message, limit])
    return tuple(Weight(row[0], row[1], row[2], bool(row[3]), *row[4:]) for row in rows)
