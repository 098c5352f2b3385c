"""Every address of the web client and, below `panel/`, of the panel. Views are a few lines each."""

from django.urls import URLPattern, URLResolver, include, path

from webmail.views.manifest import manifest
from webmail.views.sign_in_panel import sign_in_panel
from webmail.views.styleguide import styleguide

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("hosting.urls")),
    path("sign-in/", sign_in_panel, name="sign_in_panel"),
    path("mail/", include("webmail.mail_urls")),
    path("outside/", include("webmail.outside_urls")),
    path("manifest.webmanifest", manifest, name="manifest"),
    path("styleguide", styleguide, name="styleguide"),
]
