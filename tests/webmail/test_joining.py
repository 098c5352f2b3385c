"""Few files instead of many: our own scripts and style sheets can be joined, and what cannot be is refused."""

from __future__ import annotations

import re
from pathlib import Path

import brotli
import pytest

from webmail import joining, static_files

BASE = Path(__file__).resolve().parent.parent.parent
MODULES = {path.name: path.read_text() for path in (BASE / "static" / "js").glob("*.js")}
FIRST = ("ground.js", "first.js")


def wire(text: str) -> int:
    """Bytes as they are sent."""
    return len(brotli.compress(text.encode(), quality=11))


def test_our_modules_join_and_nothing_that_comes_later_is_within() -> None:
    made = static_files.joined_modules(MODULES)
    assert set(FIRST) <= made.keys()
    assert "mail.js" not in made  # it lies in first.js now, and exists once
    joined = "".join(made[name] for name in FIRST)
    for later in ("conversation", "preview", "search", "labels", "history", "compose-editor", "offline"):
        assert f"{joining.constant(later)} = {{}}" not in joined, later
    for name, text in made.items():
        text = re.sub(r"//.*", "", text)
        for other in re.findall(r'(?:from |import |import\()"\./([\w.-]+)"', text):
            assert other in made, f"{name} asks for {other}"


def test_the_scripts_of_a_first_visit_are_small() -> None:
    """Spec S11: 60 kB of script at most, on the wire."""
    made = static_files.joined_modules(MODULES)
    assert sum(wire(made[name]) for name in FIRST) <= 60_000


def test_a_joined_file_does_what_its_modules_did() -> None:
    texts = {
        "ground.js": "export const one = 1;\nexport function two() { return one + 1; }\n",
        "first.js": 'import { one, two as double } from "./ground.js";\nexport const three = one + double();\n',
    }
    place = dict.fromkeys(texts, "all.js")
    joined = joining.join_modules(joining.in_order(["first.js"], texts.__getitem__), texts.__getitem__, place)
    assert joined.index("one = 1") < joined.index("three")
    assert "const { one, two: double } = $ground;" in joined
    assert joined.rstrip().endswith("export { $ground, $first };")
    assert joining.point('import { three } from "./first.js";', place) == (
        'import { $first } from "./all.js"; const { three } = $first;'
    )
    assert "joined.$first" in joining.point('import("./first.js").then(start);', place)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a default", "export default 1;\n"),
        ("a variable that changes", "export let one = 1;\n"),
        ("everything of another", 'export * from "./other.js";\n'),
        ("what is not there", 'import { nothing } from "./other.js";\n'),
    ],
)
def test_what_cannot_be_joined_is_refused(name: str, text: str) -> None:
    texts = {"a.js": text, "other.js": "export const one = 1;\n"}
    with pytest.raises(joining.CannotJoin):
        joining.join_modules(["other.js", "a.js"], texts.__getitem__, dict.fromkeys(texts, "all.js"))


def test_circles_are_refused() -> None:
    texts = {"a.js": 'import "./b.js";\n', "b.js": 'import "./a.js";\n'}
    with pytest.raises(joining.CannotJoin):
        joining.in_order(["a.js"], texts.__getitem__)


def test_the_sheets_of_a_page_are_one_and_every_page_that_asks_has_its_own() -> None:
    templates = {
        str(path.relative_to(BASE / "templates")): path.read_text()
        for path in (BASE / "templates").rglob("*.html")
    }
    sets = joining.style_sets(templates)
    assert any("css/mail.css" in names and "css/files.css" in names for names in sets)
    for names in sets:
        joining.join_sheets((BASE / "static" / name).read_text() for name in names)
    with pytest.raises(joining.CannotJoin):
        joining.join_sheets(['@import "x.css";'])
