"""The tables of correspondents. Rows never leave this package; `service` hands out values.

Everything here follows from the mail and from the address book: it can be thrown away and learnt again.
"""

from __future__ import annotations

from django.db import models


class Correspondent(models.Model):
    """One address that a mailspace writes with. Times are µs UTC.

    `score` is the logarithm of what its letters weigh, each less the older it is (`ranking`); so the order is
    kept by an index and does not change as time goes by. `words` are those that it is found by, between spaces.
    """

    mailspace_id = models.BigIntegerField()
    email = models.CharField(max_length=320)  # folded: what makes it the same person
    address = models.CharField(max_length=320)  # as it was written
    name = models.CharField(max_length=255, default="")
    words = models.TextField(default="")
    written = models.IntegerField(default=0)  # letters to them
    heard = models.IntegerField(default=0)  # letters from them
    kept = models.BooleanField(default=False)  # stands in the address book, under this name
    last_at = models.BigIntegerField(default=0)
    score = models.FloatField(default=0.0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailspace_id", "email"], name="correspondent_email"),
        ]
        indexes = [models.Index(fields=["mailspace_id", "-score", "id"], name="correspondent_score")]


class CorrespondentWord(models.Model):
    """A folded word of a name or an address, in the order of its bytes: those that begin alike lie together."""

    pk = models.CompositePrimaryKey("mailspace_id", "word", "correspondent_id")
    mailspace_id = models.BigIntegerField()
    word = models.CharField(max_length=64)
    correspondent_id = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["correspondent_id"], name="correspondent_words")]


class Progress(models.Model):
    """How far a mailspace's mail has been learnt: messages from `oldest` to `newest`, its journal up to `clock`."""

    mailspace_id = models.BigIntegerField(unique=True)
    newest = models.BigIntegerField(default=0)
    oldest = models.BigIntegerField(default=0)
    whole = models.BooleanField(default=False)  # nothing older is left to learn
    clock = models.BigIntegerField(default=0)
    at = models.BigIntegerField(default=0)  # when that was
