"""Full text: what is indexed for a message, and the SQL that asks.

One tokenizer (message/text.words) feeds both databases; each token starts with its mailspace's id, so that a
prefix search stays inside the mailspace. SQLite: one contentless FTS5 table with a column per kind of text.
PostgreSQL: one tsvector whose tokens carry a letter for their kind. Who searches also looks through what is not
indexed yet (`tail`); `indexing` keeps that short.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import OperationalError, connection

from mta.message import criteria as c
from mta.message.parse import search_sections, search_text
from mta.message.text import MAX_WORD, words

from . import contents, fresh, rows
from .errors import TooMuch
from .models import SearchText
from .sql import among, execute

SPREAD = 1000  # µs: messages of one commit share their INTERNALDATE
AT_ONCE = 5_000
LONGEST = 3  # seconds that PostgreSQL may take to answer one question
MOST_WORDS = 64  # of one criterion; SQLite takes no expression deeper than 256
# Kind of text → the letter its tokens carry on PostgreSQL.
KINDS = {"subject": "s", "sender": "f", "recipients": "t", "files": "n", "body": "b"}
_SECTIONS = {
    "subject": ("subject",),
    "sender": ("from",),
    "recipients": ("to", "cc", "bcc"),
    "files": ("filename",),
    "body": ("body",),
}
HEADER_KINDS = ("subject", "sender", "recipients")
# A header with a word that was cut short has this one, too: somebody may look for the part that is not here.
CUT = "wordcutshorthere"
_WHERE = {
    "any": tuple(KINDS),
    "subject": ("subject",),
    "from": ("sender",),
    "to": ("recipients",),
    "cc": ("recipients",),
    "bcc": ("recipients",),
    "filename": ("files",),
    "body": ("body",),
}


def kinds_of(where: c.Where) -> tuple[str, ...]:
    """The kinds of text that a question about words is asked of."""
    return _WHERE.get(where, tuple(KINDS))


def texts(raw: bytes) -> dict[str, str]:
    """The words of a message by kind, as they are indexed: separated by one space."""
    return tokens(search_text(raw))


def tokens(text: str) -> dict[str, str]:
    """The same from what was parsed at delivery (`Facts.search_text`)."""
    asked = Tokens(text)
    return {kind: asked[kind] for kind in KINDS}


class Tokens(dict[str, str]):
    """The same, each kind when it is asked for: the body's are most of the work."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._sections = search_sections(text)
        self._joined: dict[tuple[str, ...], str] = {}
        self._ordered: dict[str, list[str]] = {}

    def ordered(self, kind: str) -> list[str]:
        """Each word of a kind once, in order: a word, or one that begins so, is found without reading all of them."""
        found = self._ordered.get(kind)
        if found is None:
            found = self._ordered[kind] = sorted(set(self[kind].split()))
        return found

    def together(self, kinds: tuple[str, ...]) -> str:
        """The words of some kinds, each between spaces; made once, since filters ask again and again."""
        found = self._joined.get(kinds)
        if found is None:
            found = self._joined[kinds] = " " + " ".join(self[kind] for kind in kinds) + " "
        return found

    def __missing__(self, kind: str) -> str:
        found = words(" ".join(self._sections[section] for section in _SECTIONS[kind]))
        if kind in HEADER_KINDS and any(len(word) == MAX_WORD for word in found):
            found.append(CUT)
        self[kind] = " ".join(found)
        return self[kind]


# --- asking


Term = tuple[str, bool]  # a word, and whether longer ones that begin like it will do


@dataclass(frozen=True, slots=True)
class Question:
    """Words to look for, as both databases understand them: of each of `clauses` at least one term."""

    mailspace: int
    kinds: tuple[str, ...]
    clauses: tuple[tuple[Term, ...], ...]
    phrase: str = ""  # that the stored text of one kind must hold

    def condition(self) -> tuple[str, str]:
        """SQL on `f` (SQLite) or `st` (PostgreSQL) with one parameter, and that parameter."""
        if connection.vendor == "postgresql":
            return "st.vector @@ %s::tsquery", self._tsquery()
        return "mailstore_fts MATCH %s", self._match()

    def _match(self) -> str:
        """FTS5: `{subject} : (("7xquarterly") AND ("7xrep"*))`."""
        every = " AND ".join(
            "(" + " OR ".join(f'"{self.mailspace}x{word}"' + "*" * prefix for word, prefix in terms) + ")"
            for terms in self.clauses
        )
        return every if len(self.kinds) == len(KINDS) else "{" + " ".join(self.kinds) + "} : (" + every + ")"

    def _tsquery(self) -> str:
        letters = [KINDS[kind] for kind in self.kinds]
        return " & ".join(
            "("
            + " | ".join(
                f"'{self.mailspace}{letter}{word}'" + ":*" * prefix
                for word, prefix in terms
                for letter in letters
            )
            + ")"
            for terms in self.clauses
        )


