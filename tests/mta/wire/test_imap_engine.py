"""The IMAP engine alone: any split gives the same events, any bytes get an answer, nothing grows for ever."""

from __future__ import annotations

import io
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.wire.imap import commands as c
from mta.wire.imap.engine import (
    MAX_MESSAGES,
    Continue,
    Engine,
    Event,
    Flood,
    Issued,
    Line,
    Malformed,
    Refused,
)

LIMIT = 300_000


def _engine(*, signed_in: bool = True) -> Engine:
    engine = Engine(max_message=LIMIT)
    engine.signed_in = signed_in
    return engine


def _messages(command: c.Append) -> list[bytes]:
    found = []
    for message in command.messages:
        command.spool.seek(message.spooled.start)
        found.append(command.spool.read(message.spooled.size))
    return found


def _events(data: bytes, cuts: list[int] | None = None, *, signed_in: bool = True) -> list[Event]:
    """Every event of the stream, which arrives in pieces. Messages are compared by their bytes."""
    engine = _engine(signed_in=signed_in)
    found: list[Event] = []
    edges = sorted({0, len(data), *(cut for cut in cuts or [] if cut < len(data))})
    for start, end in itertools.pairwise(edges):
        engine.feed(data[start:end])
        while (event := engine.next()) is not None:
            found.append(event)
            if isinstance(event, Flood):
                return found
            if isinstance(event, Issued) and isinstance(event.command, c.Append):
                found += map(Line, _messages(event.command))
    return found


def _one(data: bytes, *, signed_in: bool = True) -> Event:
    events = _events(data, signed_in=signed_in)
    assert len(events) == 1, events
    return events[0]


STREAM = (
    b"a CAPABILITY\r\nb LOGIN {3}\r\nann {6+}\r\nsecret\r\nc APPEND INBOX (\\Seen) {11+}\r\nab\r\n{3}\r\ncd\r\n"
    b"d XYZZY\r\n\r\ne FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (From {2+}\r\nTo)])\nf NOOP\r\n"
    b"g LOGIN {400000}\r\nh SEARCH TEXT {70000+}\r\n" + b"x" * 70_000 + b" OR SEEN {3+}\r\nabc\r\ni NOOP\r\n"
    b"j " + b"y" * 70_000 + b"{5+}\r\nk NOP\r\nl NOOP\r\n"
)


def test_a_stream_of_commands_literals_and_mistakes_is_understood() -> None:
    kinds = [type(event).__name__ + ":" + getattr(event, "tag", "") for event in _events(STREAM)]
    assert kinds == [
        "Issued:a", "Continue:", "Issued:b", "Issued:c", "Line:", "Malformed:d", "Malformed:*", "Issued:e",
        "Issued:f", "Refused:g", "Refused:h", "Issued:i", "Malformed:j", "Issued:l",
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_any_split_gives_the_same_events(cuts: list[int]) -> None:
    assert _events(STREAM, cuts) == _events(STREAM)


def test_single_bytes_give_the_same_events() -> None:
    short = STREAM[: STREAM.index(b"g LOGIN")]
    assert _events(short, list(range(len(short)))) == _events(short)


WORDS = st.sampled_from(
    [b"a", b" ", b"(", b")", b"\r\n", b"{3}", b"{3+}\r\n", b'"', b"\\", b"FETCH ", b"1:*", b"BODY[", b"]",
     b"SEARCH ", b"OR ", b"NOT ", b"UID ", b"STORE ", b"+FLAGS ", b"\\Seen", b"LIST ", b"APPEND INBOX ",
     b"<0.1>", b"HEADER.FIELDS ", b"\0", b"\xff", b"&AOk-", b"SINCE 1-Feb-2026", b"CHARSET ", b"*", b"%"]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.lists(WORDS, max_size=40).map(b"".join)), st.booleans())
