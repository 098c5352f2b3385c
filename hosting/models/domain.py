"""Domains, their signing keys, and what their DNS looked like over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from hosting.models.address import Address


class Domain(models.Model):
    """A mail domain of a tenant. `name` is the canonical A-label form, unique in the installation.

    pending: added by somebody who has not shown yet that it is theirs; mail treats it as not ours.
    suspended: nobody signs in or sends; mail keeps arriving unless `receives` is off.
    `alias_of`: every address of that domain is good with this name, too; it has records and keys, no addresses.
    """

    ACTIVE, SUSPENDED, PENDING = "active", "suspended", "pending"
    STATES = [(ACTIVE, "active"), (SUSPENDED, "suspended"), (PENDING, "pending")]

    tenant = models.ForeignKey("hosting.Tenant", on_delete=models.PROTECT, related_name="domains")
    name = models.CharField(max_length=253, unique=True)
    state = models.CharField(max_length=10, choices=STATES, default=ACTIVE)
    receives = models.BooleanField(default=True)
    alias_of: models.ForeignKey[Domain | None] = models.ForeignKey(
        "self", null=True, on_delete=models.CASCADE, related_name="aliases"
    )
    catch_all: models.ForeignKey[Address | None] = models.ForeignKey(
        "hosting.Address", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    # What is done with doubtful mail (mta.directory.InboundPolicy).
    junk_at = models.FloatField(default=5.0)
    refuse_at = models.FloatField(default=15.0)
    hold_spam = models.BooleanField(default=True)
    hold_forged = models.BooleanField(default=False)
    greylist = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    dns_good = models.PositiveSmallIntegerField(default=0)  # records the last check found right, of
    dns_total = models.PositiveSmallIntegerField(default=0)  # so many; 0: not checked yet
    checked_at = models.DateTimeField(null=True)  # when the last DNS check began
    next_check_at = models.DateTimeField(null=True)  # when one is due; moved forward by who takes it

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "name"], name="domain_tenant"),
            models.Index(fields=["next_check_at"], name="domain_check_due"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_suspended(self) -> bool:
        return self.state == self.SUSPENDED


class DomainKey(models.Model):
    """A DKIM key (RFC 6376, RFC 8463). The private half is sealed with a key derived from SECRET_KEY."""

    RSA, ED25519 = "rsa", "ed25519"
    ALGORITHMS = [(RSA, "rsa"), (ED25519, "ed25519")]
    ACTIVE, RETIRED = "active", "retired"
    STATES = [(ACTIVE, "active"), (RETIRED, "retired")]

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="keys")
    selector = models.CharField(max_length=63)
    algorithm = models.CharField(max_length=10, choices=ALGORITHMS)
    sealed_private_key = models.BinaryField()
    record = models.TextField()  # the TXT value to publish
    state = models.CharField(max_length=10, choices=STATES, default=ACTIVE)
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True)  # first seen in DNS

    class Meta:
        constraints = [models.UniqueConstraint(fields=["domain", "selector"], name="domain_key_selector")]

    def __str__(self) -> str:
        return f"{self.selector}._domainkey"


class DomainCheck(models.Model):
    """What a check found. Checks that find the same again move `last_at`; a difference is a new row,
    so the rows of a domain read as the history of its DNS.
    """

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="checks")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    good = models.PositiveSmallIntegerField(default=0)
    total = models.PositiveSmallIntegerField(default=0)
    findings = models.JSONField(default=list)

    class Meta:
        indexes = [models.Index(fields=["domain", "-id"], name="domain_check_history")]

    def __str__(self) -> str:
        return f"{self.domain_id} {self.good}/{self.total}"
