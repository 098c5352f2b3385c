"""The durable outbound queue. Rows are the truth; `wake()` only shortens the wait.

Whoever has a message to send calls `enqueue` inside the transaction that makes it so. A worker claims
recipients (`claim`: a lease, and the next attempt moved forward *before* the attempt, so that a crash can
neither hammer a remote nor lose a recipient), tries them, and settles each with `record`. Never opens a
socket: see mta.relay. Never writes a report: see mta.flow.bounce, which calls `record` and stores the
report in one transaction.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import zstandard
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, QuerySet

from mta.queue import bell, schedule
from mta.queue.errors import LostClaim, NoSuchOutgoing, TooLate
from mta.queue.models import Attempt, Outgoing, QueuedBytes, QueuedRecipient
from mta.queue.reasons import HERE
from mta.queue.schedule import Decision
from mta.queue.standing import attempts as attempts
from mta.queue.standing import depth as depth
from mta.queue.standing import recipients as recipients
from mta.queue.standing import states_for as states_for
from mta.queue.values import (
    CANCELLED,
    DEFERRED,
    DELIVERED,
    DELIVERING,
    EXPIRED,
    FAILED,
    GIVEN_UP,
    HELD,
    PARKED,
    QUEUED,
    REPORT,
    Claimed,
    NewOutgoing,
    NewRecipient,
    Outcome,
    OutgoingInfo,
)
from mta.values import now_us

_PIECE = 4 * 1024 * 1024  # bytes of a message per row
_RINGS_WITHIN = 120  # seconds; what is held for longer is the sweep's
_AT_ONCE = 100  # messages that are put in together
_LEVEL = 3  # of compression
_TOP = -1  # the position of what is put on top of a message as it leaves
_KEPT_BACK = 366 * schedule.DAY  # how long what may not go waits for its writer
_LATEST = 500  # messages of one mailspace that are looked through
_SETTLED = 90 * schedule.DAY  # how long the states of a finished message can be looked up
_INFO = (
    "id", "kind", "sender", "mailspace_id", "message", "draft", "answered", "header_id", "trace_id", "size", "utf8",
    "ret", "envid", "created_at", "not_before",
)  # fmt: skip


# --- in ----------------------------------------------------------------------------------------------------
def enqueue(new: NewOutgoing, *, now: int | None = None) -> int:
    """Put a message in the queue; the id of its Outgoing. Durable when the caller's transaction is.

    Wakes a worker after that commit, or when a message that is held (`not_before`) becomes due.
    """
    now = now_us() if now is None else now
    start = max(now, new.not_before)
    held = start > now
    parked = PARKED if new.parked else 0
    waiting = [recipient for recipient in new.recipients if not recipient.delivered_here]
    with transaction.atomic():
        outgoing = _outgoing(new, now=now, start=start, done_at=None if waiting else now)
        outgoing.save(force_insert=True)
        QueuedRecipient.objects.bulk_create(
            [
                _row(outgoing.id, recipient, now=now, start=start + parked, held=held)
                for recipient in new.recipients
            ],
            batch_size=200,
        )
        if waiting:
            _keep(outgoing.id, new.raw)
        if waiting and not parked:
            wake(after=(start - now) / 1_000_000)
    return outgoing.id


def enqueue_all(several: Sequence[NewOutgoing], *, now: int) -> None:
    """Messages that are due at once, a hundred with a statement for each table: the copies of a list."""
    with transaction.atomic():
        for start in range(0, len(several), _AT_ONCE):
            part = several[start : start + _AT_ONCE]
            made = Outgoing.objects.bulk_create([_outgoing(new, now=now, start=now) for new in part])
            pairs = list(zip(made, part, strict=True))
            rows = [
                _row(each.id, to, now=now, start=now, held=False)
                for each, new in pairs
                for to in new.recipients
            ]
            QueuedRecipient.objects.bulk_create(rows)
            QueuedBytes.objects.bulk_create(
                [piece for each, new in pairs for piece in _pieces(each.id, new.raw)], batch_size=20
            )
        if several:
            wake()


def _outgoing(new: NewOutgoing, *, now: int, start: int, done_at: int | None = None) -> Outgoing:
    return Outgoing(
        kind=new.kind,
        sender=new.sender,
        mailspace_id=new.mailspace,
        message=new.message,
        draft=new.draft,
        answered=new.answered,
        header_id=new.header_id[:998],
        trace_id=new.trace_id,
        size=len(new.raw),
        utf8=new.utf8,
        ret=new.ret,
        envid=new.envid,
        created_at=now,
        not_before=start,
        done_at=done_at,
    )


def _row(outgoing: int, new: NewRecipient, *, now: int, start: int, held: bool) -> QueuedRecipient:
    row = QueuedRecipient(
        outgoing_id=outgoing,
        address=new.address,
        domain=new.address.rpartition("@")[2].lower(),
        state=HELD if held else QUEUED,
        next_attempt=start,
        expires_at=start + schedule.LIFETIME,
        notify=new.notify,
        orcpt=new.orcpt,
    )
    if new.delivered_here:
        row.state, row.reason = DELIVERED, HERE
        row.delivered_at = row.finished_at = now
    return row


def _keep(outgoing: int, raw: bytes) -> None:
    for piece in _pieces(outgoing, raw):
        piece.save(force_insert=True)


def _pieces(outgoing: int, raw: bytes) -> Iterator[QueuedBytes]:
    compress = zstandard.ZstdCompressor(level=_LEVEL).compress
    for position, start in enumerate(range(0, max(len(raw), 1), _PIECE)):
        piece = compress(raw[start : start + _PIECE])
        yield QueuedBytes(outgoing_id=outgoing, position=position, data=piece)


def wake(after: float = 0.0) -> None:
    """Ring for a worker once the current transaction has committed, or that many seconds later."""
    if after < _RINGS_WITHIN:
        transaction.on_commit(partial(bell.ring, after))


# --- reading -----------------------------------------------------------------------------------------------
def outgoing(id: int) -> OutgoingInfo:
    row = Outgoing.objects.filter(id=id).values_list(*_INFO).first()
    if row is None:
        raise NoSuchOutgoing(id)
    return OutgoingInfo(*row)


def raw(id: int) -> bytes:
    """The message's bytes; they are there as long as a recipient waits."""
    pieces = list(
        QueuedBytes.objects.filter(outgoing_id=id).order_by("position").values_list("data", flat=True)
    )
    if not pieces:
        raise NoSuchOutgoing(id)
    decompress = zstandard.ZstdDecompressor().decompress
    return b"".join(decompress(bytes(piece)) for piece in pieces)


