"""An SMTP conversation without its commands: lines in, replies out, errors counted, nobody waited for for ever.

Sits between aiosmtpd's `SMTP` (pinned to 1.4.6, because this reaches into it), which brings the dispatch table
and the session's state, and `serve.smtp`, which brings the commands. Replies are written together when commands
come together (RFC 2920), every line is bounded, and whatever goes wrong in a command is answered, not fatal.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from aiosmtpd.smtp import SMTP

from mta.serve import statuses
from mta.serve.envelope import Refusal, Transaction
from mta.serve.manners import Judgement, greet, pause
from mta.serve.patience import Closing, Patience, TooSlow
from mta.serve.session import Context
from mta.serve.statuses import Reply
from mta.wire import sasl

log = logging.getLogger(__name__)
logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells of each connection's beginnings

LONGEST_LINE = 4096  # RFC 5321 §4.5.3.1.4 asks for 512, and extensions add to it
LONGEST_AUTH = sasl.MAX_RESPONSE + 64
MOST_SKIPPED = 1_000_000  # bytes of one over-long line

AT_ONCE = 64  # commands of one client that are answered without a pause
WRITE_SECONDS = 120.0

# A browser tricked into talking to us, not a mail program: no second line of it is read.
_NOT_MAIL = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "TRACE", "PRI"})


class Goodbye(Exception):
    """The session ends after this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


