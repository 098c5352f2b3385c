"""The settings: tabs, choices, accounts, set-up of programs, storage, export, the cards of a new inbox."""

from __future__ import annotations

import io
import json
import plistlib
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hosting import accounts, domains
from hosting.actor import system
from hosting.models import Account, Domain, Grant, Identity, Tenant
from mta.archive import reading
from mta.archive.values import Letter, Wishes
from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.values import INBOX
from tests.webmail.mail_world import CAUSE, Reader
from webmail import bringing, chores, own_looks, programs, storage_use
from webmail.models import Chore, IdentityLook, Preferences, Signature, Template
from webmail.tasks import WORKERS
from webmail.views.settings_frame import TABS

pytestmark = pytest.mark.django_db
PASSWORD = "a good long one"


@pytest.fixture
def own_data(settings: Any, tmp_path: Path) -> Path:
    """Files of chores lie in a folder of this test's own."""
    settings.DATA_DIR = tmp_path
    return tmp_path


# --- tabs ----------------------------------------------------------------------------------------------------
def test_every_tab_has_an_address_of_its_own_and_leads_to_the_others(ann: Reader) -> None:
    """Spec 2.11."""
    assert [tab.slug for tab in TABS] == [
        *("general", "labels", "inbox", "accounts", "masks", "filters", "forwarding", "advanced"),
    ]
    for tab in TABS:
        page = ann.page(f"/mail/settings/{tab.slug}/")
        assert page.count('data-test="tab-') == len(TABS), tab
        assert f'href="/mail/settings/{tab.slug}/" aria-current="page"' in page


def test_a_tab_saves_its_own_choices_and_no_others(ann: Reader) -> None:
    """Spec 2.11: without scripts, too."""
    saved = ann.client.post(
        "/mail/settings/",
        {"every": "inbox", "inbox_type": "unread", "page_size": "25", "after_action": "list"},
    )
    assert saved["Location"] == "/mail/settings/inbox/"
    kept = Preferences.objects.get(account=ann.account)
    assert (kept.inbox_type, kept.conversations, kept.keyboard) == ("unread", False, True)
    general = {
        "every": "general", "read_after": "0", "pictures": "ask", "morning": "8", "evening": "18",
        "receipts": "never", "undo_seconds": "30", "notifications": "off", "write_plain": "on",
    }  # fmt: skip
    assert ann.client.post("/mail/settings/", general).status_code == 302
    kept.refresh_from_db()
    assert (kept.receipts, kept.undo_seconds, kept.write_plain, kept.signature_above) == (
        "never",
        30,
        True,
        False,
    )
    assert (kept.inbox_type, kept.keyboard) == ("unread", True)
    refused = ann.client.post("/mail/settings/", general | {"undo_seconds": "7"})
    assert refused.status_code == 200
    assert b'id="id_undo_seconds_error"' in refused.content


def test_the_quick_panel_comes_alone_and_its_choices_answer_a_script(ann: Reader) -> None:
    """Spec 2.11."""
    panel = ann.client.get("/mail/settings/quick/", headers={"X-Mailstead": "part"}).content.decode()
    for sign in (
        "data-set-density",
        "data-set-theme",
        "data-set-pane",
        'name="inbox_type"',
        'name="conversations"',
    ):
        assert sign in panel
    assert "<html" not in panel
    said = ann.client.post("/mail/settings/", {"conversations": ""}, headers={"X-Mailstead": "1"})
    assert said.json() == {"ok": True}
    assert not Preferences.objects.get(account=ann.account).conversations


def know(who: Reader) -> None:
    """They have a password, and stay signed in."""
    accounts.set_password(who.account, PASSWORD, actor=system("test"))
    who.client.force_login(who.account)


