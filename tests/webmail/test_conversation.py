"""The pages of a conversation: what it shows and costs, single messages, why they are here, lists, invitations, paper."""

from __future__ import annotations

import re
from time import perf_counter
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as some

from mta.mailstore import service as mailstore
from mta.values import ARCHIVE, INBOX, JUNK, SEEN, SENT, TRASH, Cause
from tests.mail import mail
from tests.webmail.mail_world import CAUSE, Reader
from tests.webmail.test_papers import TEA, calendar
from webmail.models import Preferences
from webmail.reading import earlier, fold_html, fold_text

pytestmark = pytest.mark.django_db

SCRIPT = {"X-Mailstead": "1"}


def messages(reader: Reader, thread: int, *, aside: bool = True) -> list[Any]:
    return list(mailstore.conversation(reader.space, thread, aside=aside).messages)


def message_of(reader: Reader, thread: int) -> int:
    return int(messages(reader, thread)[-1].id)


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


# --- the whole conversation -----------------------------------------------------------------------------------
def test_a_sent_copy_and_its_delivered_twin_are_one_and_are_acted_on_together(ann: Reader) -> None:
    """Spec 6.0."""
    own = {"subject": "List", "message_id": "twin@x", "sender": "Ann <ann@example.test>"}
    thread = ann.receive(role=SENT, flags=SEEN, **own)
    assert ann.receive(**own) == thread
    page = ann.page(f"/mail/all/{thread}/")
    assert page.count("data-opened") == 1
    ids = re.search(r'data-ids="([\d ]+)"', page)
    assert ids is not None and len(ids[1].split()) == 2
    ann.do("delete-messages", [int(each) for each in ids[1].split()])
    roles = {each.id: each.role for each in mailstore.mailboxes(ann.space)}
    assert {roles[box] for each in messages(ann, thread) for box in each.boxes} == {TRASH}


def test_what_lies_aside_is_counted_and_shown_on_demand(ann: Reader) -> None:
    """Spec 6.0."""
    thread = ann.receive(subject="Lamp", message_id="a@x", body="Kept words")
    ann.receive(subject="Re: Lamp", references="a@x", role=TRASH, body="Thrown words")
    page = ann.page(f"/mail/inbox/{thread}/")
    assert "1 message is in Trash." in page and "Thrown words" not in page
    assert "Thrown words" in ann.page(f"/mail/inbox/{thread}/?aside=1")


def test_closed_messages_fold_from_four_on_and_many_unread_ones_do_not_all_open(ann: Reader) -> None:
    """Spec 6.2."""
    thread = ann.receive(subject="Long", message_id="m0@x", flags=SEEN)
    for number in range(1, 6):
        ann.receive(subject="Re: Long", references="m0@x", message_id=f"m{number}@x", flags=SEEN)
    page = ann.page(f"/mail/inbox/{thread}/")
    assert "4 earlier messages" in page and page.count("data-opened") == 1
    for number in range(40):
        ann.receive(subject="Re: Long", references="m0@x", message_id=f"n{number}@x")
    assert ann.page(f"/mail/inbox/{thread}/").count("data-opened") == 25


def test_reading_by_hand_only_is_a_choice(ann: Reader) -> None:
    """Spec 6.3."""
    thread = ann.receive()
    Preferences.objects.create(account=ann.account, read_after=Preferences.NEVER)
    assert 'data-read-after="-1"' in ann.page(f"/mail/inbox/{thread}/")
    assert not messages(ann, thread)[0].flags & SEEN
    Preferences.objects.update(read_after=0)
    ann.page(f"/mail/inbox/{thread}/")
    assert messages(ann, thread)[0].flags & SEEN


def test_looking_ahead_reads_nothing(ann: Reader) -> None:
    """Spec S13."""
    thread = ann.receive()
    for how in ("part", "prefetch"):
        assert ann.get(f"/mail/inbox/{thread}/", headers={"X-Mailstead": how}).status_code == 200
    assert not messages(ann, thread)[0].flags & SEEN


