"""Wait for something that other processes do: ask again until it holds, and give up at a deadline.

eventually(lambda: "Lunch" in subjects(inbox), "the message arrives")
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

PATIENCE = (
    45.0  # seconds that every test may wait for what it looks at: a busy machine is no fault of the product
)


def eventually(
    look: Callable[[], Found], what: str, *, within: float = PATIENCE, every: float = 0.1
) -> Found:
    """The first true answer of `look`; AssertionError, with what was awaited, when the time is over."""
    within = max(within, PATIENCE)
    deadline = time.monotonic() + within
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {within:g} s: {what} (last seen: {found!r})")
        time.sleep(every)
    return found
