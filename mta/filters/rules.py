"""The rules of a mailspace: listed, added, changed, put in order, removed.

A change is one transaction with the mailspace locked, which also raises the version that deliveries look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from django.db.models import F
from django.utils.translation import gettext as _

from mta.mailstore import service as mailstore
from mta.mailstore.service import Door
from mta.message import criteria as c
from mta.message.text import words
from mta.values import LABEL, Cause

from . import coding, plans
from .addresses import spelled
from .errors import CannotFilter, NoSuchRule
from .models import FilterRule
from .values import Actions, Rule

MOST = 500  # rules of one mailspace
NAME = 200
QUERY = 1_000
# A delivery asks them all while others wait for the lock: of a long message 5,000 take a tenth of a second.
MOST_ASKED = 300  # questions of one rule
MOST_ASKED_IN_ALL = 5_000
# Nothing that a message has when it arrives, or that means something only in an IMAP session.
_MEANINGLESS = (c.Uids, c.Sequence, c.Older, c.Younger, c.InThread, c.HasEmailId, c.ModSeq)

T = TypeVar("T")


def rules(mailspace: int) -> tuple[Rule, ...]:
    """All of them, in the order in which they look at a message."""
    return plans.rules_of(mailspace)


def rule(mailspace: int, id_: int) -> Rule:
    return plans.rule_of(_row(mailspace, id_))


def add_rule(
    mailspace: int,
    *,
    name: str,
    query: str,
    criteria: c.Criteria,
    actions: Actions,
    stop: bool = False,
    enabled: bool = True,
    cause: Cause,
) -> Rule:
    """A new rule, the last in order. CannotFilter when it does nothing, or names what is not there."""
    asked, does = checked(criteria), _checked_actions(mailspace, actions)

    def work(_door: Door) -> Rule:
        positions = list(FilterRule.objects.filter(mailspace_id=mailspace).values_list("position", flat=True))
        if len(positions) >= MOST:
            raise CannotFilter(_("There can be %(most)d filters at most.") % {"most": MOST})
        row = FilterRule.objects.create(
            mailspace_id=mailspace,
            position=max(positions, default=-1) + 1,
            name=_named(name, query),
            query=query[:QUERY],
            criteria=asked,
            actions=does,
            stop=stop,
            enabled=enabled,
            origin=cause.kind,
        )
        check_room(mailspace)
        return plans.rule_of(row)

    return committed(mailspace, work)


def change_rule(
    mailspace: int,
    id_: int,
    *,
    name: str | None = None,
    query: str | None = None,
    criteria: c.Criteria | None = None,
    actions: Actions | None = None,
    stop: bool | None = None,
    enabled: bool | None = None,
) -> Rule:
    """Change what is given of a rule."""
    new: dict[str, Any] = {"stop": stop, "enabled": enabled}
    if query is not None:
        new["query"] = query[:QUERY]
    if criteria is not None:
        new["criteria"] = checked(criteria)
    if actions is not None:
        new["actions"] = _checked_actions(mailspace, actions)

    def work(_door: Door) -> Rule:
        row = _row(mailspace, id_)
        for field, value in new.items():
            if value is not None:
                setattr(row, field, value)
        if name is not None:
            row.name = _named(name, row.query)
        row.save()
        if criteria is not None:
            check_room(mailspace)
        return plans.rule_of(row)

    return committed(mailspace, work)


def move_rule(mailspace: int, id_: int, position: int) -> tuple[Rule, ...]:
    """Put a rule at that place (0: the first); returns all in their new order."""

    def work(_door: Door) -> tuple[Rule, ...]:
        row = _row(mailspace, id_)
        rows = list(
            FilterRule.objects.filter(mailspace_id=mailspace).exclude(id=id_).order_by("position", "id")
        )
        rows.insert(max(0, min(position, len(rows))), row)
        for place, each in enumerate(rows):
            each.position = place
        FilterRule.objects.bulk_update(rows, ["position"], batch_size=200)
        return plans.rules_of(mailspace)

    return committed(mailspace, work)


def remove_rule(mailspace: int, id_: int) -> None:
    """It looks at no mail any more; what it did stays."""

    def work(_door: Door) -> None:
        _row(mailspace, id_).delete()

    committed(mailspace, work)


def matched(mailspace: int, ids: Sequence[int], *, at: int) -> None:
    """Within a delivery's transaction: rules that matched count it."""
    for id_ in ids:
        rows = FilterRule.objects.filter(mailspace_id=mailspace, id=id_)
        rows.update(matched=F("matched") + 1, last_matched=at)


