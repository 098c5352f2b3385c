"""The note that a receipt for a message is settled: the keyword `$MDNSent` (RFC 3503), set once.

Mail programs set and read the same keyword, so nobody gets a receipt twice.
"""

from __future__ import annotations

from mta.values import Cause

from . import keywords, rows
from .door import Door
from .errors import NoSuchMessage
from .live import new_action
from .writer import commit

SENT = "$MDNSent"


def note_receipt(mailspace: int, message: int, *, cause: Cause) -> bool:
    """Note it; False when somebody did so before."""

    def work(door: Door) -> bool:
        lives = rows.of_messages(mailspace, [message])
        if not lives:
            raise NoSuchMessage("That message is no longer here.")
        live = lives[0]
        have = keywords.split(live.keywords)
        if SENT.lower() in have:
            return False
        entry = door[mailspace].entry("receipt", cause, new_action())
        words = keywords.joined({**have, **keywords.checked([SENT])})
        door[mailspace].flag([live], entry, {message: (live.flags, words)})
        return True

    return commit({mailspace}, work)
