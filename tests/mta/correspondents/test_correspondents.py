"""Who a mailspace writes with: learnt from its mail, ranked by use, found by the beginnings of words."""

from __future__ import annotations

import random
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from mta.correspondents import ranking
from mta.correspondents import service as correspondents
from mta.correspondents.models import Correspondent, CorrespondentWord
from mta.filters import service as filters
from mta.flow import acquainting, leftovers
from mta.mailstore import service as mailstore
from mta.mailstore.models import Mailspace
from mta.values import DRAFTS, INBOX, JUNK, SENT, TRASH, Cause
from tests.mail import mail

pytestmark = pytest.mark.django_db
CAUSE = Cause("import", "test")
DAY = 86_400 * 1_000_000
NOW = 1_800_000_000 * 1_000_000


@pytest.fixture
def space() -> int:
    return mailstore.create_mailspace()


def put(space: int, role: str = INBOX, **message: str) -> int:
    box = mailstore.mailbox_by_role(space, role).id
    return mailstore.append(space, box, mail(**message), cause=CAUSE).thread


def emails(space: int, prefix: str, **more: object) -> list[str]:
    acquainting.catch_up(space)
    return [each.email for each in correspondents.ranked(space, prefix, **more)]


def test_a_prefix_of_a_name_of_an_address_or_of_a_domain_finds_its_person(space):
    put(space, sender="Ada Lovelace <ada@analytical.test>")
    put(space, sender="Ben O'Kafor <okafor.b@mail.harbour.test>")
    for prefix in ("ad", "LOVE", "analyt", "ada@ana", "ada love", "love ad"):
        assert emails(space, prefix) == ["ada@analytical.test"], prefix
    for prefix in ("okaf", "b", "kafor", "o'k", "harbour", "mail.harb", "okafor.b@", "(ben"):
        assert emails(space, prefix) == ["okafor.b@mail.harbour.test"], prefix
    for prefix in ("vel", "", " ", "%", "_", "ada ben", "\0", "\U0010ffff"):
        assert emails(space, prefix) == [], prefix


def test_accents_and_case_do_not_matter(space):
    put(space, sender="=?utf-8?q?J=C3=B6rg_Wei=C3=9F?= <joerg@werk.test>")
    put(space, sender="=?utf-8?q?=E5=B1=B1=E7=94=B0=E5=A4=AA=E9=83=8E?= <taro@kobe.test>")
    assert emails(space, "jorg") == emails(space, "WEISS") == ["joerg@werk.test"]
    assert emails(space, "山田") == emails(space, "太郎") == ["taro@kobe.test"]


def test_whom_one_wrote_to_comes_before_who_only_wrote(space):
    for _ in range(3):
        put(space, sender="Anna News <anna@news.test>")
    put(space, SENT, sender="me@example.test", to="Anna Friend <anna@friend.test>")
    assert emails(space, "anna") == ["anna@friend.test", "anna@news.test"]


def test_a_letter_of_now_counts_more_than_some_of_last_year(space):
    for _ in range(3):
        correspondents.seen(space, [("Ann Old", "ann@old.test")], own=True, at=NOW - 365 * DAY)
    correspondents.seen(space, [("Ann New", "ann@new.test")], own=True, at=NOW)
    assert [each.email for each in correspondents.ranked(space, "ann")] == ["ann@new.test", "ann@old.test"]


def test_everybody_is_named_once_and_as_the_owner_names_them(space):
    put(space, sender="ada@x.test")
    put(space, sender="Ada L <ADA@x.test>")
    put(space, SENT, to="Ada Lovelace <ada@x.test>")
    put(space, sender="Countess <ada@x.test>")
    acquainting.catch_up(space)
    (found,) = correspondents.ranked(space, "ada")
    assert (found.name, found.email, found.written, found.heard) == ("Ada Lovelace", "ada@x.test", 1, 3)
    assert emails(space, "countess") == []


def test_spam_trash_and_drafts_name_nobody_and_taken_addresses_are_left_out(space):
    put(space, JUNK, sender="Adolf Spam <adolf@spam.test>")
    put(space, TRASH, sender="Adele Gone <adele@gone.test>")
    put(space, DRAFTS, to="Adam Draft <adam@draft.test>")
    put(space, sender="Ada <ada@x.test>")
    assert emails(space, "ad") == ["ada@x.test"]
    assert emails(space, "ad", without=["Ada@X.test"]) == []


