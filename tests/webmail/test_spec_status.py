"""docs/webmail-spec-status.md is true: every line says what is there, and every test it names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

BASE = Path(__file__).resolve().parent.parent.parent
PAGE = BASE / "docs" / "webmail-spec-status.md"
_ROW = re.compile(r"^\| (?P<line>[^|]+) \|(?P<what>[^|]*)\|(?P<shown>[^|]*)\|$")
_NAMED = re.compile(r"(tests/[\w/]+\.py)(?:::(\w+))?")


def _rows() -> list[tuple[str, str, str]]:
    rows = []
    for text in PAGE.read_text().splitlines():
        match = _ROW.match(text)
        if match and match["line"] not in ("line", "---") and not set(match["line"]) <= {"-"}:
            rows.append((match["line"].strip(), match["what"].strip(), match["shown"].strip()))
    return rows


@cache
def _tests_in(path: str) -> frozenset[str]:
    tree = ast.parse((BASE / path).read_text())
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def test_every_table_row_is_read() -> None:
    drawn = [text for text in PAGE.read_text().splitlines() if text.startswith("| ")]
    heads = sum(text.startswith("| line |") for text in drawn)
    assert len(_rows()) == len(drawn) - heads


@pytest.mark.parametrize(("line", "what", "shown"), _rows(), ids=lambda value: value[:40])
def test_a_line_says_what_is_there_and_what_shows_it(line: str, what: str, shown: str) -> None:
    assert what, f"{line}: nothing is said"
    assert shown, f"{line}: neither a test nor a reason"
    for path, name in _NAMED.findall(shown):
        assert (BASE / path).is_file(), f"{line}: {path} is not here"
        assert not name or name in _tests_in(path), f"{line}: {path} has no {name}"
