"""A virus scanner that knows one virus: clamd's INSTREAM command for EICAR's test file.

So that a demonstration shows what happens to a virus without a real scanner. Reads 64 MB of a message at most, and
keeps none of it. Runs in the sandbox's process.
"""

from __future__ import annotations

import asyncio
import base64
import re
import struct
from contextlib import suppress

from mta.sandbox.visitors import EICAR

MOST = 64 << 20
SECONDS = 60.0
_BASE64 = re.compile(rb"(?:^[A-Za-z0-9+/]{4,76}={0,2}\r?\n)+", re.MULTILINE)


async def serve(host: str, port: int) -> asyncio.Server:
    return await asyncio.start_server(_serve, host, port)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, EOFError, ValueError, asyncio.LimitOverrunError, TimeoutError):
        async with asyncio.timeout(SECONDS):
            writer.write(await _answer(reader))
            await writer.drain()
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    command = await reader.readuntil(b"\0")
    if command == b"zPING\0":
        return b"PONG\0"
    if command != b"zINSTREAM\0":
        return b"UNKNOWN COMMAND\0"
    message = bytearray()
    while size := struct.unpack("!I", await reader.readexactly(4))[0]:
        if len(message) + size > MOST:
            return b"INSTREAM size limit exceeded. ERROR\0"
        message += await reader.readexactly(size)
    found = await asyncio.to_thread(has_virus, bytes(message))
    return b"stream: Eicar-Test-Signature FOUND\0" if found else b"stream: OK\0"


def has_virus(message: bytes) -> bool:
    """Whether EICAR's file is in it, as it is or in base64."""
    return EICAR in message or any(EICAR in _decoded(each[0]) for each in _BASE64.finditer(message))


def _decoded(text: bytes) -> bytes:
    text = text.translate(None, b"\r\n")
    with suppress(ValueError):
        return base64.b64decode(text[: len(text) - len(text) % 4])
    return b""
