"""What a message shows: its words, addresses, hosts and structure as tokens, and the signs that stand out.

Pure and bounded whatever the message; words come from the one tokenizer of `mta.message.text`. Read once per
message, whatever the number of its mailspaces. Called by `flow.weighing` and `flow.learning`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from mta.message.parse import Facts, parse_message
from mta.message.text import words
from mta.message.tree import walk

from . import links
from .looking import Seen, look
from .noticing import ADDRESS, notice

MOST_WORDS = 160  # distinct words of the text
MOST_TOKENS = 320
MOST_HOSTS = 30
LONGEST = 24  # letters of a word

_NUMBER = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Features:
    """`tokens` are distinct, in the order of their importance; `signs` name what stands out, with its detail."""

    tokens: tuple[str, ...]
    signs: tuple[tuple[str, str], ...]
    author: str = ""  # the address in From
    recipients: int = 0


def read(raw: bytes, facts: Facts | None = None) -> Features:
    """The features of a message; `facts` if they are known already."""
    seen = look(raw, facts or parse_message(raw))
    signs = dict(notice(seen))
    tokens = dict.fromkeys(_tokens(seen, signs))
    return Features(
        tuple(tokens)[:MOST_TOKENS],
        tuple(signs.items()),
        seen.author,
        len(seen.facts.to) + len(seen.facts.cc),
    )


# --- tokens
def _tokens(seen: Seen, signs: dict[str, str]) -> Iterator[str]:
    facts = seen.facts
    yield from (f"!{name}" for name in signs)
    yield from _people(seen)
    yield from _hosts(seen)
    subject = _short(words(facts.subject, 40))
    yield from (f"s:{word}" for word in subject)
    yield from (f"s:{one} {two}" for one, two in pairwise(subject[:12]))
    yield from _structure(seen)
    yield from _words(seen.text)


def _words(text: str) -> Iterator[str]:
    """The first words, and pairs of the first few: how somebody begins says much."""
    found = _short(words(text, 1_200))
    distinct = list(dict.fromkeys(found))
    yield from distinct[:MOST_WORDS]
    yield from (f"{one} {two}" for one, two in pairwise(found[:40]))


def _short(found: Iterable[str]) -> list[str]:
    """Words worth counting: numbers become their length, what is very long is no word."""
    return [each if each.isalpha() else _numbered(each) for each in found if 1 < len(each) <= LONGEST]


def _numbered(word: str) -> str:
    return "0" * min(len(word), 9) if word.isdigit() else f"#{_letters(word)}"


def _letters(word: str) -> str:
    return _NUMBER.sub("0", word) if len(word) < 8 else "mixed"


def _people(seen: Seen) -> Iterator[str]:
    facts = seen.facts
    if seen.author:
        yield f"f:{seen.author}"
        yield f"fd:{links.registered(seen.host)}"
        yield f"ft:{seen.host.rpartition('.')[2]}"
        yield from (f"fn:{word}" for word in _short(words(facts.from_[0].name, 8)))
    for one in facts.reply_to[:2]:
        if one.domain.lower() != seen.host:
            yield f"r:{links.registered(one.domain.lower())}"
    if facts.list_id:
        yield f"l:{facts.list_id[:60]}"


def _hosts(seen: Seen) -> Iterator[str]:
    hosts = dict.fromkeys(each for link in seen.links for each in (link.host, link.inner) if each)
    for host in list(hosts)[:MOST_HOSTS]:
        yield f"u:{links.registered(host)}"
        yield f"ut:{host.rpartition('.')[2]}"
    if hosts:
        own = links.registered(seen.host)
        yield "u=own" if any(links.registered(host) == own for host in hosts) else "u=other"
    at = -1
    for _ in range(5):
        at = seen.text.find("@", at + 1)
        if at < 0:
            break
        match = ADDRESS.search(seen.text, max(0, at - 64), at + 120)
        if match is not None:
            yield f"a:{match[1].lower()}"


def _structure(seen: Seen) -> Iterator[str]:
    facts, tree = seen.facts, seen.tree
    yield f"type:{tree.content_type}"
    parts = list(walk(tree))
    if seen.pages and not any(part.subtype == "plain" for part in parts):
        yield "html-only"
    for part in parts[:20]:
        if part.maintype == "text":
            yield f"charset:{part.params.get('charset', '').lower()[:20]}"
            yield f"encoding:{part.encoding[:20]}"
    for file in facts.attachments[:10]:
        yield f"file:{file.name.rpartition('.')[2].lower()[:8]}"
    yield from (
        f"h:{name}"
        for name in ("list-unsubscribe", "x-mailer", "precedence", "in-reply-to", "x-priority", "user-agent")
        if name in seen.names
    )
    yield f"links:{min(len(seen.links), 8)}"
    yield f"length:{len(seen.text).bit_length()}"
    if sum(page.pictures for page in seen.pages):
        yield "pictures"
