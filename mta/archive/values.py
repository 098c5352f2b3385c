"""What travels between files of mail and the store: one message with all that belongs to it, one folder.

Made by `reading`, taken by `mta.mailstore.importing`; and the other way round by `exporting` and `writing`.
"""

from __future__ import annotations

from dataclasses import dataclass

DOVECOT_UIDL = "%08Xu%08Xv"  # Dovecot's default
INBOX, DRAFTS, SENT, ARCHIVE, JUNK, TRASH = "INBOX", "Drafts", "Sent", "Archive", "Junk", "Trash"


class Unreadable(Exception):
    """A file that cannot be read as mail, or a part of it; the text is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message of an archive.

    `folders` are whole mailbox names with "/" between levels, more than one where the source knew labels.
    `flags` are the bits of `mta.values`, DELETED included; `internal_date` is µs since the epoch. Letters of one
    archive with the same non-empty `same` are one message that lies in several folders. `late` letters are
    copies of what other folders hold; one whose bytes are stored anywhere already adds nothing.
    """

    raw: bytes
    folders: tuple[str, ...]
    flags: int = 0
    keywords: tuple[str, ...] = ()
    internal_date: int | None = None
    uid: int = 0
    uidl: str = ""
    same: str = ""
    late: bool = False
    where: str = ""  # how to find it in the source, for a person


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of an archive; said before its letters. `uidvalidity` 0 and `subscribed` None: not known."""

    name: str
    uidvalidity: int = 0
    uidnext: int = 0
    subscribed: bool | None = None
    colour: int | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """Something of the source that could not be read, and why, in words."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class Passed:
    """A file that holds no mail, and so was passed over."""

    where: str


Piece = Letter | Folder | Broken | Passed


@dataclass(frozen=True, slots=True)
class Wishes:
    """How an archive shall be read.

    `quoting`: how the writer of an mbox hid lines that begin with "From ": mboxrd, mboxo or none. `uidl`: the format
    of Dovecot's setting `pop3_uidl_format`, for sources that keep UIDs but no UIDLs; "" for none. `skip` and
    `only` name folders as the source calls them; each means what lies below it, too. `by_name`: whether a
    folder "Deleted Items" is our Trash. `newest_first`: Takeout's mbox by the dates of
    its From lines; out of a .zip it is unpacked into the folder `spool` for that, where there is room.
    """

    largest: int = 50_000_000
    quoting: str = "mboxrd"
    uidl: str = DOVECOT_UIDL
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    by_name: bool = True
    newest_first: bool = False
    spool: str = ""