def test_with_conversations_off_one_message_stands_alone(ann: Reader) -> None:
    thread = ann.receive(subject="Lamp", message_id="a@x", body="First words")
    ann.receive(subject="Re: Lamp", references="a@x", body="Second words")
    Preferences.objects.create(account=ann.account, conversations=False)
    first = messages(ann, thread)[0].id
    page = ann.page(f"/mail/inbox/{thread}/?message={first}")
    assert "First words" in page and "Second words" not in page
    assert [bool(each.flags & SEEN) for each in messages(ann, thread)] == [True, False]


def test_a_conversation_costs_the_same_however_long_it_is(ann: Reader) -> None:
    """Spec S5."""
    short = ann.receive(subject="Short", message_id="s@x", flags=SEEN)
    long = ann.receive(subject="Long", message_id="l@x", flags=SEEN)
    for number in range(200):
        extra = {"message_id": f"l{number}@x", "references": "l@x", "flags": SEEN}
        ann.receive(subject="Re: Long", body=f"Word {number}\n\n> Word {number - 1}", **extra)

    def ask(thread: int) -> tuple[int, float]:
        ann.page(f"/mail/inbox/{thread}/")
        with CaptureQueriesContext(
            connection,
        ) as seen:
            started = perf_counter()
            ann.get(f"/mail/inbox/{thread}/", headers={"X-Mailstead": "part"})
            return len(seen), perf_counter() - started

    (few, _), (many, _) = ask(short), ask(long)
    assert many == few


# --- heads and single messages --------------------------------------------------------------------------------
def test_the_head_says_who_when_and_by_which_way(ann: Reader) -> None:
    """Spec 6.4."""
    extra = "Reply-To: desk@acme.test\r\nCc: Ben <ben@example.test>\r\nList-Id: Lamps <lamps.acme.test>"
    extra += "\r\nList-Unsubscribe: <mailto:leave@acme.test>\r\nReturn-Path: <bounce@acme.test>"
    page = text_of(ann.page(f"/mail/inbox/{ann.receive(sender='Ada <ada@acme.test>', extra=extra)}/"))
    for words in ("to me, cc Ben", "Reply to desk@acme.test", "Mailing list lamps.acme.test", "Unsubscribe"):
        assert words in page, words
    assert "Mailed by acme.test, not checked" in page


def test_the_menu_of_a_message_has_all_its_verbs(ann: Reader) -> None:
    """Spec 6.5."""
    thread = ann.receive(to="ann@example.test, ben@example.test")
    menu = ann.page(f"/mail/inbox/{thread}/").partition('role="menu">')[2]
    page = ann.page(f"/mail/inbox/{thread}/")
    menu = page[page.index('id="more-') :]
    menu = text_of(menu[: menu.index('class="message-content"')])
    for verb in (
        "Reply", "Reply all", "Forward", "Mark as unread from here", "Delete this message", "Report spam",
        "Report phishing", "Why is this here", "Print", "Show original", "Download message",
    ):  # fmt: skip
        assert verb in menu, verb


def test_the_original_shows_verdicts_as_far_as_known(ann: Reader) -> None:
    """Spec 6.6."""
    checked = ann.receive(raw=mail(subject="<b>Old</b>", date="Mon, 12 Oct 2026 10:00:00 +0000"))
    page = ann.page(f"/mail/original/{message_of(ann, checked)}/")
    assert text_of(page).count("not checked") == 3
    assert "&lt;b&gt;Old&lt;/b&gt;" in page and "<b>Old</b>" not in page
    results = "Authentication-Results: mx.old.test; spf=pass; dkim=pass header.d=acme.test; dmarc=fail"
    noted = text_of(ann.page(f"/mail/original/{message_of(ann, ann.receive(extra=results))}/"))
    assert "pass (acme.test) noted by mx.old.test, not by this host" in noted
    assert "data-copy-from" in page and "/mail/download/" in page


