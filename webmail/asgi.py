"""The web process's entry point: `gunicorn -k asgi webmail.asgi:application`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webmail.settings")

_django = get_asgi_application()

from webmail.static_files import StaticFiles  # noqa: E402 - reads the settings, which Django has loaded by now

application = StaticFiles(_django)
