"""Addresses that take mail here, where each leads, and the addresses a mailspace may write from.

Accounts, aliases, distribution lists and masked addresses share one table, so that no address can be given out twice.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Address(models.Model):
    """`local_part@domain`, canonical. `account` is set when it is that account's main address."""

    domain = models.ForeignKey("hosting.Domain", on_delete=models.CASCADE, related_name="addresses")
    local_part = models.CharField(max_length=128)
    account = models.OneToOneField(
        "hosting.Account", null=True, on_delete=models.CASCADE, related_name="main_address"
    )
    closed = models.BooleanField(
        default=False
    )  # refused as if nobody had it; not even the catch-all takes it
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["domain", "local_part"], name="address_once")]

    def __str__(self) -> str:
        return f"{self.local_part}@{self.domain}"


class Target(models.Model):
    """Where an address leads: a mailspace here (and the account it is the own one of), outside, or a list."""

    address = models.ForeignKey(Address, on_delete=models.CASCADE, related_name="targets")
    mailspace = models.BigIntegerField(null=True)
    account = models.ForeignKey(
        "hosting.Account", null=True, on_delete=models.CASCADE, related_name="arriving"
    )
    remote = models.CharField(max_length=320, blank=True, default="")
    mailing_list = models.ForeignKey(
        "hosting.MailingList", null=True, on_delete=models.CASCADE, related_name="targets"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(mailspace__isnull=False, remote="", mailing_list__isnull=True)
                | (Q(mailspace__isnull=True, mailing_list__isnull=True) & ~Q(remote=""))
                | Q(mailspace__isnull=True, remote="", mailing_list__isnull=False),
                name="target_here_outside_or_list",
            ),
        ]
        indexes = [models.Index(fields=["mailspace"], name="target_mailspace")]

    def __str__(self) -> str:
        return self.remote or f"mailspace {self.mailspace}"


class Mask(models.Model):
    """A masked address: made for one shop or site, so that it can be shut alone (`Address.closed`).

    While it is open it has an Identity, so that its owner can answer from it. `note` is theirs alone.
    """

    address = models.OneToOneField(Address, on_delete=models.CASCADE, related_name="mask")
    mailspace = models.BigIntegerField()
    note = models.CharField(max_length=200, blank=True, default="")
    used = models.PositiveIntegerField(default=0)  # messages that came through it
    last_used_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["mailspace", "-id"], name="mask_mailspace")]

    def __str__(self) -> str:
        return f"mask {self.address_id}"


class Identity(models.Model):
    """A From address a mailspace may send with, and the name that goes with it."""

    mailspace = models.BigIntegerField()
    address = models.CharField(max_length=320)  # canonical
    name = models.CharField(max_length=200, blank=True, default="")
    is_default = models.BooleanField(default=False)
    is_mask = models.BooleanField(default=False)  # offered only where mail came through it

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailspace", "address"], name="identity_once"),
            models.UniqueConstraint(
                fields=["mailspace"], condition=Q(is_default=True), name="identity_one_default"
            ),
        ]
        indexes = [models.Index(fields=["address"], name="identity_address")]

    def __str__(self) -> str:
        return self.address
