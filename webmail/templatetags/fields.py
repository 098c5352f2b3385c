"""Filters that dress a bound form field in the classes of the design system. Used by components/field.html only.

Widgets keep every attribute that their form gave them; Django itself adds aria-invalid and aria-describedby, which
point at the ids that the partial writes.
"""

from __future__ import annotations

from django import forms, template
from django.forms.boundfield import BoundField, BoundWidget
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def control_kind(field: BoundField) -> str:
    """Which form the partial takes: text, number, select, check, switch or choices."""
    widget = field.field.widget
    if isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple):
        return "choices"
    if isinstance(widget, forms.CheckboxInput):
        return "switch" if "data-switch" in widget.attrs else "check"
    if isinstance(widget, forms.Select):
        return "text" if widget.allow_multiple_selected else "select"
    return "number" if isinstance(widget, forms.NumberInput) else "text"


@register.filter
def control(field: BoundField) -> SafeString:
    """The widget itself with its class."""
    kind = control_kind(field)
    css = {"check": "check", "switch": "switch", "number": "input number"}.get(kind, "input")
    own = field.field.widget.attrs.get("class", "")
    return field.as_widget(attrs={"class": f"{css} {own}".strip()})


@register.filter
def options(field: BoundField) -> list[BoundWidget]:
    """The single radio buttons or checkboxes of a choice, each with its class."""
    field.field.widget.attrs.setdefault("class", "check")
    return list(field)