def committed(mailspace: int, work: Callable[[Door], T]) -> T:
    """One transaction: the change, and the version that tells of it."""

    def whole(door: Door) -> T:
        result = work(door)
        plans.changed(door, mailspace)
        return result

    return mailstore.commit({mailspace}, whole)


def checked(criteria: c.Criteria) -> list[Any]:
    """Criteria as they are stored; CannotFilter for what says nothing about mail that arrives."""
    try:
        stored = c.dump(criteria)
        c.load(stored)
    except ValueError:
        raise CannotFilter(_("That search is too large for a filter.")) from None
    if _asked(criteria) > MOST_ASKED:
        raise CannotFilter(_("That search is too large for a filter."))
    if _has(criteria, _says_nothing):
        raise CannotFilter(_("That search says nothing about mail that arrives."))
    return stored


def _asked(criteria: c.Criteria) -> int:
    """How many questions criteria are made of."""
    match criteria:
        case c.And(parts) | c.Or(parts):
            return sum(map(_asked, parts))
        case c.Not(part):
            return _asked(part)
    return 1


class Room:
    """How much more rules may ask, beside those that are here (criteria in their stored form)."""

    def __init__(self, here: Iterable[list[Any]]) -> None:
        asked = [_asked(c.load(each)) for each in here]
        self._rules, self._asked = len(asked), sum(asked)

    def take(self, criteria: list[Any]) -> None:
        asked = _asked(c.load(criteria))
        if self._rules >= MOST:
            raise CannotFilter(_("There can be %(most)d filters at most.") % {"most": MOST})
        if self._asked + asked > MOST_ASKED_IN_ALL:
            raise CannotFilter(_("The filters look for too much at once; remove some, or look for less."))
        self._rules += 1
        self._asked += asked


def check_room(mailspace: int) -> None:
    """Within a transaction that added to the rules: whether all together are still bearable."""
    if sum(_asked(each.criteria) for each in plans.rules_of(mailspace)) > MOST_ASKED_IN_ALL:
        raise CannotFilter(_("The filters look for too much at once; remove some, or look for less."))


def _has(criteria: c.Criteria, test: Callable[[c.Criteria], bool]) -> bool:
    match criteria:
        case c.And(parts) | c.Or(parts):
            return any(_has(part, test) for part in parts)
        case c.Not(part):
            return _has(part, test)
    return test(criteria)


def _says_nothing(leaf: c.Criteria) -> bool:
    """Mere punctuation is no condition either: everything would match."""
    return isinstance(leaf, _MEANINGLESS) or (isinstance(leaf, c.Words) and not words(leaf.text, limit=1))


def _checked_actions(mailspace: int, actions: Actions) -> dict[str, Any]:
    if actions.nothing:
        raise CannotFilter(_("Choose what the filter does."))
    if len(actions.labels) > coding.MAX_LABELS or len(actions.forward) > coding.MAX_FORWARDS:
        raise CannotFilter(_("A filter cannot do that much."))
    if len(actions.reply) > coding.MAX_REPLY:
        raise CannotFilter(_("The automatic answer is too long."))
    labels = {each.id for each in mailstore.mailboxes(mailspace) if each.role == LABEL}
    if not labels.issuperset(actions.labels):
        raise CannotFilter(_("That label is no longer here."))
    confirmed = {each.address for each in plans.forwarding_of(mailspace) if each.confirmed}
    for address in actions.forward:
        if spelled(address) not in confirmed:
            raise CannotFilter(
                _("%(address)s has not confirmed yet that mail may be forwarded there.")
                % {"address": address}
            )
    stored = coding.dump(actions)
    if actions.forward:
        stored["forward"] = list(dict.fromkeys(spelled(each) for each in actions.forward))
    return stored


def _named(name: str, query: str) -> str:
    return (" ".join(name.split()) or " ".join(query.split()) or _("Filter"))[:NAME]


def _row(mailspace: int, id_: int) -> FilterRule:
    row = FilterRule.objects.filter(mailspace_id=mailspace, id=id_).first()
    if row is None:
        raise NoSuchRule(_("That filter is no longer here."))
    return row
