"""Finds words that were never given to gettext: in templates, in views, in scripts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from django.template.base import Lexer, TokenType

from webmail.catalogues import KINDS

BASE = Path(__file__).resolve().parents[2]
TRANSLATED = "\u0001"  # stands where a template fills something in
SPOKEN = ("title", "aria-label", "placeholder", "alt", "data-confirm-text", "data-confirm-button", "label")
# Names, protocols and keys are the same in every language.
NAMES = frozenset(
    "Mailstead DNS MX TXT SPF DKIM DMARC TLS SMTP IMAP POP3 STARTTLS Shift Ctrl Alt Esc Enter kB MB GB eml zip csv POST "
    "Message-ID Thunderbird Ctrl+Enter Outlook Gmail HTTP HTTPS LMTP URL".split()
)
_WORD = re.compile(r"[A-Za-z][A-Za-z’'+-]+")
_INLINE_CSS = frozenset({"style", "script"})
# Parts of a template that are classes and attributes.
_NOT_TEXT = frozenset(
    "page_class shell_class desk_class theme density more_looks body_attributes icon_attributes".split()
)
_KEYS = re.compile(r"\([^()\s]*\)|https?://")


class _Text(HTMLParser):
    """The words of a page that a person sees or hears."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[int, str]] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _INLINE_CSS:
            self._silent += 1
        for name, value in attrs:
            if name in SPOKEN and value:
                self._note(value)

    def handle_endtag(self, tag: str) -> None:
        if tag in _INLINE_CSS:
            self._silent -= 1

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._note(data)

    def _note(self, text: str) -> None:
        words = [word for word in _WORD.findall(_KEYS.sub("", text)) if word not in NAMES]
        if words:
            self.found.append((self.getpos()[0], " ".join(text.split())))


def visible_words(html: str) -> list[tuple[int, str]]:
    reader = _Text()
    reader.feed(html)
    return reader.found


def in_template(source: str) -> list[tuple[int, str]]:
    """What a template says without asking gettext: (line, text)."""
    kept, skipping = [], ""
    for token in Lexer(source).tokenize():
        name = token.contents.split()[0] if token.token_type == TokenType.BLOCK else ""
        if skipping:
            kept.append("\n" * token.contents.count("\n"))
            skipping = "" if name == skipping else skipping
        elif name in ("comment", "blocktranslate", "blocktrans") or _NOT_TEXT & set(
            token.contents.split()[1:2]
        ):
            skipping = f"end{name}"
            kept.append(TRANSLATED)
        elif token.token_type == TokenType.TEXT:
            kept.append(token.contents)
        elif token.token_type != TokenType.COMMENT:
            kept.append(TRANSLATED if token.token_type == TokenType.VAR or name == "translate" else "")
    return visible_words("".join(kept))


# A sentence: begins with a capital, has a blank and ends as one; not what a program reads.
_SENTENCE = re.compile(r"^[A-Z][\w’']*( [\w’',%()-]+)+[.?…]$")


def in_python(source: str) -> Iterator[tuple[int, str]]:
    """Sentences in Python that are neither docstrings nor given to gettext."""
    tree = ast.parse(source)
    fine: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            fine.update(id(each) for each in ast.walk(body[0]))
        if isinstance(node, ast.Call) and _called(node) in KINDS:
            fine.update(id(each) for each in ast.walk(node))
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in fine else None
        if isinstance(text, str) and _SENTENCE.match(text.strip()):
            yield getattr(node, "lineno", 0), text


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


_STRING = re.compile(r"""(["'`])((?:\\.|(?!\1)[^\\\n])*)\1""")


def in_script(source: str) -> Iterator[tuple[int, str]]:
    """Sentences in a script."""
    for number, line in enumerate(source.splitlines(), start=1):
        code = line.split("//")[0]
        for match in _STRING.finditer(code):
            if _SENTENCE.match(match[2]) or re.match(r"^[A-Z][a-z]+( [a-z]+){1,}$", match[2]):
                yield number, match[2]
