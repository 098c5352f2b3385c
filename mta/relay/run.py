"""One run of the relay: claim what is due, deliver it, settle each recipient, until nothing is due.

Many domains are served at once, each with one carrier for all its messages; a slow one holds up no other,
because the run goes on claiming while it waits. A run may stop or die at any moment: what it had claimed
comes back when its lease ends, or at once if it was not begun. Blocking work (the database, the store) runs in one
thread beside the loop. Called by `mta.relay.tasks`; any number of runs may go on at the same time.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from mta import directory, resolver
from mta.flow import bounce, local
from mta.queue import service as queue
from mta.queue.errors import NoSuchOutgoing
from mta.queue.values import SUBMISSION, WEB, Claimed, Outcome, OutgoingInfo
from mta.relay import world
from mta.relay.deliver import Carrier, Parcel, Patience, To
from mta.relay.route import route
from mta.relay.world import Smarthost, World

log = logging.getLogger(__name__)
T = TypeVar("T")
_Message = tuple[OutgoingInfo, bytes, list[Claimed]]

WINDOW = 100  # recipients a run has in its hands at most
LOOK_AGAIN = 1.0  # seconds between looks at the queue while others are being delivered
SETTLE_AGAIN = (0.5, 2.0, 10.0, 30.0)  # seconds between attempts to record a result
GRACE = 5.0  # seconds that deliveries may go on once told to stop

stopping = threading.Event()  # the worker is shutting down: claim nothing more


def run(*, patience: Patience | None = None, window: int = WINDOW) -> int:
    """Deliver everything due; how many recipients were tried. Blocks; brings its own event loop."""
    return asyncio.run(_Run(world.from_settings(), patience or Patience(), window).until_done())


class _Run:
    def __init__(self, here: World, patience: Patience, window: int) -> None:
        self._world = here
        self._patience = patience
        self._window = window
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="relay-store")
        self._busy: dict[asyncio.Task[None], int] = {}  # and how many recipients it has
        self._tried = 0

    async def until_done(self) -> int:
        try:
            while not stopping.is_set():
                if await self._claim() == 0 and not self._busy:
                    break
                await self._wait(LOOK_AGAIN)
            await self._wind_up()
        finally:
            await self._blocking(lambda: connection.close())  # looked up in its thread, whose it is
            self._thread.shutdown()
        return self._tried

    async def _claim(self) -> int:
        """Start on what is due, as far as there is room; how many recipients that was."""
        room = self._window - sum(self._busy.values())
        if room <= 0 or not await self._blocking(queue.due):
            return 0
        claims = await self._blocking(lambda: queue.claim(limit=room))
        by_domain: dict[str, list[Claimed]] = defaultdict(list)
        for claimed in claims:
            by_domain[claimed.domain].append(claimed)
        for domain, group in by_domain.items():
            task = asyncio.create_task(self._serve(domain, group))
            self._busy[task] = len(group)
        self._tried += len(claims)
        return len(claims)

    async def _wait(self, seconds: float) -> None:
        if not self._busy:
            return
        done, _ = await asyncio.wait(self._busy, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            del self._busy[task]

    async def _wind_up(self) -> None:
        """Told to stop: a little time to finish, then each gives back what it has not begun."""
        if self._busy:
            _, late = await asyncio.wait(self._busy, timeout=GRACE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _blocking(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _settle(self, info: OutgoingInfo, pairs: Sequence[tuple[Claimed, Outcome]], raw: bytes) -> None:
        """Record what the other side said. Should the database not answer, ask again: a result that is
        lost means a message sent twice."""
        for pause in SETTLE_AGAIN:
            try:
                await self._blocking(lambda: bounce.settle(info, pairs, raw=raw))
                return
            except (DatabaseError, InterfaceError) as trouble:
                log.warning("relay: a result could not be recorded, trying again: %s", trouble)
                await asyncio.sleep(pause)
                await self._blocking(close_old_connections)
        await self._blocking(lambda: bounce.settle(info, pairs, raw=raw))

    # --- one domain
    async def _serve(self, domain: str, claims: Sequence[Claimed]) -> None:
        """Try all claimed recipients of one domain. What goes wrong here costs this group one attempt."""
        waiting = {claimed.id: claimed for claimed in claims}
        carrier: Carrier | None = None
        try:
            messages = await self._blocking(lambda: _messages(claims))
            is_local = await self._blocking(lambda: directory.current().is_local_domain(domain))
            by_way: dict[Smarthost | None, list[_Message]] = {None: messages}
            if not is_local:
                by_way = await self._blocking(lambda: _ways(messages))
            for way, some in by_way.items():
                world = self._world if way is None else replace(self._world, smarthost=way)
                targets = () if is_local else await route(domain, resolver=resolver.current(), world=world)
                if isinstance(targets, Outcome) or is_local:
                    for info, raw, group in some:
                        await self._blocking(partial(_settle_here, info, raw, group, targets))
                        for claimed in group:
                            del waiting[claimed.id]
                    continue
                async with Carrier(targets, world, patience=self._patience) as carrier:
                    for info, raw, group in some:
                        outcomes = await carrier.send(_parcel(info, raw, group))
                        pairs = [(claimed, outcomes[claimed.address]) for claimed in group]
                        await self._settle(info, pairs, raw)
                        for claimed in group:
                            del waiting[claimed.id]
        except asyncio.CancelledError:
            # If the other side may have the message already, only the end of the lease may bring it back.
            if carrier is None or not carrier.committed:
                await self._blocking(lambda: queue.give_back(waiting.values()))
            raise
        except Exception:
            # The lease brings them back later; nothing here may end the run for other domains.
            log.exception("relay: an attempt for %s failed on our side", domain)


def _messages(claims: Sequence[Claimed]) -> list[_Message]:
    """The claimed recipients by message, with its bytes."""
    close_old_connections()
    by_message: dict[int, list[Claimed]] = defaultdict(list)
    for claimed in claims:
        by_message[claimed.outgoing].append(claimed)
    found: list[_Message] = []
    for id, group in by_message.items():
        try:
            found.append((queue.outgoing(id), queue.raw(id), group))
        except NoSuchOutgoing:
            log.error("queue: message %s has recipients but no bytes", id)
    return found


def _ways(messages: Sequence[_Message]) -> dict[Smarthost | None, list[_Message]]:
    """The messages by the way they leave: ours (None), or the server of the address that somebody writes from."""
    found: dict[Smarthost | None, list[_Message]] = {}
    for message in messages:
        info, way = message[0], None
        if info.sender and info.kind in (WEB, SUBMISSION):
            asked = directory.current().smart_host_for(info.sender, info.mailspace)
            if asked is not None:
                way = Smarthost(asked.host, asked.port, asked.username, asked.password, asked.tls, True)
        found.setdefault(way, []).append(message)
    return found


def _settle_here(
    info: OutgoingInfo, raw: bytes, group: Sequence[Claimed], outcome: Outcome | Sequence[object]
) -> None:
    """For recipients that need no connection: ours, or without a way to them."""
    if isinstance(outcome, Outcome):
        bounce.settle(info, [(claimed, outcome) for claimed in group], raw=raw)
    else:
        local.deliver(info, raw, group)


def _parcel(info: OutgoingInfo, raw: bytes, group: Sequence[Claimed]) -> Parcel:
    return Parcel(
        sender=info.sender,
        raw=raw,
        recipients=tuple(To(claimed.address, claimed.notify, claimed.orcpt) for claimed in group),
        ret=info.ret,
        envid=info.envid,
    )
