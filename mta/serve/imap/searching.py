"""SEARCH (RFC 3501 §6.4.4), SORT and THREAD (RFC 5256) and their answers.

The store finds, a thread puts in order; the event loop only prints. What is found and not told to the client yet
is left out: it has no number. `$` (RFC 5182) is the selection's `saved`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from mta.mailstore import service as mailstore
from mta.message.criteria import Criteria
from mta.serve.imap.replies import Bad, No, Ok
from mta.serve.imap.session import Session
from mta.serve.imap.signing_in import turn_on_condstore
from mta.values import now_us
from mta.wire.imap import commands as c
from mta.wire.imap import found as answers
from mta.wire.imap.search import Returns, Told, mentions_modseq, prepared
from mta.wire.imap.sequences import MAX_NUMBER
from mta.wire.imap.sort import columns, ordered
from mta.wire.imap.thread import Mail, thread_line, threads
from mta.wire.imap.uids import NONE, Uids
from mta.wire.imap.view import Selection

P = ParamSpec("P")
T = TypeVar("T")

ALL = Returns()
IN_LOOP = 2_000  # more numbers than these are printed in a thread
READ_AT_ONCE = 20_000
MOST_IN_THREADS = 500_000  # about half a KiB of memory each


async def search(session: Session, command: c.Search) -> Ok:
    if command.charset and session.utf8_accepted:
        raise Bad("With UTF8=ACCEPT texts are UTF-8, without CHARSET")  # RFC 6855 §3
    selection, told = await _begin(session, command.key, command.returns)
    found: answers.Found = await session.call(_find, session.mailspace, selection.mailbox, command.key, told)
    # RFC 9051 §6.4.4: in IMAP4rev2 every answer is an ESEARCH.
    returns = command.returns or (ALL if session.rev2 else None)
    await _answer(session, selection, b"SEARCH", found, returns, uid=command.uid, key=command.key)
    return Ok("Found what there is")


async def sort(session: Session, command: c.Sort) -> Ok:
    """RFC 5256 §3; with RETURN it is ESORT (RFC 5267 §3)."""
    selection, told = await _begin(session, command.key, command.returns)
    found = await session.call(_sorted, session.mailspace, selection.mailbox, command, told)
    await _answer(session, selection, b"SORT", found, command.returns, uid=command.uid, key=command.key)
    return Ok("Sorted")


async def thread(session: Session, command: c.Thread) -> Ok:
    selection, told = await _begin(session, command.key, None)
    session.send(await session.call(_threaded, session.mailspace, selection.mailbox, command, told))
    return Ok("In threads")


async def _begin(session: Session, key: Criteria, returns: Returns | None) -> tuple[Selection, Told]:
    """The selection, and what the keys may refer to."""
    selection = await session.need_view()
    if mentions_modseq(key):
        turn_on_condstore(session)
    first_recent = MAX_NUMBER if selection.rev2 else selection.first_recent
    told = Told(selection.uids, selection.saved, first_recent, now_us())
    if returns is not None and "SAVE" in returns.options:
        selection.saved = NONE  # RFC 5182 §2.1: so it stays if the search fails
    return selection, told


def _find(mailspace: int, mailbox: int, key: Criteria, told: Told) -> Uids:
    """The matching UIDs the client knows of. Blocks."""
    match = mailstore.search(mailspace, mailbox, prepared(key, told))
    found = Uids.of(match.uids)
    return told.uids.without(found) if match.others else found & told.uids


def _sorted(mailspace: int, mailbox: int, command: c.Sort, told: Told) -> list[int]:
    wanted = _find(mailspace, mailbox, command.key, told)
    return ordered(mailstore.sort_rows(mailspace, mailbox, wanted, columns(command.keys)), command.keys)


def _threaded(mailspace: int, mailbox: int, command: c.Thread, told: Told) -> bytes:
    wanted = _find(mailspace, mailbox, command.key, told)
    if len(wanted) > MOST_IN_THREADS:
        raise No("These are too many messages for threads; ask for some of them", b"LIMIT")
    mails: list[Mail] = []
    for start in range(0, len(wanted), READ_AT_ONCE):
        rows = mailstore.thread_rows(mailspace, mailbox, wanted[start : start + READ_AT_ONCE])
        mails += [_mail(*row) for row in rows]
    return thread_line(threads(command.algorithm, mails), answers.Named(told.uids, command.uid).one)


def _mail(
    uid: int, sent: int, base: str, subject: str, message_id: str, in_reply_to: str, references: str
) -> Mail:
    """Ids as numbers, which take a third of the memory; the subject only where it may be a reply's."""
    ids = tuple(map(hash, references.split()))
    changed = "" if subject.casefold() == base else subject
    return Mail(uid, sent, base and hash(base), changed, _number(message_id), _number(in_reply_to), ids)


def _number(id_: str) -> int:
    return hash(id_) if id_ else 0


async def _answer(
    session: Session,
    selection: Selection,
    command: bytes,
    found: answers.Found,
    returns: Returns | None,
    *,
    uid: bool,
    key: Criteria,
) -> None:
    named = answers.Named(selection.uids, uid)
    modseq = 0
    if mentions_modseq(key) and found:
        counted = answers.as_uids(answers.counting(found, returns))
        modseq = await session.call(_highest_modseq, session.mailspace, selection.mailbox, counted)
    large = len(found) > IN_LOOP
    if returns is not None and "SAVE" in returns.options:
        selection.saved = await _away(session, large, answers.to_save, found, returns)
    session.send(await _away(session, large, _line, session.tag, command, found, returns, named, modseq))


async def _away(
    session: Session, large: bool, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """In a thread, where it is worth the way."""
    return await session.call(function, *args, **kwargs) if large else function(*args, **kwargs)


def _line(
    tag: str,
    command: bytes,
    found: answers.Found,
    returns: Returns | None,
    named: answers.Named,
    modseq: int,
) -> bytes:
    if returns is None:
        return answers.plain(command, found, named, modseq=modseq)
    return answers.extended(tag, found, returns, named, modseq=modseq)


def _highest_modseq(mailspace: int, mailbox: int, uids: Uids) -> int:
    highest = 0
    for start in range(0, len(uids), READ_AT_ONCE):
        piece = list(uids[start : start + READ_AT_ONCE])
        read = mailstore.fetch(mailspace, mailbox, piece, ("modseq",))
        highest = max(highest, max((row[0] for row in read), default=0))
    return highest
