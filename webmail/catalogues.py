"""Catalogues of translated texts: found in the sources, kept as `.po` for translators, compiled for gettext.

    locale/mailstead.pot                   every text, made by `manage.py messages`
    locale/<language>/LC_MESSAGES/django.po   what a translator writes; the same command adds and retires texts
    DATA_DIR/locale/…/django.mo            compiled by `manage.py prepare`, where Django looks (LOCALE_PATHS)

Python is read with `ast`, templates as Django reads them itself; GNU gettext's programs are not needed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polib
from django.conf import settings
from django.utils.translation.template import templatize

SOURCES = ("webmail", "hosting", "mta")
KINDS = {  # what a function is called with
    "_": "text",
    "counted": "plural",  # of webmail/verbs.py
    "gettext": "text",
    "gettext_lazy": "text",
    "gettext_noop": "text",
    "ngettext": "plural",
    "ngettext_lazy": "plural",
    "pgettext": "context",
    "pgettext_lazy": "context",
    "npgettext": "context plural",
    "npgettext_lazy": "context plural",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One text that is to be translated, and where it stands."""

    text: str
    plural: str = ""
    context: str = ""
    place: str = ""
    line: int = 0


def messages(base: Path | None = None) -> Iterator[Message]:
    """Every text of the product, in a stable order; the same text comes once for each place."""
    base = base or settings.BASE_DIR
    for folder in SOURCES:
        for path in sorted((base / folder).rglob("*.py")):
            if "/migrations/" not in path.as_posix():
                yield from _in_python(path.read_text(), path.relative_to(base).as_posix())
    for path in sorted((base / "templates").rglob("*.html")):
        place = path.relative_to(base).as_posix()
        yield from _in_template(path.read_text(), place)


def _in_python(source: str, place: str) -> Iterator[Message]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
            yield from _message(node, place, node.lineno)


def _in_template(source: str, place: str) -> Iterator[Message]:
    """Django writes a template as calls of gettext between noise; each line of calls is Python."""
    for number, line in enumerate(templatize(source, origin=place).splitlines(), start=1):
        for call in _calls(line):
            yield from _message(call, place, number)


def _calls(line: str) -> Iterator[ast.Call]:
    for name in sorted(KINDS, key=len, reverse=True):
        start = line.find(f"{name}(")
        while start >= 0:
            before = line[start - 1] if start else " "
            if not (before.isalnum() or before in "._"):
                call = _call_at(line[start:])
                if call is not None:
                    yield call
            start = line.find(f"{name}(", start + 1)


def _call_at(text: str) -> ast.Call | None:
    """The call that a text begins with: up to the first closing bracket that makes it Python."""
    end = text.find(")")
    while end >= 0:
        try:
            node = ast.parse(text[: end + 1], mode="eval").body
        except SyntaxError:
            end = text.find(")", end + 1)
            continue
        return node if isinstance(node, ast.Call) else None
    return None


def _message(call: ast.Call, place: str, line: int) -> Iterator[Message]:
    kind = KINDS[call.func.id] if isinstance(call.func, ast.Name) else ""
    words = [
        each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]
    if kind == "text" and words:
        yield Message(words[0], place=place, line=line)
    elif kind == "plural" and len(words) >= 2:
        yield Message(words[0], plural=words[1], place=place, line=line)
    elif kind == "context" and len(words) >= 2:
        yield Message(words[1], context=words[0], place=place, line=line)
    elif kind == "context plural" and len(words) >= 3:
        yield Message(words[1], plural=words[2], context=words[0], place=place, line=line)


def template_catalogue(found: Iterator[Message]) -> polib.POFile:
    """Every text once, with its places."""
    catalogue = polib.POFile()
    catalogue.metadata = {
        "Project-Id-Version": "Mailstead",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
    }
    entries: dict[tuple[str, str], polib.POEntry] = {}
    for each in found:
        key = (each.context, each.text)
        entry = entries.get(key)
        if entry is None:
            entry = polib.POEntry(msgid=each.text, msgctxt=each.context or None, occurrences=[])
            entries[key] = entry
            catalogue.append(entry)
        if each.plural and not entry.msgid_plural:
            entry.msgid_plural, entry.msgstr_plural = each.plural, {0: "", 1: ""}
        if (each.place, "") not in entry.occurrences:
            entry.occurrences.append((each.place, ""))  # without lines: they move with every edit
    return catalogue


def write(folder: Path) -> int:
    """Write the template of all catalogues, bring each translation up to date; gives the number of texts."""
    every = template_catalogue(messages())
    folder.mkdir(exist_ok=True)
    every.save(str(folder / "mailstead.pot"))
    for path in folder.glob("*/LC_MESSAGES/django.po"):
        translation = polib.pofile(str(path))
        translation.merge(every)
        translation.save()
    return len(every)


def compile_into(target: Path, *, folder: Path) -> list[str]:
    """Compile every catalogue of `folder` below `target`; gives the languages. What is up to date is left."""
    languages = []
    for path in sorted(folder.glob("*/LC_MESSAGES/django.po")):
        compiled = target / path.relative_to(folder).with_suffix(".mo")
        if not compiled.exists() or compiled.stat().st_mtime < path.stat().st_mtime:
            compiled.parent.mkdir(parents=True, exist_ok=True)
            draft = compiled.with_suffix(".draft")
            polib.pofile(str(path)).save_as_mofile(str(draft))
            draft.replace(compiled)  # a process that reads sees the old one or the new one
        languages.append(path.parent.parent.name)
    return languages
