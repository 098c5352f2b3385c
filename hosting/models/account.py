"""The login, what it may open (grants) and what it may administer (roles), and one-time set-up links.

An account is a person who signs in. Mail belongs to mailspaces, which `mta` keeps; a `Grant` names one
by its id, so a shared mailbox is a mailspace with several grants and not a fake user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from hosting.models.domain import Domain
    from hosting.models.tenant import Tenant


class Accounts(BaseUserManager["Account"]):
    """Looking up by sign-in name. Accounts are made by `hosting.accounts`, nowhere else."""

    def with_standing(self) -> models.QuerySet[Account]:
        """Accounts with what decides whether they may sign in, in one query."""
        return self.select_related("tenant", "domain")


class Account(AbstractBaseUser):
    """Who signs in. `username` is one unique lower-case column: an address here, or a plain name."""

    ACTIVE, SUSPENDED = "active", "suspended"
    STATES = [(ACTIVE, "active"), (SUSPENDED, "suspended")]

    username = models.CharField(max_length=320, unique=True)
    tenant: models.ForeignKey[Tenant] = models.ForeignKey(
        "hosting.Tenant", on_delete=models.PROTECT, related_name="accounts"
    )
    domain: models.ForeignKey[Domain | None] = models.ForeignKey(
        "hosting.Domain", null=True, on_delete=models.PROTECT, related_name="accounts"
    )  # null: staff without an address here
    full_name = models.CharField(max_length=200, blank=True, default="")
    state = models.CharField(max_length=10, choices=STATES, default=ACTIVE)
    receives = models.BooleanField(default=True)  # false: senders are told to try again later
    mailspace = models.BigIntegerField(null=True, unique=True)  # its own, if it has one
    quota_bytes = models.BigIntegerField(default=0)  # 0: no limit of its own
    recovery_address = models.CharField(max_length=320, blank=True, default="")  # elsewhere; canonical
    language = models.CharField(max_length=10, blank=True, default="")
    time_zone = models.CharField(max_length=64, blank=True, default="")
    preferences = models.JSONField(default=dict)
    # Over POP3 (mta.directory.MaildropOptions)
    pop3_erases = models.BooleanField(default=False)
    pop3_marks_read = models.BooleanField(default=False)
    pop3_newest = models.PositiveIntegerField(default=0)  # 0: all
    created_at = models.DateTimeField(auto_now_add=True)
    password_changed_at = models.DateTimeField(null=True)

    objects: ClassVar[Accounts] = Accounts()  # type: ignore[assignment]

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "username"], name="account_tenant"),
            models.Index(fields=["domain", "username"], name="account_domain"),
        ]

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """May sign in: itself, its tenant with all above, and its domain are in force."""
        return (
            self.state == self.ACTIVE
            and self.tenant.is_open
            and (self.domain is None or self.domain.state == "active")
        )

    @property
    def is_suspended(self) -> bool:
        """By itself; `is_active` also knows of its domain and the tenants above."""
        return self.state == self.SUSPENDED

    def get_full_name(self) -> str:
        return self.full_name or self.username

    def get_short_name(self) -> str:
        return self.full_name.split(" ")[0] if self.full_name else self.username.split("@")[0]


class Grant(models.Model):
    """A mailspace an account may open, and how. Own implies every other right."""

    OWN, READ, ORGANISE, SEND_AS, SEND_ON_BEHALF = "own", "read", "organise", "send_as", "send_on_behalf"
    RIGHTS = [(right, right) for right in (OWN, READ, ORGANISE, SEND_AS, SEND_ON_BEHALF)]

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="grants")
    mailspace = models.BigIntegerField()
    right = models.CharField(max_length=14, choices=RIGHTS)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "mailspace", "right"], name="grant_once"),
        ]
        indexes = [models.Index(fields=["mailspace", "right"], name="grant_mailspace")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.right} {self.mailspace}"


class Role(models.Model):
    """What an account administers: one tenant with all below it, or one domain."""

    OWNER, ADMINISTRATOR, SUPPORT, BILLING, READONLY = (
        "owner",
        "administrator",
        "support",
        "billing",
        "readonly",
    )
    KINDS = [(kind, kind) for kind in (OWNER, ADMINISTRATOR, SUPPORT, BILLING, READONLY)]

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="roles")
    tenant = models.ForeignKey("hosting.Tenant", null=True, on_delete=models.CASCADE, related_name="roles")
    domain = models.ForeignKey("hosting.Domain", null=True, on_delete=models.CASCADE, related_name="roles")
    kind = models.CharField(max_length=13, choices=KINDS)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(tenant__isnull=False, domain__isnull=True)
                | Q(tenant__isnull=True, domain__isnull=False),
                name="role_of_one_thing",
            ),
            models.UniqueConstraint(
                fields=["account", "tenant"], condition=Q(tenant__isnull=False), name="role_tenant"
            ),
            models.UniqueConstraint(
                fields=["account", "domain"], condition=Q(domain__isnull=False), name="role_domain"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.kind}"


class SetupLink(models.Model):
    """A one-time link. Only the digest of its token is kept; `used_at` ends it."""

    digest = models.CharField(max_length=64, unique=True)
    purpose = models.CharField(max_length=20, default="setup")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.purpose} {self.created_at:%Y-%m-%d}"
