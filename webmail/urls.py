"""Every address of the web client and, below `panel/`, of the panel. Views are a few lines each."""

from django.urls import URLPattern, URLResolver, include, path

from webmail.views.styleguide import styleguide

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("hosting.urls")),
    path("mail/", include("webmail.mail_urls")),
    path("outside/", include("webmail.outside_urls")),
    path("styleguide", styleguide, name="styleguide"),
]
