"""What a command's words mean in this session: flags as bits and keywords, number and UID sets as messages."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from mta.serve.imap.replies import Bad
from mta.values import SYSTEM_FLAGS
from mta.wire.imap import sequences
from mta.wire.imap.view import Selection

_SYSTEM = {name.lower(): bit for name, bit in SYSTEM_FLAGS.items()}


def known_flags(flags: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """System flags as bits, the others as keywords (RFC 3501 §2.3.2). \\Recent cannot be set, only ignored."""
    bits = 0
    keywords: dict[str, str] = {}
    for flag in flags:
        low = flag.lower()
        if low in _SYSTEM:
            bits |= _SYSTEM[low]
        elif low != "\\recent":
            if flag.startswith("\\"):
                raise Bad("There is no such system flag")
            keywords.setdefault(low, flag)
    return bits, tuple(keywords.values())


def chosen(selection: Selection, ranges: sequences.Ranges, *, uid: bool) -> array[int]:
    """The UIDs a command names. Unknown UIDs are no error, unknown numbers are (RFC 3501 §6.4.8, §9)."""
    if uid:
        return selection.view.by_uid(ranges)
    if selection.view.exceeds(ranges):
        raise Bad("There is no message of that number")
    return selection.view.by_sequence(ranges)
