"""What rooms beside the mail store keep of mailspaces that are gone: filters, and who they wrote with.

A mailspace goes with its mail, in `mta.mailstore`; these rooms hear nothing of it and are asked now and then. Run from
the beat; safe to run twice.
"""

from __future__ import annotations

from mta.correspondents import service as correspondents
from mta.filters import service as filters
from mta.mailstore import service as mailstore


def forget_gone() -> int:
    """Forget them; how many mailspaces."""
    gone = 0
    for room in (filters, correspondents):
        known = room.mailspaces()
        there = mailstore.clocks(known)
        for mailspace in sorted(known - there.keys()):
            room.forget(mailspace)
            gone += 1
    return gone
