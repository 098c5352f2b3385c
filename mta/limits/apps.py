"""The Django app that owns the tables of shared counts."""

from django.apps import AppConfig


class LimitsConfig(AppConfig):
    name = "mta.limits"
    label = "limits"
    default_auto_field = "django.db.models.BigAutoField"
