"""Mail HTML made harmless: tags, attributes, styles and addresses that are known to be safe, and nothing else.

The result is shown in a frame that can run no script and load nothing but pictures of the message itself (see
webmail/views/body.py), so this is the inner of two walls. `url()` never survives in a style, no address of an
outside picture survives in a tag; `Clean.held_back` says how many pictures that were. Pure; bounded by the size of
the text, which the caller caps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape, unescape
from urllib.parse import quote

import nh3
import tinycss2

from mta.message.text import shallow_html

MAX_STYLE_SHEET = 64 * 1024
MAX_STYLE_ATTRIBUTE = 4096
MAX_CACHED_STYLES = 4000
MAX_BRACKETS = 32  # of a style inside one another; what reads styles goes down into them by recursion

TAGS = {
    *"a abbr acronym address article aside b bdi bdo big blockquote br caption center cite code col colgroup".split(),
    *"data dd del details dfn dir div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup".split(),
    *"hr i img ins kbd li main mark menu nav ol p pre q rp rt ruby s samp section small span strike strong".split(),
    *"sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr".split(),
}
# Their text is not for reading, or the browser would treat it as something other than text.
CONTENT_DROPPED = {
    *"script style title head template noscript noembed noframes iframe frame frameset object embed applet".split(),
    *"svg math textarea select option xmp plaintext audio video canvas".split(),
}
_BOX = {"align", "valign", "width", "height", "bgcolor"}
ATTRIBUTES = {
    "*": {"class", "dir", "lang", "style", "title", "align"},
    "a": {"href", "name", "id"},
    "img": {"src", "alt", "width", "height", "border", "hspace", "vspace"},
    "table": _BOX | {"border", "cellpadding", "cellspacing", "rules", "frame", "summary"},
    "td": _BOX | {"colspan", "rowspan", "nowrap", "abbr", "scope"},
    "th": _BOX | {"colspan", "rowspan", "nowrap", "abbr", "scope"},
    "tr": _BOX,
    "tbody": {"valign"},
    "thead": {"valign"},
    "tfoot": {"valign"},
    "col": {"span", "width", "valign"},
    "colgroup": {"span", "width", "valign"},
    "hr": {"size", "width", "noshade", "color"},
    "font": {"color", "face", "size"},
    "ol": {"start", "type", "reversed"},
    "ul": {"type"},
    "li": {"value", "type"},
    "time": {"datetime"},
    "data": {"value"},
    "blockquote": {"type"},
    "div": {"id"},
    "h1": {"id"},
    "h2": {"id"},
    "h3": {"id"},
}
SCHEMES = {"http", "https", "mailto", "tel", "cid", "data"}

# Properties by what they can do to a page that is only looked at: nothing that places, animates or loads.
_PROPERTIES = re.compile(
    r"(?:color|opacity|display|visibility|float|clear|vertical-align|direction|unicode-bidi|zoom|content-visibility"
    r"|(?:min-|max-)?(?:width|height|inline-size|block-size)|box-sizing|overflow(?:-wrap|-x|-y)?"
    r"|background(?:-color)?|border(?:-(?:top|right|bottom|left|collapse|spacing|radius|color|style|width|block|inline))*"
    r"(?:-(?:top|bottom)-(?:left|right)-radius)?|outline(?:-color|-style|-width)?"
    r"|(?:margin|padding)(?:-(?:top|right|bottom|left|inline|block)(?:-start|-end)?)?"
    r"|font(?:-(?:family|size|style|variant|weight|stretch))?|line-height|letter-spacing|word-(?:spacing|break|wrap)"
    r"|text-(?:align|decoration(?:-(?:line|color|style|thickness))?|indent|transform|overflow|shadow|underline-offset)"
    r"|white-space|table-layout|caption-side|empty-cells|list-style(?:-type|-position)?|quotes|tab-size"
    r"|box-shadow|columns?(?:-(?:count|gap|rule|span|width))?|hyphens|order|gap|row-gap"
    r"|flex(?:-(?:basis|direction|flow|grow|shrink|wrap))?|(?:align|justify)-(?:content|items|self)"
    r"|mso-[a-z-]+)"
)
HELD = "data:,held-back"
# nh3 writes every attribute with double quotes; what is put in place is escaped anew.
_HELD_PICTURE = re.compile(rf'<img(?: [a-z]+="[^"]*")*? src="{HELD}"(?: [a-z]+="[^"]*")*>')
_SIZE = re.compile(r' (width|height)="\s*(\d{1,4})')
_ALT = re.compile(r' alt="([^"]*)"')
MIN_SHOWN = 10  # pixels; smaller pictures only count readers
# Functions that only compute a value. url(), image-set(), var(), attr(), expression() and all others are not here.
_FUNCTIONS = {"rgb", "rgba", "hsl", "hsla", "calc", "min", "max", "clamp"}
# A frame that is as high as its content must not have content that is as high as its frame.
_VIEWPORT = re.compile(r"(?:[sld]?v(?:h|w|min|max|b|i))", re.IGNORECASE)
_PICTURE_DATA = re.compile(r"data:image/(?:png|gif|jpeg|jpg|webp);base64,[A-Za-z0-9+/=\s]+", re.IGNORECASE)
# Each repetition has an end, and none meets its like: these run over whole mails, and spaces cost a sender nothing.
_REMOTE = re.compile(
    r"""<(?:img|input|image)\b[^<>]{0,2000}?\b(?:src|srcset)\s{0,9}=\s{0,9}["']?\s{0,9}(?:https?:)?//
      | \bbackground\s{0,9}=\s{0,9}["']?\s{0,9}(?:https?:)?//
      | url\(\s{0,9}(?:["']|&quot;|&\#39;)?\s{0,9}(?:https?:)?//""",
    re.IGNORECASE | re.VERBOSE,
)
_PAINTED = re.compile(
    r"\b(?:bgcolor|background)\s*=|<font\b[^<>]{0,2000}?\bcolor|\b(?:background(?:-color)?|(?<!-)color)\s*:\s*(?!inherit|initial)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Clean:
    """What is safe to show: the body's markup, its style sheet, and what was left out of it."""

    html: str
    style: str
    held_back: int


def asks_for_pictures(html: str) -> bool:
    """Whether the mail wants pictures from elsewhere; cheap, for a page that only says so."""
    return _REMOTE.search(html) is not None


def is_painted(html: str) -> bool:
    """Whether the mail brings colours of its own, and so must be shown on white paper in both themes."""
    return _PAINTED.search(html) is not None


def clean(
    html: str, *, picture: Callable[[str], str | None], compose: str = "", keep_outside: bool = False
) -> Clean:
    """Sanitise a mail's HTML.

    `picture(content_id)` gives the address of an inline part, or None if the message has none of that name;
    `compose` is the page that writes to a `mailto:` address. `keep_outside` leaves the addresses of outside
    pictures in: only for what is sent on, never for what is shown.
    """
    held_back = 0

    def attribute(tag: str, name: str, value: str) -> str | None:
        nonlocal held_back
        if name == "style":
            return style_attribute(value) or None
        if tag == "img" and name == "src":
            source = _picture_source(value, picture, keep_outside=keep_outside)
            held_back += source is None
            return source if source or keep_outside else HELD
        if name == "href":
            return _link(value, compose)
        if name == "class":
            return value[:500]
        if name in ("width", "height") and not re.fullmatch(r"\s*\d{1,5}(?:\.\d+)?\s*(?:%|px)?\s*", value):
            return None
        return value

    markup = nh3.clean(
        shallow_html(html, len(html)),
        tags=TAGS,
        clean_content_tags=CONTENT_DROPPED,
        attributes=ATTRIBUTES,
        attribute_filter=attribute,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        generic_attribute_prefixes=None,
        strip_comments=True,
    )
    return Clean(_HELD_PICTURE.sub(_placeholder, markup), style_sheets(html), held_back)


def _picture_source(value: str, picture: Callable[[str], str | None], *, keep_outside: bool) -> str | None:
    value = value.strip()
    if keep_outside and value[:8].lower().startswith(("http://", "https://")):
        return value
    if value[:4].lower() == "cid:":
        return picture(value[4:])
    return value if _PICTURE_DATA.fullmatch(value) else None


def _placeholder(picture: re.Match[str]) -> str:
    """A quiet box with the picture's description and room; nothing for those that nobody was to see."""
    room = {name: int(size) for name, size in _SIZE.findall(picture[0])}
    alt = unescape(match[1]) if (match := _ALT.search(picture[0])) else ""
    if min(room.values(), default=MIN_SHOWN) < MIN_SHOWN or not (alt.strip() or len(room) == 2):
        return ""
    style = ";".join(f"{name}:{size}px" for name, size in room.items())
    return f'<span class="held-back" style="{style}">{escape(alt)}</span>'


def _link(value: str, compose: str) -> str | None:
    value = value.strip()
    scheme = value.partition(":")[0].lower()
    if value.startswith("#"):
        return value
    if scheme == "mailto":
        return f"{compose}?mailto={quote(value[7:], safe='')}" if compose else value
    return value if scheme in ("http", "https", "tel") and ":" in value else None


# --- styles -------------------------------------------------------------------------------------------------
_known: dict[str, str] = {}


def style_attribute(text: str) -> str:
    """The declarations of a style attribute that are allowed; newsletters repeat the same ones a thousand times."""
    if len(text) > MAX_STYLE_ATTRIBUTE:
        return ""
    known = _known.get(text)
    if known is None:
        if len(_known) >= MAX_CACHED_STYLES:
            _known.clear()
        known = _known[text] = _declarations(
            tinycss2.parse_declaration_list(text, skip_comments=True, skip_whitespace=True)
        )
    return known


def _is_shallow(nodes: Iterable[tinycss2.ast.Node]) -> bool:
    level = list(nodes)
    for _depth in range(MAX_BRACKETS):
        insides = (
            getattr(node, name, None)
            for node in level
            for name in ("prelude", "value", "content", "arguments")
        )
        level = [node for inside in insides if isinstance(inside, list) for node in inside]
    return not level


def _declarations(nodes: list[tinycss2.ast.Node]) -> str:
    kept: list[str] = []
    if not _is_shallow(nodes):
        return ""
    for node in nodes:
        if node.type != "declaration" or not _PROPERTIES.fullmatch(node.lower_name):
            continue
        if node.lower_name == "display" and any(
            getattr(each, "lower_value", "") == "contents" for each in node.value
        ):
            continue
        if node.lower_name.startswith("mso-") or not _harmless(node.value):
            continue
        value = tinycss2.serialize(node.value).strip()
        if value and "<" not in value and "\\" not in value:
            kept.append(f"{node.lower_name}:{value}{' !important' if node.important else ''}")
    return ";".join(kept)


def _harmless(nodes: Iterable[tinycss2.ast.Node], depth: int = 0) -> bool:
    for node in nodes:
        if node.type in ("url", "error", "{} block", "[] block", "at-keyword", "unicode-range"):
            return False
        if node.type == "dimension" and _VIEWPORT.fullmatch(node.unit):
            return False
        if node.type == "function" and (node.lower_name not in _FUNCTIONS or depth > 4):
            return False
        inner = getattr(node, "arguments", None) or getattr(node, "content", None)
        if isinstance(inner, list) and not _harmless(inner, depth + 1):
            return False
    return True


_STYLE_START = re.compile(r"<style\b[^<>]*>", re.IGNORECASE)
_STYLE_END = re.compile(r"</style", re.IGNORECASE)


def style_sheets(html: str) -> str:
    """The mail's own <style> elements, filtered by the same rules; scoped by the frame they are shown in."""
    sheets, room, at = [], MAX_STYLE_SHEET, 0
    while (start := _STYLE_START.search(html, at)) and (end := _STYLE_END.search(html, start.end())):
        text, at = html[start.end() : end.start()], end.end()
        room -= len(text)
        if room < 0:
            break
        text = re.sub(r"<!--|-->|<!\[CDATA\[|\]\]>", " ", text)
        rules = tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)
        if _is_shallow(rules):
            sheets.append(_rules(rules, 0))
    return "".join(sheets)


def _rules(nodes: Iterable[tinycss2.ast.Node], depth: int) -> str:
    kept = []
    for node in nodes:
        if node.type == "qualified-rule":
            selector = tinycss2.serialize(node.prelude).strip()
            declarations = _declarations(
                tinycss2.parse_declaration_list(node.content, skip_comments=True, skip_whitespace=True)
            )
            if declarations and _selector_is_plain(selector):
                kept.append(f"{selector}{{{declarations}}}")
        elif node.type == "at-rule" and node.lower_at_keyword == "media" and node.content and depth < 2:
            query = tinycss2.serialize(node.prelude).strip()
            inner = tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True)
            if re.fullmatch(r"[\w\s():,.\-<>=/]{0,300}", query) and "</" not in query:
                kept.append(f"@media {query}{{{_rules(inner, depth + 1)}}}")
    return "".join(kept)


def _selector_is_plain(selector: str) -> bool:
    # No attribute selectors: they read what they match. `:hover` and its like never load anything here.
    return len(selector) <= 1000 and re.fullmatch(r"[\w\s.#*>+~,:()\-]+", selector) is not None