# --- accounts ------------------------------------------------------------------------------------------------
def test_names_answers_and_the_usual_address_are_set_for_each_address(ann: Reader) -> None:
    Identity.objects.create(mailspace=ann.space, address="hello@example.test", name="Hello")
    mark = Signature.objects.create(account=ann.account, name="Short", html="<p>Ann</p>")
    page = ann.page("/mail/settings/accounts/")
    assert page.index("ann@example.test") < page.index("hello@example.test")
    know(ann)
    saved = {
        "full_name": "Ann W.", "recovery_address": "Ann@Elsewhere.test", "password": PASSWORD, "default": "hello@example.test",
        "name-0": "Ann W.", "reply-0": "", "new-0": str(mark.pk), "answer-0": "",
        "name-1": "Hello there\r\nBcc: x", "reply-1": "Desk@Example.test", "new-1": "", "answer-1": "",
    }  # fmt: skip
    assert ann.client.post("/mail/settings/accounts/", saved).status_code == 302
    ann.account.refresh_from_db()
    assert (ann.account.full_name, ann.account.recovery_address) == ("Ann W.", "Ann@elsewhere.test".lower())
    rows = Identity.objects.filter(mailspace=ann.space).values_list("address", "name", "is_default")
    assert sorted(rows) == [
        ("ann@example.test", "Ann W.", False),
        ("hello@example.test", "Hello there Bcc: x", True),
    ]
    looks = {each.address: each for each in IdentityLook.objects.filter(account=ann.account)}
    assert looks["ann@example.test"].signature_new_id == mark.pk
    assert looks["hello@example.test"].reply_to == "desk@example.test"


def test_where_a_lost_password_goes_is_changed_with_the_password_only(ann: Reader) -> None:
    know(ann)
    for password, status in (("", 422), ("not it", 422), (PASSWORD, 302)):
        sent = {"full_name": "Ann Weber", "recovery_address": "a@x.test", "password": password}
        assert ann.client.post("/mail/settings/accounts/", sent).status_code == status
        assert Account.objects.get(pk=ann.account.pk).recovery_address == (
            "a@x.test" if status == 302 else ""
        )
    ann.client.post("/mail/settings/accounts/", {"full_name": "Ann", "recovery_address": "a@x.test"})
    for recovery in ("thief@x.test", ""):  # nor with the card of a new inbox, nor by leaving it out
        ann.client.post("/mail/welcome/", {"full_name": "Ann", "recovery_address": recovery})
        ann.client.post("/mail/settings/accounts/", {"full_name": "Ann", "recovery_address": recovery})
    account = Account.objects.get(pk=ann.account.pk)
    assert (account.full_name, account.recovery_address) == ("Ann", "a@x.test")


def test_what_cannot_be_is_said_and_nothing_is_kept(ann: Reader, eve: Reader) -> None:
    know(ann)
    hers = Signature.objects.create(account=eve.account, name="Hers", html="<p>Secret</p>")
    for wrong, said in (
        ({"recovery_address": "nonsense"}, "is not an e-mail address"),
        ({"recovery_address": "ann@example.test"}, "this very mailbox"),
        ({"reply-0": "not one"}, "is not an e-mail address"),
        ({"new-0": str(hers.pk)}, "no such signature"),
    ):
        sent = {"full_name": "Other", "name-0": "Other", "password": PASSWORD} | wrong
        refused = ann.client.post("/mail/settings/accounts/", sent)
        assert refused.status_code == 422, wrong
        assert said in refused.content.decode(), wrong
    assert Identity.objects.get(mailspace=ann.space).name == "Ann Weber"
    assert Account.objects.get(pk=ann.account.pk).full_name == "Ann Weber"


def test_whoever_may_only_write_for_a_mailbox_does_not_name_it(ann: Reader, eve: Reader) -> None:
    Grant.objects.create(account=eve.account, mailspace=ann.space, right=Grant.ORGANISE)
    Grant.objects.create(account=eve.account, mailspace=ann.space, right=Grant.SEND_AS)
    eve.client.post("/mail/settings/mailbox/", {"mailspace": ann.space})
    eve.client.post("/mail/settings/accounts/", {"name-0": "Somebody", "default": "ann@example.test"})
    assert Identity.objects.get(mailspace=ann.space).name == "Ann Weber"
    assert eve.get("/mail/settings/export/").status_code == 404
    assert eve.get("/mail/settings/programs/").status_code == 404
    assert eve.get("/mail/settings/programs/profile/").status_code == 404


