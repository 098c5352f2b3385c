"""A mailbox as letters of an archive, in the order of UIDs, read in pieces so that any size streams.

What is expunged while it runs may be missing, what comes meanwhile may be there. Called by the command
`export_mail`; `mta.archive.writing` makes files of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from mta.archive.values import Folder, Letter
from mta.values import DELETED, MailboxInfo

from . import contents, sql

PIECE = 200
PIECE_BYTES = 8 << 20

_PLACED = """SELECT p.uid, p.message_id, p.flags, p.deleted, p.keywords, p.internal_date, p.size, m.uidl,
       EXISTS (SELECT 1 FROM mailstore_placement o WHERE o.mailspace_id = p.mailspace_id
                  AND o.message_id = p.message_id AND o.id <> p.id AND o.expunged_modseq IS NULL)
  FROM mailstore_placement p JOIN mailstore_message m ON m.id = p.message_id
 WHERE p.mailspace_id = %s AND p.mailbox_id = %s AND p.uid > %s AND p.expunged_modseq IS NULL
 ORDER BY p.uid LIMIT %s"""


def folder_of(info: MailboxInfo) -> Folder:
    """A mailbox as an archive names it."""
    return Folder(info.name, info.uidvalidity, info.uidnext, info.subscribed, info.colour)


def letters(mailspace: int, mailbox: MailboxInfo) -> Iterator[Letter]:
    """Every message of a mailbox. Its UIDL is the one that POP3 clients know: its own id if it has no other."""
    last = 0
    while piece := sql.select(_PLACED, [mailspace, mailbox.id, last, PIECE]):
        last = piece[-1][0]
        start = size = 0
        for end, row in enumerate(piece, 1):
            size += row[6]
            if size >= PIECE_BYTES or end == len(piece):
                yield from _letters(mailspace, mailbox, piece[start:end])
                start, size = end, 0


def _letters(mailspace: int, mailbox: MailboxInfo, placed: list[tuple]) -> Iterator[Letter]:  # type: ignore[type-arg]
    bytes_of = dict(contents.raws(mailspace, [row[1] for row in placed]))
    for uid, message, flags, deleted, keywords, internal_date, _size, uidl, elsewhere in placed:
        if message in bytes_of:
            yield Letter(
                raw=bytes_of[message],
                folders=(mailbox.name,),
                flags=flags | DELETED if deleted else flags,
                keywords=tuple(keywords.split()),
                internal_date=internal_date,
                uid=uid,
                uidl=uidl or str(message),
                same=str(message) if elsewhere else "",
                where=f"{mailbox.name}, UID {uid}",
            )
