"""Drafts that browsers and mail programs write by turns: one draft each, the later write wins, nothing is lost."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from mta.mailstore import errors, upkeep
from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.mailstore.models import Change, Draft, DraftAttachment
from mta.mailstore.service import DraftFields, DraftInfo
from mta.values import DRAFTS, Cause, now_us
from tests.mail import mail

from .conftest import Space

WEB = Cause("web", "Firefox on Linux", "ann@example.test")
PHONE = Cause("imap", "Phone on 192.0.2.7", "ann@example.test")
LAPTOP = Cause("imap", "Laptop on 192.0.2.8", "ann@example.test")


def begin(space: int, text: str, *, header_id: str = "d@example.test") -> DraftInfo:
    made = mailstore.new_draft(space, fields(text), header_id=header_id, cause=WEB)
    return show(space, made)


def fields(text: str) -> DraftFields:
    return DraftFields(identity="ann@example.test", subject="Plan", html=f"<p>{text}</p>", text=text)


def form(text: str, header_id: str, *, subject: str = "Plan") -> bytes:
    return mail(
        subject=subject, sender="ann@example.test", to="ada@outside.test", body=text, message_id=header_id
    )


def show(space: int, draft: DraftInfo) -> DraftInfo:
    """What a browser does when it closes or idles: the draft's form is written."""
    if draft.stale_form:
        raw = form(draft.fields.text, draft.header_id)
        mailstore.materialise(space, draft.id, raw, version=draft.version, cause=WEB)
    return mailstore.draft(space, draft.id)


def put(space: Space, text: str, header_id: str, *, cause: Cause = PHONE) -> int:
    return mailstore.append(space.id, space.box(DRAFTS).id, form(text, header_id), cause=cause).message


def take(space: Space, message: int, *, cause: Cause = PHONE) -> None:
    box = space.box(DRAFTS).id
    uids = [row.uid for row in mailstore.changes(space.id, box).rows if row.message == message]
    mailstore.remove(space.id, box, uids, cause=cause)


def lying(space: Space) -> list[int]:
    return [row.message for row in mailstore.changes(space.id, space.box(DRAFTS).id).rows]


def test_a_form_with_the_drafts_message_id_is_its_new_content(space: Space) -> None:
    draft = begin(space.id, "from the browser")
    message = put(space, "from the phone", draft.header_id)
    now = mailstore.draft(space.id, draft.id)
    assert (now.fields.text.strip(), now.message, now.state) == ("from the phone", message, "open")
    assert now.version > draft.version and not now.stale_form
    assert lying(space) == [message]  # the superseded form is gone at once
    assert differences(space.id) == []


@pytest.mark.parametrize("first", ["put", "take"])
def test_a_form_whose_session_takes_the_old_one_away_is_the_drafts_new_content(
    space: Space, first: str
) -> None:
    draft = begin(space.id, "from the browser")
    assert draft.message is not None
    if first == "put":
        message = put(space, "from the phone", "other@phone.test")
        assert len(lying(space)) == 2
        take(space, draft.message)
    else:
        take(space, draft.message)
        assert mailstore.draft(space.id, draft.id).state == "discarded"
        message = put(space, "from the phone", "other@phone.test")
    now = mailstore.draft(space.id, draft.id)
    assert (now.state, now.message, now.fields.text.strip()) == ("open", message, "from the phone")
    assert mailstore.draft_for_message(space.id, message, cause=WEB).id == draft.id
    again = put(space, "and again", "other@phone.test")
    assert mailstore.draft(space.id, draft.id).message == again and lying(space) == [again]
    assert differences(space.id) == []


def test_another_session_or_another_minute_makes_a_draft_of_its_own(space: Space) -> None:
    draft = begin(space.id, "from the browser")
    assert draft.message is not None
    other = put(space, "from the laptop", "new@laptop.test", cause=LAPTOP)
    take(space, draft.message, cause=PHONE)
    assert mailstore.draft(space.id, draft.id).state == "discarded"
    assert mailstore.draft_for_message(space.id, other, cause=WEB).id != draft.id
    second = begin(space.id, "second", header_id="e@example.test")
    assert second.message is not None
    mine = put(space, "from the phone", "late@phone.test")
    Change.objects.filter(mailspace_id=space.id).update(at=1)
    take(space, second.message)
    assert mailstore.draft(space.id, second.id).state == "discarded"
    assert mailstore.draft_for_message(space.id, mine, cause=WEB).id != second.id


