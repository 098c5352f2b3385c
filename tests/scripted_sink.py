"""An SMTP server that follows a script, for tests of those who talk to it.

    async with ScriptedSink(replies={"RCPT": ["250 ok", "550 5.1.1 who?"]}) as sink:
        ...
    sink.commands, sink.messages, sink.sessions

`replies` gives, per verb (also GREETING and END, the reply to the final dot), the replies in order; the last
one stays. A reply of CLOSE hangs up, SILENT says nothing for ever. It answers as scripted, never cleverly.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress

CLOSE, SILENT, GARBAGE = "close", "silent", "garbage"
_DEFAULTS = {
    "GREETING": "220 sink ready",
    "HELO": "250 sink",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go",
    "END": "250 2.0.0 stored",
    "RSET": "250 ok",
    "QUIT": "221 bye",
    "STARTTLS": "220 go",
    "AUTH": "235 ok",
}


class ScriptedSink:
    def __init__(
        self,
        *,
        extensions: Sequence[str] = ("8BITMIME", "SIZE"),
        replies: Mapping[str, Sequence[str]] | None = None,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.extensions = list(extensions)
        self.tls = tls
        self.host = host
        self.port = port
        self.commands: list[str] = []
        self.messages: list[bytes] = []
        self.sessions = 0
        self.encrypted: list[bool] = []  # per message
        self._script = {verb: list(lines) for verb, lines in (replies or {}).items()}
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> ScriptedSink:
        self._server = await asyncio.start_server(self._accept, self.host, self.port, limit=1 << 26)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_details: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _next(self, verb: str) -> str:
        lines = self._script.get(verb)
        if not lines:
            return _DEFAULTS.get(verb, "500 what?")
        return lines.pop(0) if len(lines) > 1 else lines[0]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.sessions += 1
        with suppress(OSError, asyncio.IncompleteReadError, EOFError, ssl.SSLError, asyncio.CancelledError):
            await self._talk(reader, writer)
        writer.close()

    async def _say(self, writer: asyncio.StreamWriter, reply: str) -> None:
        if reply == SILENT:
            await asyncio.sleep(3600)
        if reply == CLOSE:
            writer.close()
            raise EOFError
        if reply == GARBAGE:
            writer.write(b"\x00\xff not smtp at all\r\n")
        else:
            writer.write(reply.encode() + b"\r\n")
        await writer.drain()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        encrypted = False
        await self._say(writer, self._next("GREETING"))
        while line := await reader.readline():
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            verb = text.split(" ")[0].split(":")[0].upper()
            self.commands.append(text)
            if verb == "EHLO" and "EHLO" not in self._script:
                offered = [*self.extensions, *(["STARTTLS"] if self.tls and not encrypted else [])]
                await self._say(
                    writer, "\r\n".join(["250-sink", *(f"250-{each}" for each in offered), "250 HELP"])
                )
                continue
            reply = self._next(verb)
            await self._say(writer, reply)
            if verb == "STARTTLS" and reply.startswith("220"):
                assert self.tls is not None
                await writer.start_tls(self.tls)
                encrypted = True
            elif verb == "DATA" and reply.startswith("354"):
                message = await self._message(reader)
                self.messages.append(message)
                self.encrypted.append(encrypted)
                await self._say(writer, self._next("END"))
            elif verb == "QUIT":
                return

    @staticmethod
    async def _message(reader: asyncio.StreamReader) -> bytes:
        lines = []
        while (line := await reader.readline()) != b".\r\n":
            if not line:
                raise EOFError
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)
