"""Commands about mailboxes: LIST, LSUB, STATUS, CREATE, DELETE, RENAME, (UN)SUBSCRIBE, NAMESPACE."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mta.mailstore import service as mailstore
from mta.serve.imap.replies import Bad, No, Ok
from mta.serve.imap.selecting import find
from mta.serve.imap.session import Session
from mta.serve.imap.signing_in import turn_on_condstore
from mta.values import QUARANTINE, Cause, MailboxInfo
from mta.wire.imap import commands as c
from mta.wire.imap import names, responses

# RFC 6154 §2 attributes by what a client writes.
_ROLES = {use.lower(): role for role, use in responses.SPECIAL_USE.items()}


def _visible(mailspace: int) -> tuple[MailboxInfo, ...]:
    """What mail programs see. Blocks."""
    return tuple(info for info in mailstore.mailboxes(mailspace) if info.role != QUARANTINE)


@dataclass(frozen=True, slots=True)
class _Counts:
    """STATUS items that are not facts of a mailbox itself; read only if they are asked for."""

    append_limit: int
    deleted_sizes: Mapping[int, int]

    def of(self, info: MailboxInfo) -> dict[str, int]:
        # RFC 7889 §3: the same limit everywhere. RFC 9208 §4.1.4: what EXPUNGE would free.
        return {"APPENDLIMIT": self.append_limit, "DELETED-STORAGE": self.deleted_sizes.get(info.id, 0)}


def _counts(mailspace: int, items: Sequence[str], append_limit: int) -> _Counts:
    sizes = mailstore.deleted_sizes(mailspace) if "DELETED-STORAGE" in items else {}
    return _Counts(append_limit, sizes)


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
    _note_condstore(session, command.status)
    lines = await session.call(
        _list_lines,
        session.mailspace,
        command,
        utf8=session.utf8,
        append_limit=session.context.max_message_size,
    )
    session.send(lines)
    return Ok("That is the list")


def _list_lines(mailspace: int, command: c.List, *, utf8: bool, append_limit: int) -> bytes:
    """The whole answer, from one query whatever STATUS asks for (but DELETED-STORAGE, which is a second)."""
    infos = _visible(mailspace)
    counts = _counts(mailspace, command.status, append_limit)
    lines: list[bytes] = []
    for name, info, below, parents in _matching(infos, command):
        extra = _child_info(command.selection) if below else b""
        attributes = _attributes(name, info, parents, command)
        lines.append(responses.listed(b"LIST", attributes, name, extra, utf8=utf8))
        if info is not None and command.status:
            lines.append(responses.mailbox_status(info, command.status, utf8=utf8, more=counts.of(info)))
    return b"".join(lines)


def _matching(
    infos: Sequence[MailboxInfo], command: c.List
) -> Iterator[tuple[str, MailboxInfo | None, bool, set[str]]]:
    """(name, mailbox if there is one, whether something below it was selected, all names with children)"""
    existing = {info.name: info for info in infos}
    parents = names.parents(existing)
    above: set[str] = set()
    if "RECURSIVEMATCH" in command.selection:
        above = names.parents(info.name for info in infos if _is_chosen(info, command.selection))
    patterns = names.Patterns(command.reference + pattern for pattern in command.patterns)
    for name in [*existing, *sorted(parents - existing.keys())]:
        info, below = existing.get(name), name in above
        if not below and not _is_chosen(info, command.selection):
            continue
        if patterns.match(name):
            yield name, info, below, parents


def _child_info(selection: frozenset[str]) -> bytes:
    """RFC 5258 §4, RFC 6154 §6: which of the selected kinds there are below."""
    kinds = [b'"' + kind.encode() + b'"' for kind in ("SUBSCRIBED", "SPECIAL-USE") if kind in selection]
    return b' ("CHILDINFO" (' + b" ".join(kinds) + b"))"


def _is_chosen(info: MailboxInfo | None, selection: frozenset[str]) -> bool:
    if "SUBSCRIBED" in selection and (info is None or not info.subscribed):
        return False
    return not ("SPECIAL-USE" in selection and (info is None or info.role not in responses.SPECIAL_USE))


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
    session.send(await session.call(_lsub_lines, session.mailspace, command, utf8=session.utf8))
    return Ok("That is the list")


def _lsub_lines(mailspace: int, command: c.Lsub, *, utf8: bool) -> bytes:
    subscribed = [info.name for info in _visible(mailspace) if info.subscribed]
    pattern = names.Patterns([command.reference + command.pattern])
    lines = [responses.listed(b"LSUB", (), name, utf8=utf8) for name in subscribed if pattern.match(name)]
    if command.pattern.endswith("%"):
        for name in sorted(names.parents(subscribed) - set(subscribed)):
            if pattern.match(name):
                lines.append(responses.listed(b"LSUB", (b"\\Noselect",), name, utf8=utf8))
    return b"".join(lines)


def _note_condstore(session: Session, items: Sequence[str]) -> None:
    """RFC 7162 §3.1: who asks for a mailbox's mod-sequence wants to hear of those of messages."""
    if "HIGHESTMODSEQ" in items:
        turn_on_condstore(session)


async def status(session: Session, command: c.Status) -> Ok:
    _note_condstore(session, command.items)
    info, counts = await session.call(
        _status, session.mailspace, command, append_limit=session.context.max_message_size
    )
    session.send(responses.mailbox_status(info, command.items, utf8=session.utf8, more=counts.of(info)))
    return Ok("Those are the counts")


def _status(mailspace: int, command: c.Status, *, append_limit: int) -> tuple[MailboxInfo, _Counts]:
    return find(mailspace, command.mailbox), _counts(mailspace, command.items, append_limit)


async def create(session: Session, command: c.Create) -> Ok:
    info = await session.call(_create, session.mailspace, command, session.cause)
    session.wrote()
    return Ok("Mailbox created", b"MAILBOXID (" + responses.mailbox_id(info.id) + b")")  # RFC 8474 §4.1


def _create(mailspace: int, command: c.Create, cause: Cause) -> MailboxInfo:
    """RFC 6154 §3: with a use that cannot be given nothing is made. Each role is one mailbox's here."""
    role = ""
    if command.uses:
        roles = {_ROLES.get(use.lower().encode(), "") for use in command.uses}
        role = roles.pop()
        if roles or not role or any(info.role == role for info in mailstore.mailboxes(mailspace)):
            raise No("Another mailbox has that use already, or it is not known here", b"USEATTR")
    return mailstore.create_mailbox(mailspace, command.mailbox, role=role, cause=cause)


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
