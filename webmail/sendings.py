"""How the sending of own messages stands, in words: for the conversation, the list of Sent and live news.

Asks the queue, once for all messages of a page. The worst recipient stands for the message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from mta.mailstore.service import ConversationMessage
from mta.queue import service as queue
from mta.queue.values import CANCELLED, DEFERRED, DELIVERED, EXPIRED, FAILED, RecipientState


@dataclass(frozen=True, slots=True)
class Step:
    """How the sending to one recipient stands; components/thread.html draws it."""

    state: str
    title: str
    text: str
    at: int | None


@dataclass(frozen=True, slots=True)
class Sending:
    """How the sending of a message stands. `state` is the worst recipient's, as a node of the thread line."""

    state: str
    text: str
    steps: tuple[Step, ...]
    waiting: bool


# The worst of the recipients stands for the message: failed before waiting before delivered.
_RANK = ("failed", "retry", "queued", "delivered")


def sendings_of(mailspace: int, sent: Sequence[ConversationMessage]) -> dict[int, Sending]:
    """How the sending of some own messages stands, by message id; messages that never were in the queue are missing."""
    if not sent:
        return {}
    ids = {twin: message.id for message in sent for twin in (message.id, *message.also)}
    headers = {message.message_id: message.id for message in sent if message.message_id}
    found: dict[int, dict[tuple[int, str], RecipientState]] = {}
    for key, states in queue.states_for(mailspace, messages=list(ids), header_ids=list(headers)).items():
        target = ids[key] if isinstance(key, int) else headers[key]
        # A message taken back and sent again keeps its Message-ID; what was taken back is no news.
        current = {(each.outgoing, each.address): each for each in states if each.state != CANCELLED}
        found.setdefault(target, {}).update(current)
    return {message: _sending(list(states.values())) for message, states in found.items() if states}


def deliveries_of(mailspace: int, messages: Sequence[int]) -> dict[int, tuple[str, str]]:
    """(state, words) of those of some sent messages that wait or failed: what a list of sent mail marks."""
    found = {}
    for message, states in queue.states_for(mailspace, messages=messages).items():
        current = [each for each in states if each.state != CANCELLED]
        sending = _sending(current) if current else None
        if sending is not None and sending.state != "delivered" and isinstance(message, int):
            found[message] = (sending.state, sending.text)
    return found


def _sending(states: Sequence[RecipientState]) -> Sending:
    steps = tuple(_step(state) for state in states)
    worst = min((step.state for step in steps), key=_RANK.index)
    return Sending(
        worst, _summary(worst, steps), steps, waiting=any(step.state in ("queued", "retry") for step in steps)
    )


def _step(state: RecipientState) -> Step:
    node = {
        DELIVERED: "delivered",
        FAILED: "failed",
        EXPIRED: "failed",
        CANCELLED: "failed",
        DEFERRED: "retry",
    }.get(state.state, "queued")
    text = state.said
    if state.next_attempt is not None and node == "retry":
        text = f"{text} {_('We will try again at %s.') % _clock(state.next_attempt)}"
    return Step(node, state.address, text, state.delivered_at)


def _clock(moment: int) -> str:
    """`14:05` today, else with the day."""
    at = timezone.localtime(datetime.fromtimestamp(moment / 1_000_000, UTC))
    return date_format(at, "H:i" if at.date() == timezone.localdate() else "j M, H:i")


def _summary(worst: str, steps: tuple[Step, ...]) -> str:
    if worst == "delivered":
        return _("Delivered") if len(steps) == 1 else _("Delivered to all %d") % len(steps)
    count = sum(step.state == worst for step in steps)
    words = {
        "failed": _("Not delivered") if len(steps) == 1 else _("Not delivered to %(count)d of %(all)d"),
        "retry": _("Will be tried again"),
        "queued": _("On its way"),
    }[worst]
    return words % {"count": count, "all": len(steps)} if "%(" in words else words
