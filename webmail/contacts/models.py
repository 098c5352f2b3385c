"""The tables of the address book; one book per mailspace. Rows never leave this package: `service` gives values.

Every query starts from the mailspace. Times are µs UTC.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Contact(models.Model):
    """One person. `card` is the vCard that it came with, as it was: what we do not show is not lost on the way out.

    Lists are [[label, value], …]. `deleted_at`: removed, and kept for undo.
    """

    mailspace = models.BigIntegerField()
    name = models.CharField(max_length=255, blank=True, default="")
    nickname = models.CharField(max_length=100, blank=True, default="")
    organisation = models.CharField(max_length=255, blank=True, default="")
    title = models.CharField(max_length=255, blank=True, default="")
    birthday = models.CharField(max_length=40, blank=True, default="")
    note = models.TextField(blank=True, default="")
    emails = models.JSONField(default=list, blank=True)
    phones = models.JSONField(default=list, blank=True)
    places = models.JSONField(default=list, blank=True)
    links = models.JSONField(default=list, blank=True)
    card = models.TextField(blank=True, default="")
    uid = models.CharField(max_length=255, blank=True, default="")
    sort = models.CharField(max_length=100, default="")  # the folded name
    words = models.TextField(default="")  # folded, of everything that one looks for
    updated_at = models.BigIntegerField(default=0)
    deleted_at = models.BigIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["mailspace", "sort", "id"], name="contact_sort", condition=Q(deleted_at__isnull=True)
            ),
            models.Index(fields=["mailspace", "uid"], name="contact_uid", condition=~Q(uid="")),
            models.Index(
                fields=["deleted_at"], name="contact_deleted", condition=Q(deleted_at__isnull=False)
            ),
        ]


class ContactEmail(models.Model):
    """An address leads to its contact."""

    mailspace = models.BigIntegerField()
    email = models.CharField(max_length=320)  # folded
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="addresses")

    class Meta:
        indexes = [models.Index(fields=["mailspace", "email"], name="contact_email")]


class Photo(models.Model):
    """A picture of somebody, drawn anew by us: never the bytes that came."""

    contact = models.OneToOneField(Contact, on_delete=models.CASCADE, related_name="photo")
    type = models.CharField(max_length=20)
    data = models.BinaryField()


class Group(models.Model):
    """People who are written to together."""

    mailspace = models.BigIntegerField()
    name = models.CharField(max_length=100)
    contacts = models.ManyToManyField(Contact, related_name="groups")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mailspace", "name"], name="contact_group")]


class Past(models.Model):
    """What a change took away, for undo: the contacts as they were, and those that were made by it."""

    mailspace = models.BigIntegerField()
    at = models.BigIntegerField()
    before = models.JSONField(default=list)  # of contacts: their fields and groups
    made = models.JSONField(default=list)  # ids

    class Meta:
        indexes = [models.Index(fields=["mailspace", "at"], name="contact_past")]
