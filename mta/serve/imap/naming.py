"""What a command's words mean in this session: flags as bits and keywords, number and UID sets as messages."""

from __future__ import annotations

from collections.abc import Sequence

from mta.serve.imap.replies import Bad
from mta.values import SYSTEM_FLAGS
from mta.wire.imap import sequences
from mta.wire.imap.uids import Uids
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


def chosen(selection: Selection, ranges: sequences.Ranges, *, uid: bool) -> Uids:
    """The UIDs a command names. Unknown UIDs are no error, unknown numbers are (RFC 3501 §6.4.8, §9)."""
    if ranges == sequences.SAVED:  # RFC 5182 §2.1; an empty result names nothing, and is no error
        return selection.saved & selection.uids
    if uid:
        return selection.uids.by_uid(ranges)
    if selection.uids.exceeds(ranges):
        raise Bad("There is no message of that number")
    return selection.uids.by_sequence(ranges)
