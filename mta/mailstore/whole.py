"""Commands that are all or nothing over more messages than one transaction should hold: COPY, multi-append.

They work in chunks, each committed with an *open* journal row; the last one closes them all. When a chunk fails,
what the open rows placed is taken away again, and nobody is told OK; after a crash the sweep does it
(`take_back_abandoned`). A command that was taken back while its process slept finds its rows gone and ends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from django.db.models import QuerySet

from mta.values import Cause

from . import rows
from .changing import Changing
from .door import Door
from .errors import Interrupted
from .live import Entry, new_action
from .models import Action, Change
from .writer import commit

log = logging.getLogger(__name__)
Item = TypeVar("Item")
Result = TypeVar("Result")

ABANDONED = 3 * 60 * 1_000_000  # µs since a command's last chunk; one takes far less than a second


def in_chunks(
    mailspace: int,
    items: Sequence[Item],
    work: Callable[[Changing, Entry, Sequence[Item]], Result],
    *,
    verb: str,
    cause: Cause,
    mailbox: int,
    size: int | None = None,
) -> list[Result]:
    """Do `work` for all items, chunk by chunk, or for none: an exception leaves nothing of it behind."""
    size = size or rows.CHUNK
    pieces = [items[start : start + size] for start in range(0, len(items), size)] or [items]
    action = new_action()
    results: list[Result] = []
    journalled = 0

    def one(door: Door, number: int) -> tuple[Result, bool]:
        changing = door[mailspace]
        last = number == len(pieces) - 1
        if journalled and _begun(mailspace, action).count() < journalled:
            raise Interrupted("That took too long and was taken back.")
        entry = changing.entry(verb, cause, action, mailbox)
        entry.is_open = not last
        done = work(changing, entry, pieces[number])
        if journalled and last:
            _begun(mailspace, action).update(is_open=False)
            Action.objects.filter(mailspace_id=mailspace, action=action).update(is_open=False)
        return done, bool(entry.added)

    try:
        for number in range(len(pieces)):
            done, placed = commit({mailspace}, partial(one, number=number))
            results.append(done)
            journalled += placed
    except BaseException:
        if results:
            _try_to_take_back(mailspace, action)
        raise
    return results


def _begun(mailspace: int, action: str) -> QuerySet[Change]:
    return Change.objects.filter(mailspace_id=mailspace, action=action, is_open=True)


def _try_to_take_back(mailspace: int, action: str) -> None:
    try:
        take_back(mailspace, action)
    except Exception:
        log.warning("a command could not be taken back now; the sweep will", exc_info=True)


def take_back(mailspace: int, action: str) -> None:
    """Remove what the open rows of a command placed, and then these rows."""
    for id_ in _begun(mailspace, action).order_by("-id").values_list("id", flat=True):
        commit({mailspace}, partial(_take_back_one, mailspace=mailspace, change=id_))


def _take_back_one(door: Door, *, mailspace: int, change: int) -> None:
    changing = door[mailspace]
    row = Change.objects.filter(mailspace_id=mailspace, id=change, is_open=True).first()
    if row is None:
        return
    placed: dict[int, list[int]] = {}
    for mailbox, uid, _message in row.before.get("added", ()):
        placed.setdefault(mailbox, []).append(uid)
    for mailbox, uids in placed.items():
        changing.expunge(rows.at(mailspace, mailbox, uids))
    Action.objects.filter(mailspace_id=mailspace, action=row.action, is_open=True).delete()
    row.delete()


def take_back_abandoned(*, now: int) -> int:
    """Take back the commands whose process ended between two chunks; returns how many."""
    begun: dict[tuple[int, str], int] = {}
    for mailspace, action, at in Change.objects.filter(is_open=True).values_list(
        "mailspace_id", "action", "at"
    ):
        begun[mailspace, action] = max(at, begun.get((mailspace, action), 0))
    old = [key for key, at in begun.items() if at < now - ABANDONED]
    for mailspace, action in old:
        take_back(mailspace, action)
    return len(old)
