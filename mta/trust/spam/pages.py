"""What an HTML part shows, what it hides, and where its links lead. Pure, bounded, called once per part.

Lexbor parses; only elements with a style, links and pictures are looked at one by one, and only so many.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from mta.message.charsets import storable
from mta.message.text import shallow_html

from . import links
from .links import Link

MAX_HTML = 200_000
MAX_STYLED = 1_500
MAX_LINKS = 100
MAX_TEXT = 60_000
_HIDING = re.compile(
    r"display\s{0,5}:\s{0,5}none|visibility\s{0,5}:\s{0,5}hidden|font-size\s{0,5}:\s{0,5}0(?!\.?[1-9])"
    r"|opacity\s{0,5}:\s{0,5}0(?!\.[1-9])|max-height\s{0,5}:\s{0,5}0(?![1-9])",
    re.IGNORECASE,
)
_COLOUR = re.compile(r"(?<![\w-])color\s{0,5}:\s{0,5}([^;]{1,30})", re.IGNORECASE)
_GROUND = re.compile(r"background(?:-color)?\s{0,5}:\s{0,5}([^;]{1,30})", re.IGNORECASE)
_SILENT = ["script", "style", "head", "title", "noscript", "template", "svg"]


@dataclass(frozen=True, slots=True)
class Page:
    """`text` is what is seen; `hidden` the number of characters that are not; `forms` fields to type into."""

    text: str = ""
    hidden: int = 0
    links: tuple[Link, ...] = ()
    pictures: int = 0
    forms: int = 0
    scripts: int = 0


def read(html: str) -> Page:
    """One HTML part."""
    tree = LexborHTMLParser(storable(shallow_html(html, MAX_HTML)))
    body = tree.body
    if body is None:
        return Page()
    scripts = len(tree.css("script"))
    forms = len(tree.css("input, textarea, select"))
    pictures = len(tree.css("img"))
    found = [link for node in tree.css("a[href]")[:MAX_LINKS] if (link := _link(node)) is not None]
    tree.strip_tags(_SILENT)
    hidden = _take_hidden(tree)
    body = tree.body
    text = body.text(deep=True, separator=" ")[:MAX_TEXT] if body is not None else ""
    return Page(text, hidden, tuple(found), pictures, forms, scripts)


def _link(node: LexborNode) -> Link | None:
    href = node.attributes.get("href") or ""
    return links.read(href, node.text(deep=True)[:500]) if len(href) < 5_000 else None


def _take_hidden(tree: LexborHTMLParser) -> int:
    """Remove what a reader does not see; how many letters that were.

    From the end of the page: what lies inside goes before what is around it, so that no removed node is looked at.
    """
    hidden = 0
    for node in reversed(tree.css("[style]")[:MAX_STYLED]):
        style = (node.attributes.get("style") or "")[:500]
        if node.tag != "body" and (_HIDING.search(style) or _same_colour(style)):
            hidden += len("".join(node.text(deep=True).split()))
            node.decompose()
    return hidden


def _same_colour(style: str) -> bool:
    colour, ground = _COLOUR.search(style), _GROUND.search(style)
    if colour is None:
        return False
    said = _plain(colour[1])
    return ground is not None and said == _plain(ground[1])


def _plain(colour: str) -> str:
    colour = re.sub(r"\s|!important", "", colour.lower())
    if re.fullmatch(r"#[0-9a-f]{3}", colour):
        colour = "#" + "".join(each * 2 for each in colour[1:])
    return {"white": "#ffffff", "black": "#000000"}.get(colour, colour)
