"""Writing on the server: signatures, templates, plain text, receipts, hours to send at, whole messages as files.

What a window posts goes in, what lies in the mailbox and in the queue comes out. Spec 7.5, 7.6, 7.11–7.16.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hosting.models import Address, Domain, Identity, Target
from mta import directory
from mta.flow import scheduled
from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.queue import service as queue
from mta.queue.values import DELIVERED, HELD, Outcome
from mta.values import ARCHIVE, DRAFTS, INBOX, SCHEDULED, SENT, Cause, now_us
from tests.mail import mail
from tests.webmail.mail_world import CAUSE, Reader
from tests.webmail.test_compose_answers import NEWSLETTER
from tests.webmail.test_compose_pages import ask, attach, done, in_box, only_message, save, sent_mail, text_of
from webmail import sending_times, templates
from webmail.models import IdentityLook, Preferences, Signature, Template

pytestmark = pytest.mark.django_db
HOUR = 3600 * 1_000_000
MANY = "A sentence that is long enough to be broken somewhere. " * 6


def send(who: Reader, draft: int, **how: Any) -> dict[str, Any]:
    return done(ask(who, f"{draft}/send/", how))


def signed(who: Reader, html: str = "<p>Ann Weber</p><p><b>Office</b></p>") -> Signature:
    made = Signature.objects.create(account=who.account, name="Work", html=html)
    IdentityLook.objects.create(
        account=who.account, address="ann@example.test", signature_new=made, signature_answer=made
    )
    return made


# --- signatures
def test_a_signature_stands_between_the_words_and_the_original_and_is_known_by_its_dashes(
    ann: Reader,
) -> None:
    signature = signed(ann)
    parent = only_message(ann, ann.receive(raw=NEWSLETTER))
    window = done(ask(ann, "opening/", mode="reply", message=parent.id))
    assert window["signature"] == signature.pk and "Office" not in window["html"]
    made = save(ann, mode="reply", message=parent.id, html="<p>Yes</p>", signature=signature.pk)
    send(ann, made["draft"])
    found = sent_mail(ann)
    text = text_of(found)
    assert (
        text.index("Yes") < text.index("\n-- \nAnn Weber\nOffice") < text.index("wrote:") < text.index("\n> ")
    )
    html = found.get_body(("html",)).get_content()
    assert html.index("Yes") < html.index("-- ") < html.index("Office") < html.index("blockquote")


def test_a_signature_can_stand_below_the_original_be_another_one_or_none(ann: Reader) -> None:
    signature = signed(ann)
    Preferences.objects.create(account=ann.account, signature_above=False)
    parent = only_message(ann, ann.receive())
    made = save(ann, mode="reply", message=parent.id, html="<p>Yes</p>", signature=signature.pk)
    draft = mailstore.draft(ann.space, made["draft"])
    assert draft.fields.text.index("noon") < draft.fields.text.index("\n-- \n")
    assert draft.fields.body.index("noon") < draft.fields.body.index("Office")
    save(ann, draft=made["draft"], html="<p>Yes!</p>")
    assert (
        mailstore.draft(ann.space, made["draft"]).fields.signature == signature.pk
    )  # nothing was said about it
    save(ann, draft=made["draft"], html="<p>Yes!</p>", signature=None)
    assert "-- " not in mailstore.draft(ann.space, made["draft"]).fields.text


def test_nobody_signs_with_somebody_elses_signature(ann: Reader, eve: Reader) -> None:
    signature = signed(ann)
    made = save(eve, html="<p>Hi</p>", signature=signature.pk)
    fields = mailstore.draft(eve.space, made["draft"]).fields
    assert (fields.signature, fields.signature_html) == (None, "")


def test_an_identity_asks_for_answers_elsewhere(ann: Reader) -> None:
    IdentityLook.objects.create(account=ann.account, address="ann@example.test", reply_to="team@example.test")
    send(ann, save(ann, html="<p>Hi</p>")["draft"])
    assert sent_mail(ann)["Reply-To"] == "team@example.test"


# --- templates
def test_a_template_is_filled_in_with_text_and_names_what_it_does_not_know(ann: Reader) -> None:
    Template.objects.create(
        account=ann.account,
        name="Welcome",
        subject="Hello {first name}",
        html="<p>Dear {Name}, from {my first name}. {nonsense} {domain}</p>",
    )
    (found,) = done(ask(ann, "templates/", to='"O\'Neil <b>Ada</b>" <ada@outside.test>'))["templates"]
    assert "<b>" not in found["html"] and "&lt;b&gt;" in found["html"]
    assert "from Ann." in found["html"] and "outside.test" in found["html"]
    assert found["missing"] == ["nonsense"] and "{nonsense}" in found["html"]
    number = found["id"]
    window = done(ask(ann, "opening/", mode="new", template=number, to="Ada Lovelace <ada@outside.test>"))
    assert window["subject"] == "Hello Ada" and window["to"] == [["Ada Lovelace", "ada@outside.test"]]
    blank = done(ask(ann, f"template/{number}/"))
    assert blank["missing"] == ["first name", "name", "nonsense", "domain"]
    assert templates.unknown("{first name} {x}") == ("x",)


def test_a_message_is_kept_as_a_template_and_one_of_that_name_replaced(ann: Reader, eve: Reader) -> None:
    kept = done(ask(ann, "templates/", {"name": "A", "subject": "S", "html": "<p onclick=x>1</p>"}))
    again = done(ask(ann, "templates/", {"name": "A", "subject": "T", "html": "<p>2</p>"}))
    assert again["id"] == kept["id"]
    assert Template.objects.get().subject == "T" and "onclick" not in Template.objects.get().html
    assert eve.get(f"/mail/compose/template/{kept['id']}/").status_code == 404
    assert done(ask(eve, "templates/"))["templates"] == []


# --- plain text
def test_plain_text_is_sent_flowed_and_comes_back_as_it_was(ann: Reader) -> None:
    text = f"{MANY}\n> a quotation {MANY}\n From here\n  two spaces\n\n-- \nAnn"
    made = save(ann, plain=True, text=text)
    assert done(ask(ann, "opening/", mode="draft", draft=made["draft"]))["text"] == text
    send(ann, made["draft"])
    (message,) = in_box(ann, SENT)
    raw = mailstore.raw(ann.space, message.id)
    head, _gap, body = raw.partition(b"\r\n\r\n")
    assert b"text/plain" in head and b"format=flowed" in head and b"delsp=no" in head and b"html" not in head
    assert max(map(len, body.split(b"\r\n"))) <= 78
    page = ann.page(f"/mail/sent/{message.thread}/")
    assert "broken somewhere. A sentence" in page


def test_plain_text_with_other_letters_survives_a_host_that_eats_spaces(ann: Reader) -> None:
    made = save(ann, plain=True, text="Grüße " * 40)
    send(ann, made["draft"])
    found = sent_mail(ann)
    assert found["Content-Transfer-Encoding"] in ("quoted-printable", "base64")
    flowed = found.get_content().replace("\r\n", "\n").rstrip("\n")
    assert "Grüße Grüße" in flowed.replace(" \n", " ")


def test_the_form_of_the_text_can_change_both_ways(ann: Reader) -> None:
    plain = done(
        ask(ann, "convert/", {"to": "plain", "html": "<p>One</p><p><b>Two</b></p><ul><li>x</li></ul>"})
    )
    assert plain["text"].splitlines()[:2] == ["One", "Two"] and "x" in plain["text"]
    rich = done(ask(ann, "convert/", {"to": "rich", "text": "One\n<Two>"}))
    assert rich["html"] == "<p>One</p><p>&lt;Two&gt;</p>"
    made = save(ann, html="<p><b>Fat</b></p>")
    save(ann, draft=made["draft"], plain=True, html="<p><b>Fat</b></p>")
    fields = mailstore.draft(ann.space, made["draft"]).fields
    assert (fields.html, fields.written, fields.body) == ("", "Fat", "")


# --- kinds of answers
def test_a_reply_becomes_a_forwarded_message_and_a_reply_again_with_its_text(ann: Reader) -> None:
    parent = only_message(ann, ann.receive(raw=NEWSLETTER))
    made = save(ann, mode="reply", message=parent.id, html="<p>Look</p>")
    turned = save(ann, draft=made["draft"], mode="forward", message=parent.id, html="<p>Look</p>")
    fields = mailstore.draft(ann.space, made["draft"]).fields
    assert (fields.mode, fields.in_reply_to) == ("forward", "") and "Forwarded message" in fields.quoted_html
    assert turned["draft"] == made["draft"]
    save(ann, draft=made["draft"], mode="reply_all", message=parent.id, html="<p>Look</p>")
    fields = mailstore.draft(ann.space, made["draft"]).fields
    assert fields.in_reply_to == parent.message_id and "Look" in fields.html


def test_several_messages_go_along_as_files(ann: Reader, eve: Reader) -> None:
    first, second = ann.receive(subject="One/two"), ann.receive(subject="Three")
    window = done(ask(ann, "opening/", mode="attach", thread=[first, second]))
    assert [each["name"] for each in window["files"]] == ["One-two.eml", "Three.eml"]
    assert window["quote"] == "" and window["subject"] == "Fwd: One/two"
    made = save(ann, mode="attach", attach=window["attach"], html="<p>See</p>")
    send(ann, made["draft"])
    files = list(sent_mail(ann).iter_attachments())
    assert [each.get_content_type() for each in files] == ["message/rfc822"] * 2
    assert "Three" in str(files[1].get_content()["Subject"])
    assert ask(eve, "save/", {"mode": "attach", "attach": window["attach"]})[0] == 410
    assert differences(ann.space) == []


def test_without_a_script_chosen_conversations_go_along_as_files(ann: Reader) -> None:
    first, second = ann.receive(subject="One"), ann.receive(subject="Two")
    assert "Forward as attachment" in ann.page("/mail/inbox/")
    response = ann.client.post("/mail/compose/attach/", {"ids": [str(first), str(second), "x"]})
    assert response.status_code == 302
    page = ann.page(response["Location"])
    assert "One.eml" in page and "Two.eml" in page and page.count('name="attach"') == 2


def test_a_message_forwarded_as_a_file_is_marked_and_unmarked_with_the_undo(ann: Reader) -> None:
    Preferences.objects.create(account=ann.account, undo_seconds=10)
    parent = only_message(ann, ann.receive())
    made = save(ann, mode="attach", attach=[parent.id])
    sent = send(ann, made["draft"])
    assert "$Forwarded" in mailstore.message(ann.space, parent.id).keywords
    done(ask(ann, f"undo/{sent['outgoing']}/", {}))
    assert "$Forwarded" not in mailstore.message(ann.space, parent.id).keywords


def test_a_message_is_edited_as_new_with_its_people_words_original_and_files(
    ann: Reader, eve: Reader
) -> None:
    parent = only_message(ann, ann.receive(raw=NEWSLETTER))
    made = save(ann, mode="forward", message=parent.id, html="<p>My <b>words</b></p>", subject="Fwd: x")
    attach(ann, made["draft"], "a.txt", b"aaa")
    send(ann, made["draft"])
    (sent,) = in_box(ann, SENT)
    window = done(ask(ann, f"edit/{sent.id}/", {}))
    assert window["to"] == [["", "ben@outside.test"]] and "<b>words</b>" in window["html"]
    assert "a.txt" in [each["name"] for each in window["files"]] and window["quote"]
    assert "Forwarded" not in window["html"] and window["mode"] == "new"
    assert "Forwarded message" in mailstore.draft(ann.space, window["draft"]).fields.text
    assert ask(eve, f"edit/{sent.id}/", {})[0] == 410
    plain = done(ask(ann, f"edit/{only_message(ann, ann.receive(body='Words only')).id}/", {}))
    assert plain["plain"] and plain["text"] == "Words only"


def test_the_original_can_be_taken_into_the_editor(ann: Reader) -> None:
    parent = only_message(ann, ann.receive())
    made = save(ann, mode="reply", message=parent.id, html="<p>Yes</p>")
    html = done(ask(ann, f"{made['draft']}/quote/edit/", {}))["html"]
    assert "noon" in html and "<blockquote>" in html and "style" not in html


# --- from which address
def test_a_reply_leaves_from_the_address_with_its_detail(ann: Reader) -> None:
    parent = only_message(ann, ann.receive(to="ann+shop@example.test"))
    window = done(ask(ann, "opening/", mode="reply_all", message=parent.id))
    assert window["from"] == "ann+shop@example.test" and window["cc"] == []
    assert {each["address"] for each in window["senders"]} == {"ann@example.test", "ann+shop@example.test"}
    made = save(ann, mode="reply", message=parent.id, **{"from": window["from"]})
    send(ann, made["draft"])
    assert sent_mail(ann)["From"] == "Ann Weber <ann+shop@example.test>"


def test_delivered_to_decides_for_a_blind_copy(ann: Reader) -> None:
    Identity.objects.create(mailspace=ann.space, address="sales@example.test", name="Sales")
    raw = b"Delivered-To: sales@example.test\r\n" + mail(to="undisclosed@outside.test")
    parent = only_message(ann, ann.receive(raw=raw))
    assert done(ask(ann, "opening/", mode="reply", message=parent.id))["from"] == "sales@example.test"


def test_the_owner_of_a_catch_all_answers_as_who_was_written_to_and_nobody_else_does(
    ann: Reader, eve: Reader
) -> None:
    domain = Domain.objects.create(name="example.test", tenant=ann.account.tenant, state=Domain.ACTIVE)
    rest = Address.objects.create(domain=domain, local_part="ann")
    taken = Address.objects.create(domain=domain, local_part="boss")
    Target.objects.create(address=rest, mailspace=ann.space, account=ann.account)
    Target.objects.create(address=taken, mailspace=eve.space, account=eve.account)
    domain.catch_all = rest
    domain.save()
    may = directory.current().may_send_as
    assert may(ann.account.pk, "whoever@example.test") and not may(eve.account.pk, "whoever@example.test")
    assert not may(ann.account.pk, "boss@example.test") and not may(ann.account.pk, "postmaster@example.test")
    raw = b"Delivered-To: whoever@example.test\r\n" + mail(to="whoever@example.test")
    parent = only_message(ann, ann.receive(raw=raw))
    window = done(ask(ann, "opening/", mode="reply", message=parent.id))
    assert window["from"] == "whoever@example.test"
    made = save(ann, mode="reply", message=parent.id, **{"from": window["from"]})
    send(ann, made["draft"])
    assert sent_mail(ann)["From"].addresses[0].addr_spec == "whoever@example.test"


# --- before and at sending
def test_what_speaks_against_sending_is_said_with_a_save(ann: Reader) -> None:
    said = save(ann, subject="", to=[["", "not an address"]], check=True)
    assert [each["kind"] for each in said["worries"]] == ["empty"] and said["wrong"] == ["not an address"]
    said = save(ann, plain=True, text="The plan is attached.", check=True)
    assert [each["kind"] for each in said["worries"]] == ["file"]
    assert "worries" not in save(ann)


def test_a_receipt_is_asked_for(ann: Reader) -> None:
    send(ann, save(ann, receipt=True)["draft"])
    assert sent_mail(ann)["Disposition-Notification-To"] == "ann@example.test"


def test_a_conversation_is_put_away_as_its_answer_goes_and_comes_back_with_it(ann: Reader) -> None:
    Preferences.objects.create(account=ann.account, undo_seconds=10)
    thread = ann.receive()
    parent = only_message(ann, thread)
    sent = send(ann, save(ann, mode="reply", message=parent.id)["draft"], archive=True)
    assert in_box(ann, INBOX) == [] and in_box(ann, ARCHIVE)
    done(ask(ann, f"undo/{sent['outgoing']}/", {"archived": sent["archived"]}))
    assert [each.id for each in in_box(ann, INBOX)] == [parent.id]


def test_how_safely_mail_travels_is_told_of_ones_own_mail_only(ann: Reader, eve: Reader) -> None:
    Domain.objects.create(name="example.test", tenant=ann.account.tenant, state=Domain.ACTIVE)
    for who, address, tls in (
        (ann, "x@safe.test", "TLSv1.3"),
        (ann, "x@open.test", ""),
        (eve, "y@hers.test", "TLSv1.3"),
    ):
        Preferences.objects.update_or_create(account=who.account, defaults={"undo_seconds": 0})
        send(who, save(who, to=[["", address]])["draft"])
        (claimed,) = queue.claim(limit=5)
        outcome = Outcome(DELIVERED, "delivered", 250, remote="mx.test", tls=tls)
        queue.record(claimed, outcome, queue.decide(claimed, outcome, now=now_us()), now=now_us())
    asked = {"domains": ["safe.test", "open.test", "hers.test", "example.test", "not a domain"]}
    found = done(ask(ann, "security/", asked))["domains"]
    assert {name: each["state"] for name, each in found.items()} == {
        "safe.test": "encrypted",
        "open.test": "plain",
        "hers.test": "unknown",
        "example.test": "here",
    }
    assert "TLS 1.3" in found["safe.test"]["text"]
    assert list(done(ask(ann, "security/", {"people": ["x@safe.test"]}))["domains"]) == ["safe.test"]


# --- sending at an hour
def scheduled_one(
    who: Reader, *, hours: float = 20, **content: Any
) -> tuple[dict[str, Any], dict[str, Any], Any]:
    made = save(who, html="<p>Later</p>", **content)
    at = now_us() + int(hours * HOUR)
    sent = send(who, made["draft"], at=at)
    (message,) = in_box(who, SCHEDULED)
    return made, sent, message


def test_a_scheduled_message_waits_in_its_mailbox_and_goes_with_that_date(ann: Reader) -> None:
    _made, sent, message = scheduled_one(ann)
    assert sent["scheduled"] and sent["when"] and sent["at"]
    (line,) = mailstore.threads(ann.space, ann.role(SCHEDULED)).rows
    assert line.wake_at == sent["at"] and in_box(ann, SENT) == [] and in_box(ann, DRAFTS) == []
    (state,) = queue.recipients(sent["outgoing"])
    assert (state.state, state.next_attempt) == (HELD, sent["at"])
    assert queue.claim(limit=5, now=sent["at"] + HOUR) == ()  # only the mailbox hands it over
    assert scheduled.send_due(sent["at"] - HOUR) == 0
    assert scheduled.send_due(sent["at"] + 1) == 1 and scheduled.send_due(sent["at"] + 2) == 0
    assert in_box(ann, SCHEDULED) == [] and [each.id for each in in_box(ann, SENT)] == [message.id]
    (claimed,) = queue.claim(limit=5, now=sent["at"] + 2)
    assert claimed.address == "ben@outside.test"
    date = message_from_bytes(queue.raw(sent["outgoing"]), policy=policy.default)["Date"].datetime
    assert int(date.timestamp()) == sent["at"] // 1_000_000
    (line,) = mailstore.threads(ann.space, ann.role(SENT)).rows
    assert line.sort_at >= sent["at"] and not line.woken
    assert differences(ann.space) == []


def test_a_scheduled_message_is_taken_back_as_the_draft_it_was(ann: Reader, eve: Reader) -> None:
    made, sent, message = scheduled_one(ann, bcc=[["", "secret@outside.test"]])
    assert ask(eve, f"unschedule/{message.id}/", {})[0] == 410
    window = done(ask(ann, f"unschedule/{message.id}/", {}))
    assert window["draft"] == made["draft"] and "Later" in window["html"]
    assert window["bcc"] == [["", "secret@outside.test"]]
    assert in_box(ann, SCHEDULED) == [] and len(in_box(ann, DRAFTS)) == 1
    assert scheduled.send_due(sent["at"] + 1) == 0
    response = ann.client.post(f"/mail/compose/unschedule/{message.id}/")
    assert response.status_code in (409, 410)
    assert differences(ann.space) == []


def test_without_a_script_taking_back_leads_to_the_draft(ann: Reader) -> None:
    _made, _sent, message = scheduled_one(ann)
    response = ann.client.post(f"/mail/compose/unschedule/{message.id}/")
    assert response.status_code == 302 and "mode=draft" in response["Location"]
    assert "Later" in ann.page(response["Location"])


@pytest.mark.parametrize("how", ["web", "imap move", "imap expunge"])
def test_whatever_takes_it_out_of_scheduled_keeps_it_here_and_undo_lets_it_go(ann: Reader, how: str) -> None:
    _made, sent, message = scheduled_one(ann)
    box, phone = ann.role(SCHEDULED), Cause("imap", session="Phone")
    (uid,) = [row.uid for row in mailstore.changes(ann.space, box).rows]
    if how == "web":
        mailstore.delete(ann.space, [message.thread], cause=CAUSE)
    elif how == "imap move":
        mailstore.move(ann.space, box, [uid], ann.role(ARCHIVE), cause=phone)
    else:
        mailstore.remove(ann.space, box, [uid], cause=phone)
    assert scheduled.send_due(sent["at"] + 1) == 0
    assert queue.claim(limit=5, now=sent["at"] + 1) == ()
    action = mailstore.history(ann.space)[0].action
    mailstore.undo(ann.space, action, cause=CAUSE)
    assert scheduled.send_due(sent["at"] + 2) == 1
    assert len(queue.claim(limit=5, now=sent["at"] + 3)) == 1
    assert differences(ann.space) == []


def test_what_was_never_handed_over_is_let_go_when_nothing_can_bring_it_back(ann: Reader) -> None:
    _made, sent, message = scheduled_one(ann)
    mailstore.delete(ann.space, [message.thread], cause=CAUSE)
    scheduled.send_due(sent["at"] + 400 * 24 * HOUR)
    (state,) = queue.recipients(sent["outgoing"])
    assert state.state == "cancelled"


def test_a_scheduled_message_goes_now_or_at_another_hour(ann: Reader) -> None:
    _made, sent, message = scheduled_one(ann)
    later = sent["at"] + 5 * HOUR
    again = scheduled.again(ann.space, ann.account.pk, message.id, at=later, cause=CAUSE)
    assert mailstore.is_scheduled(ann.space, again.message or 0) == later
    now = scheduled.again(ann.space, ann.account.pk, again.message or 0, at=None, cause=CAUSE)
    assert in_box(ann, SCHEDULED) == [] and [each.id for each in in_box(ann, SENT)] == [now.message]
    assert [each.outgoing for each in queue.claim(limit=5)] == [now.outgoing]


def test_a_past_or_absurd_hour_and_a_wrong_recipient_are_refused_when_it_is_chosen(ann: Reader) -> None:
    made = save(ann)
    for at in (now_us() - HOUR, now_us() + 400 * 24 * HOUR, -(10**30), 10**30):
        assert ask(ann, f"{made['draft']}/send/", {"at": at})[0] == 422, at
    assert ask(ann, f"{made['draft']}/send/", {"local": "yesterday"})[0] == 422
    wrong = save(ann, to=[["", "nobody"]])
    status, said = ask(ann, f"{wrong['draft']}/send/", {"at": now_us() + HOUR})
    assert status == 422 and "nobody" in said["error"]
    assert in_box(ann, SCHEDULED) == []


def test_the_hours_on_offer_follow_the_clock_and_the_zone(ann: Reader) -> None:
    zone = ZoneInfo("Europe/Berlin")
    monday_noon = datetime(2026, 11, 23, 12, 5, tzinfo=zone)
    with timezone.override(zone):
        found = {each.key: each.when for each in sending_times.choices(monday_noon)}
        sunday = {each.key for each in sending_times.choices(monday_noon + timedelta(days=6, hours=5))}
    assert list(found) == ["afternoon", "tomorrow", "monday"] and found["afternoon"].startswith("today")
    assert sunday == {"tomorrow", "tomorrow-afternoon", "evening"}
    Preferences.objects.create(account=ann.account, time_zone="Asia/Tokyo")
    assert done(ask(ann, "times/"))["zone"] == "Asia/Tokyo"
    made = save(ann)
    local = (datetime.now(ZoneInfo("Asia/Tokyo")) + timedelta(days=2)).strftime("%Y-%m-%dT08:00")
    sent = send(ann, made["draft"], local=local)
    assert datetime.fromtimestamp(sent["at"] / 1e6, ZoneInfo("Asia/Tokyo")).strftime("%H:%M") == "08:00"


# --- mailto, print, pages without scripts
def test_a_mailto_address_begins_a_message_and_cannot_do_more(ann: Reader) -> None:
    mailto = "ben@outside.test,%22A%2C%20B%22%20%3Cab@x.test%3E?cc=c@x.test&subject=Hi%0d%0aBcc:e@x.test&body=a%0d%0ab&attach=/etc/passwd&from=boss@x.test"
    window = done(ask(ann, "opening/", mailto=mailto))
    assert window["to"] == [["", "ben@outside.test"], ["A, B", "ab@x.test"]] and window["cc"] == [
        ["", "c@x.test"]
    ]
    assert window["subject"] == "Hi Bcc:e@x.test" and window["bcc"] == []
    assert window["html"] == "<p>a</p><p>b</p>" and window["from"] == "ann@example.test"


def test_a_draft_is_printed_as_it_stands(ann: Reader, eve: Reader) -> None:
    made = save(ann, html="<p>For <b>paper</b></p>")
    page = ann.page(f"/mail/compose/{made['draft']}/print/")
    assert "<b>paper</b>" in page and "Hello" in page
    assert eve.get(f"/mail/compose/{made['draft']}/print/").status_code in (404, 410)


def test_without_a_script_a_reply_has_cc_signature_receipt_and_files(ann: Reader) -> None:
    signature = signed(ann)
    parent = only_message(ann, ann.receive())
    page = ann.page(f"/mail/compose/?mode=reply_all&message={parent.id}")
    assert f'<option value="{signature.pk}" selected>Work</option>' in page
    response = ann.client.post(
        "/mail/compose/",
        {
            "mode": "reply_all",
            "message": parent.id,
            "to": "ada@outside.test",
            "cc": "carl@outside.test",
            "subject": "Re: Lunch",
            "text": "Yes",
            "signature": signature.pk,
            "receipt": "yes",
            "files": SimpleUploadedFile("plan.txt", b"plan"),
            "do": "send",
        },
    )
    assert response.status_code == 302
    found = sent_mail(ann)
    assert found["Cc"] == "carl@outside.test" and found["Disposition-Notification-To"]
    assert "\n-- \nAnn Weber" in text_of(found)
    assert [each.get_filename() for each in found.iter_attachments()] == ["plan.txt"]


def test_without_a_script_what_an_editor_made_keeps_its_looks(ann: Reader) -> None:
    made = save(ann, html="<p>Very <b>fat</b></p>")
    ann.client.post(
        "/mail/compose/",
        {"draft": made["draft"], "to": "ben@outside.test", "subject": "x", "text": "Very fat", "do": "save"},
    )
    assert "<b>fat</b>" in mailstore.draft(ann.space, made["draft"]).fields.html
    ann.client.post(
        "/mail/compose/",
        {"draft": made["draft"], "to": "ben@outside.test", "subject": "x", "text": "Thin", "do": "save"},
    )
    assert "fat" not in mailstore.draft(ann.space, made["draft"]).fields.html


def test_every_answer_is_json_and_every_change_is_a_post(ann: Reader) -> None:
    for path in ("edit/1/", "convert/", "security/", "unschedule/1/", "1/quote/edit/"):
        assert ann.client.get(f"/mail/compose/{path}").status_code == 405, path
    for path in ("convert/", "security/", "templates/"):
        status, said = ask(ann, path, {"html": 5, "text": [], "name": {}, "domains": "x", "people": 3})
        assert status in (200, 422), (path, said)
    assert json.dumps(done(ask(ann, "signatures/"))) == '{"signatures": []}'


def test_saving_does_not_write_a_large_original_again(ann: Reader) -> None:
    cell = '<td style="color:#123;padding:2px"><a href="https://x.test/">Cell of a long table</a></td>'
    raw = mail(body="").replace(b"text/plain", b"text/html") + f"<tr>{cell * 8}</tr>\r\n".encode() * 800
    parent = only_message(ann, ann.receive(raw=raw))
    made = save(ann, mode="reply", message=parent.id, html="<p>1</p>")
    original = mailstore.draft(ann.space, made["draft"]).fields.quoted_html
    assert len(original) > 400_000
    with CaptureQueriesContext(connection) as asked:
        save(
            ann,
            draft=made["draft"],
            version=made["version"],
            mode="reply",
            message=parent.id,
            html="<p>2</p>",
        )
    assert len(asked) < 25
    assert all(original[1000:2000] not in each["sql"] for each in asked)
