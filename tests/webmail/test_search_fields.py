"""The line of the search box and the fields of its form say the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.message.criteria import And, Criteria, Not, Or, Words
from tests.webmail.test_search_box import NAMES
from webmail.search_box import parse
from webmail.search_fields import WITHIN, Fields, around, changed, fields_of, terms, text_of

PIECES = st.sampled_from(
    'ada "ada lovelace" from: to: subject: label: in: is: has: larger: after: before: older_than: - + OR AND | ( ) { } '
    '" unread read attachment pdf 10M 500 2026/04/16 04/16/2026 2026-02-31 7d work/big me : foo: https://x.test inbox'.split(
        " "
    )
)
LINES = st.lists(st.tuples(PIECES, st.sampled_from(["", " "])), max_size=14).map(
    lambda parts: "".join(piece + gap for piece, gap in parts)
)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", Fields()),
        ("lunch -draft", Fields(has="lunch", without="draft")),
        ("from:(ada OR ben) to:me", Fields(from_="ada OR ben", to="me")),
        ('subject:"big plan" is:unread', Fields(subject='"big plan"', state="unread")),
        ("label:work/big has:pdf", Fields(place="label:work/big", attachment="pdf")),
        ("larger:1.5m", Fields(size_is="larger", size="1.5", unit="M")),
        ("smaller:300", Fields(size_is="smaller", size="300", unit="B")),
        ("newer:04/16/2026 before:2026-05-01", Fields(after="2026-04-16", before="2026-05-01")),
        ("older_than:6m newer_than:2y", Fields(older="6m", newer="2y")),
        # What no field can say stays as it is.
        ("a OR from:b", Fields(has="a OR from:b")),
        ("from:ada from:ben", Fields(from_="ada", has="from:ben")),
        ("from:{ada ben} is:purple larger:huge", Fields(has="from:{ada ben} is:purple larger:huge")),
        ('-from:ada ("x', Fields(without="from:ada", has='("x")')),
    ],
)
def test_a_line_fills_the_fields(text: str, fields: Fields) -> None:
    assert fields_of(text) == fields
    assert fields_of(text_of(fields)) == fields


@pytest.mark.parametrize("within", WITHIN)
def test_so_far_on_either_side_of_a_day_is_a_span_of_two_dates(within: str) -> None:
    after, before = around("2026-04-16", within)
    assert fields_of(text_of(Fields(after=after, before=before))).days() == (within, "2026-04-16")
    assert after < "2026-04-16" < before


def test_a_chip_changes_its_part_of_the_line_only() -> None:
    line = "from:ada lunch -draft"
    assert changed(line, state="unread") == "from:ada is:unread lunch -draft"
    assert changed(changed(line, state="unread"), state="") == line
    assert changed(line, from_="ben lee") == "from:(ben lee) lunch -draft"
    assert changed(line, older="7d", after="nonsense") == "from:ada older_than:7d lunch -draft"


@settings(max_examples=400, deadline=None)
@given(st.one_of(LINES, st.text(max_size=60)))
def test_fields_and_line_undo_each_other(text: str) -> None:
    fields = fields_of(text)
    assert fields_of(text_of(fields)) == fields


@settings(max_examples=400, deadline=None)
@given(LINES)
def test_the_line_that_the_fields_write_means_what_was_typed(text: str) -> None:
    assert _all(parse(text_of(fields_of(text)), NAMES).criteria) == _all(parse(text, NAMES).criteria)


@settings(max_examples=200, deadline=None)
@given(st.builds(Fields, *[st.text('ab "(){}:-+|OR', max_size=8)] * 14))
def test_whatever_is_typed_into_the_form_makes_a_line(fields: Fields) -> None:
    line = text_of(fields)
    parse(line, NAMES)
    assert fields_of(text_of(fields_of(line))) == fields_of(line)


@given(LINES)
def test_terms_written_again_are_the_same_terms(text: str) -> None:
    found = terms(text)
    assert [term.source for term in terms(" ".join(each.source for each in found))] == [
        each.source for each in found
    ]


def _all(criteria: Criteria) -> set[Criteria]:
    """What must hold, in any order; a phrase of one word is that word."""
    match criteria:
        case And(parts):
            return set().union(*map(_all, parts))
        case Or(parts):
            return {Or(tuple(And(tuple(sorted(_all(part), key=repr))) for part in parts))}
        case Not(part):
            return {Not(And(tuple(sorted(_all(part), key=repr))))}
        case Words(text, where, True, prefix) if " " not in text:
            return {Words(text, where, phrase=False, prefix=prefix)}
    return {criteria}
