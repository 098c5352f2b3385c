"""Measured figures become the tables of docs/performance.md."""

import pytest

from bench import publish


def record(case: str, figures: dict[str, dict[str, float]], **wrong: str) -> dict[str, object]:
    return {"results": [{"case": case, "median": figures, "wrong": wrong}]}


def test_a_later_file_replaces_the_cases_it_has_and_keeps_the_others() -> None:
    first = {
        "results": [*record("a", {"x": {"ms": 1.0}})["results"], *record("b", {"x": {"ms": 2.0}})["results"]]
    }
    found = publish.merged([first, record("a", {"x": {"ms": 3.0}})])
    assert [(one["case"], one["median"]) for one in found["results"]] == [
        ("a", {"x": {"ms": 3.0}}),
        ("b", {"x": {"ms": 2.0}}),
    ]


def test_a_server_that_was_not_measured_again_keeps_its_figure() -> None:
    both = record("a", {"x": {"ms": 1.0}, "y": {"ms": 2.0}})
    found = publish.merged([both, record("a", {"x": {"ms": 3.0}})])
    assert found["results"][0]["median"] == {"x": {"ms": 3.0}, "y": {"ms": 2.0}}


def test_a_server_that_answered_wrong_this_time_loses_its_figure() -> None:
    found = publish.merged([record("a", {"x": {"ms": 1.0}}), record("a", {}, x="Refused: 3 hits")])
    assert found["results"][0]["median"] == {}


def test_only_what_lies_between_the_marks_is_written_anew() -> None:
    page = "before\n<!-- bars -->\nold\n<!-- end of bars -->\nafter\n"
    assert publish.between(page, "bars", "new \\1\n") == (
        "before\n<!-- bars -->\nnew \\1\n<!-- end of bars -->\nafter\n"
    )


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(SystemExit, match="no place for bars"):
        publish.between("nothing here", "bars", "new")


def test_the_page_of_the_project_has_every_place() -> None:
    text = (publish.DOCS / "performance.md").read_text()
    for name in ("machine", "bars", "growth"):
        assert publish.between(text, name, "x") != text
