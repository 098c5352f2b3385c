"""How the sending of own messages stands, in words: for the conversation, the list of Sent, live news and the toast.

Asks the queue, once for all messages of a page. Every recipient is a step of the thread line: what happened in one
plain sentence, the other server's own words beside it, and what its writer may do about it. The worst of them stands
for the message. Whether a recipient here filed the message in Spam or anywhere else is theirs to know: it is
"delivered here" and no more. What may be done is done by mta.flow.sending, asked by webmail/views/sendings.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mta.mailstore.service import ConversationMessage
from mta.queue import reasons
from mta.queue import service as queue
from mta.queue.values import (
    CANCELLED,
    DEFERRED,
    DELIVERED,
    DELIVERING,
    EXPIRED,
    FAILED,
    GIVEN_UP,
    HELD,
    RecipientState,
)
from mta.values import now_us
from webmail import sending_times, snoozing
from webmail.sending_times import USUAL, Hours

# States of a step, worst first: the first that a recipient is in stands for the message.
_RANK = ("failed", "retry", "sending", "queued", "gone", "delivered")
_NODES = {
    DELIVERED: "delivered",
    FAILED: "failed",
    EXPIRED: "failed",
    GIVEN_UP: "gone",
    DEFERRED: "retry",
    DELIVERING: "sending",
}
FEW = 6  # recipients that each have a line; of more, those that fare alike share one
_WRONG_ADDRESS = {
    reasons.NO_MAILBOX,
    reasons.NO_DOMAIN,
    reasons.NO_MAIL,
    reasons.BAD_ADDRESS,
    reasons.GONE_LOCAL,
}
_SECOND = 1_000_000
_SOON = 60 * _SECOND


@dataclass(frozen=True, slots=True)
class Tool:
    """Something the writer may do about a recipient: a button. `value` says what, of which sending, to whom."""

    verb: str
    text: str
    value: str
    plain: bool = False  # drawn as a word, not as a button


@dataclass(frozen=True, slots=True)
class Step:
    """How the sending to one recipient stands, or to several that fare alike (`members`)."""

    state: str
    title: str
    text: str
    at: int | None
    address: str = ""
    advice: str = ""
    words: str = ""  # what the other server said, as it said it
    host: str = ""
    tools: tuple[Tool, ...] = ()
    members: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Sending:
    """How the sending of a message stands. `state` is the worst recipient's, as a node of the thread line; `short`
    is what a row has room for, `news` what a toast says; `again` in how many seconds it is worth to look, if nothing rings before (0: never)."""

    state: str
    text: str
    short: str
    news: str
    steps: tuple[Step, ...]
    waiting: bool
    again: int = 0
    planned: tuple[sending_times.Choice, ...] = ()  # it waits for its hour: what else is offered
    begins: str = ""  # as a date field wants it: when it goes, and the earliest that may be asked for
    least: str = ""


def sendings_of(
    mailspace: int, sent: Sequence[ConversationMessage], *, hours: Hours = USUAL
) -> dict[int, Sending]:
    """How the sending of some own messages stands, by message id; messages that never were in the queue are missing.
    `hours` are those of who is offered another time for one."""
    if not sent:
        return {}
    ids = {twin: message.id for message in sent for twin in (message.id, *message.also)}
    headers = {message.message_id: message.id for message in sent if message.message_id}
    found: dict[int, dict[tuple[int, str], RecipientState]] = {}
    for key, states in queue.states_for(mailspace, messages=list(ids), header_ids=list(headers)).items():
        target = ids[key] if isinstance(key, int) else headers[key]
        found.setdefault(target, {}).update(_current(states))
    names = {message.id: _names(message) for message in sent}
    return {
        message: _sending(list(states.values()), names[message], hours)
        for message, states in found.items()
        if states
    }


def sending_of(mailspace: int, message: int) -> Sending | None:
    """The same for one message of which no more than its id is known."""
    states = queue.states_for(mailspace, messages=[message]).get(message, ())
    current = list(_current(states).values())
    return _sending(current, {}) if current else None


def deliveries_of(mailspace: int, messages: Sequence[int]) -> dict[int, tuple[str, str]]:
    """(state, words) of those of some sent messages that are on their way or failed: what a list of sent mail marks."""
    found = {}
    for message, states in queue.states_for(mailspace, messages=messages).items():
        current = list(_current(states).values())
        sending = _sending(current, {}) if current else None
        if sending is not None and sending.state not in ("delivered", "gone") and isinstance(message, int):
            found[message] = (sending.state, sending.short)
    return found


def _current(states: Iterable[RecipientState]) -> dict[tuple[int, str], RecipientState]:
    # A message taken back and sent again keeps its Message-ID; what was taken back is no news.
    return {(each.outgoing, each.address): each for each in states if each.state != CANCELLED}


def _names(message: ConversationMessage) -> dict[str, str]:
    people = (*message.to, *message.cc, *message.bcc)
    return {each.email.lower(): each.name.strip() for each in people if each.name.strip()}


# --- a message ------------------------------------------------------------------------------------------------
def _sending(states: Sequence[RecipientState], names: Mapping[str, str], hours: Hours = USUAL) -> Sending:
    steps = [_step(state, names.get(state.address.lower(), "")) for state in states]
    worst = min((step.state for step in steps), key=_RANK.index)
    if all(each.state == HELD and each.reason == reasons.NOT_ALLOWED for each in states):
        return _kept_back(states[0].said, steps, hours)
    if (at := _hour(states)) is not None:
        return _planned(at, steps, hours)
    return Sending(
        state=worst,
        text=_summary(steps, states),
        short=_short(worst, steps, states),
        news=_news(worst, steps, states),
        steps=tuple(steps) if len(steps) <= FEW else _gathered(steps),
        waiting=any(step.state in ("queued", "sending", "retry") for step in steps),
        again=_again(states),
    )


def _hour(states: Sequence[RecipientState]) -> int | None:
    """When a message goes that waits for an hour its writer chose."""
    moments = {each.next_attempt for each in states if each.state == HELD}
    at = min((moment for moment in moments if moment), default=0)
    return at if at - now_us() > _SOON and all(each.state == HELD for each in states) else None


def _kept_back(why: str, steps: Sequence[Step], hours: Hours) -> Sending:
    """It was not allowed to go when its hour came: its writer says what becomes of it."""
    now = timezone.localtime()
    return Sending(
        state="failed",
        text=f"{_('Not sent.')} {why}",
        short=_("Not sent"),
        news="",
        steps=tuple(steps),
        waiting=False,
        planned=sending_times.choices(now, hours),
        least=f"{now:%Y-%m-%dT%H:%M}",
    )


def _planned(at: int, steps: Sequence[Step], hours: Hours) -> Sending:
    now = timezone.localtime()
    goes = timezone.localtime(snoozing.moment(at))
    text = _("Will be sent %s") % sending_times.said(goes, now)
    return Sending(
        state="queued",
        text=text,
        short=text,
        news="",
        steps=tuple(steps),
        waiting=True,
        again=60,
        planned=sending_times.choices(now, hours),
        begins=f"{goes:%Y-%m-%dT%H:%M}",
        least=f"{now:%Y-%m-%dT%H:%M}",
    )


def _summary(steps: Sequence[Step], states: Sequence[RecipientState]) -> str:
    """`Delivered to 2 of 4, 1 waits until 14:05, 1 not delivered`."""
    count = {state: sum(step.state == state for step in steps) for state in _RANK}
    if count["delivered"] == len(steps):
        return _("Delivered") if len(steps) == 1 else _("Delivered to all %d") % len(steps)
    until = _next_try(states)
    if len(steps) == 1:
        return _alone(steps[0].state, until, held=states[0].state == HELD)
    parts = []
    if count["delivered"]:
        parts.append(
            _("Delivered to %(count)d of %(all)d") % {"count": count["delivered"], "all": len(steps)}
        )
    if on_its_way := count["queued"] + count["sending"]:
        parts.append(ngettext("%d on its way", "%d on their way", on_its_way) % on_its_way)
    if count["retry"]:
        words = ngettext("%(count)d waits until %(time)s", "%(count)d wait until %(time)s", count["retry"])
        parts.append(words % {"count": count["retry"], "time": until})
    if count["failed"]:
        parts.append(ngettext("%d not delivered", "%d not delivered", count["failed"]) % count["failed"])
    if count["gone"]:
        parts.append(ngettext("%d given up", "%d given up", count["gone"]) % count["gone"])
    return ", ".join(parts)


def _alone(state: str, until: str, *, held: bool) -> str:
    return {
        "failed": _("Not delivered"),
        "retry": _("Waits until %s") % until,
        "sending": _("Being sent"),
        "queued": _("Waiting to be sent") if held else _("On its way"),
        "gone": _("Given up"),
    }[state]


def _short(worst: str, steps: Sequence[Step], states: Sequence[RecipientState]) -> str:
    """What is worst, and of how many if not of all."""
    count = sum(step.state == worst for step in steps)
    if count == len(steps) and worst != "delivered":
        return _alone(worst, _next_try(states), held=all(each.state == HELD for each in states))
    return {
        "failed": ngettext("%(count)d not delivered", "%(count)d not delivered", count),
        "retry": ngettext("%(count)d waits until %(time)s", "%(count)d wait until %(time)s", count),
        "gone": ngettext("%(count)d given up", "%(count)d given up", count),
    }.get(worst, _("On its way")) % {"count": count, "time": _next_try(states)}


def _news(worst: str, steps: Sequence[Step], states: Sequence[RecipientState]) -> str:
    """What is worth saying to who has just sent it: one or two sentences."""
    if worst == "failed":
        failed = [step for step in steps if step.state == "failed"]
        if len(failed) == 1:
            return f"{_('Not delivered.')} {failed[0].text}"
        return _("Not delivered to %(count)d of %(all)d.") % {"count": len(failed), "all": len(steps)}
    if worst == "retry":
        (first, *_more) = [step for step in steps if step.state == "retry"]
        return f"{_('Sent.')} {first.text}"
    if worst == "delivered":
        return f"{_summary(steps, states)}."
    return ""


def _again(states: Sequence[RecipientState]) -> int:
    """Every result rings by itself; that a try begins does not, so a page looks when one is due, and less often
    the longer nothing comes of it."""
    now, waits = now_us(), []
    for each in states:
        if each.state == DELIVERING:
            waits.append(5)
        elif each.next_attempt is not None:
            waits.append(max(1, abs(each.next_attempt - now) // _SECOND + 1))
    return min([*waits, 60]) if waits else 0


def _next_try(states: Sequence[RecipientState]) -> str:
    moments = [each.next_attempt for each in states if each.state == DEFERRED and each.next_attempt]
    return _clock(min(moments)) if moments else ""


def _gathered(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Of many recipients, what failed and what waits comes first; those that fare alike are one line with a list."""
    found: list[Step] = []
    for state in _RANK:
        alike = [step for step in steps if step.state == state]
        if len(alike) <= 3:
            found += alike
            continue
        words = {
            "failed": ngettext("%d not delivered", "%d not delivered", len(alike)),
            "retry": ngettext("%d waits", "%d wait", len(alike)),
            "sending": ngettext("%d being sent", "%d being sent", len(alike)),
            "queued": ngettext("%d on its way", "%d on their way", len(alike)),
            "gone": ngettext("%d given up", "%d given up", len(alike)),
            "delivered": ngettext("Delivered to %d", "Delivered to %d", len(alike)),
        }[state]
        last = max((step.at for step in alike if step.at), default=None)
        found.append(Step(state, words % len(alike), "", last, members=tuple(alike)))
    return tuple(found)


