"""Drafts: one row, one IMAP form at a time, undo of discarding."""

from __future__ import annotations

import pytest

from mta.mailstore import errors
from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from tests.mail import mail

from .conftest import WEB, Space

FIELDS = mailstore.DraftFields(
    identity="ann@example.test", to=(("Ada", "ada@outside.test"),), subject="Hello"
)


def test_a_draft_is_saved_without_touching_mailboxes_until_it_is_materialised(space: Space) -> None:
    made = mailstore.new_draft(space.id, FIELDS, header_id="d@example.test", cause=WEB)
    saved = mailstore.save_draft(
        space.id, made.id, mailstore.DraftFields(subject="Hello you"), version=made.version, cause=WEB
    )
    assert (saved.version, saved.fields.subject, saved.stale_form) == (2, "Hello you", True)
    assert space.box("drafts").messages == 0
    raw = mail(subject="Hello you", sender="ann@example.test", message_id="d@example.test")
    mailstore.materialise(space.id, made.id, raw, version=2, cause=WEB)
    first = mailstore.changes(space.id, space.box("drafts").id).rows
    saved = mailstore.save_draft(space.id, made.id, FIELDS, version=2, cause=WEB)
    mailstore.materialise(space.id, made.id, raw, version=saved.version, cause=WEB)
    second = mailstore.changes(space.id, space.box("drafts").id).rows
    assert [row.uid for row in first] == [1] and [row.uid for row in second] == [2]
    assert [(line.drafts, line.count) for line in space.lines("drafts")] == [(1, 1)]
    assert mailstore.conversation(space.id, space.lines("drafts")[0].thread).messages[0].draft == made.id
    assert differences(space.id) == []


def test_saving_the_same_again_makes_no_new_version(space: Space) -> None:
    made = mailstore.new_draft(space.id, FIELDS, header_id="d@example.test", cause=WEB)
    assert mailstore.save_draft(space.id, made.id, FIELDS, version=1, cause=WEB).version == 1


def test_a_discarded_draft_comes_back(space: Space) -> None:
    made = mailstore.new_draft(space.id, FIELDS, header_id="d@example.test", cause=WEB)
    mailstore.materialise(space.id, made.id, mail(), version=1, cause=WEB)
    done = mailstore.discard(space.id, made.id, cause=WEB)
    assert space.lines("drafts") == []
    with pytest.raises(errors.NoSuchDraft):
        mailstore.save_draft(space.id, made.id, FIELDS, version=1, cause=WEB)
    mailstore.undo(space.id, done.action, cause=WEB)
    assert mailstore.draft(space.id, made.id).state == "open" and len(space.lines("drafts")) == 1
    assert differences(space.id) == []


def test_expunging_the_form_in_a_mail_program_discards_the_draft(space: Space) -> None:
    made = mailstore.new_draft(space.id, FIELDS, header_id="d@example.test", cause=WEB)
    mailstore.materialise(space.id, made.id, mail(), version=1, cause=WEB)
    mailstore.move(space.id, space.box("drafts").id, [1], space.box("trash").id, cause=WEB)
    assert mailstore.draft(space.id, made.id).state == "discarded"


def test_files_are_kept_and_a_stranger_cannot_read_them(space: Space) -> None:
    made = mailstore.new_draft(space.id, FIELDS, header_id="d@example.test", cause=WEB)
    file = mailstore.attach(space.id, made.id, "plan.pdf", "application/pdf", b"%PDF" * 9000, cause=WEB)
    assert mailstore.attachment_bytes(space.id, made.id, file.id) == b"%PDF" * 9000
    with pytest.raises(errors.NoSuchDraft):
        mailstore.attachment_bytes(mailstore.create_mailspace(), made.id, file.id)
    mailstore.detach(space.id, made.id, file.id, cause=WEB)
    assert mailstore.draft(space.id, made.id).attachments == ()


def test_a_draft_of_a_mail_program_opens_with_its_text(space: Space) -> None:
    raw = mail(
        subject="From my phone", sender="Ann <ann@example.test>", to="ada@outside.test", body="Half a thought"
    )
    message = mailstore.append(space.id, space.box("drafts").id, raw, cause=WEB).message
    opened = mailstore.draft_for_message(space.id, message, cause=WEB)
    assert (opened.fields.subject, opened.fields.text.strip()) == ("From my phone", "Half a thought")
    assert opened.fields.to == (("", "ada@outside.test"),) and not opened.stale_form
    assert mailstore.draft_for_message(space.id, message, cause=WEB).id == opened.id
