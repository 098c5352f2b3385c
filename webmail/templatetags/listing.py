"""Template tags of lists: when a sleeping conversation wakes, and the moments that the snooze menu offers.

Pure presentation, like `look`; never reads the database.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from webmail import snoozing
from webmail.templatetags.look import as_datetime, full_date, row_date

register = template.Library()


def moment_ahead(moment: datetime, now: datetime) -> str:
    """Today `18:00`, within a week `Tue 08:00`, this year `12 Mar`, later `12/03/27`."""
    if moment.date() == now.date() or moment.date() - now.date() > timedelta(days=6):
        return row_date(moment, now)
    return formats.date_format(moment, pgettext("date format of a moment within a week", "D H:i"))


@register.simple_tag
def wake_row(value: int) -> SafeString | str:
    """The date of a row that sleeps: when it wakes."""
    moment = as_datetime(value)
    if moment is None:
        return ""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        full_date(moment),
        moment_ahead(moment, timezone.localtime()),
    )


@register.inclusion_tag("webmail/snooze_choices.html", takes_context=True)
def snooze_choices(context: template.Context) -> dict[str, object]:
    """What the snooze menu offers now, in the person's zone and by their hours."""
    now = timezone.localtime()
    preferences = context["visit"].preferences
    offered = snoozing.choices(now, morning=preferences.morning, evening=preferences.evening)
    tomorrow = next(each.at for each in offered if each.name == snoozing.TOMORROW)
    return {
        "choices": [
            {
                "name": each.name,
                "text": _names()[each.name],
                "when": moment_ahead(each.at, now),
                "at": each.at,
            }
            for each in offered
        ],
        "first": f"{tomorrow:%Y-%m-%dT%H:%M}",
        "least": f"{now:%Y-%m-%dT%H:%M}",
        "asleep": getattr(context.get("box"), "slug", "") == "snoozed",
    }


def _names() -> dict[str, str]:
    return {
        snoozing.TODAY: _("Later today"),
        snoozing.TOMORROW: _("Tomorrow"),
        snoozing.THIS_WEEK: _("Later this week"),
        snoozing.WEEKEND: _("This weekend"),
        snoozing.NEXT_WEEK: _("Next week"),
    }
