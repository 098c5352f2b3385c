"""The index and its keeper: what delivery parsed is used again, the tail is searched, words of headers are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from django.db import DatabaseError

from mta.mailstore import doctor, fresh, headerwords, indexer, indexing, matching, search, writer
from mta.mailstore import service as mailstore
from mta.mailstore.models import HeaderWord, Message, SearchText
from mta.message import criteria as c
from tests.eventually import eventually

from .conftest import WEB, Space


def uids(space: Space, criteria: c.Criteria, box: str = "inbox") -> list[int]:
    return mailstore.search_uids(space.id, space.box(box).id, criteria)


def index_all() -> None:
    while mailstore.index_pending():
        pass


@pytest.fixture
def indexing_here() -> Iterator[None]:
    fresh.texts.turn(on=True)
    yield
    fresh.texts.turn(on=False)


def test_what_delivery_parsed_is_not_parsed_again(
    space: Space, indexing_here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    space.deliver(subject="Remembered", body="kumquat")
    space.deliver(subject="Another", body="quince")

    def refuse(_mailspace: int, ids: Iterable[int]) -> list[tuple[int, bytes]]:
        assert not list(ids), "read again"
        return []

    monkeypatch.setattr(indexing.contents, "raws", refuse)
    index_all()
    assert uids(space, c.Words("kumquat")) == [1] and uids(space, c.Words("quince")) == [2]


def test_an_id_that_was_given_back_does_not_bring_anothers_words(space: Space, indexing_here: None) -> None:
    message = space.deliver(subject="Real", body="quince")
    fresh.texts.remember(message, 1, 1, "Another\n\n\n\n\n\nkumquat")
    index_all()
    assert uids(space, c.Words("quince")) == [1] and uids(space, c.Words("kumquat")) == []


def test_a_search_that_comes_before_the_indexer_uses_it_too(
    space: Space, indexing_here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    space.deliver(subject="Remembered", body="kumquat")
    monkeypatch.setattr(search, "texts", None)
    assert uids(space, c.Words("kumquat")) == [1] and not SearchText.objects.exists()
    assert indexing.index_fresh() == 1 and indexing.index_fresh() == 0
    assert uids(space, c.Words("kumquat")) == [1] and SearchText.objects.count() == 1


def test_only_so_much_is_remembered_and_only_where_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "KEPT", 100)
    texts = fresh.Fresh()
    texts.remember(0, 0, 0, "nobody indexes here")
    texts.turn(on=True)
    for number in range(10):
        texts.remember(number, 0, 0, "x" * 30)
    assert texts.oldest(20) == [7, 8, 9]
    texts.remember(8, 0, 0, "y" * 40)
    assert texts.oldest(2) == [7, 9] and texts.text(8, 0, 0) == "y" * 40
    texts.forget({7, 9})
    assert texts.oldest(20) == [8] and texts.text(8, 1, 0) is None
    texts.turn(on=False)
    assert texts.oldest(20) == []


def test_a_search_indexes_a_long_tail_and_reads_a_short_one(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "TAIL", 5)
    for number in range(5):
        space.deliver(subject=f"pear {number}", body="in the tail")
    assert uids(space, c.Words("pear")) == [1, 2, 3, 4, 5]
    assert not SearchText.objects.exists()
    space.deliver(subject="pear 6", body="one too many")
    assert uids(space, c.Words("pear")) == [1, 2, 3, 4, 5, 6]
    assert SearchText.objects.count() == 6
    assert uids(space, c.Contains("subject", "ear 6")) == [6]


HEADERS = [
    ("arterl", [1]),
    ("QUARTERLY REP", [1]),
    ("ly rep", [1]),
    ("y-2", [1]),
    ("rly  rep", []),
    ("report", [1, 2]),
    ("rep", [1, 2]),
    ("p", [1, 2, 4]),
    ("会", [3]),
    ("議の", [3]),
    ("の知ら", [3]),
    ("知会", []),
    ("grusse", [4]),
    ("RÜSSE", [4]),
    ("x" * 30, [5]),
    ("x" * 45 + "y", [5]),
    ("xy-tail", [5]),
    ("%", [6]),
    ("100%", [6]),
    ("_", [6]),
    ("[", [6]),
    ("nothing like it", []),
]


@pytest.mark.parametrize("indexed", [True, False])
def test_header_keys_find_parts_of_words(space: Space, indexed: bool) -> None:
    for subject in (
        "Quarterly report: july-2026",
        "report",
        "会議の知らせ",
        "Grüße per Post",
        "x" * 60 + "y-tail",
        "100% [sure] _",
    ):
        space.deliver(subject=subject)
    if indexed:
        index_all()
    assert [uids(space, c.Contains("subject", part)) for part, _ in HEADERS] == [hits for _, hits in HEADERS]


def test_addresses_are_found_across_their_signs(space: Space) -> None:
    space.deliver(sender="Jörg Müller <joerg.mueller+news@post.example.test>")
    index_all()
    for part in ("rg mull", "g.mueller+", "news@po", "example.te", "<joerg", "ws@post.example.test>"):
        assert uids(space, c.Contains("from", part)) == [1], part
    assert uids(space, c.Contains("from", "mueller.joerg")) == []
    assert uids(space, c.Contains("to", "joerg")) == []


def test_a_word_in_many_forms_is_found_by_reading_the_headers(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(headerwords, "MOST", 3)
    for number in range(6):
        space.deliver(subject=f"Case ab{number}cd")
    index_all()
    assert uids(space, c.Contains("subject", "b")) == [1, 2, 3, 4, 5, 6]
    assert uids(space, c.Contains("subject", "ase ab3")) == [4]


def test_words_of_headers_go_with_the_last_message_that_has_them(space: Space) -> None:
    first = space.deliver(subject="Secret meeting")
    space.deliver(subject="Meeting")
    index_all()
    assert {"secret", "meeting"} <= set(HeaderWord.objects.values_list("word", flat=True))
    indexing.forget(space.id, [first])
    words = set(HeaderWord.objects.values_list("word", flat=True))
    assert "secret" not in words and "meeting" in words


def test_the_doctor_misses_words_of_headers(space: Space) -> None:
    space.deliver(subject="Kumquat")
    index_all()
    assert doctor.differences(space.id) == []
    HeaderWord.objects.filter(word="kumquat").delete()
    assert doctor.differences(space.id) == ["index: the word 'kumquat' of a header does not lead there"]


def test_attached_names_html_and_accents_are_found(space: Space) -> None:
    raw = (
        b"Subject: =?utf-8?q?R=C3=A9sum=C3=A9?=\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        b"<style>.hidden { color: red }</style><p>Na<b>ive</b> caf\xc3\xa9 &amp; bar</p>\r\n"
        b'--b\r\nContent-Type: application/pdf; name="Invoice 4711.pdf"\r\n'
        b'Content-Disposition: attachment; filename="Invoice 4711.pdf"\r\n\r\nx\r\n--b--\r\n'
    )
    mailstore.append(space.id, space.box("inbox").id, raw, cause=WEB)
    index_all()
    for asked in (
        c.Words("cafe", "body"),
        c.Words("naive", "body"),
        c.Words("resume"),
        c.Words("invoice 4711", "filename", phrase=True),
        c.Words("4711.pdf", "any", phrase=True),
        c.HasAttachment(),
    ):
        assert uids(space, asked) == [1], asked
    for asked in (c.Words("hidden"), c.Words("style"), c.Words("invoice", "body"), c.Words("color")):
        assert uids(space, asked) == [], asked


def test_messages_of_one_moment_all_get_a_place(space: Space) -> None:
    for number in range(30):
        space.deliver(subject=f"same{number}", internal_date=5_000_000)
    Message.objects.filter(mailspace_id=space.id).update(indexed=False)
    index_all()
    assert SearchText.objects.filter(id__gte=5_000_000, id__lt=5_000_000 + 8 * search.SPREAD).count() == 30
    assert doctor.differences(space.id) == []


# --- the thread


def test_it_rests_while_others_store_mail() -> None:
    assert indexer.rest(0.1, 0.1) == pytest.approx(0.9)
    assert indexer.rest(1.0, 0.5) == pytest.approx(1.0)
    assert indexer.rest(60.0, 0.1) == indexer.LONGEST_REST
    assert not writer.is_busy()


def wait_until_indexed() -> None:
    """What is looked for before its transaction ended is found at the next look (LOOK_ANYWAY, at most 30 s later)."""
    eventually(lambda: not Message.objects.filter(indexed=False).exists(), "it is indexed", every=0.02)


@pytest.mark.django_db(transaction=True)
def test_the_sidecars_indexer_follows_deliveries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer, "GATHER", 0.01)
    space = Space(mailstore.create_mailspace())
    space.deliver(subject="left by somebody else")
    keeper = indexer.Indexer()
    keeper.start()
    try:
        wait_until_indexed()
        space.deliver(subject="persimmon")
        wait_until_indexed()
    finally:
        keeper.stop()
    assert uids(space, c.Words("persimmon")) == [2] and uids(space, c.Words("somebody")) == [1]
    assert fresh.texts.oldest(1) == []


@pytest.mark.django_db(transaction=True)
def test_an_indexer_goes_on_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    real = indexing.index_fresh

    def fail_once() -> int:
        tried.append(1)
        if len(tried) == 1:
            raise RuntimeError("trouble")
        return real()

    monkeypatch.setattr(indexing, "index_fresh", fail_once)
    monkeypatch.setattr(indexer, "GATHER", 0.0)
    space = Space(mailstore.create_mailspace())
    keeper = indexer.Indexer()
    keeper.start()
    try:
        space.deliver(subject="persimmon")
        wait_until_indexed()
    finally:
        keeper.stop()
    assert len(tried) > 1


@pytest.mark.django_db(transaction=True)
def test_the_writer_thread_indexes_between_deliveries() -> None:
    space = Space(mailstore.create_mailspace())
    mailstore.start_writer()
    try:
        for number in range(3):
            space.deliver(subject=f"fig{number}")
        assert mailstore.index_pending() == 3
    finally:
        mailstore.stop_writer()
    assert uids(space, c.Words("fig", prefix=True)) == [1, 2, 3]
    assert doctor.differences(space.id) == []


@pytest.mark.parametrize("away", [OSError("the disk is away"), DatabaseError("the database is away")])
def test_what_cannot_be_read_for_a_moment_is_indexed_later(
    space: Space, away: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    space.deliver(subject="Later", body="kumquat")

    def fail(*_args: object) -> None:
        raise away

    with monkeypatch.context() as patched:
        patched.setattr(indexing.contents, "raws", fail)
        with pytest.raises(type(away)):
            mailstore.index_pending()
    assert not Message.objects.filter(indexed=True).exists()
    index_all()
    assert uids(space, c.Words("kumquat")) == [1]


def test_a_message_whose_bytes_are_lost_holds_up_nobody(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = space.deliver(subject="Lost")
    space.deliver(subject="Kept", body="quince")
    raws = indexing.contents.raws

    def partly(mailspace: int, ids: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        wanted = list(ids)
        if lost in wanted:
            raise FileNotFoundError("gone for good")
        return raws(mailspace, wanted)

    monkeypatch.setattr(indexing.contents, "raws", partly)
    index_all()
    assert Message.objects.filter(indexed=True).count() == 2
    assert uids(space, c.Words("quince")) == [2]
