"""`/mail/welcome/`: what the cards above a new inbox send."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from hosting import accounts
from hosting.actor import Actor
from hosting.errors import HostingError
from hosting.views.frame import client_ip
from webmail.views import settings_accounts
from webmail.views.own_pictures import take_face
from webmail.views.settings_form import zones
from webmail.visit import Visit, visiting
from webmail.welcome import CARDS


@require_POST
@visiting
def welcome(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Save who somebody is, or put a card away (`close`)."""
    preferences = visit.preferences
    closed = request.POST.get("close", "")
    if closed in CARDS:
        preferences.cards_closed = sorted({*preferences.cards_closed, closed} & {*CARDS})
    elif closed != "greeting":
        actor = Actor(visit.account, "web mail", client_ip(request))
        recovery = request.POST.get("recovery_address", "")[:400]
        if preferences.greeted or visit.account.recovery_address:
            recovery = (
                visit.account.recovery_address
            )  # changed in the settings, where the password is asked for
        try:
            accounts.set_own(
                visit.account,
                full_name=request.POST.get("full_name", "")[:400],
                recovery_address=recovery,
                actor=actor,
            )
        except HostingError as error:
            return settings_accounts.refused(request, visit, error)
        take_face(request, preferences)
        zone = request.POST.get("time_zone", "")
        preferences.time_zone = zone if zone in dict(zones()) else preferences.time_zone
    if closed not in CARDS:
        preferences.greeted = True
    preferences.save()
    return redirect("mail:inbox")
