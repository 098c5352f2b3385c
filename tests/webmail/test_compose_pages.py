"""Writing over HTTP: drafts, files, sending and taking back, the page without scripts, and whose is what."""

from __future__ import annotations

import json
from email import message_from_bytes, policy
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from hosting.models import Account, Grant, Identity
from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.queue import service as queue
from mta.values import ANSWERED, DRAFT, DRAFTS, SENT, now_us
from tests.webmail.mail_world import Reader
from tests.webmail.test_compose_answers import NEWSLETTER
from webmail import tasks
from webmail.models import Preferences

pytestmark = pytest.mark.django_db
BASE = "/mail/compose/"
PNG = b"\x89PNG\r\n\x1a\n"


def mark(who: Reader) -> str:
    return f"{who.account.pk}.{who.space}"


def ask(who: Reader, path: str, body: Any = None, **query: Any) -> tuple[int, dict[str, Any]]:
    """What the window's script asks."""
    headers = {"X-Mailstead": "compose", "X-Mailstead-Account": mark(who)}
    if body is None:
        response = who.client.get(BASE + path, query, headers=headers)
    else:
        response = who.client.post(BASE + path, json.dumps(body), "application/json", headers=headers)
    return response.status_code, json.loads(response.content)


def done(answer: tuple[int, dict[str, Any]]) -> dict[str, Any]:
    status, said = answer
    assert status == 200, said
    return said


def save(who: Reader, **content: Any) -> dict[str, Any]:
    return done(ask(who, "save/", {"to": [["", "ben@outside.test"]], "subject": "Hello"} | content))


def attach(who: Reader, draft: int, name: str, data: bytes, kind: str = "text/plain", **more: str) -> Any:
    file = SimpleUploadedFile(name, data, kind)
    return who.client.post(f"{BASE}{draft}/files/", {"file": file} | more, headers={"X-Mailstead": "compose"})


def in_box(who: Reader, role: str) -> list[Any]:
    box = who.role(role)
    uids = [row.uid for row in mailstore.changes(who.space, box).rows]
    ids = mailstore.message_ids_at(who.space, box, uids)
    return [mailstore.message(who.space, each) for each in ids]


def only_message(who: Reader, thread: int) -> Any:
    return mailstore.conversation(who.space, thread).messages[0]


def sent_mail(who: Reader) -> Any:
    (message,) = in_box(who, SENT)
    return message_from_bytes(mailstore.raw(who.space, message.id), policy=policy.default)


def text_of(found: Any) -> str:
    return str(found.get_body(("plain",)).get_content()).replace("\r\n", "\n")


# --- beginning and saving
def test_opening_a_reply_writes_nothing(ann: Reader) -> None:
    parent = only_message(ann, ann.receive())
    window = done(ask(ann, "opening/", mode="reply", message=parent.id))
    assert window["to"] == [["Ada Lovelace", "ada@outside.test"]]
    assert window["subject"] == "Re: Lunch"
    assert in_box(ann, DRAFTS) == []


def test_the_first_save_makes_one_draft_and_later_ones_keep_to_it(ann: Reader) -> None:
    first = save(ann, html="<p>One</p>")
    (shown,) = in_box(ann, DRAFTS)
    assert (shown.subject, shown.flags & DRAFT) == ("Hello", DRAFT)
    again = save(ann, html="<p>Two</p>", draft=first["draft"], version=first["version"], settle=True)
    assert again["draft"] == first["draft"] and not again["elsewhere"]
    (rewritten,) = in_box(ann, DRAFTS)
    assert (rewritten.message_id, rewritten.snippet) == (shown.message_id, "Two")
    assert differences(ann.space) == []


def test_a_draft_opens_as_it_was_left(ann: Reader) -> None:
    made = save(ann, html="<p>Hi <strong>Ben</strong></p><p></p><p>Ann</p>", cc=[["C", "c@x.test"]])
    (shown,) = in_box(ann, DRAFTS)
    window = done(ask(ann, "opening/", mode="draft", message=shown.id))
    assert window["draft"] == made["draft"]
    assert window["html"] == "<p>Hi <strong>Ben</strong></p><p></p><p>Ann</p>"
    assert (window["to"], window["cc"]) == ([["", "ben@outside.test"]], [["C", "c@x.test"]])


def test_a_draft_of_a_mail_program_opens_too(ann: Reader) -> None:
    ann.receive(role=DRAFTS, flags=DRAFT, sender="ann@example.test", to="x@y.test", body="One\r\nTwo")
    (shown,) = in_box(ann, DRAFTS)
    window = done(ask(ann, "opening/", mode="draft", message=shown.id))
    assert (window["html"], window["to"]) == ("<p>One</p><p>Two</p>", [["", "x@y.test"]])


