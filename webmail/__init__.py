"""The web client, and the place where the parts are wired together: settings, urls, asgi, celery."""
