"""Criteria survive being kept as JSON, and nothing else is taken for criteria."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.message import criteria as c

NUMBERS = st.integers(-c.MAX_NUMBER, c.MAX_NUMBER)
TEXTS = st.text(max_size=20)
RANGES = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=4).map(tuple)
DATES = st.sampled_from(["internal", "sent", "saved"])
LEAVES = st.one_of(
    st.just(c.All()),
    st.just(c.HasAttachment()),
    st.sampled_from(["seen", "answered", "flagged", "draft", "deleted", "recent"]).map(c.Flag),
    TEXTS.map(c.Keyword),
    st.builds(c.Contains, TEXTS, TEXTS),
    st.builds(
        c.Words, TEXTS, st.sampled_from(["any", "from", "bcc", "filename"]), st.booleans(), st.booleans()
    ),
    NUMBERS.map(c.Larger),
    NUMBERS.map(c.Smaller),
    st.builds(c.Since, DATES, NUMBERS),
    st.builds(c.Before, DATES, NUMBERS),
    NUMBERS.map(c.Older),
    NUMBERS.map(c.Younger),
    RANGES.map(c.Uids),
    RANGES.map(c.Sequence),
    NUMBERS.map(c.InMailbox),
    NUMBERS.map(c.InThread),
    NUMBERS.map(c.HasEmailId),
    NUMBERS.map(c.ModSeq),
)
CRITERIA = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(tuple).map(c.And),
        st.lists(inner, max_size=4).map(tuple).map(c.Or),
        inner.map(c.Not),
    ),
    max_leaves=12,
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | TEXTS
    | st.sampled_from(["and", "flag"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=10,
)


@given(CRITERIA)
def test_what_is_kept_comes_back_the_same(criteria: c.Criteria) -> None:
    assert c.load(json.loads(json.dumps(c.dump(criteria)))) == criteria


@given(JSON)
def test_anything_else_is_a_value_error_or_a_criterion(stored: object) -> None:
    try:
        criteria = c.load(stored)
    except ValueError:
        return
    assert c.load(c.dump(criteria)) == criteria


@pytest.mark.parametrize(
    "stored",
    [
        ["flag", "unheard-of"],
        ["words", "a", "anywhere", False, True],
        ["words", "a", "any", 1, 0],
        ["larger", True],
        ["larger", 2**63],
        ["contains", "subject", "x" * (c.MAX_TEXT + 1)],
        ["uids", [[1, 2, 3]]],
        ["not"],
        ["and", ["all"]],
        ["and", [["all"]] * (c.MAX_NODES + 1)],
    ],
)
def test_a_value_of_the_wrong_kind_or_size_is_refused(stored: object) -> None:
    with pytest.raises(ValueError):
        c.load(stored)


def test_what_is_nested_too_deep_is_refused() -> None:
    stored: list[object] = ["all"]
    for _ in range(c.MAX_DEPTH + 1):
        stored = ["not", stored]
    with pytest.raises(ValueError):
        c.load(stored)
