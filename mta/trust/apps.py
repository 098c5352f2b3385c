"""The Django app that owns the tables of trust: what was learned of spam, who was asked to come again, what is unscanned."""

from django.apps import AppConfig


class TrustConfig(AppConfig):
    name = "mta.trust"
    label = "trust"
    default_auto_field = "django.db.models.BigAutoField"
