"""Everything of a mailspace's filters as JSON, and back: for the export of an account and for moving in.

Mailboxes are named, not numbered, so that it works in another account; labels that are missing are made. Addresses
to forward to come back unconfirmed: only a click there confirms them.
"""

from __future__ import annotations

import json
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mta.mailstore import service as mailstore
from mta.mailstore.errors import StoreError
from mta.mailstore.service import Door
from mta.message import criteria as c
from mta.message.charsets import storable
from mta.values import INBOX, Cause, MailboxInfo, now_us

from . import blocking, coding, plans, replying
from . import rules as ruling
from .addresses import spelled
from .errors import CannotFilter
from .models import FilterRule, ForwardingAddress
from .values import AutoReply

MOST_ENTRIES = 10_000
_REPLY = ("enabled", "subject", "html", "text", "starts", "ends", "days", "only_known")


def stored(mailspace: int) -> list[dict[str, Any]]:
    """One entry for each rule, blocked sender and forwarding address, and one for the automatic reply."""
    names = {each.id: each.role or each.name for each in mailstore.mailboxes(mailspace)}
    found: list[dict[str, Any]] = []
    for rule in plans.rules_of(mailspace):
        actions = coding.dump(rule.actions)
        if "labels" in actions:
            actions["labels"] = [names[each] for each in actions["labels"] if each in names]
        found.append(
            {
                "kind": "rule",
                "name": rule.name,
                "query": rule.query,
                "criteria": _renamed(c.dump(rule.criteria), names),
                "actions": actions,
                "enabled": rule.enabled,
                "stop": rule.stop,
            }
        )
    found += [{"kind": "blocked", "address": each.address} for each in blocking.blocked(mailspace)]
    found += [
        {"kind": "forwarding", "address": each.address, "keep": each.keep}
        for each in plans.forwarding_of(mailspace)
    ]
    reply = plans.reply_of(mailspace)
    if reply != AutoReply():
        found.append({"kind": "reply", **{name: getattr(reply, name) for name in _REPLY}})
    return found


def _renamed(criterion: list[Any], names: dict[Any, Any]) -> list[Any]:
    """Every mailbox in dumped criteria exchanged for its name, or a name for its number."""
    if criterion and criterion[0] == "inmailbox":
        return ["inmailbox", names.get(criterion[1], 0)]
    return [_renamed(each, names) if isinstance(each, list) else each for each in criterion]


def restore(mailspace: int, entries: list[Any], *, cause: Cause) -> tuple[int, tuple[str, ...]]:
    """Add what `stored` gave to what is there: how many entries came back, and a sentence for each that did not.

    All rules come in one transaction; one that is here already, with the same conditions and the same actions, is not
    added again.
    """
    if not isinstance(entries, list) or len(entries) > MOST_ENTRIES:
        raise CannotFilter(_("This is not a file of filters."))
    boxes = _Boxes(mailspace, cause)
    boxes.make(_labels_of(entries))
    done = 0
    wrong: list[str] = []
    rules: list[FilterRule] = []
    for number, entry in enumerate(entries, 1):
        try:
            if entry["kind"] == "rule":
                rules.append(_rule(mailspace, entry, boxes, cause))
                continue
            _restore_one(mailspace, entry)
            done += 1
        except (CannotFilter, StoreError) as refused:
            wrong.append(str(refused))
        except (ValueError, TypeError, KeyError, AttributeError):
            wrong.append(_("Entry %(number)d is not a filter.") % {"number": number})
    if rules:
        added, refusals = _add_rules(mailspace, rules)
        done += added
        wrong += refusals
    return done, tuple(wrong)


def _labels_of(entries: list[Any]) -> list[str]:
    """The labels that rules name, where they look like rules at all."""
    named: dict[str, None] = {}
    for entry in entries:
        actions = entry.get("actions") if isinstance(entry, dict) else None
        labels = actions.get("labels") if isinstance(actions, dict) else None
        if isinstance(labels, list):
            named |= dict.fromkeys(each for each in labels[: coding.MAX_LABELS] if isinstance(each, str))
    return list(named)


