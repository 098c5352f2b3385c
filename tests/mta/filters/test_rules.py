"""Rules are kept in order, and only such that can do what they say."""

from __future__ import annotations

import pytest

from mta.filters import rules as ruling
from mta.filters import service as filters
from mta.filters.service import Actions, CannotFilter, NoSuchRule, Rule
from mta.mailstore import service as mailstore
from mta.message import criteria as c
from mta.values import Cause

CAUSE = Cause("web", "a test", "ann@a.test")
BILLS = c.Words("bills@shop.test", "from")


def add(mailspace: int, name: str = "Receipts", **given: object) -> Rule:
    values = {"query": "from:bills", "criteria": BILLS, "actions": Actions(skip_inbox=True)} | given
    return filters.add_rule(mailspace, name=name, cause=CAUSE, **values)  # type: ignore[arg-type]


def names(mailspace: int) -> list[str]:
    return [rule.name for rule in filters.rules(mailspace)]


def test_rules_come_back_as_they_were_added_in_that_order(ann: int) -> None:
    label = mailstore.create_mailbox(ann, "Shop", cause=CAUSE)
    first = add(ann, actions=Actions(labels=(label.id,), important=False, read=True), stop=True)
    second = add(ann, "  Second  rule ", criteria=c.Not(c.Or((BILLS, c.Larger(5)))))
    assert filters.rules(ann) == (first, second)
    assert (first.position, second.position, second.name) == (0, 1, "Second rule")
    assert filters.rule(ann, second.id).criteria == c.Not(c.Or((BILLS, c.Larger(5))))
    assert first.actions == Actions(labels=(label.id,), important=False, read=True)


def test_a_rule_is_changed_moved_and_removed(ann: int) -> None:
    one, two, three = add(ann, "1"), add(ann, "2"), add(ann, "3")
    filters.move_rule(ann, three.id, 0)
    assert names(ann) == ["3", "1", "2"]
    filters.move_rule(ann, one.id, 99)
    assert names(ann) == ["3", "2", "1"]
    changed = filters.change_rule(ann, two.id, name="two", enabled=False, actions=Actions(star=True))
    assert (changed.name, changed.enabled, changed.actions) == ("two", False, Actions(star=True))
    assert changed.criteria == BILLS
    filters.remove_rule(ann, three.id)
    assert names(ann) == ["two", "1"]


def test_a_rule_without_a_name_is_called_what_it_looks_for(ann: int) -> None:
    assert add(ann, "").name == "from:bills"


@pytest.mark.parametrize(
    "actions",
    [
        Actions(),
        Actions(keep=False),
        Actions(labels=(987_654,)),
        Actions(forward=("nobody@there.test",)),
        Actions(forward=("not an address",)),
    ],
)
def test_a_rule_that_does_nothing_or_cannot_is_not_taken(ann: int, actions: Actions) -> None:
    with pytest.raises(CannotFilter):
        add(ann, actions=actions)
    assert filters.rules(ann) == ()


@pytest.mark.parametrize(
    "criteria", [c.Uids(((1, 2),)), c.Not(c.Older(5)), c.And((BILLS, c.ModSeq(1))), c.Words("...")]
)
def test_what_says_nothing_about_arriving_mail_is_no_condition(ann: int, criteria: c.Criteria) -> None:
    with pytest.raises(CannotFilter):
        add(ann, criteria=criteria)


def test_another_mailspace_has_no_hold_on_a_rule(ann: int) -> None:
    ben = mailstore.create_mailspace()
    rule = add(ann)
    for attempt in (
        lambda: filters.rule(ben, rule.id),
        lambda: filters.change_rule(ben, rule.id, name="mine"),
        lambda: filters.move_rule(ben, rule.id, 0),
        lambda: filters.remove_rule(ben, rule.id),
        lambda: filters.apply_rule(ben, rule.id, cause=CAUSE),
    ):
        with pytest.raises(NoSuchRule):
            attempt()
    assert filters.rules(ann) == (rule,)


def test_a_label_of_somebody_else_is_no_label(ann: int) -> None:
    theirs = mailstore.create_mailbox(mailstore.create_mailspace(), "Shop", cause=CAUSE)
    with pytest.raises(CannotFilter):
        add(ann, actions=Actions(labels=(theirs.id,)))


def test_rules_cannot_ask_more_than_a_delivery_can_bear(ann: int, monkeypatch: pytest.MonkeyPatch) -> None:
    many = c.Or(tuple(c.Words(f"n{n}@there.test", "from") for n in range(301)))
    with pytest.raises(CannotFilter):
        add(ann, criteria=many)
    monkeypatch.setattr(ruling, "MOST_ASKED_IN_ALL", 3)
    first = add(ann, criteria=c.And((BILLS, c.Larger(5))))
    add(ann, "Other")
    for attempt in (
        lambda: add(ann, "Third"),
        lambda: filters.change_rule(ann, first.id, criteria=c.And((BILLS, c.Larger(5), c.Smaller(9)))),
    ):
        with pytest.raises(CannotFilter):
            attempt()
    assert names(ann) == ["Receipts", "Other"]
    assert filters.rule(ann, first.id).criteria == first.criteria
    done, wrong = filters.restore(ann, filters.stored(ann)[:1], cause=CAUSE)
    assert (done, len(wrong)) == (0, 1)


# --- blocked senders


def test_addresses_and_domains_are_blocked_once_and_let_go(ann: int) -> None:
    filters.block(ann, " Ada@Example.TEST ")
    filters.block(ann, "ada@example.test")
    filters.block(ann, "spam.test")
    assert {each.address for each in filters.blocked(ann)} == {"ada@example.test", "@spam.test"}
    filters.unblock(ann, "@spam.test")
    assert [each.address for each in filters.blocked(ann)] == ["ada@example.test"]
    with pytest.raises(CannotFilter):
        filters.block(ann, "no address")


# --- the plan that deliveries look at


def version(mailspace: int) -> int:
    return mailstore.commit({mailspace}, lambda door: door.filters(mailspace))


def test_a_mailspace_without_filters_has_no_plan_to_look_at(ann: int) -> None:
    assert version(ann) == 0
    rule = add(ann, enabled=False)
    assert version(ann) < 0
    filters.change_rule(ann, rule.id, enabled=True)
    first = version(ann)
    assert first > 0
    filters.block(ann, "ada@example.test")
    assert version(ann) > first
    filters.remove_rule(ann, rule.id)
    filters.unblock(ann, "ada@example.test")
    assert version(ann) < 0
    add(ann)
    assert version(ann) > first, "a version is never used twice"


def test_the_plan_is_read_once_for_each_version(ann: int, django_assert_num_queries: object) -> None:
    rule = add(ann)
    now = version(ann)
    assert filters.plan(ann, now).rules == (rule,)
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert filters.plan(ann, now).rules == (rule,)
        assert filters.kept(ann).rules == (rule,)
