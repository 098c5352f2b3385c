"""POP3's front end: moves bytes between a socket and `wire.pop3`, and fetches what that asks for.

Every answer that needs the database or a password hash comes through the bridge. Knows no command: see the
engine. Called by `serve.main` through the listener.
"""

from __future__ import annotations

import asyncio
import logging

from mta.mailstore.errors import NoSuchMessage
from mta.serve import maildrop, statuses
from mta.serve.maildrop import LeaseLost, NotOpened, Opened, WrongPassword
from mta.serve.patience import Closing, Patience, TooSlow
from mta.serve.readahead import ReadAhead
from mta.serve.session import Context
from mta.wire import sasl
from mta.wire.pop3 import Close, Pop3, Retrieve, Send, SignIn, StartTls, Update

log = logging.getLogger(__name__)

BEFORE_SIGN_IN_SECONDS = 60.0
IDLE_SECONDS = 600.0  # RFC 1939 §3: at least ten minutes
WRITE_SECONDS = 120.0
BLOCK = 64 * 1024
LARGE = 64 * 1024  # of such a message only the header is read, if no more is wanted
STEPS_AT_ONCE = 200  # of pipelined commands, before others have their turn


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
        self._replies: list[bytes] = []
        self._waiting = 0  # bytes in there
        self._opened: Opened | None = None
        self._ahead: ReadAhead | None = None
        self._resting = False  # nothing to do until bytes come

    async def converse(self) -> None:
        try:
            self._reply(self._engine.greeting())
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
            if self._ahead is not None:
                self._ahead.end()
            if self._opened is not None:
                house = self._context.house
                await maildrop.close(self._opened, house.leases, house.bridge)

    async def _read(self) -> bytes:
        self._patience.wait(IDLE_SECONDS if self._opened else BEFORE_SIGN_IN_SECONDS, idle=True)
        self._resting = True
        try:
            return await self._reader.read(BLOCK)
        finally:
            self._resting = False
            self._patience.rest()

    def _reply(self, data: bytes) -> None:
        self._replies.append(data)
        self._waiting += len(data)

    async def _flush(self) -> None:
        """Send what is to be said, and wait here while the client does not take it."""
        if not self._replies:
            return
        data = self._replies[0] if len(self._replies) == 1 else b"".join(self._replies)
        self._replies.clear()
        self._waiting = 0
        self._patience.wait(WRITE_SECONDS)
        self._writer.write(data)
        await self._writer.drain()
        self._patience.rest()

    async def _act_on_all(self) -> bool:
        """Do what the engine wants until it wants bytes; False when the session is over.

        Replies to pipelined commands go out together.
        """
        steps = 0
        while True:
            steps += 1
            if steps % STEPS_AT_ONCE == 0:
                await asyncio.sleep(0)
            event = self._engine.next()
            match event:
                case Send(data=data):
                    self._reply(data)
                    if self._waiting > BLOCK:
                        await self._flush()
                        await asyncio.sleep(0)
                case None | Close():
                    await self._flush()
                    return event is None
                case Retrieve(number=number, whole=whole):
                    raw = self._ahead.take(number, whole=whole) if self._ahead else None
                    if raw is None:
                        await self._ask(event)
                    else:
                        self._hand_over(number, raw, whole=whole)
                case StartTls(data=data):
                    self._reply(data)
                    await self._flush()
                    await self._context.start_tls(self._reader, self._writer)
                    self._engine.secured()
                case SignIn() | Update():
                    await self._ask(event)

    async def _ask(self, event: SignIn | Retrieve | Update) -> None:
        try:
            match event:
                case SignIn(credentials=given):
                    await self._sign_in(given)
                case Retrieve(number=number, header=True) if self._here()[0].drop.size(number) > LARGE:
                    opened, _ahead = self._here()
                    header = await self._context.bridge.run(maildrop.header, opened, number)
                    self._engine.retrieved(header)
                case Retrieve(number=number, whole=whole):
                    await self._retrieve(number, whole=whole)
                case Update(uids=uids):
                    await self._update(uids)
        except Exception as error:
            code, text = statuses.pop3_code(error)
            if code:
                log.exception("pop3: a command of %s failed", self._context.peer_ip)
            self._engine.refused(text, code)

    async def _sign_in(self, given: sasl.Plain) -> None:
        house, ip = self._context.house, self._context.peer_ip
        try:
            self._opened = await house.bridge.run(maildrop.enter, given, ip, house.leases)
        except WrongPassword:
            log.info("pop3: wrong password for %r from %s", given.username[:100], ip)
            await asyncio.sleep(0.5)
            self._engine.refused("Wrong name or password", "AUTH")
        except NotOpened as refusal:
            self._engine.refused(refusal.text, refusal.code)
        else:
            house.leases.keep(house.bridge)
            if self._context.entry is not None:
                self._context.entry.signed_in()  # a mailbox has one session at a time, which is limit enough
            drop, mailspace = self._opened.drop, self._opened.mailspace
            self._ahead = ReadAhead(drop, mailspace, bridge=house.bridge, shelf=house.leases.shelf)
            self._engine.opened(drop)
            self._reader.feed_data = self._fed  # type: ignore[method-assign, assignment]

    async def _retrieve(self, number: int, *, whole: bool) -> None:
        _opened, ahead = self._here()
        raw = await ahead.fetch(number, whole=whole)
        if raw is None:
            raise NoSuchMessage
        self._hand_over(number, raw, whole=whole)

    def _hand_over(self, number: int, raw: bytes, *, whole: bool) -> None:
        if whole and self._opened is not None:
            self._opened.retrieved.add(number)
        self._engine.retrieved(raw)

    def _fed(self, data: bytes) -> None:
        """What the transport calls with bytes, in place of the reader's own.

        The commonest step of all, one RETR of a message that is here already while nothing else is going on,
        is answered on the spot: waking this session's task for it would cost more than the rest.
        """
        quiet = self._resting and not self._context.stopping.is_set()
        if quiet and not self._reader._buffer:  # type: ignore[attr-defined]
            number = self._engine.single_retr(data)
            if number and not self._writer.transport.get_write_buffer_size() and self._at_once(number):
                return
        asyncio.StreamReader.feed_data(self._reader, data)

    def _at_once(self, number: int) -> bool:
        opened, ahead = self._here()
        raw = ahead.take(number, whole=True)
        if raw is None:
            return False
        opened.retrieved.add(number)
        self._writer.write(self._engine.reply(raw))
        self._patience.wait(IDLE_SECONDS, idle=True)
        return True

    async def _update(self, uids: tuple[int, ...]) -> None:
        opened, _ahead = self._here()
        house = self._context.house
        try:
            await house.bridge.run(maildrop.update, opened, uids, house.leases.holder)
        except LeaseLost:
            self._engine.refused("This session lost its hold on the mailbox; nothing was deleted", "SYS/TEMP")
            return
        # Before the goodbye: a client may be back as soon as it has read that.
        house.leases.forget(opened.mailspace)
        self._opened = None
        self._engine.updated()

    def _here(self) -> tuple[Opened, ReadAhead]:
        assert self._opened is not None  # noqa: S101 - the engine asks for messages only after sign-in
        assert self._ahead is not None  # noqa: S101 - as above
        return self._opened, self._ahead
