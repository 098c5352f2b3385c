"""One frozen class per IMAP command, with the section that defines it.

Values only: `grammar` makes them, `mta.serve.imap` carries them out. Mailbox names are already decoded,
sequence sets are pairs (see `sequences`), dates are microseconds since the epoch, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

from mta.wire.imap.scanner import Spooled
from mta.wire.imap.search import Returns, SearchKey
from mta.wire.imap.sequences import Ranges
from mta.wire.imap.sort import SortKey


@dataclass(frozen=True, slots=True)
class Command:
    """What every command is."""


# --- any state


@dataclass(frozen=True, slots=True)
class Capability(Command):
    """RFC 3501 §6.1.1"""


@dataclass(frozen=True, slots=True)
class Noop(Command):
    """RFC 3501 §6.1.2"""


@dataclass(frozen=True, slots=True)
class Logout(Command):
    """RFC 3501 §6.1.3"""


@dataclass(frozen=True, slots=True)
class Id(Command):
    """RFC 2971 §3.1. `fields` as sent, at most 30."""

    fields: tuple[tuple[str, str], ...]


# --- before sign-in


@dataclass(frozen=True, slots=True)
class StartTls(Command):
    """RFC 3501 §6.2.1"""


@dataclass(frozen=True, slots=True)
class Authenticate(Command):
    """RFC 3501 §6.2.2, with the initial response of RFC 4959 (SASL-IR) or None."""

    mechanism: str
    initial: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Login(Command):
    """RFC 3501 §6.2.3"""

    username: str
    password: str = field(repr=False)


# --- signed in


@dataclass(frozen=True, slots=True)
class Enable(Command):
    """RFC 5161 §3.1"""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compress(Command):
    """RFC 4978 §3"""

    mechanism: str


@dataclass(frozen=True, slots=True)
class Resync:
    """What a client knew when it was last here (RFC 7162 §3.2.5).

    `known`: the UIDs it has, or None for all there were; `match`: some numbers and the UIDs they had.
    """

    uidvalidity: int
    modseq: int
    known: Ranges | None = None
    match: tuple[Ranges, Ranges] | None = None


@dataclass(frozen=True, slots=True)
class Select(Command):
    """RFC 3501 §6.3.1; `condstore` is RFC 7162 §3.1.8, `resync` §3.2.5."""

    mailbox: str
    condstore: bool = False
    resync: Resync | None = None


@dataclass(frozen=True, slots=True)
class Examine(Command):
    """RFC 3501 §6.3.2; `condstore` is RFC 7162 §3.1.8, `resync` §3.2.5."""

    mailbox: str
    condstore: bool = False
    resync: Resync | None = None


@dataclass(frozen=True, slots=True)
class Create(Command):
    """RFC 3501 §6.3.3; `uses` are the attributes of RFC 6154 §3, such as `\\Archive`."""

    mailbox: str
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delete(Command):
    """RFC 3501 §6.3.4"""

    mailbox: str


@dataclass(frozen=True, slots=True)
class Rename(Command):
    """RFC 3501 §6.3.5"""

    mailbox: str
    new_name: str


@dataclass(frozen=True, slots=True)
class Subscribe(Command):
    """RFC 3501 §6.3.6"""

    mailbox: str


@dataclass(frozen=True, slots=True)
class Unsubscribe(Command):
    """RFC 3501 §6.3.7"""

    mailbox: str


@dataclass(frozen=True, slots=True)
class List(Command):
    """RFC 3501 §6.3.8, RFC 5258 §3 and, for `status`, RFC 5819 §2.

    `selection` holds SUBSCRIBED, REMOTE, RECURSIVEMATCH, SPECIAL-USE; `returns` SUBSCRIBED, CHILDREN,
    SPECIAL-USE; `extended` says whether any form of RFC 5258 was used.
    """

    reference: str
    patterns: tuple[str, ...]
    selection: frozenset[str] = frozenset()
    returns: frozenset[str] = frozenset()
    status: tuple[str, ...] = ()
    extended: bool = False


@dataclass(frozen=True, slots=True)
class GetQuota(Command):
    """RFC 9208 §4.1.1"""

    root: str


@dataclass(frozen=True, slots=True)
class GetQuotaRoot(Command):
    """RFC 9208 §4.1.2"""

    mailbox: str


@dataclass(frozen=True, slots=True)
class SetQuota(Command):
    """RFC 9208 §4.1.3"""

    root: str


@dataclass(frozen=True, slots=True)
class Lsub(Command):
    """RFC 3501 §6.3.9"""

    reference: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Namespace(Command):
    """RFC 2342 §5"""


@dataclass(frozen=True, slots=True)
class Status(Command):
    """RFC 3501 §6.3.10; SIZE is RFC 8438, MAILBOXID RFC 8474, HIGHESTMODSEQ RFC 7162."""

    mailbox: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AppendMessage:
    """One message of an APPEND; `utf8` is RFC 6855 §4."""

    spooled: Spooled
    flags: tuple[str, ...] = ()
    internal_date: int | None = None
    utf8: bool = False


@dataclass(frozen=True, slots=True)
class Append(Command):
    """RFC 3501 §6.3.11, RFC 3502. `spool` holds the messages; the one who carries it out closes it."""

    mailbox: str
    messages: tuple[AppendMessage, ...]
    spool: BinaryIO = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Idle(Command):
    """RFC 2177 §3"""


# --- with a mailbox selected


@dataclass(frozen=True, slots=True)
class Check(Command):
    """RFC 3501 §6.4.1"""


@dataclass(frozen=True, slots=True)
class Close(Command):
    """RFC 3501 §6.4.2"""


@dataclass(frozen=True, slots=True)
class Unselect(Command):
    """RFC 3691 §2"""


@dataclass(frozen=True, slots=True)
class Expunge(Command):
    """RFC 3501 §6.4.3; with `uids` it is UID EXPUNGE, RFC 4315 §2.1."""

    uids: Ranges | None = None


@dataclass(frozen=True, slots=True)
class Search(Command):
    """RFC 3501 §6.4.4; `returns` is ESEARCH, RFC 4731 §3.1, or None; `charset` as named, or ""."""

    key: SearchKey
    uid: bool = False
    returns: Returns | None = None
    charset: str = ""


@dataclass(frozen=True, slots=True)
class Sort(Command):
    """RFC 5256 §3; `returns` is ESORT, RFC 5267 §3."""

    keys: tuple[SortKey, ...]
    key: SearchKey
    uid: bool = False
    returns: Returns | None = None


@dataclass(frozen=True, slots=True)
class Thread(Command):
    """RFC 5256 §3"""

    algorithm: str
    key: SearchKey
    uid: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """A FETCH item that is one column or flag: FLAGS, UID, ENVELOPE, BODY, RFC822.SIZE …"""

    name: str


@dataclass(frozen=True, slots=True)
class Section:
    """A FETCH item that is bytes of the message: BODY[section]<partial>, RFC822.TEXT …

    `part` is the section without its field list, upper-case: "", "HEADER", "1.2.MIME",
    "HEADER.FIELDS". `label` is how the answer names it (RFC 3501 §7.4.2). `decoded`: BINARY[part] and
    BINARY.SIZE[part] (RFC 3516), without the part's transfer encoding.
    """

    part: str
    label: bytes
    fields: tuple[str, ...] = ()
    partial: tuple[int, int] | None = None
    peek: bool = False
    decoded: bool = False
    size_only: bool = False


@dataclass(frozen=True, slots=True)
class Fetch(Command):
    """RFC 3501 §6.4.5; `changed_since` is RFC 7162 §3.1.4.1, `vanished` §3.2.6, `partial` RFC 9394 §3.2."""

    messages: Ranges
    items: tuple[Item | Section, ...]
    uid: bool = False
    changed_since: int | None = None
    vanished: bool = False
    partial: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Store(Command):
    """RFC 3501 §6.4.6. `mode` is add, remove or replace; `unchanged_since` is RFC 7162 §3.1.3."""

    messages: Ranges
    mode: str
    flags: tuple[str, ...]
    silent: bool = False
    uid: bool = False
    unchanged_since: int | None = None


@dataclass(frozen=True, slots=True)
class Copy(Command):
    """RFC 3501 §6.4.7"""

    messages: Ranges
    mailbox: str
    uid: bool = False


@dataclass(frozen=True, slots=True)
class Move(Command):
    """RFC 6851 §3"""

    messages: Ranges
    mailbox: str
    uid: bool = False