def test_a_message_reported_as_phishing_goes_to_spam_and_to_the_administrators(
    ann: Reader, eve: Reader
) -> None:
    from hosting import domains
    from hosting.actor import system
    from hosting.models import Role, Tenant

    tenant = Tenant.objects.get()
    domain = domains.add("example.test", tenant=tenant, actor=system("test"))
    domains.activate(domain, actor=system("test"))
    Role.objects.create(account=eve.account, domain=domain, kind=Role.ADMINISTRATOR)
    message = message_of(ann, ann.receive(subject="Your account", body="Click"))
    answer = ann.client.post(f"/mail/phishing/{message}/", headers=SCRIPT)
    assert answer.status_code == 200, answer.content
    assert mailstore.message(ann.space, message).boxes == (ann.role(JUNK),)
    notice = mailstore.threads(eve.space, eve.role(INBOX)).rows
    assert [line.subject for line in notice] == ["Reported as phishing: Your account"]
    assert [file.type for file in messages(eve, notice[0].thread)[0].attachments] == ["message/rfc822"]
    assert not mailstore.threads(ann.space, ann.role(SENT)).rows
    undone = ann.do("undo", action=answer.json()["action"])
    assert undone["status"] == 200
    assert mailstore.message(ann.space, message).boxes == (ann.role(INBOX),)


# --- why it is here -------------------------------------------------------------------------------------------
def test_a_move_of_a_mail_program_is_found_and_taken_back(ann: Reader) -> None:
    thread = ann.receive(subject="Lease")
    phone = Cause("imap", session="Thunderbird on 10.0.0.7", actor="ann@example.test")
    mailstore.move_threads(ann.space, [thread], ann.role(INBOX), ann.role(ARCHIVE), cause=phone)
    message = message_of(ann, thread)
    page = ann.page(f"/mail/why/{message}/")
    assert "Thunderbird on 10.0.0.7 moved it here from Inbox" in page
    action = re.search(r'name="action" value="([0-9a-f]+)"', page)
    assert action is not None and "Undo the move" in page
    assert ann.do("undo", action=action[1])["status"] == 200
    assert mailstore.message(ann.space, message).boxes == (ann.role(INBOX),)


def test_each_correction_is_a_verb_that_there_is(ann: Reader) -> None:
    thread = ann.receive(role=JUNK)
    message = message_of(ann, thread)
    page = ann.page(f"/mail/why/{message}/?box={ann.role(JUNK)}")
    assert "Why it is in Spam" in page
    verb = re.search(r'data-correct="([\w-]+)"', page)
    assert verb is not None
    assert ann.do(verb[1], [message])["status"] == 200
    assert mailstore.message(ann.space, message).boxes == (ann.role(INBOX),)
    assert ann.do("mute", [thread])["status"] == ann.do("unmute", [thread])["status"] == 200
    assert ann.do("move-messages", [message], target="inbox")["status"] == 200


def test_the_panel_costs_a_handful_of_queries(ann: Reader, django_assert_max_num_queries: Any) -> None:
    message = message_of(ann, ann.receive())
    ann.page(f"/mail/why/{message}/")
    with django_assert_max_num_queries(16):
        ann.get(f"/mail/why/{message}/", headers=SCRIPT)


