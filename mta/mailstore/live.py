"""Small values of the store's inside: a placement with its message, how it lies there, a journal row in the making.

Built by `rows` and by the commands, consumed by the atoms of `changing`; they never leave this package.
"""

from __future__ import annotations

import re
import secrets
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Any

from mta.values import Cause


def new_action() -> str:
    """An id that groups the journal rows of one command."""
    return secrets.token_hex(12)


def is_action(text: str) -> bool:
    """Whether a text from outside can name an action. Not every text may be looked for in every database."""
    return re.fullmatch(r"[0-9a-f]{24}", text) is not None


@dataclass(slots=True)
class Live:
    """A live placement with its message, as the atoms need it."""

    placement: int
    mailbox: int
    uid: int
    message: int
    deleted: bool  # SQLite says 0 or 1
    saved_at: int
    wake_at: int | None
    woken_at: int | None
    flags: int
    keywords: str
    size: int
    internal_date: int
    modseq: int
    thread: int


def nowhere(message: int, thread: int, flags: int, keywords: str, size: int, internal_date: int) -> Live:
    """A message that lies in no mailbox (yet, or any more), in the form that `place` takes."""
    return Live(0, 0, 0, message, False, 0, None, None, flags, keywords, size, internal_date, 0, thread)


def one_each(lives: Iterable[Live]) -> list[Live]:
    """One placement per message, in the order of first sight."""
    found: dict[int, Live] = {}
    for live in lives:
        found.setdefault(live.message, live)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Stay:
    """How a message lies in a mailbox: what belongs to the placement. `saved_at` None: from now on."""

    deleted: bool = False
    saved_at: int | None = None
    wake_at: int | None = None
    woken_at: int | None = None


@dataclass(slots=True)
class Entry:
    """One journal row in the making. Empty ones are not written."""

    verb: str
    cause: Cause
    action: str
    mailbox: int | None = None
    added: list[list[int]] = field(default_factory=list)  # [mailbox, uid, message]
    # [mailbox, uid, message, deleted, saved, wake, woken]
    removed: list[list[Any]] = field(default_factory=list)
    flags: dict[tuple[int, str, int, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    marked: list[list[int]] = field(default_factory=list)  # [mailbox, uid, on, message]
    mailboxes: list[dict[str, Any]] = field(default_factory=list)
    draft: int | None = None
    written: dict[str, Any] | None = None  # {draft, fields}: what a draft said before it was written over
    threads: set[int] = field(default_factory=set)  # touched
    undoes: int | None = None  # the Change that is being undone, of this action
    undone_action: str = ""
    is_open: bool = False  # of a command that is not finished: see `whole`

    def messages(self) -> set[int]:
        """The messages this entry touched."""
        touched = {row[2] for row in self.added} | {row[2] for row in self.removed}
        touched.update(row[3] for row in self.marked)
        return touched.union(*self.flags.values()) if self.flags else touched

    def sample(self) -> list[int]:
        """The newest three of them."""
        return nlargest(3, self.messages())

    def source(self) -> int | None:
        """The mailbox that it is about, or that messages left."""
        if self.mailbox is not None or self.mailboxes:
            return self.mailbox or self.mailboxes[0]["id"]
        return self.removed[0][0] if self.removed else None

    def target(self) -> int | None:
        """Where messages came to."""
        return self.added[0][0] if self.added else None

    def before(self) -> dict[str, Any]:
        """What undo needs, as JSON; empty when nothing changed."""
        content: dict[str, Any] = {
            "added": self.added,
            "removed": self.removed,
            "flags": [[*states, ids] for states, ids in self.flags.items()],
            "marked": self.marked,
            "mailboxes": self.mailboxes,
            "draft": self.draft,
            "written": self.written,
        }
        return {key: value for key, value in content.items() if value}


@dataclass(frozen=True, slots=True)
class Piece:
    """What one transaction of a job did: items looked at; conversations, messages changed and left alone."""

    items: int
    conversations: int
    messages: int
    skipped: int = 0
