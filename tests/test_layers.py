"""What import-linter cannot say about the layers."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

BASE = Path(__file__).resolve().parent.parent
PACKAGES = ("mta", "hosting", "webmail")


def sources(*packages: str) -> list[Path]:
    return [
        path
        for package in packages
        for path in sorted((BASE / package).rglob("*.py"))
        if "migrations" not in path.parts
    ]


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_mail_system_knows_no_logins() -> None:
    forbidden = ("django.contrib.auth", "django.contrib.sessions")
    found = [
        f"{path.relative_to(BASE)}: {name}"
        for path in sources("mta")
        for name in imports(ast.parse(path.read_text()))
        if name.startswith(forbidden)
    ]
    assert found == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_opens_with_what_it_is_for(package: str) -> None:
    silent = [
        str(path.relative_to(BASE))
        for path in sources(package)
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_file_fits_in_one_head(package: str) -> None:
    long = [
        f"{path.relative_to(BASE)}: {count}"
        for path in sources(package)
        if (count := path.read_text().count("\n")) > 500
    ]
    assert long == []


def test_no_possessive_groups() -> None:
    """Before Python 3.11.5 (Debian 12 has 3.11.2) a possessive group may swallow what its last, failed turn
    had read: `(?:\\.a)*+` takes the dot of "a.@". Possessive single characters (`a++`) are sound.
    """
    possessive = re.compile(r"\)[*+?]\+|\)\{[0-9,]+\}\+|\(\?>")
    found = [
        str(path.relative_to(BASE)) for path in sources(*PACKAGES) if possessive.search(path.read_text())
    ]
    assert found == []
