"""Messages that go at an hour their writers chose.

Until then the message lies in Scheduled and its recipients' rows are parked in the queue. The placement decides: when
its moment has come, one transaction moves it to Sent and makes the rows due; a message that somebody took out of
Scheduled is never sent, and goes after all if an undo brings it back in time. Run from the beat; safe to run twice.
"""

from __future__ import annotations

import logging

from django.conf import settings

from mta.flow import submit
from mta.mailstore import service as mailstore
from mta.mailstore.errors import StoreError
from mta.mailstore.service import Door
from mta.queue import service as queue
from mta.queue.errors import NoSuchOutgoing, TooLate
from mta.values import Cause, now_us

_DAY = 24 * 3600 * 1_000_000
log = logging.getLogger(__name__)


def send_due(now: int | None = None) -> int:
    """Send what is due; how many messages."""
    moment = now_us() if now is None else now
    sent = 0
    for mailspace, message in mailstore.scheduled_due(moment):

        def work(door: Door, mailspace: int = mailspace, message: int = message) -> bool:
            if not mailstore.leave_scheduled(door, mailspace, message, now=moment):
                return False
            queue.release(mailspace, message, now=moment)
            return True

        try:
            sent += mailstore.commit({mailspace}, work)
        except StoreError as error:  # the mailspace went, or its Sent: the next sweep looks again
            log.warning("message %d of mailspace %d stays in Scheduled: %s", message, mailspace, error)
    queue.drop_parked(before=moment - int(settings.UNDO_DAYS) * _DAY)
    return sent


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
    """At another hour (µs), or now: dated and signed anew. If that is refused, what was written is a draft again.

    Raises as `take_back` and `submit.submit_draft`."""
    draft = take_back(mailspace, message, cause=cause)
    if draft is None:
        raise TooLate(message)
    return submit.submit_draft(mailspace, account, draft, cause=cause, send_at=at, undo_seconds=undo_seconds)
