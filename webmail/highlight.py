"""Marks the words of a search in a text: in rows, in letters, in the frame of an HTML body.

`highlights` says what is to be marked; `mark` marks it in plain text, by the same rules as the index: case, width and
accents aside, whole words, several words side by side. Pure and linear; everything that is not a mark is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from html import unescape
from urllib.parse import urlencode

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from mta.message.criteria import And, Contains, Criteria, Or, Words
from mta.message.text import fold, parts

MOST = 20  # things to mark
MOST_WORDS = 12  # of one
LONGEST = 200_000  # characters of a text that are looked through
_SEEN = frozenset(("any", "subject", "from", "to", "cc", "bcc", "body"))
_HEADERS = frozenset(("subject", "from", "to", "cc", "bcc"))
# A word as it is written: its accents may be signs of their own.
_RUN = re.compile(r"[^\W_](?:[^\W_]|[\u0300-\u036f])*")
_UNSPACED = re.compile(
    r"[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]"
)


def highlights(criteria: Criteria) -> tuple[str, ...]:
    """What a search looks for, to be marked: words by one space, `*` at the end where longer ones match too."""
    found: dict[str, None] = {}
    for text, prefix in _asked(criteria):
        wanted = " ".join(parts(text, limit=MOST_WORDS)) if not _UNSPACED.search(text) else fold(text).strip()
        if wanted:
            found[wanted + "*" * prefix] = None
    return tuple(found)[:MOST]


def _asked(criteria: Criteria) -> Iterator[tuple[str, bool]]:
    """The words that a match has; not those that it must not have."""
    match criteria:
        case And(inner) | Or(inner):
            for part in inner:
                yield from _asked(part)
        case Words(text, where, phrase, prefix) if where in _SEEN:
            if phrase or _UNSPACED.search(text):
                yield text, prefix and not _UNSPACED.search(text)
            else:
                *whole, last = parts(text, limit=MOST_WORDS) or [""]
                yield from ((word, False) for word in whole)
                yield last, prefix
        case Contains(header, text) if header in _HEADERS:
            yield text, True


def mark(text: str, wanted: Sequence[str]) -> SafeString:
    """The text as HTML, with `<mark>` around what is looked for."""
    if not wanted or not text:
        return mark_safe(escape(text))  # noqa: S308  # escaped
    pieces: list[str] = []
    done = 0
    for start, end in spans(text, tuple(wanted)):
        pieces += [escape(text[done:start]), "<mark>", escape(text[start:end]), "</mark>"]
        done = end
    return mark_safe("".join([*pieces, escape(text[done:])]))  # noqa: S308  # escaped


def spans(text: str, wanted: tuple[str, ...]) -> list[tuple[int, int]]:
    """Where what is looked for stands, in order; spans that touch each other are one."""
    phrases, pairs = _compiled(wanted)
    found: list[tuple[int, int]] = []
    runs = [(match.start(), match.end(), fold(match[0])) for match in _RUN.finditer(text[:LONGEST])]
    for at, (start, end, word) in enumerate(runs):
        for phrase in phrases:
            if _starts(runs, at, phrase):
                found.append((start, runs[at + len(phrase) - 1][1]))
        found += _inside(word, start, end, pairs)
    return list(_joined(sorted(found)))


Phrase = tuple[str, ...]  # words; the last may end with *


@lru_cache(maxsize=200)
def _compiled(wanted: tuple[str, ...]) -> tuple[tuple[Phrase, ...], tuple[str, ...]]:
    """Phrases of words, and texts without spaces that are looked for anywhere in a run."""
    phrases: list[Phrase] = []
    unspaced: list[str] = []
    for each in wanted[:MOST]:
        if _UNSPACED.search(each):
            unspaced += each.split()[:MOST_WORDS]
        elif words := tuple(each.split()[:MOST_WORDS]):
            phrases.append(words)
    return tuple(phrases), tuple(unspaced)


def _starts(runs: list[tuple[int, int, str]], at: int, phrase: Phrase) -> bool:
    if at + len(phrase) > len(runs):
        return False
    for (_, _, word), asked in zip(runs[at : at + len(phrase)], phrase, strict=True):
        if not (word.startswith(asked[:-1]) if asked.endswith("*") else word == asked):
            return False
    return True


def _inside(word: str, start: int, end: int, pairs: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    if len(word) != end - start:
        return  # folding made it longer or shorter: places would be wrong
    for each in pairs:
        at = word.find(each)
        while at >= 0:
            yield start + at, start + at + len(each)
            at = word.find(each, at + len(each))


def _joined(found: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    last: tuple[int, int] | None = None
    for start, end in found:
        if last is not None and start <= last[1]:
            last = last[0], max(last[1], end)
            continue
        if last is not None:
            yield last
        last = start, end
    if last is not None:
        yield last


def read(asked: Iterable[str]) -> tuple[str, ...]:
    """What an address asks to mark (`?mark=lamp&mark=two words`), bounded."""
    return tuple(" ".join(each[:200].split()) for each in list(asked)[:MOST] if each.strip())


# A tag as a serialiser writes it: attribute values stand in double quotes.
_TAG = re.compile(r"""(<[a-zA-Z/!](?:"[^"]*"|[^"<>])*>)""")


def mark_html(html: str, wanted: Sequence[str]) -> str:
    """Sanitised HTML with the same marks in its texts; tags and what stands in them stay as they are."""
    if not wanted:
        return html
    pieces = _TAG.split(html)
    pieces[::2] = [mark(unescape(text), wanted) if text.strip() else text for text in pieces[::2]]
    return "".join(pieces)


def mark_query(wanted: Sequence[str]) -> str:
    """The part of an address that asks to mark: `mark=lamp&mark=two+words`; `read` takes it back."""
    return urlencode([("mark", each) for each in wanted[:MOST]])
