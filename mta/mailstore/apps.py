"""The Django app that owns the mail tables."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from .planner import teach


class MailstoreConfig(AppConfig):
    name = "mta.mailstore"
    label = "mailstore"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(teach, sender=self)
