"""The trace table: append-only. Rows never leave this package; `service` hands out values."""

from django.db import models
from django.db.models import Q


class TraceEvent(models.Model):
    """One step of one message. `at` is µs since the epoch, UTC.

    `domain` is ours (the recipient's here, or the sender's for mail going out): administrators see by it.
    `mailspace_id` is empty where no mailbox of ours is concerned. `detail` holds small words and numbers
    for people, never a message's content.
    """

    trace_id = models.CharField(max_length=40)
    at = models.BigIntegerField()
    kind = models.CharField(max_length=16)
    mailspace_id = models.BigIntegerField(null=True)
    sender = models.CharField(max_length=320, default="")
    recipient = models.CharField(max_length=320, default="")
    domain = models.CharField(max_length=255, default="")
    ip = models.CharField(max_length=45, default="")
    message_id = models.CharField(max_length=998, default="")
    size = models.BigIntegerField(default=0)
    detail = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["trace_id", "id"], name="trace_timeline"),
            models.Index(fields=["at"], name="trace_at"),
            models.Index(fields=["sender", "at"], name="trace_sender", condition=~Q(sender="")),
            models.Index(fields=["recipient", "at"], name="trace_recipient", condition=~Q(recipient="")),
            models.Index(fields=["message_id"], name="trace_message_id", condition=~Q(message_id="")),
            models.Index(fields=["domain", "at"], name="trace_domain", condition=~Q(domain="")),
        ]

    def __str__(self) -> str:
        return f"{self.trace_id} {self.kind}"
