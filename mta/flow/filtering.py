"""What a mailspace's blocked senders, rules, forwarding and automatic reply make of one arriving message. Pure.

`decide` turns the decision of placement into the final one, with its reason in words that the reader will see. Blocked
senders come first and end it. Rules look in their order; what an earlier one did counts for a later one, and one may
stop the rest. What lies in Spam, or is held, is neither filed, forwarded nor answered. Never stores: see `flow.filing`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from mta.filters.service import Plan, Rule
from mta.flow.placement import Decision
from mta.mailstore.service import Candidate
from mta.message import criteria as c
from mta.message.address import Address, BadAddress, canonical
from mta.values import ARCHIVE, FLAGGED, IMPORTANT, INBOX, JUNK, QUARANTINE, SEEN, TRASH

# A forwarded message may have passed so many hosts; far below what ends a loop everywhere (RFC 5321 §6.3).
MOST_HOPS = 25
RULE_DAYS = 4  # between two answers of a rule to one sender
_LOOP = "x-loop"
# RFC 3834 §2: who cannot read an answer; "-request", "owner-" and the like are lists' (RFC 2142 §6).
_NOBODY = re.compile(
    r"(?:mailer-?daemon|postmaster|root|daemon|listserv|majordomo|bounces?|owner-.*|bounces?[-+=].*|prvs=.*"
    r"|.*[-_.](?:owner|request|bounces?)|.*no[-_.]?reply.*|.*do[-_.]?not[-_.]?(?:reply|answer).*)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An automatic answer that may be due: of the automatic reply (`rule` 0) or of a rule."""

    rule: int
    days: int
    subject: str = ""
    text: str = ""
    html: str = ""
    only_known: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of the message. `plain` is where it would have gone without filters; `by` names what changed that.

    `decision.role` is "" for a message that only lies under `labels`. `verb` is what the journal calls it.
    """

    plain: str
    decision: Decision
    labels: tuple[int, ...] = ()
    keywords: tuple[str, ...] = ()
    rules: tuple[tuple[int, str], ...] = ()
    by: str = ""
    verb: str = "filter"
    forwards: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the message lies, or looks, different from how it would without filters."""
        return bool(self.decision.role != self.plain or self.labels or self.keywords or self.decision.flags)


@dataclass(slots=True)
class _Doing:
    """What the rules have said so far."""

    skip: bool = False
    delete: bool = False
    never_spam: bool = False
    star: bool = False
    read: bool = False
    important: bool | None = None
    dropped: bool = False  # forwarded without a copy


def decide(
    plan: Plan,
    message: Candidate,
    *,
    decision: Decision,
    address: str,
    sender: str,
    now: int,
    boxes: dict[str, int],
    hops: int,
    leads_back: Callable[[str], bool] = lambda _address: False,
) -> Outcome:
    """A message for `address` from the envelope's `sender` ("" for a report), at `now`; `boxes`: role → mailbox.

    `leads_back` says which addresses end in this mailbox again: nothing is forwarded there, so a copy stays."""
    if decision.role == QUARANTINE and not decision.for_score:
        return Outcome(decision.role, decision)
    people = {sender, *(each.email for each in message.facts.from_)}
    if decision.role != QUARANTINE and (by := _blocked(plan, people)):
        reason = _("You blocked %(sender)s") % {"sender": by.removeprefix("@")}
        junk = Decision(JUNK, reason)
        return Outcome(decision.role, junk, by=_("Blocked senders"), verb="junk")
    matched = _matching(plan.rules, message, decision, boxes)
    doing = _said(matched)
    plain = decision.role
    if plain in (JUNK, QUARANTINE) and doing.never_spam:
        decision = Decision(INBOX, _because(matched, lambda rule: rule.actions.never_spam))
    names = tuple((rule.id, rule.name) for rule in matched)
    if decision.role in (JUNK, QUARANTINE):
        return Outcome(plain, decision, rules=names)
    forwards = _forwards(plan, matched, message, address, hops)
    forwards = tuple(each for each in forwards if not leads_back(each))
    everywhere = [each for each in plan.forwarding if each.address in forwards]
    doing.dropped = any(
        not rule.actions.keep for rule in matched if set(rule.actions.forward) & set(forwards)
    )
    doing.dropped = doing.dropped or any(not each.keep for each in everywhere)
    gone = doing.delete or doing.dropped
    labels = () if gone else tuple(dict.fromkeys(each for rule in matched for each in rule.actions.labels))
    final = _placed(decision, doing, matched, labels=labels)
    return Outcome(
        plain=plain,
        decision=final,
        labels=labels,
        keywords=(IMPORTANT,) if doing.important else (),
        rules=names,
        by=", ".join(dict.fromkeys(name for _id, name in names)) or _("Forwarding"),
        verb=_verb(plain, final, labels),
        forwards=forwards,
        answers=() if doing.delete else _answers(plan, matched, message, address, sender, now),
    )


def _blocked(plan: Plan, people: Iterable[str]) -> str:
    """The entry that blocks one of them: the address, its domain, or a domain above that."""
    if not plan.blocked:
        return ""
    for each in people:
        try:
            spelled = canonical(each)
        except BadAddress:
            continue
        if spelled in plan.blocked:
            return spelled
        domain = spelled.rpartition("@")[2]
        while domain:
            if "@" + domain in plan.blocked:
                return "@" + domain
            domain = domain.partition(".")[2]
    return ""