def test_what_the_browser_typed_since_its_form_goes_to_the_journal_and_comes_back(space: Space) -> None:
    draft = begin(space.id, "one")
    typed = mailstore.save_draft(
        space.id, draft.id, fields("typed in the browser"), version=draft.version, cause=WEB
    )
    put(space, "from the phone", draft.header_id)
    line = next(each for each in mailstore.history(space.id) if each.verb == "overwrite")
    mailstore.undo(space.id, line.action, cause=WEB)
    now = mailstore.draft(space.id, draft.id)
    assert now.fields.html == typed.fields.html and now.stale_form
    again = next(each for each in mailstore.history(space.id) if each.verb == "undo overwrite")
    mailstore.undo(space.id, again.action, cause=WEB)
    assert mailstore.draft(space.id, draft.id).fields.text.strip() == "from the phone"
    assert differences(space.id) == []


def test_the_original_under_a_draft_comes_back_with_its_text(space: Space) -> None:
    quoted = "<div>On Monday, Ada wrote: noon?</div>"
    draft = begin(space.id, "one")
    typed = mailstore.save_draft(
        space.id, draft.id, replace(fields("two"), quoted_html=quoted), version=draft.version, cause=WEB
    )
    assert mailstore.draft(space.id, draft.id).fields.quoted_html == quoted
    assert typed.fields.body == f"<p>two</p>{quoted}"
    put(space, "from the phone", draft.header_id)
    assert mailstore.draft(space.id, draft.id).fields.quoted_html == ""
    line = next(each for each in mailstore.history(space.id) if each.verb == "overwrite")
    mailstore.undo(space.id, line.action, cause=WEB)
    assert mailstore.draft(space.id, draft.id).fields.body == typed.fields.body


def test_of_two_browsers_the_later_wins_and_the_other_text_is_kept(space: Space) -> None:
    draft = begin(space.id, "one")
    first = mailstore.save_draft(space.id, draft.id, fields("first"), version=draft.version, cause=WEB)
    second = mailstore.save_draft(space.id, draft.id, fields("second"), version=draft.version, cause=WEB)
    assert second.fields.text == "second"
    (kept,) = Change.objects.filter(mailspace_id=space.id, verb="overwrite")
    assert kept.before["written"]["fields"]["html"] == "<p>first</p>"
    mailstore.save_draft(space.id, draft.id, fields("third"), version=second.version, cause=WEB)
    assert Change.objects.filter(mailspace_id=space.id, verb="overwrite").count() == 1
    assert first.version < second.version


WITH_FILE = (
    b"From: ann@example.test\r\nMessage-ID: <d@example.test>\r\nSubject: Plan\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nText\r\n'
    b"--b\r\nContent-Type: text/plain; name=new.txt\r\nContent-Disposition: attachment; filename=new.txt\r\n"
    b"\r\nnew\r\n--b--\r\n"
)


def files_of(space: Space, draft: DraftInfo) -> dict[str, bytes]:
    found = mailstore.draft(space.id, draft.id).attachments
    return {file.name: mailstore.attachment_bytes(space.id, draft.id, file.id).strip() for file in found}


def clean_up(days: int) -> None:
    """As the beat would, so many days from now: all but what must stay."""
    later = now_us() + days * upkeep.DAY
    upkeep.forget_journal(now=later)
    upkeep.collect_blobs(now=later)
    upkeep.collect_blobs(now=later)


def test_the_files_of_what_was_written_over_come_back_with_its_text(space: Space) -> None:
    draft = begin(space.id, "one")
    mailstore.attach(space.id, draft.id, "old.txt", "text/plain", b"old", cause=WEB)
    mailstore.append(space.id, space.box(DRAFTS).id, WITH_FILE, cause=PHONE)
    assert files_of(space, draft) == {"new.txt": b"new"}
    clean_up(3)  # whatever is swept before the undo window ends
    for verb, expected in (("overwrite", {"old.txt": b"old"}), ("undo overwrite", {"new.txt": b"new"})):
        line = next(each for each in mailstore.history(space.id) if each.verb == verb)
        mailstore.undo(space.id, line.action, cause=WEB)
        assert files_of(space, draft) == expected
    assert differences(space.id) == []
    clean_up(400)
    assert files_of(space, draft) == {"new.txt": b"new"}
    assert DraftAttachment.objects.filter(mailspace_id=space.id).count() == 1
    assert not Change.objects.filter(verb__contains="overwrite").exists()


