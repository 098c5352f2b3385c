"""Where mail programs and people surprise the store: odd names and keywords, hidden placements, huge sets."""

from __future__ import annotations

import pytest

from mta.mailstore import errors, upkeep
from mta.mailstore import service as mailstore
from mta.mailstore.doctor import differences
from mta.mailstore.models import Mailbox, Message, Placement, SearchText, Thread
from mta.message import criteria as c
from mta.values import DELETED, SEEN, Cause, now_us
from tests.mail import mail

from .conftest import WEB, Space

IMAP = Cause("imap", "a mail program")
DAY = 24 * 3600 * 1_000_000


def uids(space: Space, criteria: c.Criteria) -> list[int]:
    return mailstore.search_uids(space.id, space.box("inbox").id, criteria)


# --- keywords and names


@pytest.mark.parametrize("keyword", ["", "two words", "x" * 65, "a\x00b", "(", "*", '"', "\\Seen", "ünı"])
def test_a_keyword_that_is_no_atom_is_refused_and_changes_nothing(space: Space, keyword: str) -> None:
    space.deliver()
    inbox = space.box("inbox").id
    with pytest.raises(errors.BadKeyword):
        mailstore.store_flags(space.id, inbox, [1], "add", SEEN, (keyword,), cause=IMAP)
    with pytest.raises(errors.BadKeyword):
        mailstore.append(space.id, inbox, mail(), keywords=(keyword,), cause=IMAP)
    assert mailstore.changes(space.id, inbox).rows[0].flags == 0 and space.box("inbox").messages == 1


def test_keywords_compare_without_case_and_are_at_most_a_hundred(space: Space) -> None:
    inbox = space.box("inbox").id
    mailstore.append(space.id, inbox, mail(), keywords=("$Todo", "$todo"), cause=IMAP)
    mailstore.store_flags(space.id, inbox, [1], "replace", 0, ("$TODO", "Later"), cause=IMAP)
    assert mailstore.changes(space.id, inbox).rows[0].keywords == ("$Todo", "Later")
    mailstore.store_flags(space.id, inbox, [1], "remove", 0, ("$tOdO",), cause=IMAP)
    many = tuple(f"k{number}" for number in range(99))
    mailstore.store_flags(space.id, inbox, [1], "add", 0, many, cause=IMAP)
    with pytest.raises(errors.BadKeyword):
        mailstore.store_flags(space.id, inbox, [1], "add", 0, ("one-more",), cause=IMAP)
    assert len(mailstore.changes(space.id, inbox).rows[0].keywords) == 100


def test_a_name_in_another_composition_is_the_same_mailbox(space: Space) -> None:
    made = mailstore.create_mailbox(space.id, "Cafe\u0301", cause=IMAP)
    assert mailstore.mailbox(space.id, "Caf\u00e9").id == made.id
    with pytest.raises(errors.MailboxExists):
        mailstore.create_mailbox(space.id, "Caf\u00e9", cause=IMAP)
    for name in ("a\u0085b", "a\u2028b", "\ud800", "e\u0301" * 128 + "x" * 255):
        with pytest.raises(errors.BadName):
            mailstore.create_mailbox(space.id, name, cause=IMAP)


def test_renaming_onto_a_child_that_exists_is_refused_whole(space: Space) -> None:
    for name in ("A/B", "Z/B"):
        mailstore.create_mailbox(space.id, name, cause=IMAP)
    mailstore.delete_mailbox(space.id, "Z", cause=IMAP)
    with pytest.raises(errors.MailboxExists):
        mailstore.rename_mailbox(space.id, "A", "Z", cause=IMAP)
    assert {"A", "A/B", "Z/B"} <= {info.name for info in mailstore.mailboxes(space.id)}


def test_a_role_is_given_once(space: Space) -> None:
    with pytest.raises(errors.MailboxExists):
        mailstore.create_mailbox(space.id, "Second trash", role="trash", cause=WEB)


def test_commands_of_one_transaction_see_each_other(space: Space) -> None:
    def work(door: mailstore.Door) -> tuple[int, int]:
        box = door[space.id].role("inbox")
        door[space.id].keep_recent(box, 5)
        box.name = "INBOX"
        return door[space.id].names()["INBOX"], door[space.id].role("inbox").recent_uid

    assert mailstore.commit({space.id}, work) == (space.box("inbox").id, 5)
    assert Mailbox.objects.get(id=space.box("inbox").id).recent_uid == 5


# --- placements that a mail program marked \Deleted are gone for people, and never the only ones left


def test_archiving_shows_a_message_whose_other_placements_are_marked_deleted(space: Space) -> None:
    message = space.deliver()
    inbox, archive = space.box("inbox").id, space.box("archive").id
    mailstore.copy(space.id, inbox, [1], archive, cause=IMAP)
    mailstore.store_flags(space.id, archive, [1], "add", DELETED, (), cause=IMAP)
    done = mailstore.archive(space.id, [space.lines()[0].thread], cause=WEB)
    assert space.where(message) == {"Archive"}
    mailstore.undo(space.id, done.action, cause=WEB)
    assert space.where(message) == {"INBOX"}
    assert mailstore.changes(space.id, archive).rows[0].flags == DELETED
    assert differences(space.id) == []


