"""When a recipient is tried next."""

from itertools import pairwise

import pytest

from mta.queue.schedule import DAY, HOUR, LIFETIME, MINUTE, Decision, decide, delay
from mta.queue.values import DEFERRED, DELIVERED, EXPIRED, FAILED, Outcome

WAIT = Outcome(DEFERRED, "asked to wait", 451)


@pytest.mark.parametrize(
    ("attempts", "minutes"), [(1, 5), (2, 15), (3, 30), (4, 60), (5, 120), (6, 240), (7, 240), (99, 240)]
)
def test_the_waits_grow_to_four_hours_and_stay_there(attempts, minutes):
    assert delay(attempts) == minutes * MINUTE
    assert decide(WAIT, attempts=attempts, now=0, expires=LIFETIME) == Decision(DEFERRED, minutes * MINUTE)


def test_chance_spreads_a_retry_by_a_tenth_either_way():
    early = decide(WAIT, attempts=4, now=0, expires=DAY, chance=0.0)
    late = decide(WAIT, attempts=4, now=0, expires=DAY, chance=0.999)
    assert early.next_attempt == HOUR - HOUR // 10
    assert HOUR < late.next_attempt <= HOUR + HOUR // 10


def test_what_is_settled_is_not_tried_again():
    assert decide(Outcome(DELIVERED, "delivered"), attempts=1, now=0, expires=1) == Decision(DELIVERED, None)
    assert decide(Outcome(FAILED, "refused"), attempts=1, now=0, expires=1) == Decision(FAILED, None)


def test_five_days_of_refusals_end_in_expiry_after_a_last_try_at_the_end():
    now, tries = 0, []
    for attempts in range(1, 200):
        tries.append(now)
        decision = decide(WAIT, attempts=attempts, now=now, expires=LIFETIME)
        if decision.state == EXPIRED:
            break
        now = decision.next_attempt
    assert tries[-1] == LIFETIME
    assert 30 < len(tries) < 40
    assert all(before < after for before, after in pairwise(tries))