def test_the_files_of_a_form_become_the_drafts(space: Space) -> None:
    draft = begin(space.id, "one")
    mailstore.attach(space.id, draft.id, "old.txt", "text/plain", b"old", cause=WEB)
    mailstore.append(space.id, space.box(DRAFTS).id, WITH_FILE, cause=PHONE)
    now = mailstore.draft(space.id, draft.id)
    assert [file.name for file in now.attachments] == ["new.txt"]
    assert mailstore.attachment_bytes(space.id, draft.id, now.attachments[0].id).strip() == b"new"
    assert differences(space.id) == []


def test_a_sent_draft_is_not_written_over(space: Space) -> None:
    draft = begin(space.id, "one")
    mailstore.commit({space.id}, lambda door: mailstore.close_sent(door, space.id, draft.id))
    message = put(space, "late from the phone", draft.header_id)
    assert mailstore.draft(space.id, draft.id).state == "sent"
    assert mailstore.draft_for_message(space.id, message, cause=WEB).id != draft.id


# --- all of them by turns
@dataclass
class Window:
    """A browser's window: what it last saw of the draft."""

    draft: int
    version: int = 0
    gone: bool = False


@dataclass
class Program:
    """A mail program that edits the same draft under its own Message-IDs or under the one it found."""

    cause: Cause
    saves: int = 0
    texts: list[str] = field(default_factory=list)


class Converging(RuleBasedStateMachine):
    """Two browsers and two mail programs edit one draft; at rest all of them see the same, and only one."""

    @initialize()
    def start(self) -> None:
        self.space = Space(mailstore.create_mailspace())
        self.draft = begin(self.space.id, "start").id
        self.windows = [Window(self.draft), Window(self.draft)]
        self.programs = [Program(PHONE), Program(LAPTOP)]
        self.latest = "start"
        self.count = 0

    def text(self, who: str) -> str:
        self.count += 1
        return f"{who} {self.count}"

    @rule(which=st.integers(0, 1), shown=st.booleans())
    def type_in_a_browser(self, which: int, shown: bool) -> None:
        window, text = self.windows[which], self.text("browser")
        before = mailstore.draft(self.space.id, self.draft)
        saved = mailstore.save_draft(
            self.space.id,
            self.draft,
            replace(before.fields, html=f"<p>{text}</p>", text=text, plain=False, written=""),
            version=window.version or before.version,
            cause=WEB,
        )
        if window.version and window.version < before.version:
            kept = Change.objects.filter(mailspace_id=self.space.id, verb="overwrite").latest("id")
            assert kept.before["written"]["fields"]["text"] == before.fields.text
        window.version, self.latest = saved.version, text
        if shown:
            show(self.space.id, saved)

    @rule(which=st.integers(0, 1), how=st.sampled_from(["same id", "put then take", "take then put"]))
    def save_in_a_program(self, which: int, how: str) -> None:
        program, text = self.programs[which], self.text("program")
        now = show(self.space.id, mailstore.draft(self.space.id, self.draft))
        assert now.message is not None
        header_id = now.header_id if how == "same id" else f"{program.cause.session[:5]}{self.count}@p.test"
        if how == "take then put":
            take(self.space, now.message, cause=program.cause)
        put(self.space, text, header_id, cause=program.cause)
        if how == "put then take":
            take(self.space, now.message, cause=program.cause)
        self.latest = text

    @rule()
    def idle(self) -> None:
        show(self.space.id, mailstore.draft(self.space.id, self.draft))

    @rule()
    def throw_away_and_undo(self) -> None:
        now = show(self.space.id, mailstore.draft(self.space.id, self.draft))
        action = mailstore.discard(self.space.id, self.draft, cause=WEB).action
        with pytest.raises(errors.NoSuchDraft):
            mailstore.save_draft(self.space.id, self.draft, now.fields, version=now.version + 9, cause=WEB)
        mailstore.undo(self.space.id, action, cause=WEB)

    @invariant()
    def all_see_the_latest(self) -> None:
        if not hasattr(self, "draft"):
            return
        now = mailstore.draft(self.space.id, self.draft)
        assert now.state == "open" and now.fields.text.strip() == self.latest
        assert Draft.objects.filter(mailspace_id=self.space.id).count() == 1
        assert len(lying(self.space)) == 1
        if not now.stale_form:
            (message,) = lying(self.space)
            assert self.latest.encode() in mailstore.raw(self.space.id, message)

    def teardown(self) -> None:
        if hasattr(self, "space"):
            assert differences(self.space.id) == []


@pytest.mark.django_db
def test_browsers_and_mail_programs_converge_whatever_they_do(db: None) -> None:
    run_state_machine_as_test(
        Converging,
        settings=settings(
            max_examples=6,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )
