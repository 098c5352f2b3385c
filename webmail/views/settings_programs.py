"""`/mail/settings/programs/`, and the POP and IMAP part of `/mail/settings/forwarding/`: how a program gets in.

Also Thunderbird's configuration file at its well-known address, for whoever asks: it says what every sign-in page of
the host says, and nothing about a person.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from hosting.directory import Directory
from hosting.forms import Pop3Form
from webmail import programs as ways_in
from webmail.views.settings import has_pop3
from webmail.views.settings_frame import page
from webmail.visit import Visit, visiting


def programs(visit: Visit) -> dict[str, Any]:
    """What webmail/settings_programs.html shows: POP and IMAP."""
    return {"pop3_form": Pop3Form.of(visit.account) if has_pop3(visit) else None}


@visiting
def setup(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Servers, ports, a code to scan, and a profile."""
    _require_own(visit)
    ways = ways_in.ways()
    titles = {ways_in.IMAP: _("Receiving with IMAP"), ways_in.POP3: _("Receiving with POP3")}
    titles[ways_in.SMTP] = _("Sending with SMTP")
    parts = [
        {"title": title, "ways": [way for way in ways if way.protocol == protocol]}
        for protocol, title in titles.items()
        if any(way.protocol == protocol for way in ways)
    ]
    can_profile = any(way.protocol != ways_in.SMTP for way in ways) and ways_in.best(ways_in.SMTP)
    return page(
        request,
        visit,
        "programs",
        "webmail/settings_setup.html",
        {
            "ways": ways,
            "parts": parts,
            "no_ways": _("This host lets no mail program in. Its administrator can open the doors for it."),
            "only_here": _(
                "These doors are open on this machine only: a phone cannot reach them. The administrator decides where they listen."
            )
            if ways_in.only_here()
            else "",
            "qr": mark_safe(ways_in.qr(settings.PUBLIC_URL + request.path)),  # noqa: S308 - drawn by us
            "qr_label": _("The address of this page as a code to scan"),
            "profile_url": reverse("mail:settings-profile") if can_profile else "",
        },
    )


@visiting
def profile(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The account for Apple devices, without its password."""
    _require_own(visit)
    try:
        data = ways_in.profile(
            username=visit.account.username, address=visit.address, name=visit.account.full_name
        )
    except LookupError as error:
        raise Http404(str(error)) from error
    response = HttpResponse(data, content_type="application/x-apple-aspen-config")
    response["Content-Disposition"] = 'attachment; filename="mailstead.mobileconfig"'
    return response


def _require_own(visit: Visit) -> None:
    """Programs open the mailbox of who signs in; there is no such page for somebody else's."""
    if visit.account.mailspace != visit.mailspace:
        raise Http404(_("Programs are set up from your own mailbox."))


@require_safe
@cache_control(max_age=3600, public=True)
def autoconfig(request: HttpRequest) -> HttpResponse:
    """`/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=ann@example.test`."""
    domain = request.GET.get("emailaddress", "")[:500].rpartition("@")[2].strip().lower()
    if not domain or "\x00" in domain or not Directory().is_local_domain(domain):
        raise Http404
    return HttpResponse(ways_in.autoconfig(domain), content_type="application/xml")
