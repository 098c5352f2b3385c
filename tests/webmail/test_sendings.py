"""How a sending is put into words: one sentence for each fate, many recipients summed up, and who may steer it."""

from __future__ import annotations

import re

import pytest

from mta.flow import scheduled
from mta.mailstore import service as mailstore
from mta.queue import reasons
from mta.queue import service as queue
from mta.queue.models import QueuedRecipient
from mta.queue.values import DEFERRED, DELIVERED, FAILED, WEB, NewOutgoing, NewRecipient, Outcome
from mta.values import SCHEDULED, SENT, now_us
from tests.webmail.mail_world import CAUSE, Reader
from tests.webmail.test_compose_pages import ask, done, in_box, save
from webmail.models import Preferences
from webmail.sendings import sending_of

MX = "mx.outside.test"
FATES = {
    "took": Outcome(DELIVERED, reasons.DELIVERED, 250, "2.0.0", "Arrived", MX, tls="TLSv1.3"),
    "bare": Outcome(DELIVERED, reasons.DELIVERED, 250, "2.0.0", "Arrived", MX),
    "wait": Outcome(DEFERRED, reasons.WAIT, 451, "4.7.1", "Later, please", MX, tls="TLSv1.3"),
    "full": Outcome(FAILED, reasons.FULL, 552, "5.2.2", "No room", MX),
    "nobody": Outcome(FAILED, reasons.NO_MAILBOX, 550, "5.1.1", "Who?", MX),
}


def send(ann: Reader, *to: str) -> tuple[int, int, int]:
    """(message, thread, outgoing): to wait@o.test waits, to nobody@o.test failed, and so on; others are queued."""
    thread = ann.sent(subject="Out", message_id="out@x", to=", ".join(to))
    message = mailstore.conversation(ann.space, thread).messages[0].id
    outgoing = queue.enqueue(
        NewOutgoing(
            kind=WEB,
            sender="ann@example.test",
            raw=b"x",
            recipients=tuple(NewRecipient(each) for each in to),
            mailspace=ann.space,
            message=message,
            header_id="out@x",
        )
    )
    queued = []
    for claimed in queue.claim(limit=500):
        fate = FATES.get(re.sub(r"\d", "", claimed.address.partition("@")[0]))
        if fate is None:
            queued.append(claimed)
            continue
        queue.record(claimed, fate, queue.decide(claimed, fate, now=now_us()), now=now_us())
    queue.give_back(queued)
    return message, thread, outgoing


@pytest.mark.parametrize(
    ("who", "state", "sentence", "verbs"),
    [
        ("took", "delivered", "Accepted by mx.outside.test, encrypted (TLS 1.3).", []),
        ("bare", "delivered", "Accepted by mx.outside.test, not encrypted.", []),
        ("wait", "retry", "The server of o.test asks us to wait. We try again at ", ["try", "give-up"]),
        ("full", "failed", "The mailbox full@o.test is full.", ["again", "give-up"]),
        ("nobody", "failed", "There is no mailbox nobody@o.test.", ["give-up"]),
        ("later", "queued", "Waiting to be sent.", []),
    ],
)
def test_each_fate_is_one_plain_sentence(
    ann: Reader, who: str, state: str, sentence: str, verbs: list[str]
) -> None:
    message, _thread, _outgoing = send(ann, f"{who}@o.test")
    found = sending_of(ann.space, message)
    assert found is not None
    (step,) = found.steps
    assert (step.state, [tool.verb for tool in step.tools if tool.verb != "edit"]) == (state, verbs)
    assert step.text.startswith(sentence)
    assert found.waiting == (state in ("retry", "queued"))
    assert bool(step.words) == (state != "queued")


def test_a_few_recipients_are_told_apart_and_counted_in_one_line(ann: Reader) -> None:
    message, thread, _outgoing = send(ann, "took@o.test", "took1@o.test", "wait@o.test", "nobody@o.test")
    found = sending_of(ann.space, message)
    assert found is not None
    assert re.fullmatch(r"Delivered to 2 of 4, 1 waits until [\d:]+, 1 not delivered", found.text)
    assert (found.short, found.news) == (
        "1 not delivered",
        "Not delivered. There is no mailbox nobody@o.test.",
    )
    assert "1 not delivered" in ann.page("/mail/sent/")
    assert ann.page(f"/mail/sent/{thread}/").count('data-test="sending-step"') == 4


def test_of_many_recipients_those_that_fare_alike_share_a_line(ann: Reader) -> None:
    many = [f"took{number}@o.test" for number in range(40)] + [f"later{number}@o.test" for number in range(9)]
    message, thread, _outgoing = send(ann, *many, "nobody@o.test", "wait@o.test")
    found = sending_of(ann.space, message)
    assert found is not None
    assert [(step.state, len(step.members)) for step in found.steps] == [
        ("failed", 0),
        ("retry", 0),
        ("queued", 9),
        ("delivered", 40),
    ]
    page = ann.page(f"/mail/sent/{thread}/")
    assert page.count('data-test="sending-step"') == 4
    assert "Delivered to 40" in page


def test_the_queue_is_asked_as_often_for_one_recipient_as_for_many(
    ann: Reader, django_assert_num_queries: object
) -> None:
    message, _thread, _outgoing = send(ann, *[f"took{number}@o.test" for number in range(60)])
    with django_assert_num_queries(2):  # type: ignore[operator]
        sending_of(ann.space, message)