def test_the_last_writer_wins_and_is_told(ann: Reader) -> None:
    made = save(ann, html="<p>One</p>")
    save(ann, html="<p>Here</p>", draft=made["draft"], version=made["version"])
    late = save(ann, html="<p>There</p>", draft=made["draft"], version=made["version"])
    assert late["elsewhere"]
    assert "There" in mailstore.draft(ann.space, made["draft"]).fields.html


def test_addresses_that_are_none_are_kept_in_the_draft(ann: Reader) -> None:
    made = save(ann, to=[["", "not yet"]])
    assert mailstore.draft(ann.space, made["draft"]).fields.to == (("", "not yet"),)


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "nonsense",
        '{"mode":"evil"}',
        '{"to":5}',
        '{"to":[["a"]]}',
        '{"html":{}}',
        '{"message":"x","mode":"reply"}',
    ],
)
def test_what_cannot_be_read_is_refused_in_words(ann: Reader, body: str) -> None:
    response = ann.client.post(BASE + "save/", body, "application/json", headers={"X-Mailstead": "compose"})
    assert response.status_code in (200, 422), response.content
    if response.status_code == 422:
        assert json.loads(response.content)["error"]


def test_what_lies_idle_gets_its_form_by_the_sweep(ann: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    made = save(ann, html="<p>One</p>")
    save(ann, html="<p>Two</p>", draft=made["draft"])
    assert in_box(ann, DRAFTS)[0].snippet == "One"
    tasks.materialise_stale_drafts()
    assert in_box(ann, DRAFTS)[0].snippet == "One"  # not idle yet
    later = now_us() + 31_000_000
    monkeypatch.setattr(tasks, "now_us", lambda: later)
    tasks.materialise_stale_drafts()
    assert in_box(ann, DRAFTS)[0].snippet == "Two"


# --- answers
def test_a_reply_carries_the_original_and_joins_its_conversation(ann: Reader) -> None:
    thread = ann.receive(raw=NEWSLETTER)
    parent = only_message(ann, thread)
    window = done(ask(ann, "opening/", mode="reply", message=parent.id))
    made = done(ask(ann, "save/", window | {"html": "<p>No, thank you.</p>"}))
    assert made["files"] == []  # the picture inside the original is no file of the writer's
    done(ask(ann, f"{made['draft']}/send/", {}))
    found = sent_mail(ann)
    assert (found["In-Reply-To"], found["References"]) == ("<n@shop.test>", "<n@shop.test>")
    html = found.get_body(("html",)).get_content()
    assert 'src="cid:logo"' in html and "color:red" in html and "No, thank you." in html
    assert "<script" not in html and "<style" not in html
    text = text_of(found)
    assert text.startswith("No, thank you.\n\nOn 12 Oct 2026, News wrote:\n> Tea")
    assert [part["Content-ID"] for part in found.walk() if part["Content-ID"]] == ["<logo>"]
    conversation = mailstore.conversation(ann.space, thread)
    assert [each.own for each in conversation.messages] == [False, True]
    assert conversation.messages[0].flags & ANSWERED
    assert differences(ann.space) == []


def test_the_original_can_be_left_out(ann: Reader) -> None:
    parent = only_message(ann, ann.receive(raw=NEWSLETTER))
    window = done(ask(ann, "opening/", mode="reply", message=parent.id))
    made = done(ask(ann, "save/", window | {"html": "<p>No.</p>", "quote": False}))
    assert made["quote"] == ""
    done(ask(ann, f"{made['draft']}/send/", {}))
    assert "Tea" not in sent_mail(ann).as_string()


def test_a_forwarded_message_takes_the_files_that_were_kept(ann: Reader) -> None:
    raw = (
        b"From: Ada <ada@outside.test>\r\nTo: ann@example.test\r\nSubject: Plan\r\nMessage-ID: <p@x>\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee below.\r\n"
        b'--b\r\nContent-Disposition: attachment; filename="a.txt"\r\n\r\nAAA\r\n'
        b'--b\r\nContent-Disposition: attachment; filename="b.bin"\r\nContent-Transfer-Encoding: base64\r\n'
        b"Content-Type: application/octet-stream\r\n\r\nAAECAw==\r\n--b--\r\n"
    )
    parent = only_message(ann, ann.receive(raw=raw))
    window = done(ask(ann, "opening/", mode="forward", message=parent.id))
    assert ([file["name"] for file in window["files"]], window["to"]) == (["a.txt", "b.bin"], [])
    keep = [window["files"][1]["part"]]
    made = done(ask(ann, "save/", window | {"keep": keep, "to": [["", "ben@outside.test"]]}))
    assert [file["name"] for file in made["files"]] == ["b.bin"]
    done(ask(ann, f"{made['draft']}/send/", {}))
    found = sent_mail(ann)
    (file,) = found.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("b.bin", b"\x00\x01\x02\x03")
    assert "Forwarded message" in found.get_body(("plain",)).get_content()
    assert found["References"] == "<p@x>" and found["In-Reply-To"] is None


# --- files
def test_a_file_is_attached_fetched_removed_and_sent(ann: Reader) -> None:
    draft = save(ann)["draft"]
    made = json.loads(attach(ann, draft, "plan.txt", b"plan").content)
    json.loads(attach(ann, draft, "more.txt", b"more").content)
    assert (made["name"], made["size"]) == ("plan.txt", 4)
    fetched = ann.client.get(made["url"])
    assert fetched.content == b"plan"
    assert fetched["Content-Disposition"] == 'attachment; filename="plan.txt"'
    assert "sandbox" in fetched["Content-Security-Policy"]
    done(ask(ann, f"{draft}/files/{made['id']}/remove/", {}))
    done(ask(ann, f"{draft}/send/", {}))
    assert [each.get_filename() for each in sent_mail(ann).iter_attachments()] == ["more.txt"]


def test_a_picture_in_the_text_is_shown_here_and_sent_by_content_id(ann: Reader) -> None:
    draft = save(ann)["draft"]
    made = json.loads(attach(ann, draft, "p.png", PNG, "image/png", inline="1").content)
    shown = ann.client.get(made["url"])
    assert (shown["Content-Type"], shown["Content-Disposition"]) == ("image/png", 'inline; filename="p.png"')
    answer = save(ann, draft=draft, html=f'<p>Look <img src="{made["url"]}"></p>')
    assert answer["files"] == []
    window = done(ask(ann, "opening/", mode="draft", draft=draft))
    assert f'src="{made["url"]}"' in window["html"]
    done(ask(ann, f"{draft}/send/", {}))
    found = sent_mail(ann)
    (picture,) = [part for part in found.walk() if part.get_content_type() == "image/png"]
    assert f'src="cid:{picture["Content-ID"][1:-1]}"' in found.get_body(("html",)).get_content()
    assert picture.get_content_disposition() == "inline"


def test_an_html_file_is_only_ever_a_download(ann: Reader) -> None:
    draft = save(ann)["draft"]
    made = json.loads(attach(ann, draft, "x.html", b"<script>1</script>", "text/html", inline="1").content)
    fetched = ann.client.get(made["url"])
    assert fetched["Content-Type"] == "application/octet-stream"
    assert fetched["Content-Disposition"].startswith("attachment")


def test_files_that_make_the_message_too_big_are_refused_at_once(ann: Reader, settings: Any) -> None:
    settings.MAX_MESSAGE_SIZE = 200_000
    draft = save(ann)["draft"]
    response = attach(ann, draft, "big.bin", b"x" * 150_000)
    assert response.status_code == 422
    assert "Too big" in json.loads(response.content)["error"]
    assert mailstore.draft(ann.space, draft).attachments == ()


# --- sending
def test_a_sent_message_waits_to_be_taken_back_and_is_as_before_then(ann: Reader) -> None:
    draft = save(ann, html="<p>Hi</p>")["draft"]
    sent = done(ask(ann, f"{draft}/send/", {}))
    assert sent["seconds"] == 5 and "/mail/sent/" in sent["url"]
    assert (len(in_box(ann, SENT)), in_box(ann, DRAFTS)) == (1, [])
    window = done(ask(ann, f"undo/{sent['outgoing']}/", {}))
    assert (window["draft"], window["html"]) == (draft, "<p>Hi</p>")
    assert (in_box(ann, SENT), len(in_box(ann, DRAFTS))) == ([], 1)
    assert differences(ann.space) == []


def test_without_a_delay_it_is_too_late_to_take_back(ann: Reader) -> None:
    Preferences.objects.create(account=ann.account, undo_seconds=0)
    sent = done(ask(ann, f"{save(ann)['draft']}/send/", {}))
    status, said = ask(ann, f"undo/{sent['outgoing']}/", {})
    assert (status, bool(said["error"])) == (409, True)


def test_a_refused_message_names_the_recipient_and_stays_a_draft(ann: Reader) -> None:
    draft = save(ann, to=[["", "not an address"]])["draft"]
    status, said = ask(ann, f"{draft}/send/", {})
    assert (status, said["address"]) == (422, "not an address")
    assert len(in_box(ann, DRAFTS)) == 1


def test_a_posted_identity_that_is_not_ones_own_is_not_used(ann: Reader) -> None:
    draft = save(ann, **{"from": "boss@example.test"})["draft"]
    assert mailstore.draft(ann.space, draft).fields.identity == "ann@example.test"


def test_a_chosen_identity_is_used(ann: Reader) -> None:
    Identity.objects.create(mailspace=ann.space, address="sales@example.test", name="Sales")
    draft = save(ann, **{"from": "Sales@example.test"})["draft"]
    fields = mailstore.draft(ann.space, draft).fields
    assert (fields.identity, fields.from_name) == ("sales@example.test", "Sales")


def test_no_text_can_begin_another_header_field(ann: Reader) -> None:
    made = save(
        ann,
        subject="Hi\r\nBcc: evil@x.test",
        to=[["A\r\nX-Evil: 1", "ben@outside.test"]],
        html="<p>x</p>",
    )
    done(ask(ann, f"{made['draft']}/send/", {}))
    found = sent_mail(ann)
    assert found["Bcc"] is None and found["X-Evil"] is None
    assert found["Subject"] == "Hi Bcc: evil@x.test"


def test_bcc_is_kept_in_sent_and_leaves_in_the_envelope_only(ann: Reader) -> None:
    draft = save(ann, bcc=[["", "secret@outside.test"]])["draft"]
    sent = done(ask(ann, f"{draft}/send/", {}))
    assert sent_mail(ann)["Bcc"] == "secret@outside.test"
    assert b"secret" not in queue.raw(sent["outgoing"])


# --- throwing away
def test_a_discarded_draft_comes_back(ann: Reader) -> None:
    draft = save(ann, html="<p>Hi</p>")["draft"]
    action = done(ask(ann, f"{draft}/discard/", {}))["action"]
    assert in_box(ann, DRAFTS) == []
    assert ask(ann, "save/", {"draft": draft, "subject": "x"})[0] == 410
    window = done(ask(ann, "restore/", {"action": action, "draft": draft}))
    assert window["html"] == "<p>Hi</p>"
    assert len(in_box(ann, DRAFTS)) == 1
    assert differences(ann.space) == []


# --- whose is what
def test_nobody_reaches_anothers_draft_files_or_messages(ann: Reader, eve: Reader) -> None:
    parent = only_message(ann, ann.receive())
    draft = save(ann)["draft"]
    file = json.loads(attach(ann, draft, "a.txt", b"a").content)
    sent = done(ask(ann, f"{save(ann)['draft']}/send/", {}))
    for path in (f"{draft}/files/{file['id']}/", f"{draft}/quote/", f"quote/{parent.id}/"):
        response = eve.client.get(BASE + path, headers={"X-Mailstead": "compose"})
        assert response.status_code in (404, 410), path
    for path, body in (
        ("save/", {"draft": draft, "subject": "mine"}),
        ("save/", {"mode": "reply", "message": parent.id}),
        (f"{draft}/send/", {}),
        (f"{draft}/discard/", {}),
        (f"{draft}/files/{file['id']}/remove/", {}),
        (f"undo/{sent['outgoing']}/", {}),
        ("restore/", {"action": "x", "draft": draft}),
    ):
        assert ask(eve, path, body)[0] in (404, 409, 410, 422), path
    for query in ({"mode": "draft", "draft": draft}, {"mode": "reply", "message": parent.id}):
        assert ask(eve, "opening/", **query)[0] in (404, 410), query
    assert mailstore.draft(ann.space, draft).fields.subject == "Hello"
    assert len(mailstore.draft(ann.space, draft).attachments) == 1


def test_a_window_of_somebody_else_is_not_saved_here(ann: Reader, eve: Reader) -> None:
    response = eve.client.post(
        BASE + "save/",
        json.dumps({"subject": "Ann's secret"}),
        "application/json",
        headers={"X-Mailstead": "compose", "X-Mailstead-Account": mark(ann)},
    )
    assert response.status_code == 409
    assert in_box(eve, DRAFTS) == []


def test_who_may_only_read_may_not_write(ann: Reader, eve: Reader) -> None:
    shared = mailstore.create_mailspace()
    reader = Account.objects.create(username="ro@example.test", tenant=ann.account.tenant)
    Grant.objects.create(account=reader, mailspace=shared, right=Grant.READ)
    client = Client()
    client.force_login(reader, backend="hosting.backends.Accounts")
    response = client.post(BASE + "save/", "{}", "application/json", headers={"X-Mailstead": "compose"})
    assert response.status_code == 403
    assert 'id="compose-window"' not in client.get("/mail/inbox/").content.decode()


def test_an_ended_session_is_answered_401_so_that_the_text_is_kept(ann: Reader) -> None:
    ann.client.logout()
    response = ann.client.post(BASE + "save/", "{}", "application/json", headers={"X-Mailstead": "compose"})
    assert response.status_code == 401


def test_every_change_needs_the_csrf_token(ann: Reader) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ann.account, backend="hosting.backends.Accounts")
    for path in (
        "",
        "save/",
        "1/send/",
        "1/discard/",
        "1/files/",
        "1/files/1/remove/",
        "undo/1/",
        "restore/",
    ):
        assert strict.post(BASE + path, {}).status_code == 403, path
        if path:
            assert ann.client.get(BASE + path).status_code == 405 or path == "1/files/1/remove/"