def question(mailspace: int, node: c.Words) -> Question | None:
    """All words must be there, the last one perhaps as a prefix; None when the text holds no word."""
    wanted = words(node.text, limit=MOST_WORDS)
    if not wanted:
        return None
    if not node.phrase:
        wanted = [*dict.fromkeys(wanted[:-1]), wanted[-1]]
    clauses = [((word, False),) for word in wanted]
    clauses[-1] = ((wanted[-1], node.prefix),)
    phrase = ""
    if node.phrase and len(wanted) > 1:
        phrase = " " + " ".join(wanted) + ("" if node.prefix else " ")
    return Question(mailspace, _WHERE.get(node.where, tuple(KINDS)), tuple(clauses), phrase)


def together(node: c.Criteria) -> c.Criteria:
    """The same with And within And as one, and with words that must all be there as one question of the index."""
    match node:
        case c.Not(part):
            return c.Not(together(part))
        case c.Or(parts):
            return c.Or(tuple(together(part) for part in parts))
        case c.And():
            return _as_one(list(_parts(node)))
    return node


def _parts(node: c.Criteria) -> Iterator[c.Criteria]:
    if isinstance(node, c.And):
        for part in node.parts:
            yield from _parts(part)
    else:
        yield together(node)


def _as_one(parts: list[c.Criteria]) -> c.Criteria:
    texts: dict[c.Where, list[str]] = {}
    rest: list[c.Criteria] = []
    for part in parts:
        if isinstance(part, c.Words) and not part.phrase and not part.prefix and len(words(part.text)) == 1:
            texts.setdefault(part.where, []).append(part.text)
        else:
            rest.append(part)
    asked = [
        c.Words(" ".join(found[start : start + MOST_WORDS]), where, prefix=False)
        for where, found in texts.items()
        for start in range(0, len(found), MOST_WORDS)
    ]
    joined = (*asked, *rest)
    return joined[0] if len(joined) == 1 else c.And(joined)


# From the words to the message; on SQLite the texts that lie between are not read.
_SQLITE = "mailstore_fts f CROSS JOIN mailstore_searchtext st INDEXED BY search_message ON st.id = f.rowid"
_POSTGRESQL = "mailstore_searchtext st"


def _tables() -> str:
    return _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE


_POSTGRESQL_ASKS = (
    f"SET LOCAL enable_seqscan = off; SET LOCAL work_mem = '64MB'; SET LOCAL statement_timeout = '{LONGEST}s'"
)


