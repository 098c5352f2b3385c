"""Ann at a.test with a queue, and an internet of scripted sinks that a fake resolver leads to."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from mta import directory, resolver
from mta.mailstore import service as mailstore
from mta.queue import service as queue
from mta.queue.values import NewOutgoing, NewRecipient
from tests.fake_directory import FakeDirectory
from tests.fake_resolver import FakeResolver
from tests.scripted_sink import ScriptedSink


class Internet:
    """Each domain has a sink of its own on 127.0.0.x, all on one port, as the relay expects."""

    def __init__(self) -> None:
        self.zone: dict[str, dict[str, list[object]]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._sinks: list[ScriptedSink] = []
        self.port = 0

    def add(self, domain: str, **script: object) -> ScriptedSink:
        host = f"127.0.0.{10 + len(self._sinks)}"
        sink = ScriptedSink(host=host, port=self.port, **script)  # type: ignore[arg-type]
        asyncio.run_coroutine_threadsafe(sink.__aenter__(), self._loop).result(10)
        self.port = sink.port
        self._sinks.append(sink)
        self.zone[domain] = {"MX": [(10, f"mx.{domain}")]}
        self.zone[f"mx.{domain}"] = {"A": [host]}
        return sink

    def close(self) -> None:
        for sink in self._sinks:
            asyncio.run_coroutine_threadsafe(sink.__aexit__(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def internet(settings: object) -> Iterator[Internet]:
    here = Internet()
    settings.RELAY_ALLOW_PRIVATE = True  # type: ignore[attr-defined]
    with ExitStack() as stack:
        stack.callback(here.close)
        stack.enter_context(resolver.use(FakeResolver(here.zone)))
        yield here


@pytest.fixture
def ann(transactional_db: None) -> Iterator[int]:
    mailspace = mailstore.create_mailspace()
    with directory.use(FakeDirectory({"ann@a.test": mailspace})):
        yield mailspace


@pytest.fixture
def enqueue(ann: int) -> Callable[..., int]:
    def put(*addresses: str, **more: object) -> int:
        values = {
            "kind": "web",
            "sender": "ann@a.test",
            "raw": b"From: ann@a.test\r\nSubject: Lunch\r\n\r\nhello\r\n",
            "mailspace": ann,
        } | more
        recipients = tuple(NewRecipient(address) for address in addresses)
        return queue.enqueue(NewOutgoing(recipients=recipients, **values))  # type: ignore[arg-type]

    return put