def test_a_signature_is_kept_as_it_is_sent_and_edited_again(ann: Reader) -> None:
    bad = '<p>Ann <strong>Weber</strong></p><script>x()</script><img src="https://x.test/a.png" onerror="x()"><p><a href="javascript:x()">l</a></p>'
    assert ann.client.post("/mail/settings/signature/", {"name": "Work", "html": bad}).status_code == 302
    made = Signature.objects.get(account=ann.account)
    assert "<strong>Weber</strong>" in made.html
    assert not any(sign in made.html for sign in ("script", "img", "onerror", "javascript"))
    page = ann.page(f"/mail/settings/signature/{made.pk}/")
    assert "Ann Weber" in page, "as plain text where no script runs"
    plain = {"name": "Work", "text": "Ann\n& Co"}
    assert ann.client.post(f"/mail/settings/signature/{made.pk}/", plain).status_code == 302
    made.refresh_from_db()
    assert "&amp; Co" in made.html
    twice = ann.client.post("/mail/settings/signature/", {"name": "Work", "text": "x"})
    assert twice.status_code == 422
    assert b"one of that name" in twice.content
    assert ann.client.post("/mail/settings/signature/", {"name": " ", "text": "x"}).status_code == 422
    assert ann.client.post(f"/mail/settings/signature/{made.pk}/remove/").status_code == 302
    assert not Signature.objects.exists()


def test_the_first_signature_is_chosen_for_every_address_and_a_second_is_not(ann: Reader) -> None:
    IdentityLook.objects.create(account=ann.account, address="ann@example.test", reply_to="desk@example.test")
    ann.client.post("/mail/settings/signature/", {"name": "Work", "text": "Ann"})
    first = Signature.objects.get(account=ann.account)
    assert "It is chosen for new messages and answers" in ann.page("/mail/settings/accounts/")
    ann.client.post("/mail/settings/signature/", {"name": "Home", "text": "A"})
    assert "It is chosen" not in ann.page("/mail/settings/accounts/")
    look = IdentityLook.objects.get(account=ann.account, address="ann@example.test")
    assert (look.signature_new, look.signature_answer, look.reply_to) == (first, first, "desk@example.test")


def test_a_template_names_the_words_that_mean_nothing(ann: Reader) -> None:
    sent = {"name": "Hello", "subject": "For {first name}", "html": "<p>Dear {first name} of {planet}</p>"}
    page = ann.client.post("/mail/settings/template/", sent, follow=True).content.decode()
    assert "{planet}" in page
    assert "{first name}:" not in page
    made = Template.objects.get(account=ann.account)
    assert (made.subject, made.html) == ("For {first name}", "<p>Dear {first name} of {planet}</p>")
    for number in range(own_looks.MOST):
        Template.objects.create(account=ann.account, name=str(number))
    refused = ann.client.post("/mail/settings/template/", {"name": "One more", "text": "x"})
    assert b"a hundred already" in refused.content


# --- programs ------------------------------------------------------------------------------------------------
def test_programs_are_told_the_doors_that_are_open(ann: Reader, settings: Any) -> None:
    settings.IMAPS_LISTEN, settings.IMAP_LISTEN = [("0.0.0.0", 993)], []
    settings.POP3S_LISTEN, settings.POP3_LISTEN = [], []
    settings.SUBMISSIONS_LISTEN, settings.SUBMISSION_LISTEN = [], [("0.0.0.0", 587)]
    settings.MAIL_HOSTNAME = "mail.example.test"
    page = ann.page("/mail/settings/programs/")
    assert "mail.example.test" in page
    assert ">993<" in page
    assert ">587<" in page
    assert "POP3" not in page.split('id="main"')[1]
    assert "<svg" in page.split('class="qr"')[1][:200]
    assert "this machine only" not in page
    settings.IMAPS_LISTEN = settings.SUBMISSION_LISTEN = []
    assert "lets no mail program in" in ann.page("/mail/settings/programs/")
    assert ann.get("/mail/settings/programs/profile/").status_code == 404


