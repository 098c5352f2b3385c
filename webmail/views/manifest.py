"""`/manifest.webmanifest`: what a phone needs to put the web client on its home screen (W3C Web Application Manifest).

The same for everybody and in the language of the browser, so it may be kept by caches. Installed, it opens the inbox
at the address that every browser uses; no service worker is needed for that.
"""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from webmail.boxes import COMPOSE

DESK = "#F3F1EA"  # --desk of css/app.css, which lies behind the first paint
_ICONS = (
    ("img/app-192.png", "192x192", "any"),
    ("img/app-512.png", "512x512", "any"),
    ("img/app-maskable-512.png", "512x512", "maskable"),
)


@require_safe
@cache_control(max_age=86_400, public=True)
def manifest(request: HttpRequest) -> JsonResponse:
    icons = [
        {"src": static(path), "sizes": sizes, "type": "image/png", "purpose": purpose}
        for path, sizes, purpose in _ICONS
    ]
    inbox = reverse("mail:inbox")
    return JsonResponse(
        {
            "id": "/mail/",
            "name": "Mailstead",
            "short_name": "Mailstead",
            "description": _("Mail, read and organised."),
            "lang": get_language(),
            "dir": "rtl" if get_language_bidi() else "ltr",
            "start_url": inbox,
            "scope": "/",
            "display": "standalone",
            "background_color": DESK,
            "theme_color": DESK,
            "icons": icons,
            "protocol_handlers": [{"protocol": "mailto", "url": f"{COMPOSE}?mailto=%s"}],
            "shortcuts": [
                {"name": _("Compose"), "url": f"{COMPOSE}?mode=new"},
                {"name": _("Inbox"), "url": inbox},
            ],
        },
        content_type="application/manifest+json",
    )
