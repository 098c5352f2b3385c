"""What a mailspace's filters make of mail from outside, from here, and of delayed deliveries."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mta.correspondents import service as correspondents
from mta.filters import service as filters
from mta.filters.models import FilterRule, ForwardingAddress, Replied
from mta.filters.service import Actions, AutoReply
from mta.flow import bounce, filing, local, receive
from mta.flow.passage import Accepted, Arrival, Recipient
from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.message import criteria as c
from mta.message.parse import parse_message
from mta.queue import service as queue
from mta.queue.models import Outgoing, QueuedRecipient
from mta.queue.values import FAILED
from mta.queue.values import Outcome as Tried
from mta.tracing import service as tracing
from mta.trust import srs
from mta.values import FLAGGED, SEEN, now_us
from tests.mta.flow.conftest import CAUSE, Office

pytestmark = pytest.mark.django_db
DAY = 86_400 * 1_000_000
BILLS = c.Words("bills@shop.test", "from", prefix=False)


@pytest.fixture(autouse=True)
def sound(office: Office) -> Iterator[None]:
    """Whatever a test did, nothing that is kept differs from what is there."""
    yield
    assert differences(office.ann) == differences(office.ben) == []


def letter(
    *fields: str, sender: str = "bills@shop.test", to: str = "ann@a.test", body: str = "Hello"
) -> bytes:
    head = [f"From: <{sender}>", f"To: <{to}>", "Subject: Your order", "Message-ID: <m1@shop.test>", *fields]
    return "\r\n".join([*head, "", body, ""]).encode()


def arrive(
    office: Office, raw: bytes | None = None, *, sender: str = "bills@shop.test", to: str = "ann@a.test"
) -> Accepted:
    arrival = Arrival(
        raw=letter(sender=sender) if raw is None else raw,
        sender=sender,
        recipients=(Recipient(to, office.directory.resolve(to).targets),),
        client_name="mx.shop.test",
        ip="192.0.2.7",
        hostname="mail.a.test",
        protocol="ESMTPS",
    )
    return receive.receive(arrival).result()


def add(
    office: Office, name: str = "Receipts", criteria: c.Criteria = BILLS, **given: object
) -> filters.Rule:
    stop = bool(given.pop("stop", False))
    return filters.add_rule(
        office.ann,
        name=name,
        query="",
        criteria=criteria,
        actions=Actions(**given),  # type: ignore[arg-type]
        stop=stop,
        cause=CAUSE,
    )


def label(office: Office, name: str) -> int:
    return mailstore.create_mailbox(office.ann, name, cause=CAUSE).id


def boxes(office: Office) -> set[str]:
    """The names of Ann's mailboxes that hold something."""
    return {each.name for each in mailstore.mailboxes(office.ann) if each.messages}


def sent(kind: str) -> list[tuple[str, list[str], bytes]]:
    """What waits in the queue: sender, recipients, bytes."""
    return [
        (
            row.sender,
            list(
                QueuedRecipient.objects.filter(outgoing_id=row.id)
                .order_by("address")
                .values_list("address", flat=True)
            ),
            queue.raw(row.id),
        )
        for row in Outgoing.objects.filter(kind=kind).order_by("id")
    ]


def forget_queue() -> None:
    Outgoing.objects.all().delete()
    QueuedRecipient.objects.all().delete()


def confirmed(office: Office, address: str, *, enabled: bool = False, keep: bool = True) -> None:
    asked = filters.ask_forwarding(office.ann, address, keep=keep)
    ForwardingAddress.objects.filter(id=asked.id).update(confirmed_at=now_us(), enabled=enabled)
    filters.change_forwarding(office.ann, asked.id, enabled=enabled)
    forget_queue()


# --- places and looks


def test_a_rule_skips_the_inbox_for_a_label_and_says_why(office: Office) -> None:
    shop = label(office, "Shop")
    rule = add(office, skip_inbox=True, labels=(shop,), read=True, star=True, important=True)
    arrive(office)
    arrive(office, letter(sender="ada@there.test"), sender="ada@there.test")
    assert boxes(office) == {"INBOX", "Shop"}
    (row,) = mailstore.changes(office.ann, shop).rows
    found = mailstore.message(office.ann, row.message)
    assert found.flags == SEEN | FLAGGED
    assert found.keywords == ("$Important",)
    assert found.reasons["placement"] == "Your filter “Receipts” put it here"
    assert found.reasons["rules"] == [[rule.id, "Receipts"]]
    counted = filters.rule(office.ann, rule.id)
    assert (counted.matched, counted.last_matched is not None) == (1, True)


