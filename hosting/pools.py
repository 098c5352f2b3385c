"""Pools: how many domains and accounts, and how much *allocated* quota, a tenant and all below it may hold.

A change that takes from a pool runs inside `drawing(tenant)`, which locks the tenant and every tenant
above it from the root down, so that two administrators cannot both take the last place. Deliveries
never come here: they count bytes used, not bytes promised.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Sum
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from hosting.errors import LimitReached
from hosting.models import Account, Domain, Lineage, Tenant


@dataclass(frozen=True, slots=True)
class Pool:
    """What a tenant may hold (0: no limit) and holds, with everything below it."""

    max_domains: int
    max_accounts: int
    max_quota_bytes: int
    domains: int
    accounts: int
    quota_bytes: int


def limits(tenant: Tenant) -> tuple[int, int, int]:
    """(domains, accounts, quota bytes): the tenant's own numbers, else its plan's, else 0."""
    plan = tenant.plan
    return (
        tenant.max_domains or (plan.max_domains if plan else 0),
        tenant.max_accounts or (plan.max_accounts if plan else 0),
        tenant.max_quota_bytes or (plan.max_quota_bytes if plan else 0),
    )


def pool(tenant: Tenant) -> Pool:
    below = Lineage.objects.filter(above=tenant).values("below_id")
    accounts = Account.objects.filter(tenant_id__in=below, mailspace__isnull=False)
    return Pool(
        *limits(tenant),
        domains=Domain.objects.filter(tenant_id__in=below).count(),
        accounts=accounts.count(),
        quota_bytes=accounts.aggregate(all=Sum("quota_bytes"))["all"] or 0,
    )


@contextmanager
def drawing(tenant_id: int) -> Iterator[list[Tenant]]:
    """One transaction with the tenant and all above it locked; yields them from the root down."""
    with transaction.atomic():
        above = list(
            Lineage.objects.filter(below_id=tenant_id)
            .order_by("-distance")
            .values_list("above_id", flat=True)
        )
        # Locked one by one from the root: every change takes them in this order, so none can deadlock.
        yield [
            Tenant.objects.select_for_update(of=("self",)).select_related("plan").get(pk=each)
            for each in above
        ]


def check(chain: list[Tenant], *, domains: int = 0, accounts: int = 0, quota_bytes: int | None = 0) -> None:
    """Raise LimitReached if taking this much more would overdraw any pool of the (locked) chain.

    `quota_bytes` is the growth of allocated quota; `None` stands for an account without a quota of its
    own, which a tenant with a storage pool cannot give out.
    """
    for tenant in chain:
        if not any(limits(tenant)):
            continue
        now = pool(tenant)
        if domains and now.max_domains and now.domains + domains > now.max_domains:
            raise LimitReached(
                _("%(tenant)s may have %(most)d domains and has them all.")
                % {"tenant": tenant.name, "most": now.max_domains},
                field="name",
            )
        if accounts and now.max_accounts and now.accounts + accounts > now.max_accounts:
            raise LimitReached(
                _("%(tenant)s may have %(most)d accounts and has them all.")
                % {"tenant": tenant.name, "most": now.max_accounts},
                field="local_part",
            )
        _check_quota(tenant, now, quota_bytes)


def _check_quota(tenant: Tenant, now: Pool, quota_bytes: int | None) -> None:
    if not now.max_quota_bytes:
        return
    if quota_bytes is None:
        raise LimitReached(
            _("Storage of %(tenant)s is limited, so each account needs a quota.") % {"tenant": tenant.name},
            field="quota",
        )
    if quota_bytes > 0 and now.quota_bytes + quota_bytes > now.max_quota_bytes:
        left = max(0, now.max_quota_bytes - now.quota_bytes)
        raise LimitReached(
            _("%(tenant)s has %(left)s of storage left to give.")
            % {"tenant": tenant.name, "left": _shown(left)},
            field="quota",
        )


def _shown(size: int) -> str:
    """`10 GB`, `1.5 GB`, `500 MB`: never more than there is."""
    if size < 1024**3:
        return f"{size // 1024**2} MB"
    tenths = size * 10 // 1024**3
    return f"{number_format(tenths / 10, 1 if tenths % 10 else 0)} GB"
