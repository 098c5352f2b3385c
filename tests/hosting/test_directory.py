"""The port as mail sees it: recipients, sign-in, send-as, keys."""

from __future__ import annotations

import time

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hosting import accounts, aliases, domains, signing_in, tenants
from hosting.directory import Directory
from hosting.models import Account, Address, Domain, Grant, Role
from mta import directory as port
from mta.directory import LocalTarget, RemoteTarget, Resolution
from tests.hosting.conftest import PASSWORD, TEST, World

pytestmark = pytest.mark.django_db
directory = Directory()


def sign_in(name: str, password: str = PASSWORD) -> port.Login | None:
    return directory.sign_in(name, password, protocol="imap", peer="192.0.2.7")


def test_settings_name_it() -> None:
    assert isinstance(port.current(), Directory)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("ann@bakery.test", "ours"),
        ("ANN@Bakery.TEST", "ours"),
        ("ann+shop@bakery.test", "ours"),
        ("nobody@bakery.test", "unknown"),
        ("+x@bakery.test", "unknown"),
        ("ann@elsewhere.test", "elsewhere"),
        ("not an address", "elsewhere"),
        ("a\x00b@bakery.test", "elsewhere"),
        ("a\ud800@bakery.test", "elsewhere"),
        ("", "elsewhere"),
    ],
)
def test_what_a_recipient_means(world: World, address: str, kind: str) -> None:
    assert directory.resolve(address).kind == kind


def test_a_target_keeps_the_address_as_written(world: World) -> None:
    found = directory.resolve("Ann+Shop@bakery.test")
    assert found.targets == (LocalTarget(world.ann.mailspace or 0, "Ann+Shop@bakery.test"),)


def test_resolving_takes_one_query(world: World) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        directory.resolve("ann@bakery.test")
    assert len(queries) == 1


def test_aliases_lead_here_and_outside_and_never_twice_to_one(world: World) -> None:
    aliases.add(world.domain, "team", targets=["ann@bakery.test", "x@far.test"], actor=TEST)
    aliases.add(world.domain, "all", targets=["team@bakery.test", "ann@bakery.test"], actor=TEST)
    assert set(directory.resolve("all@bakery.test").targets) == {
        LocalTarget(world.ann.mailspace or 0, "all@bakery.test"),
        RemoteTarget("x@far.test"),
    }


def test_aliases_in_a_circle_end(world: World) -> None:
    aliases.add(world.domain, "a", targets=["b@bakery.test"], actor=TEST)
    aliases.add(world.domain, "b", targets=["a@bakery.test"], actor=TEST)
    assert directory.resolve("a@bakery.test") == Resolution("unknown")


def test_the_catch_all_takes_what_has_no_name(world: World) -> None:
    domains.set_catch_all(world.domain, Address.objects.get(account=world.ann), actor=TEST)
    assert directory.resolve("nobody@bakery.test").targets == (
        LocalTarget(world.ann.mailspace or 0, "nobody@bakery.test"),
    )
    domains.set_catch_all(world.domain, None, actor=TEST)
    assert directory.resolve("nobody@bakery.test").kind == "unknown"


def test_postmaster_and_abuse_reach_who_answers_for_the_domain(world: World) -> None:
    def at(address: str) -> list[int]:
        return [each.mailspace for each in directory.resolve(address).targets]  # type: ignore[union-attr]

    assert at("postmaster@bakery.test") == at("abuse@bakery.test") == [world.postmaster.mailspace]
    # nobody with mail at Garage or South: the provider's owner
    assert at("postmaster@garage.test") == [world.admin.mailspace]
    assert at("Postmaster") == [world.admin.mailspace]
    aliases.add(world.domain, "abuse", targets=["ann@bakery.test"], actor=TEST)
    assert at("abuse@bakery.test") == [world.ann.mailspace]


def test_suspension_keeps_mail_arriving_unless_told_otherwise(world: World) -> None:
    accounts.suspend(world.ann, actor=TEST)
    assert directory.resolve("ann@bakery.test").kind == "ours"
    accounts.suspend(world.ann, actor=TEST, keep_mail=False)
    assert directory.resolve("ann@bakery.test") == Resolution("suspended")
    accounts.resume(world.ann, actor=TEST)
    domains.suspend(world.domain, actor=TEST, keep_mail=False)
    assert directory.resolve("ann@bakery.test") == Resolution("suspended")
    assert directory.is_local_domain("bakery.test")


def test_a_pending_domain_is_not_ours_yet(world: World) -> None:
    Domain.objects.filter(pk=world.domain.pk).update(state="pending")
    assert directory.resolve("ann@bakery.test").kind == "elsewhere"
    assert not directory.is_local_domain("bakery.test")


def test_signing_in_gives_the_own_mailspace_first(world: World) -> None:
    login = sign_in("  ANN@Bakery.test ")
    assert login is not None
    assert (login.account, login.username) == (world.ann.pk, "ann@bakery.test")
    assert [(a.mailspace, a.address, a.rights) for a in login.access] == [
        (world.ann.mailspace, "ann@bakery.test", "own")
    ]


