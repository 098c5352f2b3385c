"""Full text: what is indexed for a message, the batches that index it, and the SQL that asks.

One tokenizer (message/text.words) feeds both databases; each token starts with its mailspace's id,
so that a prefix search stays inside the mailspace. SQLite: one contentless FTS5 table with a column
per kind of text. PostgreSQL: one tsvector whose tokens carry a letter for their kind. Indexing runs
after the commit that stored a message; a search looks through what is not yet indexed by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction

from mta.message import criteria as c
from mta.message.parse import parse_message, search_sections
from mta.message.text import words

from . import contents
from .errors import NoSuchMessage
from .models import Message, SearchText

log = logging.getLogger(__name__)

BATCH = 100
SPREAD = 1000  # µs: messages of one commit share their INTERNALDATE
MOST_WORDS = 64  # of one criterion; SQLite takes no expression deeper than 256
TAIL = 200  # unindexed messages a search reads itself
# Kind of text → the letter its tokens carry on PostgreSQL.
KINDS = {"subject": "s", "sender": "f", "recipients": "t", "files": "n", "body": "b"}
_WHERE = {
    "any": tuple(KINDS),
    "subject": ("subject",),
    "from": ("sender",),
    "to": ("recipients",),
    "filename": ("files",),
    "body": ("body",),
}


def texts(raw: bytes) -> dict[str, str]:
    """The words of a message by kind, as they are indexed: separated by one space."""
    sections = search_sections(parse_message(raw).search_text)
    by_kind = {
        "subject": sections["subject"],
        "sender": sections["from"],
        "recipients": " ".join(sections[kind] for kind in ("to", "cc", "bcc")),
        "files": sections["filename"],
        "body": sections["body"],
    }
    return {kind: " ".join(words(text)) for kind, text in by_kind.items()}


# --- asking


def condition(mailspace: int, node: c.Words) -> tuple[str, list[Any]] | None:
    """SQL on message `m` for words, with its parameters; None when the text holds no word.

    All words must be there; the last one is a prefix (if the criterion says so); a phrase is then
    checked in the stored text.
    """
    wanted = words(node.text, limit=MOST_WORDS)
    if not wanted:
        return None
    kinds = _WHERE.get(node.where, tuple(KINDS))
    sql = "SELECT st.message_id FROM mailstore_searchtext st"
    params: list[Any]
    if connection.vendor == "postgresql":
        sql += " WHERE st.vector @@ %s::tsquery"
        params = [_tsquery(mailspace, wanted, kinds, node.prefix)]
    else:
        sql += " JOIN mailstore_fts f ON f.rowid = st.id WHERE mailstore_fts MATCH %s"
        params = [_match(mailspace, wanted, kinds, node.prefix)]
    if node.phrase and len(wanted) > 1:
        pattern = "% " + " ".join(wanted) + ("%" if node.prefix else " %")
        sql += " AND (" + " OR ".join(f"' ' || st.{kind} || ' ' LIKE %s" for kind in kinds) + ")"
        params += [pattern] * len(kinds)
    return f"m.id IN ({sql} AND st.mailspace_id = %s)", [*params, mailspace]


def _match(mailspace: int, wanted: Sequence[str], kinds: Sequence[str], prefix: bool) -> str:
    terms = [f'"{mailspace}x{word}"' for word in wanted]
    if prefix:
        terms[-1] += "*"
    every = " AND ".join(terms)
    return every if len(kinds) == len(KINDS) else "{" + " ".join(kinds) + "} : (" + every + ")"


def _tsquery(mailspace: int, wanted: Sequence[str], kinds: Sequence[str], prefix: bool) -> str:
    def term(word: str, star: str) -> str:
        return "(" + " | ".join(f"'{mailspace}{KINDS[kind]}{word}'{star}" for kind in kinds) + ")"

    last = len(wanted) - 1
    return " & ".join(
        term(word, ":*" if prefix and place == last else "") for place, word in enumerate(wanted)
    )


def tail_matches(mailspace: int, node: c.Words) -> list[int]:
    """Messages not indexed yet that hold the words."""
    ids = list(
        Message.objects.filter(mailspace_id=mailspace, indexed=False)
        .order_by("-id")
        .values_list("id", flat=True)[:TAIL]
    )
    if not ids:
        return []
    wanted = words(node.text, limit=MOST_WORDS)
    kinds = _WHERE.get(node.where, tuple(KINDS))
    return [id_ for id_, raw in contents.raws(mailspace, ids) if _holds(texts(raw), wanted, kinds, node)]


def _holds(found: dict[str, str], wanted: Sequence[str], kinds: Sequence[str], node: c.Words) -> bool:
    together = " " + " ".join(found[kind] for kind in kinds) + " "
    last = len(wanted) - 1
    ends = ["" if node.prefix and place == last else " " for place in range(len(wanted))]
    if not all(f" {word}{end}" in together for word, end in zip(wanted, ends, strict=True)):
        return False
    if not node.phrase or last == 0:
        return True
    phrase = " " + " ".join(wanted) + ends[-1]
    return any(phrase in f" {found[kind]} " for kind in kinds)


# --- indexing


def index_pending(*, limit: int = BATCH) -> int:
    """Index up to `limit` messages that are not indexed yet; returns how many were looked at.

    Parsing happens outside the transaction; two indexers at once share the work by row locks.
    """
    waiting = list(
        Message.objects.filter(indexed=False).order_by("id").values_list("mailspace_id", "id")[:limit]
    )
    read: dict[int, tuple[int, dict[str, str]]] = {}
    for mailspace in sorted({mailspace for mailspace, _ in waiting}):
        ids = [id_ for owner, id_ in waiting if owner == mailspace]
        try:
            found = {id_: texts(raw) for id_, raw in contents.raws(mailspace, ids)}
        except Exception:  # one of them: find out which, so that it holds up nobody else
            found = {id_: text for id_ in ids if (text := _texts_of(mailspace, id_)) is not None}
        read |= {id_: (mailspace, text) for id_, text in found.items()}
    if read:
        with transaction.atomic():
            _write(read)
    return len(waiting)


def _texts_of(mailspace: int, message: int) -> dict[str, str] | None:
    """The words of a stored message; none if it cannot be read; None if it is gone."""
    try:
        return texts(contents.raw(mailspace, message))
    except NoSuchMessage:
        return None
    except Exception:
        log.exception("message %d cannot be indexed", message)
        return dict.fromkeys(KINDS, "")


def _write(read: dict[int, tuple[int, dict[str, str]]]) -> None:
    locked = Message.objects.filter(id__in=read, indexed=False).order_by("id")
    locked = locked.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)
    made = []
    for id_, at in list(locked.values_list("id", "internal_date")):
        mailspace, text = read[id_]
        made.append(SearchText(id=at + id_ % SPREAD, mailspace_id=mailspace, message_id=id_, **text))
    _make_unique(made)
    SearchText.objects.bulk_create(made)
    _add_to_index(made)
    Message.objects.filter(id__in=[row.message_id for row in made]).update(indexed=True)


def _make_unique(made: list[SearchText]) -> None:
    """Row ids follow INTERNALDATE, spread over a millisecond; where one is taken, twice as far on each time."""
    taken = set(SearchText.objects.filter(id__in=[row.id for row in made]).values_list("id", flat=True))
    for row in made:
        step = 1
        while row.id in taken:
            row.id += step
            step *= 2
            if SearchText.objects.filter(id=row.id).exists():
                taken.add(row.id)
        taken.add(row.id)


def _add_to_index(made: Sequence[SearchText]) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.executemany(
                "UPDATE mailstore_searchtext SET vector = array_to_tsvector(%s) WHERE id = %s",
                [(_lexemes(row), row.id) for row in made],
            )
        else:
            cursor.executemany(
                "INSERT INTO mailstore_fts (rowid, subject, sender, recipients, files, body) VALUES (%s,%s,%s,%s,%s,%s)",
                [(row.id, *_columns(row)) for row in made],
            )


def forget(mailspace: int, messages: Sequence[int]) -> None:
    """Take messages out of the index (they are purged or parsed anew)."""
    found = list(SearchText.objects.filter(mailspace_id=mailspace, message_id__in=messages))
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO mailstore_fts (mailstore_fts, rowid, subject, sender, recipients, files, body)"
                " VALUES ('delete',%s,%s,%s,%s,%s,%s)",
                [(row.id, *_columns(row)) for row in found],
            )
    SearchText.objects.filter(id__in=[row.id for row in found]).delete()


def _columns(row: SearchText) -> list[str]:
    """The tokens of an FTS5 row, each behind its mailspace's id."""
    return [" ".join(f"{row.mailspace_id}x{word}" for word in getattr(row, kind).split()) for kind in KINDS]


def _lexemes(row: SearchText) -> list[str]:
    """The tokens of a tsvector: mailspace, the letter of the kind, the word."""
    return sorted(
        {
            f"{row.mailspace_id}{letter}{word}"
            for kind, letter in KINDS.items()
            for word in getattr(row, kind).split()
        }
    )
