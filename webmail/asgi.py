"""The web process's entry point: `gunicorn -k asgi webmail.asgi:application`."""

import gc
import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webmail.settings")

_django = get_asgi_application()

from django.urls import get_resolver  # noqa: E402 - these read the settings, which Django has loaded by now

from webmail.static_files import StaticFiles  # noqa: E402

application = StaticFiles(_django)

# A page makes and drops a hundred thousand small objects. With Python's own thresholds every few pages one would wait
# for a look through all that was ever imported: 50 ms.
_ = get_resolver().url_patterns  # imports the views now, not for the first visitor
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 50)
