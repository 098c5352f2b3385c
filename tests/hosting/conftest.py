"""A small world: a provider, two resellers, a customer each, a domain each, and people with roles."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hosting import accounts, domains, keys, tenants
from hosting.actor import Actor, system
from hosting.models import Account, Domain, Role, Tenant

PASSWORD = "correct horse battery"
TEST = system("test")


@pytest.fixture(scope="session")
def key_pair() -> tuple[keys.NewKey, keys.NewKey]:
    """Made once: RSA keys take a while."""
    return keys.make_pair()


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "django_db" in request.keywords or "db" in request.fixturenames:
        pair = request.getfixturevalue("key_pair")
        monkeypatch.setattr(keys, "make_pair", lambda *, now=None: pair)


@dataclass
class World:
    provider: Tenant
    reseller: Tenant
    customer: Tenant
    other_reseller: Tenant
    other_customer: Tenant
    domain: Domain
    other_domain: Domain
    provider_domain: Domain
    admin: Account
    seller: Account
    other_seller: Account
    owner: Account
    postmaster: Account
    support: Account
    billing: Account
    reader: Account
    ann: Account
    eve: Account

    def actor(self, name: str) -> Actor:
        return Actor(Account.objects.with_standing().get(pk=getattr(self, name).pk), "panel", "192.0.2.1")


@pytest.fixture
def world(db: None) -> World:
    provider = tenants.add_provider(name="Host", actor=TEST)
    reseller = tenants.add(parent=provider, kind="reseller", name="North", actor=TEST)
    customer = tenants.add(parent=reseller, kind="customer", name="Bakery", actor=TEST)
    other_reseller = tenants.add(parent=provider, kind="reseller", name="South", actor=TEST)
    other_customer = tenants.add(parent=other_reseller, kind="customer", name="Garage", actor=TEST)
    domain = domains.add("bakery.test", tenant=customer, actor=TEST)
    other_domain = domains.add("garage.test", tenant=other_customer, actor=TEST)
    provider_domain = domains.add("host.test", tenant=provider, actor=TEST)

    def account(at: Domain, local: str) -> Account:
        return accounts.add(at, local, password=PASSWORD, actor=TEST, full_name=local.title())

    def staff(name: str, tenant: Tenant, kind: str) -> Account:
        return accounts.add_staff(name, tenant=tenant, kind=kind, password=PASSWORD, actor=TEST)

    admin = account(provider_domain, "admin")
    accounts.give_role(admin, provider, kind=Role.OWNER, actor=TEST)
    postmaster = account(domain, "pia")
    accounts.give_role(postmaster, domain, kind=Role.ADMINISTRATOR, actor=TEST)
    return World(
        provider=provider,
        reseller=reseller,
        customer=customer,
        other_reseller=other_reseller,
        other_customer=other_customer,
        domain=domain,
        other_domain=other_domain,
        provider_domain=provider_domain,
        admin=admin,
        seller=staff("seller", reseller, Role.OWNER),
        other_seller=staff("other", other_reseller, Role.OWNER),
        owner=staff("owner", customer, Role.OWNER),
        postmaster=postmaster,
        support=staff("support", reseller, Role.SUPPORT),
        billing=staff("billing", reseller, Role.BILLING),
        reader=staff("reader", reseller, Role.READONLY),
        ann=account(domain, "ann"),
        eve=account(other_domain, "eve"),
    )
