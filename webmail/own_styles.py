"""Sizes, colours, alignment and indents of the writer's own text: by name in the editor, as inline styles in mail.

The editor marks them with names (`<span data-ink="red">`), because the pages' policy knows no inline styles and our
two themes show a name in two ways; mail programs know nothing but inline styles. Both lists are closed: what is not
in them is not a look of ours and goes. Called by webmail/own_html.py on HTML that nh3 has just written, where an
attribute's value can hold neither a quotation mark nor anything unquoted. Pure.
"""

from __future__ import annotations

import re

SIZES = {"small": "font-size:.85em", "large": "font-size:1.3em", "huge": "font-size:1.8em"}
INKS = {
    "grey": "color:#6b7280",
    "red": "color:#b3261e",
    "orange": "color:#b45309",
    "olive": "color:#7a6a00",
    "green": "color:#2c6b3c",
    "teal": "color:#0f6e66",
    "blue": "color:#1d4ed8",
    "purple": "color:#6d28d9",
    "pink": "color:#be185d",
}
# A background says its ink, too: on a page that the reader darkened, light letters would stand on light paper.
BACKS = {
    "grey": "background-color:#e5e7eb;color:#1d2420",
    "red": "background-color:#f9dedc;color:#1d2420",
    "orange": "background-color:#fde6cf;color:#1d2420",
    "yellow": "background-color:#fff1a8;color:#1d2420",
    "green": "background-color:#d8f0dc;color:#1d2420",
    "teal": "background-color:#cfefea;color:#1d2420",
    "blue": "background-color:#dce8fb;color:#1d2420",
    "purple": "background-color:#e8dffb;color:#1d2420",
    "pink": "background-color:#fbddea;color:#1d2420",
}
ALIGNS = {name: f"text-align:{name}" for name in ("start", "center", "end", "justify")}
INDENTS = {str(step): f"margin:0;margin-inline-start:{2 * step}em" for step in range(1, 9)}
LOOKS = {"size": SIZES, "ink": INKS, "shade": BACKS, "align": ALIGNS, "indent": INDENTS}
SPAN, PARAGRAPH = ("size", "ink", "shade"), ("align", "indent")
MARGIN = "margin:0"  # of every paragraph: lines of a letter stand as they were written

# For nh3: the attributes that may stay on an element, with the values they may have.
NAMED = {
    "span": {f"data-{look}": {*LOOKS[look]} for look in SPAN},
    "p": {f"data-{look}": {*LOOKS[look]} for look in PARAGRAPH},
}

_TAG = re.compile(r'<(span|p)((?: [a-z-]+="[^"<>]*")*)>')
_ATTRIBUTE = re.compile(r' ([a-z-]+)="([^"<>]*)"')


def as_styles(html: str) -> str:
    """Names become inline styles."""
    return _TAG.sub(_styled, html)


def _styled(found: re.Match[str]) -> str:
    tag, kept, looks = found[1], "", []
    for name, value in _ATTRIBUTE.findall(found[2]):
        style = LOOKS.get(name.removeprefix("data-"), {}).get(value) if name.startswith("data-") else None
        if style:
            looks.append(style)
        elif name != "style" and not name.startswith("data-"):
            kept += f' {name}="{value}"'
    if tag == "p" and not any(style.startswith("margin") for style in looks):
        looks.insert(0, MARGIN)
    return f'<{tag}{kept} style="{";".join(looks)}">' if looks else f"<{tag}{kept}>"


def as_names(html: str) -> str:
    """Inline styles that are ours become names; others go."""
    return _TAG.sub(_named, html)


def _named(found: re.Match[str]) -> str:
    tag, kept = found[1], ""
    for name, value in _ATTRIBUTE.findall(found[2]):
        if name != "style":
            kept += f' {name}="{value}"'
            continue
        looks = SPAN if tag == "span" else PARAGRAPH
        kept += "".join(f' data-{look}="{called}"' for look in looks if (called := _look_in(value, look)))
    return f"<{tag}{kept}>"


def _look_in(style: str, look: str) -> str:
    said = f";{''.join(style.lower().split()).rstrip(';')};"
    if look == "ink" and "background-color:" in said:
        return ""
    return next((name for name, wanted in LOOKS[look].items() if f";{wanted};" in said), "")
