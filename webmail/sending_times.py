"""When a message may be sent later: what is offered in the person's own zone, and how a moment is said.

Wall-clock times, as in webmail.snoozing, whose arithmetic this uses. Pure. Called by the views of compose.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import formats
from django.utils.translation import gettext as _

from webmail import snoozing

AFTERNOON = 13
MONDAY = 7  # days after this week's Monday
LONGEST = timedelta(days=366)
SOONEST = timedelta(minutes=2)  # what is due sooner is sent now, with the time to take it back


@dataclass(frozen=True, slots=True)
class Hours:
    """A person's own hours of the day: when their morning begins, and their evening."""

    morning: int = 8
    evening: int = 18


USUAL = Hours()


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of the menu. `at` in µs; `when` is the moment in words."""

    key: str
    label: str
    at: int
    when: str


def choices(now: datetime, hours: Hours = USUAL) -> tuple[Choice, ...]:
    """What is offered at `now` (aware, in the person's zone), soonest first."""
    today = now.replace(minute=0, second=0, microsecond=0)
    offered = [("tomorrow", _("Tomorrow morning"), _at(today, 1, hours.morning))]
    if now.hour < AFTERNOON:
        offered.append(("afternoon", _("This afternoon"), _at(today, 0, AFTERNOON)))
    else:
        offered.append(("tomorrow-afternoon", _("Tomorrow afternoon"), _at(today, 1, AFTERNOON)))
        offered.append(("evening", _("This evening"), _at(today, 0, hours.evening)))
    if now.weekday() != MONDAY - 1:  # on a Sunday tomorrow is Monday
        offered.append(("monday", _("Monday morning"), _at(today, MONDAY - now.weekday(), hours.morning)))
    found = [
        Choice(key, label, snoozing.micros(at), said(at, now))
        for key, label, at in offered
        if at - now >= SOONEST
    ]
    return tuple(sorted(found, key=lambda choice: choice.at))


def _at(day: datetime, days: int, hour: int) -> datetime:
    """An hour of a day by the clock on the wall; where a change of clocks skips it, the same moment after."""
    wall = (day.replace(tzinfo=None) + timedelta(days=days)).replace(hour=hour)
    return wall.replace(tzinfo=day.tzinfo).astimezone(UTC).astimezone(day.tzinfo)


def said(at: datetime, now: datetime) -> str:
    """ "today, 13:00", "tomorrow, 8:00", "Mon 30 November, 8:00"."""
    days = (at.date() - now.date()).days
    time = formats.date_format(at, "TIME_FORMAT")
    if days == 0:
        return _("today, %(time)s") % {"time": time}
    if days == 1:
        return _("tomorrow, %(time)s") % {"time": time}
    weekday = formats.date_format(at, "D")
    return _("%(weekday)s %(day)s, %(time)s") % {
        "weekday": weekday,
        "day": formats.date_format(at, "MONTH_DAY_FORMAT" if at.year == now.year else "DATE_FORMAT"),
        "time": time,
    }


def checked(at: int, now: datetime) -> datetime:
    """A moment that was asked for, in the person's zone; `snoozing.NotAhead` for one that is past or absurd."""
    try:
        moment = snoozing.moment(at).astimezone(now.tzinfo)
    except OverflowError as error:
        raise snoozing.NotAhead(str(at)[:40]) from error
    if not now < moment <= now + LONGEST:
        raise snoozing.NotAhead(str(at)[:40])
    return moment
