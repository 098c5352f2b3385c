"""Values as the bytes of a response (RFC 3501 §7 and §9). Pure; the only place that quotes.

Nothing a client or a message says can end a line early: every text passes `quoted`, `literal` or
`_one_line`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from mta.values import (
    ANSWERED,
    ARCHIVE,
    DELETED,
    DRAFT,
    DRAFTS,
    FLAGGED,
    JUNK,
    SEEN,
    SENT,
    TRASH,
    MailboxInfo,
)
from mta.wire.imap import names, sequences
from mta.wire.imap.uids import Uids

MAX_QUOTED = 1000

# RFC 6154 §2, for those of our roles that have one.
SPECIAL_USE = {
    DRAFTS: b"\\Drafts",
    SENT: b"\\Sent",
    ARCHIVE: b"\\Archive",
    JUNK: b"\\Junk",
    TRASH: b"\\Trash",
}
FLAG_NAMES = (
    (SEEN, b"\\Seen"),
    (ANSWERED, b"\\Answered"),
    (FLAGGED, b"\\Flagged"),
    (DRAFT, b"\\Draft"),
    (DELETED, b"\\Deleted"),
)
RECENT = 32  # a bit beside those of values: only ever printed, never stored
# Every combination of flags, printed once: FETCH 1:* FLAGS is a table look-up per message.
_FLAGS = tuple(
    b" ".join([name for bit, name in FLAG_NAMES if bits & bit] + ([b"\\Recent"] if bits & RECENT else []))
    for bits in range(64)
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_QUOTABLE = bytes(set(range(0x20, 0x7F)) - set(b'"\\'))
_ATOM = bytes(set(_QUOTABLE) - set(b" (){%*]"))


def flags(bits: int, keywords: Sequence[str] = ()) -> bytes:
    """The inside of a FLAGS list; `bits` may include RECENT."""
    if not keywords:
        return _FLAGS[bits]
    words = " ".join(keywords).encode("ascii", "replace")
    return _FLAGS[bits] + b" " + words if bits else words


def quoted(text: bytes) -> bytes:
    """A string: quoted if it can be, else a literal (RFC 3501 §4.3)."""
    if not text.translate(None, _QUOTABLE):
        return b'"' + text + b'"'
    if (
        len(text) <= MAX_QUOTED
        and text.isascii()
        and not any(octet < 0x20 or octet == 0x7F for octet in text)
    ):
        return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return literal(text)


def literal(data: bytes) -> bytes:
    return b"{%d}\r\n%b" % (len(data), data)


def quoted_utf8(text: bytes) -> bytes:
    """The same for a client that takes UTF-8 in quoted strings (RFC 9051 §4.3, RFC 6855 §3)."""
    if len(text) > MAX_QUOTED or any(octet < 0x20 or octet == 0x7F for octet in text):
        return literal(text)
    try:
        text.decode()
    except UnicodeDecodeError:
        return literal(text)
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def mailbox(name: str, *, utf8: bool = False) -> bytes:
    """A mailbox name: an atom where it can be, else quoted; in modified UTF-7, which is ASCII, or UTF-8."""
    wire = names.encode(name, utf8=utf8)
    if wire and not wire.translate(None, _ATOM):
        return wire
    return quoted_utf8(wire) if utf8 else quoted(wire)


def internal_date(at_us: int) -> bytes:
    """RFC 3501 §9 `date-time`, in UTC, quotes included."""
    try:
        moment = time.gmtime(at_us // 1_000_000)
    except (OverflowError, ValueError, OSError):
        moment = time.gmtime(0)
    if not 0 < moment.tm_year < 10_000:
        moment = time.gmtime(0)
    return b'"%2d-%s-%04d %02d:%02d:%02d +0000"' % (
        moment.tm_mday,
        _MONTHS[moment.tm_mon - 1].encode(),
        moment.tm_year,
        moment.tm_hour,
        moment.tm_min,
        moment.tm_sec,
    )


def untagged(text: bytes) -> bytes:
    return b"* " + text + b"\r\n"


def status(tag: str, kind: str, text: str, code: bytes = b"") -> bytes:
    """A status response: `A1 OK [CODE] text`. `kind` is OK, NO, BAD, BYE or PREAUTH."""
    bracket = b"[" + code + b"] " if code else b""
    return f"{tag} {kind} ".encode() + bracket + _one_line(text) + b"\r\n"


def _one_line(text: str) -> bytes:
    shown = "".join(letter if " " <= letter <= "~" else "?" for letter in text)[:400]
    return shown.encode() or b"Done"


def listed(
    command: bytes, attributes: Iterable[bytes], name: str, extra: bytes = b"", *, utf8: bool = False
) -> bytes:
    """A LIST or LSUB response (RFC 3501 §7.2.2)."""
    inside = b" ".join(attributes)
    return b'* %b (%b) "/" %b%b\r\n' % (command, inside, mailbox(name, utf8=utf8), extra)


def quota_root(name: str, roots: Iterable[str], *, utf8: bool = False) -> bytes:
    """RFC 9208 §4.2.2"""
    return untagged(b" ".join([b"QUOTAROOT", mailbox(name, utf8=utf8), *(quoted(r.encode()) for r in roots)]))


def quota(root: str, *, used: int, limit: int) -> bytes:
    """RFC 9208 §4.2.1 and §5.1: STORAGE, in units of 1024 octets. `used` and `limit` are octets."""
    return untagged(b"QUOTA %b (STORAGE %d %d)" % (quoted(root.encode()), -(-used // 1024), limit // 1024))


def vanished(uids: Uids, *, earlier: bool = False) -> bytes:
    """RFC 7162 §3.2.10; `earlier`: the client was not here when they went."""
    return b"* VANISHED %b%b\r\n" % (b"(EARLIER) " if earlier else b"", sequences.show(uids.ranges))


def mailbox_id(number: int) -> bytes:
    """RFC 8474 §4: letters, digits, "_" and "-"."""
    return b"F%d" % number


_STATUS = {
    "MESSAGES": lambda info: b"%d" % info.messages,
    "RECENT": lambda info: b"%d" % info.recent,
    "DELETED": lambda info: b"%d" % info.deleted,  # RFC 9051 §6.3.11
    "UIDNEXT": lambda info: b"%d" % info.uidnext,
    "UIDVALIDITY": lambda info: b"%d" % info.uidvalidity,
    "UNSEEN": lambda info: b"%d" % info.unseen,
    "SIZE": lambda info: b"%d" % info.size,
    "HIGHESTMODSEQ": lambda info: b"%d" % info.highestmodseq,
    "MAILBOXID": lambda info: b"(" + mailbox_id(info.id) + b")",
}


def mailbox_status(
    info: MailboxInfo, items: Sequence[str], *, utf8: bool = False, more: Mapping[str, int] | None = None
) -> bytes:
    """RFC 3501 §7.2.4. `more`: items that are not facts of the mailbox itself."""
    known = more or {}
    shown = b" ".join(
        b"%b %d" % (item.encode(), known[item])
        if item in known
        else item.encode() + b" " + _STATUS[item](info)
        for item in items
    )
    return b"* STATUS %b (%b)\r\n" % (mailbox(info.name, utf8=utf8), shown)
