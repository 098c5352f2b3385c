"""Opening and leaving a mailbox: SELECT, EXAMINE, CHECK, CLOSE, UNSELECT (RFC 3501 §6.3.1, §6.4)."""

from __future__ import annotations

from mta.mailstore import service as mailstore
from mta.mailstore.errors import BadName, NoSuchMailbox
from mta.serve.imap.replies import Bad, No, Ok
from mta.serve.imap.resyncing import resync
from mta.serve.imap.session import Session
from mta.serve.imap.signing_in import turn_on_condstore
from mta.values import QUARANTINE, MailboxInfo
from mta.wire.imap import commands as c
from mta.wire.imap import responses
from mta.wire.imap.sequences import MAX_NUMBER
from mta.wire.imap.view import Selection


def find(mailspace: int, name: str) -> MailboxInfo:
    """A mailbox that mail programs may see. Blocks."""
    try:
        info = mailstore.mailbox(mailspace, name)
    except BadName:
        raise NoSuchMailbox("There is no such mailbox.") from None
    if info.role == QUARANTINE:
        raise NoSuchMailbox("There is no such mailbox.")
    return info


async def target(session: Session, name: str) -> MailboxInfo:
    """Where APPEND, COPY and MOVE put mail (RFC 3501 §6.3.11: TRYCREATE when it is not there)."""
    try:
        return await session.call(find, session.mailspace, name)
    except NoSuchMailbox as error:
        raise No(str(error), b"TRYCREATE") from None


async def select(session: Session, command: c.Select) -> Ok:
    return await _open(session, command, read_only=False)


async def examine(session: Session, command: c.Examine) -> Ok:
    return await _open(session, command, read_only=True)


async def _open(session: Session, command: c.Select | c.Examine, *, read_only: bool) -> Ok:
    """RFC 3501 §6.3.1: answered from the mailbox's kept counts; its UIDs are read when they are needed."""
    if command.resync is not None and not session.qresync:
        raise Bad("ENABLE QRESYNC first")  # RFC 7162 §3.2.5
    if session.selection is not None:
        await session.deselect()  # even if the other one cannot be opened
        # RFC 7162 §3.2.11: from here on responses belong to another mailbox.
        session.send(responses.status("*", "OK", "Previous mailbox closed", b"CLOSED"))
    if command.condstore:
        turn_on_condstore(session)
    info = await session.call(find, session.mailspace, command.mailbox)
    first_recent = _first_recent(session, info, read_only=read_only)
    session.selection = Selection(
        info,
        read_only=read_only,
        first_recent=first_recent,
        tell_modseq=session.condstore,
        qresync=session.qresync,
        rev2=session.rev2,
    )
    _describe(session, session.selection, info)
    if command.resync is not None:
        await resync(session, command.resync)
    return Ok("Mailbox opened", b"READ-ONLY" if read_only else b"READ-WRITE")


def _describe(session: Session, selection: Selection, info: MailboxInfo) -> None:
    send = session.send
    send(selection.flags_line())
    send(b"* %d EXISTS\r\n" % selection.exists)
    codes = [
        (selection.permanent_flags(), "What can be kept"),
        (b"UIDVALIDITY %d" % info.uidvalidity, "UIDs hold"),
        (b"UIDNEXT %d" % info.uidnext, "Predicted next UID"),
        (b"HIGHESTMODSEQ %d" % info.highestmodseq, "Highest mod-sequence"),
        (b"MAILBOXID (" + responses.mailbox_id(info.id) + b")", "Mailbox id"),
    ]
    if session.rev2:
        send(responses.listed(b"LIST", (), info.name, utf8=True))  # RFC 9051 §6.3.2
    else:
        send(b"* %d RECENT\r\n" % selection.recent())
        if info.unseen and info.unseen == info.messages:  # otherwise it would have to be looked for
            codes.insert(0, (b"UNSEEN 1", "First unseen"))
    for code, text in codes:
        send(responses.status("*", "OK", text, code))


def _first_recent(session: Session, info: MailboxInfo, *, read_only: bool) -> int:
    """The first UID that is \\Recent in this session; for the next one it is not any more."""
    if read_only or session.rev2:
        return MAX_NUMBER  # RFC 3501 §6.3.2: EXAMINE must not take \\Recent away from others
    if info.recent:
        session.take_recent(info.id, info.uidnext)
        return info.recent_uid
    return info.uidnext


async def check(session: Session, command: c.Check) -> Ok:
    return Ok("Everything is on disk already")


async def close(session: Session, command: c.Close) -> Ok:
    """RFC 3501 §6.4.2: expunges without a word, unless opened read-only."""
    selection = session.selected
    if not selection.read_only:
        await session.call(mailstore.expunge, session.mailspace, selection.mailbox, cause=session.cause)
    await session.deselect()
    return Ok("Mailbox closed")


async def unselect(session: Session, command: c.Unselect) -> Ok:
    """RFC 3691"""
    await session.deselect()
    return Ok("Mailbox left")