def _matching(
    rules: Iterable[Rule], message: Candidate, decision: Decision, boxes: dict[str, int]
) -> list[Rule]:
    """Those that match, in order, as far as none of them stops the rest."""
    message.flags, message.keywords = set(), set()
    message.boxes = {boxes[decision.role]} if decision.role in boxes else set()
    found = []
    for rule in rules:
        if not message.matches(rule.criteria):
            continue
        found.append(rule)
        _note(message, rule, boxes)
        if rule.stop:
            break
    return found


def _note(message: Candidate, rule: Rule, boxes: dict[str, int]) -> None:
    """How a later rule sees the message."""
    does = rule.actions
    message.flags |= ({"seen"} if does.read else set()) | ({"flagged"} if does.star else set())
    message.boxes.update(does.labels)
    if does.skip_inbox or does.delete:
        message.boxes.discard(boxes.get(INBOX, 0))
    if does.important:
        message.keywords.add(IMPORTANT)


def _said(matched: Iterable[Rule]) -> _Doing:
    doing = _Doing()
    for rule in matched:
        does = rule.actions
        doing.skip |= does.skip_inbox
        doing.delete |= does.delete
        doing.never_spam |= does.never_spam
        doing.star |= does.star
        doing.read |= does.read
        if does.important is not None:
            doing.important = does.important
    return doing


def _placed(decision: Decision, doing: _Doing, matched: list[Rule], *, labels: tuple[int, ...]) -> Decision:
    """Where it goes, and why."""
    flags = decision.flags | (SEEN if doing.read else 0) | (FLAGGED if doing.star else 0)
    if doing.delete:
        return Decision(TRASH, _because(matched, lambda rule: rule.actions.delete), flags)
    if doing.dropped:
        return Decision(TRASH, _("It was forwarded, and you keep no copies of that in your Inbox"), flags)
    if doing.skip:
        reason = _because(matched, lambda rule: rule.actions.skip_inbox or bool(rule.actions.labels))
        return Decision("" if labels else ARCHIVE, reason, flags)
    return replace(decision, flags=flags)


def _because(matched: list[Rule], did: Callable[[Rule], bool]) -> str:
    """The sentence that names the first rule that did it."""
    name = next((rule.name for rule in matched if did(rule)), "")
    return _("Your filter “%(name)s” put it here") % {"name": name}


def _verb(plain: str, final: Decision, labels: tuple[int, ...]) -> str:
    if final.role == TRASH:
        return "delete"
    if plain in (JUNK, QUARANTINE):
        return "not junk"
    if final.role == ARCHIVE:
        return "archive"
    if labels:
        return "label" if final.role else "move"
    return {SEEN: "read", FLAGGED: "star"}.get(final.flags, "filter")


# --- forwarding


def _forwards(
    plan: Plan, matched: Iterable[Rule], message: Candidate, address: str, hops: int
) -> tuple[str, ...]:
    """Where copies go: only to addresses that agreed, never where the message has been, nor to this address itself."""
    wanted = dict.fromkeys(each.address for each in plan.forwarding)
    wanted.update(
        dict.fromkeys(each for rule in matched for each in rule.actions.forward if each in plan.targets)
    )
    if not wanted or hops > MOST_HOPS or is_loop(message, address):
        return ()
    return tuple(each for each in wanted if not _same(each, address) and not is_loop(message, each))


def is_loop(message: Candidate, address: str) -> bool:
    """Whether a message has been at an address before: Delivered-To says so, or our own X-Loop."""
    return any(_same(each, address) for each in message.facts.delivered_to) or message.matches(
        c.Contains(_LOOP, address)
    )


def _same(one: str, other: str) -> bool:
    try:
        return canonical(one) == canonical(other)
    except BadAddress:
        return one.lower() == other.lower()


# --- answering (RFC 3834)


def _answers(
    plan: Plan, matched: Iterable[Rule], message: Candidate, address: str, sender: str, now: int
) -> tuple[Answer, ...]:
    """The answers that are due, if any may be: who gets one was perhaps answered already, which `filing` looks up."""
    found = [Answer(rule.id, RULE_DAYS, text=rule.actions.reply) for rule in matched if rule.actions.reply]
    reply = plan.reply
    if reply is not None and (reply.starts or 0) <= now < (now + 1 if reply.ends is None else reply.ends):
        found.append(
            Answer(0, reply.days, reply.subject, reply.text, reply.html, only_known=reply.only_known)
        )
    if not found or not may_be_answered(message, address=address, sender=sender):
        return ()
    return tuple(found)


def may_be_answered(message: Candidate, *, address: str, sender: str) -> bool:
    """RFC 3834 §2: a person wrote it, to `address` by name, and can read an answer."""
    facts = message.facts
    if not sender or _NOBODY.fullmatch(sender.rpartition("@")[0]) or _same(sender, address):
        return False
    if facts.auto_submitted or facts.bulk or facts.list_id:
        return False
    # Microsoft's wish not to be answered (MS-OXCMAIL §2.1.3.2.20); "none" is no wish.
    if any(message.matches(c.Contains("x-auto-response-suppress", word)) for word in ("oof", "all", "reply")):
        return False
    if message.matches(c.Contains("content-type", "multipart/report")) or is_loop(message, address):
        return False
    return _names(address, (*facts.to, *facts.cc))


def _names(address: str, people: Iterable[Address]) -> bool:
    """RFC 3834 §2: only when the address stands in To or Cc, not when it got a hidden or a list's copy."""
    return any(_same(each.email, address) for each in people)
