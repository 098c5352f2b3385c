"""The signs that stand out in a message, each with what was found; `signs` says what they weigh. Pure and bounded."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mta.message.text import fold, words

from . import links
from .looking import Seen
from .signs import BRANDS, CHEAP, DOCUMENTS, FREEMAIL, MACROS, PAGES, RUNS, SHORTENERS

MANY = 15  # recipients
_INVISIBLE = re.compile(r"[A-Za-zА-я][\u200b\u200c\u200d\u2060\ufeff]+[A-Za-zА-я]")
_MIXED = re.compile(r"[A-Za-z][\u0370-\u03ff\u0400-\u04ff]|[\u0370-\u03ff\u0400-\u04ff][A-Za-z]")
_BROKEN = re.compile(r"\b(?:[A-Za-z][.\-_*]){4,}[A-Za-z]\b|\b[a-z]+[0134@$][a-z]+[0134@$][a-z]+\b")
_WALLET = re.compile(
    r"\b(?:bc1[a-z0-9]{25,60}|[13][A-HJ-NP-Za-km-z1-9]{25,34}|0x[0-9a-fA-F]{40}|T[A-HJ-NP-Za-km-z1-9]{33})\b"
)
ADDRESS = re.compile(r"[\w.+-]{1,64}@((?:[\w-]{1,63}\.){1,4}[a-z]{2,20})", re.IGNORECASE)
_MARKS = re.compile(r"[!$€£?*%#✅🔥🎁💰⚠️🚨❗]")
_REPLY = re.compile(r"(?:re|aw|sv)\s?:", re.IGNORECASE)
_USUAL_CHARSETS = frozenset(
    ("", "us-ascii", "ascii", "utf-8", "utf8", "iso-8859-1", "iso-8859-15", "windows-1252")
)


def notice(seen: Seen) -> Iterator[tuple[str, str]]:
    """(sign, detail) for each that is there; the same one may come more than once."""
    yield from _signs_of_links(seen)
    yield from _signs_of_text(seen)
    yield from _signs_of_header(seen)
    yield from _signs_of_files(seen)


def _signs_of_links(seen: Seen) -> Iterator[tuple[str, str]]:
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


def _signs_of_text(seen: Seen) -> Iterator[tuple[str, str]]:
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


def _signs_of_header(seen: Seen) -> Iterator[tuple[str, str]]:
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


def _signs_of_author(seen: Seen) -> Iterator[tuple[str, str]]:
    name, own = seen.facts.from_[0].name, links.registered(seen.host)
    shown = ADDRESS.search(name)
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


def _signs_of_files(seen: Seen) -> Iterator[tuple[str, str]]:
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
