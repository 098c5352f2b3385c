"""The Django app that owns the queue's tables."""

from django.apps import AppConfig


class QueueConfig(AppConfig):
    name = "mta.queue"
    label = "queue"
    default_auto_field = "django.db.models.BigAutoField"
