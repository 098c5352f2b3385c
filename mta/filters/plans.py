"""What a delivery into a mailspace has to look at, read once per process and version.

The version stands in the mailspace's own row, which every delivery locks and reads anyway: a mailspace without
filters costs a comparison, one with filters a look into a dictionary. Every change raises it in the transaction
that makes it; a version is never used twice, and is stored as its negative while there is nothing to look at.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from threading import Lock

from mta.mailstore.service import Door
from mta.message import criteria as c

from . import coding
from .models import AutomaticReply, BlockedSender, FilterRule, ForwardingAddress
from .values import AutoReply, Forwarding, Plan, Rule

log = logging.getLogger(__name__)

MOST_KEPT = 2_000  # plans of one process
NOTHING = Plan()

_kept: OrderedDict[int, tuple[int, Plan]] = OrderedDict()  # mailspace → (version, plan)
_guard = Lock()


def in_force(door: Door, mailspace: int) -> Plan:
    """Within a delivery's transaction: the plan of a mailspace that the door has locked."""
    version = door.filters(mailspace)
    return plan(mailspace, version) if version > 0 else NOTHING


def kept(mailspace: int) -> Plan:
    """What this process last knew; perhaps nothing, perhaps old. For work that is better done before a transaction."""
    found = _kept.get(mailspace)
    return found[1] if found is not None else NOTHING


def plan(mailspace: int, version: int) -> Plan:
    """The plan of that version, from the cache or from the tables."""
    found = _kept.get(mailspace)
    if found is not None and found[0] == version:
        return found[1]
    made = read(mailspace)
    with _guard:
        _kept[mailspace] = version, made
        _kept.move_to_end(mailspace)
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return made


def changed(door: Door, mailspace: int) -> None:
    """After every change, within its transaction: other processes read the plan again."""
    # By the clock, so that not even a change that was rolled back shares its number with another one.
    version = max(abs(door.filters(mailspace)) + 1, door.now)
    door.set_filters(mailspace, version if read(mailspace) != NOTHING else -version)


def read(mailspace: int) -> Plan:
    """What is enabled and confirmed, from the tables."""
    addresses = [each for each in forwarding_of(mailspace) if each.confirmed]
    reply = reply_of(mailspace)
    rules = tuple(rule for rule in rules_of(mailspace) if rule.enabled)
    return Plan(
        rules=rules,
        blocked=frozenset(
            BlockedSender.objects.filter(mailspace_id=mailspace).values_list("address", flat=True)
        ),
        forwarding=tuple(each for each in addresses if each.enabled),
        targets=frozenset(each.address for each in addresses),
        reply=reply if reply.enabled else None,
        reads_body=any(_reads_body(rule.criteria) for rule in rules),
    )


def _reads_body(node: c.Criteria) -> bool:
    match node:
        case c.And(parts) | c.Or(parts):
            return any(_reads_body(part) for part in parts)
        case c.Not(part):
            return _reads_body(part)
    return isinstance(node, c.Words) and node.where in ("any", "body")


# --- rows as values


def rules_of(mailspace: int) -> tuple[Rule, ...]:
    """All rules in their order. One that cannot be read any more is left out, and said so in the log."""
    found = []
    for row in FilterRule.objects.filter(mailspace_id=mailspace).order_by("position", "id"):
        try:
            found.append(rule_of(row))
        except ValueError:
            log.warning("filters: rule %d of mailspace %d cannot be read", row.id, mailspace)
    return tuple(found)


def rule_of(row: FilterRule) -> Rule:
    return Rule(
        id=row.id,
        name=row.name,
        query=row.query,
        criteria=c.load(row.criteria),
        actions=coding.load(row.actions),
        enabled=row.enabled,
        stop=row.stop,
        position=row.position,
        last_matched=row.last_matched,
        matched=row.matched,
    )


def forwarding_of(mailspace: int) -> tuple[Forwarding, ...]:
    rows = ForwardingAddress.objects.filter(mailspace_id=mailspace).order_by("id")
    return tuple(
        Forwarding(row.id, row.address, row.confirmed_at is not None, row.keep, row.enabled) for row in rows
    )


def reply_of(mailspace: int) -> AutoReply:
    row = AutomaticReply.objects.filter(mailspace_id=mailspace).first()
    if row is None:
        return AutoReply()
    return AutoReply(
        row.enabled, row.subject, row.html, row.text, row.starts, row.ends, row.days, row.only_known
    )