def test_who_is_reported_as_spam_is_forgotten_and_comes_back_with_undo(space):
    threads = [put(space, sender="Adolf Spam <adolf@spam.test>") for _ in range(3)]
    assert emails(space, "adolf") == ["adolf@spam.test"]
    assert correspondents.knows(space, "Adolf@spam.test")
    done = mailstore.junk(space, threads, cause=CAUSE)
    assert emails(space, "adolf") == []
    assert not correspondents.knows(space, "adolf@spam.test")
    assert not CorrespondentWord.objects.filter(mailspace_id=space).exists()
    mailstore.undo(space, done.action, cause=CAUSE)
    assert emails(space, "adolf") == ["adolf@spam.test"]
    mailstore.delete(space, threads[:1], cause=CAUSE)
    acquainting.catch_up(space)
    assert correspondents.ranked(space, "adolf")[0].heard == 2


def test_what_is_filed_and_labelled_counts_once(space):
    thread = put(space, sender="Ada <ada@x.test>")
    acquainting.catch_up(space)
    mailstore.archive(space, [thread], cause=CAUSE)
    label = mailstore.create_mailbox(space, "Work", cause=CAUSE)
    mailstore.label(space, [thread], label.id, cause=CAUSE)
    acquainting.catch_up(space)
    assert correspondents.ranked(space, "ada")[0].heard == 1


def test_spam_found_before_it_was_learnt_is_taken_back_only_once(space):
    thread = put(space, sender="Adolf <adolf@spam.test>")
    put(space, sender="Adolf <adolf@spam.test>")
    mailstore.junk(space, [thread], cause=CAUSE)
    acquainting.catch_up(space)
    assert correspondents.ranked(space, "adolf")[0].heard == 1


def test_old_mail_is_learnt_in_chunks_newest_first(space):
    for number in range(25):
        put(space, sender=f"Person {number} <p{number}@x.test>")
    assert acquainting.step(space, limit=10)
    assert len(emails(space, "person", limit=50)) == 10
    assert emails(space, "p24") == ["p24@x.test"]
    put(space, sender="Newest Person <new@x.test>")
    while acquainting.step(space, limit=10):
        pass
    assert len(emails(space, "person", limit=50)) == 26
    people = Correspondent.objects.filter(mailspace_id=space)
    assert {each.heard for each in people} == {1}
    assert not acquainting.step(space, limit=10)


def test_who_types_does_not_wait_for_a_write_when_nobody_new_was_named(
    space: int, django_assert_num_queries: Any
) -> None:
    thread = put(space, sender="Ada <ada@x.test>")
    acquainting.catch_up(space)
    with django_assert_num_queries(2):
        acquainting.catch_up(space)
    mailstore.star(space, [thread], on=True, cause=CAUSE)
    with django_assert_num_queries(6) as caught:
        acquainting.catch_up(space)
    assert not [each["sql"] for each in caught if not each["sql"].startswith("SELECT")]


def test_the_sweep_looks_only_where_mail_came(space):
    other = mailstore.create_mailspace()
    put(space, sender="Ada <ada@x.test>")
    acquainting.sweep(rounds=1_000)
    assert [each.email for each in correspondents.ranked(space, "ada")] == ["ada@x.test"]
    assert acquainting.sweep(rounds=1_000) == 0
    put(other, sender="Ben <ben@x.test>")
    assert acquainting.sweep(rounds=1_000) == 1
    assert correspondents.ranked(other, "ben")


def test_nobody_of_another_mailspace_is_offered(space):
    other = mailstore.create_mailspace()
    put(other, sender="Ada <ada@x.test>")
    correspondents.keep(other, [("Ada Kept", "kept@x.test", "")], at=NOW)
    acquainting.catch_up(other)
    assert emails(space, "ada") == []
    assert not correspondents.knows(space, "ada@x.test")
    assert correspondents.acquainted(space, limit=10) == ()
    assert correspondents.about(space, ["ada@x.test"]) == {}
    correspondents.forget(space)
    assert emails(other, "ada")


