"""The tables of what was done and of what is being done: the journal, its lines for people, and jobs.

Everybody imports them from `models`, whose conventions hold here too.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Action(models.Model):
    """One command as people read of it under "Recent changes"; its rows of the journal are Changes.

    `changes` counts these, `undone` those of them that are undone now.
    """

    mailspace_id = models.BigIntegerField()
    action = models.CharField(max_length=32)
    at = models.BigIntegerField()  # when it began
    until = models.BigIntegerField()
    verb = models.CharField(max_length=20)
    cause = models.CharField(max_length=12)
    session = models.CharField(max_length=255, default="")
    actor = models.CharField(max_length=255, default="")
    mailbox_id = models.BigIntegerField(null=True)  # from where
    target_id = models.BigIntegerField(null=True)  # to where
    count = models.BigIntegerField(default=0)  # messages
    conversations = models.BigIntegerField(default=0)
    sample = models.JSONField(default=list)  # up to three messages
    changes = models.IntegerField(default=0)
    undone = models.IntegerField(default=0)
    undone_at = models.BigIntegerField(null=True)
    undoes = models.CharField(max_length=32, default="")
    is_open = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailspace_id", "action"], name="action_action"),
        ]
        indexes = [models.Index(fields=["mailspace_id", "at"], name="action_at")]


class Job(models.Model):
    """A command over a selection of any size, done in pieces by whoever has the lease (see `jobs`)."""

    mailspace_id = models.BigIntegerField()
    action = models.CharField(max_length=32)
    verb = models.CharField(max_length=20)
    cause = models.CharField(max_length=12)
    session = models.CharField(max_length=255, default="")
    actor = models.CharField(max_length=255, default="")
    params = models.JSONField(default=dict)
    scope = models.JSONField(default=dict)
    state = models.CharField(max_length=12)  # gathering, running, done, stopped, failed
    newest = models.BigIntegerField(default=0)  # the last message, or Change, that was there when it began
    total = models.BigIntegerField(null=True)  # conversations that were selected
    items = models.BigIntegerField(
        default=0
    )  # what it goes through: conversations, messages, rows of the journal
    seen = models.BigIntegerField(default=0)  # of these, looked at
    done = models.BigIntegerField(default=0)  # conversations that were changed
    messages = models.BigIntegerField(default=0)
    skipped = models.BigIntegerField(default=0)
    note = models.CharField(max_length=255, default="")
    tries = models.IntegerField(default=0)
    holder = models.CharField(max_length=32, default="")
    lease_until = models.BigIntegerField(default=0)
    created_at = models.BigIntegerField()
    ended_at = models.BigIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["lease_until"], name="job_due", condition=Q(ended_at__isnull=True)),
            models.Index(fields=["mailspace_id", "created_at"], name="job_mailspace"),
            models.Index(fields=["mailspace_id", "action"], name="job_action"),
        ]


class JobItems(models.Model):
    """What a job was started for: ids, packed; written once."""

    mailspace_id = models.BigIntegerField()
    job_id = models.BigIntegerField(unique=True)
    packed = models.BinaryField()


class Change(models.Model):
    """The journal for people and undo: one row per command, mailbox and chunk."""

    mailspace_id = models.BigIntegerField()
    at = models.BigIntegerField()
    modseq = models.BigIntegerField()
    action = models.CharField(max_length=32)  # groups the rows of one command
    verb = models.CharField(max_length=20)
    cause = models.CharField(max_length=12)
    session = models.CharField(max_length=255, default="")
    actor = models.CharField(max_length=255, default="")
    mailbox_id = models.BigIntegerField(null=True)
    count = models.IntegerField(default=0)
    before = models.JSONField(default=dict)
    is_open = models.BooleanField(default=False)
    undone_by = models.CharField(
        max_length=32, default=""
    )  # the action that undid it and is not undone itself
    undoes = models.BigIntegerField(null=True)  # the Change that this one undid

    class Meta:
        indexes = [
            models.Index(fields=["mailspace_id", "action"], name="change_action"),
            models.Index(fields=["mailspace_id", "at"], name="change_at"),
            models.Index(fields=["mailspace_id", "action"], name="change_open", condition=Q(is_open=True)),
        ]
