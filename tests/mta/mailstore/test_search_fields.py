"""Lists, delivery addresses, message ids, files and readers in copy: what the operators of the search box ask for."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

import pytest

from mta.mailstore import service as mailstore
from mta.message import criteria as c
from mta.values import Cause
from tests.mail import mail
from tests.mta.mailstore.conftest import Space

CAUSE = Cause("import", "test")


@pytest.fixture(params=["indexed", "not yet indexed"])
def indexed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "indexed")


def found(space: Space, criteria: c.Criteria, *, indexed: bool) -> list[str]:
    while indexed and mailstore.index_pending():
        pass
    by_thread = mailstore.search_threads(space.id, criteria).rows
    by_mailbox = mailstore.search_uids(space.id, space.box("inbox").id, criteria)
    assert len(by_thread) == len(by_mailbox)
    return sorted(line.subject for line in by_thread)


def store(space: Space, raw: bytes) -> None:
    mailstore.append(space.id, space.box("inbox").id, raw, cause=CAUSE)


def test_a_list_is_found_by_its_id_or_a_part_of_it(space: Space, indexed: bool) -> None:
    store(
        space,
        mail(subject="One", message_id="1@x").replace(
            b"Subject:", b"List-Id: Dev <dev.lists.test>\r\nSubject:"
        ),
    )
    store(space, mail(subject="Two", message_id="2@x", body="dev.lists.test"))
    assert found(space, c.Contains("list-id", "dev.lists.test"), indexed=indexed) == ["One"]
    assert found(space, c.Contains("list-id", "DEV.lists"), indexed=indexed) == ["One"]
    assert found(space, c.Contains("list-id", ""), indexed=indexed) == ["One"]
    assert found(space, c.Not(c.Contains("list-id", "dev")), indexed=indexed) == ["Two"]


def test_mail_is_found_by_the_address_it_was_delivered_to(space: Space, indexed: bool) -> None:
    raw = mail(subject="One", message_id="1@x")
    store(space, raw.replace(b"Subject:", b"Delivered-To: <Sales@example.test>\r\nSubject:"))
    store(space, mail(subject="Two", message_id="2@x"))
    assert found(space, c.Contains("delivered-to", "sales@example.test"), indexed=indexed) == ["One"]
    assert found(space, c.Contains("delivered-to", "elsewhere"), indexed=indexed) == []


def test_a_message_is_found_by_its_whole_id_only(space: Space, indexed: bool) -> None:
    store(space, mail(subject="One", message_id="abc@x"))
    store(space, mail(subject="Two", message_id="abcd@x"))
    assert found(space, c.Contains("message-id", "<abc@x>"), indexed=indexed) == ["One"]


def test_readers_in_copy_are_found_by_whole_words(space: Space, indexed: bool) -> None:
    raw = mail(subject="One", message_id="1@x")
    store(space, raw.replace(b"Subject:", b"Cc: Ann Lee <ann@example.test>\r\nSubject:"))
    store(space, raw.replace(b"Subject: One", b"Cc: Joanna <jo@example.test>\r\nSubject: Two"))

    def ask(text: str, **how: bool) -> list[str]:
        return found(space, c.Words(text, "cc", **({"prefix": False} | how)), indexed=indexed)

    assert ask("ann") == ["One"]
    assert ask("ÄNN") == ["One"]
    assert ask("jo", prefix=True) == ["Two"]
    assert ask("ann@example.test", phrase=True) == ["One"]
    assert ask("example") == ["One", "Two"]


def test_files_are_found_by_kind_also_without_a_name_that_says_it(space: Space, indexed: bool) -> None:
    message = EmailMessage(policy=SMTP)
    message["Subject"], message["From"] = "One", "ada@x.test"
    message.set_content("See the file.")
    message.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="scan0001")
    store(space, message.as_bytes())
    assert found(space, c.Words("kindoffilepdf", "filename"), indexed=indexed) == ["One"]
    assert found(space, c.Words("scan0001", "filename"), indexed=indexed) == ["One"]


def test_the_text_inside_a_file_is_found(space: Space, indexed: bool) -> None:
    message = EmailMessage(policy=SMTP)
    message["Subject"], message["From"] = "One", "ada@x.test"
    message.set_content("See the file.")
    message.add_attachment("aubergine", filename="shopping.txt")
    store(space, message.as_bytes())
    assert found(space, c.Words("aubergine"), indexed=indexed) == ["One"]
