"""Whom the recipient field offers: people of recent mail, the ones written to first."""

import pytest

from mta.mailstore import service as mailstore
from mta.values import INBOX, JUNK, SENT, Cause
from tests.mail import mail

pytestmark = pytest.mark.django_db
CAUSE = Cause("import", "test")


@pytest.fixture
def space():
    return mailstore.create_mailspace()


def put(space, role=INBOX, **message):
    box = mailstore.mailbox_by_role(space, role).id
    mailstore.append(space, box, mail(**message), cause=CAUSE)


def emails(space, prefix, **more):
    return [each.email for each in mailstore.people(space, prefix, **more)]


def test_a_prefix_of_a_name_of_an_address_or_of_a_domain_finds_its_person(space):
    put(space, sender="Ada Lovelace <ada@analytical.test>")
    put(space, sender="Ben Okafor <okafor.b@harbour.test>")
    for prefix in ("ad", "LOVE", "analyt", "ada@ana", "ada love"):
        assert emails(space, prefix) == ["ada@analytical.test"], prefix
    assert emails(space, "okaf") == ["okafor.b@harbour.test"]
    assert emails(space, "vel") == []


def test_accents_and_case_do_not_matter(space):
    put(space, sender="=?utf-8?q?J=C3=B6rg_Wei=C3=9F?= <joerg@werk.test>")
    assert emails(space, "jorg") == ["joerg@werk.test"]
    assert emails(space, "WEISS") == ["joerg@werk.test"]


def test_whom_one_wrote_to_comes_before_who_only_wrote(space):
    for _ in range(3):
        put(space, sender="Anna News <anna@news.test>")
    put(space, SENT, sender="me@example.test", to="Anna Friend <anna@friend.test>")
    assert emails(space, "anna") == ["anna@friend.test", "anna@news.test"]


def test_everybody_is_named_once_with_the_newest_name(space):
    put(space, sender="ada@x.test", message_id="1@x")
    put(space, sender="Ada L <ADA@x.test>", message_id="2@x")
    (found,) = mailstore.people(space, "ada")
    assert (found.name, found.email) == ("Ada L", "ada@x.test")


def test_spam_names_nobody_and_taken_addresses_are_left_out(space):
    put(space, JUNK, sender="Adolf Spam <adolf@spam.test>")
    put(space, sender="Ada <ada@x.test>")
    assert emails(space, "ad") == ["ada@x.test"]
    assert emails(space, "ad", without=["Ada@X.test"]) == []


def test_nobody_of_another_mailspace_is_offered(space):
    put(mailstore.create_mailspace(), sender="Ada <ada@x.test>")
    assert emails(space, "ada") == []
