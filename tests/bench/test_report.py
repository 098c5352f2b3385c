"""What the benchmark says of its figures."""

from typing import Any
from xml.etree import ElementTree

from bench import curves, plan, report, sets


def result(name: str, median: dict[str, dict[str, float]], bars: list[dict[str, Any]]) -> dict[str, Any]:
    return {"case": name, "title": name, "median": median, "bars": bars, "wrong": {}}


RATE = {"figure": "per_s", "ratio": 1.2, "limit": None, "faster": True}
TIME = {"figure": "ms", "ratio": 15, "limit": None, "faster": False}
LIMIT = {"figure": "ms", "ratio": None, "limit": 10, "faster": False}


def test_a_rate_is_compared_as_ours_over_theirs_and_a_time_the_other_way_round() -> None:
    assert report.judge(RATE, 240, 200) == ("1.2×", True)
    assert report.judge(RATE, 100, 200) == ("0.5×", False)
    assert report.judge(TIME, 10, 200) == ("20×", True)
    assert report.judge(TIME, 100, 200) == ("2×", False)


def test_without_the_peer_a_ratio_cannot_be_judged_but_a_limit_can() -> None:
    assert report.judge(RATE, 240, None) == ("–", None)
    assert report.judge(LIMIT, 9.5, None) == ("9.5", True)
    assert report.judge(LIMIT, 10.5, None) == ("10.5", False)


def test_the_table_names_every_bar_and_marks_what_missed_it() -> None:
    ours, theirs = {"per_s": 100.0, "ms": 12.0}, {"per_s": 200.0, "ms": 3.0}
    record = {"results": [result("x", {"mailstead/sqlite": ours, report.PEERS: theirs}, [RATE, LIMIT])]}
    lines = report.table(record).splitlines()
    assert lines[2] == "| x | per s | ≥ 1.2× | 100 | 0.5× ✗ | 200 |"
    assert lines[3] == "| x | ms | ≤ 10 | 12 | 12 ✗ | 3 |"


def test_a_wrong_answer_is_shown_and_never_counts_as_reached() -> None:
    record = {"results": [result("x", {}, [LIMIT]) | {"wrong": {"mailstead/sqlite": "Refused: 3 hits"}}]}
    record["results"].append(result("y", {"mailstead/sqlite": {"ms": 1.0}}, [LIMIT]))
    assert "Refused: 3 hits | ✗" in report.table(record)


def test_growth_is_judged_from_the_smallest_to_the_largest_mailbox() -> None:
    found = {"select": (1.0, 1.4), "search-body": (1.0, 3.0)}
    record = {
        "results": [
            result(f"growth-{name}", {"mailstead/sqlite": {"10000_ms": small, "1000000_ms": large}}, [])
            | {"title": name}
            for name, (small, large) in found.items()
        ]
    }
    table = report.table(record)
    assert "| select | 1 ms | 1.4 ms | 1.40 ✓ |" in table
    assert "| search-body | 1 ms | 3 ms | 3.00 ✗ |" in table


def test_curves_are_well_formed_and_every_label_has_its_own_line() -> None:
    found = {f"case <{n}>": [(10_000, 1.0 + n / 50), (1_000_000, 1.1 + n / 50)] for n in range(12)}
    picture = ElementTree.fromstring(curves.draw("A & B", found))
    texts = [node for node in picture.iter() if node.tag.endswith("text")]
    heights = [float(node.attrib["y"]) for node in texts if (node.text or "").startswith("case")]
    assert len(heights) == 12
    assert all(b - a > 10 for a, b in zip(sorted(heights), sorted(heights)[1:], strict=False))
    assert all(0 < height < curves.HEIGHT for height in heights)


def test_every_case_has_a_name_of_its_own_and_a_set_that_exists() -> None:
    found = plan.cases_for(list(sets.GROWTH))
    assert len({case.name for case in found}) == len(found)
    assert {case.set for case in found} <= sets.SETS.keys()
