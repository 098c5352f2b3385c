"""Mail is forwarded only to addresses where somebody has agreed; and all filters can be kept in a file."""

from __future__ import annotations

import json
import re

import pytest

from mta.filters import service as filters
from mta.filters.models import ForwardingAddress
from mta.filters.service import Actions, AutoReply, CannotFilter, NoSuchForwarding
from mta.mailstore import service as mailstore
from mta.message import criteria as c
from mta.message.parse import parse_message
from mta.queue import service as queue
from mta.queue.models import Outgoing, QueuedRecipient
from mta.values import Cause, now_us

CAUSE = Cause("web", "a test", "ann@a.test")


def mailed() -> list[bytes]:
    return [queue.raw(row.id) for row in Outgoing.objects.order_by("id")]


def token() -> str:
    text = parse_message(mailed()[-1]).search_text
    found = re.search(r"/forward/([\w-]+)/", text)
    assert found
    return found[1]


def test_an_address_is_written_to_and_counts_once_the_link_was_followed(ann: int) -> None:
    asked = filters.ask_forwarding(ann, "Away@Outside.TEST", keep=False)
    assert (asked.address, asked.confirmed, asked.enabled, asked.keep) == (
        "away@outside.test",
        False,
        False,
        False,
    )
    assert QueuedRecipient.objects.get().address == "away@outside.test"
    letter = parse_message(mailed()[0])
    assert letter.auto_submitted
    assert letter.from_[0].email == "postmaster@a.test"
    assert "ann@a.test" in letter.subject
    key = token()
    assert key not in str(ForwardingAddress.objects.values())
    assert filters.asked(key) == ("ann@a.test", "away@outside.test")
    with pytest.raises(CannotFilter):
        filters.change_forwarding(ann, asked.id, enabled=True)
    agreed = filters.confirm_forwarding(key)
    assert (agreed.confirmed, agreed.enabled) == (True, True)
    with pytest.raises(NoSuchForwarding):
        filters.confirm_forwarding(key)
    assert filters.change_forwarding(ann, asked.id, enabled=False).enabled is False


@pytest.mark.parametrize("key", ["", "nonsense", "x" * 5000, "\udc80"])
def test_a_wrong_link_says_so(ann: int, key: str) -> None:
    filters.ask_forwarding(ann, "away@outside.test")
    with pytest.raises(NoSuchForwarding):
        filters.confirm_forwarding(key)


def test_a_link_gets_too_old(ann: int) -> None:
    filters.ask_forwarding(ann, "away@outside.test")
    key = token()
    ForwardingAddress.objects.update(token_until=now_us() - 1)
    with pytest.raises(NoSuchForwarding):
        filters.asked(key)


def test_strangers_are_not_written_to_again_and_again(ann: int) -> None:
    filters.ask_forwarding(ann, "away@outside.test")
    first = token()
    with pytest.raises(CannotFilter):
        filters.ask_forwarding(ann, "away@outside.test")
    ForwardingAddress.objects.update(token_until=now_us() + 6 * 86_400 * 1_000_000)
    filters.ask_forwarding(ann, "away@outside.test")
    assert len(mailed()) == 2
    with pytest.raises(NoSuchForwarding):
        filters.confirm_forwarding(first)
    filters.confirm_forwarding(token())


def test_no_address_and_ones_own_cannot_be_forwarded_to(ann: int) -> None:
    for address in ("no address", "ann@a.test", "a@b.test\r\nBcc: c@d.test"):
        with pytest.raises(CannotFilter):
            filters.ask_forwarding(ann, address)
    assert mailed() == []


def test_there_is_an_end_to_how_many_are_asked(ann: int) -> None:
    for number in range(20):
        filters.ask_forwarding(ann, f"n{number}@outside.test")
    with pytest.raises(CannotFilter):
        filters.ask_forwarding(ann, "one@more.test")
    assert len(mailed()) == 20


