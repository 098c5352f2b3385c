"""Search: words in the index and in the unindexed tail, header text, flags, dates."""

from __future__ import annotations

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mta.mailstore import finding, matching, query, relevance, rows, search
from mta.mailstore import service as mailstore
from mta.mailstore.errors import TooMuch
from mta.message import criteria as c
from mta.values import ANSWERED, DELETED, FLAGGED, SEEN

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


DAY = c.DAY


@pytest.fixture
def various(space: Space) -> Space:
    """Twelve messages that differ in everything that can be asked for."""
    for number in range(12):
        space.deliver(
            subject=["Quarterly report", "Lunch", "report on lunch"][number % 3],
            body=["zanzibar numbers", "numbers", "nothing"][number % 3] + f" unique{number}",
            sender=f"P{number % 4} <p{number % 4}@x.test>",
            flags=(SEEN if number % 2 else 0) | (FLAGGED if number % 5 == 0 else 0),
            internal_date=number * DAY,
        )
    box = space.box("inbox")
    mailstore.store_flags(space.id, box.id, [3, 4], "add", DELETED, ("$Later",), cause=WEB)
    mailstore.store_flags(space.id, box.id, [12], "add", ANSWERED, (), cause=WEB)
    while mailstore.index_pending(limit=7):
        if mailstore.search_uids(space.id, box.id, c.Words("unique6")):
            break  # some stay in the tail
    return space


LEAVES: dict[c.Criteria, set[int]] = {
    c.All(): set(range(1, 13)),
    c.Flag("seen"): {2, 4, 6, 8, 10, 12},
    c.Flag("flagged"): {1, 6, 11},
    c.Flag("deleted"): {3, 4},
    c.Flag("answered"): {12},
    c.Flag("draft"): set(),
    c.Keyword("$later"): {3, 4},
    c.Uids(((2, 5), (9, 20))): {2, 3, 4, 5, 9, 10, 11, 12},
    c.Uids(tuple((uid, uid) for uid in range(2, 500, 2))): {2, 4, 6, 8, 10, 12},
    c.Since("internal", 6 * DAY): {7, 8, 9, 10, 11, 12},
    c.Before("internal", 3 * DAY): {1, 2, 3},
    c.on("internal", 4 * DAY): {5},
    c.Since("saved", 20 * DAY): set(range(1, 13)),
    c.Before("saved", 20 * DAY): set(),
    c.Since("sent", 20 * DAY): set(range(1, 13)),
    c.Words("zanzibar"): {1, 4, 7, 10},
    c.Words("zanzibar numbers", phrase=True): {1, 4, 7, 10},
    c.Words("numbers", "body"): {1, 2, 4, 5, 7, 8, 10, 11},
    c.Words("'"): set(range(1, 13)),
    c.Contains("subject", "eport"): {1, 3, 4, 6, 7, 9, 10, 12},
    c.Contains("from", "p2@"): {3, 7, 11},
    c.Contains("subject", "nowhere"): set(),
    c.Contains("mime-version", "1"): set(range(1, 13)),
    c.Contains("x-nothing", ""): set(),
    c.Contains("message-id", "<none@x.test>"): set(),
    c.Larger(1): set(range(1, 13)),
    c.Smaller(1): set(),
    c.HasAttachment(): set(),
    c.ModSeq(1): set(range(1, 13)),
}
TREES = st.recursive(
    st.sampled_from(list(LEAVES)),
    lambda inner: st.one_of(
        st.builds(c.Not, inner),
        st.builds(c.And, st.lists(inner, min_size=1, max_size=4).map(tuple)),
        st.builds(c.Or, st.lists(inner, min_size=1, max_size=4).map(tuple)),
    ),
    max_leaves=8,
)


def expected(node: c.Criteria) -> set[int]:
    if node in LEAVES:
        return LEAVES[node]
    match node:
        case c.Not(part):
            return set(range(1, 13)) - expected(part)
        case c.And(parts):
            return set.intersection(*map(expected, parts))
        case c.Or(parts):
            return set.union(*map(expected, parts))
    raise TypeError


