"""The Django app that owns the mail tables."""

from django.apps import AppConfig


class MailstoreConfig(AppConfig):
    name = "mta.mailstore"
    label = "mailstore"
    default_auto_field = "django.db.models.BigAutoField"
