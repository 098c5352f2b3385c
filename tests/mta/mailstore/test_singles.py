"""Single messages of a mailbox, and all attached files, page by page."""

from __future__ import annotations

import pytest

from mta.mailstore import service as mailstore
from mta.mailstore import singles
from mta.values import ALL, DELETED, SEEN, STARRED
from tests.mail import mail
from tests.mta.mailstore.conftest import WEB, Space

DAY = 24 * 3600 * 1_000_000
BASE = 1_700_000_000_000_000


def with_file(name: str, type_: str) -> bytes:
    part = f"--b\r\nContent-Type: {type_}\r\nContent-Disposition: attachment; filename={name}\r\n\r\nx\r\n--b--\r\n"
    text = "--b\r\nContent-Type: text/plain\r\n\r\nhere\r\n"
    head = (
        mail(subject=f"With {name}").split(b"\r\n\r\n")[0].decode().replace("text/plain; charset=utf-8", "")
    )
    head = head.replace("Content-Type: ", "Content-Type: multipart/mixed; boundary=b")
    return f"{head}\r\n\r\n{text}{part}".encode()


def test_messages_of_one_conversation_are_lines_of_their_own(space: Space) -> None:
    inbox = space.box("inbox").id
    first = space.deliver(message_id="first@outside.test", flags=SEEN, internal_date=BASE)
    second = space.deliver(
        subject="Re: Lunch", references="first@outside.test", internal_date=BASE + DAY, body="Yes"
    )
    page = mailstore.message_lines(space.id, inbox)
    assert [(line.last_message, line.sort_at, line.unread, line.count) for line in page.rows] == [
        (second, BASE + DAY, 1, 1),
        (first, BASE, 0, 1),
    ]
    assert len({line.thread for line in page.rows}) == 1
    assert (page.total, page.unread, page.has_newer, page.has_older) == (2, 1, False, False)
    mailstore.star_messages(space.id, [first], on=True, cause=WEB)
    mailstore.delete_messages(space.id, [second], cause=WEB)
    for view in (ALL, STARRED):
        assert [line.last_message for line in mailstore.message_lines(space.id, view).rows] == [first]


def test_pages_of_messages_go_both_ways_and_to_the_end(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(singles, "NEAR", 3)
    inbox = space.box("inbox").id
    made = [space.deliver(subject=f"Offer {n}", internal_date=BASE + (n // 2) * DAY) for n in range(12)]
    mailstore.store_flags(space.id, inbox, [1], "add", DELETED, (), cause=WEB)
    wanted = made[:0:-1]
    seen: list[int] = []
    before = None
    while True:
        page = mailstore.message_lines(space.id, inbox, before=before, limit=3)
        assert page.position == len(seen) and page.total == 11
        assert page.has_newer == bool(seen)
        seen += [line.last_message for line in page.rows]
        if not page.has_older:
            break
        before = (page.rows[-1].sort_at, page.rows[-1].last_message)
    assert seen == wanted
    last = mailstore.message_lines(space.id, inbox, limit=3, oldest_first=True)
    assert [line.last_message for line in last.rows] == wanted[-3:] and not last.has_older and last.has_newer
    key = (last.rows[0].sort_at, last.rows[0].last_message)
    newer = mailstore.message_lines(space.id, inbox, limit=3, after=key)
    assert [line.last_message for line in newer.rows] == wanted[-6:-3] and newer.has_older and newer.has_newer
    assert newer.position == 5 and last.position == 8


def test_files_are_listed_newest_first_without_spam_and_trash(space: Space) -> None:
    inbox = space.box("inbox").id
    for number, (name, type_) in enumerate(
        [
            ("a.pdf", "application/pdf"),
            ("b.jpg", "image/jpeg"),
            ("c.pdf", "application/pdf"),
            ("d", "image/png"),
        ]
    ):
        mailstore.append(
            space.id, inbox, with_file(name, type_), internal_date=BASE + number * DAY, cause=WEB
        )
    space.deliver(subject="nothing")
    page = mailstore.files(space.id)
    assert [(file.name, file.kind) for file in page.files] == [
        ("d", "image"),
        ("c.pdf", "pdf"),
        ("b.jpg", "image"),
        ("a.pdf", "pdf"),
    ]
    assert page.older is None and page.files[1].subject == "With c.pdf"
    first = mailstore.files(space.id, limit=2)
    rest = mailstore.files(space.id, before=first.older)
    assert [file.name for file in (*first.files, *rest.files)] == ["d", "c.pdf", "b.jpg", "a.pdf"]
    mailstore.delete_messages(space.id, [page.files[1].message], cause=WEB)
    assert [file.name for file in mailstore.files(space.id, kind="pdf").files] == ["a.pdf"]


def test_a_rare_kind_is_looked_for_so_far_at_once_and_no_further(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(singles, "PIECE", 2)
    monkeypatch.setattr(singles, "PIECES", 2)
    inbox = space.box("inbox").id
    for number in range(6):
        name = "a.pdf" if number == 0 else f"{number}.jpg"
        mailstore.append(
            space.id, inbox, with_file(name, "x/y"), internal_date=BASE + number * DAY, cause=WEB
        )
    page = mailstore.files(space.id, kind="pdf")
    assert page.files == () and page.older is not None
    assert [file.name for file in mailstore.files(space.id, kind="pdf", before=page.older).files] == ["a.pdf"]


def test_neither_list_asks_more_of_a_larger_mailbox(
    space: Space, django_assert_max_num_queries: object
) -> None:
    inbox = space.box("inbox").id
    for number in range(8):
        space.deliver(subject=f"Offer {number}")
    with django_assert_max_num_queries(5):  # type: ignore[operator]
        mailstore.message_lines(space.id, inbox, limit=50)
    with django_assert_max_num_queries(1):  # type: ignore[operator]
        mailstore.files(space.id)
