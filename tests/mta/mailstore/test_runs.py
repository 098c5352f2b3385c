"""Runs of UIDs are sets, whatever is done to them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mta.mailstore import runs

uid_sets = st.sets(st.integers(1, 60), max_size=40)


def _of(uids: set[int]) -> runs.Runs:
    return runs.of(sorted(uids))


@given(uid_sets)
def test_runs_name_exactly_their_uids(uids: set[int]) -> None:
    found = _of(uids)
    assert list(runs.uids(found)) == sorted(uids)
    assert runs.count(found) == len(uids)
    assert all(left[1] + 1 < right[0] for left, right in pairwise(found))


@given(uid_sets)
def test_they_come_back_as_they_were_kept(uids: set[int]) -> None:
    assert runs.unpacked(runs.packed(_of(uids))) == _of(uids)


@given(uid_sets, uid_sets)
def test_a_union_holds_what_either_holds(one: set[int], other: set[int]) -> None:
    assert runs.union(_of(one), _of(other)) == _of(one | other)


@given(uid_sets, st.integers(1, 70))
def test_what_is_missing_and_what_is_there_make_up_all(uids: set[int], below: int) -> None:
    assert set(runs.uids(runs.missing(_of(uids), below=below))) == set(range(1, below)) - uids
