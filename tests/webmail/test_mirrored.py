"""From right to left everything mirrors: styles name the start and the end of a line, never left and right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.webmail.literals import BASE
from webmail.templatetags import look

STYLES = sorted((BASE / "static" / "css").glob("*.css"))

_PHYSICAL = re.compile(
    r"(?<![\w-])(?:(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)(?:-\w+)?"
    r"|border-(?:top|bottom)-(?:left|right)-radius|left|right)\s*:"
    r"|(?:text-align|float|clear)\s*:\s*(?:left|right)"
)
# A shorthand with four values names right and left; it is fine when both are the same.
_FOUR = re.compile(r"(?<![\w-])(?:margin|padding|inset)\s*:\s*([^;{}]+);")
_COMMENT = re.compile(r"/\*.*?\*/", re.S)


def _values(text: str) -> list[str]:
    """`0 calc(1px + 2px) 0 0` has four."""
    found, depth, word = [], 0, ""
    for sign in text.replace("!important", "").strip() + " ":
        depth += (sign == "(") - (sign == ")")
        if sign.isspace() and not depth:
            found += [word] if word else []
            word = ""
        else:
            word += sign
    return found


def physical(css: str) -> list[str]:
    css = _COMMENT.sub("", css)
    found = [match[0] for match in _PHYSICAL.finditer(css)]
    for match in _FOUR.finditer(css):
        values = _values(match[1])
        if len(values) == 4 and values[1] != values[3]:
            found.append(match[0])
    return found


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_styles_are_logical(path: Path) -> None:
    assert physical(path.read_text()) == []


def test_the_check_above_finds_what_it_looks_for() -> None:
    assert physical("a { margin-left: 1px; padding: 0 1px 0 2px; } /* right: 0 */") == [
        "margin-left:",
        "padding: 0 1px 0 2px;",
    ]
    assert physical("a { padding: 0 1px 2px 1px; inset: 0 auto; margin-inline-start: 1px; }") == []


@pytest.mark.parametrize(
    "name", ["arrow-left", "chevron-right", "reply", "reply-all", "forward", "log-out", "send"]
)
def test_drawings_that_point_along_the_line_turn(name: str) -> None:
    assert "icon-turns" in look.icon(name)


@pytest.mark.parametrize("name", ["archive", "trash-2", "clock", "mail", "refresh-cw"])
def test_other_drawings_stay(name: str) -> None:
    assert "icon-turns" not in look.icon(name)
