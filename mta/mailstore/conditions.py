"""One criterion as SQL on candidates that something else has chosen.

`p` is the placement, `m` the message, `h` its header texts, `st` and `f` what is indexed of it; `tables` joins those
that a condition needs. Where a mailbox is searched (`placed`), flags and dates are the placement's copies. User
text only ever travels as a parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from mta.message import criteria as c
from mta.message.text import fold, words
from mta.values import ANSWERED, DRAFT, FLAGGED, SEEN

from .sql import among

BITS = {"seen": SEEN, "answered": ANSWERED, "flagged": FLAGGED, "draft": DRAFT}
HEADERS = {
    "subject": "subject_text",
    "from": "from_text",
    "to": "to_text",
    "cc": "cc_text",
    "bcc": "bcc_text",
}
# Kept beside the others, but looked through row by row.
SCANNED = {"list-id": "list_text", "delivered-to": "delivered_text"}
_STORED = {"message-id": "message_id", "in-reply-to": "in_reply_to"}
_STORED["references"] = '"references"'
LONGEST = 10_000  # characters of a header text
RANGES_WRITTEN = 100  # UID ranges that are written into the SQL

BRACKETS = frozenset("<>")  # are not kept

FALSE, TRUE = "1 = 0", "1 = 1"


@dataclass(slots=True)
class Condition:
    """SQL with its parameters, and what it must be joined with."""

    sql: str
    params: list[Any] = field(default_factory=list)
    message: bool = False  # `m`
    headers: bool = False  # `h`

    def tables(self) -> str:
        """From a placement on."""
        joined = "mailstore_placement p"
        if self.message:
            joined += " JOIN mailstore_message m ON m.id = p.message_id"
        if self.headers:
            joined += (
                " JOIN mailstore_headertext h"
                " ON h.mailspace_id = p.mailspace_id AND h.message_id = p.message_id"
            )
        return joined


@dataclass(frozen=True, slots=True)
class Between:
    """A Since and a Before of the same date: an index may know that together they are few."""

    field: c.DateField
    start: int
    end: int


Leaf = c.Criteria | Between


def of(node: Leaf, *, mailspace: int, placed: bool) -> Condition | None:
    """The SQL of one criterion that is not And, Or or Not; None for those that SQL on candidates cannot say."""
    p = "p" if placed else "m"
    in_m = not placed  # columns that placements have copies of
    match node:
        case c.All():
            return Condition(TRUE)
        case c.Flag("deleted"):
            return Condition("p.deleted" if placed else FALSE)
        case c.Flag("recent"):  # the engine knows which messages are recent; the store cannot
            return Condition(FALSE)
        case c.Flag(name):
            bit = BITS[name]
            return Condition(f"({p}.flags & {bit}) = {bit}", message=in_m)
        case c.Keyword(name):
            pattern = "% " + _escape(name.lower()) + " %"
            sql = f"{p}.keywords > '' AND ' ' || LOWER({p}.keywords) || ' ' LIKE %s ESCAPE '!'"
            return Condition(sql, [pattern], message=in_m)
        case c.Larger(size):
            return Condition(f"{p}.size > %s", [size], message=in_m)
        case c.Smaller(size):
            return Condition(f"{p}.size < %s", [size], message=in_m)
        case c.Since(which, at):
            column, message = _date(which, placed=placed)
            return Condition(f"{column} >= %s", [at], message=message)
        case c.Before(which, at):
            column, message = _date(which, placed=placed)
            return Condition(f"{column} < %s", [at], message=message)
        case Between(which, start, end):
            column, message = _date(which, placed=placed)
            return Condition(f"{column} >= %s AND {column} < %s", [start, end], message=message)
        case c.Uids(ranges) if len(ranges) <= RANGES_WRITTEN:
            sql = " OR ".join(["p.uid BETWEEN %s AND %s"] * len(ranges)) or FALSE
            return Condition(f"({sql})", [end for pair in ranges for end in pair])
        case c.InMailbox(mailbox):
            return Condition(
                "EXISTS (SELECT 1 FROM mailstore_placement x WHERE x.mailspace_id = %s AND x.mailbox_id = %s"
                f" AND x.message_id = {'p.message_id' if placed else 'm.id'}"
                " AND x.expunged_modseq IS NULL AND NOT x.deleted)",
                [mailspace, mailbox],
            )
        case c.InThread(thread):
            return Condition("m.thread_id = %s", [thread], message=True)
        case c.HasEmailId(email_id):
            return Condition("m.email_id = %s", [email_id], message=True)
        case c.HasAttachment():
            return Condition("m.has_attachment", message=True)
        case c.ModSeq(value):
            return Condition("p.modseq >= %s" if placed else FALSE, [value] if placed else [])
        case c.Contains(header, text):
            return contains(header.lower(), text)
    return None


def contains(header: str, text: str) -> Condition | None:
    """A header field that is kept in a column and holds a text; None if it has to be read from the bytes."""
    if len(text) > LONGEST:
        return Condition(FALSE)
    if header in HEADERS:
        if header == "subject" and not text:
            return None  # is there such a field? (RFC 3501 §6.4.4)
        return holds(f"h.{HEADERS[header]}", fold(text))
    if header in SCANNED and not BRACKETS.intersection(text):
        return holds(f"h.{SCANNED[header]}", fold(text))
    if header in _STORED and text:
        wanted = text.strip("<>") if header != "references" else text
        pattern = f"%{_escape(wanted.lower())}%"
        return Condition(f"LOWER(m.{_STORED[header]}) LIKE %s ESCAPE '!'", [pattern], message=True)
    return None


def holds(column: str, folded: str) -> Condition:
    """A column of `h` that holds a text, or that holds anything if the text is empty."""
    if not folded:
        return Condition(f"{column} > ''", headers=True)
    folded = storable(folded)
    if connection.vendor == "postgresql":
        return Condition(f"position(%s in {column}) > 0", [folded], headers=True)
    return Condition(f"instr({column}, %s) > 0", [folded], headers=True)


def has_words(node: c.Words) -> bool:
    """Whether there is anything to look for in the index; mere punctuation is no condition."""
    return bool(words(node.text, limit=1))


def storable(text: str) -> str:
    """Without what no database takes."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _escape(text: str) -> str:
    """Text for LIKE … ESCAPE '!'."""
    return storable(text).replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _date(which: c.DateField, *, placed: bool) -> tuple[str, bool]:
    """The column of a date, and whether it is the message's."""
    if which == "sent":
        return "COALESCE(m.sent_at, m.internal_date)", True
    if which == "saved" and placed:
        return "p.saved_at", False
    return ("p.internal_date", False) if placed else ("m.internal_date", True)


def some(column: str, ids: Sequence[int]) -> Condition:
    """One of some numbers."""
    return Condition(*among(column, ids))