# --- out ---------------------------------------------------------------------------------------------------
_CLAIM = """
UPDATE queue_queuedrecipient
   SET state = %s, claim = %s, lease_until = %s, attempts = attempts + 1, next_attempt = {forward}
 WHERE id IN (
    SELECT id FROM queue_queuedrecipient
     WHERE finished_at IS NULL AND next_attempt <= %s AND (lease_until IS NULL OR lease_until <= %s)
     ORDER BY next_attempt, outgoing_id, id LIMIT %s {lock}
 )
RETURNING id, outgoing_id, address, domain, attempts, expires_at, warned_at, notify, orcpt
"""


def _forward(steps: Sequence[int], now: int) -> str:
    """SQL for "when to come back if we die now": by the attempts made before this one, never inside the lease.

    The numbers are ours, not a caller's text.
    """
    whens = " ".join(
        f"WHEN {made} THEN {now + max(schedule.delay(made + 1, tuple(steps)), schedule.LEASE)}"
        for made in range(len(steps) - 1)
    )
    last = now + max(steps[-1], schedule.LEASE)
    return f"CASE attempts {whens} ELSE {last} END"


def claim(*, limit: int, now: int | None = None, lease: int = schedule.LEASE) -> tuple[Claimed, ...]:
    """Take up to `limit` due recipients for this worker; several workers never get the same one.

    A claim whose lease has run out (its worker died) is due again; it counts as an attempt.
    """
    now = now_us() if now is None else now
    token = secrets.token_hex(16)
    until = now + lease
    lock = "FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    sql = _CLAIM.format(forward=_forward(_steps(), now), lock=lock)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [DELIVERING, token, until, now, now, limit])
        rows = cursor.fetchall()
    return tuple(
        Claimed(
            id=id,
            outgoing=outgoing,
            address=address,
            domain=domain,
            attempts=attempts,
            claim=token,
            lease_until=until,
            expires_at=expires_at,
            warned_at=warned_at,
            notify=notify,
            orcpt=orcpt,
        )
        for id, outgoing, address, domain, attempts, expires_at, warned_at, notify, orcpt in sorted(rows)
    )


