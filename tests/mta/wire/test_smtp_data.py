"""DATA's end, and nothing else, ends DATA."""

import io
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.wire.smtp_data import DataReceiver

# The letters that matter here, so that chance meets the interesting sequences.
pieces = st.lists(st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"\r\n.", b"a", b"\0", b"\xff"]), max_size=40)


def receive(*blocks: bytes, limit: int = 10_000) -> tuple[DataReceiver, bytes, bytes | None]:
    sink = io.BytesIO()
    receiver = DataReceiver(sink, limit=limit)
    rest = None
    for block in blocks:
        rest = receiver.feed(block)
        if rest is not None:
            break
    return receiver, sink.getvalue(), rest


@pytest.mark.parametrize(
    ("sent", "message", "rest"),
    [
        (b".\r\n", b"", b""),
        (b"a\r\n.\r\n", b"a\r\n", b""),
        (b"a\r\n.\r\nQUIT\r\n", b"a\r\n", b"QUIT\r\n"),
        (b"..a\r\n.b\r\n...\r\n.\r\n", b".a\r\nb\r\n..\r\n", b""),
        (b"\r\n\r\n.\r\n", b"\r\n\r\n", b""),
        (b"." * 3 + b"\r\n.\r\n", b"..\r\n", b""),
    ],
)
def test_dots_are_taken_off_and_the_rest_is_handed_back(sent: bytes, message: bytes, rest: bytes) -> None:
    assert receive(sent)[1:] == (message, rest)


@pytest.mark.parametrize(
    "ending",
    [
        b"\n.\n",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r",
        b"\r.\r\n",
        b"\r\n.\r",
        b"\r\n\0.\r\n",
        b"\n.\r\r\n",
        b"\r.\n",
    ],
)
def test_what_only_looks_like_an_end_does_not_end_a_message(ending: bytes) -> None:
    smuggled = b"a" + ending + b"MAIL FROM:<evil@example.net>\r\n"
    receiver, _message, rest = receive(smuggled)
    assert rest is None
    rest = receiver.feed(b"\r\n.\r\n")
    assert rest == b""
    assert receiver.bare_line_end or receiver.nul


@given(pieces, st.lists(st.integers(0, 120), max_size=8))
@settings(max_examples=300)
def test_any_split_gives_the_same_message(parts: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(parts) + b"\r\n.\r\nNOOP"
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    blocks = [whole[a:b] for a, b in itertools.pairwise(edges)]
    one, message, rest = receive(whole)
    many = DataReceiver(sink := io.BytesIO(), limit=10_000)
    remaining = b""
    for number, block in enumerate(blocks):
        after = many.feed(block)
        if after is not None:
            remaining = after + b"".join(blocks[number + 1 :])
            break
    assert (many.bare_line_end, many.nul, many.size) == (one.bare_line_end, one.nul, one.size)
    assert remaining == rest
    if not one.bare_line_end and not one.nul:
        assert sink.getvalue() == message


@given(st.lists(st.binary(max_size=20).map(lambda line: line.translate(None, b"\r\n\0")), max_size=10))
def test_a_stuffed_message_comes_out_as_it_was(lines: list[bytes]) -> None:
    message = b"".join(line + b"\r\n" for line in lines)
    stuffed = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines)
    assert receive(stuffed + b".\r\n")[1:] == (message, b"")


def test_too_much_is_drained_but_not_kept() -> None:
    receiver, kept, rest = receive(b"x" * 600, b"y" * 600, b"\r\n.\r\nQUIT", limit=1000)
    assert receiver.too_big
    assert len(kept) <= 1000
    assert rest == b"QUIT"


def test_a_message_of_exactly_the_limit_is_kept() -> None:
    receiver, kept, _rest = receive(b"x" * 998 + b"\r\n.\r\n", limit=1000)
    assert not receiver.too_big
    assert len(kept) == 1000


def test_a_submission_server_may_put_line_ends_right() -> None:
    receiver = DataReceiver(sink := io.BytesIO(), limit=10_000, repair=True)
    assert receiver.feed(b"a\nb\rc\r\n..d\n.\ne\r\n.\r\nQUIT") == b"QUIT"
    assert sink.getvalue() == b"a\r\nb\r\nc\r\n.d\r\n.\r\ne\r\n"
    assert not receiver.bare_line_end
