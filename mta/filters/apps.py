"""The Django app that owns the tables of rules, blocked senders, forwarding and automatic replies."""

from django.apps import AppConfig


class FiltersConfig(AppConfig):
    name = "mta.filters"
    label = "filters"
    default_auto_field = "django.db.models.BigAutoField"