def test_its_writer_tries_now_or_lets_it_go_with_a_form_alone(ann: Reader) -> None:
    message, _thread, outgoing = send(ann, "wait@o.test", "nobody@o.test")
    fields = {"message": message, "next": "/mail/sent/"}
    answer = ann.client.post("/mail/sending/", fields | {"do": f"try {outgoing} wait@o.test"})
    assert (answer.status_code, answer["Location"]) == (302, "/mail/sent/")
    assert [claimed.address for claimed in queue.claim(limit=9)] == ["wait@o.test"]
    ann.client.post("/mail/sending/", fields | {"do": f"give-up {outgoing} nobody@o.test"})
    states = dict(QueuedRecipient.objects.values_list("address", "state"))
    assert states["nobody@o.test"] == "given up"
    too_late = ann.client.post(
        "/mail/sending/",
        fields | {"do": f"give-up {outgoing} wait@o.test"},
        headers={"X-Mailstead": "1"},
    )
    assert (too_late.status_code, too_late.json()["text"]) == (
        409,
        "Too late: the message is on its way, or has arrived.",
    )


@pytest.mark.parametrize(
    "do", ["", "try", "sink 1 a@b.test", "try x a@b.test", "try 1 a b", "again 999999 a@b.test"]
)
def test_what_makes_no_sense_is_not_found(ann: Reader, do: str) -> None:
    message, _thread, _outgoing = send(ann, "wait@o.test")
    assert ann.client.post("/mail/sending/", {"message": message, "do": do}).status_code == 404


def test_nobody_steers_or_sees_what_somebody_else_sends(ann: Reader, eve: Reader) -> None:
    message, _thread, outgoing = send(ann, "wait@o.test")
    for verb in ("try", "give-up", "again", "edit"):
        told = eve.client.post("/mail/sending/", {"message": message, "do": f"{verb} {outgoing} wait@o.test"})
        assert told.status_code == 404
    assert eve.client.get(f"/mail/live/sending/{message}/").status_code == 404
    assert ann.get(f"/mail/live/sending/{message}/").json()["state"] == "retry"


def test_the_words_of_a_server_are_shown_as_text(ann: Reader) -> None:
    FATES["rude"] = Outcome(FAILED, reasons.POLICY, 554, "5.7.1", "<script>alert(1)</script>\u202e", MX)
    _message, thread, _outgoing = send(ann, "rude@o.test")
    page = ann.page(f"/mail/sent/{thread}/")
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
    del FATES["rude"]


def test_what_did_not_go_at_its_hour_says_so_and_can_still_be_sent(ann: Reader) -> None:
    made = save(ann, html="<p>Later</p>")
    sent = done(ask(ann, f"{made['draft']}/send/", {"at": now_us() + 3_600_000_000}))
    ann.account.state = ann.account.SUSPENDED
    ann.account.save()
    assert scheduled.send_due(sent["at"] + 1) == 0
    ann.account.state = ann.account.ACTIVE
    ann.account.save()
    (message,) = in_box(ann, SCHEDULED)
    assert 'data-state="failed"' in ann.page("/mail/scheduled/") and "Not sent" in ann.page(
        "/mail/scheduled/"
    )
    page = ann.page(f"/mail/scheduled/{message.thread}/")
    assert "this address was not allowed to send mail" in page and 'data-test="planned-now"' in page
    response = ann.client.post("/mail/sending/planned/", {"message": message.id, "do": "now"})
    assert response.status_code in (200, 302) and in_box(ann, SCHEDULED) == []
    assert len(in_box(ann, SENT)) == 1


def test_the_hours_of_another_time_are_the_writers_own(ann: Reader) -> None:
    Preferences.objects.create(account=ann.account, morning=6)
    made = save(ann, html="<p>Later</p>")
    done(ask(ann, f"{made['draft']}/send/", {"at": now_us() + 3_600_000_000}))
    (message,) = in_box(ann, SCHEDULED)
    page = ann.page(f"/mail/scheduled/{message.thread}/")
    offered = [each["when"] for each in done(ask(ann, "times/"))["times"] if each["key"] == "tomorrow"]
    assert offered and "6" in offered[0] and offered[0] in page


def test_a_label_chosen_while_writing_is_on_what_was_sent(ann: Reader) -> None:
    label = mailstore.create_mailbox(ann.space, "Trips/Norway", cause=CAUSE).id
    assert '"name": "Trips/Norway"' in ann.page("/mail/compose/window/").replace("&quot;", '"')
    made = save(ann, html="<p>Boats</p>", subject="Boats", labels=[label, label])
    assert done(ask(ann, f"opening/?mode=draft&draft={made['draft']}"))["labels"] == [label]
    again = save(ann, draft=made["draft"], html="<p>Boats and cars</p>", subject="Boats")
    done(ask(ann, f"{again['draft']}/send/", {}))
    assert "Boats" in ann.page("/mail/label/Trips/Norway/") and len(in_box(ann, SENT)) == 1
    for odd in ("x", [None], ["1e9"], {"a": 1}):
        assert ask(ann, "save/", {"html": "<p>x</p>", "labels": odd})[0] in (200, 422)