class _Boxes:
    """Mailboxes by role or name; labels are made when they are missing."""

    def __init__(self, mailspace: int, cause: Cause) -> None:
        self._mailspace, self._cause = mailspace, cause
        self._ids: dict[str, int] = {}
        for each in mailstore.mailboxes(mailspace):
            self._note(each)

    def _note(self, each: MailboxInfo) -> int:
        self._ids[each.role or each.name] = each.id
        return each.id

    def id(self, name: str) -> int:
        if not isinstance(name, str):
            raise ValueError("not a name")
        known = self._ids.get(name)
        if known is not None:
            return known
        return self._note(mailstore.create_mailbox(self._mailspace, name, cause=self._cause))

    def make(self, names: list[str]) -> None:
        """Those that are missing, in one transaction; a name that no label can have is for `id` to refuse."""
        missing = [name for name in names if name not in self._ids]
        if len(missing) > 1:
            for each in mailstore.create_mailboxes(self._mailspace, missing, cause=self._cause):
                self._note(each)

    def criterion(self, stored_form: Any) -> Any:
        if not isinstance(stored_form, list):
            return stored_form
        if len(stored_form) == 2 and stored_form[0] == "inmailbox":
            return ["inmailbox", self.id(stored_form[1] or INBOX)]
        return [self.criterion(each) for each in stored_form]


def _restore_one(mailspace: int, entry: dict[str, Any]) -> None:
    match entry["kind"]:
        case "blocked":
            blocking.block(mailspace, str(entry["address"]))
        case "forwarding":
            _restore_address(mailspace, str(entry["address"]), keep=entry.get("keep") is not False)
        case "reply":
            values = {name: entry[name] for name in _REPLY if name in entry}
            replying.set_auto_reply(mailspace, _reply(values))
        case _:
            raise ValueError("unknown kind")


def _reply(values: dict[str, Any]) -> AutoReply:
    kinds: dict[str, tuple[type, ...]] = {
        "enabled": (bool,),
        "only_known": (bool,),
        "days": (int,),
        "starts": (int, type(None)),
        "ends": (int, type(None)),
    }
    for name, value in values.items():
        if not isinstance(value, kinds.get(name, (str,))):
            raise ValueError(f"not a {name}")
    return AutoReply(**values)


def _rule(mailspace: int, entry: dict[str, Any], boxes: _Boxes, cause: Cause) -> FilterRule:
    """A rule as it was, not yet stored; a file may name addresses that have not confirmed here: they wait for that."""
    actions = dict(entry["actions"])
    actions["labels"] = [boxes.id(name) for name in actions.get("labels", [])]
    does = coding.load(actions)
    asked = ruling.checked(c.load(_bounded(entry["criteria"], boxes)))
    for address in does.forward:
        spelled(address)
    return FilterRule(
        mailspace_id=mailspace,
        name=storable(str(entry["name"]))[: ruling.NAME],
        query=storable(str(entry.get("query", "")))[: ruling.QUERY],
        criteria=asked,
        actions=coding.dump(does),
        enabled=entry.get("enabled") is not False,
        stop=entry.get("stop") is True,
        origin=cause.kind,
    )


def _add_rules(mailspace: int, rules: list[FilterRule]) -> tuple[int, list[str]]:
    """As many as there is room for, behind those that are here: how many, and sentences about the others."""

    def work(_door: Door) -> tuple[int, list[str]]:
        here = list(FilterRule.objects.filter(mailspace_id=mailspace))
        known = {_same(each) for each in here}
        room = ruling.Room(each.criteria for each in here)
        position = max((each.position for each in here), default=-1)
        fresh: list[FilterRule] = []
        wrong: dict[str, None] = {}
        there = 0
        for rule in rules:
            if _same(rule) in known:
                there += 1
                continue
            try:
                room.take(rule.criteria)
            except CannotFilter as refused:
                wrong[str(refused)] = None
                continue
            known.add(_same(rule))
            position += 1
            rule.position = position
            fresh.append(rule)
        FilterRule.objects.bulk_create(fresh, batch_size=100)
        targets = dict.fromkeys(spelled(to) for rule in fresh for to in coding.load(rule.actions).forward)
        for address in targets:
            _restored_address(mailspace, address, keep=True)
        if there:
            text = ngettext("%(n)d was here already.", "%(n)d were here already.", there)
            wrong[text % {"n": there}] = None
        return len(fresh), list(wrong)

    return ruling.committed(mailspace, work)


def _same(rule: FilterRule) -> str:
    """What makes two rules one: what they look for, and what they do."""
    return json.dumps([rule.criteria, rule.actions, rule.stop], sort_keys=True)


def _bounded(stored_form: Any, boxes: _Boxes) -> Any:
    """Mailboxes are looked up only in what has the shape of criteria at all."""
    c.load(_renamed(stored_form, {}))
    return boxes.criterion(stored_form)


def _restore_address(mailspace: int, address: str, *, keep: bool) -> None:
    wanted = spelled(address)
    ruling.committed(mailspace, lambda _door: _restored_address(mailspace, wanted, keep=keep))


def _restored_address(mailspace: int, wanted: str, *, keep: bool) -> None:
    """Within a transaction: noted, and not confirmed."""
    ForwardingAddress.objects.get_or_create(
        mailspace_id=mailspace, address=wanted, defaults={"keep": keep, "created_at": now_us()}
    )
