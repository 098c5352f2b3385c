"""What a message shows: its words, addresses, hosts and structure as tokens, and the signs that stand out.

Pure and bounded whatever the message; words come from the one tokenizer of `mta.message.text`. Read once per
message, whatever the number of its mailspaces. Called by `flow.weighing` and `flow.learning`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise

from mta.message.parse import Facts, parse_message
from mta.message.text import fold, words
from mta.message.tree import Part, decoded_text, parse_tree, walk

from . import links, pages
from .links import Link
from .pages import Page
from .signs import BRANDS, CHEAP, DOCUMENTS, FREEMAIL, MACROS, PAGES, RUNS, SHORTENERS

MOST_WORDS = 160  # distinct words of the text
MOST_TOKENS = 320
MOST_PAGES = 4
MOST_HOSTS = 30
MANY = 15  # recipients
READ = 200_000  # encoded bytes of one part
BEGINNING, END = 4_000, 1_000  # characters of a text that are looked at
LONGEST = 24  # letters of a word

_BODY = re.compile(r"[^\n]{0,20000}(?:\n[^\n]{0,20000}){0,5}\n")  # the lines of a search text before the body
_INVISIBLE = re.compile(r"[A-Za-zА-я][\u200b\u200c\u200d\u2060\ufeff]+[A-Za-zА-я]")
_MIXED = re.compile(r"[A-Za-z][\u0370-\u03ff\u0400-\u04ff]|[\u0370-\u03ff\u0400-\u04ff][A-Za-z]")
_BROKEN = re.compile(r"\b(?:[A-Za-z][.\-_*]){4,}[A-Za-z]\b|\b[a-z]+[0134@$][a-z]+[0134@$][a-z]+\b")
_WALLET = re.compile(
    r"\b(?:bc1[a-z0-9]{25,60}|[13][A-HJ-NP-Za-km-z1-9]{25,34}|0x[0-9a-fA-F]{40}|T[A-HJ-NP-Za-km-z1-9]{33})\b"
)
_ADDRESS = re.compile(r"[\w.+-]{1,64}@((?:[\w-]{1,63}\.){1,4}[a-z]{2,20})", re.IGNORECASE)
_MARKS = re.compile(r"[!$€£?*%#✅🔥🎁💰⚠️🚨❗]")
_REPLY = re.compile(r"(?:re|aw|sv)\s?:", re.IGNORECASE)
_NUMBER = re.compile(r"\d")
_USUAL_CHARSETS = frozenset(
    ("", "us-ascii", "ascii", "utf-8", "utf8", "iso-8859-1", "iso-8859-15", "windows-1252")
)


@dataclass(frozen=True, slots=True)
class Features:
    """`tokens` are distinct, in the order of their importance; `signs` name what stands out, with its detail."""

    tokens: tuple[str, ...]
    signs: tuple[tuple[str, str], ...]
    author: str = ""  # the address in From
    recipients: int = 0


@dataclass(frozen=True, slots=True)
class _Seen:
    facts: Facts
    tree: Part
    text: str
    pages: tuple[Page, ...]
    links: tuple[Link, ...]
    author: str
    host: str  # of the author
    names: frozenset[str]  # header fields


def read(raw: bytes, facts: Facts | None = None) -> Features:
    """The features of a message; `facts` if they are known already."""
    seen = _look(raw, facts or parse_message(raw))
    signs = dict(_signs(seen))
    tokens = dict.fromkeys(_tokens(seen, signs))
    return Features(
        tuple(tokens)[:MOST_TOKENS],
        tuple(signs.items()),
        seen.author,
        len(seen.facts.to) + len(seen.facts.cc),
    )


def _look(raw: bytes, facts: Facts) -> _Seen:
    tree = parse_tree(raw)
    found = tuple(pages.read(decoded_text(raw, part, limit=READ)) for part in _html_parts(tree))
    text = _body(facts.search_text)
    if found:
        seen = "\n".join(page.text for page in found)
        # A plain part beside the page may say something else, for filters alone.
        text = f"{_cut(seen)}\n{text[:2_000]}" if _has_plain(tree) else seen
    text = _cut(text)
    written = _written(text) if "://" in text or "www." in text else ()
    author = facts.from_[0].email.lower() if facts.from_ else ""
    return _Seen(
        facts=facts,
        tree=tree,
        text=text,
        pages=found,
        links=tuple(link for page in found for link in page.links) + tuple(written),
        author=author,
        host=author.rpartition("@")[2],
        names=frozenset(field.name for field in tree.fields),
    )


def _cut(text: str) -> str:
    return text if len(text) <= BEGINNING + END else f"{text[:BEGINNING]}\n{text[-END:]}"


def _written(text: str) -> Iterator[Link]:
    """Links that stand in the text itself."""
    for match in islice(links.IN_TEXT.finditer(text), pages.MAX_LINKS):
        link = links.read(_whole(match[0]))
        if link is not None:
            yield link


def _whole(url: str) -> str:
    return url if "://" in url[:10] else f"http://{url}"


def _html_parts(tree: Part) -> list[Part]:
    parts = (part for part in walk(tree) if part.subtype == "html" and part.maintype == "text")
    return [part for part in parts if part.disposition != "attachment"][:MOST_PAGES]


def _has_plain(tree: Part) -> bool:
    return any(part.subtype == "plain" and part.maintype == "text" for part in walk(tree))


def _body(search_text: str) -> str:
    match = _BODY.match(search_text)
    return search_text[match.end() :] if match else ""


# --- tokens
def _tokens(seen: _Seen, signs: dict[str, str]) -> Iterator[str]:
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


def _people(seen: _Seen) -> Iterator[str]:
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


def _hosts(seen: _Seen) -> Iterator[str]:
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
        match = _ADDRESS.search(seen.text, max(0, at - 64), at + 120)
        if match is not None:
            yield f"a:{match[1].lower()}"


def _structure(seen: _Seen) -> Iterator[str]:
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


# --- signs
def _signs(seen: _Seen) -> Iterator[tuple[str, str]]:
    yield from _signs_of_links(seen)
    yield from _signs_of_text(seen)
    yield from _signs_of_header(seen)
    yield from _signs_of_files(seen)


def _signs_of_links(seen: _Seen) -> Iterator[tuple[str, str]]:
    own = links.registered(seen.host)
    for link in seen.links:
        there = links.registered(link.host)
        if link.shown and (shown := links.registered(link.shown)) != there:
            yield ("link-shows-author" if shown == own else "link-shows-other"), link.shown
        if link.is_number:
            yield "link-number", ""
        if link.user:
            yield "link-user", ""
        if link.port not in ("", "80", "443", "8080", "8443"):
            yield "link-port", ""
        if there in SHORTENERS:
            yield "link-short", ""
        if there.rpartition(".")[2] in CHEAP and there != own:
            yield "link-cheap", there
        if any(label.startswith("xn--") for label in link.host.split(".")) and _looks_latin(link.host):
            yield "link-lookalike", ""
        if there != own and (brand := _brand_within(link.host, there)):
            yield "link-brand", link.host if len(link.host) < 60 else brand


def _looks_latin(host: str) -> bool:
    try:
        name = host.encode("ascii", "ignore").decode("idna")
    except UnicodeError:
        return False
    return _MIXED.search(name) is not None


def _brand_within(host: str, there: str) -> str:
    """A known name inside a host's name whose registered part is not it: paypal.example.top, paypal-secure.test."""
    labels = re.split(r"[.-]", host)
    first = there.partition(".")[0]
    return next((each for each in labels if each in BRANDS and first != each), "")


