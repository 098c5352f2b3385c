"""Search: words in the index and in the unindexed tail, header text, flags, dates."""

from __future__ import annotations

import pytest

from mta.mailstore import service as mailstore
from mta.message import criteria as c
from mta.values import FLAGGED, SEEN

from .conftest import WEB, Space


@pytest.fixture(params=["indexed", "tail"])
def full(request: pytest.FixtureRequest, space: Space) -> Space:
    space.deliver(subject="Quarterly report", body="The zanzibar numbers are in.", flags=SEEN)
    space.deliver(subject="Mittagessen", body="Schöne Grüße aus Köln", sender="Jörg <joerg@koeln.test>")
    space.deliver(subject="会議", body="明日の会議は東京で行います。")
    other = Space(mailstore.create_mailspace())
    other.deliver(subject="Quarterly report", body="zanzibar secrets")
    if request.param == "indexed":
        while mailstore.index_pending():
            pass
    return space


def uids(space: Space, criteria: c.Criteria) -> list[int]:
    return mailstore.search_uids(space.id, space.box("inbox").id, criteria)


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        (c.Words("zanzibar"), [1]),
        (c.Words("ZANZI"), [1]),
        (c.Words("zanzi", prefix=False), []),
        (c.Words("numbers zanzibar"), [1]),
        (c.Words("zanzibar numbers", phrase=True), [1]),
        (c.Words("numbers zanzibar", phrase=True), []),
        (c.Words("zanzibar", where="subject"), []),
        (c.Words("quarterly", where="subject"), [1]),
        (c.Words("schone grusse"), [2]),
        (c.Words("koln"), [2]),
        (c.Words("jorg", where="from"), [2]),
        (c.Words("joerg", where="from"), [2]),
        (c.Words("ann", where="to"), [1, 2, 3]),
        (c.Words("東京"), [3]),
        (c.Words("会議", where="subject"), [3]),
        (c.Words('100% _ * " NEAR( OR'), []),
        (c.Words("'"), [1, 2, 3]),
        (c.Contains("subject", "arterly REP"), [1]),
        (c.Contains("from", "JÖRG"), [2]),
        (c.Contains("subject", "%"), []),
        (c.Contains("mime-version", "1.0"), [1, 2, 3]),
        (c.Flag("seen"), [1]),
        (c.Not(c.Flag("seen")), [2, 3]),
        (c.Or((c.Words("zanzibar"), c.Words("köln"))), [1, 2]),
        (c.And((c.Uids(((1, 2),)), c.Not(c.Words("zanzibar")))), [2]),
        (c.Since("sent", 1_700_000_000_000_000), [1, 2, 3]),
        (c.Before("sent", 1_700_000_000_000_000), []),
        (c.Larger(10), [1, 2, 3]),
        (c.HasAttachment(), []),
        (c.Keyword("$x"), []),
    ],
)
def test_each_criterion_finds_what_it_says(full: Space, criteria: c.Criteria, expected: list[int]) -> None:
    assert uids(full, criteria) == expected


def test_conversations_are_found_newest_first_and_trash_is_left_out(space: Space) -> None:
    for number in range(3):
        space.deliver(subject=f"alpha {number}", internal_date=1_000_000 * number)
    found = mailstore.search_threads(space.id, c.Words("alpha"), limit=2)
    assert [line.subject for line in found.rows] == ["alpha 2", "alpha 1"] and found.has_older
    last = found.rows[-1]
    older = mailstore.search_threads(space.id, c.Words("alpha"), before=(last.sort_at, last.thread), limit=2)
    assert [line.subject for line in older.rows] == ["alpha 0"] and not older.has_older
    mailstore.delete(space.id, [found.rows[0].thread], cause=WEB)
    assert len(mailstore.search_threads(space.id, c.Words("alpha")).rows) == 2
    assert len(mailstore.search_threads(space.id, c.Words("alpha"), include_junk_trash=True).rows) == 3


def test_messages_of_one_microsecond_are_all_indexed(space: Space) -> None:
    for number in range(5):
        space.deliver(subject=f"same{number}", internal_date=5_000_000, flags=FLAGGED)
    while mailstore.index_pending():
        pass
    assert [len(uids(space, c.Words(f"same{number}"))) for number in range(5)] == [1] * 5