# --- people
def test_the_recipient_field_offers_people_of_ones_own_mail(ann: Reader, eve: Reader) -> None:
    ann.receive()
    assert done(ask(ann, "people/", q="love"))["people"] == [["Ada Lovelace", "ada@outside.test"]]
    assert done(ask(eve, "people/", q="love"))["people"] == []
    assert done(ask(ann, "people/", q=""))["people"] == []


# --- the page without scripts
def test_the_page_sends_a_reply_without_any_script(ann: Reader) -> None:
    thread = ann.receive(raw=NEWSLETTER)
    parent = only_message(ann, thread)
    page = ann.page(f"{BASE}?mode=reply&message={parent.id}")
    assert 'name="to" id="page-to" value="&quot;News&quot; &lt;news@shop.test&gt;"' in page
    response = ann.client.post(
        BASE,
        {
            "mode": "reply",
            "message": parent.id,
            "to": '"News" <news@shop.test>; ben@outside.test',
            "subject": "Re: Offers",
            "text": "Yes.\n\nAnn",
            "files": SimpleUploadedFile("list.txt", b"tea"),
            "do": "send",
        },
    )
    assert (response.status_code, response["Location"]) == (302, "/mail/inbox/")
    found = sent_mail(ann)
    assert found["To"] == "News <news@shop.test>, ben@outside.test"
    assert text_of(found).startswith("Yes.\n\nAnn\n\nOn 12 Oct 2026, News wrote:\n>")
    assert [each.get_filename() for each in found.iter_attachments()] == ["list.txt"]
    assert len(mailstore.conversation(ann.space, thread).messages) == 2


