"""The queue's tables. Rows never leave this package; `service` hands out values.

Times are µs since the epoch, UTC. Keys between these tables have no database constraint, like those
between mail tables; all rows of one message come and go in one transaction.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Outgoing(models.Model):
    """One message on its way out, or to several mailboxes here after a delay."""

    kind = models.CharField(max_length=12)  # web, submission, forward, report
    sender = models.CharField(max_length=320, blank=True, default="")  # envelope; "" is <>
    mailspace_id = models.BigIntegerField(null=True)  # whose sending it is
    message = models.BigIntegerField(null=True)  # the copy in Sent, if we made one
    draft = models.BigIntegerField(null=True)  # what it was written as, for taking it back
    answered = models.BigIntegerField(null=True)  # the message that this sending marked as answered
    header_id = models.CharField(max_length=998, blank=True, default="")  # Message-ID without brackets
    trace_id = models.CharField(max_length=40, blank=True, default="")
    size = models.BigIntegerField()
    utf8 = models.BooleanField(default=False)  # needs SMTPUTF8 (RFC 6531)
    ret = models.CharField(max_length=4, blank=True, default="")  # RFC 3461 RET and ENVID
    envid = models.CharField(max_length=100, blank=True, default="")
    created_at = models.BigIntegerField()
    not_before = models.BigIntegerField()
    done_at = models.BigIntegerField(null=True)  # when the last recipient was settled

    class Meta:
        indexes = [
            models.Index(
                fields=["mailspace_id", "header_id"],
                name="outgoing_header_id",
                condition=Q(mailspace_id__isnull=False),
            ),
            models.Index(
                fields=["mailspace_id", "message"],
                name="outgoing_message",
                condition=Q(message__isnull=False),
            ),
            models.Index(fields=["done_at"], name="outgoing_done", condition=Q(done_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.id} from <{self.sender}>"


class QueuedBytes(models.Model):
    """A piece of a message's bytes, one zstd frame each; gone as soon as no recipient waits for it."""

    outgoing_id = models.BigIntegerField()
    position = models.IntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["outgoing_id", "position"], name="queued_bytes_position"),
        ]

    def __str__(self) -> str:
        return f"{self.outgoing_id}/{self.position}"


class QueuedRecipient(models.Model):
    """One recipient of an Outgoing, and how far it has come. `finished_at` is empty while it may be tried."""

    outgoing_id = models.BigIntegerField()
    address = models.CharField(max_length=320)
    domain = models.CharField(max_length=255)
    # held, queued, delivering, deferred; then delivered, failed, expired, cancelled or given up
    state = models.CharField(max_length=12)
    next_attempt = models.BigIntegerField()
    lease_until = models.BigIntegerField(null=True)
    claim = models.CharField(max_length=32, blank=True, default="")
    attempts = models.IntegerField(default=0)
    expires_at = models.BigIntegerField()
    warned_at = models.BigIntegerField(null=True)  # when the sender was told about the delay
    finished_at = models.BigIntegerField(null=True)
    delivered_at = models.BigIntegerField(null=True)
    # the last attempt's outcome
    reason = models.CharField(max_length=24, blank=True, default="")
    code = models.IntegerField(default=0)
    enhanced = models.CharField(max_length=16, blank=True, default="")
    text = models.CharField(max_length=500, blank=True, default="")
    remote = models.CharField(max_length=255, blank=True, default="")
    tls = models.CharField(max_length=16, blank=True, default="")
    notify = models.CharField(max_length=32, blank=True, default="")  # RFC 3461 NOTIFY and ORCPT
    orcpt = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["outgoing_id", "address"], name="queued_recipient_once"),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt", "outgoing_id"],
                name="queued_recipient_due",
                condition=Q(finished_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.address}: {self.state}"


class Attempt(models.Model):
    """One try of one recipient, as it went."""

    recipient_id = models.BigIntegerField()
    outgoing_id = models.BigIntegerField()
    started_at = models.BigIntegerField()
    ended_at = models.BigIntegerField()
    state = models.CharField(max_length=12)
    reason = models.CharField(max_length=24, blank=True, default="")
    code = models.IntegerField(default=0)
    enhanced = models.CharField(max_length=16, blank=True, default="")
    text = models.CharField(max_length=500, blank=True, default="")
    remote = models.CharField(max_length=255, blank=True, default="")
    ip = models.CharField(max_length=45, blank=True, default="")
    tls = models.CharField(max_length=16, blank=True, default="")

    class Meta:
        indexes = [
            models.Index(fields=["outgoing_id", "id"], name="attempt_outgoing"),
        ]

    def __str__(self) -> str:
        return f"{self.recipient_id}: {self.state}"
