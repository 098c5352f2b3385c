"""Whose turn it is: old mailboxes that are due, taken under a lease and given back with what came of it.

A worker has a mailbox for a slice of time, so that one with a million messages keeps nobody else waiting; one that dies
leaves it to the next when its lease ends. A password that is refused three times is not tried again, since hosts lock
doors that somebody knocks at too often.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from celery import current_app
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.access import mailspaces_for
from hosting.sealing import Unsealable

from .errors import BadPassword, Gone, Refused, Trouble
from .models import Source

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)  # longer than any wait for a server but for bodies, which `hold`s longer
SLICE = 120.0  # seconds
RENEWED_EVERY = 1.0
POLL = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=1)
FIRST_PAUSE = timedelta(seconds=30)
MOST_REFUSALS = 3
MOST_AT_ONCE = 2  # of an installation: the threads they take are those that carry mail


class Turn:
    """A source under our lease."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._ends = time.monotonic() + SLICE
        self._saved = time.monotonic()

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._ends

    def save(self, **values: object) -> None:
        """Write to the row as long as it is ours; Gone else. The lease begins anew."""
        values.setdefault("lease_until", timezone.now() + LEASE)
        with transaction.atomic():
            held = Source.objects.filter(pk=self.source.pk, turn=self.source.turn, lease_until__isnull=False)
            if not held.update(**values):
                raise Gone
        for name, value in values.items():
            setattr(self.source, name, value)
        self._saved = time.monotonic()

    def hold(self, seconds: float) -> None:
        """Before a command that may take so long."""
        self.save(lease_until=timezone.now() + max(LEASE, timedelta(seconds=seconds + 30)))

    def alive(self) -> None:
        """Now and then: still ours?"""
        if time.monotonic() - self._saved >= RENEWED_EVERY:
            self.save()


def work(worker: Callable[[Turn], None], *, most: int = 2) -> int:
    """Take what is due, one after another; gives how many were taken."""
    for taken in range(most):
        source = _take()
        if source is None:
            return taken
        _do(Turn(source), worker)
    return most


def _take() -> Source | None:
    now = timezone.now()
    if Source.objects.filter(lease_until__gte=now).count() >= MOST_AT_ONCE:
        return None
    due = Q(next_at__lte=now) & (Q(lease_until__isnull=True) | Q(lease_until__lt=now))
    for source in Source.objects.filter(due).order_by("next_at")[:5]:
        with transaction.atomic():
            held = Source.objects.filter(due, pk=source.pk, turn=source.turn).update(
                lease_until=now + LEASE, turn=F("turn") + 1
            )
        if held:
            source.refresh_from_db()
            return source
    return None


def _do(turn: Turn, worker: Callable[[Turn], None]) -> None:
    source = turn.source
    try:
        _require_right(source)
        worker(turn)
        turn.save(
            failures=0, refusals=0, problem="", problem_at=None, next_at=_next(source), lease_until=None
        )
    except Gone:
        return
    except BadPassword as wrong:
        source.refusals += 1
        if source.refusals < MOST_REFUSALS:
            _later(turn, str(wrong))
        else:
            _give_up(turn, str(wrong))
    except Unsealable:
        source.refusals = MOST_REFUSALS
        _give_up(turn, _("The password has to be entered again."))
    except Refused as wrong:
        source.refusals = 0
        _give_up(turn, str(wrong))
    except Trouble as trouble:
        _later(turn, str(trouble))
    except Exception:
        if not Source.objects.filter(pk=source.pk).exists():
            return  # forgotten in the middle of a piece
        log.exception("source %d broke", source.pk)
        _later(turn, _("Something went wrong on our side."))


def _require_right(source: Source) -> None:
    rights = {each.mailspace: each.rights for each in mailspaces_for(source.account)}
    if not source.account.is_active or rights.get(source.mailspace) not in ("own", "organise"):
        raise Refused(_("This mailbox is no longer yours to change."))


def _next(source: Source) -> datetime | None:
    """When to look again: at once while it moves, later where it is kept up with, else never."""
    if source.state == Source.MOVING:
        return timezone.now()
    return timezone.now() + POLL if source.keep and source.state == Source.DONE else None


def _give_up(turn: Turn, sentence: str) -> None:
    """Until somebody has changed something."""
    with _quietly():
        turn.save(
            **{
                "state": Source.REFUSED,
                "next_at": None,
                "lease_until": None,
                "refusals": turn.source.refusals,
            },
            **{"problem": sentence, "problem_at": timezone.now()},
        )


def _later(turn: Turn, sentence: str) -> None:
    source = turn.source
    first = FIRST_PAUSE if source.state == Source.MOVING else POLL
    pause = min(first * 2 ** min(source.failures, 10), LONGEST_PAUSE)
    with _quietly():
        turn.save(
            **{"failures": source.failures + 1, "refusals": source.refusals, "lease_until": None},
            **{"problem": sentence, "problem_at": timezone.now(), "next_at": timezone.now() + pause},
        )


class _quietly:
    """A row that is gone needs no word about what went wrong."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> bool:
        return kind is not None and issubclass(kind, Gone)


def ring() -> None:
    """Tell a worker, from a thread: no broker that is away may keep anybody waiting."""
    threading.Thread(target=_send, name="moving-bell", daemon=True).start()


def _send() -> None:
    try:
        current_app.send_task("webmail.moving.tasks.move", expires=60)
    except Exception as trouble:  # the broker's errors are of any kind; the beat finds the row
        log.warning("no worker could be woken, the sweep will: %s", trouble)