def due(*, now: int | None = None) -> bool:
    """Whether a claim made now would find something; one look at an index."""
    now = now_us() if now is None else now
    return QueuedRecipient.objects.filter(finished_at__isnull=True, next_attempt__lte=now).exists()


def give_back(claims: Iterable[Claimed], *, now: int | None = None) -> None:
    """Undo a claim that came to nothing because this worker stops; it does not count as an attempt."""
    now = now_us() if now is None else now
    for claimed in claims:
        QueuedRecipient.objects.filter(id=claimed.id, claim=claimed.claim, finished_at__isnull=True).update(
            state=QUEUED,
            claim="",
            lease_until=None,
            next_attempt=now,
            attempts=claimed.attempts - 1,
        )


def _steps() -> tuple[int, ...]:
    return schedule.DEMO_STEPS if settings.DEMO_SANDBOX else schedule.STEPS


def decide(claimed: Claimed, outcome: Outcome, *, now: int) -> Decision:
    """What an outcome means for this recipient (pure but for the dice); `record` writes it."""
    return schedule.decide(
        outcome,
        attempts=claimed.attempts,
        now=now,
        expires=claimed.expires_at,
        chance=random.random(),  # noqa: S311 - spreads retries, guards nothing
        steps=_steps(),
    )


def record(
    claimed: Claimed,
    outcome: Outcome,
    decision: Decision,
    *,
    now: int,
    warned: bool = False,
    strictly: bool = False,
) -> None:
    """Write what became of one recipient, in the caller's transaction if there is one.

    LostClaim if the lease ran out and somebody else has it - unless it was delivered, which is true
    whoever holds the lease, and must keep the other from trying again. `strictly` raises even then.
    """
    with transaction.atomic():
        rows = QueuedRecipient.objects.filter(id=claimed.id, finished_at__isnull=True)
        if strictly or decision.state != DELIVERED:
            rows = rows.filter(claim=claimed.claim)
        settled = decision.next_attempt is None
        changes: dict[str, Any] = {
            "state": decision.state,
            "claim": "",
            "lease_until": None,
            "reason": outcome.reason,
            "code": outcome.code,
            "enhanced": outcome.enhanced[:16],
            "text": outcome.text[:500],
            "remote": outcome.remote[:255],
            "tls": outcome.tls[:16],
            "finished_at": now if settled else None,
            "delivered_at": now if decision.state == DELIVERED else None,
        }
        if decision.next_attempt is not None:
            changes["next_attempt"] = decision.next_attempt
        if warned:
            changes["warned_at"] = now
        if not rows.update(**changes):
            raise LostClaim(claimed.address)
        Attempt.objects.create(
            recipient_id=claimed.id,
            outgoing_id=claimed.outgoing,
            started_at=outcome.started_at or now,
            ended_at=now,
            state=decision.state,
            reason=outcome.reason,
            code=outcome.code,
            enhanced=outcome.enhanced[:16],
            text=outcome.text[:500],
            remote=outcome.remote[:255],
            ip=outcome.ip[:45],
            tls=outcome.tls[:16],
        )
        if settled:
            _close(claimed.outgoing, now)


