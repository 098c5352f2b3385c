"""Which mailboxes and marks of ours a message of another host gets. Pure: names in, names out.

Folders: by their use (RFC 6154), else by their usual names (mta.archive.naming). Gmail: its labels say everything; its
folders All Mail, Spam and Trash together hold every message once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mta.archive.gmail import IMPORTANT
from mta.archive.naming import fit, is_view, mailbox_for
from mta.archive.values import ARCHIVE, DRAFTS, INBOX, JUNK, SENT, TRASH
from mta.values import FLAGGED

from .imap import Facts, Folder

_BY_USE = {"sent": SENT, "drafts": DRAFTS, "junk": JUNK, "trash": TRASH, "archive": ARCHIVE, "all": ARCHIVE}
_VIEWS = ("flagged", "important")  # RFC 6154 §2, RFC 8457: other folders hold the same messages
_FIRST = (INBOX, SENT, DRAFTS)
_LAST = (ARCHIVE, JUNK, TRASH)


@dataclass(frozen=True, slots=True)
class Place:
    """A folder to fetch, and the mailbox of ours that it is. `late`: others hold copies of what is in it."""

    wire: bytes
    name: str
    mailbox: str
    late: bool = False
    use: str = ""


def places(folders: Sequence[Folder], *, gmail: bool, below: str = "") -> list[Place]:
    """What to fetch, in the order in which it is begun."""
    found = []
    everything = any(each.use == "all" for each in folders)
    for each in folders:
        if each.use in _VIEWS or is_view(each.name):
            continue
        if gmail and everything and each.use not in ("all", "junk", "trash"):
            continue  # All Mail holds it, and says where it lies
        mailbox = INBOX if each.name.upper() == INBOX else _BY_USE.get(each.use) or mailbox_for(each.name)
        found.append(
            Place(each.wire, each.name, within(mailbox, below), each.use == "all" and not gmail, each.use)
        )
    return sorted(found, key=_rank)


def _rank(place: Place) -> tuple[int, int, str]:
    if place.use == "all":
        return (1 if place.late else 0, 0, place.name)
    if place.mailbox in _FIRST:
        return 0, 1 + _FIRST.index(place.mailbox), place.name
    return 0, 10 + (_LAST.index(place.mailbox) if place.mailbox in _LAST else -1), place.name


def within(mailbox: str, below: str) -> str:
    """A mailbox, or the one below a label that everything goes below."""
    if not below:
        return fit(mailbox)
    return fit(below if mailbox == INBOX else f"{below}/{mailbox}")


_SYSTEM = {
    "\\inbox": INBOX,
    "\\sent": SENT,
    "\\draft": DRAFTS,
    "\\drafts": DRAFTS,
    "\\junk": JUNK,
    "\\spam": JUNK,
    "\\trash": TRASH,
}


def of_gmail(facts: Facts, place: Place, *, below: str = "") -> tuple[tuple[str, ...], int, tuple[str, ...]]:
    """(mailboxes, flags, keywords) of a message of Gmail's. What lies in Spam or Trash lies there alone."""
    folders, keywords = dict[str, None](), dict.fromkeys(facts.keywords)
    flags = facts.flags
    for label in facts.labels:
        low = label.casefold()
        if low in ("\\starred", "\\flagged"):
            flags |= FLAGGED
        elif low == "\\important":
            keywords[IMPORTANT] = None
        elif low in _SYSTEM:
            folders[within(_SYSTEM[low], below)] = None
        elif not low.startswith("\\"):
            # A label named "Sent" is the person's own, not Gmail's.
            folders[within(mailbox_for(label) if "/" in label else label, below)] = None
    if place.use in ("junk", "trash"):
        return (place.mailbox,), flags, tuple(keywords)
    if place.use != "all":
        folders.setdefault(place.mailbox, None)
    return tuple(folders) or (within(ARCHIVE, below),), flags, tuple(keywords)
