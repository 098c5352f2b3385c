"""A connection from a proxy (PROXY_FROM): its header is read off the socket before anybody else reads there.

The transport was paused before it took a single byte, so the header can be read here, to the byte, through a second
handle of the same socket; the TLS handshake or the first command is left where it is. Has SECONDS for all of it.
Called by `serve.listener`, for SMTP, submission, LMTP, IMAP and POP3 alike.
"""

from __future__ import annotations

import asyncio
import os
import socket

from mta.wire import proxy
from mta.wire.proxy import BadProxy, Origin

SECONDS = 5.0


async def read_origin(transport: asyncio.BaseTransport) -> Origin:
    """Who the proxy says it is; raises BadProxy, TimeoutError, OSError."""
    theirs = transport.get_extra_info("socket")
    handle = socket.socket(fileno=os.dup(theirs.fileno()))
    handle.setblocking(False)
    try:
        async with asyncio.timeout(SECONDS):
            data = await _exactly(handle, proxy.FEWEST)
            while wanted := proxy.more(data):
                data += await _exactly(handle, wanted)
        return proxy.origin(data)
    finally:
        handle.close()


async def _exactly(handle: socket.socket, count: int) -> bytes:
    data = b""
    loop = asyncio.get_running_loop()
    while len(data) < count:
        piece = await loop.sock_recv(handle, count - len(data))
        if not piece:
            raise BadProxy("it hung up")
        data += piece
    return data