def _close(outgoing: int, now: int) -> None:
    """Forget the bytes when the last recipient is settled; what became of them stays to be looked up."""
    # Two workers may settle the last two recipients at once: the row lock makes one of them see both.
    list(Outgoing.objects.select_for_update().filter(id=outgoing).values_list("id"))
    if QueuedRecipient.objects.filter(outgoing_id=outgoing, finished_at__isnull=True).exists():
        return
    Outgoing.objects.filter(id=outgoing).update(done_at=now)
    QueuedBytes.objects.filter(outgoing_id=outgoing).delete()


def cancel(outgoing: int, *, mailspace: int, now: int | None = None) -> OutgoingInfo:
    """Take a held message back, all recipients or none; TooLate once one of them was claimed."""
    now = now_us() if now is None else now
    with transaction.atomic():
        info = _owned(outgoing, mailspace)
        mine = QueuedRecipient.objects.filter(outgoing_id=outgoing)
        taken = mine.filter(state=HELD, finished_at__isnull=True).update(state=CANCELLED, finished_at=now)
        if not taken or mine.exclude(state=CANCELLED).exists():
            raise TooLate(outgoing)
        _close(outgoing, now)
    return info


def retry_now(outgoing: int, *, mailspace: int, address: str, now: int | None = None) -> None:
    """Try a recipient that waits for its next attempt at once; the schedule goes on from there. TooLate if none waits."""
    now = now_us() if now is None else now
    with transaction.atomic():
        _owned(outgoing, mailspace)
        waiting = QueuedRecipient.objects.filter(outgoing_id=outgoing, address=address, state=DEFERRED)
        if not waiting.filter(finished_at__isnull=True).update(next_attempt=now):
            raise TooLate(outgoing)
        wake()


def give_up(outgoing: int, *, mailspace: int, address: str, now: int | None = None) -> OutgoingInfo:
    """The sender lets a recipient go: one that waits is not tried again, one that failed is dealt with.
    TooLate when it is being tried just now or has arrived."""
    now = now_us() if now is None else now
    with transaction.atomic():
        info = _owned(outgoing, mailspace)
        mine = QueuedRecipient.objects.filter(outgoing_id=outgoing, address=address)
        done = mine.filter(state__in=(QUEUED, DEFERRED), finished_at__isnull=True).update(
            state=GIVEN_UP, finished_at=now
        )
        done += mine.filter(state__in=(FAILED, EXPIRED)).update(state=GIVEN_UP)
        if not done:
            raise TooLate(outgoing)
        _close(outgoing, now)
    return info


def set_aside(outgoing: int, *, mailspace: int, address: str) -> None:
    """A recipient that was not reached counts no more, because another sending to it begins in this transaction.
    TooLate when it is on its way, has arrived, or was set aside before."""
    with transaction.atomic():
        _owned(outgoing, mailspace)
        mine = QueuedRecipient.objects.filter(outgoing_id=outgoing, address=address)
        if not mine.filter(state__in=(FAILED, EXPIRED, GIVEN_UP)).update(state=CANCELLED):
            raise TooLate(outgoing)


def _owned(outgoing: int, mailspace: int) -> OutgoingInfo:
    """An Outgoing of this mailspace, locked until the transaction ends."""
    rows = list(
        Outgoing.objects.select_for_update()
        .filter(id=outgoing, mailspace_id=mailspace)
        .exclude(kind=REPORT)
        .values_list(*_INFO)
    )
    if not rows:
        raise NoSuchOutgoing(outgoing)
    return OutgoingInfo(*rows[0])