def test_renaming_the_inbox_does_not_count_a_labelled_message_twice(space: Space) -> None:
    message = space.deliver()
    label = mailstore.create_mailbox(space.id, "Work", cause=WEB).id
    mailstore.label(space.id, [space.lines()[0].thread], label, cause=WEB)
    mailstore.rename_mailbox(space.id, "INBOX", "Before", cause=IMAP)
    assert space.where(message) == {"Before", "Work"} and differences(space.id) == []


def test_undo_leaves_a_message_where_it_is_when_its_old_mailbox_is_gone(space: Space) -> None:
    mailstore.create_mailbox(space.id, "Work", cause=WEB)
    message = space.deliver("Work")
    done = mailstore.delete(space.id, [space.lines("Work")[0].thread], cause=WEB)
    mailstore.delete_mailbox(space.id, "Work", cause=WEB)
    assert mailstore.undo(space.id, done.action, cause=WEB).skipped == 1
    assert space.where(message) == {"Trash"}


def test_labels_are_not_for_trash_junk_or_drafts(space: Space) -> None:
    space.deliver()
    for role in ("trash", "junk", "drafts", "snoozed", "scheduled"):
        with pytest.raises(errors.CannotChange):
            mailstore.label(space.id, [space.lines()[0].thread], space.box(role).id, cause=WEB)


def test_an_expunged_message_names_its_thread_among_the_changed_ones(space: Space) -> None:
    space.deliver()
    thread, clock = space.lines()[0].thread, mailstore.clocks([space.id])[space.id]
    mailstore.store_flags(space.id, space.box("inbox").id, [1], "add", DELETED, (), cause=IMAP)
    mailstore.expunge(space.id, space.box("inbox").id, cause=IMAP)
    assert mailstore.threads_changed(space.id, clock)[0] == (thread,)


def test_a_copy_that_needs_new_bytes_counts_against_the_quota(space: Space) -> None:
    space.deliver()
    inbox = space.box("inbox").id
    mailstore.set_quota(space.id, mailstore.usage(space.id).used + 10)
    mailstore.copy(space.id, inbox, [1], space.box("archive").id, cause=IMAP)
    with pytest.raises(errors.OverQuota):
        mailstore.copy(space.id, inbox, [1], inbox, cause=IMAP)
    assert differences(space.id) == []


# --- drafts


def test_rewriting_a_draft_leaves_nothing_of_the_older_forms(space: Space) -> None:
    fields = mailstore.DraftFields(subject="Hello")
    draft = mailstore.new_draft(space.id, fields, header_id="d@x", cause=WEB)
    for version in range(1, 6):
        mailstore.materialise(space.id, draft.id, mail(message_id="d@x"), version=version, cause=WEB)
        while mailstore.index_pending():
            pass
        saved = mailstore.DraftFields(subject=f"Hello {version}")
        mailstore.save_draft(space.id, draft.id, saved, version=version, cause=WEB)
    assert Message.objects.count() == SearchText.objects.count() == 1
    assert Thread.objects.get().messages == 1
    assert len(mailstore.changes(space.id, space.box("drafts").id, 1).expunged) == 4
    assert differences(space.id) == []


def test_a_draft_moved_within_drafts_stays_open(space: Space) -> None:
    draft = mailstore.new_draft(space.id, mailstore.DraftFields(), header_id="d@x", cause=WEB)
    mailstore.materialise(space.id, draft.id, mail(), version=1, cause=WEB)
    drafts = space.box("drafts").id
    mailstore.move(space.id, drafts, [1], drafts, cause=IMAP)
    assert mailstore.draft(space.id, draft.id).state == "open"
    mailstore.move(space.id, drafts, [2], space.box("trash").id, cause=IMAP)
    assert mailstore.draft(space.id, draft.id).state == "discarded"
    mailstore.move(space.id, space.box("trash").id, [1], drafts, cause=IMAP)
    assert mailstore.draft(space.id, draft.id).state == "open" and differences(space.id) == []


def test_files_of_a_discarded_draft_go_after_the_undo_window(space: Space) -> None:
    draft = mailstore.new_draft(space.id, mailstore.DraftFields(), header_id="d@x", cause=WEB)
    mailstore.attach(space.id, draft.id, "a", "text/plain", b"x", cause=WEB)
    mailstore.discard(space.id, draft.id, cause=WEB)
    assert upkeep.forget_drafts(now=now_us() + 29 * DAY) == 0
    assert upkeep.forget_drafts(now=now_us() + 31 * DAY) == 1
    with pytest.raises(errors.NoSuchDraft):
        mailstore.draft(space.id, draft.id)
    assert differences(space.id) == []


