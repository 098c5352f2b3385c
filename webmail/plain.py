"""Plain text as HTML: links, and quoted lines as quotations. Whatever the text holds, it stays text. Pure."""

from __future__ import annotations

import re

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

_LINK = re.compile(
    r"(?P<url>(?:https?://|www\.)[^\s<>\"'`\u2018-\u201f()]+(?:\([^\s<>\"'()]*\)[^\s<>\"'`\u2018-\u201f()]*)*)"
    r"|(?P<address>\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}\b)",
    re.IGNORECASE,
)


def text_to_html(text: str, *, compose: str) -> SafeString:
    """Plain text with links and with its quoted lines as quotations; whatever it holds, it stays text."""
    blocks: list[str] = []
    quoted: list[str] = []
    plain: list[str] = []
    for line in text.split("\n"):
        if line.startswith(">"):
            if plain:
                blocks.append(_linked("\n".join(plain), compose))
                plain = []
            quoted.append(re.sub(r"^>\s?", "", line))
        else:
            if quoted:
                blocks.append(f"<blockquote>{_quoted(quoted, compose, 1)}</blockquote>")
                quoted = []
            plain.append(line)
    if quoted:
        blocks.append(f"<blockquote>{_quoted(quoted, compose, 1)}</blockquote>")
    if plain:
        blocks.append(_linked("\n".join(plain), compose))
    return mark_safe("".join(blocks))  # noqa: S308  # every piece is escaped in _linked


def _quoted(lines: list[str], compose: str, depth: int) -> str:
    """Quoted lines, with quotations inside them, five deep at most."""
    if depth >= 5 or not any(line.startswith(">") for line in lines):
        return _linked("\n".join(lines), compose)
    out: list[str] = []
    inner: list[str] = []
    for line in [*lines, ""]:
        if line.startswith(">"):
            inner.append(re.sub(r"^>\s?", "", line))
            continue
        if inner:
            out.append(f"<blockquote>{_quoted(inner, compose, depth + 1)}</blockquote>")
            inner = []
        out.append(_linked(line, compose) + "\n")
    return "".join(out).rstrip("\n")


def _linked(text: str, compose: str) -> str:
    out: list[str] = []
    at = 0
    for match in _LINK.finditer(text):
        shown = match[0]
        if match["url"]:
            shown = shown.rstrip(".,;:!?*_")
            target = shown if shown.lower().startswith("http") else f"http://{shown}"
            link = f'<a href="{escape(target)}" target="_blank" rel="noopener noreferrer">{escape(shown)}</a>'
        else:
            link = f'<a href="{escape(compose)}?mailto={escape(shown)}">{escape(shown)}</a>'
        out += (escape(text[at : match.start()]), link)
        at = match.start() + len(shown)
    out.append(escape(text[at:]))
    return "".join(out)