# --- lists and invitations --------------------------------------------------------------------------------------
def test_leaving_a_list_by_mail_asks_first_and_sends_one_letter(ann: Reader) -> None:
    """Spec 6.13."""
    extra = "List-Unsubscribe: <mailto:leave@list.test?subject=out%20please&cc=evil@x.test>"
    message = message_of(ann, ann.receive(extra=extra))
    page = ann.page(f"/mail/unsubscribe/{message}/")
    assert "leave@list.test" in page and "<form method" in page
    assert not mailstore.threads(ann.space, ann.role(SENT)).rows  # asking does nothing
    answer = ann.client.post(f"/mail/unsubscribe/{message}/", headers=SCRIPT)
    assert answer.json()["text"] == "Unsubscribed by a mail to leave@list.test."
    sent = mailstore.threads(ann.space, ann.role(SENT)).rows
    raw = mailstore.raw(ann.space, sent[0].last_message)
    assert b"\r\nTo: leave@list.test\r\n" in raw and b"Subject: out please" in raw and b"evil" not in raw


def invite(*lines: str, method: str = "REQUEST", **head: str) -> bytes:
    body = calendar(*lines, method=method).decode()
    plain = mail(
        subject=head.get("subject", "Tea"),
        sender="Emiko <emiko@hana.test>",
        message_id=head.get("id", "tea@x"),
    )
    kind = f"Content-Type: text/calendar; method={method}; charset=utf-8"
    return plain.replace(b"Content-Type: text/plain; charset=utf-8", kind.encode()).replace(
        b"Shall we meet at noon?", body.encode()
    )


def test_an_invitation_is_a_card_and_the_answer_goes_to_its_organiser_alone(ann: Reader) -> None:
    """Spec 6.13."""
    thread = ann.receive(raw=invite(*TEA))
    page = ann.page(f"/mail/inbox/{thread}/")
    assert "Tea &lt;b&gt;and&lt;/b&gt; maps" in page and "<b>and</b>" not in page
    assert "Will you be there?" in page
    message = message_of(ann, thread)
    answer = ann.client.post(f"/mail/invitation/{message}/", {"answer": "yes"}, headers=SCRIPT)
    assert answer.json()["text"] == "You said yes. Emiko is told.", answer.content
    reply = messages(ann, thread)[-1]
    assert [each.email for each in (*reply.to, *reply.cc, *reply.bcc)] == ["emiko@hana.test"]
    raw = mailstore.raw(ann.space, reply.id)
    assert b"method=REPLY" in raw and b"PARTSTAT=ACCEPTED" in raw and b"ben@example.test" not in raw
    assert "You said yes." in ann.page(f"/mail/inbox/{thread}/?open=all")
    for wrong in ("", "perhaps"):
        refused = ann.client.post(f"/mail/invitation/{message}/", {"answer": wrong}, headers=SCRIPT)
        assert refused.status_code == 400


def test_a_cancelled_event_cannot_be_answered(ann: Reader) -> None:
    """Spec 6.13."""
    thread = ann.receive(raw=invite(*TEA, "SEQUENCE:1", method="CANCEL"))
    page = ann.page(f"/mail/inbox/{thread}/")
    assert "This event has been cancelled." in page and 'name="answer"' not in page
    message = message_of(ann, thread)
    assert (
        ann.client.post(f"/mail/invitation/{message}/", {"answer": "yes"}, headers=SCRIPT).status_code == 400
    )


# --- paper ----------------------------------------------------------------------------------------------------
def test_the_print_view_has_people_and_text_and_nothing_around(ann: Reader) -> None:
    """Spec 6.16."""
    html = (
        b"From: Ada <ada@acme.test>\r\nSubject: Lamp\r\nMessage-ID: <h@x>\r\nContent-Type: text/html\r\n\r\n"
    )
    html += (
        b'<style>p{color:red}</style><p>Rich words</p><img src="https://t.test/p.gif"><script>x()</script>'
    )
    thread = ann.receive(raw=html)
    ann.receive(subject="Re: Lamp", references="h@x", body="Plain <words>")
    response = ann.get(f"/mail/print/{thread}/")
    page = response.content.decode()
    assert "Rich words" in page and "Plain &lt;words&gt;" in page
    for absent in ("https://t.test", "x()</", "sidebar", "topbar", "held back"):
        assert absent not in page.replace(".held-back", ""), absent
    assert page.count("shadowrootmode") == 1
    policy = response["Content-Security-Policy"]
    assert "script-src http://testserver/static/js/print" in policy and "default-src 'none'" in policy
    one = ann.page(f"/mail/print/{thread}/?message={message_of(ann, thread)}")
    assert "Plain" in one and "Rich words" not in one