# --- a recipient ----------------------------------------------------------------------------------------------
def _step(state: RecipientState, name: str) -> Step:
    node = _NODES.get(state.state, "queued")
    return Step(
        state=node,
        title=name or state.address,
        text=_sentence(state, node),
        at=state.finished_at if node in ("delivered", "failed", "gone") else None,
        address=state.address if name else "",
        advice=_advice(state) if node == "failed" else "",
        words=_words(state),
        host=state.remote,
        tools=_tools(state, node),
    )


def _sentence(state: RecipientState, node: str) -> str:
    if node == "delivered":
        return _accepted(state)
    if state.state == HELD and state.next_attempt is not None:
        if state.next_attempt - now_us() < _SOON:
            return _("Leaves in a moment.")
        return _("Leaves at %s.") % _clock(state.next_attempt)
    if node == "sending":
        return _("Being sent now.") if state.attempts < 2 else _("Being tried again now.")
    if node == "queued":
        return _("Waiting to be sent.")
    if node == "retry" and state.next_attempt is not None:
        if state.next_attempt - now_us() < _SOON:
            return f"{state.said} {_('We try again in less than a minute.')}"
        return f"{state.said} {_('We try again at %s.') % _clock(state.next_attempt)}"
    if state.state == EXPIRED:
        return f"{state.said} {_('We tried for five days and have given up.')}"
    if node == "gone":
        return f"{state.said} {_('You let it go.')}" if state.attempts else _("You let it go.")
    return state.said


