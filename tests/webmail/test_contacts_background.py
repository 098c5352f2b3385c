"""Large files of contacts: read in the background, with an end to what one may cost."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.webmail.mail_world import Reader
from webmail import chores
from webmail.contacts import cards, service
from webmail.contacts.service import CannotRead
from webmail.models import Chore
from webmail.tasks import WORKERS


def bring(who: Reader, data: bytes, name: str = "all.vcf") -> Any:
    return who.client.post("/mail/contacts/import/", {"file": SimpleUploadedFile(name, data)}, follow=True)


def many(count: int, note: str = "") -> bytes:
    card = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Person {n}\r\nEMAIL:p{n}@x.test\r\nNOTE:{note}\r\nEND:VCARD\r\n"
    return "".join(card.format(n=number, note=note) for number in range(count)).encode()


@pytest.mark.django_db
def test_a_large_file_is_read_in_the_background_and_says_what_came_of_it(
    ann: Reader, settings: Any, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    data = many(40, "x" * 9_000)
    page = bring(ann, data).content.decode()
    assert (
        'data-test="contacts-running"' in page
        and "Reading all.vcf" in page
        and 'data-test="import"' not in page
    )
    assert "Another file is being read" in bring(ann, data).content.decode()
    chore = Chore.objects.get(kind=Chore.CONTACTS)
    assert oct(chores.path_of(chore).stat().st_mode & 0o777) == "0o600"
    assert chores.work(WORKERS) == 1
    page = ann.page("/mail/contacts/import/")
    assert "40 contacts are new." in page and 'data-test="undo"' in page
    assert list((tmp_path / "chores").iterdir()) == [] and service.count(ann.space) == 40
    chores.start(ann.account, ann.space, Chore.CONTACTS, data={"name": "gone.vcf"}, file="contacts-gone")
    chores.work(WORKERS)
    assert "The file is no longer here" in ann.page("/mail/contacts/import/")


@pytest.mark.django_db
def test_a_file_of_too_many_lines_is_refused_in_no_time(ann: Reader, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    data = b"BEGIN:VCARD\nFN:A\n" + b"X-A:b\n" * 950_000 + b"END:VCARD\n"
    bring(ann, data)
    began = time.process_time()
    chores.work(WORKERS)
    assert time.process_time() - began < 5
    assert "too many lines" in ann.page("/mail/contacts/import/") and service.count(ann.space) == 0


def test_a_file_that_takes_too_long_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "MAX_SECONDS", 0.0)
    with pytest.raises(CannotRead, match="takes too long"):
        cards.read(many(3))
    told: list[float] = []
    monkeypatch.undo()
    cards.read(many(9), told.append)
    assert told == sorted(told) and len(told) == 9 and told[-1] == pytest.approx(1, abs=0.05)
