"""Results by how well they match; what lies in Spam and Trash; walks along the indexes of dates and files."""

from __future__ import annotations

import pytest

from mta.mailstore import relevance
from mta.mailstore import service as mailstore
from mta.message import criteria as c
from mta.values import FLAGGED
from tests.mta.mailstore.conftest import Space

DAY = 86_400_000_000


@pytest.fixture(params=["indexed", "not yet indexed"])
def settle(request: pytest.FixtureRequest) -> object:
    def run() -> None:
        while request.param == "indexed" and mailstore.index_pending():
            pass

    return run


def found(space: Space, criteria: c.Criteria, **how: object) -> list[str]:
    return [line.subject for line in mailstore.search_threads(space.id, criteria, **how).rows]  # type: ignore[arg-type]


def test_a_word_in_the_subject_says_more_than_one_in_a_long_body(space: Space, settle: object) -> None:
    space.deliver(subject="Lamp", body="short", message_id="1@x")
    space.deliver(subject="Lamps and lamp", body="lamp lamp", message_id="2@x")
    space.deliver(subject="Else", body="lamp " + "word " * 500, message_id="3@x")
    space.deliver(subject="Chair", body="nothing", message_id="4@x")
    settle()  # type: ignore[operator]
    lamp = c.Words("lamp", prefix=False)
    assert found(space, lamp) == ["Else", "Lamps and lamp", "Lamp"]
    assert found(space, lamp, best_from=0)[-1] == "Else"
    assert len(found(space, lamp, best_from=0)) == 3
    assert found(space, lamp, best_from=1, limit=1) == found(space, lamp, best_from=0)[1:2]
    rare = c.And((lamp, c.Or((c.Words("short"), c.Words("much")))))
    assert found(space, rare, best_from=0) == ["Lamp"]


def test_only_the_newest_matches_are_ranked(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relevance, "RANKED", 2)
    for number in range(4):
        space.deliver(subject=f"Lamp {number}", message_id=f"{number}@x", internal_date=number * DAY)
    page = mailstore.search_threads(space.id, c.Words("lamp"), best_from=0)
    assert sorted(line.subject for line in page.rows) == ["Lamp 2", "Lamp 3"]
    assert page.total == 2


def test_a_search_knows_whether_spam_or_trash_hold_a_match(space: Space, settle: object) -> None:
    lamp = c.Words("lamp")
    space.deliver(subject="Lamp", message_id="1@x")
    space.deliver("trash", subject="Chair", message_id="2@x")
    settle()  # type: ignore[operator]
    assert not mailstore.search_threads(space.id, lamp).aside
    assert mailstore.search_threads(space.id, c.Not(c.Flag("seen"))).aside
    space.deliver("junk", subject="Lamp", message_id="3@x")
    assert mailstore.search_threads(space.id, lamp).aside
    assert mailstore.search_threads(space.id, c.And((lamp, c.Not(c.Words("chair"))))).aside
    assert mailstore.search_threads(space.id, lamp, best_from=0).aside
    assert not mailstore.search_threads(space.id, lamp, include_junk_trash=True).aside
    assert not mailstore.search_threads(space.id, c.And((lamp, c.Words("chair")))).aside


def test_dates_stars_and_files_are_walked_along(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mta.mailstore.finding.FEW", 2)
    monkeypatch.setattr("mta.mailstore.matching.FEW", 2)
    for number in range(9):
        space.deliver(
            subject=f"Lamp {number}",
            message_id=f"{number}@x",
            internal_date=number * DAY,
            flags=FLAGGED if number % 2 else 0,
        )
    before, since = c.Before("internal", 6 * DAY), c.Since("internal", 2 * DAY)
    assert found(space, before) == [f"Lamp {number}" for number in (5, 4, 3, 2, 1, 0)]
    assert found(space, c.And((before, since))) == [f"Lamp {number}" for number in (5, 4, 3, 2)]
    assert found(space, c.And((before, since, c.Flag("flagged")))) == ["Lamp 5", "Lamp 3"]
    assert found(space, c.And((before, c.Words("lamp")))) == [
        f"Lamp {number}" for number in (5, 4, 3, 2, 1, 0)
    ]
    page = mailstore.search_threads(space.id, before, limit=2)
    rest = mailstore.search_threads(
        space.id, before, limit=9, before=(page.rows[-1].sort_at, page.rows[-1].thread)
    )
    assert [line.subject for line in rest.rows] == [f"Lamp {number}" for number in (3, 2, 1, 0)]
    assert found(space, c.HasAttachment()) == []
