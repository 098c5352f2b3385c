"""`manage.py messages`: writes locale/mailstead.pot from the sources, and brings every translation up to date.

A new language begins as a copy of that file, named locale/<language>/LC_MESSAGES/django.po.
"""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from webmail import catalogues


class Command(BaseCommand):
    help = "Collect the texts of the sources for translators."

    def handle(self, **options: Any) -> None:
        count = catalogues.write(settings.BASE_DIR / "locale")
        self.stdout.write(f"{count} texts in locale/mailstead.pot")
