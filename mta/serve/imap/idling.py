"""IDLE (RFC 2177): tell what changes as it changes, until the client says DONE."""

from __future__ import annotations

import asyncio
import logging

from django.db import DatabaseError

from mta.mailstore.errors import StoreError
from mta.serve.bridge import Busy
from mta.serve.imap.replies import Bad, Goodbye, Ok
from mta.serve.imap.session import Session
from mta.wire.imap import commands as c
from mta.wire.imap import engine as e
from mta.wire.imap import responses

log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0
# RFC 2177 §3: clients begin anew every 29 minutes; one that has not is not there any more.
LONGEST_SECONDS = 35 * 60.0
# Says that we are alive, and finds out whether the client is.
STILL_HERE_SECONDS = 4 * 60.0


async def idle(session: Session, command: c.Idle) -> Ok:
    session.send(b"+ Waiting for changes\r\n")
    session.engine.expect_line()
    session.wrote()  # what came before the bell was watched counts too
    said = asyncio.ensure_future(_line(session))
    said.add_done_callback(lambda _said: session.bell.set())  # one bell for both: the store and the client
    heartbeat = _Heartbeat(session)
    try:
        while not said.done():
            await _tell(session)
            await session.bell.wait()
        line = said.result()
    finally:
        heartbeat.stop()
        said.cancel()
        await asyncio.gather(said, return_exceptions=True)
    if line is None or line.strip().upper() != b"DONE":
        raise Bad("Expected DONE")
    return Ok("Idle ended")


class _Heartbeat:
    """Says a word now and then. One timer, however often the bell rings; nobody looks at the store for it."""

    __slots__ = ("_session", "_timer")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._start()

    def _start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(STILL_HERE_SECONDS, self._beat)

    def _beat(self) -> None:
        self._session.speak(responses.status("*", "OK", "Still here"))
        self._start()

    def stop(self) -> None:
        self._timer.cancel()


async def _line(session: Session) -> bytes | None:
    while (event := session.engine.next()) is None:
        session.engine.feed(await session.read(LONGEST_SECONDS))
    if isinstance(event, e.Flood):
        raise Goodbye(event.text)
    return event.line if isinstance(event, e.Line) else None


async def _tell(session: Session) -> None:
    try:
        await session.catch_up()
        await session.report(idle=True)
    except (StoreError, DatabaseError, Busy):
        log.warning("imap: could not look for changes for %s", session.context.peer_ip, exc_info=True)
        await asyncio.sleep(RETRY_SECONDS)
        session.bell.set()
    await session.flush_while_reading()
