"""Parts of words in subjects and addresses (IMAP's header keys look for substrings), found by the index.

The words of a mailspace's headers are kept once each (`HeaderWord`): a scan of them finds the whole words that
hold the part, the index then the messages with one of these. Callers check the header's text itself, since the
index knows neither order nor punctuation.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from mta.message.text import parts

from . import rows, search
from .search import CUT, Question

KIND = {"subject": "subject", "from": "sender", "to": "recipients", "cc": "recipients", "bcc": "recipients"}
MOST = 200  # words that hold the part; one that is in more is no help
MOST_PARTS = 16


def question(mailspace: int, header: str, text: str) -> Question | None:
    """What leads to every indexed message whose header field may hold `text`; None if the index is no help."""
    wanted = parts(text, limit=MOST_PARTS)
    if not wanted:
        return None
    *before, last = wanted
    if before:  # only the first and the last word may be cut by the ends of the text
        starts = _words(mailspace, f"%{before[0]}")
        clauses = [] if starts is None else [[(word, False) for word in starts]]
        clauses += [[(word, False)] for word in before[1:]] + [[(last, True)]]
    else:
        found = _words(mailspace, f"%{last}%")
        if found is None:
            return None
        clauses = [[(word, False) for word in found]]
    cut = (CUT, False)
    return Question(mailspace, (KIND[header],), tuple((*terms, cut) for terms in clauses))


def _words(mailspace: int, pattern: str) -> list[str] | None:
    """The words like this (letters, digits and `%`), None if they are too many."""
    found = rows.select(
        "SELECT word FROM mailstore_headerword WHERE mailspace_id = %s AND word LIKE %s LIMIT %s",
        [mailspace, pattern, MOST + 1],
    )
    return None if len(found) > MOST else [row[0] for row in found]


def learn(found: Iterable[tuple[int, str]]) -> None:
    """Keep (mailspace, word) pairs; in order, so that two indexers never wait for each other in a circle."""
    pairs = sorted(set(found))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "INSERT INTO mailstore_headerword (mailspace_id, word)"
                " SELECT * FROM unnest(%s::bigint[], %s::text[]) ON CONFLICT DO NOTHING",
                [[space for space, _ in pairs], [word for _, word in pairs]],
            )
        else:
            cursor.executemany("INSERT OR IGNORE INTO mailstore_headerword VALUES (%s, %s)", pairs)


def forget(mailspace: int, words: Iterable[str]) -> None:
    """Drop those of some words that no indexed message holds any more."""
    gone = [(mailspace, word) for word in sorted(set(words)) if not _is_used(mailspace, word)]
    with connection.cursor() as cursor:
        cursor.executemany("DELETE FROM mailstore_headerword WHERE mailspace_id = %s AND word = %s", gone)


def _is_used(mailspace: int, word: str) -> bool:
    asked = Question(mailspace, tuple(dict.fromkeys(KIND.values())), (((word, False),),))
    return search.has_word(asked)
