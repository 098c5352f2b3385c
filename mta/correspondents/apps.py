"""The Django app that owns the tables of correspondents."""

from django.apps import AppConfig


class CorrespondentsConfig(AppConfig):
    name = "mta.correspondents"
    label = "correspondents"
    default_auto_field = "django.db.models.BigAutoField"