# --- searching, and sets of any size


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "'",
        "a' OR '1'='1",
        "NEAR(a b)",
        "a*",
        "-a",
        "^a",
        "{subject}: a",
        "a:*b",
        "a & b | !c",
        "\\",
        "\x00",
        "a\x00b",
        "%" * 50,
        "x " * 5000,
        "é" * 20_000,
        "\ud800",
    ],
)
def test_no_search_text_is_syntax(space: Space, text: str) -> None:
    space.deliver(subject="unlikely", body="zanzibar")
    while mailstore.index_pending():
        pass
    space.deliver(subject="another", body="tail")
    for where in ("any", "subject", "body", "cc"):
        for phrase in (False, True):
            uids(space, c.Words(text, where=where, phrase=phrase))
    for header in ("subject", "from", "message-id", "references", "x-odd"):
        uids(space, c.Contains(header, text))


def test_like_signs_are_letters_in_both_databases(space: Space) -> None:
    space.deliver(subject="100%_sure! \\o/")
    space.deliver(subject="100 per cent sure")
    for text in ("100%", "%_s", "e! \\o"):
        assert uids(space, c.Contains("subject", text)) == [1]


def test_sets_torn_into_thousands_of_ranges_and_keys_are_answered(space: Space) -> None:
    raw = mail()
    mailstore.append_many(
        space.id, space.box("inbox").id, [mailstore.Incoming(raw) for _ in range(300)], cause=IMAP
    )
    odd = tuple((number, number) for number in range(1, 9_999, 2))
    assert uids(space, c.Uids(odd)) == list(range(1, 301, 2))
    assert uids(space, c.Uids((*odd, (290, 4_000_000_000)))) == [*range(1, 290, 2), *range(290, 301)]
    assert len(uids(space, c.And(tuple(c.Larger(size) for size in range(1200))))) == 0
    assert len(uids(space, c.Or(tuple(c.Larger(size) for size in range(1200))))) == 300
    sparse = list(range(1, 400_000, 5))
    assert len(mailstore.fetch(space.id, space.box("inbox").id, sparse, ("uid",))) == 60
    assert mailstore.move(
        space.id, space.box("inbox").id, odd_uids := [1, 150, 40_000], space.box("archive").id, cause=IMAP
    ).source == tuple(odd_uids[:2])


def test_many_messages_of_one_instant_are_all_indexed(space: Space) -> None:
    incoming = [mailstore.Incoming(mail(body="sameword"), internal_date=1_000_000) for _ in range(250)]
    mailstore.append_many(space.id, space.box("inbox").id, incoming, cause=IMAP)
    Message.objects.update(internal_date=1_000_000)
    while mailstore.index_pending():
        pass
    assert len(uids(space, c.Words("sameword"))) == 250 and differences(space.id) == []


def test_a_message_whose_bytes_are_lost_does_not_stop_the_index(space: Space) -> None:
    lost = space.deliver(body="first")
    space.deliver(body="second")
    Message.objects.filter(id=lost).update(blob_id=10**9)
    while mailstore.index_pending():
        pass
    assert uids(space, c.Words("second")) == [2] and not Message.objects.filter(indexed=False).exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b"Subject: =?utf-8?q?a=00b=ED=A0=80?=\r\nFrom: =?utf-8?q?=00?= <a@b>\r\n\r\nx",
        b"Subject: \xff\xfe\r\nTo: \x80 <x@y>\r\nReferences: <" + b"r" * 3000 + b">\r\n\r\n\xff",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n" * 500,
        b"Message-ID: <"
        + b"i" * 5000
        + b"@x>\r\nContent-Disposition: attachment; filename*=utf-8''%00%ff\r\n\r\n",
    ],
)
def test_any_bytes_are_stored_indexed_and_read_back(space: Space, raw: bytes) -> None:
    message = mailstore.append(space.id, space.box("inbox").id, raw, cause=IMAP).message
    while mailstore.index_pending():
        pass
    assert mailstore.raw(space.id, message) == raw and differences(space.id) == []


# --- the doctor sees what is wrong


def test_the_doctor_is_not_blind(space: Space) -> None:
    space.deliver()
    while mailstore.index_pending():
        pass
    inbox = space.box("inbox").id
    for break_it, word in (
        (lambda: Mailbox.objects.filter(id=inbox).update(uidnext=1), "UIDNEXT"),
        (lambda: Mailbox.objects.filter(id=inbox).update(highestmodseq=1), "HIGHESTMODSEQ"),
        (lambda: Thread.objects.update(messages=9), "thread"),
        (lambda: SearchText.objects.all().delete(), "index"),
        (lambda: Message.objects.update(blob_id=77), "blob"),
        (lambda: Placement.objects.update(message_id=77), "placement"),
    ):
        break_it()
        assert any(word in line for line in differences(space.id)), word
