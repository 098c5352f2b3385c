"""Every address of the web client and, below `panel/`, of the panel. Views are a few lines each."""

from django.urls import URLPattern, URLResolver, include, path

from webmail.views.forwarding import confirm
from webmail.views.held import from_mail
from webmail.views.manifest import manifest
from webmail.views.settings_programs import autoconfig
from webmail.views.sign_in_panel import sign_in_panel
from webmail.views.styleguide import styleguide

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("hosting.urls")),
    path("sign-in/", sign_in_panel, name="sign_in_panel"),
    path("mail/", include("webmail.mail_urls")),
    path("forward/<str:token>/", confirm, name="forward-confirm"),
    path("quarantine/<str:token>/", from_mail, name="quarantine-from-mail"),
    path("outside/", include("webmail.outside_urls")),
    path("manifest.webmanifest", manifest, name="manifest"),
    path(".well-known/autoconfig/mail/config-v1.1.xml", autoconfig, name="autoconfig"),
    path("styleguide", styleguide, name="styleguide"),
]
