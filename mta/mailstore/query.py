"""Criteria (mta.message.criteria) to SQL: one search for IMAP, the web search box and filters.

`p` is the placement and `m` the message in the SQL made here. Header words that have a column are
looked up there; other headers are read from the bytes, after every other condition has narrowed the
candidates down to the mailbox. User text only ever travels as a parameter.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from mta.message import criteria as c
from mta.message.headers import parse_header, split_message, unfold
from mta.message.text import fold
from mta.values import ANSWERED, DRAFT, FLAGGED, JUNK, QUARANTINE, SEEN, TRASH

from . import contents, rows, search
from .sql import among, marks

_BITS = {"seen": SEEN, "answered": ANSWERED, "flagged": FLAGGED, "draft": DRAFT}
_COLUMNS = {"subject": "subject_text", "from": "from_text", "to": "to_text", "cc": "cc_text"}
_COLUMNS["bcc"] = "bcc_text"
_EXACT = {"message-id": "m.message_id", "in-reply-to": "m.in_reply_to", "list-id": "m.list_id"}

RANGES_WRITTEN = 100  # UID ranges that are written into the SQL
LONGEST = 10_000  # characters of a header text; a LIKE pattern on SQLite may have 50,000 bytes


@dataclass(slots=True)
class _Compiler:
    """Collects parameters while it writes one condition."""

    mailspace: int
    mailbox: int | None
    params: list[Any] = field(default_factory=list)

    def write(self, node: c.Criteria) -> str:
        """The SQL of a criterion; parameters are appended in the order of their marks."""
        match node:
            case c.All():
                return "1 = 1"
            case c.And(parts):
                return self._join(" AND ", parts, "1 = 1")
            case c.Or(parts):
                return self._join(" OR ", parts, "1 = 0")
            case c.Not(part):
                return f"NOT ({self.write(part)})"
            case c.Flag(name):
                return self._flag(name)
            case c.Keyword(name):
                return self._with(
                    ["% " + _escape(name.lower()) + " %"],
                    "' ' || LOWER(m.keywords) || ' ' LIKE %s ESCAPE '!'",
                )
            case c.Larger(size):
                return self._with([size], "m.size > %s")
            case c.Smaller(size):
                return self._with([size], "m.size < %s")
            case c.Since(which, at):
                return self._with([at], f"{_date(which)} >= %s")
            case c.Before(which, at):
                return self._with([at], f"{_date(which)} < %s")
            case c.Uids(ranges):
                return self._ranges(ranges)
            case c.InMailbox(mailbox):
                return self._with(
                    [self.mailspace, mailbox],
                    "EXISTS (SELECT 1 FROM mailstore_placement x WHERE x.mailspace_id = %s AND x.mailbox_id = %s"
                    " AND x.message_id = m.id AND x.expunged_modseq IS NULL AND NOT x.deleted)",
                )
            case c.InThread(thread):
                return self._with([thread], "m.thread_id = %s")
            case c.HasAttachment():
                return "m.has_attachment"
            case c.ModSeq(value):
                return self._with([value], "p.modseq >= %s")
            case c.Contains(header, text):
                return self._contains(header.lower(), text)
            case c.Words():
                return self._words(node)
        raise TypeError(f"a criterion that has no SQL: {type(node).__name__}")

    def _with(self, params: Sequence[Any], sql: str) -> str:
        self.params += params
        return sql

    def _join(self, word: str, parts: Sequence[c.Criteria], empty: str) -> str:
        written = [f"({self.write(part)})" for part in parts]
        while len(written) > 1:  # in pairs of pairs: SQLite nests no deeper than 1,000
            pairs = zip(written[::2], written[1::2], strict=False)
            odd = written[-1:] if len(written) % 2 else []
            written = [f"({left}{word}{right})" for left, right in pairs] + odd
        return written[0] if written else empty

    def _flag(self, name: str) -> str:
        if name == "deleted":
            return "p.deleted"
        if name == "recent":  # the engine knows which messages are recent; the store cannot
            return "1 = 0"
        return f"(m.flags & {_BITS[name]}) <> 0"

    def _ranges(self, ranges: Sequence[tuple[int, int]]) -> str:
        if len(ranges) > RANGES_WRITTEN and self.mailbox is not None:
            return self._uids(ranges, self.mailbox)
        parts = []
        for low, high in ranges:
            parts.append(self._with([low, high], "p.uid BETWEEN %s AND %s"))
        return "(" + (" OR ".join(parts) or "1 = 0") + ")"

    def _uids(self, ranges: Sequence[tuple[int, int]], mailbox: int) -> str:
        """A set too torn for SQL (SQLite nests no deeper than 1,000): read the UIDs and choose here."""
        found = rows.select(
            "SELECT uid FROM mailstore_placement"
            " WHERE mailspace_id = %s AND mailbox_id = %s AND expunged_modseq IS NULL",
            [self.mailspace, mailbox],
        )
        ordered = sorted(ranges)
        starts = [low for low, _ in ordered]
        ends = list(accumulate((high for _, high in ordered), max))
        chosen = [uid for (uid,) in found if (at := bisect_right(starts, uid)) and ends[at - 1] >= uid]
        where, param = among("p.uid", chosen)
        return self._with(param, where)

    def _contains(self, header: str, text: str) -> str:
        if len(text) > LONGEST:
            return "1 = 0"
        if header in _COLUMNS:
            return self._header_text(header, text)
        if header in _EXACT:
            return self._with(
                [f"%{_escape(text.strip('<>').lower())}%"], f"LOWER({_EXACT[header]}) LIKE %s ESCAPE '!'"
            )
        if header == "references":
            return self._with([f"%{_escape(text.lower())}%"], "LOWER(m.\"references\") LIKE %s ESCAPE '!'")
        return self._among(self._by_bytes(header, text))

    def _header_text(self, header: str, text: str) -> str:
        return self._with(
            [self.mailspace, f"%{_escape(fold(text))}%"],
            "m.id IN (SELECT h.message_id FROM mailstore_headertext h"
            f" WHERE h.mailspace_id = %s AND h.{_COLUMNS[header]} LIKE %s ESCAPE '!')",
        )

    def _words(self, node: c.Words) -> str:
        if node.where in ("cc", "bcc"):
            return self._header_text(node.where, node.text[:LONGEST])
        found = search.condition(self.mailspace, node)
        if found is None:
            return "1 = 1"  # nothing but punctuation: no condition
        sql, params = found
        tail = search.tail_matches(self.mailspace, node)
        if not tail:
            return self._with(params, sql)
        where, param = among("m.id", tail)
        return self._with([*params, *param], f"({sql} OR {where})")

    def _among(self, messages: Sequence[int]) -> str:
        where, param = among("m.id", messages)
        return self._with(param, where)

    def _by_bytes(self, header: str, text: str) -> list[int]:
        """Messages whose header field holds a text: read from their bytes (rare; see docs/protocols)."""
        where, params = "mailspace_id = %s", [self.mailspace]
        if self.mailbox is not None:
            where += (
                " AND id IN (SELECT message_id FROM mailstore_placement WHERE mailspace_id = %s"
                " AND mailbox_id = %s AND expunged_modseq IS NULL)"
            )
            params += [self.mailspace, self.mailbox]
        ids = [row[0] for row in rows.select(f"SELECT id FROM mailstore_message WHERE {where}", params)]
        wanted = fold(text)
        found = []
        for id_, raw in contents.raws(self.mailspace, ids):
            head_end, _ = split_message(raw)
            values = [unfold(f.value) for f in parse_header(raw[:head_end]) if f.name == header]
            if any(not wanted or wanted in fold(value.decode("utf-8", "replace")) for value in values):
                found.append(id_)
        return found


def _escape(text: str) -> str:
    """Text for LIKE … ESCAPE '!', without what no database takes."""
    storable = text.replace("\x00", "").encode("utf-8", "replace").decode()
    return storable.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _date(which: str) -> str:
    return "m.internal_date" if which == "internal" else "COALESCE(m.sent_at, m.internal_date)"


def search_uids(mailspace: int, mailbox: int, criteria: c.Criteria) -> list[int]:
    """UIDs in a mailbox that match, in order (IMAP SEARCH)."""
    compiler = _Compiler(mailspace, mailbox)
    condition = compiler.write(criteria)
    found = rows.select(
        f"""SELECT p.uid FROM mailstore_placement p JOIN mailstore_message m ON m.id = p.message_id
             WHERE p.mailspace_id = %s AND p.mailbox_id = %s AND p.expunged_modseq IS NULL AND ({condition})
             ORDER BY p.uid""",
        [mailspace, mailbox, *compiler.params],
    )
    return [row[0] for row in found]


def matching_threads(
    mailspace: int, criteria: c.Criteria, *, before: tuple[int, int] | None, limit: int, aside: bool
) -> list[tuple[int, int]]:
    """(thread, newest matching INTERNALDATE), newest first; `aside` looks into Junk and Trash, too."""
    compiler = _Compiler(mailspace, None)
    condition = compiler.write(criteria)
    hidden = [QUARANTINE] if aside else [QUARANTINE, JUNK, TRASH]
    params: list[Any] = [mailspace, mailspace, *hidden, *compiler.params]
    having = ""
    if before is not None:
        having = "HAVING MAX(m.internal_date) < %s OR (MAX(m.internal_date) = %s AND m.thread_id < %s)"
        params += [before[0], before[0], before[1]]
    found = rows.select(
        f"""SELECT m.thread_id, MAX(m.internal_date) AS newest
              FROM mailstore_message m JOIN mailstore_placement p
                ON p.mailspace_id = m.mailspace_id AND p.message_id = m.id
               AND p.expunged_modseq IS NULL AND NOT p.deleted
             WHERE m.mailspace_id = %s
               AND p.mailbox_id NOT IN (SELECT id FROM mailstore_mailbox
                                         WHERE mailspace_id = %s AND role IN ({marks(hidden)}))
               AND ({condition})
             GROUP BY m.thread_id {having}
             ORDER BY newest DESC, m.thread_id DESC LIMIT %s""",
        [*params, limit],
    )
    return [(thread, newest) for thread, newest in found]
