"""FETCH in batches: whatever the sizes of batches and messages, the answer is what one by one would have given."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from mta.mailstore import service as mailstore
from mta.serve.imap import batches, fetching
from mta.values import FLAGGED, SEEN
from mta.wire.imap.uids import Uids
from tests.mta.serve.imap_dialogue import CAUSE, Client, Server, serving

pytestmark = pytest.mark.django_db

NOISE = b"".join(
    b"%x" % (number * 2654435761 % 2**32) for number in range(40_000)
)  # too much to be kept in a row


def _message(number: int) -> bytes:
    size = {3: 200_000, 7: 70_000}.get(number, 50 * number)
    return b"Subject: n %d\r\nX-N: %d\r\n from: no\r\nFROM: a@b.test\r\n\r\n%b\r\n" % (
        number,
        number,
        NOISE[:size] if size > 1000 else b"x" * size,
    )


COUNT = 12


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        inbox = mailstore.mailbox(found.mailspace, "INBOX").id
        given = [
            mailstore.Incoming(
                _message(number),
                SEEN if number % 2 else FLAGGED,
                ("$Even",) if number % 4 == 0 else (),
                number,
            )
            for number in range(1, COUNT + 1)
        ]
        mailstore.append_many(found.mailspace, inbox, given, cause=CAUSE)
        yield found


@pytest.fixture
def client(server: Server) -> Client:
    client = server.connect().sign_in()
    client.ok("s SELECT INBOX")
    return client


def _raw(client: Client, command: str) -> bytes:
    return client.answer("f " + command)


ITEMS = [
    "(FLAGS UID)",
    "(UID FLAGS RFC822.SIZE MODSEQ EMAILID)",
    "(ENVELOPE BODYSTRUCTURE INTERNALDATE)",
    "BODY.PEEK[HEADER.FIELDS (SUBJECT)]",
    "(UID BODY.PEEK[HEADER.FIELDS (X-N From)] FLAGS)",
    "(BODY.PEEK[HEADER] BODY.PEEK[HEADER.FIELDS.NOT (Subject)])",
    "(BODY.PEEK[] UID)",
    "(BODY.PEEK[TEXT]<10.90000> BINARY.SIZE[1])",
]


@pytest.mark.parametrize("items", ITEMS)
def test_many_batches_say_what_single_fetches_say(
    client: Client, items: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.ok("a FETCH 1:* (FLAGS MODSEQ)")  # keywords and CONDSTORE are told of before the comparison
    whole = _raw(client, f"FETCH 1:* {items}")
    single = b"".join(_raw(client, f"FETCH {number} {items}") for number in range(1, COUNT + 1))
    assert whole == single
    monkeypatch.setattr(batches, "FIRST_ROWS", 2)
    monkeypatch.setattr(batches, "MOST_ROWS", 5)
    monkeypatch.setattr(batches, "BATCH_BYTES", 60_000)
    monkeypatch.setattr(batches, "JOINED", 100)
    monkeypatch.setattr(fetching, "TABLE_FROM", 3)
    assert _raw(client, f"FETCH 1:* {items}") == whole
    assert whole.count(b"* ") >= COUNT


def test_the_bytes_of_large_and_small_messages_are_those_that_came(client: Client) -> None:
    whole = _raw(client, "FETCH 1:* BODY.PEEK[]")
    for number in range(1, COUNT + 1):
        message = _message(number)
        assert b"* %d FETCH (BODY[] {%d}\r\n%b)\r\n" % (number, len(message), message) in whole


@pytest.mark.parametrize("items", ["(FLAGS UID)", "ENVELOPE", "BODY.PEEK[]", "BODY.PEEK[HEADER]"])
def test_what_went_meanwhile_is_left_out_and_said(server: Server, client: Client, items: str) -> None:
    client.ok("a FETCH 1 UID")
    inbox = mailstore.mailbox(server.mailspace, "INBOX").id
    mailstore.store_flags(server.mailspace, inbox, [2, 3], "add", 16, (), cause=CAUSE)
    mailstore.expunge(server.mailspace, inbox, [2, 3], cause=CAUSE)
    lines = client.ok(f"b FETCH 1:5 {items}")
    assert "EXPUNGEISSUED" in lines[-1]
    numbers = [found[1] for line in lines if (found := re.match(r"\* (\d+) FETCH", line))]
    assert [number for number in numbers if number in "12345"] == ["1", "4", "5"]


def test_bodies_are_marked_as_read_with_one_call(server: Server, client: Client) -> None:
    client.ok("a FETCH 1 UID")
    server.desk.calls.clear()
    lines = client.ok("b FETCH 2:6 BODY[1]<0.1>")
    assert server.desk.calls.count("_see") == 1
    told = [line for line in lines if "FETCH (FLAGS (" in line]
    assert len(told) == 5
    assert all("\\Seen" in line for line in told)
    # The change has been told with the answer: nothing is told twice.
    assert client.ok("c NOOP")[:-1] == []
    assert server.desk.calls.count("_see") == 1


def test_a_head_too_large_to_be_kept_is_read_from_the_message(server: Server, client: Client) -> None:
    inbox = mailstore.mailbox(server.mailspace, "INBOX").id
    raw = b"Subject: kept\r\nTo: " + b"a@b.test,\r\n " * 8000 + b"z@b.test\r\nX: y\r\n\r\nbody\r\n"
    mailstore.append(server.mailspace, inbox, raw, cause=CAUSE)
    client.ok("a NOOP")
    got = _raw(client, f"FETCH {COUNT}:* BODY.PEEK[HEADER.FIELDS (Subject)]")
    assert b"* 13 FETCH (BODY[HEADER.FIELDS (Subject)] {17}\r\nSubject: kept\r\n\r\n)\r\n" in got


def test_pages_are_counted_from_either_end() -> None:
    some = Uids([(1, 3), (10, 12)])
    assert list(fetching.page(some, 2, 4)) == [2, 3, 10]
    assert list(fetching.page(some, 4, 2)) == [2, 3, 10]
    assert list(fetching.page(some, -1, -2)) == [11, 12]
    assert list(fetching.page(some, -5, -100)) == [1, 2]
    assert list(fetching.page(some, 7, 9)) == []
    assert list(fetching.page(some, -7, -9)) == []