def _accepted(state: RecipientState) -> str:
    """Who took it, and how safely it went there."""
    if state.reason == reasons.HERE or not state.remote:
        return _("Delivered here.") if state.reason == reasons.HERE else state.said
    values = {"host": state.remote, "tls": state.tls.replace("TLSv", "TLS "), "attempt": state.attempts}
    if state.attempts > 1:
        if state.tls:
            return _("Accepted by %(host)s at attempt %(attempt)d, encrypted (%(tls)s).") % values
        return _("Accepted by %(host)s at attempt %(attempt)d, not encrypted.") % values
    if state.tls:
        return _("Accepted by %(host)s, encrypted (%(tls)s).") % values
    return _("Accepted by %(host)s, not encrypted.") % values


def _words(state: RecipientState) -> str:
    """What the other server said; what our own side noted is in the sentence already."""
    if not state.remote or not state.code:
        return ""
    return f"{state.code} {state.text}".strip()


def _advice(state: RecipientState) -> str:
    """What to do about a failure, in one sentence."""
    if state.reason in _WRONG_ADDRESS:
        return _("Look for a slip in the address, or ask for the right one.")
    if state.reason == reasons.FULL:
        return _("Try again when they have made room, or reach them another way.")
    if state.reason == reasons.TOO_BIG:
        return _("Send it again with fewer or smaller files.")
    if state.reason == reasons.NO_UTF8:
        return _("Ask for an address in plain Latin letters.")
    if state.reason in (reasons.POLICY, reasons.REFUSED, reasons.REFUSED_CONTENT):
        return _("Their server's own words may say why.")
    return _("Try again later, or reach them another way.")


def _tools(state: RecipientState, node: str) -> tuple[Tool, ...]:
    def tool(verb: str, text: str, *, plain: bool = False) -> Tool:
        return Tool(verb, text, f"{verb} {state.outgoing} {state.address}", plain)

    dismiss = tool("give-up", _("Dismiss"), plain=True)
    if node == "retry":
        return (tool("try", _("Try now")), tool("give-up", _("Give up"), plain=True))
    if node == "failed" and state.reason in _WRONG_ADDRESS:
        return (tool("edit", _("Correct the address")), dismiss)
    if node == "failed":
        return (tool("again", _("Try again")), tool("edit", _("Edit and send again")), dismiss)
    if node == "gone":
        return (tool("again", _("Send it after all"), plain=True),)
    return ()


def _clock(moment: int) -> str:
    """`14:05` today, else with the day."""
    at = timezone.localtime(datetime.fromtimestamp(moment / 1_000_000, UTC))
    return date_format(at, "H:i" if at.date() == timezone.localdate() else "j M, H:i")
