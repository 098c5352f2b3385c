"""A connection from a proxy (PROXY_FROM): its header is read off the socket before anybody else reads there.

To the byte, so that the TLS handshake or the first command is left where it is. Has SECONDS for all of it. Called by
`serve.listener`, for SMTP, submission, LMTP, IMAP and POP3 alike.
"""

from __future__ import annotations

import asyncio
import socket

from mta.wire import proxy
from mta.wire.proxy import BadProxy, Origin

SECONDS = 5.0


async def read_origin(accepted: socket.socket) -> Origin:
    """Who the proxy says it is; raises BadProxy, TimeoutError, OSError."""
    async with asyncio.timeout(SECONDS):
        data = await _exactly(accepted, proxy.FEWEST)
        while wanted := proxy.more(data):
            data += await _exactly(accepted, wanted)
    return proxy.origin(data)


async def _exactly(accepted: socket.socket, count: int) -> bytes:
    data = b""
    loop = asyncio.get_running_loop()
    while len(data) < count:
        piece = await loop.sock_recv(accepted, count - len(data))
        if not piece:
            raise BadProxy("it hung up")
        data += piece
    return data
