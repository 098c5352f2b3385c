"""The Django app of the web client. It also makes the Celery application current in every process that may
wake a worker (web, sidecar, commands), so that `task.delay()` anywhere goes to our broker."""

import importlib

from django.apps import AppConfig

from mta.queue import bell


class WebmailConfig(AppConfig):
    name = "webmail"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        app = importlib.import_module("webmail.celery").app
        # What ringing the queue's bell means; a message nobody took in a minute is the sweep's business.
        bell.install(lambda: app.send_task("mta.relay.tasks.relay", expires=60))