def test_the_profile_has_servers_and_no_password(ann: Reader, settings: Any) -> None:
    settings.IMAPS_LISTEN, settings.SUBMISSIONS_LISTEN = [("0.0.0.0", 993)], [("0.0.0.0", 465)]
    settings.MAIL_HOSTNAME = "mail.example.test"
    answer = ann.get("/mail/settings/programs/profile/")
    assert answer["Content-Type"] == "application/x-apple-aspen-config"
    account = plistlib.loads(answer.content)["PayloadContent"][0]
    assert account["EmailAddress"] == "ann@example.test"
    assert (account["IncomingMailServerHostName"], account["IncomingMailServerPortNumber"]) == (
        "mail.example.test",
        993,
    )
    assert account["IncomingMailServerUseSSL"] is True
    assert account["OutgoingMailServerPortNumber"] == 465
    assert not [name for name in account if name in ("IncomingPassword", "OutgoingPassword")]
    again = plistlib.loads(ann.get("/mail/settings/programs/profile/").content)
    assert again["PayloadUUID"] == plistlib.loads(answer.content)["PayloadUUID"], (
        "installed anew, it replaces itself"
    )


def test_thunderbird_finds_a_domain_of_ours_and_no_other(host: Tenant, settings: Any) -> None:
    domains.add("here.test", tenant=host, actor=system("test"))
    Domain.objects.filter(name="here.test").update(state=Domain.ACTIVE)
    settings.IMAPS_LISTEN, settings.MAIL_HOSTNAME = [("0.0.0.0", 993)], "mail.example.test"
    where = "/.well-known/autoconfig/mail/config-v1.1.xml"
    answer = Client().get(where, {"emailaddress": "ann@here.test"})
    root = ElementTree.fromstring(answer.content)
    server = root.find("emailProvider/incomingServer[@type='imap']")
    assert server is not None
    assert server.findtext("hostname") == "mail.example.test"
    assert server.findtext("socketType") == "SSL"
    assert server.findtext("username") == "%EMAILADDRESS%"
    for other in ("ann@elsewhere.test", "", "x", "a@\x00", "@" * 600):
        assert Client().get(where, {"emailaddress": other}).status_code == 404


def test_a_code_is_an_svg_that_our_policy_allows() -> None:
    code = programs.qr("https://mail.example.test/mail/settings/programs/")
    assert code.startswith("<svg")
    assert "style=" not in code
    assert "<script" not in code


# --- storage -------------------------------------------------------------------------------------------------
def test_storage_is_told_by_label_sender_size_and_year(ann: Reader) -> None:
    ann.receive(subject="Small", sender="Ada <ada@x.test>")
    ann.receive(subject="Large", sender="Ben <ben@x.test>", body="x" * 1_500_000)
    gone = ann.receive(subject="Gone", sender="Cleo <cleo@x.test>")
    ann.do("delete", [gone])
    ann.do("delete-forever", [gone], box="trash")
    page = ann.page("/mail/settings/storage/")
    assert page.index(">Ben<") < page.index(">Ada<"), "the heaviest first"
    assert "Cleo" not in page, "what lies nowhere takes no room"
    links = [unquote(part.split('"')[0]) for part in page.split('href="/mail/search/?q=')[1:]]
    assert "from:ben@x.test" in links
    assert f"larger:{1 << 20} smaller:{5 << 20}" in links
    for link in links:
        assert ann.client.get("/mail/search/", {"q": link}).status_code == 200
    assert "Large" in ann.client.get("/mail/search/", {"q": "from:ben@x.test"}).content.decode()
    assert (
        "Large"
        in ann.client.get("/mail/search/", {"q": f"larger:{1 << 20} smaller:{5 << 20}"}).content.decode()
    )


def test_much_mail_is_counted_in_the_background(
    ann: Reader, monkeypatch: pytest.MonkeyPatch, own_data: Path
) -> None:
    monkeypatch.setattr(storage_use, "FEW", 1)
    for number in range(3):
        ann.receive(subject=str(number), sender=f"p{number}@x.test")
    assert "By sender" not in ann.page("/mail/settings/storage/")
    ann.client.post("/mail/settings/storage/")
    waiting = ann.page("/mail/settings/storage/")
    assert "data-chore" in waiting
    ann.client.post("/mail/settings/storage/")
    assert Chore.objects.count() == 1, "asked twice, done once"
    assert chores.work(WORKERS) == 1
    page = ann.page("/mail/settings/storage/")
    assert "p2@x.test" in page
    assert "Count again" in page
    ann.client.post("/mail/settings/storage/")
    assert chores.work(WORKERS) == 1
    row = Chore.objects.get()
    assert (row.state, row.data["messages"]) == (Chore.DONE, 3), "the last count only"


