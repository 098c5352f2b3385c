"""Mail HTML made harmless: tags, attributes, styles and addresses that are known to be safe, and nothing else.

The result is shown in a frame that can run no script and load nothing but pictures from our own host (see
webmail/views/body.py), so this is the inner of two walls. `url()` never survives in a style; the address of an
outside picture never survives in a tag, but as an address of ours when the reader wants it (`outside`).
webmail.dressing does the last pass over what nh3 leaves. Pure; bounded by the size of the text, which the caller caps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import quote

import nh3
import tinycss2

from mta.message.text import shallow_html
from webmail.darkening import dark_sheet
from webmail.dressing import HELD, OUTSIDE, dress

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
    *"svg math textarea select option xmp plaintext audio video canvas xml".split(),
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
# Functions that only compute a value. url(), image-set(), var(), attr(), expression() and all others are not here.
_FUNCTIONS = {"rgb", "rgba", "hsl", "hsla", "calc", "min", "max", "clamp"}
# A frame that is as high as its content must not have content that is as high as its frame.
_VIEWPORT = re.compile(r"(?:[sld]?v(?:h|w|min|max|b|i))", re.IGNORECASE)
_PICTURE_DATA = re.compile(r"data:image/(?:png|gif|jpeg|jpg|webp);base64,[A-Za-z0-9+/=\s]+", re.IGNORECASE)
# Each repetition has an end, and none meets its like: these run over whole mails, and spaces cost a sender nothing.
_LENGTH = re.compile(r"\s{0,9}\d{1,5}(?:\.\d{1,9})?\s{0,9}(?:%|px)?\s{0,9}")
_FORM = re.compile(r"<(?:form|input|textarea|select|button)\b", re.IGNORECASE)
_PAINTED = re.compile(
    r"\b(?:bgcolor|background)\s*=|<font\b[^<>]{0,2000}?\bcolor|\b(?:background(?:-color)?|(?<!-)color)\s*:\s*(?!inherit|initial)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Clean:
    """What is safe to show: the body's markup, its style sheet, and what was left out of it."""

    html: str
    style: str
    held_back: int  # pictures that are not shown
    trackers: int = 0  # those of them that only count readers


def has_form(html: str) -> bool:
    """Whether the mail brings a form, which is shown as text only."""
    return _FORM.search(html) is not None


def is_painted(html: str) -> bool:
    """Whether the mail brings colours of its own, and so must be shown on white paper in both themes."""
    return _PAINTED.search(html) is not None


def clean(
    html: str,
    *,
    picture: Callable[[str], str | None],
    outside: Callable[[str], str] | None = None,
    compose: str = "",
    dark: bool = False,
    keep_outside: bool = False,
) -> Clean:
    """Sanitise a mail's HTML.

    `picture(name)` gives the address of an inline part by its `cid:` or, as it stands there, its Content-Location;
    None if the message has none of that name. `outside(url)` gives our address of a picture that lies elsewhere;
    without it all of those are held back. `compose` is the page that writes to a `mailto:` address. `dark` gives
    colours dark twins. `keep_outside` leaves the addresses of outside pictures in: only for what is sent on,
    never for what is shown.
    """
    elsewhere: list[str] = []

    def attribute(tag: str, name: str, value: str) -> str | None:
        if name == "style":
            return style_attribute(value) or None
        if tag == "img" and name == "src":
            source = _picture_source(value, picture)
            if source is not None:
                return source
            if url := _outside_url(value):
                elsewhere.append(url)
                return url if keep_outside else f"{OUTSIDE}{len(elsewhere) - 1}"
            return None if keep_outside else HELD
        if name == "href":
            return _link(value, compose)
        if name == "class":
            return value[:500]
        if name in ("width", "height") and not _LENGTH.fullmatch(value):
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
    sheets = style_sheets(html)
    if keep_outside:
        return Clean(markup, sheets, len(elsewhere))
    dressed = dress(markup, outside=elsewhere, show=outside, links=True, dark=dark)
    return Clean(dressed.html, dark_sheet(sheets) if dark else sheets, dressed.held_back, dressed.trackers)


def _picture_source(value: str, picture: Callable[[str], str | None]) -> str | None:
    """The address of a picture that the message itself brings."""
    value = value.strip()
    if value[:4].lower() == "cid:":
        return picture(value[4:])
    if _PICTURE_DATA.fullmatch(value):
        return value
    return picture(value) if len(value) < 1000 else None


def _outside_url(value: str) -> str:
    """The address of a picture that lies elsewhere; "" if it is none that can be asked for."""
    value = re.sub(r"[\t\r\n]", "", value.strip())
    if value.startswith("//"):
        value = f"https:{value}"
    return value if value[:8].lower().startswith(("http://", "https://")) else ""


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
        # Brackets only within calc() and its like: `url/**/(x)` is no function, until somebody drops the comment.
        if node.type == "() block" and not depth:
            return False
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
            if "prefers-color-scheme" in query.lower():
                continue  # the sheet it is shown on is ours to choose (webmail.darkening)
            if re.fullmatch(r"[\w\s():,.\-<>=/]{0,300}", query) and "</" not in query:
                kept.append(f"@media {query}{{{_rules(inner, depth + 1)}}}")
    return "".join(kept)


def _selector_is_plain(selector: str) -> bool:
    # No attribute selectors: they read what they match. `:hover` and its like never load anything here.
    return len(selector) <= 1000 and re.fullmatch(r"[\w\s.#*>+~,:()\-]+", selector) is not None
