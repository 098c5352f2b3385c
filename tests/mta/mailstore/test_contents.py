"""The bytes of messages: all of them, or as many as hold the header."""

from __future__ import annotations

import pytest

from mta.mailstore import blobs
from mta.mailstore import service as mailstore
from mta.mailstore.models import Message
from mta.message.headers import split_message
from tests.mta.mailstore.conftest import WEB, Space

NOISE = b"".join(b"%08x" % (number * 2654435761 % 2**32) for number in range(60_000))


def _store(space: Space, raw: bytes, *, prefix: bytes = b"") -> int:
    prepared = mailstore.prepare(raw)
    return mailstore.commit(
        {space.id}, lambda door: door.store(space.id, prepared, "inbox", prefix=prefix, cause=WEB).message
    )


@pytest.mark.parametrize("prefix", [b"", b"Return-Path: <a@b.test>\r\n"])
@pytest.mark.parametrize(
    "raw",
    [
        b"Subject: small\r\n\r\nbody\r\n",
        b"Subject: large and in the row\r\n\r\n" + b"x" * 500_000,
        b"Subject: large and outside\r\n\r\n" + NOISE,
        b"Subject: " + b"long\r\n " * 30_000 + b"\r\n\r\n" + NOISE,
        b"Subject: no end " + NOISE,
        b"\r\nno header\r\n" + NOISE,
        b"not a header at all, just text\r\n" + NOISE,
        b"",
    ],
    ids=["small", "row", "object", "long header", "no body", "no header", "text", "empty"],
)
def test_the_beginning_of_a_message_holds_its_header(space: Space, raw: bytes, prefix: bytes) -> None:
    message = _store(space, raw, prefix=prefix)
    whole = prefix + raw
    ((id_, top),) = mailstore.headers(space.id, [message])
    assert id_ == message
    assert mailstore.raw(space.id, message) == whole
    assert whole.startswith(top)
    _end, body_start = split_message(whole)
    assert top[:body_start] == whole[:body_start]
    assert split_message(top)[1] == body_start


def test_of_a_large_message_only_the_beginning_is_read_for_its_header(space: Space) -> None:
    message = _store(space, b"Subject: large\r\n\r\n" + NOISE)
    ((_id, top),) = mailstore.headers(space.id, [message])
    assert len(top) < 100_000


def test_messages_of_others_and_lost_ones_are_not_read(space: Space) -> None:
    other = mailstore.create_mailspace()
    message = _store(space, b"Subject: mine\r\n\r\n")
    assert list(mailstore.headers(other, [message])) == []
    assert list(mailstore.raws(other, [message])) == []
    Message.objects.filter(id=message).update(blob_id=10**9)
    with pytest.raises(LookupError):
        list(mailstore.raws(space.id, [message]))


def test_an_object_is_read_whole_whatever_one_read_gives(space: Space) -> None:
    name = "ab" * 20
    blobs.store().put(name, NOISE)
    assert blobs.store().get(name) == NOISE
    with blobs.store().open(name) as file:
        assert file.read(10) == NOISE[:10]
    with pytest.raises(FileNotFoundError):
        blobs.store().get("cd" * 20)
