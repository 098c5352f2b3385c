"""What templates ask about the frames that show mail."""

from __future__ import annotations

from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
def content_apart() -> str:
    """The class of a frame from another origin, whose height nobody here can measure: it scrolls by itself."""
    return " apart" if settings.CONTENT_ORIGIN else ""