def test_an_address_belongs_to_one_mailspace(ann: int) -> None:
    asked = filters.ask_forwarding(ann, "away@outside.test")
    ben = mailstore.create_mailspace()
    for attempt in (
        lambda: filters.change_forwarding(ben, asked.id, keep=False),
        lambda: filters.remove_forwarding(ben, asked.id),
    ):
        with pytest.raises(NoSuchForwarding):
            attempt()
    filters.remove_forwarding(ann, asked.id)
    assert filters.forwarding(ann) == ()


# --- the automatic reply


def test_an_automatic_reply_is_kept_and_checked(ann: int) -> None:
    assert filters.auto_reply(ann) == AutoReply()
    wanted = AutoReply(True, "Away", "<p>Away</p>", "Away", 5, 10, 7, True)
    assert filters.set_auto_reply(ann, wanted) == wanted == filters.auto_reply(ann)
    for wrong in (
        AutoReply(True),
        AutoReply(True, text="x", starts=5, ends=5),
        AutoReply(True, text="x", days=0),
        AutoReply(True, text="x" * 50_000),
    ):
        with pytest.raises(CannotFilter):
            filters.set_auto_reply(ann, wrong)
    assert filters.auto_reply(ann) == wanted


# --- as a file


def test_everything_can_be_kept_in_a_file_and_brought_to_another_account(ann: int) -> None:
    shop = mailstore.create_mailbox(ann, "Work/Shop", cause=CAUSE)
    asked = c.And((c.Words("bills", "from"), c.Not(c.InMailbox(shop.id))))
    filters.add_rule(
        ann,
        name="Receipts",
        query="from:bills -label:shop",
        criteria=asked,
        actions=Actions(labels=(shop.id,), skip_inbox=True),
        stop=True,
        enabled=False,
        cause=CAUSE,
    )
    filters.block(ann, "@spam.test")
    filters.ask_forwarding(ann, "away@outside.test", keep=False)
    filters.set_auto_reply(ann, AutoReply(True, text="Away", days=2))
    kept = json.loads(json.dumps(filters.stored(ann)))
    assert str(shop.id) not in json.dumps(kept)

    ben = mailstore.create_mailspace()
    done, wrong = filters.restore(ben, kept, cause=CAUSE)
    assert (done, wrong) == (4, ())
    theirs = next(each.id for each in mailstore.mailboxes(ben) if each.name == "Work/Shop")
    (rule,) = filters.rules(ben)
    assert (rule.name, rule.stop, rule.enabled, rule.actions.labels) == ("Receipts", True, False, (theirs,))
    assert rule.criteria == c.And((c.Words("bills", "from"), c.Not(c.InMailbox(theirs))))
    assert [each.address for each in filters.blocked(ben)] == ["@spam.test"]
    assert [(each.address, each.confirmed) for each in filters.forwarding(ben)] == [
        ("away@outside.test", False)
    ]
    assert filters.auto_reply(ben).text == "Away"
    assert filters.stored(ben) == kept


def test_what_is_no_filter_is_said_and_the_rest_comes_in(ann: int) -> None:
    entries = [
        None,
        {"kind": "what"},
        {"kind": "rule"},
        {"kind": "rule", "name": "x", "criteria": ["inmailbox", ["all"]], "actions": {}},
        {"kind": "rule", "name": "x", "criteria": ["all"], "actions": {"labels": [5]}},
        {"kind": "rule", "name": "x", "criteria": ["not"] * 200, "actions": {"star": True}},
        {"kind": "reply", "enabled": "yes"},
        {"kind": "reply", "days": "two"},
        {"kind": "blocked", "address": "no address"},
        {"kind": "blocked", "address": "ada@there.test"},
    ]
    done, wrong = filters.restore(ann, entries, cause=CAUSE)
    assert (done, len(wrong)) == (1, 9)
    assert [each.address for each in filters.blocked(ann)] == ["ada@there.test"]
    with pytest.raises(CannotFilter):
        filters.restore(ann, {"kind": "rule"}, cause=CAUSE)  # type: ignore[arg-type]
