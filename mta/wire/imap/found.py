"""What a SEARCH or SORT found, as its answer: SEARCH and SORT lines, ESEARCH with all its options, `$`.

Pure. Messages are named by UIDs here; `Named` turns them into the numbers that the client asked for. A SEARCH's
result is a set (`Uids`, in rising order), a SORT's is a list in the order asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mta.wire.imap import responses, sequences
from mta.wire.imap.search import Returns
from mta.wire.imap.uids import NONE, Uids

Found = Uids | Sequence[int]


@dataclass(frozen=True, slots=True)
class Named:
    """How the client wants messages named: by UID, or by their numbers among `told`."""

    told: Uids
    uid: bool

    def one(self, uid: int) -> int:
        return uid if self.uid else self.told.index(uid) + 1

    def all(self, found: Found) -> Found:
        if self.uid:
            return found
        if isinstance(found, Uids):
            return self.told.numbers(found)
        index = self.told.index
        return [index(uid) + 1 for uid in found]


def plain(command: bytes, found: Found, named: Named, *, modseq: int = 0) -> bytes:
    """RFC 3501 §7.2.5 `* SEARCH`, RFC 5256 §4 `* SORT`; `modseq` by RFC 7162 §3.1.5, §3.1.6."""
    numbers = b"".join([b" %d" % number for number in named.all(found)])
    return b"* " + command + numbers + (b" (MODSEQ %d)" % modseq if modseq and found else b"") + b"\r\n"


def extended(tag: str, found: Found, returns: Returns, named: Named, *, modseq: int = 0) -> bytes:
    """RFC 4731 §3.1 ESEARCH; b"" when only SAVE was asked for (RFC 5182 §2.1)."""
    options = returns.options
    if options == {"SAVE"} and returns.partial is None:
        return b""
    parts = [b"* ESEARCH (TAG " + responses.quoted(tag.encode()) + b")"]
    if named.uid:
        parts.append(b"UID")
    if found:  # RFC 4731 §3.1: with no result, only COUNT (and PARTIAL) is there
        if "MIN" in options:
            parts.append(b"MIN %d" % named.one(found[0]))
        if "MAX" in options:
            parts.append(b"MAX %d" % named.one(found[-1]))
        if "ALL" in options:
            parts.append(b"ALL " + _set(found, named))
    if "COUNT" in options:
        parts.append(b"COUNT %d" % len(found))
    if returns.partial is not None:
        piece = partial(found, returns.partial)
        parts.append(b"PARTIAL (%d:%d %b)" % (*returns.partial, _set(piece, named) if piece else b"NIL"))
    if modseq and found:
        parts.append(b"MODSEQ %d" % modseq)
    return b" ".join(parts) + b"\r\n"


def _set(found: Found, named: Named) -> bytes:
    numbers = named.all(found)
    return sequences.show(numbers.ranges) if isinstance(numbers, Uids) else sequences.show_numbers(numbers)


def partial(found: Found, wanted: tuple[int, int]) -> Found:
    """RFC 9394 §3.1: a page from the front (1:100) or from the end (-1:-100), in the order of the result."""
    low, high = sorted(map(abs, wanted))
    if wanted[0] > 0:
        return found[low - 1 : high]
    return found[max(0, len(found) - high) : max(0, len(found) - low + 1)]


def counting(found: Found, returns: Returns | None) -> Found:
    """The messages whose mod-sequences the answer's MODSEQ is the highest of (RFC 7162 §3.1.10)."""
    if returns is None or returns.partial or not returns.options.isdisjoint({"ALL", "COUNT"}):
        return found
    return _ends(found, returns) or found


def to_save(found: Found, returns: Returns) -> Uids:
    """What `$` stands for from now on (RFC 5182 §2.4, RFC 9394 §3.1)."""
    if not returns.options.isdisjoint({"ALL", "COUNT"}) or (
        returns.partial is None and returns.options == {"SAVE"}
    ):
        return as_uids(found)
    saved = Uids.of(_ends(found, returns))
    return saved.plus(as_uids(partial(found, returns.partial))) if returns.partial else saved


def _ends(found: Found, returns: Returns) -> list[int]:
    if not found:
        return []
    return [found[at] for option, at in (("MIN", 0), ("MAX", -1)) if option in returns.options]


def as_uids(found: Found) -> Uids:
    return found if isinstance(found, Uids) else Uids.of(found) if found else NONE
