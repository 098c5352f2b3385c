"""The outside world of a test: one SMTP server for everybody at outside.test, with people the test can change.

    with serving(ZONE) as dns, OutsideWorld(folder) as world:
        product = Product(..., dns_servers=dns.address)
        product.env["RELAY_PORT"] = str(world.port)
        world.encrypts_with(cert, key)   # once the product has made its certificate

`slow@` asks everybody to come back later until `world.patient` is false, `full@` has no room until `world.full` is
false, `nobody@` does not exist; everybody else takes everything (and nobody answers).
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from mta.sandbox.shelf import Shelf
from mta.sandbox.sink import Outsiders, serve

ZONE = {"outside.test": {"MX": ["10 mx.outside.test."]}, "mx.outside.test": {"A": ["127.0.0.1"]}}


async def _nobodys(_domain: str) -> bool:
    return False


class _People(Outsiders):
    """What each of them says to RCPT is the test's to decide."""

    def __init__(self, shelf: Shelf, world: OutsideWorld) -> None:
        super().__init__(shelf, is_ours=_nobodys)
        self._world = world

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        who = address.partition("@")[0].lower()
        self._world.asked.append(address)
        if who == "slow" and self._world.patient:
            return "451 4.7.1 Slowly, please: try again later"
        if who == "full" and self._world.full:
            return "552 5.2.2 This mailbox is full"
        if who == "nobody":
            return "550 5.1.1 Nobody here by that name"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Fine"


class OutsideWorld:
    """Serves from a thread of its own; `asked` are the recipients that were named to it, in order."""

    def __init__(self, folder: Path) -> None:
        self.shelf = Shelf(folder)
        self.patient = self.full = True
        self.asked: list[str] = []
        self.port = 0
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="outside-world", daemon=True)

    def encrypts_with(self, cert: Path, key: Path) -> None:
        self._tls.load_cert_chain(cert, key)

    def __enter__(self) -> OutsideWorld:
        self._thread.start()
        people = _People(self.shelf, self)
        opening = serve(people, host="127.0.0.1", port=0, tls=self._tls, size=1 << 26)
        self._server = asyncio.run_coroutine_threadsafe(opening, self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
