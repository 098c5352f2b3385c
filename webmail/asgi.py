"""The web process's entry point: `gunicorn -k asgi webmail.asgi:application`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webmail.settings")

application = get_asgi_application()
