"""What is the same on every page of the web client: `{% dialogs %}`, drawn once for each language.

It is drawn with words and keys alone, never with a page's own context: nothing of a person can lie in it. The token
of its form is put in for each page.
"""

from __future__ import annotations

from functools import lru_cache

from django import template
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from webmail.words import keys, words

register = template.Library()

_TOKEN = "csrf-token-goes-here"  # noqa: S105 - holds the place of one


@register.simple_tag(takes_context=True)
def dialogs(context: template.RequestContext) -> SafeString:
    token = get_token(context["request"])
    return mark_safe(_dialogs(get_language() or "").replace(_TOKEN, token))  # noqa: S308 - letters and digits


@lru_cache(maxsize=64)
def _dialogs(language: str) -> str:
    context = {"words": words(), "key_groups": keys(), "hues": range(12), "csrf_token": _TOKEN}
    return render_to_string("webmail/dialogs.html", context)