class Dialogue(SMTP):
    """One connection's conversation."""

    dialect = "ESMTP"  # as the greeting says it

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: Context) -> None:
        # aiosmtpd's own beginnings look through every attribute and make a stream, for each connection; its
        # dispatch table is made here once, and the stream is the listener's.
        self.loop = asyncio.get_running_loop()
        self.hostname = context.hostname
        self.session = self.envelope = None
        self._smtp_methods = _methods(self)
        self._reader, self._writer = reader, writer
        self.context = context
        self.transaction: Transaction | None = None
        self._patience = Patience(reader, writer, context)
        self._replies = bytearray()
        our_ip = (writer.get_extra_info("sockname") or ("",))[0]
        self.visit = context.house.manners.visit(
            context.peer_ip, protocol=context.protocol, our_ip=str(our_ip)
        )
        self._failed = False
        self._begin()

    def _begin(self) -> None:
        """RFC 3207 §4.2: after STARTTLS the session begins anew, and so do all of its facts."""
        self.client_name = ""  # what it said after EHLO or HELO
        self.extended = False
        self._set_rset_state()

    def _set_rset_state(self) -> None:
        self.transaction = None

    async def converse(self) -> None:
        """Greet, answer commands one after the other, end."""
        try:
            await self._heed(await greet(self.visit, self._reader, self.context.stopping))
            self.say(Reply(220, "", f"{self.hostname} {self.dialect} Mailstead"))
            for number in count(1):
                line = await self._command_line()
                await self._answer(line)
                if not number % AT_ONCE:
                    await asyncio.sleep(0)  # whoever sends a thousand commands at once lets others speak, too
        except Goodbye as goodbye:
            self.say(goodbye.reply)
        except TooSlow:
            self.say(statuses.TOO_SLOW)
        except Closing:
            self.say(statuses.STOPPING)
        except asyncio.CancelledError:
            self.say(statuses.STOPPING)
            raise
        except asyncio.IncompleteReadError:
            return
        finally:
            self._patience.end()
            self._end()
            if not self._writer.is_closing():  # a peer that reset the connection hears nothing more
                self._writer.write(bytes(self._replies))

    def _end(self) -> None:
        """The session is over, however it ended; what it holds is let go."""

    def say(self, reply: Reply) -> None:
        """Answer; what is said goes out when the client is waited for, all in one piece."""
        self._replies += bytes(reply)
        # Recipients that there are not are counted apart: a list with stale addresses is no attack.
        if reply.code >= 500 and reply != statuses.UNKNOWN_RECIPIENT:
            self._failed = True

    async def _heed(self, judgement: Judgement) -> None:
        """Do what follows from how this client behaves."""
        if judgement.delay:
            await pause(judgement.delay, self.context.stopping)
        if judgement.reply is not None:
            raise Goodbye(judgement.reply) if judgement.ends else Refusal(judgement.reply)

    async def push(self, status: Any) -> None:
        """How aiosmtpd's own commands answer."""
        self._replies += (status.encode() if isinstance(status, str) else status) + b"\r\n"

    async def _flush(self) -> None:
        if self._replies:
            self._writer.write(bytes(self._replies))
            self._replies.clear()
            if self._writer.transport.get_write_buffer_size():  # it does not read as fast as we answer
                self._patience.wait(WRITE_SECONDS)
                await self._writer.drain()
                self._patience.rest()

    async def _command_line(self) -> bytes:
        """The next line with its end. Replies wait while the client has more commands on the way."""
        buffer = self._reader._buffer  # type: ignore[attr-defined]
        end = buffer.find(b"\n") + 1
        if not end or len(self._replies) > 16_384:
            await self._flush()
        if 0 < end <= LONGEST_AUTH:
            line = bytes(buffer[:end])
            del buffer[:end]
            self._reader._maybe_resume_transport()  # type: ignore[attr-defined]
            if self.context.stopping.is_set():
                raise Closing
            return line
        return await self._line(LONGEST_AUTH, idle=True)

    async def _line(self, limit: int, *, idle: bool = False) -> bytes:
        self._patience.wait(self.visit.policy.command_seconds, idle=idle)
        try:
            line: bytes = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            await self._skip_line()
            line = b""
        finally:
            self._patience.rest()
        return line if len(line) <= limit else b""

    async def _skip_line(self) -> None:
        """Past the end of a line longer than the reader keeps, holding none of it."""
        skipped = 0
        while True:
            try:
                await self._reader.readuntil(b"\n")
                return
            except asyncio.LimitOverrunError as error:
                skipped += len(await self._reader.read(max(1, error.consumed)))
                if skipped > 8 * LONGEST_AUTH + 1_000_000:
                    raise Goodbye(statuses.TOO_MANY_ERRORS) from error

    async def _answer(self, line: bytes) -> None:
        """One command. Whatever goes wrong in it, the session goes on, unless it went wrong too often."""
        try:
            name, method, argument = self._understand(line)
            await self._heed(self.visit.command(name))
            await method(argument)
        except Refusal as refusal:
            self.say(refusal.reply)
        except (Goodbye, TooSlow, Closing, ConnectionError, asyncio.IncompleteReadError):
            raise
        except Exception as error:
            reply = statuses.smtp_reply(error)
            if reply == statuses.TRY_LATER:
                log.exception("smtp: a command of %s failed", self.context.peer_ip)
            self.say(reply)
        if self._failed:
            self._failed = False
            await self._heed(self.visit.failed())

    def _understand(self, line: bytes) -> tuple[str, Callable[[str], Awaitable[None]], str]:
        if not line:
            raise Refusal(statuses.LINE_TOO_LONG)
        if not line.endswith(b"\r\n"):
            # RFC 5321 §2.3.8: who lets a bare LF end a command, lets it hide one in another server's message.
            raise Refusal(statuses.BARE_COMMAND)
        try:
            text = line[:-2].decode()
        except UnicodeDecodeError:
            raise Refusal(statuses.BAD_LINE) from None
        name, _, argument = text.partition(" ")
        name = name.upper()
        if name in _NOT_MAIL:
            raise Goodbye(statuses.WRONG_PROTOCOL)
        if any(letter < " " or letter == "\x7f" for letter in text):
            raise Refusal(statuses.BAD_LINE)
        if len(line) > LONGEST_LINE and name != "AUTH":
            raise Refusal(statuses.LINE_TOO_LONG)
        method = self._smtp_methods.get(name)
        if method is None:
            raise Refusal(statuses.UNKNOWN_COMMAND)
        return name, method, argument.strip(" ")


_COMMANDS: dict[str, tuple[tuple[str, str], ...]] = {}


def _methods(server: Dialogue) -> dict[str, Callable[[str], Awaitable[None]]]:
    """The commands that a server knows: `smtp_MAIL` is MAIL; one that is None is taken away."""
    kind = type(server)
    if kind.__name__ not in _COMMANDS:
        names = (name for name in dir(kind) if name.startswith("smtp_") and getattr(kind, name))
        _COMMANDS[kind.__name__] = tuple((name.removeprefix("smtp_"), name) for name in names)
    return {command: getattr(server, name) for command, name in _COMMANDS[kind.__name__]}
