"""Where the room of a mailbox goes: by sender, by year and by size, counted over every message.

A small mailbox is counted while the page is made; a larger one in the background (webmail/chores.py), and the page
shows the last count and its moment. Memory is bounded: of senders only the heaviest are kept while counting, which
can leave out one that is light in every stretch of a hundred thousand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from mta.mailstore import service as mailstore
from webmail.chores import Work
from webmail.models import Chore

FEW = 3_000  # messages that are counted while somebody waits
MOST_SENDERS, SHOWN_SENDERS = 20_000, 15
MEGA = 1 << 20
SIZES = (25 * MEGA, 10 * MEGA, 5 * MEGA, MEGA, 0)  # from so many bytes on


@dataclass(slots=True)
class Heap:
    """Messages that belong together, and what they weigh."""

    messages: int = 0
    size: int = 0
    name: str = ""

    def add(self, size: int, name: str = "") -> None:
        self.messages += 1
        self.size += size
        self.name = name or self.name


@dataclass(slots=True)
class Use:
    """A count: heaps by sender's address, by year, and by size."""

    messages: int = 0
    size: int = 0
    senders: dict[str, Heap] = field(default_factory=lambda: defaultdict(Heap))
    years: dict[int, Heap] = field(default_factory=lambda: defaultdict(Heap))
    sizes: dict[int, Heap] = field(default_factory=lambda: defaultdict(Heap))
    lists: Heap = field(default_factory=Heap)

    def add(self, each: mailstore.Weight) -> None:
        self.messages += 1
        self.size += each.size
        if not each.own and each.address:
            self.senders[each.address.lower()].add(each.size, each.name)
            if len(self.senders) > MOST_SENDERS:
                self._keep_the_heaviest()
        self.years[datetime.fromtimestamp(max(each.at, 0) / 1e6, UTC).year].add(each.size)
        self.sizes[next(step for step in SIZES if each.size >= step)].add(each.size)
        if each.list:
            self.lists.add(each.size)

    def _keep_the_heaviest(self) -> None:
        kept = sorted(self.senders.items(), key=lambda pair: pair[1].size, reverse=True)
        self.senders = defaultdict(Heap, kept[: MOST_SENDERS // 2])

    def told(self) -> dict[str, Any]:
        """As JSON, the heaviest first where that is the order; years the newest first."""
        heaviest = sorted(self.senders.items(), key=lambda pair: pair[1].size, reverse=True)
        return {
            "messages": self.messages,
            "size": self.size,
            "senders": [[address, asdict(heap)] for address, heap in heaviest[:SHOWN_SENDERS]],
            "years": [[year, asdict(heap)] for year, heap in sorted(self.years.items(), reverse=True)],
            "sizes": [[step, asdict(self.sizes[step])] for step in SIZES if step in self.sizes],
            "lists": asdict(self.lists),
        }


def count(mailspace: int, *, progress: Callable[[int], None] = lambda _done: None) -> dict[str, Any]:
    """Count every message."""
    use, after = Use(), (-1, 0)
    while piece := mailstore.weights(mailspace, after=after):
        for each in piece:
            use.add(each)
        after = (piece[-1].at, piece[-1].message)
        progress(use.messages)
    return use.told()


def work(work: Work) -> None:
    """The chore: count, and keep the count in its row."""
    space = work.chore.mailspace
    work.progress(0, mailstore.usage(space).messages)
    work.save(data=count(space, progress=work.progress))
    older = Chore.objects.filter(account=work.chore.account, mailspace=space, kind=Chore.STORAGE)
    with transaction.atomic():
        older.filter(pk__lt=work.chore.pk, state__in=[Chore.DONE, Chore.FAILED]).delete()