def test_a_count_keeps_the_heaviest_senders_within_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_use, "MOST_SENDERS", 10)
    use = storage_use.Use()
    for number in range(1000):
        heavy = number % 3 == 0
        address = "heavy@x.test" if heavy else f"p{number}@x.test"
        use.add(mailstore.Weight(number, 1_700_000_000_000_000, 100, False, "", address, ""))
    assert len(use.senders) <= 11
    told = use.told()
    assert told["senders"][0][0] == "heavy@x.test"
    assert told["senders"][0][1]["messages"] == 334
    assert told["messages"] == 1000


# --- export --------------------------------------------------------------------------------------------------
def test_everything_is_taken_along_and_read_back(ann: Reader, own_data: Path) -> None:
    know(ann)
    work = mailstore.create_mailbox(ann.space, "Work", cause=CAUSE)
    threads = [ann.receive(subject=f"Letter {number}", body="From here\r\n" * number) for number in range(5)]
    mailstore.label(ann.space, threads, work.id, cause=CAUSE)
    letters = [each for thread in threads for each in mailstore.conversation(ann.space, thread).messages]
    raws = sorted(raw for _id, raw in mailstore.raws(ann.space, [letter.id for letter in letters]))
    Template.objects.create(account=ann.account, name="Hello", html="<p>Hi</p>")
    wrong = ann.client.post("/mail/settings/export/", {"password": "not it"})
    assert wrong.status_code == 422
    assert not Chore.objects.exists()
    assert ann.client.post("/mail/settings/export/", {"password": PASSWORD}).status_code == 302
    row = Chore.objects.get()
    assert ann.get(f"/mail/settings/export/{row.pk}/").status_code == 404, "not made yet"
    assert chores.work(WORKERS) == 1
    row.refresh_from_db()
    assert (row.state, row.problem, row.data["messages"]) == (Chore.DONE, "", 10)
    assert ann.get(f"/mail/chores/{row.pk}/").json()["ended"] is True
    answer = ann.get(f"/mail/settings/export/{row.pk}/")
    assert answer["Content-Disposition"].startswith("attachment")
    data = b"".join(answer.streaming_content)
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        names = set(packed.namelist())
        assert {"contacts.vcf", "filters.json", "settings.json"} <= names
        assert json.loads(packed.read("settings.json"))["templates"][0]["name"] == "Hello"
    copy = own_data / "copy.zip"
    copy.write_bytes(data)
    taken = [each for each in reading.read(copy, Wishes(largest=10**8)) if isinstance(each, Letter)]
    assert sorted({letter.raw for letter in taken}) == raws, "byte for byte"
    assert sorted(each.name for each in (own_data / "chores").iterdir()) == [row.file], "nothing else is left"


def test_an_export_belongs_to_who_asked_and_ends_after_seven_days(
    ann: Reader, eve: Reader, own_data: Path
) -> None:
    row = chores.start(ann.account, ann.space, Chore.EXPORT)
    assert eve.get(f"/mail/chores/{row.pk}/").status_code == 404
    assert chores.work(WORKERS) == 1
    row.refresh_from_db()
    assert eve.get(f"/mail/settings/export/{row.pk}/").status_code == 404
    assert eve.client.post(f"/mail/settings/export/{row.pk}/remove/").status_code == 404
    file = own_data / "chores" / row.file
    assert file.exists()
    assert file.stat().st_mode & 0o077 == 0
    Chore.objects.update(finished_at=timezone.now() - timedelta(days=8))
    chores.forget()
    assert not file.exists()
    assert not Chore.objects.exists()


def test_a_worker_that_died_leaves_its_chore_to_the_next(ann: Reader, own_data: Path) -> None:
    ann.receive()
    row = chores.start(ann.account, ann.space, Chore.EXPORT)
    Chore.objects.update(state=Chore.RUNNING, tries=1, lease_until=timezone.now() + timedelta(minutes=1))
    half = chores.folder() / f"export-{row.pk}"
    (half / "mail").mkdir(parents=True)
    assert chores.work(WORKERS) == 0, "its lease has not run out"
    Chore.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert chores.work(WORKERS) == 1
    row.refresh_from_db()
    assert (row.state, row.tries) == (Chore.DONE, 2)
    Chore.objects.update(state=Chore.RUNNING, tries=3, lease_until=timezone.now() - timedelta(seconds=1))
    chores.work(WORKERS)
    row.refresh_from_db()
    assert row.state == Chore.FAILED, "what kills every worker is not tried for ever"


