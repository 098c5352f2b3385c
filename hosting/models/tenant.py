"""The tree of tenants: provider → reseller → customer, what each may use, and the plans they offer.

`Lineage` is the tree's closure: one row for each tenant and each of its ancestors, itself included, so
that "everything below me" is one join on both databases.
"""

from __future__ import annotations

from django.db import models


class Plan(models.Model):
    """What a tenant sells: limits under a name. A limit of 0 means none."""

    tenant = models.ForeignKey("hosting.Tenant", on_delete=models.CASCADE, related_name="plans")
    name = models.CharField(max_length=100)
    max_domains = models.PositiveIntegerField(default=0)
    max_accounts = models.PositiveIntegerField(default=0)
    max_quota_bytes = models.BigIntegerField(default=0)
    account_quota_bytes = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="plan_name")]

    def __str__(self) -> str:
        return self.name


class Tenant(models.Model):
    """A provider (the root), a reseller (may be nested) or a customer. Its limits bind all below it.

    `is_open` is false while it or any tenant above it is suspended; `tenants` keeps it, so that hot
    queries need one join and no walk up the tree.
    """

    PROVIDER, RESELLER, CUSTOMER = "provider", "reseller", "customer"
    KINDS = [(PROVIDER, "provider"), (RESELLER, "reseller"), (CUSTOMER, "customer")]
    ACTIVE, SUSPENDED = "active", "suspended"
    STATES = [(ACTIVE, "active"), (SUSPENDED, "suspended")]

    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    kind = models.CharField(max_length=10, choices=KINDS)
    name = models.CharField(max_length=200)
    reference = models.CharField(max_length=100, blank=True, default="")  # the customer number elsewhere
    state = models.CharField(max_length=10, choices=STATES, default=ACTIVE)
    is_open = models.BooleanField(default=True)
    plan = models.ForeignKey(Plan, null=True, on_delete=models.SET_NULL, related_name="tenants")
    max_domains = models.PositiveIntegerField(default=0)  # 0: what the plan says, else no limit
    max_accounts = models.PositiveIntegerField(default=0)
    max_quota_bytes = models.BigIntegerField(default=0)  # of *allocated* quota
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            # One provider: the root of the tree is the installation itself.
            models.UniqueConstraint(
                fields=["kind"], condition=models.Q(kind="provider"), name="tenant_one_provider"
            ),
            models.CheckConstraint(
                condition=models.Q(kind="provider", parent__isnull=True)
                | (~models.Q(kind="provider") & models.Q(parent__isnull=False)),
                name="tenant_root_is_provider",
            ),
        ]
        indexes = [models.Index(fields=["parent", "name", "id"], name="tenant_parent_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_suspended(self) -> bool:
        """By itself; `is_open` also knows of those above."""
        return self.state == self.SUSPENDED


class Lineage(models.Model):
    """`below` is `distance` steps under `above`; every tenant is above itself at distance 0."""

    above = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="descents")
    below = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="ascents")
    distance = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["above", "below"], name="lineage_pair")]

    def __str__(self) -> str:
        return f"{self.above_id} > {self.below_id}"