def test_one_letter_from_a_stranger_makes_nobody_known(space):
    put(space, sender="Stranger <stranger@x.test>")
    for _ in range(3):
        put(space, sender="Often <often@x.test>")
    put(space, SENT, to="Friend <friend@x.test>")
    acquainting.catch_up(space)
    assert [each.email for each in correspondents.acquainted(space, limit=9)] == [
        "friend@x.test",
        "often@x.test",
    ]


def test_the_address_book_names_people_and_lets_them_go(space):
    put(space, sender="ada@x.test")
    acquainting.catch_up(space)
    correspondents.keep(space, [("Ada King", "ada@x.test", "Countess"), ("Ben", "ben@x.test", "")], at=NOW)
    assert emails(space, "countess") == emails(space, "king") == ["ada@x.test"]
    put(space, sender="Somebody <ada@x.test>")
    assert emails(space, "king") == ["ada@x.test"], "the name of the address book stays"
    assert emails(space, "countess") == ["ada@x.test"]
    correspondents.release(space, ["ada@x.test", "ben@x.test"])
    assert emails(space, "ada") == ["ada@x.test"]
    assert emails(space, "ben") == []


def test_a_word_that_everybody_has_gives_the_best_of_all(space, monkeypatch):
    people = [(f"Person {number}", f"p{number}@x.test", "") for number in range(60)]
    correspondents.keep(space, people, at=NOW)
    correspondents.seen(space, [("", "p42@x.test")], own=True, at=NOW)
    few = [each.email for each in correspondents.ranked(space, "per", limit=3)]
    monkeypatch.setattr(correspondents, "FEW", 20)
    assert [each.email for each in correspondents.ranked(space, "per", limit=3)] == few
    assert few[0] == "p42@x.test"


def test_counting_in_any_order_and_taking_back_gives_the_same():
    chance = random.Random(7)
    letters = [(chance.randrange(10**15), chance.random() < 0.3) for _ in range(60)]
    weights = [ranking.weight(at, own=own) for at, own in letters]
    total = ranking.NOTHING
    for each in weights:
        total = ranking.plus(total, each)
    again = ranking.NOTHING
    for each in chance.sample(weights, len(weights)):
        again = ranking.plus(again, each)
    assert total == pytest.approx(again)
    assert ranking.minus(ranking.plus(total, 3.0), 3.0) == pytest.approx(total)
    assert ranking.minus(weights[0], weights[0]) == ranking.NOTHING


def test_the_doctor_sees_what_does_not_fit_together_and_puts_it_right(space):
    for name in ("ada", "ben"):
        put(space, sender=f"{name.title()} Stone <{name}@stone.test>")
    assert emails(space, "stone") and correspondents.differences(space) == []
    ada, ben = Correspondent.objects.filter(mailspace_id=space).order_by("email")
    CorrespondentWord.objects.filter(correspondent_id=ada.pk, word="ada").delete()
    Correspondent.objects.filter(pk=ben.pk).update(heard=-1)
    CorrespondentWord.objects.create(mailspace_id=space, word="nobody", correspondent_id=10**9)
    said = correspondents.differences(space)
    assert len(said) == 3 and all(str(each) in " ".join(said) for each in (ada.pk, ben.pk, 10**9))
    assert (
        call("doctor", "--store") == 1 and call("doctor", "--repair") == 0 and call("doctor", "--store") == 0
    )
    assert correspondents.differences(space) == [] and emails(space, "ada") == ["ada@stone.test"]


def call(*command: str) -> int:
    try:
        call_command(*command, stdout=StringIO(), stderr=StringIO())
    except CommandError:
        return 1
    return 0


def test_what_is_known_of_a_mailspace_goes_with_it(space):
    other = mailstore.create_mailspace()
    for each in (space, other):
        put(each, sender="ada@stone.test")
        assert emails(each, "ada")
        filters.block(each, "spam@stone.test")
    assert leftovers.forget_gone() == 0
    Mailspace.objects.filter(pk=space).delete()
    assert leftovers.forget_gone() == 2  # once in each room
    assert emails(other, "ada") and filters.mailspaces() == {other} == correspondents.mailspaces()
    assert not CorrespondentWord.objects.filter(mailspace_id=space).exists()
