"""Commands over a selection of any size: started here, done in the background by `working`.

A job is a row with an action id; what it was started for is kept beside it as packed ids, so that mail that
arrives later is left alone, in the selected conversations too. Whoever has the lease goes on; progress is
written in the transaction of each piece, so that a crash neither loses nor repeats anything.

States: gathering (what a search finds, or a rewind has to touch, is being collected), running; then done,
stopped, failed. Losing the message that wakes a worker costs only latency: the beat finds the row.
"""

from __future__ import annotations

import logging
import threading
import zlib
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from celery import current_app
from django.db import transaction

from mta.message import criteria as c
from mta.values import JUNK, TRASH, Cause, now_us

from . import acts, rewinding, rows, sql
from .door import Door
from .errors import CannotChange, NoSuchJob, NothingToUndo
from .journal import left_to_undo, opposite
from .lists import SECTIONS, Section
from .live import is_action, new_action
from .models import Action, Change, Job, JobItems, Mailbox, ThreadRow
from .writer import commit

log = logging.getLogger(__name__)

GATHERING, RUNNING, DONE, STOPPED, FAILED = "gathering", "running", "done", "stopped", "failed"
JUST_ENDED = 60 * 1_000_000  # µs that an ended job is still told of
_ALIASES = {
    "delete_forever": "delete forever",
    "unjunk": "not junk",
    "not_junk": "not junk",
    "labels": "label",
}


@dataclass(frozen=True, slots=True)
class InBox:
    """Every conversation of a mailbox or view, or of one section of it."""

    box: int
    section: Section | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Every conversation with a message that matches; `everywhere`: in Junk and Trash, too."""

    criteria: c.Criteria
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class FoundMessages:
    """Every message, by itself, that came in and matches; not in Spam, Trash, nor one's own. For filters."""

    criteria: c.Criteria


@dataclass(frozen=True, slots=True)
class BulkInfo:
    """A job and how far it is. `total` conversations were selected (None: still being counted), `seen` of them
    looked at, `done` really changed; `skipped` messages an undo left as somebody had changed them since."""

    id: int
    action: str
    verb: str
    total: int | None
    done: int
    state: str
    params: dict[str, Any]
    seen: int = 0
    messages: int = 0
    skipped: int = 0
    note: str = ""
    created_at: int = 0
    ended_at: int | None = None

    @property
    def running(self) -> bool:
        return self.ended_at is None


# --- starting


def start_bulk(
    mailspace: int,
    verb: str,
    scope: InBox | Found | FoundMessages,
    *,
    params: Mapping[str, Any] | None = None,
    cause: Cause,
) -> BulkInfo:
    """Do a verb to all conversations of a selection as it stands now, in the background.

    Verbs are those of `acts.named` with its parameters: label {mailbox} or {add, remove}, move {source, target},
    snooze {until}, empty {mailbox}. Raises what the verb would raise at once.
    """
    verb = _ALIASES.get(verb, verb)
    if (verb == "filter") != isinstance(scope, FoundMessages):
        raise CannotChange("A filter looks at messages one by one, and nothing else does.")
    given = dict(params or {})
    if verb == "move" and "source" not in given:
        given["source"] = scope.box if isinstance(scope, InBox) else None
    if verb == "empty":
        given.setdefault("mailbox", scope.box if isinstance(scope, InBox) else 0)
    _check(mailspace, verb, given)
    with rows.snapshot():
        newest = _highest("message")
        items = _selected(mailspace, verb, scope, given) if isinstance(scope, InBox) else None
    kept = {"box": scope.box} if isinstance(scope, InBox) else _kept(scope)
    job = Job(
        mailspace_id=mailspace,
        verb=verb,
        params=given,
        scope=kept,
        newest=newest,
        **_by(cause),
    )
    return _start(job, items)


