"""`/mail/settings/`: how the web client behaves for this person. Looks are cookies, set by their buttons."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

from django import forms
from django.conf import settings as conf
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hosting import accounts
from hosting.actor import Actor
from hosting.forms import Pop3Form
from hosting.views.frame import client_ip
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
    return _page(request, visit, form=form)


@visiting
def pop3(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Save how the own inbox behaves over POP3."""
    if request.method != "POST" or not _has_pop3(visit):
        return redirect("mail:settings")
    form = Pop3Form.of(visit.account, request.POST)
    if not form.is_valid():
        return _page(request, visit, pop3_form=form)
    accounts.set_maildrop(
        visit.account, form.options(), actor=Actor(visit.account, "web mail", client_ip(request))
    )
    messages.info(request, _("Settings saved."))
    return redirect("mail:settings")


def _page(
    request: HttpRequest,
    visit: Visit,
    *,
    form: PreferencesForm | None = None,
    pop3_form: Pop3Form | None = None,
) -> HttpResponse:
    """The page, with the form that could not be taken as it was sent."""
    return show(
        request,
        visit,
        "webmail/settings.html",
        {
            "form": form or PreferencesForm(instance=visit.preferences),
            "pop3_form": (pop3_form or Pop3Form.of(visit.account)) if _has_pop3(visit) else None,
            "title": f"{_('Settings')} - {visit.address} - Mailstead",
        },
    )


def _has_pop3(visit: Visit) -> bool:
    return visit.account.mailspace is not None and bool(conf.POP3_LISTEN or conf.POP3S_LISTEN)


@visiting
def choose(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Look at another mailspace this account may open."""
    wanted = number(request.POST.get("mailspace", ""))
    if request.method == "POST" and any(each.mailspace == wanted for each in visit.every):
        request.session[CHOSEN] = wanted
    return redirect("mail:inbox")
