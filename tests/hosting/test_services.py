"""Tenants, domains, accounts, aliases: what each service leaves behind, and what it refuses."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from hosting import accounts, aliases, domains, pools, tenants
from hosting.errors import BadName, BadPassword, LimitReached, NameTaken, NotAllowed
from hosting.models import Account, Address, AuditEntry, Domain, DomainKey, Grant, Identity, Target, Tenant
from hosting.sealing import unseal
from tests.hosting.conftest import PASSWORD, TEST, World

pytestmark = pytest.mark.django_db


def test_a_domain_gets_two_sealed_keys(world: World) -> None:
    rows = {key.algorithm: key for key in DomainKey.objects.filter(domain=world.domain)}
    assert set(rows) == {"rsa", "ed25519"}
    for key in rows.values():
        assert b"PRIVATE KEY" not in bytes(key.sealed_private_key)
        assert unseal(key.sealed_private_key).startswith(b"-----BEGIN PRIVATE KEY-----")
        assert "p=" in key.record


def test_domain_names_are_kept_canonical(world: World) -> None:
    made = domains.add(" Bücher.Test. ", tenant=world.customer, actor=TEST)
    assert made.name == "xn--bcher-kva.test"
    with pytest.raises(NameTaken):
        domains.add("bücher.test", tenant=world.other_customer, actor=TEST)
    assert domains.find("BÜCHER.test") == made


@pytest.mark.parametrize(
    "name", ["", "localhost", "-x-.test", "a b.test", "10.0.0.1", "x" * 64 + ".test", "[1.2.3.4]", "a..b"]
)
def test_what_cannot_be_a_domain_is_said(world: World, name: str) -> None:
    with pytest.raises(BadName):
        domains.add(name, tenant=world.customer, actor=TEST)


def test_a_customers_new_domain_waits_for_its_dns(world: World) -> None:
    made = domains.add("new.test", tenant=world.customer, actor=world.actor("owner"))
    assert made.state == Domain.PENDING
    assert domains.add("more.test", tenant=world.customer, actor=world.actor("seller")).state == Domain.ACTIVE
    domains.activate(made, actor=TEST)
    assert Domain.objects.get(pk=made.pk).state == Domain.ACTIVE


def test_an_account_comes_with_mailspace_address_grant_and_identity(world: World) -> None:
    account = accounts.add(
        world.domain, "Cléo", password=PASSWORD, actor=TEST, full_name=" Cléo \n Marin ", quota_bytes=5
    )
    assert account.username == "cléo@bakery.test"
    assert account.full_name == "Cléo Marin"
    assert account.mailspace is not None
    grant = Grant.objects.get(account=account)
    assert (grant.mailspace, grant.right) == (account.mailspace, "own")
    identity = Identity.objects.get(mailspace=account.mailspace)
    assert (identity.address, identity.name, identity.is_default) == ("cléo@bakery.test", "Cléo Marin", True)
    assert Target.objects.get(address__account=account).mailspace == account.mailspace
    assert account.check_password(PASSWORD)


@pytest.mark.parametrize("local", ["", "a b", "a+b", ".a", "a..b", "a@b", '"x"', "ä" * 40, "a\x00", "a\r\nb"])
def test_what_cannot_stand_before_the_at_is_said(world: World, local: str) -> None:
    with pytest.raises(BadName):
        accounts.add(world.domain, local, password=PASSWORD, actor=TEST)


def test_an_address_is_given_out_once(world: World) -> None:
    with pytest.raises(NameTaken):
        accounts.add(world.domain, "ANN", password=PASSWORD, actor=TEST)
    aliases.add(world.domain, "sales", targets=["ann@bakery.test"], actor=TEST)
    with pytest.raises(NameTaken):
        accounts.add(world.domain, "sales", password=PASSWORD, actor=TEST)
    with pytest.raises(NameTaken):
        aliases.add(world.domain, "ann", targets=["x@y.test"], actor=TEST)


@pytest.mark.parametrize("password", ["", "short", "password123", "dora@bakery.test", "x" * 2000])
def test_weak_passwords_are_refused(world: World, password: str) -> None:
    with pytest.raises(BadPassword):
        accounts.add(world.domain, "dora", password=password, actor=TEST)
    assert not Account.objects.filter(username="dora@bakery.test").exists()


def test_the_demo_password_is_refused_beyond_loopback(world: World, settings: object) -> None:
    accounts.add(world.domain, "dora", password="mailstead-demo", actor=TEST)
    settings.IMAP_LISTEN = [("0.0.0.0", 143)]  # type: ignore[attr-defined]
    with pytest.raises(BadPassword):
        accounts.add(world.domain, "emil", password="mailstead-demo", actor=TEST)


def test_suspending_a_tenant_shuts_the_branch_and_resuming_opens_it(world: World) -> None:
    tenants.suspend(world.customer, actor=TEST)
    tenants.suspend(world.reseller, actor=world.actor("admin"))
    assert set(Tenant.objects.filter(is_open=True).values_list("name", flat=True)) == {
        "Host",
        "South",
        "Garage",
    }
    tenants.resume(world.reseller, actor=world.actor("admin"))
    world.customer.refresh_from_db()
    assert not world.customer.is_open  # suspended by itself as well
    tenants.resume(world.customer, actor=TEST)
    assert Tenant.objects.filter(is_open=False).count() == 0
    with pytest.raises(NotAllowed):
        accounts.suspend(world.owner, actor=world.actor("owner"))


def test_nested_pools_bind_all_below(world: World) -> None:
    tenants.set_limits(world.reseller, max_domains=0, max_accounts=0, max_quota_bytes=1000, actor=TEST)
    accounts.set_quota(world.ann, 600, actor=TEST)
    with pytest.raises(LimitReached, match="North"):
        accounts.add(world.domain, "fay", password=PASSWORD, actor=TEST, quota_bytes=500)
    with pytest.raises(LimitReached):
        accounts.set_quota(world.ann, 0, actor=TEST)  # no limit would overdraw any pool
    accounts.add(world.domain, "fay", password=PASSWORD, actor=TEST, quota_bytes=400)
    held = pools.pool(world.reseller)
    assert (held.quota_bytes, held.accounts, held.domains) == (1000, 3, 1)


def test_customers_have_no_customers(world: World) -> None:
    with pytest.raises(BadName):
        tenants.add(parent=world.customer, kind="customer", name="Sub", actor=TEST)
    with pytest.raises(NameTaken):
        tenants.add(parent=world.reseller, kind="customer", name="bakery", actor=TEST)


def test_an_alias_of_one_account_is_also_an_identity(world: World) -> None:
    alias = aliases.add(world.domain, "info", targets=["ann@bakery.test"], actor=TEST)
    assert Identity.objects.filter(mailspace=world.ann.mailspace, address="info@bakery.test").exists()
    aliases.set_targets(alias, targets=["ann@bakery.test", "Bob@Elsewhere.test"], actor=TEST)
    assert aliases.targets_of(alias) == ("ann@bakery.test", "bob@elsewhere.test")
    assert not Identity.objects.filter(address="info@bakery.test").exists()
    aliases.remove(alias, actor=TEST)
    assert not Address.objects.filter(local_part="info").exists()


def test_an_account_address_is_no_alias(world: World) -> None:
    own = Address.objects.get(account=world.ann)
    with pytest.raises(NotAllowed):
        aliases.remove(own, actor=TEST)


@pytest.mark.parametrize("targets", [[], ["nobody"], ["a@b@c"], ["x@y.test\r\nBcc: z@y.test"]])
def test_bad_targets_are_said(world: World, targets: list[str]) -> None:
    with pytest.raises(BadName):
        aliases.add(world.domain, "info", targets=targets, actor=TEST)


def test_the_audit_record_holds_no_secret(world: World) -> None:
    accounts.set_password(world.ann, "a brand new secret", actor=TEST)
    entry = AuditEntry.objects.filter(verb="account.password").latest("id")
    assert (entry.before, entry.after, entry.object_name) == ({}, {}, "ann@bakery.test")


@pytest.mark.django_db(transaction=True)
def test_two_administrators_cannot_both_take_the_last_place(world: World) -> None:
    tenants.set_limits(world.customer, max_domains=2, max_accounts=0, max_quota_bytes=0, actor=TEST)
    outcomes: list[str] = []
    gate = threading.Barrier(4)

    def add(number: int) -> None:
        gate.wait()
        try:
            domains.add(f"race{number}.test", tenant=world.customer, actor=TEST)
            outcomes.append("added")
        except LimitReached:
            outcomes.append("full")
        finally:
            connection.close()

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["added", "full", "full", "full"]


def test_an_account_below_a_pool_of_storage_has_a_quota_without_asking(world: World) -> None:
    tenants.set_limits(
        world.reseller, max_domains=0, max_accounts=0, max_quota_bytes=10 * 1024**3, actor=TEST
    )
    assert accounts.add(world.domain, "gil", password=PASSWORD, actor=TEST).quota_bytes == 1024**3
