"""The tables of trust. Rows never leave this package; `spam.statistics`, `greylist` and `unscanned` hand out values.

Times are µs since the epoch, UTC. Everything here can be thrown away: the filter then knows what it was shipped with.
"""

from __future__ import annotations

from django.db import models


class SpamToken(models.Model):
    """In how many learned messages of a scope a token stood. `scope` is a mailspace, or 0 for the whole host.

    `token` is a hash of what was seen; 0 stands for any message, so that totals come with the same query.
    `day` is when it was last learned (days since the epoch): what is rare and old goes first.
    """

    pk = models.CompositePrimaryKey("scope", "token")
    scope = models.BigIntegerField()
    token = models.BigIntegerField()
    spam = models.IntegerField(default=0)
    ham = models.IntegerField(default=0)
    day = models.IntegerField(default=0)


class SpamLesson(models.Model):
    """A message that was learned, as what, and its tokens (packed): so it is learned once, and can be unlearned.

    `told`: a person said so; otherwise it is mail that was kept. `shared`: it was learned for the host as well.
    """

    mailspace_id = models.BigIntegerField()
    message_id = models.BigIntegerField()
    spam = models.BooleanField()
    told = models.BooleanField(default=True)
    shared = models.BooleanField(default=False)
    at = models.BigIntegerField()
    tokens = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailspace_id", "message_id"], name="spam_lesson_message")
        ]
        indexes = [models.Index(fields=["mailspace_id", "at"], name="spam_lesson_at")]


class SpamProgress(models.Model):
    """Up to where a mailspace's journal was read for what moved into and out of Junk."""

    mailspace_id = models.BigIntegerField(unique=True)
    clock = models.BigIntegerField(default=0)
    at = models.BigIntegerField(default=0)


class Greylisted(models.Model):
    """A network, sender and recipient (hashed together) that was asked to come again, or has come again."""

    key = models.CharField(max_length=64, unique=True)
    first_at = models.BigIntegerField()
    passed = models.BooleanField(default=False)
    until = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["until"], name="greylisted_until")]


class Unscanned(models.Model):
    """A message that was taken in while a scanner did not answer, with the envelope that the scanner asks about."""

    mailspace_id = models.BigIntegerField()
    message_id = models.BigIntegerField()
    scanners = models.CharField(max_length=100)
    envelope = models.JSONField(default=dict)
    at = models.BigIntegerField()
    next_at = models.BigIntegerField()
    tries = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailspace_id", "message_id"], name="unscanned_message")
        ]
        indexes = [models.Index(fields=["next_at"], name="unscanned_due")]
