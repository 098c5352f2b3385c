"""`/mail/settings/`: how the web client behaves for this person. Looks are cookies, set by their buttons."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webmail.models import Preferences
from webmail.visit import CHOSEN, Visit, number, show, visiting


@cache
def _names() -> list[str]:
    """Read once: it walks the system's folders of zones, a tenth of a second each time."""
    return sorted(
        name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix"))
    )


def _zones() -> list[tuple[str, str]]:
    return [
        ("", _("As this browser says")),
        ("UTC", "UTC"),
        *((name, name.replace("_", " ")) for name in _names()),
    ]


class PreferencesForm(forms.ModelForm):  # type: ignore[type-arg]
    """What can be chosen."""

    time_zone = forms.ChoiceField(label=gettext_lazy("Time zone"), choices=lazy(_zones, list), required=False)

    class Meta:
        model = Preferences
        fields = ("page_size", "after_action", "time_zone")
        labels = {
            "page_size": gettext_lazy("Conversations per page"),
            "after_action": gettext_lazy("After archiving or deleting an open conversation"),
        }


@visiting
def settings(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show and save."""
    form = PreferencesForm(request.POST or None, instance=visit.preferences)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.info(request, _("Settings saved."))
        return redirect("mail:settings")
    return show(
        request,
        visit,
        "webmail/settings.html",
        {"form": form, "title": f"{_('Settings')} - {visit.address} - Mailstead"},
    )


@visiting
def choose(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Look at another mailspace this account may open."""
    wanted = number(request.POST.get("mailspace", ""))
    if request.method == "POST" and any(each.mailspace == wanted for each in visit.every):
        request.session[CHOSEN] = wanted
    return redirect("mail:inbox")