def test_chores_leave_threads_to_the_mail(ann: Reader, eve: Reader, own_data: Path) -> None:
    soon = timezone.now() + timedelta(minutes=1)
    for who, kind in ((ann, Chore.EXPORT), (eve, Chore.EXPORT), (ann, Chore.STORAGE)):
        chores.start(who.account, who.space, kind)
    Chore.objects.filter(kind=Chore.EXPORT).update(state=Chore.RUNNING, tries=1, lease_until=soon)
    assert chores.work(WORKERS) == 0
    Chore.objects.filter(account=eve.account).delete()
    assert chores.work(WORKERS) == 1


def test_a_chore_that_was_removed_stops_where_it_is(ann: Reader, own_data: Path) -> None:
    ann.receive()
    row = chores.start(ann.account, ann.space, Chore.EXPORT)
    ann.client.post(f"/mail/settings/export/{row.pk}/remove/")
    assert chores.work(WORKERS) == 0

    def remove(work: chores.Work) -> None:
        chores.remove(work.chore)
        work.save(done=1)

    chores.start(ann.account, ann.space, Chore.EXPORT)
    assert chores.work({Chore.EXPORT: remove}) == 1
    assert not Chore.objects.exists()


# --- a new inbox ---------------------------------------------------------------------------------------------
def test_a_new_inbox_greets_above_its_list_and_never_before_it(ann: Reader) -> None:
    ann.client.cookies["tz"] = "Europe/Vienna"
    ann.receive(subject="Plans")
    page = ann.page("/mail/inbox/")
    assert page.index('data-test="welcome-who"') < page.index("Plans")
    assert '<option value="Europe/Vienna" selected>' in page
    assert 'data-test="card-phone"' in page
    assert 'data-test="card-write"' in page
    assert 'data-test="welcome' not in ann.page("/mail/sent/")
    sent = {"full_name": "Ann", "recovery_address": "a@x.test", "time_zone": "Europe/Vienna"}
    assert ann.client.post("/mail/welcome/", sent).status_code == 302
    account = Account.objects.get(pk=ann.account.pk)
    assert (account.full_name, account.recovery_address) == ("Ann", "a@x.test")
    assert Preferences.objects.get(account=account).time_zone == "Europe/Vienna"
    page = ann.page("/mail/inbox/")
    assert 'data-test="welcome-who"' not in page
    for card in ("bring", "phone", "write"):
        ann.client.post("/mail/welcome/", {"close": card})
    assert 'data-test="welcome"' not in ann.page("/mail/inbox/")


def test_what_the_card_cannot_take_is_said_where_it_can_be_put_right(ann: Reader) -> None:
    refused = ann.client.post("/mail/welcome/", {"full_name": "Ann", "recovery_address": "nonsense"})
    assert refused.status_code == 422
    assert "is not an e-mail address" in refused.content.decode()
    assert 'value="nonsense"' in refused.content.decode()
    ann.client.post("/mail/welcome/", {"close": "greeting"})
    assert 'data-test="welcome-who"' not in ann.page("/mail/inbox/")


def test_cards_go_when_the_inbox_is_no_longer_new(ann: Reader) -> None:
    for number in range(11):
        ann.receive(subject=str(number))
    page = ann.page("/mail/inbox/")
    assert 'data-test="welcome-who"' in page
    assert 'data-test="card-' not in page
    Account.objects.filter(pk=ann.account.pk).update(created_at=timezone.now() - timedelta(days=31))
    assert 'data-test="welcome"' not in ann.page("/mail/inbox/")
    assert mailstore.mailbox_by_role(ann.space, INBOX).threads == 11


# --- bringing mail from a file -------------------------------------------------------------------------------
def mbox(*subjects: str) -> bytes:
    return b"".join(
        f"From ada@x.test Mon Jan  1 10:00:00 2024\r\nFrom: ada@x.test\r\nSubject: {subject}\r\n\r\nText\r\n\r\n".encode()
        for subject in subjects
    )


