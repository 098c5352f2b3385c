"""What the processes have counted together, where there is no Redis. Only `mta.limits` touches these rows.

They may all be lost: then counting begins anew. `until` is when a row means nothing any more (seconds since the
epoch); the sweep removes it.
"""

from django.db import models


class Count(models.Model):
    """How often something happened in one stretch of time: slot `number` of `key`, which names its length too."""

    key = models.CharField(max_length=200)
    number = models.BigIntegerField()
    n = models.BigIntegerField()
    until = models.FloatField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "number"], name="limits_count_slot")]
        indexes = [models.Index(fields=["until"], name="limits_count_until")]


class Hold(models.Model):
    """How many of something a process has at the moment. A process that died leaves it until `until`."""

    key = models.CharField(max_length=200)
    holder = models.CharField(max_length=40)
    n = models.BigIntegerField()
    until = models.FloatField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "holder"], name="limits_hold_holder")]
        indexes = [models.Index(fields=["until"], name="limits_hold_until")]