@pytest.mark.parametrize("small", [200, 0], ids=["a small mailbox", "a large one"])
@pytest.mark.parametrize("few", [5_000, 2], ids=["few", "many"])
def test_criteria_mean_together_what_they_mean_alone(
    various: Space, monkeypatch: pytest.MonkeyPatch, small: int, few: int
) -> None:
    monkeypatch.setattr(query, "SMALL", small)
    monkeypatch.setattr(query, "FEW_WORDS", few)
    monkeypatch.setattr(matching, "FEW", few)
    for leaf, hits in LEAVES.items():
        assert set(uids(various, leaf)) == hits, leaf

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(TREES)
    def asked(tree: c.Criteria) -> None:
        assert uids(various, tree) == sorted(expected(tree))

    asked()


def test_what_is_true_of_most_messages_is_answered_by_the_others(various: Space) -> None:
    box = various.box("inbox").id
    found = mailstore.search(various.id, box, c.Not(c.Flag("deleted")))
    assert found.others and set(found.uids) == {3, 4}
    found = mailstore.search(various.id, box, c.And((c.Not(c.Flag("deleted")), c.Flag("flagged"))))
    assert not found.others and set(found.uids) == {1, 6, 11}


def test_a_copy_has_the_same_email_id(space: Space) -> None:
    message = space.deliver(subject="one")
    space.deliver(subject="two")
    box = space.box("inbox")
    mailstore.copy(space.id, box.id, [1], box.id, cause=WEB)
    assert uids(space, c.HasEmailId(message)) == [1, 3]
    assert uids(space, c.HasEmailId(message + 1_000_000)) == []


