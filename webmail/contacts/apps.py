"""The Django app that owns the address book's tables."""

from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "webmail.contacts"
    label = "contacts"
    default_auto_field = "django.db.models.BigAutoField"
