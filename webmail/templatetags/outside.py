"""The way to "Outside world": in a left column, and where records are to be published; nothing outside a demonstration."""

from django import template
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

register = template.Library()


@register.simple_tag
def outside_records() -> str:
    """The address of the page that publishes records, or "" outside a demonstration."""
    return reverse("outside:records") if settings.DEMO_SANDBOX else ""


@register.simple_tag
def outside_entry() -> SafeString | str:
    """The entry, in a group of its own."""
    if not settings.DEMO_SANDBOX:
        return ""
    entry = {
        "url": reverse("outside:arrived"),
        "text": _("Outside world"),
        "icon": "earth",
        "name": "outside",
    }
    return render_to_string("webmail/outside/entry.html", entry)