def test_no_bytes_make_it_raise(data: bytes, signed_in: bool) -> None:
    _events(b"a " + data + b"\r\n", signed_in=signed_in)
    _events(data, [len(data) // 2], signed_in=signed_in)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=2000))
def test_a_message_arrives_byte_for_byte(message: bytes) -> None:
    events = _events(b"a APPEND {5+}\r\nINBOX {%d+}\r\n%b\r\n" % (len(message), message), [30, 31])
    assert events[-1] == Line(message)


def test_a_line_without_end_is_cut_off() -> None:
    engine = _engine(signed_in=False)
    for _ in range(100):
        engine.feed(b"a LOGIN " + b"x" * 8192)
        event = engine.next()
        if event is not None:
            break
    assert isinstance(event, Flood)


def test_before_sign_in_little_is_taken() -> None:
    assert _one(b"a LOGIN {5000}\r\n", signed_in=False) == Refused(
        "a", "TOOBIG", "At most 4096 octets are taken here"
    )
    assert isinstance(_one(b"a LOGIN {500000+}\r\n", signed_in=False), Flood)
    big = b"a LOGIN {5000+}\r\n" + b"x" * 5000 + b" y\r\n"
    assert isinstance(_one(big, signed_in=False), Refused)
    # No APPEND before sign-in: its literal is as small as any other.
    assert isinstance(_one(b"a APPEND INBOX {200000}\r\n", signed_in=False), Refused)


def test_a_refused_literal_is_never_read_as_commands() -> None:
    evil = b"b LOGOUT\r\n" * 30_000
    events = _events(
        b"a APPEND INBOX {%d+}\r\n%b\r\nc NOOP\r\n" % (len(evil) + LIMIT // 2, evil + b"x" * (LIMIT // 2))
    )
    assert [event.tag for event in events if not isinstance(event, Continue)] == ["a", "c"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "line",
    [
        b"a SEARCH " + b"NOT " * 2000 + b"SEEN",
        b"a SEARCH " + b"(" * 2000 + b"SEEN" + b")" * 2000,
        b"a SEARCH " + b"OR SEEN " * 2000 + b"SEEN",
        b"a SEARCH " + b"SEEN " * 2000 + b"SEEN",
        b"a FETCH " + b"1," * 20_000 + b"1 FLAGS",
        b"a FETCH 1 (" + b"FLAGS " * 2000 + b"FLAGS)",
        b"a FETCH 1 BODY[" + b"1." * 2000 + b"1]",
        b"a FETCH 1 BODY[HEADER.FIELDS (" + b"a " * 2000 + b"a)]",
        b"a ID (" + b'"a" "b" ' * 1000 + b'"a" "b")',
        b'a LIST "" (' + b"a " * 2000 + b"a)",
        b"a STORE 1 FLAGS (" + b"a " * 2000 + b"a)",
        b"a ID (((((((((((((",
        b"a LIST ((((((((((",
        b'a LIST "" ' + b"*a" * 100,
        b'a LSUB "" ' + b"%a" * 100,
        b"a FETCH 18446744073709551616 FLAGS",
        b"a LOGIN {18446744073709551616}",
        b"a UID UID UID FETCH 1 FLAGS",
    ],
)
def test_too_much_of_anything_is_refused(line: bytes) -> None:
    assert isinstance(_one(line + b"\r\n"), Malformed | Refused)


def test_what_came_before_tls_is_forgotten() -> None:
    engine = _engine(signed_in=False)
    engine.feed(b"a STARTTLS\r\nb LOGIN ann secret\r\nc LOG")
    assert engine.next() == Issued("a", c.StartTls())
    engine.discard()
    engine.feed(b"d NOOP\r\n")
    assert engine.next() == Issued("d", c.Noop())


def test_a_plain_line_comes_only_when_asked_for() -> None:
    engine = _engine(signed_in=False)
    engine.feed(b"a AUTHENTICATE PLAIN\r\nAGFubgBzZWNyZXQ=\r\nb NOOP\r\n")
    assert engine.next() == Issued("a", c.Authenticate("PLAIN", None))
    engine.expect_line()
    assert engine.next() == Line(b"AGFubgBzZWNyZXQ=")
    assert engine.next() == Issued("b", c.Noop())
    engine.expect_line()
    engine.feed(b"x" * 20_000)
    assert engine.next() is None
    engine.feed(b"\r\nc NOOP\r\n")
    assert engine.next() == Line(None)
    assert engine.next() == Issued("c", c.Noop())


def test_a_long_stream_in_small_pieces_takes_linear_time() -> None:
    engine = _engine()
    engine.feed(b"a APPEND INBOX {250000+}\r\n")
    for _ in range(2500):
        engine.feed(random.Random(1).randbytes(100))
        assert engine.next() is None
    engine.feed(b"\r\n")
    event = engine.next()
    assert isinstance(event, Issued)
    assert isinstance(event.command, c.Append)
    assert [len(message) for message in _messages(event.command)] == [250_000]


# --- several messages


def _append(*sizes: int, plus: bytes = b"+") -> bytes:
    return (
        b"a APPEND INBOX" + b"".join(b" {%d%b}\r\n" % (size, plus) + b"x" * size for size in sizes) + b"\r\n"
    )


def test_messages_of_one_append_share_a_spool() -> None:
    event = _events(_append(3, 0, 4))[0]
    assert isinstance(event, Issued)
    assert isinstance(event.command, c.Append)
    assert _messages(event.command) == [b"xxx", b"", b"xxxx"]


def test_too_many_messages_are_refused_and_read_past() -> None:
    events = _events(_append(*[1] * (MAX_MESSAGES + 1)) + b"b NOOP\r\n")
    assert events[0] == Refused("a", "LIMIT", f"At most {MAX_MESSAGES} messages in one command")
    assert events[1] == Issued("b", c.Noop())
    assert isinstance(_events(_append(*[1] * MAX_MESSAGES))[0], Issued)


def test_too_much_in_all_is_refused() -> None:
    event, *_ = _events(_append(LIMIT, LIMIT, LIMIT, LIMIT, 1))
    assert isinstance(event, Refused)
    assert event.code == "TOOBIG"
    assert isinstance(_events(_append(LIMIT, LIMIT, LIMIT, LIMIT))[0], Issued)


def test_a_message_that_is_too_large_is_refused_before_it_is_sent() -> None:
    engine = _engine()
    engine.feed(b"a APPEND INBOX {3}\r\n")
    assert engine.next() == Continue()
    engine.feed(b"xxx {%d}\r\n" % (LIMIT + 1))
    assert engine.next() == Refused("a", "TOOBIG", f"At most {LIMIT} octets are taken here")
    engine.feed(b"b NOOP\r\n")
    assert engine.next() == Issued("b", c.Noop())


def test_what_is_not_taken_is_let_go_of() -> None:
    spools: list[io.BytesIO] = []

    def spool() -> io.BytesIO:
        spools.append(io.BytesIO())
        return spools[-1]

    engine = Engine(max_message=LIMIT, spool=spool)
    engine.signed_in = True
    for rest in (b" {3000000000}\r\n", b" {30000000+}\r\n", b" \\\r\n", b"\r\n"):
        engine.feed(b"a APPEND INBOX {3+}\r\nxxx" + rest)
        while isinstance(event := engine.next(), Continue):
            pass
        assert isinstance(event, Refused | Flood | Malformed) or rest == b"\r\n"
        if isinstance(event, Flood):
            engine.discard()
    assert [spool.closed for spool in spools] == [True, True, True, False]
    engine.feed(b"a APPEND INBOX {3+}\r\nx")
    assert engine.next() is None
    engine.close()
    assert spools[-1].closed


@pytest.mark.parametrize("command", [b"REPLACE", b"UID REPLACE", b"APPEND"])
def test_a_literal_in_the_place_of_a_message_is_never_read_as_commands(command: bytes) -> None:
    number = b"" if command == b"APPEND" else b"1 "
    message = b"b LOGOUT\r\n" * 10_000  # more than another literal may be
    events = _events(b"a %b %bINBOX {%d+}\r\n%b\r\nc NOOP\r\n" % (command, number, len(message), message))
    assert events[-1] == Issued("c", c.Noop())
    assert [event.tag for event in events if not isinstance(event, Line)] == ["a", "c"]  # type: ignore[union-attr]