def _check(mailspace: int, verb: str, params: dict[str, Any]) -> None:
    """What cannot be done is said before it is begun."""
    try:
        acts.named(verb, params)
        named = [params.get(name) for name in ("mailbox", "target")]
        named += [*params.get("add", ()), *params.get("remove", ()), *params.get("labels", ())]
    except KeyError as missing:
        raise CannotChange(f"What to do is not complete: {missing}.") from None
    wanted = {int(one) for one in named if one is not None}
    boxes = dict(
        Mailbox.objects.filter(mailspace_id=mailspace, id__in=wanted, deleted_at__isnull=True).values_list(
            "id", "role"
        )
    )
    if boxes.keys() != wanted:
        raise CannotChange("That mailbox is no longer here.")
    if verb == "empty" and boxes.get(params["mailbox"]) not in (TRASH, JUNK):
        raise CannotChange("Only Trash and Spam can be emptied.")
    if verb == "move" and boxes[params["target"]] in acts.NO_LABELS - {TRASH, JUNK}:
        raise CannotChange("Only drafts, snoozed and scheduled mail belong there.")
    adding = [params.get("mailbox")] if verb == "label" and "mailbox" in params else params.get("add", ())
    if verb == "label" and any(boxes.get(box or 0) in acts.NO_LABELS for box in adding):
        raise CannotChange("Mail is moved there, not labelled.")


def _highest(table: str) -> int:
    """Ids of a mailspace only grow: what is there now has none above."""
    return int(sql.select(f"SELECT COALESCE(MAX(id), 0) FROM mailstore_{table}", [])[0][0])


def _selected(mailspace: int, verb: str, scope: InBox, params: dict[str, Any]) -> list[int]:
    """Conversations in the order of the list; for emptying, messages, those that no list shows included."""
    if verb == "empty":
        found = sql.select(
            "SELECT message_id FROM mailstore_placement WHERE mailspace_id = %s AND mailbox_id = %s"
            " AND expunged_modseq IS NULL ORDER BY uid",
            [mailspace, params["mailbox"]],
        )
        return [row[0] for row in found]
    every = ThreadRow.objects.filter(mailspace_id=mailspace, box=scope.box)
    if scope.section is not None:
        every = every.filter(SECTIONS[scope.section])
    return list(every.order_by("-sort_at", "-thread_id").values_list("thread_id", flat=True))


def _kept(scope: Found | FoundMessages) -> dict[str, Any]:
    if isinstance(scope, FoundMessages):
        return {"criteria": c.dump(scope.criteria), "messages": True}
    return {"criteria": c.dump(scope.criteria), "everywhere": scope.everywhere}


def start_undo(mailspace: int, action: str, *, cause: Cause) -> BulkInfo:
    """Undo a command of any size in the background. One that is still being done is stopped first."""
    if not is_action(action):
        raise NothingToUndo("There is nothing left to undo there.")
    job = Job(mailspace_id=mailspace, params={"action": action}, scope={}, **_by(cause))
    begun = Action.objects.filter(mailspace_id=mailspace, action=action).first()

    def work(door: Door) -> BulkInfo:
        stopped = _stop(door, Job.objects.filter(mailspace_id=mailspace, action=action))
        changes = left_to_undo(mailspace, action)
        if not changes and not stopped:
            raise NothingToUndo("There is nothing left to undo there.")
        job.verb = opposite(begun.verb if begun is not None else stopped[0])
        job.params = {"action": action, "verb": begun.verb if begun is not None else stopped[0]}
        return _insert(door, job, changes, total=begun.conversations if begun is not None else 0)

    info = commit({mailspace}, work)
    _wake()
    return info


def start_rewind(mailspace: int, at: int, *, cause: Cause) -> BulkInfo:
    """Put a mailspace back to how it was at a moment (µs), in the background; see `rewinding`."""
    rewinding.check(at)
    job = Job(mailspace_id=mailspace, verb=rewinding.VERB, params={"at": at}, scope={"at": at}, **_by(cause))

    def work(door: Door) -> BulkInfo:
        running = Job.objects.filter(mailspace_id=mailspace, ended_at__isnull=True)
        _stop(door, running)  # what is being done now is not over when the past is back
        job.newest = _highest("change")
        if not Change.objects.filter(mailspace_id=mailspace, at__gt=at, is_open=False).exists():
            raise NothingToUndo("Nothing was changed since then.")
        return _insert(door, job, None)

    info = commit({mailspace}, work)
    _wake()
    return info


