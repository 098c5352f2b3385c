"""An SMTP conversation without its commands: lines in, replies out, errors counted, nobody waited for for ever.

Sits between aiosmtpd's `SMTP` (pinned to 1.4.6, because this reaches into it), which brings the dispatch table
and the session's state, and `serve.smtp`, which brings the commands. Replies are written together when commands
come together (RFC 2920), every line is bounded, and whatever goes wrong in a command is answered, not fatal.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiosmtpd.smtp import SMTP

from mta.serve import statuses
from mta.serve.envelope import Refusal, Transaction
from mta.serve.patience import Closing, Patience, TooSlow
from mta.serve.session import Context
from mta.serve.statuses import Reply
from mta.wire import sasl

log = logging.getLogger(__name__)
logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells of each connection's beginnings

MOST_ERRORS = 20
MOST_UNKNOWN = 100  # recipients refused: someone is trying names
LONGEST_LINE = 4096  # RFC 5321 §4.5.3.1.4 asks for 512, and extensions add to it
LONGEST_AUTH = sasl.MAX_RESPONSE + 64
MOST_SKIPPED = 1_000_000  # bytes of one over-long line

COMMAND_SECONDS = 300.0  # RFC 5321 §4.5.3.2.7
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

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: Context) -> None:
        super().__init__(
            None,
            data_size_limit=context.max_message_size,
            enable_SMTPUTF8=True,
            hostname=context.hostname,
            loop=asyncio.get_running_loop(),
        )
        self._reader, self._writer = reader, writer
        self.context = context
        self.transaction: Transaction | None = None
        self._patience = Patience(reader, writer, context)
        self._replies = bytearray()
        self._errors = 0
        self._unknown = 0
        self._begin()

    def _begin(self) -> None:
        """RFC 3207 §4.2: after STARTTLS the session begins anew, and so do all of its facts."""
        self.client_name = ""  # what it said after EHLO or HELO
        self.extended = False
        self._set_rset_state()

    def _set_rset_state(self) -> None:
        super()._set_rset_state()
        self.transaction = None

    async def converse(self) -> None:
        """Greet, answer commands one after the other, end."""
        self.say(Reply(220, "", f"{self.hostname} ESMTP Mailstead"))
        try:
            while True:
                line = await self._command_line()
                await self._answer(line)
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
            if not self._writer.is_closing():  # a peer that reset the connection hears nothing more
                self._writer.write(bytes(self._replies))

    def say(self, reply: Reply) -> None:
        """Answer; what is said goes out when the client is waited for, all in one piece."""
        self._replies += bytes(reply)
        if reply.code >= 500 or reply.code == 421:
            self._errors += 1

    async def push(self, status: Any) -> None:
        """How aiosmtpd's own commands answer."""
        self._replies += (status.encode() if isinstance(status, str) else status) + b"\r\n"

    async def _flush(self) -> None:
        if self._replies:
            self._writer.write(bytes(self._replies))
            self._replies.clear()
            self._patience.wait(WRITE_SECONDS)
            await self._writer.drain()
            self._patience.rest()

    async def _command_line(self) -> bytes:
        """The next line with its end. Replies wait while the client has more commands on the way."""
        if b"\n" not in self._reader._buffer or len(self._replies) > 16_384:  # type: ignore[attr-defined]
            await self._flush()
        return await self._line(LONGEST_AUTH, idle=True)

    async def _line(self, limit: int, *, idle: bool = False) -> bytes:
        self._patience.wait(COMMAND_SECONDS, idle=idle)
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
            method, argument = self._understand(line)
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
        if self._errors >= MOST_ERRORS or self._unknown >= MOST_UNKNOWN:
            log.info("smtp: too many errors from %s", self.context.peer_ip)
            raise Goodbye(statuses.TOO_MANY_ERRORS)

    def _understand(self, line: bytes) -> tuple[Callable[[str], Awaitable[None]], str]:
        if not line:
            raise Refusal(statuses.LINE_TOO_LONG)
        try:
            text = line.removesuffix(b"\n").removesuffix(b"\r").decode()
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
        return method, argument.strip(" ")
