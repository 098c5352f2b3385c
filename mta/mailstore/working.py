"""Doing jobs (see `jobs`): a piece after the other, each one transaction of about 50 ms, under a lease.

Whoever claims a job does some seconds of it and then lets go, so that many jobs share few workers. A piece is
done only while the job is running and the lease is still ours; both are looked at under the mailspace's lock, in
the transaction that does the piece and counts it. Between pieces others get their turn.
"""

from __future__ import annotations

import logging
import secrets
import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from django.db import connection

from mta.message import criteria as c
from mta.values import Cause, now_us

from . import acts, dryrun, finding, rewinding, rows
from .changing import Changing
from .door import Door
from .errors import StoreError
from .jobs import DONE, FAILED, GATHERING, RUNNING, items_of, keep_items
from .journal import undo_one
from .live import Live, Piece
from .models import Change, Job
from .writer import commit

log = logging.getLogger(__name__)
T = TypeVar("T")

LEASE = 60 * 1_000_000  # µs; a piece takes far less
SLICE = 5.0  # seconds of one job before others get a turn
AIM = 0.05  # seconds of a piece
SLOW = 0.3  # seconds that are too many for a piece of the least size
MESSAGES = 500  # placements of a piece, at most
FIRST, MOST = 20, 250  # conversations; the first is the least, too
TRIES = 5
RETRY = 5 * 1_000_000  # µs after a piece failed for a reason that may pass


class _Lost(Exception):
    """Somebody else has the lease, or the job was stopped."""


def work(*, seconds: float = 20.0, now: Callable[[], int] = now_us) -> bool:
    """Do what is due for so long; True if something is left that nobody is doing."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        job = claim(now())
        if job is None:
            return False
        _slice(job, min(until, time.monotonic() + SLICE))
    return _due(now()) is not None


def _due(now: int) -> int | None:
    due = Job.objects.filter(ended_at__isnull=True, lease_until__lt=now)
    return due.order_by("lease_until", "id").values_list("id", flat=True).first()


def claim(now: int) -> Job | None:
    """Take the lease of the job that waited longest."""
    while (id_ := _due(now)) is not None:
        holder = secrets.token_hex(8)
        free = Job.objects.filter(id=id_, ended_at__isnull=True, lease_until__lt=now)
        if free.update(holder=holder, lease_until=now + LEASE):
            return Job.objects.get(id=id_)
    return None


def _slice(job: Job, until: float) -> None:
    """Some seconds of a job; lets go of it in every case but a crash."""
    try:
        if job.state == GATHERING:
            _gather(job)
        _run(job, until)
    except _Lost:
        return
    except StoreError as refused:
        _end(job, FAILED, note=str(refused))
    except Exception:
        log.warning("job %d (%s) of mailspace %d failed", job.id, job.verb, job.mailspace_id, exc_info=True)
        if not connection.in_atomic_block:
            connection.close()  # it may be what is broken
        _try_again_later(job)


def _try_again_later(job: Job) -> None:
    tries = job.tries + 1
    if tries >= TRIES:
        _end(job, FAILED, note="It failed again and again.")
        return
    Job.objects.filter(id=job.id, holder=job.holder).update(
        tries=tries, lease_until=now_us() + RETRY * tries, holder=""
    )


def _end(job: Job, state: str, *, note: str = "") -> None:
    def done(door: Door) -> None:
        _mine(job)
        door[job.mailspace_id].changed()
        Job.objects.filter(id=job.id).update(state=state, note=note[:255], ended_at=door.now, lease_until=0)

    try:
        commit({job.mailspace_id}, done)
    except _Lost:
        return


def _mine(job: Job) -> Job:
    """The job as it is now, under the mailspace's lock."""
    row = Job.objects.filter(id=job.id, holder=job.holder, ended_at__isnull=True).first()
    if row is None:
        raise _Lost
    return row


# --- what it is for


def _gather(job: Job) -> None:
    """Collect what a search finds, or what a rewind has to touch; nothing is changed meanwhile."""
    if "at" in job.scope:
        rewinding.mailboxes(job, _cause(job))
        items: Sequence[int] = rewinding.touched(job.mailspace_id, job.scope["at"], newest=job.newest)
        total = rewinding.conversations(job.mailspace_id, items)
    else:
        items = _messages_matching(job) if job.scope.get("messages") else _matching(job)
        total = len(items)

    def keep(door: Door) -> None:
        _mine(job)
        keep_items(job, items)
        door[job.mailspace_id].changed()
        Job.objects.filter(id=job.id).update(
            state=RUNNING, total=total, items=len(items), lease_until=now_us() + LEASE
        )

    commit({job.mailspace_id}, keep)
    job.refresh_from_db()


def _matching(job: Job) -> list[int]:
    """Conversations with a match that was there when the job began, the newest match first."""
    asked = c.And((c.load(job.scope["criteria"]), c.Before("internal", job.created_at + 1)))
    newest: dict[int, int] = {}
    for piece in _held(job, finding.every(job.mailspace_id, asked, aside=bool(job.scope.get("everywhere")))):
        for thread, at in piece.items():
            newest[thread] = max(at, newest.get(thread, 0))
    return [thread for _, thread in sorted(((at, thread) for thread, at in newest.items()), reverse=True)]


