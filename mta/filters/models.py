"""The tables of filters. Rows never leave this package; `service` hands out values.

Times are µs since the epoch, UTC. `mailspace_id` has no database constraint, like those between mail tables.
What a delivery needs of them is cached under the version in the mailspace's own row: see `plans`.
"""

from __future__ import annotations

from django.db import models


class FilterRule(models.Model):
    """One filter; criteria and actions as JSON."""

    mailspace_id = models.BigIntegerField()
    position = models.IntegerField()
    name = models.CharField(max_length=200)
    query = models.CharField(max_length=1000, default="")
    criteria = models.JSONField()
    actions = models.JSONField()
    enabled = models.BooleanField(default=True)
    stop = models.BooleanField(default=False)
    origin = models.CharField(max_length=12, default="")  # web, import …: who made it
    matched = models.BigIntegerField(default=0)
    last_matched = models.BigIntegerField(null=True)

    class Meta:
        indexes = [models.Index(fields=["mailspace_id", "position", "id"], name="filter_order")]

    def __str__(self) -> str:
        return self.name


class BlockedSender(models.Model):
    """An address, or a domain with an @ in front."""

    mailspace_id = models.BigIntegerField()
    address = models.CharField(max_length=320)
    at = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailspace_id", "address"], name="blocked_sender_once")
        ]

    def __str__(self) -> str:
        return self.address


class ForwardingAddress(models.Model):
    """An address to forward to; it counts once somebody there has followed the link, of which a digest is kept."""

    mailspace_id = models.BigIntegerField()
    address = models.CharField(max_length=320)
    keep = models.BooleanField(default=True)
    enabled = models.BooleanField(default=False)
    created_at = models.BigIntegerField()
    confirmed_at = models.BigIntegerField(null=True)
    token = models.CharField(max_length=64, default="")  # SHA-256, in hex; empty when used
    token_until = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailspace_id", "address"], name="forwarding_address_once")
        ]
        indexes = [
            models.Index(fields=["token"], name="forwarding_token", condition=~models.Q(token="")),
        ]

    def __str__(self) -> str:
        return self.address


class AutomaticReply(models.Model):
    """The one automatic reply of a mailspace."""

    mailspace_id = models.BigIntegerField(unique=True)
    enabled = models.BooleanField(default=False)
    subject = models.CharField(max_length=500, default="")
    html = models.TextField(default="")
    text = models.TextField(default="")
    starts = models.BigIntegerField(null=True)
    ends = models.BigIntegerField(null=True)
    days = models.IntegerField(default=4)
    only_known = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.subject


class Replied(models.Model):
    """Who was written to by itself, and when: by the reply of the mailspace (`rule` 0), by a rule, or to ask whether
    mail may be forwarded there (-1)."""

    mailspace_id = models.BigIntegerField()
    rule = models.BigIntegerField(default=0)
    address = models.CharField(max_length=320)
    at = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailspace_id", "rule", "address"], name="replied_once")
        ]
        indexes = [models.Index(fields=["at"], name="replied_at")]

    def __str__(self) -> str:
        return self.address
