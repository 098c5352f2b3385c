"""The last pass over sanitised mail: pictures put in or held back, links told where they lead, colours darkened.

Reads what nh3 has written, tag by tag from the front, never by searching for pieces: `<` begins a tag there and
nothing else does, and a `<` that begins no proper tag is made text, so that this pass cannot open what the
sanitiser has closed. What is put in is escaped here. Pure; linear. Called by webmail.sanitize alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape, unescape

from django.utils.translation import gettext as _

from webmail.darkening import dark_attribute, dark_declarations
from webmail.links import Link, follow, warn
from webmail.tracking import is_pixel

OUTSIDE = "data:,outside-"  # and a number: the address of a picture that lies elsewhere, kept aside
HELD = "data:,held-back"  # a picture that nobody has
MIN_SHOWN = 10  # pixels; smaller pictures leave no gap
MAX_TEXT = 2400  # characters of a link's text that are compared with its target

# nh3 writes `<p title="a&lt;b">`: names without quotes, values in double quotes, every `<`, `>` and `"` in them escaped.
_TAG = re.compile(r"<(?:(?P<close>/?)(?P<name>[a-z0-9]+)(?P<attributes>(?: [^\s\"'<>/=]+=\"[^\"<>]*\")*)>)?")
_ATTRIBUTE = re.compile(r" ([^\s\"'<>/=]+)=\"([^\"]*)\"")
_NUMBER = re.compile(r"\s*(\d{1,4})")
_PAINTS = ("bgcolor", "color")

Attributes = dict[str, str]


@dataclass(slots=True)
class Dressed:
    """`held_back` counts pictures that are not shown, `trackers` those of them that only count readers."""

    html: str = ""
    held_back: int = 0
    trackers: int = 0


class _Link:
    """A link that is open: where its text begins in the output, and what to say after it."""

    __slots__ = ("link", "text")

    def __init__(self, link: Link) -> None:
        self.link = link
        self.text: list[str] = []


def dress(
    markup: str,
    *,
    outside: Sequence[str],
    show: Callable[[str], str] | None,
    links: bool,
    dark: bool,
) -> Dressed:
    """`outside` are the addresses behind OUTSIDE's numbers; `show` gives the address that a picture may be fetched
    from, None holds all back. `links` names and cleans links; `dark` gives every colour its dark twin."""
    found = Dressed()
    out: list[str] = []
    opened: _Link | None = None
    at = 0
    for tag in _TAG.finditer(markup):
        text = markup[at : tag.start()]
        out.append(text)
        if opened is not None and text:
            opened.text.append(text)
        at = tag.end()
        name = tag["name"]
        if name is None:
            out.append("&lt;")
            continue
        if tag["close"]:
            if name == "a" and opened is not None:
                out.append(_hint(opened))
                opened = None
            out.append(tag[0])
            continue
        if name == "a" and links:
            attributes = _read(tag["attributes"])
            opened = _dress_link(attributes)
            out.append(_write(name, attributes))
        elif name == "img":
            out.append(_picture(_read(tag["attributes"]), found, outside, show, dark=dark))
        elif dark and tag["attributes"]:
            attributes = _read(tag["attributes"])
            _darken(attributes)
            out.append(_write(name, attributes))
        else:
            out.append(tag[0])
    out.append(markup[at:])
    found.html = "".join(out)
    return found


def _read(text: str) -> Attributes:
    return {name: unescape(value) for name, value in _ATTRIBUTE.findall(text)}


def _write(name: str, attributes: Attributes) -> str:
    return (
        f"<{name}{''.join(f' {key}={chr(34)}{escape(value)}{chr(34)}' for key, value in attributes.items())}>"
    )


# --- pictures -----------------------------------------------------------------------------------------------
def _picture(
    attributes: Attributes,
    found: Dressed,
    outside: Sequence[str],
    show: Callable[[str], str] | None,
    *,
    dark: bool,
) -> str:
    source = attributes.get("src", "")
    if not source:
        return ""
    if source == HELD:
        found.held_back += 1
        return _placeholder(attributes)
    if source.startswith(OUTSIDE):
        url = outside[int(source[len(OUTSIDE) :])]
        style = attributes.get("style", "")
        if is_pixel(url, width=attributes.get("width", ""), height=attributes.get("height", ""), style=style):
            found.held_back += 1
            found.trackers += 1
            return ""
        if show is None:
            found.held_back += 1
            return _placeholder(attributes)
        attributes["src"] = show(url)
        attributes["loading"] = "lazy"
        attributes["referrerpolicy"] = "no-referrer"
    if dark:
        _darken(attributes)
    return _write("img", attributes)


def _placeholder(attributes: Attributes) -> str:
    """A quiet box with the picture's description and room; nothing for those that nobody was to see."""
    sizes = {
        name: match for name in ("width", "height") if (match := _NUMBER.match(attributes.get(name, "")))
    }
    room = {name: int(match[1]) for name, match in sizes.items()}
    alt = attributes.get("alt", "")
    if min(room.values(), default=MIN_SHOWN) < MIN_SHOWN or not (alt.strip() or len(room) == 2):
        return ""
    style = ";".join(f"{name}:{size}px" for name, size in room.items())
    return f'<span class="held-back" style="{style}">{escape(alt)}</span>'


# --- links --------------------------------------------------------------------------------------------------
def _dress_link(attributes: Attributes) -> _Link | None:
    href = attributes.get("href", "")
    attributes.pop("title", None)  # a title of the sender's could claim another target
    if not href.startswith(("http://", "https://")):
        return None
    link = follow(href)
    attributes["href"] = link.href
    attributes["title"] = _title(link)
    return _Link(link)


def _title(link: Link) -> str:
    shown = link.shown or link.href[:120]
    if link.kind == "counted":
        return _("%s counts who clicks; where it leads is known to the sender alone") % (link.host or shown)
    if link.kind == "guard":
        return _("Leads to %s, through a gateway that checks it") % shown
    return shown


def _hint(opened: _Link) -> str:
    """Where a link leads, in sight, when its text names another place."""
    text = unescape("".join(opened.text)[:MAX_TEXT])
    if not warn(text, opened.link):
        return ""
    said = _("leads to %s") % opened.link.host
    return f'<span class="leads-elsewhere" title="{escape(opened.link.shown)}">{escape(said)}</span>'


# --- colours ------------------------------------------------------------------------------------------------
def _darken(attributes: Attributes) -> None:
    """Colours of a tag, each with its dark twin; those of attributes become styles, which alone can hold both."""
    made = [text for name in _PAINTS if (text := dark_attribute(name, attributes.get(name, "")))]
    for name in _PAINTS:
        if name in attributes:
            del attributes[name]
    style = attributes.get("style", "")
    if style:
        made.append(dark_declarations(style))
    if made:
        attributes["style"] = ";".join(made)
