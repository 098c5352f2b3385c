"""Who has nothing to say sends nothing: a packet wakes a phone."""

from __future__ import annotations

import time
import zlib

import pytest

from tests.mta.serve.imap_dialogue import serving

pytestmark = pytest.mark.django_db


def test_a_bell_without_news_sends_no_octet_even_compressed() -> None:
    with serving() as server:
        client = server.connect().sign_in()
        client.ok("a SELECT INBOX")
        client.ok("b COMPRESS DEFLATE")
        says, hears = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)
        client.send(says.compress(b"c IDLE\r\n") + says.flush(zlib.Z_SYNC_FLUSH))
        client._wait_until(lambda: client._receive() and client._buffer.endswith(b"\0\0\xff\xff"))
        assert hears.decompress(client._buffer) == b"+ Waiting for changes\r\n"
        heard = len(client._buffer)
        for _ in range(3):
            server.ring()
            until = time.monotonic() + 0.05
            while time.monotonic() < until:
                server.desk.pump()
                client._receive()
        assert len(client._buffer) == heard
        client.send(says.compress(b"DONE\r\n") + says.flush(zlib.Z_SYNC_FLUSH))
        client._wait_until(lambda: client._receive() and len(client._buffer) > heard)
        assert hears.decompress(client._buffer[heard:]) == b"c OK Idle ended\r\n"
