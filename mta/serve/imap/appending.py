"""APPEND (RFC 3501 §6.3.11): a message from a mail program. OK means that it is on disk."""

from __future__ import annotations

from typing import BinaryIO

from mta.mailstore import service as mailstore
from mta.serve.imap.naming import known_flags
from mta.serve.imap.replies import No, Ok
from mta.serve.imap.selecting import target
from mta.serve.imap.session import Session
from mta.values import Appended, Cause
from mta.wire.imap import commands as c


async def append(session: Session, command: c.Append) -> Ok:
    """RFC 3501 §6.3.11, RFC 4315 §3 APPENDUID. OK means that the message is on disk."""
    with command.message:
        bits, keywords = known_flags(command.flags)
        box = await target(session, command.mailbox)
        appended = await session.call(
            _append,
            session.mailspace,
            box.id,
            command.message,
            bits,
            keywords,
            command.internal_date,
            session.cause,
        )
    session.wrote()
    return Ok("Message stored", b"APPENDUID %d %d" % (appended.uidvalidity, appended.uid))


def _append(
    mailspace: int,
    mailbox: int,
    message: BinaryIO,
    flags: int,
    keywords: tuple[str, ...],
    internal_date: int | None,
    cause: Cause,
) -> Appended:
    raw = message.read()
    if not raw:
        raise No("An empty message cannot be stored")
    if b"\0" in raw:
        # RFC 3501 §9: CHAR8 is any octet but NUL; RFC 3516 §4.4 names the code.
        raise No("A message with a NUL in it cannot be stored", b"UNKNOWN-CTE")
    return mailstore.append(
        mailspace,
        mailbox,
        raw,
        flags=flags,
        keywords=keywords,
        internal_date=internal_date,
        cause=cause,
    )
