"""The original under a reply or a forwarded message: made once, kept opaque, sent as it is.

The editor would lose tables, colours and pictures of other people's mail, so it never sees it. Here the original
becomes one harmless block of HTML without style sheets (mail programs drop those; its rules move into the
elements) and, for the plain text part, its text with `>`. Pure; bounded by the sizes below.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import tinycss2
from django.utils.html import escape
from selectolax.lexbor import LexborHTMLParser, LexborNode

from mta.message.build import quote_text
from mta.message.text import html_to_text, shallow_html
from mta.message.tree import parse_tree, walk
from webmail.reading import read
from webmail.sanitize import clean
from webmail.views.attachments import SAFE_PICTURES

MAX_ORIGINAL = 1024 * 1024  # characters of HTML that are quoted
MAX_RULES = 400
MAX_APPLIED = 20_000  # rules written into elements
QUOTE = "mailstead_quote"  # webmail.reading knows it again
BLOCKQUOTE = '<blockquote type="cite" style="margin:0 0 0 .8ex;border-left:2px solid #ccc;padding-left:1ex">'


@dataclass(frozen=True, slots=True)
class Quotation:
    """The block to append, and the Content-IDs of the pictures it shows."""

    html: str
    pictures: tuple[str, ...]


def quote_reply(raw: bytes, attribution: str) -> Quotation:
    """`On 12 Oct 2026, Ada wrote:` and the original, indented."""
    inner, pictures = original(raw)
    head = f"<div>{escape(attribution)}</div>"
    return Quotation(f'<div class="{QUOTE}"><br>{head}{BLOCKQUOTE}{inner}</blockquote></div>', pictures)


def quote_forward(raw: bytes, title: str, head: Iterable[tuple[str, str]]) -> Quotation:
    """The original under its main header fields, not indented, as it is the message itself."""
    inner, pictures = original(raw)
    lines = "".join(f"<div>{escape(name)}: {escape(value)}</div>" for name, value in head)
    return Quotation(
        f'<div class="{QUOTE}"><br><div>---------- {escape(title)} ----------</div>{lines}<br>{inner}</div>',
        pictures,
    )


def original(raw: bytes) -> tuple[str, tuple[str, ...]]:
    """The body of a message as harmless HTML that needs nothing outside itself, and the pictures in it."""
    reading = read(raw, whole=True)
    if not reading.html:
        return f"<div>{_lines(reading.text or reading.note)}</div>", ()
    known = {part.content_id for part in walk(parse_tree(raw)) if part.content_type in SAFE_PICTURES}
    shown: dict[str, None] = {}

    def picture(name: str) -> str | None:
        name = name.strip("<>")
        if not name or name not in known:
            return None
        shown[name] = None
        return f"cid:{name}"

    found = clean(shallow_html(reading.html, MAX_ORIGINAL), picture=picture, keep_outside=True)
    return inlined(found.html, found.style), tuple(shown)


def _lines(text: str) -> str:
    """Plain text as HTML that keeps its lines and its indentation."""
    kept = re.sub(r"(?m)^ +| {2,}", lambda spaces: "&nbsp;" * len(spaces[0]), escape(text.strip("\n")))
    return kept.replace("\n", "<br>")


def shown(quoted_html: str, *, picture: Callable[[str], str | None]) -> str:
    """The block for the writer's own eyes: nothing from outside is loaded."""
    return clean(quoted_html, picture=picture).html


@lru_cache(maxsize=32)
def as_text(quoted_html: str) -> str:
    """The block as plain text: what was indented gets `>`. The last few are kept, as drafts are saved often."""
    before, mark, rest = quoted_html.partition(BLOCKQUOTE)
    if not mark:
        return html_to_text(quoted_html)
    inner = rest.removesuffix("</div>").removesuffix("</blockquote>")
    return quote_text(html_to_text(inner), html_to_text(before)).rstrip("\n")


# --- style sheets into elements -----------------------------------------------------------------------------
def inlined(html: str, style_sheet: str) -> str:
    """The HTML with the (sanitised) rules of its style sheet written into the elements they mean."""
    if not style_sheet:
        return html
    body = LexborHTMLParser(f"<body>{html}</body>").body
    if body is None:
        return html
    weak: dict[int, list[str]] = {}
    strong: dict[int, list[str]] = {}
    nodes: dict[int, LexborNode] = {}
    applied = 0
    for selector, declarations in _rules(style_sheet):
        try:
            found = body.css(selector)
        except ValueError:  # a selector that the parser does not know
            continue
        applied += len(found)
        if applied > MAX_APPLIED:
            break
        for node in found:
            nodes[node.mem_id] = node
            for declaration in declarations:
                into = strong if declaration.endswith("!important") else weak
                into.setdefault(node.mem_id, []).append(declaration)
    for key, node in nodes.items():
        own = node.attributes.get("style") or ""
        style = ";".join([*weak.get(key, ()), *([own] if own else []), *strong.get(key, ())])
        node.attrs["style"] = style  # type: ignore[index]
    return (body.html or "").removeprefix("<body>").removesuffix("</body>")


def _rules(style_sheet: str) -> list[tuple[str, tuple[str, ...]]]:
    """(one selector, its declarations), weakest first. Rules for media and states stay behind."""
    found: list[tuple[tuple[int, int, int], int, str, tuple[str, ...]]] = []
    for node in tinycss2.parse_stylesheet(style_sheet, skip_comments=True, skip_whitespace=True):
        if node.type != "qualified-rule":
            continue
        declarations = tuple(
            f"{each.lower_name}:{tinycss2.serialize(each.value).strip()}{' !important' if each.important else ''}"
            for each in tinycss2.parse_declaration_list(
                node.content, skip_comments=True, skip_whitespace=True
            )
            if each.type == "declaration"
        )
        for selector in tinycss2.serialize(node.prelude).split(","):
            selector = selector.strip()
            if selector and ":" not in selector and selector.lower() not in ("html", "body", "*"):
                found.append((_weight(selector), len(found), selector, declarations))
            if len(found) >= MAX_RULES:
                break
    return [(selector, declarations) for _weight_, _order, selector, declarations in sorted(found)]


def _weight(selector: str) -> tuple[int, int, int]:
    """Specificity (Selectors 4 §17) of the plain selectors that survive sanitising."""
    names = re.findall(r"(?:^|[\s>+~])[a-zA-Z]", selector)
    return selector.count("#"), selector.count("."), len(names)
