"""The Django app of the mail system as a whole: its management commands."""

from django.apps import AppConfig


class MtaConfig(AppConfig):
    name = "mta"
    label = "mta"
