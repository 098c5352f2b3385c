"""What header searches read: a few decoded fields of each message, in a narrow table of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import sql
from .columns import HEADER_COLUMNS, HEADER_TEXTS


def add(mailspace: int, message: int, texts: Sequence[str]) -> None:
    """Keep those of a new message, in the order of HEADER_TEXTS."""
    sql.insert_many("mailstore_headertext", HEADER_COLUMNS, [(mailspace, message, *texts)])


def copy(mailspace: int, twins: Mapping[int, int]) -> None:
    """Give second messages (by the first one's id) what their first ones have."""
    where, param = sql.among("message_id", twins)
    found = sql.select(
        f"SELECT message_id, {', '.join(HEADER_TEXTS)} FROM mailstore_headertext"
        f" WHERE mailspace_id = %s AND {where}",
        [mailspace, *param],
    )
    copies = [(mailspace, twins[message], *texts) for message, *texts in found]
    sql.insert_many("mailstore_headertext", HEADER_COLUMNS, copies)
