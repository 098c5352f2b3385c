"""Deflate between a socket and an engine: everything comes through, in any pieces, and nothing blows up."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.wire.deflate import BrokenStream, Deflate

MOST = 1000


@given(st.lists(st.binary(max_size=3000), max_size=10), st.integers(1, 500))
def test_what_one_side_says_the_other_hears(said: list[bytes], step: int) -> None:
    one, other = Deflate(), Deflate()
    for words in said:
        wire = one.compress(words)
        heard = b""
        for start in range(0, len(wire), step):
            other.feed(wire[start : start + step])
            while piece := other.take(MOST):
                assert len(piece) <= MOST
                heard += piece
        assert heard == words, "each piece can be read at once"


def test_a_bomb_comes_out_in_small_pieces() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(bytes(10_000_000)) + packer.flush(zlib.Z_SYNC_FLUSH)
    deflate = Deflate()
    deflate.feed(bomb)
    assert len(deflate.take(MOST)) == MOST
    assert sum(iter(lambda: len(deflate.take(100_000)), 0)) == 10_000_000 - MOST


@given(st.binary(min_size=1, max_size=200))
def test_noise_raises_nothing_but_its_own_error(noise: bytes) -> None:
    deflate = Deflate()
    deflate.feed(noise)
    try:
        while deflate.take(MOST):
            pass
    except BrokenStream:
        pass


def test_a_stream_that_ends_is_broken() -> None:
    deflate = Deflate()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflate.feed(packer.compress(b"a NOOP\r\n") + packer.flush())
    with pytest.raises(BrokenStream):
        deflate.take(MOST)
