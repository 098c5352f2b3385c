"""What one process allows, what several allow together, and what is left when one dies or nobody answers."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.limits.ledger import HOLD_SECONDS, SHARED_FROM, Lease, Ledger
from mta.limits.rates import Rate
from tests.mta.limits.meeting import Clock, Meeting

FIVE = Rate(5, 60)


def a_ledger(clock: Clock | None = None, **options: int) -> tuple[Ledger, Clock]:
    clock = clock or Clock(60 * 20_000.0)  # where a slot of a minute begins
    return Ledger(clock=clock, **options), clock


# --- one process


def test_a_rate_allows_its_number_and_says_how_long_to_wait() -> None:
    ledger, clock = a_ledger()
    assert [ledger.hit("a", rate=FIVE).left for _ in range(5)] == [4, 3, 2, 1, 0]
    refused = ledger.hit("a", rate=FIVE)
    assert not refused and 60 < refused.retry_after <= 120
    assert ledger.hit("b", rate=FIVE)
    clock.now += refused.retry_after - 0.1
    assert not ledger.peek("a", rate=FIVE)
    clock.now += 0.2
    assert ledger.hit("a", rate=FIVE)


def test_what_is_refused_is_not_counted_but_what_is_noted_is() -> None:
    ledger, clock = a_ledger()
    for _ in range(50):
        ledger.hit("hits", rate=FIVE)
        ledger.note("notes", rate=FIVE)
    clock.now += 90
    assert ledger.peek("hits", rate=FIVE).left == 2
    assert not ledger.peek("notes", rate=FIVE)


def test_the_slot_before_counts_for_the_part_that_is_still_in_the_window() -> None:
    ledger, clock = a_ledger()
    for _ in range(5):
        ledger.hit("a", rate=FIVE)
    clock.now += 60 + 36  # 40 % of it lies in the window: 2 of 5
    assert [bool(ledger.hit("a", rate=FIVE)) for _ in range(4)] == [True, True, True, False]


def test_several_at_once_are_allowed_together_or_not_at_all() -> None:
    ledger, _ = a_ledger()
    assert ledger.hit("a", 4, rate=FIVE)
    assert not ledger.hit("a", 2, rate=FIVE)
    assert ledger.hit("a", 1, rate=FIVE)


def test_no_limit_is_no_limit() -> None:
    ledger, _ = a_ledger()
    assert all(ledger.hit("a", rate=Rate(0, 60)) for _ in range(1000))
    assert all(isinstance(ledger.hold("a", most=0), Lease) for _ in range(1000))


def test_a_clock_that_is_set_back_begins_anew() -> None:
    ledger, clock = a_ledger()
    for _ in range(6):
        ledger.hit("a", rate=FIVE)
    clock.now -= 3600
    assert ledger.hit("a", rate=FIVE)


@given(st.lists(st.tuples(st.floats(0, 40), st.integers(1, 4)), max_size=200))
def test_no_window_ever_holds_more_than_twice_the_limit_and_no_slot_more_than_it(
    steps: list[tuple[float, int]],
) -> None:
    ledger, clock = a_ledger()
    done: list[float] = []
    for pause, n in steps:
        clock.now += pause
        if ledger.hit("a", n, rate=FIVE):
            done += [clock.now] * n
    for moment in done:
        assert sum(moment - 60 < each <= moment for each in done) <= 10
        assert sum(each // 60 == moment // 60 for each in done) <= 5


def test_forgetting_begins_anew() -> None:
    ledger, _ = a_ledger()
    for _ in range(6):
        ledger.hit("a", rate=FIVE)
    ledger.hit("ab", rate=FIVE)
    ledger.forget("a")
    assert ledger.peek("a", rate=FIVE).left == 5
    assert ledger.peek("ab", rate=FIVE).left == 4


def test_memory_is_bounded_and_the_oldest_go_first() -> None:
    ledger, _ = a_ledger(most_keys=100)
    for number in range(1000):
        ledger.hit(f"visitor {number}", rate=FIVE)
        ledger.note("attacker", rate=FIVE)
    assert len(ledger._counts) <= 100
    assert not ledger.peek("attacker", rate=FIVE)


def test_what_is_held_comes_back_with_its_lease_and_only_once() -> None:
    ledger, _ = a_ledger()
    leases = [ledger.hold("a", most=2) for _ in range(3)]
    assert leases[2] is None and ledger.held("a") == 2
    assert leases[0] is not None
    leases[0].release()
    leases[0].release()
    assert ledger.held("a") == 1
    assert ledger.hold("a", most=2) is not None
    assert ledger.hold("a", most=2) is None


def test_nothing_is_kept_of_what_nobody_holds() -> None:
    ledger, _ = a_ledger()
    for number in range(1000):
        lease = ledger.hold(f"visitor {number}", most=60)
        assert lease is not None
        lease.release()
    assert not ledger._held and not ledger._moved


def test_threads_count_exactly() -> None:
    ledger, _ = a_ledger()
    rate = Rate(1000, 60)
    allowed: list[int] = []

    def work() -> None:
        allowed.append(sum(bool(ledger.hit("a", rate=rate)) for _ in range(400)))

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(allowed) == 1000


# --- several processes


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 60),
    st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=1, max_size=20),
    st.randoms(use_true_random=False),
)
def test_together_they_allow_too_much_by_no_more_than_what_fits_between_two_exchanges(
    most: int, ticks: list[list[int]], random: object
) -> None:
    clock, meeting = Clock(60 * 20_000.0), Meeting()
    ledgers = [Ledger(clock=clock) for _ in range(3)]
    rate = Rate(most, 60)
    total = asked = 0
    for tick in ticks:
        turns = [ledger for ledger, n in zip(ledgers, tick, strict=True) for _ in range(n)]
        random.shuffle(turns)  # type: ignore[attr-defined]
        for ledger in turns:
            asked += 1
            total += bool(ledger.hit("a", rate=rate))
        for ledger in [*ledgers, *ledgers]:
            ledger.exchange(meeting)
    most_between = max(n for tick in ticks for n in tick)
    assert total <= most + 2 * (most_between + most // SHARED_FROM)
    assert total >= min(asked, most - 2 * (most // SHARED_FROM)) or most < 3


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["hit", "talk", "broken", "mended"])), max_size=80)
)
def test_nothing_that_was_counted_is_lost_or_told_twice_when_the_meeting_place_fails(
    steps: list[tuple[int, str]],
) -> None:
    clock, meeting = Clock(60 * 20_000.0), Meeting()
    ledgers = [Ledger(clock=clock) for _ in range(3)]
    rate = Rate(19, 60)
    noted = 0
    for who, what in steps:
        if what == "hit":
            ledgers[who].note("a", rate=rate)
            noted += 1
        elif what == "talk":
            try:
                ledgers[who].exchange(meeting)
            except ConnectionError:
                assert meeting.broken
        else:
            meeting.broken = what == "broken"
    meeting.broken = False
    for ledger in [*ledgers, *ledgers]:
        ledger.exchange(meeting)
    assert sum(meeting.counts.values()) == noted
    left = ledgers[0].peek("a", rate=rate)
    ledgers[0].exchange(meeting)
    assert ledgers[0].peek("a", rate=rate).left == max(0, 19 - noted) or not left


def test_while_nobody_answers_each_counts_for_itself() -> None:
    ledger, _ = a_ledger()
    meeting = Meeting()
    meeting.broken = True
    allowed = 0
    for _ in range(10):
        allowed += bool(ledger.hit("a", rate=FIVE))
        with pytest.raises(ConnectionError):
            ledger.exchange(meeting)
    assert allowed == 5


def test_small_change_is_not_shared_and_silence_costs_nothing() -> None:
    ledger, _ = a_ledger()
    meeting = Meeting()
    assert ledger.exchange(meeting) is False
    for number in range(100):
        ledger.hit(f"visitor {number}", rate=Rate(60, 60))
    ledger.exchange(meeting)
    assert not meeting.counts
    assert ledger.exchange(meeting) is False and meeting.trades == 1


def test_what_others_hold_counts_here_and_what_a_dead_one_held_ends_by_itself() -> None:
    clock, meeting = Clock(), Meeting()
    here, dies = Ledger(clock=clock), Ledger(clock=clock)
    for _ in range(3):
        assert dies.hold("a", most=4)
    dies.exchange(meeting)
    kept = here.hold("a", most=4)
    assert kept is not None
    here.exchange(meeting)
    assert here.held("a") == 4
    assert here.hold("a", most=4) is None
    clock.now += HOLD_SECONDS + 1  # its process is gone: nothing renews what it held
    here.exchange(meeting)
    assert here.hold("a", most=4) is not None


def test_what_lives_is_renewed() -> None:
    clock, meeting = Clock(), Meeting()
    here, other = Ledger(clock=clock), Ledger(clock=clock)
    leases = [other.hold("a", most=2) for _ in range(2)]
    for _ in range(10):
        other.exchange(meeting)
        clock.now += HOLD_SECONDS / 3
    here.hold("a", most=2)  # the first is free: nothing was heard yet
    here.exchange(meeting)
    assert here.hold("a", most=2) is None
    for lease in leases:
        assert lease is not None
        lease.release()
    other.exchange(meeting)
    here.exchange(meeting)
    assert here.hold("a", most=2) is not None


def test_the_last_word_of_a_process_frees_what_it_held() -> None:
    clock, meeting = Clock(), Meeting()
    here, other = Ledger(clock=clock), Ledger(clock=clock)
    assert other.hold("a", most=1)
    other.exchange(meeting)
    other.let_go(meeting)
    assert here.hold("a", most=1)
    here.exchange(meeting)
    assert here.held("a") == 1


def test_what_is_forgotten_in_one_process_is_forgotten_in_all() -> None:
    clock, meeting = Clock(), Meeting()
    here, other = Ledger(clock=clock), Ledger(clock=clock)
    for _ in range(5):
        other.hit("a", rate=FIVE)
    other.exchange(meeting)
    assert here.hit("a", rate=FIVE)
    here.exchange(meeting)
    assert not here.peek("a", rate=FIVE)
    other.forget("a")
    other.exchange(meeting)
    here.exchange(meeting)
    assert here.peek("a", rate=FIVE)
