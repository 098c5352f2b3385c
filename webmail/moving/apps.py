"""The Django app that owns the tables of moving in."""

from django.apps import AppConfig


class MovingConfig(AppConfig):
    name = "webmail.moving"
    label = "moving"
    default_auto_field = "django.db.models.BigAutoField"
