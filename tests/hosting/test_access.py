"""Who sees what, and who may do what: the table, the tree, and nobody above themselves."""

from __future__ import annotations

import pytest

from hosting import access, accounts, aliases, domains, tenants
from hosting.errors import LimitReached, NotAllowed, NotFound
from hosting.models import AuditEntry, Role
from tests.hosting.conftest import PASSWORD, World

pytestmark = pytest.mark.django_db


def names(queryset: object) -> set[str]:
    return {getattr(row, "username", None) or str(row) for row in queryset}  # type: ignore[attr-defined]


def test_everybody_sees_their_own_part_of_the_tree(world: World) -> None:
    seen = {who: names(access.domains_for(world.actor(who))) for who in ("admin", "seller", "owner", "eve")}
    assert seen == {
        "admin": {"bakery.test", "garage.test", "host.test"},
        "seller": {"bakery.test"},
        "owner": {"bakery.test"},
        "eve": set(),
    }
    assert names(access.tenants_for(world.actor("seller"))) == {"North", "Bakery"}
    assert names(access.tenants_for(world.actor("postmaster"))) == set()
    assert names(access.accounts_for(world.actor("postmaster"))) == {"pia@bakery.test", "ann@bakery.test"}
    assert "seller" in names(access.accounts_for(world.actor("seller")))
    assert names(access.addresses_for(world.actor("other_seller"))) == {"eve@garage.test"}


@pytest.mark.parametrize(
    ("who", "action", "granted"),
    [
        ("seller", access.DOMAIN_ADD, True),
        ("owner", access.TENANT_EDIT, True),
        ("support", access.ACCOUNT_PASSWORD, True),
        ("support", access.DOMAIN_ADD, False),
        ("billing", access.TENANT_SUSPEND, True),
        ("billing", access.ACCOUNT_ADD, False),
        ("reader", access.VIEW, True),
        ("reader", access.ACCOUNT_EDIT, False),
        ("postmaster", access.VIEW, False),
        ("other_seller", access.VIEW, False),
        ("ann", access.VIEW, False),
    ],
)
def test_the_table_of_permissions(world: World, who: str, action: str, granted: bool) -> None:
    assert access.may(world.actor(who), action, world.customer) is granted


def test_a_foreign_object_does_not_exist_and_a_seen_one_is_refused(world: World) -> None:
    with pytest.raises(NotFound):
        domains.suspend(world.domain, actor=world.actor("other_seller"))
    with pytest.raises(NotAllowed):
        domains.suspend(world.domain, actor=world.actor("reader"))
    with pytest.raises(NotFound):
        accounts.add(world.other_domain, "spy", password=PASSWORD, actor=world.actor("seller"))
    with pytest.raises(NotFound):
        aliases.add(world.other_domain, "spy", targets=["x@y.test"], actor=world.actor("seller"))


def test_nobody_changes_an_account_that_may_do_more(world: World) -> None:
    """A domain's administrator who could set the provider's password would be the provider."""
    insider = accounts.add(world.provider_domain, "ina", password=PASSWORD, actor=world.actor("admin"))
    accounts.give_role(insider, world.provider_domain, kind=Role.ADMINISTRATOR, actor=world.actor("admin"))
    world.postmaster = insider
    with pytest.raises(NotAllowed):
        accounts.set_password(world.admin, "another good one", actor=world.actor("postmaster"))
    with pytest.raises(NotAllowed):
        accounts.suspend(world.owner, actor=world.actor("support"))
    accounts.suspend(world.ann, actor=world.actor("support"))


def test_limits_come_from_above(world: World) -> None:
    with pytest.raises(NotFound):
        tenants.set_limits(
            world.reseller, max_domains=99, max_accounts=0, max_quota_bytes=0, actor=world.actor("seller")
        )
    tenants.set_limits(
        world.customer, max_domains=1, max_accounts=0, max_quota_bytes=0, actor=world.actor("seller")
    )
    with pytest.raises(LimitReached, match="Bakery"):
        domains.add("cake.test", tenant=world.customer, actor=world.actor("seller"))


def test_a_role_may_be_given_by_owners_only(world: World) -> None:
    with pytest.raises(NotAllowed):
        accounts.give_role(world.ann, world.customer, kind=Role.OWNER, actor=world.actor("support"))
    accounts.give_role(world.ann, world.customer, kind=Role.READONLY, actor=world.actor("owner"))
    assert names(access.domains_for(world.actor("ann"))) == {"bakery.test"}


def test_each_tenant_reads_its_own_cut_of_the_audit_record(world: World) -> None:
    AuditEntry.objects.all().delete()
    accounts.suspend(world.ann, actor=world.actor("seller"), reason="unpaid")
    accounts.suspend(world.eve, actor=world.actor("other_seller"))
    (entry,) = access.audit_for(world.actor("owner"))
    assert (entry.verb, entry.actor_name, entry.ip, entry.reason) == (
        "account.suspend",
        "seller",
        "192.0.2.1",
        "unpaid",
    )
    assert (entry.before["state"], entry.after["state"]) == ("active", "suspended")
    assert access.audit_for(world.actor("admin")).count() == 2
    assert not access.audit_for(world.actor("billing")).exists()


def test_the_lists_take_a_constant_number_of_queries(world: World, django_assert_num_queries: object) -> None:
    actor = world.actor("seller")
    access.standing(actor.account)  # type: ignore[arg-type]
    with django_assert_num_queries(1):  # type: ignore[operator]
        list(access.accounts_for(actor))