def test_recent_changes_names_the_filter_and_undo_brings_the_message_to_the_inbox(office: Office) -> None:
    shop = label(office, "Shop")
    add(office, skip_inbox=True, labels=(shop,), read=True)
    arrive(office)
    line = mailstore.history(office.ann, cause="filter")[0]
    assert (line.cause, line.session, line.verb, line.target) == ("filter", "Receipts", "move", "Shop")
    mailstore.undo(office.ann, line.action, cause=CAUSE)
    assert boxes(office) == {"INBOX"}
    (message,) = office.box(office.ann, "inbox")
    assert message.flags == 0


def test_a_rule_that_only_marks_is_undone_as_well(office: Office) -> None:
    add(office, read=True)
    arrive(office)
    assert office.box(office.ann, "inbox")[0].flags == SEEN
    (line,) = mailstore.history(office.ann, cause="filter")
    assert line.verb == "read"
    mailstore.undo(office.ann, line.action, cause=CAUSE)
    assert office.box(office.ann, "inbox")[0].flags == 0


def test_a_rule_labels_in_the_inbox_archives_or_deletes(office: Office) -> None:
    shop = label(office, "Shop")
    add(office, criteria=c.Words("order", "subject"), labels=(shop,))
    arrive(office)
    assert boxes(office) == {"INBOX", "Shop"}
    add(office, "Away", criteria=c.Words("archive", "body"), skip_inbox=True)
    mailstore.delete_mailbox(office.ann, "Shop", cause=CAUSE)
    arrive(office, letter("X-N: 2", body="archive me"))
    assert len(office.box(office.ann, "archive")) == 1  # the label is gone
    add(office, "Gone", delete=True)
    arrive(office, letter("X-N: 3"))
    assert len(office.box(office.ann, "trash")) == 1


def test_rules_look_in_order_at_what_earlier_ones_did_and_one_can_stop(office: Office) -> None:
    one, two = label(office, "One"), label(office, "Two")
    add(office, "First", labels=(one,))
    add(office, "Second", criteria=c.InMailbox(one), labels=(two,), stop=True)
    add(office, "Third", criteria=c.All(), delete=True)
    arrive(office)
    assert boxes(office) == {"INBOX", "One", "Two"}
    (message,) = office.box(office.ann, "inbox")
    assert [name for _id, name in message.reasons["rules"]] == ["First", "Second"]


def test_mail_of_blocked_senders_goes_to_spam_and_no_rule_looks_at_it(office: Office) -> None:
    add(office, star=True)
    filters.block(office.ann, "shop.test")
    arrive(office)
    (message,) = office.box(office.ann, "junk")
    assert message.reasons["placement"] == "You blocked shop.test"
    assert message.flags == 0
    line = mailstore.history(office.ann, cause="filter")[0]
    assert (line.verb, line.session) == ("junk", "Blocked senders")
    filters.unblock(office.ann, "shop.test")
    arrive(office)
    assert len(office.box(office.ann, "inbox")) == 1


def test_rules_run_for_mail_from_here_too(office: Office) -> None:
    filters.add_rule(
        office.ben,
        name="From Ann",
        query="",
        criteria=c.Words("ann", "from"),
        actions=Actions(star=True),
        cause=CAUSE,
    )
    office.send("ben@a.test")
    assert office.box(office.ben, "inbox")[0].flags == FLAGGED


def test_rules_run_for_a_delivery_that_waited(office: Office) -> None:
    filters.add_rule(
        office.ben,
        name="From Ann",
        query="",
        criteria=c.Words("ann", "from"),
        actions=Actions(read=True),
        cause=CAUSE,
    )
    sent_ = office.send("ben@a.test", undo_seconds=30)
    claims = queue.claim(limit=10, now=now_us() + 60 * 1_000_000)
    local.deliver(queue.outgoing(sent_.outgoing), queue.raw(sent_.outgoing), claims)
    assert office.box(office.ben, "inbox")[0].flags == SEEN


