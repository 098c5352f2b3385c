"""Mailboxes that were written row by row are what the door would have made: the doctor finds nothing."""

import pytest

from bench import clone, corpus, originals
from bench.bulk import index_at_the_end
from mta.mailstore import doctor
from mta.mailstore import service as mailstore
from mta.mailstore.models import Placement
from mta.values import FLAGGED, SEEN, Cause

CAUSE = Cause("import", "a test")
# Enough for threads, attachments, large objects, and the words to search for.
KINDS = [(corpus.REAL, 40), (corpus.SMALL, 24)]


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    originals.forget()


def original(kind: str, count: int) -> int:
    mailspace = mailstore.create_mailspace()
    inbox = mailstore.mailbox_by_role(mailspace, "inbox").id
    incoming = [
        mailstore.Incoming(
            corpus.message(i, kind),
            flags=SEEN * (not corpus.is_unread(i)) | FLAGGED * corpus.is_flagged(i),
            internal_date=int(corpus.arrived(i).timestamp() * 1_000_000),
        )
        for i in range(count)
    ]
    mailstore.append_many(mailspace, inbox, incoming, cause=CAUSE)
    while mailstore.index_pending():
        pass
    return mailspace


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "count"), KINDS)
def test_the_doctor_finds_nothing_in_cloned_mailboxes(kind: str, count: int) -> None:
    source = original(kind, count)
    targets = [mailstore.create_mailspace() for _ in range(2)]
    with index_at_the_end():
        clone.clone(source, targets[0], range(3))
        clone.clone(source, targets[1], range(1))
    for mailspace in (source, *targets):
        assert doctor.differences(mailspace) == []
    assert mailstore.mailbox_by_role(targets[0], "inbox").messages == 3 * count
    assert mailstore.mailbox_by_role(targets[1], "inbox").messages == count


@pytest.mark.django_db
def test_a_clone_has_the_bytes_of_the_corpus() -> None:
    source = original(corpus.REAL, 30)
    target = mailstore.create_mailspace()
    clone.clone(source, target, range(2))
    inbox = mailstore.mailbox_by_role(target, "inbox").id
    placed = Placement.objects.filter(mailspace_id=target, mailbox_id=inbox).order_by("uid")
    stored = [mailstore.raw(target, message) for message in placed.values_list("message_id", flat=True)]
    blocks = [[corpus.message(block * corpus.BLOCK + i) for i in range(30)] for block in range(2)]
    assert stored == [raw for block in blocks for raw in block]


@pytest.mark.django_db
def test_what_is_stored_after_a_clone_gets_numbers_of_its_own() -> None:
    source = original(corpus.SMALL, 12)
    target = mailstore.create_mailspace()
    clone.clone(source, target, range(2))
    inbox = mailstore.mailbox_by_role(target, "inbox").id
    added = mailstore.append(target, inbox, corpus.message(99), cause=CAUSE)
    assert added.uid == 25
    while mailstore.index_pending():
        pass
    assert doctor.differences(target) == []