# --- folding --------------------------------------------------------------------------------------------------
EARLIER = mail(body="The boat is in the shed.\r\nThe left door sticks.\r\n-- \r\nAnn, 12 Harbour Road\r\n")


def test_a_repeated_signature_is_folded_and_a_new_one_is_not() -> None:
    """Spec 6.7."""
    known = earlier([EARLIER])
    shown, folded = fold_text("Thank you.\n-- \nAnn, 12 Harbour Road\n", known)
    assert (shown, folded) == ("Thank you.", "-- \nAnn, 12 Harbour Road")
    assert fold_text("Thank you.\n-- \nAnn, 13 Harbour Road\n", known)[1] == ""
    assert fold_text("-- \nAnn, 12 Harbour Road\n", known)[1] == ""
    quoted = "Yes.\n-- \nAnn, 12 Harbour Road\n\nOn 3 May 2026, Ben wrote:\n> The boat is in the shed."
    assert fold_text(quoted, known)[0] == "Yes."


def test_a_repeated_signature_of_html_is_folded_too() -> None:
    """Spec 6.7."""
    signed = '<p>{}</p><div class="gmail_signature">Ann, 12 Harbour Road</div>'
    raw = b"Content-Type: text/html\r\n\r\n" + signed.format("One").encode()
    folded = fold_html(signed.format("Two"), earlier([raw]))
    assert folded.index("<details") > folded.index("Two") and "</details>" in folded
    assert "<details" not in fold_html(signed.format("Two").replace("12", "13"), earlier([raw]))


QUOTED = ["> The boat is in the shed.", "> The left door sticks.", "", "-- ", "Ann, 12 Harbour Road", "> -- "]


@settings(deadline=None)
@given(
    some.lists(some.sampled_from(QUOTED), max_size=12),
    some.integers(0, 12),
    some.sampled_from(["", "> ", ">> "]),
)
def test_words_that_no_earlier_message_has_are_never_hidden(lines: list[str], at: int, mark: str) -> None:
    """Spec 6.7."""
    fresh = f"{mark}velvet teapots sing quietly"
    text = "\n".join(["Well.", *lines[:at], fresh, *lines[at:]])
    assert fresh in fold_text(text, earlier([EARLIER]))[0]


def test_the_archive_is_no_place_without_a_reason(ann: Reader) -> None:
    thread = ann.receive()
    mailstore.archive(ann.space, [thread], cause=Cause("web", session="Firefox", actor="ann@example.test"))
    assert "You archived it" in ann.page(f"/mail/why/{message_of(ann, thread)}/")
    assert CAUSE.kind == "import"


# --- bodies that are none ---------------------------------------------------------------------------------------
SEALED = (
    b"From: Ada <ada@outside.test>\r\nSubject: Sealed\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
    b'--b\r\nContent-Type: application/octet-stream; name="encrypted.asc"\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n--b--\r\n'
)


def test_what_cannot_be_read_here_says_why(ann: Reader) -> None:
    """Spec 6.11."""
    page = ann.page(f"/mail/inbox/{ann.receive(raw=SEALED)}/")
    assert "This message is encrypted. Open it in a mail program that has the key." in page
    assert "encrypted.asc" in page  # to be saved, and opened there
    assert "This message has no text." in ann.page(f"/mail/inbox/{ann.receive(body='')}/")
    assert "This message has no text." not in ann.page(f"/mail/inbox/{ann.receive(body='.')}/")
    assert "This message has no text." not in ann.page(f"/mail/inbox/{ann.receive(raw=invite(*TEA))}/")
