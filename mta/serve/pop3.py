"""POP3's front end: moves bytes between a socket and `wire.pop3`, and fetches what that asks for.

Every answer that needs the database or a password hash comes through the bridge. Knows no command: see the
engine. Called by `serve.main` through the listener.
"""

from __future__ import annotations

import asyncio
import logging

from mta import directory
from mta.directory import Login
from mta.mailstore import service as mailstore
from mta.serve import maildrop, statuses
from mta.serve.maildrop import Maildrop
from mta.serve.patience import Closing, Patience, TooSlow
from mta.serve.session import Context
from mta.wire.pop3 import Close, Pop3, Retrieve, Send, SignIn, StartTls, Update

log = logging.getLogger(__name__)

BEFORE_SIGN_IN_SECONDS = 60.0
IDLE_SECONDS = 600.0  # RFC 1939 §3: at least ten minutes
WRITE_SECONDS = 120.0
BLOCK = 64 * 1024


async def serve_pop3(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: Context) -> None:
    await Session(reader, writer, context).converse()


class Session:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: Context) -> None:
        self._reader, self._writer, self._context = reader, writer, context
        self._engine = Pop3(
            hostname=context.hostname,
            offers_tls=context.tls_context is not None,
            plaintext_ok=context.may_send_passwords,
        )
        self._patience = Patience(reader, writer, context)
        self._login: Login | None = None
        self._drop: Maildrop | None = None

    async def converse(self) -> None:
        try:
            await self._write(self._engine.greeting())
            while await self._act_on_all():
                data = await self._read()
                if not data:
                    return  # RFC 1939 §3: gone without QUIT, so nothing is deleted
                self._engine.receive(data)
        except TooSlow:
            self._writer.write(b"-ERR Nothing heard for too long, goodbye\r\n")
        except Closing:
            self._writer.write(b"-ERR [SYS/TEMP] The server is stopping, try again soon\r\n")
        finally:
            self._patience.end()
            if self._drop is not None:
                maildrop.release(self._drop.mailspace)

    async def _read(self) -> bytes:
        self._patience.wait(IDLE_SECONDS if self._login else BEFORE_SIGN_IN_SECONDS, idle=True)
        try:
            return await self._reader.read(BLOCK)
        finally:
            self._patience.rest()

    async def _write(self, data: bytes) -> None:
        """In pieces, so that a large message waits here and not in the transport's buffer."""
        view = memoryview(data)
        for start in range(0, len(view), BLOCK):
            self._writer.write(view[start : start + BLOCK])
            self._patience.wait(WRITE_SECONDS)
            await self._writer.drain()
            self._patience.rest()

    async def _act_on_all(self) -> bool:
        """Do what the engine wants until it wants bytes; False when the session is over.

        Replies to pipelined commands go out together.
        """
        replies = bytearray()
        while True:
            match self._engine.next():
                case Send(data=data):
                    replies += data
                    if len(replies) > BLOCK:
                        await self._write(bytes(replies))
                        replies.clear()
                case None:
                    await self._write(bytes(replies))
                    return True
                case Close():
                    await self._write(bytes(replies))
                    return False
                case StartTls(data=data):
                    await self._write(bytes(replies) + data)
                    replies.clear()
                    await self._context.start_tls(self._reader, self._writer)
                    self._engine.secured()
                case SignIn() | Retrieve() | Update() as event:
                    await self._ask(event)

    async def _ask(self, event: SignIn | Retrieve | Update) -> None:
        try:
            match event:
                case SignIn():
                    await self._sign_in(event)
                case Retrieve(message=message, lines=lines):
                    raw = await self._context.bridge.run(mailstore.raw, self._opened.mailspace, message)
                    self._engine.retrieved(raw, lines)
                case Update(uids=uids):
                    await self._context.bridge.run(
                        maildrop.delete, self._opened, uids, login=self._signed_in, ip=self._context.peer_ip
                    )
                    self._engine.updated()
        except Exception as error:
            code, text = statuses.pop3_code(error)
            if code:
                log.exception("pop3: a command of %s failed", self._context.peer_ip)
            self._engine.refused(text, code)

    @property
    def _opened(self) -> Maildrop:
        assert self._drop is not None  # noqa: S101 - the engine asks for messages only after sign-in
        return self._drop

    @property
    def _signed_in(self) -> Login:
        assert self._login is not None  # noqa: S101 - as above
        return self._login

    async def _sign_in(self, event: SignIn) -> None:
        given = event.credentials
        login = None
        # RFC 4616 §2: acting for someone else is a matter of grants, not of passwords.
        if given.authorize in {"", given.username}:
            login = await self._context.bridge.run(
                directory.current().sign_in,
                given.username,
                given.password,
                protocol="pop3",
                peer=self._context.peer_ip,
            )
        if login is None:
            log.info("pop3: wrong password for %r from %s", given.username[:100], self._context.peer_ip)
            await asyncio.sleep(0.5)
            self._engine.refused("Wrong name or password", "AUTH")
        elif not login.access:
            self._engine.refused("This account has no mailbox", "SYS/PERM")
        elif not maildrop.hold(login.access[0].mailspace):
            self._engine.refused("Another session has this mailbox open", "IN-USE")
        else:
            await self._open(login)

    async def _open(self, login: Login) -> None:
        mailspace = login.access[0].mailspace
        try:
            self._drop = await self._context.bridge.run(maildrop.read, mailspace)
        finally:
            if self._drop is None:
                maildrop.release(mailspace)
        self._login = login
        self._engine.opened(self._drop.items)
