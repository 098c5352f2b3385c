"""The whole bytes of messages: our trace prefix, then what was received, byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from mta.message.headers import split_message
from mta.values import QUARANTINE

from . import blobs, rows
from .errors import NoSuchMessage
from .sql import among, select_wide

AT_ONCE = 50  # messages whose compressed bytes are in memory together


def raw(mailspace: int, message: int) -> bytes:
    """The whole message; NoSuchMessage when it is not (or no longer) in this mailspace, or held in the quarantine."""
    for _, prefix, size, frame, name in _kept(mailspace, [message], more=_NOT_HELD):
        return bytes(prefix) + blobs.content(size, frame, name)
    raise NoSuchMessage("That message is no longer here.")


def raws(mailspace: int, messages: Iterable[int], *, at_once: int = AT_ONCE) -> Iterator[tuple[int, bytes]]:
    """(message id, bytes) for those that exist, read in pieces so that memory stays bounded.

    Who knows that they are small may have more of them `at_once`: PostgreSQL plans every query anew.
    """
    for piece in rows.chunks(list(messages), at_once):
        for id_, prefix, size, frame, name in _kept(mailspace, piece):
            data = blobs.content(size, frame, name)
            yield id_, bytes(prefix) + data if prefix else data


def headers(
    mailspace: int, messages: Iterable[int], *, at_once: int = AT_ONCE
) -> Iterator[tuple[int, bytes]]:
    """(message id, its bytes up to the end of its header or further) for those that exist.

    Of large messages only the beginning is read and expanded.
    """
    for piece in rows.chunks(list(messages), at_once):
        for id_, prefix, size, frame, name in _kept(mailspace, piece):
            start = bytes(prefix)
            yield id_, start + blobs.beginning(size, frame, name, until=partial(_has_header, start))


def _has_header(prefix: bytes, data: bytes) -> bool:
    whole = prefix + data
    return split_message(whole)[1] < len(whole)


_NOT_HELD = (
    " AND NOT EXISTS (SELECT 1 FROM mailstore_placement p JOIN mailstore_mailbox q ON q.id = p.mailbox_id"
    " WHERE p.mailspace_id = m.mailspace_id AND p.message_id = m.id AND p.expunged_modseq IS NULL"
    f" AND q.role = '{QUARANTINE}')"
)


def _kept(mailspace: int, messages: Sequence[int], *, more: str = "") -> list[tuple[Any, ...]]:
    """(message, prefix, size without it, frame, object name); LookupError when the bytes of one are lost."""
    where, param = among("m.id", messages)
    found = select_wide(
        "SELECT m.id, m.prefix, b.size, b.data, o.name FROM mailstore_message m"
        " LEFT JOIN mailstore_blob b ON b.id = m.blob_id"
        " LEFT JOIN mailstore_blobobject o ON o.id = b.object_id"
        f" WHERE m.mailspace_id = %s AND {where}{more}",
        [mailspace, *param],
    )
    for id_, _prefix, size, *_where in found:
        if size is None:
            raise LookupError(f"the bytes of message {id_} are not here")
    return found
