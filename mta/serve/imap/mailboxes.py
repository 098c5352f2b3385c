"""Commands about mailboxes: LIST, LSUB, STATUS, CREATE, DELETE, RENAME, (UN)SUBSCRIBE, NAMESPACE."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mta.mailstore import service as mailstore
from mta.serve.imap.replies import Bad, No, Ok
from mta.serve.imap.selecting import find
from mta.serve.imap.session import Session
from mta.values import QUARANTINE, MailboxInfo
from mta.wire.imap import commands as c
from mta.wire.imap import names, responses


def _visible(mailspace: int) -> tuple[MailboxInfo, ...]:
    """What mail programs see. Blocks."""
    return tuple(info for info in mailstore.mailboxes(mailspace) if info.role != QUARANTINE)


async def namespace(session: Session, command: c.Namespace) -> Ok:
    """RFC 2342: all that a person sees is their own."""
    session.send(responses.untagged(b'NAMESPACE (("" "/")) NIL NIL'))
    return Ok("That is where names begin")


async def list_(session: Session, command: c.List) -> Ok:
    """RFC 3501 §6.3.8, RFC 5258, RFC 5819, RFC 6154."""
    if command.patterns == ("",) and not command.extended:
        # RFC 3501 §6.3.8: an empty name asks for the delimiter and the root of the reference.
        session.send(b'* LIST (\\Noselect) "/" ""\r\n')
        return Ok("That is the delimiter")
    if "RECURSIVEMATCH" in command.selection and command.selection <= {"RECURSIVEMATCH", "REMOTE"}:
        raise Bad("RECURSIVEMATCH needs something to match")  # RFC 5258 §3.1
    infos = await session.call(_visible, session.mailspace)
    session.send(await session.call(_list_lines, infos, command, session.utf8))
    return Ok("That is the list")


def _list_lines(infos: Sequence[MailboxInfo], command: c.List, utf8: bool) -> bytes:
    return b"".join(_list_each(infos, command, utf8=utf8))


def _list_each(infos: Sequence[MailboxInfo], command: c.List, *, utf8: bool) -> Iterable[bytes]:
    existing = {info.name: info for info in infos}
    parents = names.parents(existing)
    everything = [*existing, *sorted(parents - existing.keys())]
    patterns = [command.reference + pattern for pattern in command.patterns]
    for name in everything:
        if not any(names.matches(pattern, name) for pattern in patterns):
            continue
        info = existing.get(name)
        chosen = _is_chosen(info, command.selection)
        below = _chosen_below(name, infos, command.selection)
        if not chosen and not below:
            continue
        extra = b' ("CHILDINFO" ("SUBSCRIBED"))' if below and "SUBSCRIBED" in command.selection else b""
        yield responses.listed(b"LIST", _attributes(name, info, parents, command), name, extra, utf8=utf8)
        if info is not None and command.status:
            yield responses.mailbox_status(info, command.status, utf8=utf8)


def _is_chosen(info: MailboxInfo | None, selection: frozenset[str]) -> bool:
    if "SUBSCRIBED" in selection and (info is None or not info.subscribed):
        return False
    return not ("SPECIAL-USE" in selection and (info is None or info.role not in responses.SPECIAL_USE))


def _chosen_below(name: str, infos: Sequence[MailboxInfo], selection: frozenset[str]) -> bool:
    if "RECURSIVEMATCH" not in selection:
        return False
    return any(info.name.startswith(name + "/") and _is_chosen(info, selection) for info in infos)


def _attributes(name: str, info: MailboxInfo | None, parents: set[str], command: c.List) -> Iterable[bytes]:
    """RFC 3348 children, RFC 6154 roles; RFC 5258 §3: what is not there is named \\NonExistent if asked so."""
    if info is None:
        yield b"\\NonExistent" if command.extended else b"\\Noselect"
    elif info.subscribed and "SUBSCRIBED" in command.returns | command.selection:
        yield b"\\Subscribed"
    yield b"\\HasChildren" if name in parents else b"\\HasNoChildren"
    if info is not None and info.role in responses.SPECIAL_USE:
        yield responses.SPECIAL_USE[info.role]


async def lsub(session: Session, command: c.Lsub) -> Ok:
    """RFC 3501 §6.3.9: with `%`, a level above a subscribed name shows as \\Noselect."""
    infos = await session.call(_visible, session.mailspace)
    pattern = command.reference + command.pattern
    subscribed = {info.name for info in infos if info.subscribed}
    for name in [info.name for info in infos if info.subscribed]:
        if names.matches(pattern, name):
            session.send(responses.listed(b"LSUB", (), name, utf8=session.utf8))
    if pattern.endswith("%"):
        for name in sorted(names.parents(subscribed) - subscribed):
            if names.matches(pattern, name):
                session.send(responses.listed(b"LSUB", (b"\\Noselect",), name, utf8=session.utf8))
    return Ok("That is the list")


async def status(session: Session, command: c.Status) -> Ok:
    info = await session.call(find, session.mailspace, command.mailbox)
    session.send(responses.mailbox_status(info, command.items, utf8=session.utf8))
    return Ok("Those are the counts")


async def create(session: Session, command: c.Create) -> Ok:
    info = await session.call(
        mailstore.create_mailbox, session.mailspace, command.mailbox, cause=session.cause
    )
    session.wrote()
    return Ok("Mailbox created", b"MAILBOXID (" + responses.mailbox_id(info.id) + b")")  # RFC 8474 §4.1


async def delete(session: Session, command: c.Delete) -> Ok:
    info = await session.call(find, session.mailspace, command.mailbox)
    if session.selection is not None and session.selection.mailbox == info.id:
        raise No("Leave the mailbox before you delete it", b"INUSE")
    await session.call(mailstore.delete_mailbox, session.mailspace, command.mailbox, cause=session.cause)
    session.wrote()
    return Ok("Mailbox deleted; what it held is in Trash")


async def rename(session: Session, command: c.Rename) -> Ok:
    await session.call(
        mailstore.rename_mailbox,
        session.mailspace,
        command.mailbox,
        command.new_name,
        cause=session.cause,
    )
    session.wrote()
    return Ok("Mailbox renamed")


async def subscribe(session: Session, command: c.Subscribe) -> Ok:
    await session.call(mailstore.subscribe, session.mailspace, command.mailbox, True)
    return Ok("Subscribed")


async def unsubscribe(session: Session, command: c.Unsubscribe) -> Ok:
    await session.call(mailstore.subscribe, session.mailspace, command.mailbox, False)
    return Ok("Unsubscribed")