def _ask(statement: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """PostgreSQL thinks reading all vectors cheaper than asking their index, and needs room for its answer."""
    if connection.vendor != "postgresql":
        return rows.select(statement, params)
    try:
        with rows.snapshot():
            execute(_POSTGRESQL_ASKS, [])
            return rows.select(statement, params)
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise TooMuch("This search takes too long; ask for less at once.") from error
        raise


def messages(asked: Question, *, limit: int) -> list[int] | None:
    """The indexed messages of a mailspace that answer, or None if those with the words are more than `limit`."""
    where, param = asked.condition()
    found = _ask(f"SELECT st.message_id FROM {_tables()} WHERE {where} LIMIT %s", [param, limit + 1])
    return None if len(found) > limit else with_phrase(asked, [row[0] for row in found])


def every(asked: Question) -> list[int]:
    """The same, however many."""
    where, param = asked.condition()
    found = [row[0] for row in _ask(f"SELECT st.message_id FROM {_tables()} WHERE {where}", [param])]
    return with_phrase(asked, found)


def of(asked: Question, candidates: Sequence[int]) -> list[int]:
    """Those of some messages that answer."""
    where, param = asked.condition()
    if connection.vendor == "postgresql":
        chosen, params = among("st.message_id", candidates)
        read = rows.select(
            f"SELECT st.message_id FROM {_tables()} WHERE {chosen} AND {where}", [*params, param]
        )
        return with_phrase(asked, [row[0] for row in read])
    chosen, params = among("message_id", candidates)
    places = dict(rows.select(f"SELECT id, message_id FROM mailstore_searchtext WHERE {chosen}", params))
    if not places:
        return []
    # FTS5 is quick with a range of rows and slow with a list of them.
    hits = _ask(
        f"SELECT f.rowid FROM mailstore_fts f WHERE {where} AND f.rowid BETWEEN %s AND %s",
        [param, min(places), max(places)],
    )
    return with_phrase(asked, [places[place] for (place,) in hits if place in places])


def newest(asked: Question, *, below: int | None, limit: int) -> list[tuple[int, int]]:
    """SQLite: (place, message) of those with the words, the newest first. Places follow INTERNALDATE (µs)."""
    where, param = asked.condition()
    return _ask(
        f"SELECT f.rowid, st.message_id FROM {_tables()} WHERE {where} AND f.rowid < %s"
        " ORDER BY f.rowid DESC LIMIT %s",
        [param, 1 << 62 if below is None else below, limit],
    )


def has_word(asked: Question) -> bool:
    """Whether any message answers."""
    where, param = asked.condition()
    table = "mailstore_searchtext st" if connection.vendor == "postgresql" else "mailstore_fts f"
    return bool(_ask(f"SELECT 1 FROM {table} WHERE {where} LIMIT 1", [param]))


def with_phrase(asked: Question, candidates: Sequence[int]) -> list[int]:
    """Those of some messages with the words whose text holds them side by side."""
    if not asked.phrase:
        return list(candidates)
    function = (
        "position(%s in ' ' || st.{0} || ' ')"
        if connection.vendor == "postgresql"
        else "instr(' ' || st.{0} || ' ', %s)"
    )
    holds = " OR ".join(function.format(kind) + " > 0" for kind in asked.kinds)
    found: list[int] = []
    for piece in rows.chunks(candidates, AT_ONCE):
        where, params = among("st.message_id", piece)
        read = rows.select(
            f"SELECT st.message_id FROM mailstore_searchtext st WHERE {where} AND ({holds})",
            [*params, *[asked.phrase] * len(asked.kinds)],
        )
        found += [row[0] for row in read]
    return found


def texts_of(mailspace: int, messages: Sequence[int], *, longest: int) -> dict[int, dict[str, str]]:
    """The words of some messages by kind, the body cut short; what is not indexed yet is read now."""
    where, params = among("message_id", messages)
    read = rows.select(
        "SELECT message_id, subject, sender, recipients, files, substr(body, 1, %s) FROM mailstore_searchtext"
        f" WHERE mailspace_id = %s AND {where}",
        [longest, mailspace, *params],
    )
    found = {id_: dict(zip(KINDS, kept, strict=True)) for id_, *kept in read}
    rest = [id_ for id_ in messages if id_ not in found]
    if rest:
        found |= {id_: texts(raw) for id_, raw in contents.raws(mailspace, rest)}
    return found


# --- what is not indexed yet


def tail(mailspace: int, *, limit: int | None = None) -> list[int]:
    """The messages of a mailspace that are not indexed yet; with a limit, the first of them."""
    found = rows.select(
        "SELECT id FROM mailstore_message WHERE mailspace_id = %s AND NOT indexed ORDER BY id"
        + (" LIMIT %s" if limit is not None else ""),
        [mailspace] if limit is None else [mailspace, limit],
    )
    return [row[0] for row in found]


def tail_matches(mailspace: int, ids: Sequence[int], node: c.Words) -> Iterator[int]:
    """Those of some messages that hold the words, read from their bytes a few at a time."""
    wanted = words(node.text, limit=MOST_WORDS)
    kinds = _WHERE.get(node.where, tuple(KINDS))
    unread: list[int] = []
    for piece in rows.chunks(ids):
        where, params = among("id", piece)
        for key in rows.select(
            f"SELECT id, size, internal_date FROM mailstore_message WHERE {where}", params
        ):
            known = fresh.texts.text(*key)
            if known is None:
                unread.append(key[0])
            elif holds(Tokens(known), wanted, kinds, node):
                yield key[0]
    for id_, raw in contents.raws(mailspace, unread):
        if holds(Tokens(search_text(raw)), wanted, kinds, node):
            yield id_


def holds(found: Tokens, wanted: Sequence[str], kinds: tuple[str, ...], node: c.Words) -> bool:
    """Whether the words of one message, by kind, answer."""
    together = found.together(kinds)
    last = len(wanted) - 1
    ends = ["" if node.prefix and place == last else " " for place in range(len(wanted))]
    if not all(f" {word}{end}" in together for word, end in zip(wanted, ends, strict=True)):
        return False
    if not node.phrase or last == 0:
        return True
    phrase = " " + " ".join(wanted) + ends[-1]
    return any(phrase in found.together((kind,)) for kind in kinds)


# --- how tokens are written


def index_columns(row: SearchText) -> list[str]:
    """The tokens of an FTS5 row, each behind its mailspace's id."""
    before = f"{row.mailspace_id}x"
    return [
        before + text.replace(" ", " " + before) if text else ""
        for text in (row.subject, row.sender, row.recipients, row.files, row.body)
    ]


def lexemes(row: SearchText) -> list[str]:
    """The tokens of a tsvector: mailspace, the letter of the kind, the word."""
    return sorted(
        {
            f"{row.mailspace_id}{letter}{word}"
            for kind, letter in KINDS.items()
            for word in getattr(row, kind).split()
        }
    )