def test_pages_of_a_search_hold_each_conversation_once(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """Walked through from the newest, and looked at all together: the same pages."""
    for number in range(30):
        space.deliver(
            subject=f"{'Re: ' if number > 9 else ''}topic {number % 10}",
            body="common word" + (" special" if number % 4 == 0 else ""),
            internal_date=(number % 7) * DAY + number,
        )
    while mailstore.index_pending():
        pass
    asked: list[c.Criteria] = [
        c.Words("common"),
        c.And((c.Words("common"), c.Words("special"))),
        c.Not(c.Words("special")),
    ]

    def pages(criteria: c.Criteria) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        before = None
        while True:
            page = mailstore.search_threads(space.id, criteria, before=before, limit=3)
            found += [(line.sort_at, line.thread) for line in page.rows]
            if not page.has_older:
                return found
            before = found[-1] if page.reached is None else (page.reached + 1, 0)

    together = [pages(each) for each in asked]
    monkeypatch.setattr(matching, "FEW", 2)
    monkeypatch.setattr(finding, "FEW", 4)
    monkeypatch.setattr(finding, "FIRST_PIECE", 2)
    monkeypatch.setattr(finding, "PATIENCE", 600.0)  # a busy machine must not make short pages of these
    monkeypatch.setattr(finding, "LONGEST", 600.0)  # nor give up
    assert [pages(each) for each in asked] == together
    monkeypatch.setattr(finding, "PATIENCE", 0.0)
    assert [pages(each) for each in asked] == together, "in however many pages it is found"
    for found in together:
        assert found == sorted(found, reverse=True)
        assert len({thread for _, thread in found}) == len(found)


def test_a_search_says_how_many_if_they_are_not_too_many(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        space.deliver(subject=f"alpha{number}")
    assert mailstore.search_threads(space.id, c.Words("alpha"), limit=2).total == 4
    monkeypatch.setattr(finding, "COUNTED", 3)
    assert mailstore.search_threads(space.id, c.Words("alpha"), limit=2).total is None


def test_words_that_must_all_be_there_are_one_question() -> None:
    def word(text: str, **how: object) -> c.Words:
        return c.Words(text, **{"prefix": False, **how})  # type: ignore[arg-type]

    phrase = word("big plan", phrase=True)
    asked = c.And(
        (word("a"), c.And((word("b", where="from"), phrase)), word("c"), c.Not(c.And((word("d"), word("e")))))
    )
    assert search.together(asked) == c.And((word("a c"), word("b", where="from"), phrase, c.Not(word("d e"))))
    assert search.together(c.Or((word("a"), word("b")))) == c.Or((word("a"), word("b")))
    many = search.together(c.And(tuple(word(f"w{number}") for number in range(100))))
    assert isinstance(many, c.And) and len(many.parts) == 2


def test_a_search_that_takes_too_long_gives_up(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    space.deliver(subject="alpha")
    monkeypatch.setattr(matching, "LONGEST", -1.0)
    with pytest.raises(TooMuch):
        uids(space, c.Words("alpha"))


def test_nobody_waits_for_a_walk_through_all_mail(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(8):
        space.deliver(subject=f"topic {number}", internal_date=number * DAY)
    space.deliver(subject="the oldest", body="larger " * 3_000, internal_date=-1)
    monkeypatch.setattr(matching, "FEW", 1)
    monkeypatch.setattr(finding, "FEW", 2)
    monkeypatch.setattr(finding, "FIRST_PIECE", 2)
    monkeypatch.setattr(finding, "PATIENCE", 0.0)
    first = mailstore.search_threads(space.id, c.Larger(10_000))
    assert (first.rows, first.has_older, first.reached) == ((), True, 6 * DAY)
    monkeypatch.setattr(relevance, "PATIENCE", 0.0)
    best = mailstore.search_threads(space.id, c.Larger(10_000), best_from=0)
    assert (best.rows, best.has_older, best.reached) == ((), True, 6 * DAY)
    monkeypatch.setattr(finding, "PATIENCE", 20.0)
    rest = mailstore.search_threads(space.id, c.Larger(10_000), before=(6 * DAY + 1, 0))
    assert ([line.subject for line in rest.rows], rest.reached) == (["the oldest"], None)


def test_what_is_not_indexed_in_time_is_counted(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        space.deliver(subject=f"alpha {number}")
    monkeypatch.setattr(finding, "READING", 0.0)
    monkeypatch.setattr(finding, "TAIL", 1)
    page = mailstore.search_threads(space.id, c.Words("alpha"))
    assert ([line.subject for line in page.rows], page.waiting) == (["alpha 3"], 3)
    monkeypatch.undo()
    page = mailstore.search_threads(space.id, c.Words("alpha"))
    assert (len(page.rows), page.waiting) == (4, 0)


def test_a_question_that_holds_up_the_index_is_given_up(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has a clock of its own")
    space.deliver(subject="alpha")
    monkeypatch.setattr(finding, "LONGEST", -1.0)
    monkeypatch.setattr(rows, "STEPS", 1)
    with pytest.raises(TooMuch):
        mailstore.search_threads(space.id, c.Words("alpha"))


ODD = [
    "\0",
    "a\0b",
    "<\0@x>",
    "\ud800",
    "%",
    "_",
    "'",
    '"',
    "\\",
    "NEAR(",
    "*",
    "x" * 20_000,
    "é" * 300,
    "{body} : x",
    "",
]


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_a_search_takes_any_text(space: Space, text: str) -> None:
    space.deliver(subject="plain")
    while mailstore.index_pending():
        pass
    for header in ("subject", "from", "cc", "message-id", "references", "list-id", "date", "x-own"):
        uids(space, c.Contains(header, text))
        uids(space, c.Contains(header, f"<{text}>"))
    for where in ("any", "body", "to", "cc", "filename"):
        for phrase in (True, False):
            uids(space, c.Words(text, where, phrase=phrase))  # type: ignore[arg-type]
            mailstore.search_threads(space.id, c.Words(f"plain {text}", where, phrase=phrase))  # type: ignore[arg-type]
    uids(space, c.Keyword(text))
