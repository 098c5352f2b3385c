"""A client's side of IMAP conversations, against the real server code and a real store.

The server's coroutine runs in an event loop of its own thread, over a socket pair; what it asks of the store
runs in the test's thread (`Desk`), inside the test's transaction. So a dialogue costs milliseconds and
needs no clean-up.
"""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from mta import directory
from mta.directory import Access, Login
from mta.mailstore import service as mailstore
from mta.serve.imap import serve_imap, shelf
from mta.serve.session import Context, House
from mta.values import Cause

CAUSE = Cause("task", "test")
PATIENCE = 4.0


class Desk:
    """A bridge whose thread is the test's: jobs wait until `pump` runs them."""

    def __init__(self) -> None:
        self.jobs: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        self.calls: list[str] = []

    async def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        future: Future[Any] = Future()
        self.calls.append(getattr(function, "__name__", "?"))
        self.jobs.put((future, lambda: function(*args, **kwargs)))
        return await asyncio.wrap_future(future)

    def pump(self) -> bool:
        try:
            future, call = self.jobs.get_nowait()
        except queue.Empty:
            return False
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(call())
            except BaseException as error:
                future.set_exception(error)
        return True


class OnePerson:
    """A directory that knows ann, whose password is secret."""

    def __init__(self, mailspace: int) -> None:
        self.mailspace = mailspace

    def sign_in(self, username: str, password: str, *, protocol: str, peer: str) -> Login | None:
        assert protocol == "imap"
        if (username, password) == ("ann", "secret"):
            return Login(1, "ann@example.test", (Access(self.mailspace, "ann@example.test", "own"),))
        if (username, password) == ("nobody", "secret"):
            return Login(2, "nobody", ())
        return None


class Server:
    """The loop's thread, the store's mailspace, and everybody who is connected."""

    def __init__(self, mailspace: int, *, max_message_size: int = 1_000_000) -> None:
        self.mailspace = mailspace
        self.desk = Desk()
        self.loop = asyncio.new_event_loop()
        self.watchers: list[Callable[[], None]] = []
        self.tls_context: Any = None
        self.peer = "127.0.0.1"
        self.clients: list[Client] = []
        self._size = max_message_size
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.house = asyncio.run_coroutine_threadsafe(self._house(), self.loop).result()

    async def _house(self) -> House:
        return House(
            bridge=self.desk,  # type: ignore[arg-type]
            watch=self._watch,
            tls_context=self.tls_context,
            hostname="mail.example.test",
            max_message_size=self._size,
            stopping=asyncio.Event(),
        )

    def _watch(self, mailspace: int, callback: Callable[[], None]) -> Callable[[], None]:
        assert mailspace == self.mailspace
        self.watchers.append(callback)
        return lambda: self.watchers.remove(callback)

    def ring(self) -> None:
        for callback in list(self.watchers):
            self.loop.call_soon_threadsafe(callback)

    def connect(self, *, greeting: bool = True) -> Client:
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        theirs.setblocking(False)
        client = Client(self, ours)
        client.served = asyncio.run_coroutine_threadsafe(self._serve(theirs), self.loop)
        self.clients.append(client)
        if greeting:
            client.expect_line()
        return client

    async def _serve(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            await serve_imap(reader, writer, Context(self.house, "imap", self.peer, 1234))
        finally:
            writer.close()

    def stop(self) -> None:
        for client in self.clients:
            client.close()
        until = time.monotonic() + PATIENCE
        while self.house.chores and time.monotonic() < until:  # what no client waits for is done all the same
            if not self.desk.pump():
                time.sleep(0.0005)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE)
        self.loop.close()


class Client:
    """A socket that speaks lines; while it waits, the server's store calls are run."""

    def __init__(self, server: Server, connection: socket.socket) -> None:
        self.server = server
        self.served: Future[None]
        self._socket = connection
        self._buffer = b""

    def send(self, data: bytes) -> None:
        self._wait_until(lambda: self._try_send(data))

    def _try_send(self, data: bytes) -> bool:
        view = memoryview(data)
        until = time.monotonic() + PATIENCE
        while view:
            assert time.monotonic() < until, "the server does not read"
            try:
                view = view[self._socket.send(view) :]
            except BlockingIOError:
                self.server.desk.pump() or time.sleep(0.0005)
            except (BrokenPipeError, ConnectionResetError):
                return True
        return True

    def line(self, text: str) -> None:
        self.send(text.encode() + b"\r\n")

    def expect_line(self) -> str:
        """The next line of the server, or "" when it has hung up."""
        self._wait_until(lambda: b"\r\n" in self._buffer or not self._receive())
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line.decode("utf-8", "replace")

    def expect_bytes(self, count: int) -> bytes:
        self._wait_until(lambda: len(self._buffer) >= count or not self._receive())
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def answer(self, text: str) -> bytes:
        """Send a command; everything before its tagged OK, byte for byte."""
        self.line(text)
        end = b"\r\n" + text.partition(" ")[0].encode() + b" OK "

        def is_there() -> bool:
            tail = (b"\r\n" + self._buffer)[-200:]
            return end in tail and tail.endswith(b"\r\n")

        self._wait_until(lambda: is_there() or not self._receive())
        found, _, _ = (b"\r\n" + self._buffer).rpartition(end)
        self._buffer = b""
        return found[2:] + b"\r\n" if found else b""

    def command(self, text: str) -> list[str]:
        """Send a command; every line up to and with its tagged answer."""
        self.line(text)
        tag = text.partition(" ")[0]
        lines = [self.expect_line()]
        while not lines[-1].startswith(tag + " "):
            assert lines[-1] or self._buffer, f"hung up after {lines}"
            lines.append(self.expect_line())
        return lines

    def ok(self, text: str) -> list[str]:
        lines = self.command(text)
        assert " OK " in lines[-1], lines
        return lines

    def sign_in(self) -> Client:
        self.ok("in LOGIN ann secret")
        return self

    def hung_up(self) -> bool:
        self._wait_until(lambda: not self._receive())
        return True

    def _receive(self) -> bool:
        """Take what is there; false when the server has closed."""
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False
        self._buffer += data
        return bool(data)

    def _wait_until(self, done: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE
        while not done():
            if not self.server.desk.pump():
                time.sleep(0.0005)
            assert time.monotonic() < until, f"nothing more came; last: {self._buffer[-500:]!r}"

    def close(self) -> None:
        """Vanish, and see the server's side end without an error."""
        self._socket.close()
        until = time.monotonic() + PATIENCE
        while not self.served.done():
            if not self.server.desk.pump():
                time.sleep(0.0005)
            assert time.monotonic() < until, "the session does not end"
        error = self.served.exception()
        assert error is None or isinstance(error, ConnectionError | TimeoutError), repr(error)


@contextmanager
def serving(**options: Any) -> Iterator[Server]:
    """A server for ann's new, empty mailspace."""
    shelf.clear()
    server = Server(mailstore.create_mailspace(), **options)
    with directory.use(OnePerson(server.mailspace)):  # type: ignore[arg-type]
        try:
            yield server
        finally:
            server.stop()
