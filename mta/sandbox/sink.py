"""The SMTP server that is everybody outside: it takes all mail, and some of its mailboxes behave oddly.

    echo@   answers in seconds, like a person with little to say
    slow@   refuses each message once ("try again later"), then takes it
    full@   has a full mailbox, always
    nobody@ does not exist

Runs in the sandbox process's event loop; blocking work goes to threads.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial

from aiosmtpd.smtp import SMTP, Envelope, Session

from mta.message.address import BadAddress
from mta.sandbox import post
from mta.sandbox.post import NotDelivered
from mta.sandbox.shelf import Kept, Shelf

log = logging.getLogger(__name__)

ECHO_AFTER = 2.0  # seconds: soon enough to watch, late enough to look like an answer
_TRIES = 5
_REMEMBERED = 1000


class Outsiders:
    """The handler that aiosmtpd asks (its contract: `handle_RCPT`, `handle_DATA`)."""

    def __init__(self, shelf: Shelf, *, is_ours: Callable[[str], Awaitable[bool]]) -> None:
        self._shelf = shelf
        self._is_ours = is_ours
        self._deferred: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self._answers: set[asyncio.Task[None]] = set()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        local, _at, domain = address.rpartition("@")
        who = local.lower()
        if await self._is_ours(domain.lower()):
            return "550 5.7.1 This is the outside world, that address is inside"
        if who == "full":
            return "552 5.2.2 This mailbox is full"
        if who == "nobody":
            return "550 5.1.1 Nobody here by that name"
        if who == "slow" and self._first_time(envelope, address):
            return "451 4.7.1 Slowly, please: try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Fine"

    def _first_time(self, envelope: Envelope, address: str) -> bool:
        """Whether this message comes for the first time; the same message again is its second try."""
        key = (str(envelope.mail_from), address, " ".join(envelope.mail_options))
        if key in self._deferred:
            del self._deferred[key]
            return False
        self._deferred[key] = None
        while len(self._deferred) > _REMEMBERED:
            self._deferred.popitem(last=False)
        return True

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        encrypted = session.ssl["cipher"] if isinstance(session.ssl, dict) else session.ssl
        keep = partial(
            self._shelf.add,
            raw,
            sender=envelope.mail_from or "",
            recipients=tuple(envelope.rcpt_tos),
            tls="TLS" if encrypted else "",
        )
        kept = await asyncio.to_thread(keep)
        log.info("outside: <%s> to %s", kept.sender, ", ".join(kept.recipients))
        for address in kept.recipients:
            if address.lower().startswith("echo@") and kept.sender and post.may_be_answered(raw):
                task = asyncio.create_task(self._echo(kept, raw, address))
                self._answers.add(task)
                task.add_done_callback(self._answers.discard)
        return "250 2.0.0 Arrived outside"

    async def _echo(self, kept: Kept, raw: bytes, address: str) -> None:
        words = "Thank you for your message. This is what I read:"
        try:
            reply, recipient = post.answer(raw, sender=address, text=words)
        except BadAddress:
            return
        for attempt in range(_TRIES):
            await asyncio.sleep(ECHO_AFTER * (attempt + 1))
            try:
                await asyncio.to_thread(post.deliver, reply, sender=address, recipient=recipient)
                return
            except NotDelivered as refused:
                log.info("outside: the answer to %s was not taken: %s", kept.id, refused)

    async def stop(self) -> None:
        for task in list(self._answers):
            task.cancel()
        await asyncio.gather(*self._answers, return_exceptions=True)


class _Smtp(SMTP):
    line_length_limit = 1 << 16


async def serve(
    handler: Outsiders, *, host: str, port: int, tls: ssl.SSLContext | None, size: int
) -> asyncio.Server:
    """Listen. `port` 0 takes any; the caller closes the server."""
    loop = asyncio.get_running_loop()

    def session() -> _Smtp:
        return _Smtp(
            handler,
            hostname="mx.outside.test",
            ident="Outside world",
            data_size_limit=size,
            enable_SMTPUTF8=True,
            tls_context=tls,
            loop=loop,
            timeout=120,
        )

    return await loop.create_server(session, host, port)
