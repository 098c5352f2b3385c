"""The values of limits: a rate, the answer to a question, a stretch of time. Pure.

`Rate.parse("60/1m")` reads what an administrator writes. Used by `mta.limits` and by whoever asks it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import NamedTuple

LONGEST_KEY = 120

_RATE = re.compile(r"(\d{1,9})\s*/\s*(\d{0,6})\s*([smhd])")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class BadLimit(ValueError):
    """A setting that names a limit cannot be understood; the text says which and what is expected."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`most` times in `seconds`. `most` 0 means that there is no limit."""

    most: int
    seconds: float

    @classmethod
    def parse(cls, text: str, *, name: str) -> Rate:
        """`60/1m`, `60/m`, `1000/1h` → a rate; `off` → no limit."""
        if text.strip().lower() == "off":
            return cls(0, 60.0)
        match = _RATE.fullmatch(text.strip())
        length = int(match[2] or 1) if match else 0
        if match is None or not int(match[1]) or not length:
            raise BadLimit(f"{name}: {text!r} is not a rate such as 60/1m (times per s, m, h or d), or off")
        return cls(int(match[1]), length * _SECONDS[match[3]])

    @property
    def is_off(self) -> bool:
        return self.most <= 0

    def slot(self, key: str, now: float) -> Slot:
        return Slot(f"{short(key)}/{self.seconds:g}", self.seconds, int(now // self.seconds))


@dataclass(frozen=True, slots=True)
class Allowed:
    """Whether something may be done now, how often more, and if not, in how many seconds; how often it has been."""

    yes: bool
    left: int
    retry_after: float = 0.0
    used: int = 0

    def __bool__(self) -> bool:
        return self.yes


ALWAYS = Allowed(True, 1_000_000_000)


class Slot(NamedTuple):
    """One stretch of a key's time: from `number * seconds` on, on the clock that all hosts share."""

    key: str
    seconds: float
    number: int

    @property
    def before(self) -> Slot:
        return Slot(self.key, self.seconds, self.number - 1)

    @property
    def until(self) -> float:
        """From when on it has no weight in anything: the slot after it has ended, too."""
        return (self.number + 2) * self.seconds


def short(key: str) -> str:
    """A key of bounded length: what strangers put into it (names they sign in with) may be long."""
    key = key.replace("\0", "?")
    if len(key) <= LONGEST_KEY:
        return key
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:40]
    return f"{key[: LONGEST_KEY - 41]}~{digest}"