def test_a_sign_in_says_how_the_inbox_behaves_over_pop3(world: World) -> None:
    assert sign_in("ann@bakery.test").maildrop == port.MaildropOptions()  # type: ignore[union-attr]
    wanted = port.MaildropOptions(erases=True, marks_read=True, newest=100)
    accounts.set_maildrop(world.ann, wanted, actor=TEST)
    assert sign_in("ann@bakery.test").maildrop == wanted  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ann@bakery.test", "wrong wrong wrong"),
        ("ann@bakery.test", ""),
        ("ann@bakery.test", "x" * 5000),
        ("nobody@bakery.test", PASSWORD),
        ("ann", PASSWORD),
        ("", PASSWORD),
        ("a\x00b@bakery.test", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
        ("seller", PASSWORD),  # staff without mail: nothing for a mail program to open
    ],
)
def test_a_sign_in_that_is_refused(world: World, name: str, password: str) -> None:
    assert sign_in(name, password) is None


def test_suspension_at_any_height_ends_signing_in_at_once(world: World) -> None:
    assert sign_in("ann@bakery.test")  # remembered from here on
    accounts.suspend(world.ann, actor=TEST)
    assert sign_in("ann@bakery.test") is None
    accounts.resume(world.ann, actor=TEST)
    domains.suspend(world.domain, actor=TEST)
    assert sign_in("ann@bakery.test") is None
    domains.resume(world.domain, actor=TEST)
    tenants.suspend(world.reseller, actor=TEST)
    assert sign_in("ann@bakery.test") is None
    tenants.resume(world.reseller, actor=TEST)
    assert sign_in("ann@bakery.test")


def test_a_repeated_sign_in_does_not_hash_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    real = signing_in.check_password
    monkeypatch.setattr(
        signing_in, "check_password", lambda *a, **k: (compared.append("hashed"), real(*a, **k))[1]
    )
    assert sign_in("ann@bakery.test") and sign_in("ann@bakery.test")
    assert compared == ["hashed"]
    accounts.set_password(world.ann, "another good one", actor=TEST)
    assert sign_in("ann@bakery.test") is None
    assert sign_in("ann@bakery.test", "another good one")
    assert sign_in("ann@bakery.test", "wrong wrong wrong") is None


def test_what_is_remembered_is_bounded_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = signing_in.Remembered(most=2, seconds=100)
    people = [Account(username=f"{name}@x.test", password="hash") for name in "abc"]
    for person in people:
        kept.add(person, "pw")
    assert [kept.knows(person, "pw") for person in people] == [False, True, True]
    now = time.monotonic()
    monkeypatch.setattr(signing_in.time, "monotonic", lambda: now + 101)
    assert not kept.knows(people[2], "pw")


def test_an_older_hash_is_renewed_at_the_first_good_sign_in(world: World) -> None:
    old = PBKDF2PasswordHasher().encode(PASSWORD, "salt", 1000)
    Account.objects.filter(pk=world.ann.pk).update(password=old)
    assert sign_in("ann@bakery.test")
    assert Account.objects.get(pk=world.ann.pk).password != old
    assert sign_in("ann@bakery.test")


def test_you_may_only_send_as_yourself(world: World) -> None:
    aliases.add(world.domain, "sales", targets=["ann@bakery.test"], actor=TEST)
    aliases.add(world.domain, "team", targets=["ann@bakery.test", "pia@bakery.test"], actor=TEST)
    allowed = {
        address: directory.may_send_as(world.ann.pk, address)
        for address in (
            "ann@bakery.test",
            "Ann@BAKERY.test",
            "ann+list@bakery.test",
            "sales@bakery.test",
            "team@bakery.test",
            "pia@bakery.test",
            "ann@garage.test",
            "",
        )
    }
    assert list(allowed.values()) == [True, True, True, True, False, False, False, False]
    assert directory.identity_name(world.ann.pk, "ann@bakery.test") == "Ann"
    assert directory.owner(world.ann.mailspace or 0) == "ann@bakery.test"
    space = world.ann.mailspace or 0
    for address in ("ann@bakery.test", "Ann+shop@bakery.test", "team@bakery.test"):
        assert directory.sender_name(space, address) == "Ann"
    assert directory.sender_name(10**9, "ann@bakery.test") == directory.sender_name(space, "none") == ""


def test_signing_keys_are_the_domains_own(world: World) -> None:
    found = directory.signing_keys("Bakery.test")
    assert [key.selector[0] for key in found] == ["r", "e"]
    assert all(key.private_key.startswith(b"-----BEGIN PRIVATE KEY-----") for key in found)
    assert directory.signing_keys("elsewhere.test") == ()


def test_an_administrator_without_mail_is_passed_over(world: World) -> None:
    accounts.give_role(world.owner, world.domain, kind=Role.OWNER, actor=TEST)
    assert [t.mailspace for t in directory.resolve("postmaster@bakery.test").targets] == [  # type: ignore[union-attr]
        world.postmaster.mailspace
    ]


def test_a_mailspace_may_send_while_an_account_behind_it_may(world: World) -> None:
    space = world.ann.mailspace or 0
    Grant.objects.create(account=world.postmaster, mailspace=space, right=Grant.READ)
    assert directory.may_send(space, "ann@bakery.test") and not directory.may_send(space, "pia@bakery.test")
    accounts.suspend(world.ann, actor=TEST)
    assert not directory.may_send(space, "ann@bakery.test")  # who may only read does not count
    grant = Grant.objects.create(account=world.postmaster, mailspace=space, right=Grant.SEND_AS)
    assert directory.may_send(space, "ann@bakery.test")
    grant.delete()
    accounts.resume(Account.objects.get(pk=world.ann.pk), actor=TEST)
    assert directory.may_send(space, "ann@bakery.test")
    tenants.suspend(world.reseller, actor=TEST)
    assert not directory.may_send(space, "ann@bakery.test")
