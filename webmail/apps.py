"""The Django app of the web client. It also makes the Celery application current in every process that may
wake a worker (web, sidecar, commands), so that `task.delay()` anywhere goes to our broker."""

import importlib

from django.apps import AppConfig


class WebmailConfig(AppConfig):
    name = "webmail"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        importlib.import_module("webmail.celery")
