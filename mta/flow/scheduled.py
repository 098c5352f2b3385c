"""Messages that go at an hour their writers chose.

Until then the message lies in Scheduled and its recipients' rows are parked in the queue. The placement decides: when
its moment has come, one transaction moves it to Sent and makes the rows due; a message that somebody took out of
Scheduled is never sent, and goes after all if an undo brings it back in time. Whether it may go is asked at that
moment, and it is signed then: since it was written, its writer may have been suspended or an address taken away, and
a key retired. What may not go stays in Scheduled, says why, and is not tried again by itself. Run from the beat; safe
to run twice.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.conf import settings

from mta import directory
from mta.flow import submit
from mta.mailstore import service as mailstore
from mta.mailstore.errors import StoreError
from mta.mailstore.service import Door
from mta.queue import reasons
from mta.queue import service as queue
from mta.queue.errors import NoSuchOutgoing, TooLate
from mta.queue.values import OutgoingInfo
from mta.tracing import service as tracing
from mta.tracing.service import Event
from mta.trust.signing import signature
from mta.values import Cause, now_us

_DAY = 24 * 3600 * 1_000_000
log = logging.getLogger(__name__)


def send_due(now: int | None = None) -> int:
    """Send what is due; how many messages."""
    moment = now_us() if now is None else now
    sent = 0
    for mailspace, message in mailstore.scheduled_due(moment):
        try:
            sent += _send(mailspace, message, moment)
        except StoreError as error:  # the mailspace went, or its Sent: the next sweep looks again
            log.warning("message %d of mailspace %d stays in Scheduled: %s", message, mailspace, error)
    queue.drop_parked(before=moment - int(settings.UNDO_DAYS) * _DAY)
    return sent


def _send(mailspace: int, message: int, moment: int) -> bool:
    """Hand one message over, or keep it back; whether it went."""
    parked = queue.parked(mailspace, message)
    if not all(directory.current().may_send(mailspace, info.sender) for info in parked):
        _keep_back(mailspace, message, parked, moment)
        return False
    # RFC 6376 §5: what is signed now can be checked with a key that is published now.
    tops = {info.id: signature(queue.raw(info.id), info.sender, at=moment) for info in parked}

    def work(door: Door) -> bool:
        if not mailstore.leave_scheduled(door, mailspace, message, now=moment):
            return False
        for outgoing, top in tops.items():
            queue.release(outgoing, on_top=top, now=moment)
        return True

    return mailstore.commit({mailspace}, work)


def _keep_back(mailspace: int, message: int, parked: Sequence[OutgoingInfo], moment: int) -> None:
    def work(door: Door) -> None:
        if not mailstore.stay_scheduled(door, mailspace, message, now=moment):
            return
        for info in parked:
            queue.hold_back(info.id, reason=reasons.NOT_ALLOWED, now=moment)
        tracing.record([_kept_back(info, moment) for info in parked])

    mailstore.commit({mailspace}, work)


def _kept_back(info: OutgoingInfo, moment: int) -> Event:
    return Event(
        trace_id=info.trace_id,
        kind=tracing.QUEUED,
        at=moment,
        mailspace=info.mailspace,
        sender=info.sender,
        domain=info.sender.rpartition("@")[2],
        message_id=info.header_id,
        detail={"state": "kept back", "reason": reasons.NOT_ALLOWED},
    )


def take_back(mailspace: int, message: int, *, cause: Cause) -> int | None:
    """Not at that hour after all: the draft is open again, and its id. `queue.errors.TooLate` once it is on its way."""
    states = queue.states_for(mailspace, messages=[message]).get(message, ())
    if not states:
        raise NoSuchOutgoing(message)
    if mailstore.is_scheduled(mailspace, message) is None:
        raise TooLate(message)
    return submit.cancel(mailspace, states[0].outgoing, cause=cause)


def again(
    mailspace: int, account: int, message: int, *, at: int | None, undo_seconds: int = 0, cause: Cause
) -> submit.Submitted:
    """At another hour (µs), or now: dated anew. If that is refused, what was written is a draft again.

    Raises as `take_back` and `submit.submit_draft`."""
    draft = take_back(mailspace, message, cause=cause)
    if draft is None:
        raise TooLate(message)
    return submit.submit_draft(mailspace, account, draft, cause=cause, send_at=at, undo_seconds=undo_seconds)
