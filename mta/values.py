"""Small frozen values that travel between the rooms of `mta`: causes, flags, views, recipients.

Never imports Django or any other part of `mta`; everything here can be built by hand in a test.
Times are integers of microseconds since the epoch, UTC, unless a name says otherwise.
"""

from __future__ import annotations

import time
from array import array
from dataclasses import dataclass

# Message flags as bits (RFC 9051 §2.3.2). \Deleted belongs to a placement, the others to the message.
SEEN = 1
ANSWERED = 2
FLAGGED = 4
DRAFT = 8
DELETED = 16
SYSTEM_FLAGS = {
    "\\Seen": SEEN,
    "\\Answered": ANSWERED,
    "\\Flagged": FLAGGED,
    "\\Draft": DRAFT,
    "\\Deleted": DELETED,
}

# Keywords that people set on whole conversations; answers to a muted one skip the Inbox.
IMPORTANT, MUTED = "$Important", "$Muted"

# Mailbox roles; each real role exists once per mailspace from its first moment.
INBOX, DRAFTS, SENT, ARCHIVE, JUNK, TRASH = "inbox", "drafts", "sent", "archive", "junk", "trash"
SNOOZED, SCHEDULED, QUARANTINE, LABEL = "snoozed", "scheduled", "quarantine", ""

# The views of the web client that are not mailboxes; as `box` ids they sit beside mailbox ids.
ALL = -1
STARRED = -2


def now_us() -> int:
    """The wall clock in microseconds since the epoch, UTC."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Cause:
    """Who or what changed mail, for the journal: "Thunderbird on 10.0.0.7", "filter Invoices".

    `kind` is web, imap, pop3, smtp, filter, task or import; `session` names the client in words;
    `actor` is the sign-in name (or empty for the system itself).
    """

    kind: str
    session: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class MailboxInfo:
    """One folder or label with its kept counts; what SELECT, STATUS, LIST and the sidebar show.

    `messages`, `unseen`, `size` count placements not expunged (IMAP's view, `\\Deleted` included);
    `threads`, `unread_threads` count what the web client shows. `size` is in bytes.
    """

    id: int
    name: str
    role: str
    colour: int | None
    subscribed: bool
    uidvalidity: int
    uidnext: int
    highestmodseq: int
    messages: int
    unseen: int
    size: int
    threads: int
    unread_threads: int
    recent: int = 0  # that no session was told of yet (\Recent)
    deleted: int = 0  # marked \Deleted
    recent_uid: int = 0  # the first UID that no session was told of


@dataclass(frozen=True, slots=True)
class ViewRow:
    """One message of a selected mailbox as IMAP flags see it; `flags` includes DELETED (16)."""

    uid: int
    message: int
    flags: int
    keywords: tuple[str, ...]
    modseq: int


@dataclass(frozen=True, slots=True)
class ViewChanges:
    """What changed in a mailbox since a modseq: rows new or altered (by UID), and expunged UIDs.

    Read in one database snapshot, so that `highestmodseq` covers exactly these rows.
    `gone` is true when the mailbox itself no longer exists.
    """

    rows: tuple[ViewRow, ...]
    expunged: tuple[int, ...]
    highestmodseq: int
    uidnext: int
    gone: bool = False


@dataclass(frozen=True, slots=True)
class FlagTable:
    """The flags of a whole mailbox, small enough to keep: per message a UID and a byte (DELETED included).

    `uids` ascend, `flags[i]` belongs to `uids[i]`; `keywords` only names those that have some. Read in one
    snapshot, at `highestmodseq`.
    """

    uids: array[int]
    flags: bytes
    keywords: dict[int, tuple[str, ...]]
    highestmodseq: int
    uidnext: int
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Appended:
    """Where an appended message landed (UIDPLUS APPENDUID, RFC 4315 §3)."""

    mailbox: int
    uidvalidity: int
    uid: int
    message: int
    thread: int


@dataclass(frozen=True, slots=True)
class Copied:
    """COPYUID (RFC 4315 §3): source and destination UIDs pair by position."""

    uidvalidity: int
    source: tuple[int, ...]
    target: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """The outcome of a command for people: what an Undo needs, and how many it touched."""

    action: str
    conversations: int
    messages: int
    skipped: int = 0
