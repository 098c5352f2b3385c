"""What the sessions of this process look at together: one read of a mailbox answers everybody who waits for it.

A delivery rings the bell of every session that has the mailbox open; a hundred phones must not mean a hundred
queries. `changes` shares reads that have not begun yet (one that has may have missed what the asker heard of),
`uids` shares equal views, `flag_table` keeps the tables asked for last and brings them up to date by what
changed. Used by IMAP sessions through `House.viewings`; lives in the event loop, reads through the bridge.
"""

from __future__ import annotations

import asyncio
from array import array
from bisect import bisect_left
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

from mta.mailstore import service as mailstore
from mta.serve.bridge import Bridge
from mta.values import FlagTable, ViewChanges
from mta.wire.imap.uids import Uids

# Flag tables kept for the next command: about five bytes per message.
TABLE_BYTES = 32 * 1024 * 1024
# Views kept although nobody has them open: at most so many, of at most so many runs (of 24 bytes) each.
KEPT_VIEWS = 50
RUNS_KEPT = 20_000
# Beyond these many changes a table is read anew.
MOST_CHANGES = 10_000


class Viewings:
    """One per process. Keys lead with the mailspace, so nobody sees what is not theirs."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._reads: dict[Any, _Read] = {}
        self._uids: WeakValueDictionary[tuple[int, int, int, int], Uids] = WeakValueDictionary()
        self._lately: deque[Uids] = deque(maxlen=KEPT_VIEWS)  # for clients that open what they just closed
        self._tables: OrderedDict[tuple[int, int], FlagTable] = OrderedDict()

    async def changes(self, mailspace: int, mailbox: int, since: int) -> ViewChanges:
        """What changed in a mailbox after a modseq, read after this call."""
        key = (mailspace, mailbox, since)
        return await self._shared(key, lambda: mailstore.changes(mailspace, mailbox, since))

    async def uids(self, mailspace: int, mailbox: int, *, uidnext: int, modseq: int) -> Uids:
        """The UIDs of a mailbox as they were at a modseq."""
        key = (mailspace, mailbox, uidnext, modseq)
        found = self._uids.get(key)
        if found is None:
            found = await self._bridge.run(_uids, mailspace, mailbox, uidnext=uidnext, modseq=modseq)
            found = self._uids.setdefault(key, found)
            if found.runs <= RUNS_KEPT:
                self._lately.append(found)
        return found

    async def flag_table(self, mailspace: int, mailbox: int, *, modseq: int) -> FlagTable:
        """The flags of a whole mailbox, at least as new as `modseq`."""
        key = (mailspace, mailbox)
        known = self._tables.get(key)
        if known is not None and known.highestmodseq >= modseq:
            self._tables.move_to_end(key)
            return known
        table: FlagTable = await self._shared(
            ("flags", mailspace, mailbox), lambda: _table(mailspace, mailbox, known)
        )
        self._keep(key, table)
        return table

    def _keep(self, key: tuple[int, int], table: FlagTable) -> None:
        if table.gone:
            self._tables.pop(key, None)
            return
        self._tables[key] = table
        self._tables.move_to_end(key)
        size = sum(_weight(each) for each in self._tables.values())
        while size > TABLE_BYTES and self._tables:
            _key, oldest = self._tables.popitem(last=False)
            size -= _weight(oldest)

    async def _shared(self, key: Any, function: Callable[[], Any]) -> Any:
        """The result of a blocking read that begins after this call, together with whoever else wants it."""
        read = self._reads.get(key)
        if read is None or read.begun:
            read = self._reads[key] = _Read(function, after=read)
            read.task = asyncio.get_running_loop().create_task(self._run(key, read))
            read.task.add_done_callback(_noticed)
        # Whoever goes away must not take the answer from the others.
        return await asyncio.shield(read.task)

    async def _run(self, key: Any, read: _Read) -> Any:
        try:
            if read.after is not None:  # those who come while one read runs wait for the same next one
                await asyncio.wait((read.after.task,))
                read.after = None
            return await self._bridge.run(read.begin)
        finally:
            if self._reads.get(key) is read:
                del self._reads[key]


class _Read:
    """A read that several wait for. `begun` turns true in the bridge's thread, before anything is read."""

    __slots__ = ("after", "begun", "function", "task")

    task: asyncio.Task[Any]

    def __init__(self, function: Callable[[], Any], *, after: _Read | None) -> None:
        self.function = function
        self.after = after
        self.begun = False

    def begin(self) -> Any:
        self.begun = True
        return self.function()


def _noticed(task: asyncio.Task[Any]) -> None:
    """An error that nobody waits for any more is nobody's."""
    if not task.cancelled():
        task.exception()


def _uids(mailspace: int, mailbox: int, *, uidnext: int, modseq: int) -> Uids:
    return Uids(mailstore.uid_runs(mailspace, mailbox, uidnext=uidnext, modseq=modseq))


def _weight(table: FlagTable) -> int:
    return 5 * len(table.uids) + 200 * len(table.keywords) + 500


def _table(mailspace: int, mailbox: int, known: FlagTable | None) -> FlagTable:
    """A new table, made of the old one and what changed where that is little. Blocks."""
    if known is None:
        return mailstore.flag_table(mailspace, mailbox)
    changes = mailstore.changes(mailspace, mailbox, known.highestmodseq)
    if changes.gone or len(changes.rows) + len(changes.expunged) > MOST_CHANGES:
        return mailstore.flag_table(mailspace, mailbox)
    return renewed(known, changes)


def renewed(known: FlagTable, changes: ViewChanges) -> FlagTable:
    """The table after these changes; the old one stays as it was for whoever reads it."""
    uids, flags, keywords = known.uids, bytearray(known.flags), known.keywords
    if changes.expunged:
        uids, flags = _without(uids, flags, changes.expunged)
    fresh = [row for row in changes.rows if row.uid >= known.uidnext]
    if fresh:
        uids = uids + array("I", [row.uid for row in fresh])
        flags += bytes(len(fresh))
    if changes.expunged or any(row.keywords or row.uid in keywords for row in changes.rows):
        gone = set(changes.expunged)
        keywords = {uid: words for uid, words in keywords.items() if uid not in gone}
    for row in changes.rows:
        flags[bisect_left(uids, row.uid)] = row.flags
        if row.keywords:
            keywords[row.uid] = row.keywords
        elif keywords is not known.keywords:
            keywords.pop(row.uid, None)
    return FlagTable(uids, bytes(flags), keywords, changes.highestmodseq, changes.uidnext)


def _without(uids: array[int], flags: bytearray, gone: tuple[int, ...]) -> tuple[array[int], bytearray]:
    """The pieces between those that are gone."""
    kept_uids: array[int] = array("I")
    kept_flags = bytearray()
    start = 0
    for uid in sorted(gone):
        at = bisect_left(uids, uid)
        if at < len(uids) and uids[at] == uid:
            kept_uids += uids[start:at]
            kept_flags += flags[start:at]
            start = at + 1
    kept_uids += uids[start:]
    kept_flags += flags[start:]
    return kept_uids, kept_flags
