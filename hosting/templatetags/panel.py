"""Filters of the panel's templates: names as people read them."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _

from hosting import names

register = template.Library()


@register.filter
def idn(stored: str) -> str:
    """A stored domain or address with its Unicode domain, where that cannot mislead."""
    return names.shown_address(stored) if "@" in stored else names.shown_domain(stored)


@register.filter
def role_name(kind: str) -> str:
    return {
        "owner": _("Owner"),
        "administrator": _("Administrator"),
        "support": _("Support"),
        "billing": _("Billing"),
        "readonly": _("Reader"),
    }.get(kind, kind)
