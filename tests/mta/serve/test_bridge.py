"""The bridge, the patience and the doors, each alone."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from django.db import connection

from mta.serve import statuses
from mta.serve.bridge import Bridge, Busy
from mta.serve.listener import Door, Listener, PortInUse
from mta.serve.patience import Closing, Patience, TooSlow
from mta.serve.session import Context, House, is_loopback


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    made = Bridge(threads=2, waiting=3)
    made.start()
    yield made
    made.stop()


def house(bridge: Bridge) -> House:
    return House(
        bridge=bridge,
        watch=lambda mailspace, callback: lambda: None,
        tls_context=None,
        hostname="mail.example.test",
        max_message_size=1000,
        stopping=asyncio.Event(),
    )


def test_calls_come_back_with_their_answer_or_their_error(bridge: Bridge) -> None:
    async def use() -> None:
        assert await bridge.run(divmod, 7, 2) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            await bridge.run(divmod, 1, 0)
        assert await bridge.run(dict, a=1) == {"a": 1}

    asyncio.run(use())


def test_calls_do_not_run_in_the_loop_and_do_not_wait_for_each_other(bridge: Bridge) -> None:
    meet = threading.Barrier(2, timeout=5)

    async def use() -> None:
        await asyncio.gather(bridge.run(meet.wait), bridge.run(meet.wait))

    asyncio.run(use())


def test_a_full_queue_says_so_at_once(bridge: Bridge) -> None:
    go = threading.Event()

    async def use() -> None:
        calls = [asyncio.ensure_future(bridge.run(go.wait, 5)) for _ in range(2)]
        await asyncio.sleep(0.1)
        calls += [asyncio.ensure_future(bridge.run(go.wait, 5)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await bridge.run(go.wait, 5)
        go.set()
        await asyncio.gather(*calls)

    asyncio.run(use())
    assert statuses.smtp_reply(Busy()).code == 451


def look() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def is_open() -> bool:
    return connection.connection is not None


@pytest.mark.django_db(transaction=True)
def test_a_thread_keeps_no_borrowed_connection() -> None:
    """SQLite's stays open for the next call; PostgreSQL's goes back to the pool."""
    bridge = Bridge(threads=1)
    bridge.start()

    async def use() -> None:
        await bridge.run(look)
        assert await bridge.run(is_open) is (connection.vendor == "sqlite")

    asyncio.run(use())
    bridge.stop()


@pytest.mark.django_db(transaction=True)
def test_a_thread_keeps_no_broken_connection() -> None:
    def leave_a_transaction_open() -> None:
        connection.set_autocommit(False)
        look()

    bridge = Bridge(threads=1)
    bridge.start()

    async def use() -> None:
        await bridge.run(leave_a_transaction_open)
        assert not await bridge.run(is_open)
        await bridge.run(look)

    asyncio.run(use())
    bridge.stop()


class Ends:
    """Both ends of a connection, one of them as the listener hands it out."""

    async def open(self, bridge: Bridge) -> None:
        here, there = socket.socketpair()
        self.there = there
        self.reader, self.writer = await asyncio.open_connection(sock=here)
        self.context = Context(house(bridge), "smtp", "192.0.2.1", 1)
        self.patience = Patience(self.reader, self.writer, self.context)

    def close(self) -> None:
        self.patience.end()
        self.writer.close()
        self.there.close()


def test_a_silent_client_is_given_up(bridge: Bridge) -> None:
    async def use() -> None:
        ends = Ends()
        await ends.open(bridge)
        begun = time.monotonic()
        ends.patience.wait(60)
        ends.patience.rest()
        ends.patience.wait(0.1)
        with pytest.raises(TooSlow):
            await ends.reader.readuntil(b"\n")
        assert time.monotonic() - begun < 5
        ends.close()

    asyncio.run(use())


def test_working_time_is_not_the_clients(bridge: Bridge) -> None:
    async def use() -> None:
        ends = Ends()
        await ends.open(bridge)
        ends.patience.wait(0.05)
        ends.patience.rest()
        await asyncio.sleep(0.15)
        ends.patience.wait(5)
        ends.there.sendall(b"here\n")
        assert await ends.reader.readuntil(b"\n") == b"here\n"
        ends.close()

    asyncio.run(use())


def test_a_byte_at_the_last_moment_saves_nobody(bridge: Bridge) -> None:
    """The reader was woken by it already when the time was over, and waits for the rest of the line."""

    async def use() -> None:
        ends = Ends()
        await ends.open(bridge)
        ends.patience.wait(60)
        reading = asyncio.ensure_future(ends.reader.readuntil(b"\n"))
        await asyncio.sleep(0)
        ends.patience._until = asyncio.get_running_loop().time() - 1
        ends.reader.feed_data(b"x")
        ends.patience._ring()
        with pytest.raises(TooSlow):
            await asyncio.wait_for(reading, 10)
        ends.close()

    asyncio.run(use())


def test_a_client_that_is_idle_is_told_of_the_end_and_a_busy_one_is_not(bridge: Bridge) -> None:
    async def use() -> None:
        for idle in (True, False):
            ends = Ends()
            await ends.open(bridge)
            ends.patience.wait(5, idle=idle)
            ends.context.house.stopping.set()
            for wake in list(ends.context.house.at_stop):
                wake()
            if idle:
                with pytest.raises(Closing):
                    await ends.reader.readuntil(b"\n")
            else:
                ends.there.sendall(b"data\n")
                assert await ends.reader.readuntil(b"\n") == b"data\n"
            with pytest.raises(Closing):
                ends.patience.wait(5, idle=True)
            ends.close()

    asyncio.run(use())


def test_a_port_in_use_is_named_with_the_setting_that_moves_it(bridge: Bridge) -> None:
    async def nobody(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: Context
    ) -> None: ...

    async def use() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            doors = [
                Door("IMAP_LISTEN", "imap", [("127.0.0.1", 0)], nobody, b""),
                Door("SMTP_LISTEN", "smtp", [("127.0.0.1", port)], nobody, b""),
            ]
            listener = Listener(house(bridge), doors)
            with pytest.raises(PortInUse, match=rf"127\.0\.0\.1:{port}.*SMTP_LISTEN"):
                await listener.open()
            assert listener.addresses == {}

    asyncio.run(use())


@pytest.mark.parametrize(
    ("ip", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("::ffff:192.0.2.1", False),
        ("fe80::1%eth0", False),
        ("", False),
        ("localhost", False),
    ],
)
def test_what_counts_as_this_machine(ip: str, local: bool) -> None:
    assert is_loopback(ip) is local


@pytest.mark.parametrize("text", ["a\r\nb", "a\nb", "a\0b", "a\x1b[31mb", "x" * 2000])
def test_nothing_quoted_in_a_reply_can_end_its_line(text: str) -> None:
    line = bytes(statuses.DONE.with_text(text))
    assert line.count(b"\n") == line.count(b"\r\n") == 1
    assert len(line) <= 512
    assert line[:-2].decode().isprintable()
