"""Lists of single messages: a mailbox without conversations, and all attached files, newest first.

A page is one index scan (`placement_date`, `message_date`, `message_flagged`, `message_files`) over keys, and the
few rows on it: the same at any size. Reads only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mta.message.attached import kind_of
from mta.values import ALL, FLAGGED

from . import lines, sql
from .lines import ASIDE
from .lists import Person, ThreadLine, ThreadPage, line_of

Key = tuple[int, int]  # (INTERNALDATE, message)
PIECE = 200
PIECES = 25  # looked through for a page of files of a rare kind; the page says where to go on
ASIDE_ROLES = ", ".join(f"'{role}'" for role in sorted(ASIDE))


@dataclass(frozen=True, slots=True)
class FileLine:
    """An attached file with the message that brought it; `number` is its part, `size` in bytes, `at` µs."""

    message: int
    thread: int
    number: str
    name: str
    type: str
    kind: str  # see message.attached.kind_of
    size: int
    at: int
    subject: str
    sender: Person


@dataclass(frozen=True, slots=True)
class FilePage:
    """Files, newest first; `older` is the key of the next page (for `before`), None at the end."""

    files: tuple[FileLine, ...]
    older: Key | None


# --- messages


def message_lines(
    mailspace: int,
    box: int,
    *,
    before: Key | None = None,
    after: Key | None = None,
    limit: int = 50,
    oldest_first: bool = False,
) -> ThreadPage:
    """A page of single messages of a mailbox or view, newest first, each as a line of its own.

    The key of a line is (`sort_at`, `last_message`). `total` and `unread` are kept counts of messages; None
    where none is kept (the views).
    """
    from_the_end = oldest_first or after is not None
    found = _keys(mailspace, box, before=before, after=after, limit=limit + 1, rising=from_the_end)
    more = len(found) > limit
    found = found[:limit]
    if from_the_end:
        found.reverse()
    total, unread = _counts(mailspace, box)
    page = tuple(_lines(mailspace, box, [message for _, message in found]))
    if not found:
        return ThreadPage((), False, False, total, unread, 0)
    newer, older = more and from_the_end, more and not from_the_end
    if not from_the_end and before is not None:
        newer = bool(_keys(mailspace, box, after=found[0], limit=1, rising=True))
    if from_the_end:
        older = bool(_keys(mailspace, box, before=found[-1], limit=1))
    position = 0 if not newer else _position(mailspace, box, found, total, older)
    return ThreadPage(page, newer, older, total, unread, position)


NEAR = 2_000  # lines that are counted; further down the position follows from the other end, or is not known


def _position(mailspace: int, box: int, found: Sequence[Key], total: int | None, older: bool) -> int:
    """How many messages lie before a page, counted from the end that is nearer."""
    newer = len(_keys(mailspace, box, after=found[0], limit=NEAR, rising=True))
    if newer < NEAR or total is None:
        return newer
    if not older:
        return max(newer, total - len(found))
    behind = len(_keys(mailspace, box, before=found[-1], limit=NEAR))
    if behind < NEAR:
        return max(newer, total - len(found) - behind)
    where, params = _place(mailspace, box)
    return int(
        sql.select(
            f"SELECT COUNT(*) {where} AND (internal_date, {_id(box)}) > (%s, %s)", [*params, *found[0]]
        )[0][0]
    )


def _keys(
    mailspace: int,
    box: int,
    *,
    before: Key | None = None,
    after: Key | None = None,
    limit: int,
    rising: bool = False,
) -> list[Key]:
    """The keys of some messages of a box, from an index alone where it is a mailbox."""
    where, params = _place(mailspace, box)
    id_ = _id(box)
    for key, sign in ((before, "<"), (after, ">")):
        if key is not None:
            where += f" AND (internal_date, {id_}) {sign} (%s, %s)"
            params += key
    order = "ASC" if rising else "DESC"
    found = sql.select(
        f"SELECT internal_date, {id_} {where} ORDER BY internal_date {order}, {id_} {order} LIMIT %s",
        [*params, limit],
    )
    return [(at, message) for at, message in found]


def _id(box: int) -> str:
    return "message_id" if box > 0 else "m.id"


def _place(mailspace: int, box: int) -> tuple[str, list[Any]]:
    """FROM and WHERE of the messages in a box that people see; conditions as the partial indexes have them."""
    if box > 0:
        where = "FROM mailstore_placement WHERE mailspace_id = %s AND mailbox_id = %s"
        return f"{where} AND expunged_modseq IS NULL AND NOT deleted", [mailspace, box]
    starred = "" if box == ALL else f" AND (m.flags & {FLAGGED}) = {FLAGGED}"
    return f"FROM mailstore_message m WHERE m.mailspace_id = %s{starred} AND {_SHOWN}", [mailspace]


# Lies somewhere, and not only in Junk, Trash or Quarantine.
_SHOWN = f"""EXISTS (
    SELECT 1 FROM mailstore_placement p JOIN mailstore_mailbox b ON b.id = p.mailbox_id
     WHERE p.mailspace_id = m.mailspace_id AND p.message_id = m.id AND p.expunged_modseq IS NULL
       AND NOT p.deleted AND b.role NOT IN ({ASIDE_ROLES}))"""


def _counts(mailspace: int, box: int) -> tuple[int | None, int]:
    if box <= 0:
        return None, 0
    found = sql.select(
        "SELECT messages - deleted, unseen FROM mailstore_mailbox WHERE mailspace_id = %s AND id = %s",
        [mailspace, box],
    )
    return found[0] if found else (0, 0)  # type: ignore[return-value]


def lines_of(mailspace: int, messages: Sequence[int]) -> tuple[ThreadLine, ...]:
    """Some messages outside Junk and Trash, by id, as lines in the order given."""
    return tuple(_lines(mailspace, ALL, messages)) if messages else ()


def _lines(mailspace: int, box: int, messages: Sequence[int]) -> list[ThreadLine]:
    """A line for each message, as if it were a conversation of its own."""
    found = lines.load_messages(mailspace, messages, lines.roles_of(mailspace))
    made = []
    for thread, member in (found[message] for message in messages if message in found):
        values = lines.lines([member]).get(box)
        if values is not None:
            line = line_of((thread, box, *values))
            made.append(replace(line, sort_at=member.internal_date))  # the key of the page
    return made


# --- files


def files(
    mailspace: int, *, before: Key | None = None, limit: int = 60, kind: str | None = None, name: str = ""
) -> FilePage:
    """What is attached to the mail of a mailspace outside Junk and Trash, newest message first; of one kind, or with
    a word in its name.

    A page ends with a whole message, so it may hold a few more. What is rare may lie further back than is looked
    for one page: then it is short, or empty, and `older` says where to go on.
    """
    wanted = name.casefold()
    found: list[FileLine] = []
    for _ in range(PIECES):
        piece = _with_files(mailspace, before)
        for at, message, *rest in piece:
            before = (at, message)
            found += [
                one
                for one in _files_of(at, message, *rest)
                if kind in (None, one.kind) and wanted in one.name.casefold()
            ]
            if len(found) >= limit:
                return FilePage(tuple(found), before)
        if len(piece) < PIECE:
            return FilePage(tuple(found), None)
    return FilePage(tuple(found), before)


def _with_files(mailspace: int, before: Key | None) -> list[tuple[Any, ...]]:
    where, params = (" AND (m.internal_date, m.id) < (%s, %s)", before) if before else ("", ())
    return sql.select(
        "SELECT m.internal_date, m.id, m.thread_id, m.subject, m.from_name, m.from_address, m.attachments"
        f" FROM mailstore_message m WHERE m.mailspace_id = %s AND m.has_attachment AND {_SHOWN}{where}"
        f" ORDER BY m.internal_date DESC, m.id DESC LIMIT {PIECE}",
        [mailspace, *params],
    )


def _files_of(
    at: int, message: int, thread: int, subject: str, name: str, address: str, attachments: str
) -> Iterator[FileLine]:
    for number, title, type_, size, inline, _content_id in json.loads(attachments):
        if not inline:
            kind = kind_of(title, type_)
            sender = Person(name, address)
            yield FileLine(message, thread, number, title, type_, kind, size, at, subject, sender)
