"""APPEND (RFC 3501 §6.3.11, RFC 3502): messages from a mail program, all or none. OK means that they are on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from mta.mailstore import service as mailstore
from mta.mailstore.errors import NoSuchMailbox
from mta.serve.imap.naming import known_flags
from mta.serve.imap.replies import Bad, No, Ok
from mta.serve.imap.selecting import find
from mta.serve.imap.session import Session
from mta.values import Appended, Cause
from mta.wire.imap import commands as c
from mta.wire.imap import sequences

Given = tuple[c.AppendMessage, int, tuple[str, ...]]  # a message, its flags as bits, its keywords


async def append(session: Session, command: c.Append) -> Ok:
    """RFC 3501 §6.3.11, RFC 3502; APPENDUID is RFC 4315 §3."""
    with command.spool:
        given = [(message, *known_flags(message.flags)) for message in command.messages]
        if any(message.utf8 for message in command.messages) and not session.utf8:
            raise Bad("ENABLE UTF8=ACCEPT comes first")  # RFC 6855 §4
        appended = await session.call(
            _append, session.mailspace, command.mailbox, command.spool, given, session.cause
        )
    session.wrote()
    uids = sequences.show_numbers([one.uid for one in appended])
    text = "Message stored" if len(appended) == 1 else "Messages stored"
    return Ok(text, b"APPENDUID %d %b" % (appended[0].uidvalidity, uids))


def _append(
    mailspace: int, mailbox: str, spool: BinaryIO, given: Sequence[Given], cause: Cause
) -> list[Appended]:
    try:
        box = find(mailspace, mailbox)
    except NoSuchMailbox as error:
        raise No(str(error), b"TRYCREATE") from None
    return mailstore.append_many(mailspace, box.id, list(_incoming(spool, given)), cause=cause)


def _incoming(spool: BinaryIO, given: Sequence[Given]) -> Iterator[mailstore.Incoming]:
    """The messages ready to be stored, one after the other: only one is in memory as it came."""
    for message, bits, keywords in given:
        spool.seek(message.spooled.start)
        raw = spool.read(message.spooled.size)
        if not raw:
            raise No("An empty message cannot be stored")  # RFC 3502 §6.3.11: nor are the others
        if b"\0" in raw:
            # RFC 3501 §9: CHAR8 is any octet but NUL; RFC 3516 §4.4 names the code.
            raise No("A message with a NUL in it cannot be stored", b"UNKNOWN-CTE")
        yield mailstore.Incoming(mailstore.prepare(raw), bits, keywords, message.internal_date)