def _messages_matching(job: Job) -> list[int]:
    """Messages by themselves, the newest first."""
    asked = c.And((c.load(job.scope["criteria"]), c.Before("internal", job.created_at + 1)))
    found = {each for piece in _held(job, dryrun.every(job.mailspace_id, asked)) for each in piece}
    return [id_ for _at, id_ in sorted(found, reverse=True)]


def _held(job: Job, pieces: Iterable[T]) -> Iterator[T]:
    """Pieces of a long search, while the lease is renewed."""
    renewed = time.monotonic()
    for piece in pieces:
        yield piece
        if time.monotonic() - renewed > 10:
            renewed = time.monotonic()
            mine = Job.objects.filter(id=job.id, holder=job.holder, ended_at__isnull=True)
            if not mine.update(lease_until=now_us() + LEASE):
                raise _Lost


# --- doing it


def _run(job: Job, until: float) -> None:
    items = items_of(job)
    step, finish = _steps_of(job)
    size = FIRST
    while True:
        began = time.monotonic()
        ended = commit(
            {job.mailspace_id}, partial(_piece, job=job, items=items, size=size, step=step, finish=finish)
        )
        took = time.monotonic() - began
        if ended:
            return
        if time.monotonic() > until:
            mine = Job.objects.filter(id=job.id, holder=job.holder)
            mine.update(lease_until=now_us() - 1, holder="", tries=0)
            return
        size = _next_size(size, took)
        time.sleep(max(0.002, min(0.02, took / 5)))  # whoever waits for the lock gets it


def _next_size(size: int, took: float) -> int:
    """Pieces that take AIM. Most of a small one is what any transaction costs: on a busy machine smaller and smaller
    ones would come to nothing, so there is a least size, unless even that keeps others waiting."""
    wished = int(size * min(2.0, max(0.25, AIM / max(took, 0.001))))
    return max(FIRST if took < SLOW else 1, min(MOST, wished))


Step = Callable[[Changing, Sequence[int]], Piece]
Finish = Callable[[Changing], None]


def _piece(door: Door, *, job: Job, items: array[int], size: int, step: Step, finish: Finish | None) -> bool:
    """One transaction: some items, and the count of them. Whether it was the last one."""
    row = _mine(job)
    changing = door[job.mailspace_id]
    asked = items[row.seen : row.seen + size]
    done = step(changing, asked) if asked else Piece(0, 0, 0)
    row.seen += done.items
    row.done += done.conversations
    row.messages += done.messages
    row.skipped += done.skipped
    row.lease_until = now_us() + LEASE
    ended = row.seen >= len(items)
    if ended:
        if finish is not None:
            finish(changing)
        row.state, row.ended_at, row.lease_until = DONE, door.now, 0
    row.save()
    changing.changed()  # so that windows show how far it is
    return ended


def _steps_of(job: Job) -> tuple[Step, Finish | None]:
    """What is done to items, and at the end."""
    cause = _cause(job)
    if "at" in job.scope:
        back = rewinding.Rewind(job, cause)
        return back.step, back.finish
    if "action" in job.params:
        return partial(_undo, action=job.action, cause=cause), None
    return partial(_act, job=job, act=acts.named(job.verb, job.params), cause=cause), None


def _cause(job: Job) -> Cause:
    return Cause(job.cause, job.session, job.actor)


def _act(changing: Changing, asked: Sequence[int], *, job: Job, act: acts.Act, cause: Cause) -> Piece:
    """The verb, to as many of the conversations (in one piece: no more messages than a transaction may take)."""
    emptying = job.verb == "empty"
    single = emptying or job.verb == "filter"
    found = (rows.of_messages if single else rows.of_threads)(changing.id, list(asked))
    by_item: dict[int, list[Live]] = {}
    for live in found:
        by_item.setdefault(live.message if single else live.thread, []).append(live)
    lives: list[Live] = []
    items = 0
    for item in asked:
        # Mail that came after the start is left alone, and so is what a mail program marked \\Deleted.
        here = [live for live in by_item.get(item, ()) if live.message <= job.newest]
        here = here if emptying else [live for live in here if not live.deleted]
        if items and len(lives) + len(here) > MESSAGES:
            break
        lives += here
        items += 1
    lives.sort(key=lambda live: (live.thread, live.message, live.mailbox))
    entry = changing.entry("delete forever" if emptying else job.verb, cause, job.action)
    act(changing, entry, lives)
    return Piece(items, len(entry.threads), len(entry.messages()))


def _undo(changing: Changing, asked: Sequence[int], *, action: str, cause: Cause) -> Piece:
    """Rows of the journal, newest first."""
    sizes = dict(
        Change.objects.filter(mailspace_id=changing.id, id__in=list(asked)).values_list("id", "count")
    )
    conversations = messages = skipped = items = 0
    for change in asked:
        if items and messages + sizes.get(change, 0) > MESSAGES:
            break
        threads, touched, left = undo_one(changing, change, action, cause)
        conversations += len(threads)
        messages += touched
        skipped += left
        items += 1
    return Piece(items, conversations, messages, skipped)
