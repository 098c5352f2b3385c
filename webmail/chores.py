"""Long things for one person, done in the background: exports, imports from a file, a count of what fills a mailbox.

A row says what is asked for and how far it is; whoever has its lease works on it and renews the lease as it goes. A
worker that dies leaves the row to the next, which begins again: each kind is written so that this does no harm. The
bell only shortens the wait (webmail.tasks.chores runs every few seconds). What each kind does stands in
webmail/exporting.py, webmail/bringing.py and webmail/storage_use.py.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from celery import current_app
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from hosting.models import Account
from webmail.models import Chore

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
SAVED_EVERY = 1.0  # seconds between two rows of progress
MOST_TRIES = 3
MOST_AT_ONCE = 2  # of an installation: the threads they take are those that carry mail
KEPT = timedelta(days=7)  # what has ended, and its file


class Stopped(Exception):
    """The row is gone or somebody else's: no more of it."""


class CannotDo(Exception):
    """A chore that cannot be done; the text is a sentence for the person."""


class Work:
    """A chore under our lease, as its worker sees it."""

    def __init__(self, chore: Chore) -> None:
        self.chore = chore
        self.noted: set[str] = set()  # what a worker has said already
        self._saved = time.monotonic()

    def progress(self, done: int, total: int | None = None) -> None:
        """Say how far it is; now and then, and with the lease renewed. Stopped if it is no longer ours."""
        self.chore.done = done
        if total is not None:
            self.chore.total = total
        if time.monotonic() - self._saved >= SAVED_EVERY:
            self._saved = time.monotonic()
            self.save(
                done=done, total=self.chore.total, data=self.chore.data, lease_until=timezone.now() + LEASE
            )

    def save(self, **values: object) -> None:
        """Write to the row, as long as it is the one we took."""
        with transaction.atomic():
            held = Chore.objects.filter(pk=self.chore.pk, state=Chore.RUNNING, tries=self.chore.tries).update(
                **values
            )
        if not held:
            raise Stopped
        for name, value in values.items():
            setattr(self.chore, name, value)


Worker = Callable[[Work], None]


def start(
    account: Account,
    mailspace: int,
    kind: str,
    *,
    data: Mapping[str, object] | None = None,
    file: str = "",
    size: int = 0,
) -> Chore:
    """Ask for one; the one that is under way already, if there is one."""
    made = Chore(account=account, mailspace=mailspace, kind=kind, data=dict(data or {}), file=file, size=size)
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError:
        return Chore.objects.get(account=account, mailspace=mailspace, kind=kind, state__in=_OPEN)
    ring()
    return made


_OPEN = (Chore.WAITING, Chore.RUNNING)


def last(account: Account, mailspace: int, kind: str) -> Chore | None:
    """The newest of a kind."""
    return Chore.objects.filter(account=account, mailspace=mailspace, kind=kind).order_by("-id").first()


def is_open(chore: Chore | None) -> bool:
    return chore is not None and chore.state in _OPEN


def remove(chore: Chore) -> None:
    """Forget one with its file; a worker that is at it notices."""
    with transaction.atomic():
        Chore.objects.filter(pk=chore.pk).delete()
    drop_file(chore)


def drop_file(chore: Chore) -> None:
    """Remove a chore's file, and the folder that it alone lies in."""
    path = path_of(chore)
    if path is None:
        return
    path.unlink(missing_ok=True)
    if path.parent != folder():
        shutil.rmtree(path.parent, ignore_errors=True)


def folder() -> Path:
    """Where files of chores lie, readable by us only."""
    place = Path(settings.DATA_DIR) / "chores"
    place.mkdir(mode=0o700, exist_ok=True)
    return place


def path_of(chore: Chore) -> Path | None:
    return folder() / chore.file if chore.file else None


def work(workers: Mapping[str, Worker], *, most: int = 4) -> int:
    """Take what is due, one after another; gives how many were taken."""
    for taken in range(most):
        chore = _take()
        if chore is None:
            return taken
        _do(Work(chore), workers[chore.kind])
    return most


def _take() -> Chore | None:
    now = timezone.now()
    if Chore.objects.filter(state=Chore.RUNNING, lease_until__gte=now).count() >= MOST_AT_ONCE:
        return None
    due = Q(state=Chore.WAITING) | Q(state=Chore.RUNNING, lease_until__lt=now)
    for chore in Chore.objects.filter(due).order_by("id")[:5]:
        with transaction.atomic():
            held = Chore.objects.filter(due, pk=chore.pk, tries=chore.tries).update(
                state=Chore.RUNNING, lease_until=now + LEASE, tries=chore.tries + 1
            )
        if held:
            chore.refresh_from_db()
            return chore
    return None


def _do(work: Work, worker: Worker) -> None:
    chore = work.chore
    try:
        if chore.tries > MOST_TRIES:
            raise CannotDo
        worker(work)
        work.save(state=Chore.DONE, done=chore.total, finished_at=timezone.now())
    except Stopped:
        return
    except CannotDo as problem:
        _fail(work, str(problem))
    except Exception:
        log.exception("chore %d (%s) broke", chore.pk, chore.kind)
        _fail(work, "")


def _fail(work: Work, sentence: str) -> None:
    try:
        work.save(state=Chore.FAILED, problem=sentence, finished_at=timezone.now())
    except Stopped:
        return


def forget() -> None:
    """Remove what ended a week ago, with its file."""
    old = Chore.objects.filter(finished_at__lt=timezone.now() - KEPT).exclude(kind=Chore.STORAGE)
    for chore in old[:100]:
        remove(chore)


def ring() -> None:
    """Tell a worker, from a thread: no broker that is away may keep anybody waiting."""
    threading.Thread(target=_send, name="chore-bell", daemon=True).start()


def _send() -> None:
    try:
        current_app.send_task("webmail.tasks.chores", expires=60)
    except Exception as trouble:  # the broker's errors are of any kind; the beat finds the row
        log.warning("no worker could be woken, the sweep will: %s", trouble)
