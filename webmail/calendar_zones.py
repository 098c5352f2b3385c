"""The time zones that a calendar brings along (VTIMEZONE, RFC 5545 §3.6.5), bounded, and each calendar's own.

The icalendar library keeps such a zone for the whole process under the name that the calendar gives it: whoever sends
the first "W. Europe Standard Time" would set the clocks of everybody's later invitations. And it walks the zone's rules
from their first day: a rule for every second takes hours and all memory. So each calendar is read with zones of its
own, one calendar at a time, and a zone has few rules, each of a few days in a year; else it is no calendar to us.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from icalendar.timezone import tzp
from icalendar.timezone.zoneinfo import ZONEINFO

MOST_RULES = 20  # of one calendar
MOST_DATES = 1000
_PARTS = frozenset(("FREQ", "INTERVAL", "UNTIL", "COUNT", "WKST", "BYMONTH", "BYDAY", "BYMONTHDAY"))
_turn = threading.Lock()


class _Zones(ZONEINFO):
    """Zones as the library makes them, of rules that are cheap to walk."""

    def __init__(self) -> None:
        self._rules = 0

    def create_timezone(self, tz: Any) -> Any:  # type: ignore[override]  # as the library itself
        dates = 0
        for part in tz.walk():
            for name in part:
                if name.upper() in ("RRULE", "EXRULE"):
                    rules = part[name] if isinstance(part[name], list) else [part[name]]
                    self._rules += len(rules)
                    if self._rules > MOST_RULES or not all(map(_is_yearly, rules)):
                        raise ValueError("a time zone with rules that nobody needs")
                elif name.upper() in ("RDATE", "EXDATE"):
                    lists = part[name] if isinstance(part[name], list) else [part[name]]
                    dates += sum(len(getattr(each, "dts", "x")) for each in lists)
        if dates > MOST_DATES:
            raise ValueError("a time zone of too many days")
        return super().create_timezone(tz)


def _is_yearly(rule: Any) -> bool:
    """Whether a rule is for a few days of one month: "the last Sunday in March"."""
    if not hasattr(rule, "items"):
        return False
    parts = {str(name).upper(): value if isinstance(value, list) else [value] for name, value in rule.items()}
    return (
        parts.keys() <= _PARTS
        and [str(each).upper() for each in parts.get("FREQ", ())] == ["YEARLY"]
        and parts.get("INTERVAL", [1]) == [1]  # with 0, time stands still and the walk never ends
        and len(parts.get("BYMONTH", ())) <= 1
        and len(parts.get("BYDAY", ())) <= 1
        and len(parts.get("BYMONTHDAY", ())) <= 7
        and ("BYMONTH" in parts or parts.keys().isdisjoint(("BYDAY", "BYMONTHDAY")))
    )


@contextmanager
def zones_of_one_calendar() -> Iterator[None]:
    """While it is read, a calendar knows the zones of the world and those that it brings along."""
    with _turn:
        tzp.use(_Zones())
        yield
