"""Marks the words of a search in what a template shows: `{{ row.subject|marked:row.marks }}`."""

from __future__ import annotations

from collections.abc import Sequence

from django import template
from django.utils.safestring import SafeString

from webmail.highlight import mark

register = template.Library()


@register.filter
def marked(text: str, wanted: Sequence[str]) -> SafeString:
    """The text with `<mark>` around what is looked for; without a search, the text."""
    return mark(str(text), wanted)