def test_the_page_names_a_wrong_recipient_and_keeps_the_text(ann: Reader) -> None:
    response = ann.client.post(BASE, {"to": "nonsense", "subject": "x", "text": "kept", "do": "send"})
    page = response.content.decode()
    assert "nonsense" in page and "kept" in page and 'role="alert"' in page
    assert in_box(ann, SENT) == []


def test_the_page_asks_once_about_a_forgotten_file(ann: Reader) -> None:
    fields = {"to": "ben@outside.test", "subject": "Plan", "text": "It is attached.", "do": "send"}
    page = ann.client.post(BASE, fields).content.decode()
    assert "You mention an attachment" in page
    draft = page.split('name="draft" value="')[1].split('"')[0]
    assert ann.client.post(BASE, fields | {"draft": draft, "anyway": "yes"}).status_code == 302
    assert len(in_box(ann, SENT)) == 1


def test_the_page_saves_opens_again_and_discards(ann: Reader) -> None:
    fields = {"to": "ben@outside.test", "subject": "Later", "text": "One\n\nTwo"}
    response = ann.client.post(BASE, fields | {"do": "save"})
    page = ann.page(response["Location"])
    assert ">One\n\nTwo</textarea>" in page
    draft = response["Location"].rpartition("=")[2]
    assert ann.client.post(BASE, fields | {"do": "discard", "draft": draft}).status_code == 302
    assert in_box(ann, DRAFTS) == []


def test_the_pages_policy_stays_strict_with_the_editor(ann: Reader) -> None:
    response = ann.get("/mail/inbox/")
    policy_ = response.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy_ and "style-src 'self';" in policy_
    page = response.content.decode()
    assert "importmap" not in page and ' style="' not in page and "<style" not in page


def test_the_original_is_shown_in_a_frame_that_runs_and_loads_nothing(ann: Reader) -> None:
    parent = only_message(ann, ann.receive(raw=NEWSLETTER))
    response = ann.client.get(f"{BASE}quote/{parent.id}/?mode=reply")
    page = response.content.decode()
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "sandbox" in response["Content-Security-Policy"]
    assert "shop.test/pixel" not in page and f"/mail/inline/{parent.id}/logo" in page