def test_an_answer_to_a_sleeping_conversation_wakes_it_only_if_it_reaches_the_inbox(office: Office) -> None:
    arrive(office)
    (message,) = office.box(office.ann, "inbox")
    mailstore.snooze(office.ann, [message.thread], until=now_us() + DAY, cause=CAUSE)
    add(office, skip_inbox=True)
    arrive(office, letter("In-Reply-To: <m1@shop.test>", "X-N: 2").replace(b"<m1@", b"<m2@", 1))
    assert boxes(office) == {"Snoozed", "Archive"}


# --- forwarding


def test_everything_is_forwarded_with_a_copy_here(office: Office) -> None:
    confirmed(office, "away@outside.test", enabled=True)
    arrive(office)
    ((sender, recipients, raw),) = sent("forward")
    assert recipients == ["away@outside.test"]
    assert srs.reverse(sender, at=now_us()) == "bills@shop.test"  # bounces find back
    assert raw.startswith(b"Received: from mx.shop.test")
    assert b"\r\nDelivered-To: ann@a.test\r\nX-Loop: ann@a.test\r\n" in raw
    assert raw.endswith(letter())
    assert boxes(office) == {"INBOX"}


def test_forwarded_without_a_copy_lies_in_trash(office: Office) -> None:
    confirmed(office, "away@outside.test", enabled=True, keep=False)
    arrive(office)
    assert len(sent("forward")) == 1
    assert boxes(office) == {"Trash"}


def test_a_rule_forwards_only_to_who_agreed(office: Office) -> None:
    confirmed(office, "away@outside.test")
    add(office, forward=("away@outside.test",))
    arrive(office)
    arrive(office, letter(sender="x@there.test"), sender="x@there.test")
    assert [recipients for _s, recipients, _r in sent("forward")] == [["away@outside.test"]]
    filters.remove_forwarding(office.ann, filters.forwarding(office.ann)[0].id)
    arrive(office)
    assert len(sent("forward")) == 1


@pytest.mark.parametrize(
    "fields",
    [
        ["Delivered-To: Ann@a.test"],
        ["X-Loop: ann@a.test"],
        ["Delivered-To: away@outside.test"],
        [f"Received: from h{n} by h{n + 1}" for n in range(30)],
    ],
)
def test_what_was_here_or_there_before_or_travels_far_is_not_forwarded(
    office: Office, fields: list[str]
) -> None:
    confirmed(office, "away@outside.test", enabled=True)
    arrive(office, letter(*fields))
    assert sent("forward") == []
    assert boxes(office) == {"INBOX"}


def test_nothing_is_forwarded_to_the_mailbox_that_it_is_for(office: Office) -> None:
    office.directory.entries["me@a.test"] = ["ann@a.test"]
    confirmed(office, "me@a.test", enabled=True)
    arrive(office)
    assert sent("forward") == []


def test_two_mailboxes_that_forward_to_each_other_come_to_rest(office: Office) -> None:
    confirmed(office, "ben@a.test", enabled=True)
    asked = filters.ask_forwarding(office.ben, "ann@a.test")
    ForwardingAddress.objects.filter(id=asked.id).update(confirmed_at=now_us())
    filters.change_forwarding(office.ben, asked.id, enabled=True)
    forget_queue()
    arrive(office)
    for _turn in range(4):
        claims = queue.claim(limit=10, now=now_us() + 1_000_000)
        for claim in claims:
            local.deliver(queue.outgoing(claim.outgoing), queue.raw(claim.outgoing), [claim])
    assert (len(office.box(office.ann, "inbox")), len(office.box(office.ben, "inbox"))) == (1, 1)


def test_what_is_forwarded_is_told_in_the_trace(office: Office) -> None:
    confirmed(office, "away@outside.test", enabled=True)
    accepted = arrive(office)
    kinds = [event.kind for event in tracing.timeline(accepted.trace_id)]
    assert "forwarded" in kinds


# --- answering


