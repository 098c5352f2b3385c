"""What is looked at of a message: its text as a reader sees it, its pages and links, who wrote it. Pure and bounded.

Made once per message; `features` counts what is in it, `noticing` finds what stands out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from mta.message.parse import Facts, search_sections
from mta.message.tree import Part, decoded_text, parse_tree, walk

from . import links, pages
from .links import Link
from .pages import Page

MOST_PAGES = 4
READ = 200_000  # encoded bytes of one part
BEGINNING, END = 4_000, 1_000  # characters of a text that are looked at


@dataclass(frozen=True, slots=True)
class Seen:
    """One message. `author` is the address in From, `names` those of its header fields."""

    facts: Facts
    tree: Part
    text: str
    pages: tuple[Page, ...]
    links: tuple[Link, ...]
    author: str
    host: str  # of the author
    names: frozenset[str]  # header fields


def look(raw: bytes, facts: Facts) -> Seen:
    """What there is to see of a message whose facts are known."""
    tree = parse_tree(raw)
    found = tuple(pages.read(decoded_text(raw, part, limit=READ)) for part in _html_parts(tree))
    text = search_sections(facts.search_text)["body"]
    if found:
        seen = "\n".join(page.text for page in found)
        # A plain part beside the page may say something else, for filters alone.
        text = f"{_cut(seen)}\n{text[:2_000]}" if _has_plain(tree) else seen
    text = _cut(text)
    written = _written(text) if "://" in text or "www." in text else ()
    author = facts.from_[0].email.lower() if facts.from_ else ""
    return Seen(
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
