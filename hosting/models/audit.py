"""The record of every change by any role: append-only, cut per tenant."""

from __future__ import annotations

from django.db import models


class AuditEntry(models.Model):
    """Who did what to which object, from where, and what it was before. Names are copied, so that the
    record outlives what it speaks of. Rows are added by `hosting.audit` and never changed.
    """

    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(
        "hosting.Account", null=True, on_delete=models.SET_NULL, related_name="+", db_constraint=False
    )
    actor_name = models.CharField(max_length=320)
    via = models.CharField(max_length=20)  # panel, command line, setup, system
    ip = models.CharField(max_length=45, blank=True, default="")
    tenant = models.ForeignKey("hosting.Tenant", null=True, on_delete=models.SET_NULL, related_name="+")
    verb = models.CharField(max_length=40)
    object_type = models.CharField(max_length=20)
    object_id = models.BigIntegerField(null=True)
    object_name = models.CharField(max_length=320, blank=True, default="")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "-id"], name="audit_tenant"),
            models.Index(fields=["object_type", "object_id", "-id"], name="audit_object"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.object_name}"
