"""One IMAP connection: reads events from the engine, runs one command at a time, tells what changed.

Holds what a session is (who signed in, which mailbox is selected, what its client was told) and the few
moves all commands share: `call` a blocking function, `send`, `catch_up`, `report`. What the commands do is in
the modules `table` names. A broken command answers NO [SERVERBUG] and the session goes on; a client that
vanishes leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, ParamSpec, TypeVar, cast

from django.conf import settings
from django.db import DatabaseError

from mta.directory import Login
from mta.mailstore import service as mailstore
from mta.mailstore.errors import StoreError
from mta.serve import statuses
from mta.serve.bridge import Busy
from mta.serve.imap.replies import Answered, Bad, Goodbye, No, Ok
from mta.serve.patience import Closing, Patience, TooSlow
from mta.serve.session import Context
from mta.values import Cause, FlagTable, ViewRow
from mta.wire.deflate import BrokenStream, Deflate
from mta.wire.imap import capabilities, responses
from mta.wire.imap import commands as c
from mta.wire.imap import engine as e
from mta.wire.imap.view import Selection

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

LOGIN_SECONDS = 60.0  # in all, from the greeting to the sign-in
IDLE_SECONDS = 30 * 60.0  # RFC 3501 §5.4: at least 30 minutes
WRITE_SECONDS = 120.0
READ_AT_ONCE = 64 * 1024
FLUSH_ABOVE = 64 * 1024
MOST_ERRORS = 15  # in a row
UNNAMED = "IMAP client"
SPOOL_ABOVE = 256 * 1024
TURNS = 50  # events answered before others have their turn
LINES_AT_ONCE = 1000  # untagged responses between two breaths
INFLATED_AT_ONCE = 256 * 1024  # octets taken out of a compressed stream before they are looked at

# RFC 3501 §7.4.1, RFC 5256 §3: no EXPUNGE while these are answered, unless they go by UID.
BY_NUMBER = (c.Fetch, c.Store, c.Search, c.Sort, c.Thread)
# RFC 3501 §6.4.3, RFC 6851 §3.3: what these remove is told before they end.
REMOVING = (c.Expunge, c.Move)

Handler = Callable[["Session", Any], Awaitable[Ok]]


class Session:
    """One connection. `selection`, `login` and `mailspace` are set by the commands."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        context: Context,
        commands: Mapping[type[c.Command], tuple[str, Handler]],
    ) -> None:
        self.context = context
        self.engine = e.Engine(max_message=context.max_message_size, spool=_spool)
        self.login: Login | None = None
        self.mailspace = 0
        self.selection: Selection | None = None
        self.client = UNNAMED
        self.condstore = False  # RFC 7162 §3.1: MODSEQ in every FETCH
        self.qresync = False  # RFC 7162 §3.2: VANISHED instead of EXPUNGE
        self.rev2 = False  # RFC 9051, enabled by the client
        self.utf8 = False  # names and quoted strings in UTF-8 (RFC 9051 §5.1, RFC 6855 §3)
        self.utf8_accepted = False  # UTF8=ACCEPT: headers in UTF-8, too
        self.failed_sign_ins = 0
        self.tag = ""
        self.bell = asyncio.Event()
        self._reader, self._writer = reader, writer
        self._commands = commands
        self._patience = Patience(reader, writer, context)
        self._out: list[bytes] = []
        self._out_size = 0
        self._errors = 0
        self._turns = 0
        self._unwatch: Callable[[], None] | None = None
        self._deflate: Deflate | None = None
        self._login_until = asyncio.get_running_loop().time() + LOGIN_SECONDS

    # --- the conversation

    async def serve(self) -> None:
        self.send(responses.status("*", "OK", "Mailstead is ready", self.capabilities_code()))
        try:
            while True:
                await self._answer(await self.event())
        except Goodbye as goodbye:
            self.send(responses.status("*", "BYE", goodbye.text, goodbye.code))
            await self._last_words()
        except TooSlow:
            self.send(responses.status("*", "BYE", "Nothing heard for too long"))
            await self._last_words()
        except Closing:
            self.send(responses.status("*", "BYE", "The server is stopping, come back soon", b"UNAVAILABLE"))
            await self._last_words()
        except _Gone:
            pass
        finally:
            await self._leave()

    async def event(self) -> e.Event:
        """The next thing the client says. Sends what is waiting before it waits itself."""
        self._turns += 1
        if self._turns % TURNS == 0:  # thousands of commands may be here already
            await asyncio.sleep(0)
        while (event := self.engine.next()) is None:
            await self.flush()
            self.engine.feed(await self.read())
        return event

    async def read(self, seconds: float = IDLE_SECONDS) -> bytes:
        """What the client says next, uncompressed."""
        if self._deflate is None:
            return await self._read(seconds)
        try:
            while not (data := self._deflate.take(INFLATED_AT_ONCE)):
                self._deflate.feed(await self._read(seconds))
            await asyncio.sleep(0)  # a little that arrived may be a lot that comes out
        except BrokenStream as error:
            raise Goodbye("What arrives is not compressed as agreed") from error
        return data

    async def _read(self, seconds: float) -> bytes:
        if self.login is None:
            seconds = max(0.1, self._login_until - asyncio.get_running_loop().time())
        self._patience.wait(seconds, idle=True)
        try:
            data = await self._reader.read(READ_AT_ONCE)
        finally:
            self._patience.rest()
        if not data:
            raise _Gone
        return data

    async def _answer(self, event: e.Event) -> None:
        match event:
            case e.Issued(tag, command):
                await self._carry_out(tag, command)
                if self._out_size > FLUSH_ABOVE:  # more commands may be here already
                    await self.flush()
            case e.Continue():
                self.send(b"+ Ready\r\n")
            case e.Malformed(tag, text):
                self._error(responses.status(tag, "BAD", text))
            case e.Refused(tag, code, text):
                self._error(responses.status(tag, "NO", text, code.encode()))
            case e.Flood(text):
                raise Goodbye(text)
            case e.Line():
                self._error(responses.status("*", "BAD", "Nothing was asked"))

    def _error(self, answer: bytes) -> None:
        self.send(answer)
        self._errors += 1
        if self._errors >= MOST_ERRORS:
            raise Goodbye("Too many errors")

    async def _carry_out(self, tag: str, command: c.Command) -> None:
        self.tag = tag
        state, handler = self._commands[type(command)]
        try:
            self._check_state(state)
            done = await handler(self, command)
            if self.selection is not None:
                await self._after(command)
        except Answered:
            self._errors = 0
        except Bad as bad:
            self._error(responses.status(tag, "BAD", str(bad)))
        except No as no:
            # A refusal is an ordinary answer, no matter how often; a wrong password counts by itself.
            self.send(responses.status(tag, "NO", no.text, no.code))
        except (_Gone, Goodbye, TooSlow, Closing, ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:
            code, text = statuses.imap_code(error)
            if code == "SERVERBUG":
                log.exception("imap: %s of %s failed", type(command).__name__, self.context.peer_ip)
            self.send(responses.status(tag, "NO", text, code.encode()))
        else:
            self._errors = 0
            self.send(responses.status(tag, "OK", done.text, done.code))
            if isinstance(command, c.Logout):
                await self.flush()
                raise _Gone

    def _check_state(self, state: str) -> None:
        if state == "any":
            return
        if state == "signed out":
            if self.login is not None:
                raise Bad("Already signed in")
        elif self.login is None:
            raise Bad("Sign in first")
        elif state == "selected" and self.selection is None:
            raise Bad("Select a mailbox first")

    async def _after(self, command: c.Command) -> None:
        """RFC 3501 §7: what changed meanwhile, before the tagged answer."""
        try:
            await self.catch_up(always=isinstance(command, c.Noop | c.Check))
        except (StoreError, DatabaseError, Busy):
            # The command itself is done: a NO would make the client do it again. The bell stays rung.
            log.warning("imap: could not look for changes for %s", self.context.peer_ip, exc_info=True)
        uid = getattr(command, "uid", False)
        # RFC 3501 §7.4.1. RFC 9051 §5.5: what the client has sent already means the numbers it knew then.
        expunges = isinstance(command, REMOVING) or not (
            self.engine.has_more or (isinstance(command, BY_NUMBER) and not uid)
        )
        await self.report(expunges=expunges, with_uid=uid)

    # --- the store

    async def call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """A blocking function, in a thread."""
        return await self.context.bridge.run(function, *args, **kwargs)

    @property
    def cause(self) -> Cause:
        username = self.login.username if self.login else ""
        return Cause("imap", session=f"{self.client} on {self.context.peer_ip}", actor=username)

    @property
    def selected(self) -> Selection:
        if self.selection is None:
            raise Bad("Select a mailbox first")
        return self.selection

    def signed_in(self, login: Login, mailspace: int) -> None:
        self.login, self.mailspace = login, mailspace
        self.engine.signed_in = True
        self._unwatch = self.context.watch(mailspace, self.bell.set)

    async def need_view(self) -> Selection:
        """The selection with the UIDs the client was told of (RFC 3501 §2.3.1.2: numbers ↔ UIDs)."""
        selection = self.selected
        if selection.needs_view:
            uids = await self.context.house.viewings.uids(
                self.mailspace, selection.mailbox, uidnext=selection.uidnext, modseq=selection.modseq
            )
            if not selection.show(uids):
                # It was removed, or this session has slept for longer than anything is remembered.
                self.selection = None
                raise Goodbye("The mailbox has to be opened again")
        return selection

    async def flag_table(self) -> FlagTable:
        """The flags of the whole selected mailbox, at least as new as what has been learnt of it."""
        selection = self.selected
        return await self.context.house.viewings.flag_table(
            self.mailspace, selection.mailbox, modseq=selection.modseq
        )

    async def catch_up(self, *, always: bool = False) -> None:
        """Learn what changed in the selected mailbox, if a bell rang or `always`."""
        selection = self.selection
        rang = self.bell.is_set()
        self.bell.clear()
        if selection is None or not (always or rang):
            return
        try:
            changes = await self.context.house.viewings.changes(
                self.mailspace, selection.mailbox, selection.modseq
            )
        except BaseException:
            self.bell.set()
            raise
        if selection.needs_view:
            grown = selection.grow(changes)
            if grown is None and not changes.gone:
                await self.need_view()
                selection.learn(changes)
            self.send(b"".join(grown or ()))
        else:
            selection.learn(changes)
        if changes.gone:
            # RFC 2180 §3: nothing sensible can be said about a mailbox that is no more.
            self.selection = None
            raise Goodbye("The selected mailbox has been removed")

    async def report(
        self,
        *,
        expunges: bool = True,
        with_uid: bool = False,
        always: Mapping[int, ViewRow] | None = None,
        idle: bool = False,
    ) -> None:
        """Say what has been learnt and not told (see `Selection.report`)."""
        if self.selection is None:
            return
        lines = self.selection.report(expunges=expunges, with_uid=with_uid, always=always)
        for number, line in enumerate(lines, start=1):
            self.send(line)
            if number % LINES_AT_ONCE == 0:
                if idle:
                    await self.flush_while_reading()
                    await asyncio.sleep(0)
                else:
                    await self.breathe()

    def wrote(self) -> None:
        """This session changed the store: look before the command ends, bell or not."""
        self.bell.set()

    async def deselect(self) -> None:
        """Leave the selected mailbox; what it showed as \\Recent is so for nobody else."""
        selection, self.selection = self.selection, None
        if selection is None or selection.read_only or selection.rev2 or selection.gone:
            return
        told = selection.told_uidnext()
        if told > selection.taken:
            self.take_recent(selection.mailbox, told)

    def take_recent(self, mailbox: int, uidnext: int) -> None:
        """What is below is \\Recent for nobody from now on. Nobody waits until that is on disk."""
        self.context.house.in_background(self._take_recent(mailbox, uidnext))

    async def _take_recent(self, mailbox: int, uidnext: int) -> None:
        with suppress(Exception):  # a courtesy; the mailbox may be gone
            await self.call(mailstore.take_recent, self.mailspace, mailbox, uidnext)

    # --- the wire

    def send(self, data: bytes) -> None:
        """Queue bytes for the client; they go out before the session waits, or with `flush`."""
        if data:  # nothing is not a packet either; compressed it would be five octets, and wake a phone
            self._out.append(data)
            self._out_size += len(data)

    def _write(self) -> None:
        if self._out:
            data = b"".join(self._out)
            self._writer.write(data if self._deflate is None else self._deflate.compress(data))
            self._out.clear()
            self._out_size = 0

    async def flush(self) -> None:
        self._write()
        self._patience.wait(WRITE_SECONDS)
        try:
            await self._writer.drain()
        finally:
            self._patience.rest()
        if self._writer.is_closing():
            raise _Gone

    def speak(self, data: bytes) -> None:
        """A few bytes at once, from a timer: nobody waits until they are gone."""
        self.send(data)
        if self._writer.transport.get_write_buffer_size() < FLUSH_ABOVE:
            self._write()

    async def flush_while_reading(self) -> None:
        """The same during IDLE, where another task waits for the client and owns the patience."""
        if not self._out:
            return
        self._write()
        if self._writer.transport.get_write_buffer_size() < FLUSH_ABOVE:
            return  # the kernel has it, or little of it waits
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self._writer.drain()
        except TimeoutError:
            self._writer.transport.abort()
            raise _Gone from None

    async def breathe(self) -> None:
        """Between two chunks: let others run, and do not pile up what the client has not read."""
        if self._out_size > FLUSH_ABOVE:
            await self.flush()
        await asyncio.sleep(0)

    async def start_tls(self) -> None:
        """RFC 3501 §6.2.1: the go-ahead has been queued; nothing said in clear counts any more."""
        await self.flush()
        try:
            await self.context.start_tls(self._reader, self._writer)
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            log.info("imap: no TLS with %s: %s", self.context.peer_ip, type(error).__name__)
            self._writer.transport.abort()
            raise _Gone from None
        self.engine.discard()
        self.client = UNNAMED

    @property
    def is_compressed(self) -> bool:
        return self._deflate is not None

    async def compress(self) -> None:
        """RFC 4978 §3: compressed from the octet after the tagged OK, which has been queued, in both ways."""
        await self.flush()
        self._deflate = Deflate()
        self._deflate.feed(self.engine.unread())

    def capabilities(self) -> bytes:
        if self.login is not None:
            return capabilities.signed_in(max_message=self.context.max_message_size)
        return capabilities.before_sign_in(
            offers_tls=self.context.tls_context is not None, plaintext_ok=self.context.may_send_passwords
        )

    def capabilities_code(self) -> bytes:
        return b"CAPABILITY " + self.capabilities()

    async def _last_words(self) -> None:
        with suppress(Exception):
            await self.flush()

    async def _leave(self) -> None:
        self._patience.end()
        self.engine.close()
        if self._unwatch is not None:
            self._unwatch()
        with suppress(Exception):
            await self.deselect()


class _Gone(Exception):
    """The client is not there any more, or has said goodbye."""


def _spool() -> BinaryIO:
    """Where an APPEND's message waits until it is all there: memory, then a file without a name."""
    folder = Path(settings.DATA_DIR) / "spool"
    folder.mkdir(exist_ok=True)
    return cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=SPOOL_ABOVE, dir=str(folder)))