def away(office: Office, **given: object) -> None:
    filters.set_auto_reply(office.ann, AutoReply(**({"enabled": True, "text": "I am away."} | given)))  # type: ignore[arg-type]


def test_an_automatic_reply_is_marked_and_in_the_conversation(office: Office) -> None:
    away(office)
    arrive(office)
    ((sender, recipients, raw),) = sent("report")
    assert (sender, recipients) == ("", ["bills@shop.test"])
    facts = parse_message(raw)
    assert facts.auto_submitted
    assert (facts.subject, facts.in_reply_to) == ("Auto: Your order", ("m1@shop.test",))
    assert (facts.from_[0].email, facts.to[0].email) == ("ann@a.test", "bills@shop.test")
    assert b"Auto-Submitted: auto-replied\r\n" in raw
    assert raw.startswith(b"DKIM-Signature:")
    assert b"I am away." in raw


def test_an_automatic_reply_names_its_person_and_stays_in_the_senders_conversation(office: Office) -> None:
    away(office)
    office.directory.names[office.ann] = "Ann Weber"
    arrive(office, letter("Message-ID: <q2@there.test>", sender="ada@there.test"), sender="ada@there.test")
    raw = next(raw for _s, to, raw in sent("report") if to == ["ada@there.test"])
    facts, asked = parse_message(raw), parse_message(letter())
    assert (facts.from_[0].name, facts.from_[0].email) == ("Ann Weber", "ann@a.test")
    assert facts.subject.startswith("Auto: ") and facts.base_subject == asked.base_subject and facts.is_reply


@pytest.mark.parametrize(
    ("subject", "automatic", "base"),
    [
        ("Auto: Lunch", True, "lunch"),
        ("Automatic reply: Re: Lunch", True, "lunch"),
        ("Re: Out of Office: Lunch", True, "lunch"),
        ("Abwesenheitsnotiz: AW: Lunch", True, "lunch"),
        ("Auto: Ford Focus", False, "auto: ford focus"),  # a car
    ],
)
def test_what_an_automatic_answer_says_before_the_subject_is_no_other_subject(
    subject: str, automatic: bool, base: str
) -> None:
    said = "Auto-Submitted: auto-replied\r\n" if automatic else ""
    assert parse_message(f"{said}Subject: {subject}\r\n\r\nAway".encode()).base_subject == base


def test_nobody_is_answered_twice_within_the_days(office: Office) -> None:
    away(office, days=3)
    arrive(office)
    arrive(office)
    arrive(office, letter(sender="ada@there.test"), sender="ada@there.test")
    assert [recipients for _s, recipients, _r in sent("report")] == [["bills@shop.test"], ["ada@there.test"]]
    Replied.objects.update(at=now_us() - 3 * DAY - 1)
    arrive(office)
    assert len(sent("report")) == 3


def test_a_new_text_is_said_to_everybody_anew_but_a_saved_one_is_not(office: Office) -> None:
    away(office)
    arrive(office)
    away(office)
    arrive(office)
    assert len(sent("report")) == 1
    away(office, text="Still away.")
    arrive(office)
    assert len(sent("report")) == 2


@pytest.mark.parametrize(
    ("raw", "sender"),
    [
        (letter("List-Id: <news.shop.test>"), "bills@shop.test"),
        (letter("Precedence: bulk"), "bills@shop.test"),
        (letter("Auto-Submitted: auto-generated"), "bills@shop.test"),
        (letter("X-Auto-Response-Suppress: DR, OOF"), "bills@shop.test"),
        (letter("Content-Type: multipart/report; boundary=b"), "bills@shop.test"),
        (letter("X-Loop: ann@a.test"), "bills@shop.test"),
        (letter(), ""),
        (letter(), "no-reply@shop.test"),
        (letter(), "mailer-daemon@shop.test"),
        (letter(), "bounces+ann=a.test@shop.test"),
        (letter(), "news-owner@shop.test"),
        (letter(), "ann@a.test"),
        (letter(to="undisclosed@shop.test"), "bills@shop.test"),
    ],
)
def test_no_machine_no_list_and_no_hidden_copy_is_answered(office: Office, raw: bytes, sender: str) -> None:
    away(office)
    add(office, criteria=c.All(), reply="Thanks.")
    arrive(office, raw, sender=sender)
    assert sent("report") == []


