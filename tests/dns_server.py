"""A DNS of the tests: a plain mapping served over UDP and TCP on loopback, from a thread of its own.

    with serving({"a.test": {"MX": ["10 mx.a.test."]}, "mx.a.test": {"A": ["127.0.0.1"]}}) as dns:
        Product(..., dns_servers=dns.address)

The mapping may be changed while the server runs.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mta.sandbox.dns import DnsServer, Lookup, Zone, from_zone


class ServingDns:
    """A running server; `host`, `port` and `address` ("127.0.0.1:12345") say where."""

    def __init__(self, lookup: Lookup, *, port: int = 0) -> None:
        self._server = DnsServer(lookup, port=port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="test-dns", daemon=True)

    def start(self) -> ServingDns:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(10)
        return self

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def host(self) -> str:
        return self._server.host

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


@contextmanager
def serving(zone: Zone | Lookup) -> Iterator[ServingDns]:
    """A DNS that answers from a mapping (or from a function) for the length of a block."""
    server = ServingDns(zone if callable(zone) else from_zone(zone)).start()
    try:
        yield server
    finally:
        server.stop()
