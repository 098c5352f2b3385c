"""What a rule would have matched, and a rule applied to the mail that is here: in the background, with a way back."""

from __future__ import annotations

import pytest

from mta.filters import service as filters
from mta.filters.service import Actions, CannotFilter
from mta.mailstore import dryrun
from mta.mailstore import service as mailstore
from mta.mailstore.service import prepare
from mta.message import criteria as c
from mta.values import FLAGGED, INBOX, JUNK, SEEN, SENT, TRASH, Cause, now_us
from tests.mail import mail

CAUSE = Cause("web", "a test", "ann@a.test")
FROM_SHOP = c.Words("bills@shop.test", "from", prefix=False)
DAY = 86_400 * 1_000_000


def put(
    mailspace: int, role: str = INBOX, *, sender: str = "bills@shop.test", days: int = 1, **given: str
) -> int:
    prepared = prepare(mail(sender=sender, **given))  # type: ignore[arg-type]
    at = now_us() - days * DAY
    return mailstore.commit(
        {mailspace}, lambda door: door.store(mailspace, prepared, role, internal_date=at, cause=Cause("smtp"))
    ).message


def add(mailspace: int, **given: object) -> filters.Rule:
    actions = Actions(**given)  # type: ignore[arg-type]
    return filters.add_rule(
        mailspace, name="Receipts", query="", criteria=FROM_SHOP, actions=actions, cause=CAUSE
    )


def boxes(mailspace: int) -> dict[str, int]:
    return {each.name: each.messages for each in mailstore.mailboxes(mailspace) if each.messages}


def run(mailspace: int, rule: filters.Rule) -> mailstore.BulkInfo:
    job = filters.apply_rule(mailspace, rule.id, cause=CAUSE)
    assert mailstore.work_bulks() is False
    return mailstore.bulk(mailspace, job)


def test_a_preview_shows_what_came_in_since_then_newest_first(ann: int) -> None:
    old = put(ann, days=100)
    found = [put(ann, days=n) for n in (3, 2, 1)]
    put(ann, sender="ada@there.test")
    put(ann, SENT)
    put(ann, JUNK)
    put(ann, TRASH)
    preview = filters.would_match(ann, FROM_SHOP, since=now_us() - 90 * DAY, limit=2)
    assert (preview.count, preview.more, preview.messages) == (3, False, (found[2], found[1]))
    everything = filters.would_match(ann, FROM_SHOP, since=0, limit=50)
    assert everything.messages[-1] == old
    assert filters.would_match(ann, c.All(), since=0, limit=50).count == 5


def test_a_preview_of_more_than_a_thousand_says_many(ann: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dryrun, "COUNTED", 2)
    for _ in range(3):
        put(ann)
    preview = filters.would_match(ann, FROM_SHOP, since=0, limit=1)
    assert (preview.count, preview.more, len(preview.messages)) == (2, True, 1)


def test_a_rule_is_applied_message_by_message_and_taken_back(ann: int) -> None:
    shop = mailstore.create_mailbox(ann, "Shop", cause=CAUSE)
    first = put(ann, message_id="t1@shop.test")
    answer = put(ann, sender="ann@a.test", references="t1@shop.test", subject="Re: Lunch")
    rule = add(ann, skip_inbox=True, labels=(shop.id,), read=True, star=True, important=True)
    info = run(ann, rule)
    assert (info.state, info.total, info.messages, info.params["rule"]) == ("done", 1, 1, rule.id)
    assert boxes(ann) == {"INBOX": 1, "Shop": 1}
    marked = mailstore.message(ann, first)
    assert (marked.flags, marked.keywords) == (SEEN | FLAGGED, ("$Important",))
    assert mailstore.message(ann, answer).flags == 0
    line = mailstore.history(ann, cause="filter")[0]
    assert (line.session, line.verb) == ("Receipts", "filter")
    mailstore.start_undo(ann, info.action, cause=CAUSE)
    assert mailstore.work_bulks() is False
    assert boxes(ann) == {"INBOX": 2}
    assert mailstore.message(ann, first).flags == 0


def test_spam_trash_and_what_was_sent_stay_as_they_are(ann: int) -> None:
    for role in (JUNK, TRASH, SENT):
        put(ann, role)
    run(ann, add(ann, delete=True))
    assert boxes(ann) == {"Junk": 1, "Trash": 1, "Sent": 1}


def test_what_a_rule_deletes_lies_in_trash_and_comes_back(ann: int) -> None:
    put(ann)
    info = run(ann, add(ann, delete=True))
    assert boxes(ann) == {"Trash": 1}
    mailstore.start_undo(ann, info.action, cause=CAUSE)
    mailstore.work_bulks()
    assert boxes(ann) == {"INBOX": 1}


def test_a_label_that_went_meanwhile_is_passed_over(ann: int) -> None:
    shop = mailstore.create_mailbox(ann, "Shop", cause=CAUSE)
    rule = add(ann, labels=(shop.id,), skip_inbox=True)
    put(ann)
    job = filters.apply_rule(ann, rule.id, cause=CAUSE)
    mailstore.delete_mailbox(ann, "Shop", cause=CAUSE)
    mailstore.work_bulks()
    assert mailstore.bulk(ann, job).state == "done"
    assert boxes(ann) == {"Archive": 1}


def test_forwarding_and_answering_are_for_new_mail_only(ann: int) -> None:
    rule = add(ann, reply="Thank you.")
    with pytest.raises(CannotFilter):
        filters.apply_rule(ann, rule.id, cause=CAUSE)