def test_our_own_reports_are_not_answered(office: Office) -> None:
    away(office)
    office.send("ghost@outside.test")
    claims = queue.claim(limit=10)
    info = queue.outgoing(claims[0].outgoing)
    bounce.settle(info, [(claims[0], Tried(FAILED, "gone", 550, "5.1.1"))], raw=queue.raw(info.id))
    assert sent("report") == []


def test_the_reply_keeps_to_its_time(office: Office) -> None:
    now = now_us()
    away(office, starts=now + DAY, ends=now + 2 * DAY)
    arrive(office)
    away(office, starts=now - 2 * DAY, ends=now - DAY)
    arrive(office)
    assert sent("report") == []
    away(office, starts=now - DAY, ends=now + DAY)
    arrive(office)
    assert len(sent("report")) == 1


def test_only_people_who_were_written_to_are_answered_when_asked_so(office: Office) -> None:
    away(office, only_known=True)
    arrive(office)
    assert sent("report") == []
    correspondents.seen(office.ann, [("Bills", "bills@shop.test")], own=True, at=now_us())
    arrive(office)
    assert len(sent("report")) == 1


def test_there_is_an_end_to_answers_on_one_day(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mta.filters.replying.MOST_A_DAY", 2)
    away(office)
    for sender in ("a@there.test", "b@there.test", "c@there.test"):
        arrive(office, letter(sender=sender), sender=sender)
    assert len(sent("report")) == 2


def test_two_automatic_replies_do_not_talk_to_each_other(office: Office) -> None:
    away(office)
    filters.set_auto_reply(office.ben, AutoReply(True, text="I am away, too."))
    office.send("ben@a.test")
    for _turn in range(4):
        for claim in queue.claim(limit=10, now=now_us() + 1_000_000):
            local.deliver(queue.outgoing(claim.outgoing), queue.raw(claim.outgoing), [claim])
    (answer,) = office.box(office.ann, "inbox")
    assert (answer.subject, answer.automatic) == ("Auto: Lunch", True)
    assert [each.subject for each in office.box(office.ben, "inbox")] == ["Lunch"]


def test_a_rule_answers_by_itself(office: Office) -> None:
    add(office, reply="Thank you, we have your letter.")
    arrive(office)
    arrive(office)
    ((_sender, recipients, raw),) = sent("report")
    assert recipients == ["bills@shop.test"]
    assert b"Thank you" in raw


def test_what_a_filter_threw_away_is_not_answered(office: Office) -> None:
    away(office)
    add(office, delete=True)
    arrive(office)
    assert sent("report") == []


def test_a_broken_rule_keeps_no_mail_out(office: Office) -> None:
    rule = add(office, star=True)
    FilterRule.objects.filter(id=rule.id).update(criteria=["nonsense"])
    add(office, "Other", read=True)
    arrive(office)
    assert office.box(office.ann, "inbox")[0].flags == SEEN


def test_filters_that_fail_keep_no_mail_out(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_given: object, **_named: object) -> None:
        raise RecursionError

    add(office, star=True)
    monkeypatch.setattr("mta.flow.filtering.decide", fail)
    arrive(office)
    assert office.box(office.ann, "inbox")[0].flags == 0


def test_long_bodies_are_cut_into_words_before_the_transaction_if_a_rule_asks_for_them(
    office: Office,
) -> None:
    prepared = mailstore.prepare(letter(body="quartz and feldspar"))
    add(office, labels=(label(office, "Shop"),))
    arrive(office)
    assert filing.ahead(prepared, [office.ann]) is None
    add(office, "Stones", criteria=c.Not(c.Words("quartz", "body")), star=True)
    arrive(office)
    words = filing.ahead(prepared, [office.ann, office.ben])
    assert words is not None
    assert "feldspar" in words["body"]


def test_a_delivery_without_filters_asks_nothing_more(office: Office) -> None:
    arrive(office)
    with CaptureQueriesContext(connection) as asked:
        arrive(office, letter("X-N: 2"))
    assert not [each for each in asked.captured_queries if "filters_" in each["sql"]]