def bring(who: Reader, name: str, data: bytes, **fields: str) -> Any:
    return who.client.post("/mail/settings/import/", {"file": SimpleUploadedFile(name, data)} | fields)


def test_mail_from_a_file_comes_once_and_is_taken_back_whole(ann: Reader, own_data: Path) -> None:
    assert bring(ann, "Work.mbox", mbox("One", "Two"), into="Old", seen="1").status_code == 302
    row = Chore.objects.get()
    assert "data-chore" in ann.page("/mail/settings/import/")
    again = bring(ann, "Other.mbox", mbox("Three"))
    assert again.status_code == 422, "one at a time"
    assert chores.work(WORKERS) == 1
    row.refresh_from_db()
    assert (row.state, row.data["messages"], row.problem) == (Chore.DONE, 2, "")
    assert list(chores.folder().iterdir()) == [], "the file is let go"
    assert mailstore.mailbox(ann.space, "Old/Work").messages == 2
    page = ann.page("/mail/settings/import/")
    assert "2 messages have come." in page
    bring(ann, "Work.mbox", mbox("One", "Two", "Three"), into="Old", seen="1")
    chores.work(WORKERS)
    assert "1 message has come. 2 were here already." in ann.page("/mail/settings/import/")
    answer = ann.client.post(f"/mail/settings/import/{row.pk}/")
    assert answer["Location"] == "/mail/changes/"
    while mailstore.work_bulks():
        pass
    assert mailstore.mailbox(ann.space, "Old/Work").messages == 1
    assert not differences(ann.space)


def test_a_file_that_is_no_mail_or_broken_is_said(ann: Reader, eve: Reader, own_data: Path) -> None:
    assert bring(ann, "x.mbox", b"").status_code == 422
    assert ann.client.post("/mail/settings/import/").status_code == 422
    for name, data in (("photo.jpg", b"\xff\xd8\xff" * 500), ("cut.zip", b"PK\x03\x04" + b"x" * 100)):
        assert bring(ann, f"../../{name}", data).status_code == 302
        assert chores.work(WORKERS) == 1
        row = Chore.objects.get()
        assert row.state == Chore.FAILED, name
        assert row.problem
        assert eve.client.post(f"/mail/settings/import/{row.pk}/").status_code == 404
        chores.remove(row)
        assert list(chores.folder().iterdir()) == []
    assert mailstore.usage(ann.space).messages == 0


def test_a_reader_that_died_is_followed_and_all_of_it_is_one_way_back(ann: Reader, own_data: Path) -> None:
    bring(ann, "Work.mbox", mbox("One", "Two"))
    row = Chore.objects.get()

    def die(work: chores.Work) -> None:
        bringing.work(work)
        raise KeyboardInterrupt

    data = (chores.folder() / row.file).read_bytes()
    with pytest.raises(KeyboardInterrupt):
        chores.work({Chore.IMPORT: die})
    (chores.folder() / row.file).parent.mkdir()
    (chores.folder() / row.file).write_bytes(data + mbox("Three"))
    Chore.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert chores.work(WORKERS) == 1
    row.refresh_from_db()
    assert (row.state, row.data["messages"], len(row.data["actions"])) == (Chore.DONE, 3, 2)
    ann.client.post(f"/mail/settings/import/{row.pk}/")
    while mailstore.work_bulks():
        pass
    assert mailstore.usage(ann.space).messages == 0


@pytest.mark.parametrize(
    "page", ["general", "labels", "inbox", "accounts", "advanced", "programs", "storage"]
)
def test_a_page_of_the_settings_asks_as_much_for_much_as_for_little(ann: Reader, page: str) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            ann.page(f"/mail/settings/{page}/")
        return len(queries)

    ann.page(f"/mail/settings/{page}/")
    little = asked()
    for number in range(10):
        thread = ann.receive(subject=str(number), sender=f"p{number}@x.test")
        box = mailstore.create_mailbox(ann.space, f"Label {number}", cause=CAUSE)
        mailstore.label(ann.space, [thread], box.id, cause=CAUSE)
        Signature.objects.create(account=ann.account, name=str(number), html="<p>x</p>")
        Identity.objects.create(mailspace=ann.space, address=f"a{number}@example.test")
    assert asked() <= little + (page == "storage"), "storage reads messages piece by piece"
    assert little <= 20
