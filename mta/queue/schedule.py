"""When a recipient is tried next: pure arithmetic, no clock and no rows.

    decide(outcome, attempts, now, expires, chance) -> Decision(state, next_attempt)

`attempts` counts the one just made. Times are µs since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass

from mta.queue.values import DEFERRED, DELIVERED, EXPIRED, FAILED, Outcome

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

# RFC 5321 §4.5.4.1: at least 30 minutes between tries in general, sooner at first, for 4 to 5 days.
STEPS = (5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR)
# A demonstration's visitor should see the second try while looking.
DEMO_STEPS = (20_000_000, 2 * MINUTE, *STEPS)

LIFETIME = 5 * DAY
LEASE = 20 * MINUTE
WARN_AFTER = 4 * HOUR

_JITTER = 0.1  # so that a thousand mails refused in one minute do not come back in one minute


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a recipient. `next_attempt` is None when it is settled."""

    state: str
    next_attempt: int | None


def delay(attempts: int, steps: tuple[int, ...] = STEPS) -> int:
    """How long to wait after that many attempts, without jitter."""
    return steps[min(max(attempts, 1), len(steps)) - 1]


def decide(
    outcome: Outcome,
    *,
    attempts: int,
    now: int,
    expires: int,
    chance: float = 0.5,
    steps: tuple[int, ...] = STEPS,
) -> Decision:
    """What an outcome means; `chance` in [0, 1) spreads the retries, 0.5 leaves the delay as it is.

    The last try is made when the time is up, not at the next step after it.
    """
    if outcome.state in (DELIVERED, FAILED):
        return Decision(outcome.state, None)
    if now >= expires:
        return Decision(EXPIRED, None)
    wait = delay(attempts, steps)
    wait += int(wait * _JITTER * (2 * chance - 1))
    return Decision(DEFERRED, min(now + wait, expires))