def _by(cause: Cause) -> dict[str, Any]:
    return {
        "cause": cause.kind,
        "session": cause.session[:255],
        "actor": cause.actor[:255],
        "action": new_action(),
    }


def _start(job: Job, items: list[int] | None) -> BulkInfo:
    info = commit({job.mailspace_id}, lambda door: _insert(door, job, items))
    _wake()
    return info


def _insert(door: Door, job: Job, items: list[int] | None, *, total: int | None = None) -> BulkInfo:
    """Within the transaction: the job and its items, if these are known."""
    door[job.mailspace_id].changed()  # other windows show it
    job.created_at = door.now
    job.state = GATHERING if items is None else RUNNING
    if items is not None:
        job.items = len(items)
        job.total = job.items if total is None else total
        if not items:
            job.state, job.ended_at = DONE, door.now
    job.save()
    if items:
        keep_items(job, items)
    return told(job)


def keep_items(job: Job, items: Iterable[int]) -> None:
    """Within a transaction: what the job is for."""
    packed = zlib.compress(array("q", items).tobytes(), 1)
    JobItems.objects.update_or_create(
        job_id=job.id, defaults={"mailspace_id": job.mailspace_id, "packed": packed}
    )


def items_of(job: Job) -> array[int]:
    """What the job is for."""
    found = JobItems.objects.filter(job_id=job.id).values_list("packed", flat=True).first()
    return array("q", zlib.decompress(bytes(found)) if found is not None else b"")


# --- telling and stopping


def told(job: Job) -> BulkInfo:
    """A job as callers see it."""
    return BulkInfo(
        id=job.id,
        action=job.action,
        verb=job.verb,
        total=job.total,
        done=job.done,
        state=job.state,
        params=dict(job.params),
        seen=job.total * job.seen // job.items if job.total and job.items else job.seen,
        messages=job.messages,
        skipped=job.skipped,
        note=job.note,
        created_at=job.created_at,
        ended_at=job.ended_at,
    )


def bulk(mailspace: int, id_: int) -> BulkInfo:
    """A job of this mailspace; NoSuchJob when it is not, or was forgotten (a day after its end)."""
    job = Job.objects.filter(mailspace_id=mailspace, id=id_).first()
    if job is None:
        raise NoSuchJob("That is no longer known here.")
    return told(job)


def bulks(mailspace: int) -> tuple[BulkInfo, ...]:
    """What is being done in the background or ended just now, the latest first."""
    recent = Job.objects.filter(mailspace_id=mailspace).order_by("-created_at", "-id")[:20]
    since = now_us() - JUST_ENDED
    return tuple(told(job) for job in recent if job.ended_at is None or job.ended_at > since)


def stop_bulk(mailspace: int, id_: int) -> BulkInfo:
    """Do no more of a job; what it has done stays, and can be undone."""

    def work(door: Door) -> None:
        _stop(door, Job.objects.filter(mailspace_id=mailspace, id=id_))

    commit({mailspace}, work)
    return bulk(mailspace, id_)


def _stop(door: Door, jobs: Any) -> list[str]:
    """End those of some jobs that have not ended; no piece of theirs is done after this transaction, since each
    looks under the mailspace's lock. Returns their verbs."""
    stopped = []
    for job in jobs.filter(ended_at__isnull=True):
        job.state, job.ended_at = STOPPED, door.now
        job.save(update_fields=["state", "ended_at"])
        door[job.mailspace_id].changed()
        stopped.append(job.verb)
    return stopped


# --- the doorbell


def _wake() -> None:
    transaction.on_commit(ring, robust=True)


def ring() -> None:
    """Tell a worker, from a thread: no broker that is away may keep anybody waiting."""
    threading.Thread(target=_send, name="job-bell", daemon=True).start()


def _send() -> None:
    try:
        current_app.send_task("mta.mailstore.tasks.work", expires=60)
    except Exception as trouble:  # the broker's errors are of any kind; the beat finds the row
        log.warning("mailstore: no worker could be woken, the sweep will: %s", trouble)
