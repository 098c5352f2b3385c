"""The whole bytes of messages: our trace prefix, then what was received, byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from . import blobs, rows
from .errors import NoSuchMessage
from .models import Message


def raw(mailspace: int, message: int) -> bytes:
    """The whole message; NoSuchMessage when it is not (or no longer) in this mailspace."""
    for _, data in raws(mailspace, [message]):
        return data
    raise NoSuchMessage("That message is no longer here.")


def raws(mailspace: int, messages: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    """(message id, bytes) for those that exist, read in pieces so that memory stays bounded."""
    for piece in rows.chunks(list(messages), 50):
        found = Message.objects.filter(mailspace_id=mailspace, id__in=piece).values_list(
            "id", "blob_id", "prefix"
        )
        named = [(id_, blob, bytes(prefix)) for id_, blob, prefix in found]
        bytes_of = dict(blobs.read_many(mailspace, [blob for _, blob, _ in named]))
        for id_, blob, prefix in named:
            yield id_, prefix + bytes_of[blob]
