"""When a conversation that sleeps comes back: the choices that a person is offered, in their own zone.

Pure: takes the moment as the person's clock shows it, and the hours at which their morning and evening begin. Times
are wall-clock times: "tomorrow at 8" is 8 o'clock also when the clocks change tonight; where a change skips that hour,
the first moment after the gap. Never offers a time that is not later, nor one moment under two names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

THURSDAY, SATURDAY, MONDAY = 3, 5, 7  # days after this week's Monday
LONGEST = timedelta(days=366 * 5)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

TODAY, TOMORROW, THIS_WEEK, WEEKEND, NEXT_WEEK = "today", "tomorrow", "week", "weekend", "next"


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of the menu: a name, and the moment it means (aware, in the person's zone)."""

    name: str
    at: datetime

    @property
    def micros(self) -> int:
        return micros(self.at)


class NotAhead(ValueError):
    """A moment that is past, or so far away that it must be a slip."""


def micros(moment: datetime) -> int:
    """As the store keeps times: µs since the epoch."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def choices(now: datetime, *, morning: int = 8, evening: int = 18) -> tuple[Choice, ...]:
    """What is offered at `now` (aware, in the person's zone), soonest first."""
    taken: set[datetime] = set()
    offered = []
    for name, at in _candidates(now, morning, evening):
        moment = at.astimezone(UTC)
        if moment > now.astimezone(UTC) and moment not in taken:
            taken.add(moment)
            offered.append(Choice(name, at))
    return tuple(sorted(offered, key=lambda choice: choice.micros))


def _candidates(now: datetime, morning: int, evening: int) -> Iterator[tuple[str, datetime]]:
    weekday = now.weekday()
    yield TODAY, _on(now, 0, evening)
    yield TOMORROW, _on(now, 1, morning)
    for name, day in ((THIS_WEEK, THURSDAY), (WEEKEND, SATURDAY), (NEXT_WEEK, MONDAY)):
        if day - weekday > 1:  # today and tomorrow have names of their own
            yield name, _on(now, day - weekday, morning)


def _on(now: datetime, days: int, hour: int) -> datetime:
    """An hour of a day, by the clock on the wall."""
    wall = (now.replace(tzinfo=None) + timedelta(days=days)).replace(
        hour=hour, minute=0, second=0, microsecond=0
    )
    return _real(wall.replace(tzinfo=now.tzinfo))


def _real(moment: datetime) -> datetime:
    """A time that exists: what a change of clocks skips becomes the same moment by the new time."""
    return moment.astimezone(UTC).astimezone(moment.tzinfo)


def named(name: str, now: datetime, *, morning: int = 8, evening: int = 18) -> datetime:
    """The moment of a choice that is on offer now; NotAhead when it no longer is."""
    for choice in choices(now, morning=morning, evening=evening):
        if choice.name == name:
            return choice.at
    raise NotAhead(name)


def picked(text: str, now: datetime) -> datetime:
    """`2026-11-24T08:30`, as a date field sends it, by the person's clock; NotAhead for all that is no such time."""
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M")  # the zone follows
        at = _real(moment.replace(tzinfo=now.tzinfo))
    except (ValueError, OverflowError) as error:
        raise NotAhead(text[:40]) from error
    if not now < at <= now + LONGEST:
        raise NotAhead(text[:40])
    return at
