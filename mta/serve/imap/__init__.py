"""IMAP in the sidecar: carries out the commands that `mta.wire.imap` understands.

`serve_imap(reader, writer, context)` is the door the listener calls, once per connection. One module per
kind of command; `table` lists them all. Blocking work goes through the bridge: one call per command or chunk.
"""

import asyncio

from mta.serve.imap.session import Session
from mta.serve.imap.table import COMMANDS
from mta.serve.session import Context


async def serve_imap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: Context) -> None:
    """Serve one client until it leaves, is too slow, or the house closes."""
    await Session(reader, writer, context, COMMANDS).serve()


__all__ = ["serve_imap"]
