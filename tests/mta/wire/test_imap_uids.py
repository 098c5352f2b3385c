"""Uids behave like the sorted lists that they stand for, whatever their runs are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mta.wire.imap.uids import NONE, Uids

numbers = st.frozensets(st.integers(1, 40), max_size=25)
pairs = st.tuples(st.integers(0, 45), st.integers(0, 45))  # 0 stands for *
ranges = st.lists(pairs, max_size=5).map(tuple)


@given(numbers)
def test_they_are_a_sequence(given: frozenset[int]) -> None:
    plain, uids = sorted(given), Uids.of(given)
    assert list(uids) == plain
    assert len(uids) == len(plain)
    assert [uids[at] for at in range(len(plain))] == plain
    assert uids.last == (plain[-1] if plain else 0)
    assert [uids.index(uid) for uid in range(43)] == [
        plain.index(uid) if uid in plain else -1 for uid in range(43)
    ]
    assert [uids.below(uid) for uid in range(43)] == [sum(one < uid for one in plain) for uid in range(43)]
    assert Uids(uids.ranges) == uids == Uids.merged((uid, uid) for uid in given)


@given(numbers, st.integers(-30, 30), st.integers(-30, 30))
def test_slices_are_those_of_a_list(given: frozenset[int], first: int, last: int) -> None:
    assert list(Uids.of(given)[first:last]) == sorted(given)[first:last]


@given(numbers, numbers)
def test_they_are_sets(left: frozenset[int], right: frozenset[int]) -> None:
    one, other = Uids.of(left), Uids.of(right)
    for result, expected in (
        (one & other, left & right),
        (one.without(other), left - right),
        (one.plus(other), left | right),
    ):
        assert list(result) == sorted(expected)
        assert result == Uids.of(expected), "runs that touch are one"


@given(numbers, ranges)
def test_uid_sets_name_what_exists(given: frozenset[int], ranges: tuple[tuple[int, int], ...]) -> None:
    highest = max(given, default=0)
    wanted: set[int] = set()
    for low, high in ranges:
        ends = sorted((low or highest, high or highest))
        if ends[0]:
            wanted.update(range(ends[0], ends[1] + 1))
    assert list(Uids.of(given).by_uid(ranges)) == sorted(wanted & given)


@given(numbers, ranges)
def test_sequence_sets_name_positions(given: frozenset[int], ranges: tuple[tuple[int, int], ...]) -> None:
    plain, uids = sorted(given), Uids.of(given)
    assert uids.exceeds(ranges) == (not plain or any(max(pair) > len(plain) for pair in ranges))
    if uids.exceeds(ranges):
        return
    wanted = set()
    for low, high in ranges:
        ends = sorted((low or len(plain), high or len(plain)))
        wanted.update(plain[ends[0] - 1 : ends[1]])
    found = uids.by_sequence(ranges)
    assert found == Uids.of(wanted)
    assert list(uids.numbers(found)) == [plain.index(uid) + 1 for uid in found]


@given(numbers, numbers)
def test_numbers_are_those_of_messages_that_are_here(given: frozenset[int], some: frozenset[int]) -> None:
    plain = sorted(given)
    expected = [at for at, uid in enumerate(plain, start=1) if uid in some]
    assert Uids.of(given).numbers(Uids.of(some)) == Uids.of(expected)


def test_the_last_uid_of_all_has_its_place() -> None:
    uids = Uids([(1, 0xFFFFFFFF)])
    assert uids.index(0xFFFFFFFF) == 0xFFFFFFFE
    assert uids.last == 0xFFFFFFFF
    assert list(uids[-2:]) == [0xFFFFFFFE, 0xFFFFFFFF]
    assert not NONE
    assert NONE.last == 0
    assert NONE.exceeds(((0, 0),))
