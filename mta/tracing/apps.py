"""The Django app that owns the trace table."""

from django.apps import AppConfig


class TracingConfig(AppConfig):
    name = "mta.tracing"
    label = "tracing"
    default_auto_field = "django.db.models.BigAutoField"
