"""What "tomorrow" means: the choices of the snooze menu, around ends of weeks and changes of clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail.snoozing import NotAhead, choices, named, picked

BERLIN = ZoneInfo("Europe/Berlin")
# Zones whose clocks change at night, at midnight, by half an hour, and one that skipped a whole day.
ZONES = [
    ZoneInfo(name)
    for name in (
        "Europe/Berlin",
        "America/New_York",
        "America/Santiago",
        "Africa/Cairo",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Asia/Kolkata",
        "UTC",
    )
]
MOMENTS = st.datetimes(datetime(2011, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


def said(day: int, hour: int, **hours: int) -> dict[str, str]:
    """The menu on a day of November 2026, of which the 23rd is a Monday."""
    now = datetime(2026, 11, day, hour, 30, tzinfo=BERLIN)
    return {each.name: each.at.strftime("%a %d %H:%M") for each in choices(now, **hours)}


def test_a_monday_morning_offers_all_of_them() -> None:
    assert said(23, 10) == {
        "today": "Mon 23 18:00",
        "tomorrow": "Tue 24 08:00",
        "week": "Thu 26 08:00",
        "weekend": "Sat 28 08:00",
        "next": "Mon 30 08:00",
    }


@pytest.mark.parametrize(
    ("day", "hour", "offered"),
    [
        (23, 18, ["tomorrow", "week", "weekend", "next"]),  # the evening has begun
        (25, 10, ["today", "tomorrow", "weekend", "next"]),  # Wednesday: Thursday is tomorrow
        (26, 10, ["today", "tomorrow", "weekend", "next"]),
        (27, 10, ["today", "tomorrow", "next"]),  # Friday: the weekend is tomorrow
        (28, 10, ["today", "tomorrow", "next"]),
        (29, 10, ["today", "tomorrow"]),  # Sunday: next week is tomorrow
    ],
)
def test_a_day_that_has_a_nearer_name_is_offered_once(day: int, hour: int, offered: list[str]) -> None:
    assert list(said(day, hour)) == offered


def test_morning_and_evening_are_the_persons_own() -> None:
    menu = said(23, 10, morning=6, evening=21)
    assert (menu["today"], menu["tomorrow"]) == ("Mon 23 21:00", "Tue 24 06:00")


@given(MOMENTS, st.sampled_from(ZONES), st.integers(0, 23), st.integers(0, 23))
def test_every_choice_is_ahead_once_and_at_its_hour(
    moment: datetime, zone: ZoneInfo, morning: int, evening: int
) -> None:
    now = moment.astimezone(zone)
    menu = choices(now, morning=morning, evening=evening)
    times = [each.micros for each in menu]
    assert times == sorted(set(times))
    for each in menu:
        ahead = each.at.astimezone(UTC) - moment
        assert timedelta(0) < ahead < timedelta(days=9)
        hour = evening if each.name == "today" else morning
        wall = each.at.replace(tzinfo=None)
        # The hour itself, or what follows the gap that swallowed it (a whole day, once, in Samoa).
        exists = wall.hour == hour and wall.minute == 0
        assert (
            exists
            or not _is_real(datetime.combine(wall.date(), wall.time()).replace(hour=hour, minute=0), zone)
            or (zone.key == "Pacific/Apia")
        )


def _is_real(wall: datetime, zone: ZoneInfo) -> bool:
    there = wall.replace(tzinfo=zone)
    return there.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wall


def test_the_night_of_a_change_keeps_the_hour() -> None:
    spring = datetime(2027, 3, 27, 22, 0, tzinfo=BERLIN)  # 23 hours until 22:00 tomorrow
    assert named("tomorrow", spring).isoformat() == "2027-03-28T08:00:00+02:00"
    assert named("tomorrow", spring, morning=2).isoformat() == "2027-03-28T03:00:00+02:00"  # there is no 2:00


def test_what_is_picked_is_read_by_the_persons_clock() -> None:
    now = datetime(2026, 11, 23, 10, 0, tzinfo=BERLIN)
    assert picked("2026-12-24T08:30", now).astimezone(UTC).isoformat() == "2026-12-24T07:30:00+00:00"


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "2026-11-23T09:59", "2026-13-01T08:00", "9999-12-31T23:59", "2026-11-24", "\0" * 50],
)
def test_what_is_past_or_no_time_is_refused(text: str) -> None:
    with pytest.raises(NotAhead):
        picked(text, datetime(2026, 11, 23, 10, 0, tzinfo=BERLIN))


def test_a_choice_that_is_over_is_refused() -> None:
    with pytest.raises(NotAhead):
        named("today", datetime(2026, 11, 23, 19, 0, tzinfo=BERLIN))
