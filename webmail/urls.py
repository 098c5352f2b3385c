"""Every address of the web client and, below `panel/`, of the panel. Views are a few lines each."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
