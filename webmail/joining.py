"""Many small files sent as few: how the scripts and style sheets of a page become one request each, when collected.

Sources stay as they are, and development serves them as they are. Joining is plain: modules go one after the other,
those that others import first, each in a block of its own; what it exports becomes a property of one constant, from
which importers take it. Nothing is renamed or rewritten but `import` and `export`. Modules that are fetched later
import the joined file, so that each module exists once. Forms that would need more than that (`export let`,
`export *`, default exports, circles) raise `CannotJoin`, and tests/webmail/test_joining.py holds that ours do not.

Pure: texts in, texts out. Called by webmail.static_files.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

_IMPORT = re.compile(
    r'^import\s+(?:\{([^}]*)\}\s+from\s+)?"(\./[\w.-]+\.js)";[ \t]*(?://[^\n]*)?$', re.MULTILINE
)
_DYNAMIC = re.compile(r'\bimport\("(\./[\w.-]+\.js)"\)')
_DECLARED = re.compile(r"^export\s+((?:async\s+)?function\*?|class|const)\s+", re.MULTILINE)
_NAMED = re.compile(r"^export\s+\{([^}]*)\};[ \t]*$", re.MULTILINE)
_ANY = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)
_STYLE = re.compile(r"\{%\s*static\s+'(css/[\w.-]+\.css)'\s*%\}")
_BLOCK = re.compile(r"\{%\s*block\s+styles\s*%\}(.*?)\{%\s*endblock", re.DOTALL)
_EXTENDS = re.compile(r"""\{%\s*extends\s+(?:["']([^"']+)["']|layout)""")
_LAYOUT = "webmail/client.html"  # what a page that is a part, or whole, extends when it is whole


class CannotJoin(ValueError):
    """A module says something that joining does not understand."""


Read = Callable[[str], str]  # the text of a module, by its name without a folder


def imports_of(text: str) -> list[str]:
    """The modules that come before this one."""
    return [match[2].removeprefix("./") for match in _IMPORT.finditer(text)]


def in_order(entries: Sequence[str], read: Read, *, without: Iterable[str] = ()) -> list[str]:
    """The entries and all that they import, each after what it imports."""
    done = list(without)
    found: list[str] = []

    def take(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise CannotJoin(f"{' imports '.join((*above, name))}: a circle")
        if name in done:
            return
        for other in imports_of(read(name)):
            take(other, (*above, name))
        done.append(name)
        found.append(name)

    for entry in entries:
        take(entry, ())
    return found


def join_modules(names: Sequence[str], read: Read, place: Mapping[str, str]) -> str:
    """One module of several. `place` says in which joined file a module lies, for all modules that lie in one."""
    inside = set(names)
    here = place[names[0]]
    outer: dict[str, list[str]] = {}
    blocks = []
    for name in names:
        text = read(name)
        for match in _IMPORT.finditer(text):
            other = match[2].removeprefix("./")
            if other not in inside:
                outer.setdefault(place[other], []).append(other)
            _check(name, match[1], other, read(other))
        exported, body = _without_exports(name, _IMPORT.sub(lambda m: _taken(m[1], m[2]), text))
        body = _dynamic(body, place, here)
        if left := _ANY.search(body):
            raise CannotJoin(f"{name}: {left[0]}")
        ending = f"Object.assign({constant(name)}, {{ {', '.join(exported)} }});\n" if exported else ""
        blocks.append(f"const {constant(name)} = {{}};\n{{\n{body.rstrip()}\n{ending}}}\n")
    head = "".join(
        f'import {{ {", ".join(dict.fromkeys(map(constant, others)))} }} from "./{file}";\n'
        for file, others in outer.items()
    )
    return head + "".join(blocks) + f"export {{ {', '.join(map(constant, names))} }};\n"


def point(text: str, place: Mapping[str, str]) -> str:
    """A module that lies by itself, importing from joined files what lies in these."""

    def static(match: re.Match[str]) -> str:
        file = place.get(match[2].removeprefix("./"))
        if file is None:
            return match[0]
        if not match[1]:
            return f'import "./{file}";'
        return f'import {{ {constant(match[2])} }} from "./{file}"; {_taken(match[1], match[2])}'

    return _dynamic(_IMPORT.sub(static, text), place, "")


def constant(name: str) -> str:
    """The name under which a joined module's exports are known."""
    return "$" + re.sub(r"\W", "_", name.removeprefix("./").removesuffix(".js"))


def _taken(names: str | None, module: str) -> str:
    """What stands instead of an import inside of a joined file."""
    if not names or not names.strip():
        return ""
    properties = re.sub(r"\s+as\s+", ": ", names.strip().rstrip(","))
    return f"const {{ {properties} }} = {constant(module)};"


def _check(name: str, names: str | None, module: str, text: str) -> None:
    """What is taken must be there: a block would give `undefined` where a module gives an error."""
    exported = {each.partition(":")[0] for each in _without_exports(module, text)[0]}
    wanted = {each.split(" as ")[0].strip() for each in (names or "").split(",")} - {""}
    if missing := wanted - exported:
        raise CannotJoin(
            f"{name} imports {', '.join(sorted(missing))} from {module}, which does not export it"
        )


def _dynamic(text: str, place: Mapping[str, str], here: str) -> str:
    def asked(match: re.Match[str]) -> str:
        name = match[1].removeprefix("./")
        file = place.get(name)
        if file is None:
            return match[0]
        if file == here:
            return f"Promise.resolve({constant(name)})"
        return f'import("./{file}").then((joined) => joined.{constant(name)})'

    return _DYNAMIC.sub(asked, text)


def _without_exports(name: str, text: str) -> tuple[list[str], str]:
    """(properties of what is exported, the text without the word)"""
    exported: list[str] = []
    for match in _DECLARED.finditer(text):
        rest = text[match.end() :]
        called = re.match(r"[\w$]+", rest)
        if called is None:
            raise CannotJoin(f"{name}: {match[0]}{rest[:40]}")
        exported.append(called[0])
    for match in _NAMED.finditer(text):
        for each in filter(None, (part.strip() for part in match[1].split(","))):
            local, _as, outside = each.partition(" as ")
            exported.append(f"{outside.strip()}: {local.strip()}" if _as else local)
    text = _NAMED.sub("", text)
    return exported, _DECLARED.sub(lambda match: f"{match[1]} ", text)


def style_sets(templates: Mapping[str, str]) -> set[tuple[str, ...]]:
    """The style sheets that pages name together, by their templates: those of base.html and of one `styles` block."""
    base = templates.get("base.html", "")
    ground = _STYLE.findall(_BLOCK.sub("", base))
    found = {tuple(ground)}
    for name in templates:
        if (more := _block_styles(name, templates)) is not None:
            found.add((*ground, *more))
    return {each for each in found if len(each) > 1}


def _block_styles(name: str, templates: Mapping[str, str], depth: int = 0) -> list[str] | None:
    text = templates.get(name, "")
    block, parent = _BLOCK.search(text), _EXTENDS.search(text)
    above = _block_styles(parent[1] or _LAYOUT, templates, depth + 1) if parent and depth < 8 else None
    if block is None:
        return above
    return [*((above or []) if "block.super" in block[1] else []), *_STYLE.findall(block[1])]


def sheet_name(names: Sequence[str]) -> str:
    """The joined sheet of these: in the same folder, so that what they refer to is found."""
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:8]
    return posixpath.join("css", f"joined-{digest}.css")


def join_sheets(texts: Iterable[str]) -> str:
    """Rules in the order of their sheets. `@import` and `@charset` count only at the top of a file, so none may be there."""
    texts = list(texts)
    if any(re.search(r"@(?:import|charset)\b", text) for text in texts):
        raise CannotJoin("a style sheet that imports another cannot be joined")
    return "\n".join(texts)