def parked(mailspace: int, message: int) -> tuple[OutgoingInfo, ...]:
    """What waits for the copy of a message to leave Scheduled."""
    held = QueuedRecipient.objects.filter(finished_at__isnull=True, next_attempt__gte=PARKED)
    rows = Outgoing.objects.filter(
        mailspace_id=mailspace, message=message, done_at__isnull=True, id__in=held.values("outgoing_id")
    )
    return tuple(OutgoingInfo(*row) for row in rows.order_by("id").values_list(*_INFO))


def release(outgoing: int, *, on_top: bytes = b"", now: int | None = None) -> int:
    """What was parked is due now, with `on_top` before its first line; how many recipients. In the caller's transaction."""
    now = now_us() if now is None else now
    with transaction.atomic():
        rows = _parked(outgoing)
        count = rows.update(state=QUEUED, reason="", next_attempt=now, expires_at=now + schedule.LIFETIME)
        if count and on_top:
            data = zstandard.ZstdCompressor(level=_LEVEL).compress(on_top)
            QueuedBytes.objects.create(outgoing_id=outgoing, position=_TOP, data=data)
            Outgoing.objects.filter(id=outgoing).update(size=F("size") + len(on_top))
        if count:
            wake()
    return count


def hold_back(outgoing: int, *, reason: str, now: int | None = None) -> int:
    """What was parked may not go, for a reason its writer is shown, and is kept for a year; how many recipients."""
    now = now_us() if now is None else now
    return _parked(outgoing).update(reason=reason, next_attempt=PARKED + now + _KEPT_BACK)


def _parked(outgoing: int) -> QuerySet[QueuedRecipient]:
    return QueuedRecipient.objects.filter(
        outgoing_id=outgoing, state=HELD, finished_at__isnull=True, next_attempt__gte=PARKED
    )


def drop_parked(*, before: int, limit: int = 500) -> int:
    """Let go of what was parked for a moment before `before` (µs) and never handed over; how many recipients."""
    with transaction.atomic():
        rows = QueuedRecipient.objects.filter(
            finished_at__isnull=True, next_attempt__gte=PARKED, next_attempt__lt=PARKED + before
        ).order_by("next_attempt")
        found = list(rows.values_list("id", "outgoing_id")[:limit])
        now = now_us()
        QueuedRecipient.objects.filter(id__in=[id_ for id_, _outgoing in found]).update(
            state=CANCELLED, finished_at=now
        )
        for outgoing_id in sorted({outgoing_id for _id, outgoing_id in found}):
            _close(outgoing_id, now)
    return len(found)


def last_security(mailspace: int, domains: Iterable[str]) -> dict[str, tuple[str, int]]:
    """By domain: how this mailspace's last message that another host took for it went ("TLSv1.3", or "" for not
    encrypted), and when (µs). Looks at its latest messages only; what others of this host sent is nobody's business."""
    latest = Outgoing.objects.filter(mailspace_id=mailspace).order_by("-id").values_list("id", flat=True)
    rows = QueuedRecipient.objects.filter(
        outgoing_id__in=list(latest[:_LATEST]),
        domain__in=sorted({domain.lower() for domain in domains})[:100],
        state=DELIVERED,
        remote__gt="",
    ).order_by("delivered_at")
    return {domain: (tls, at or 0) for domain, tls, at in rows.values_list("domain", "tls", "delivered_at")}


def purge(*, now: int | None = None, limit: int = 500) -> int:
    """Forget messages settled long ago; how many. Called by the sweep until it says 0."""
    now = now_us() if now is None else now
    with transaction.atomic():
        ids = list(
            Outgoing.objects.filter(done_at__lt=now - _SETTLED)
            .order_by("done_at")
            .values_list("id", flat=True)[:limit]
        )
        for table in (Attempt, QueuedRecipient, QueuedBytes):
            table.objects.filter(outgoing_id__in=ids).delete()
        Outgoing.objects.filter(id__in=ids).delete()
    return len(ids)