def _signs_of_text(seen: _Seen) -> Iterator[tuple[str, str]]:
    text = seen.text
    visible = len("".join(text[:4_000].split()))
    if sum(page.hidden for page in seen.pages) > max(300, visible // 2):
        yield "hidden-text", ""
    if seen.pages and seen.links and visible < 120 and any(page.pictures for page in seen.pages):
        yield "picture-only", ""
    if any(page.forms for page in seen.pages):
        yield "form", ""
    if any(page.scripts for page in seen.pages):
        yield "script", ""
    shown = f"{seen.facts.subject}\n{text}"
    if not shown.isascii():
        if len(_INVISIBLE.findall(shown)) >= 3:
            yield "invisible", ""
        if len(_MIXED.findall(shown)) >= 3:
            yield "mixed-letters", ""
    if len(_BROKEN.findall(shown[:8_000])) >= 2:
        yield "broken-words", ""
    if _WALLET.search(text):
        yield "wallet", ""


def _signs_of_header(seen: _Seen) -> Iterator[tuple[str, str]]:
    facts, subject = seen.facts, seen.facts.subject
    letters = [each for each in subject if each.isalpha()]
    if len(letters) >= 8 and sum(each.isupper() for each in letters) > 0.8 * len(letters):
        yield "subject-caps", ""
    if len(_MARKS.findall(subject)) >= 3:
        yield "subject-marks", ""
    if not subject:
        yield "subject-none", ""
    if _REPLY.match(subject) and not facts.in_reply_to and not facts.references:
        yield "false-reply", ""
    if facts.sent_at is None:
        yield "no-date", ""
    if not facts.message_id:
        yield "no-id", ""
    if not seen.author:
        yield "no-from", ""
    if not facts.to and not facts.cc:
        yield "no-to", ""
    if len(facts.to) + len(facts.cc) >= MANY and not facts.list_id:
        yield "many-recipients", ""
    if seen.author:
        yield from _signs_of_author(seen)
    charset = seen.tree.params.get("charset", "").lower()
    if charset not in _USUAL_CHARSETS and seen.text.isascii():
        yield "old-charset", ""


def _signs_of_author(seen: _Seen) -> Iterator[tuple[str, str]]:
    name, own = seen.facts.from_[0].name, links.registered(seen.host)
    shown = _ADDRESS.search(name)
    if shown and links.registered(shown[1].lower()) != own:
        yield "name-is-address", shown[0][:100]
    called = "".join(words(name, 6))
    brand = next((each for each in BRANDS if len(each) > 3 and called.startswith(each)), "")
    if brand and brand not in fold(own) and not seen.facts.list_id:
        yield "name-is-brand", brand
    for one in seen.facts.reply_to[:1]:
        there = links.registered(one.domain.lower())
        if there and there != own and not seen.facts.list_id:
            yield (
                ("answer-freemail" if there in FREEMAIL and own not in FREEMAIL else "answer-elsewhere"),
                there,
            )


def _signs_of_files(seen: _Seen) -> Iterator[tuple[str, str]]:
    for file in seen.facts.attachments[:20]:
        stem, _, end = file.name.lower().rpartition(".")
        if end in RUNS and stem:
            yield "file-runs", file.name[:60]
            if stem.rpartition(".")[2] in DOCUMENTS:
                yield "file-two-ends", file.name[:60]
        elif end in PAGES and not file.inline:
            yield "file-page", file.name[:60]
        elif end in MACROS:
            yield "file-macros", file.name[:60]
