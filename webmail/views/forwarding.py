"""Forwarding: `/mail/settings/forwarding/` for who owns the mailbox, `/forward/<token>/` for whom it is forwarded to.

The second is open to anybody who has the link that was sent to the address: it says who asks, and agrees by a button
(mail programs and scanners follow links by themselves, so a GET changes nothing).
"""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mta.filters import service as filters
from mta.filters.service import CannotFilter, NoSuchForwarding
from webmail.views.settings_frame import page
from webmail.views.settings_programs import programs
from webmail.visit import Visit, number, visiting


def may_own(visit: Visit) -> bool:
    return visit.access.rights == "own"


def require_own(visit: Visit) -> None:
    """Where the mail of somebody goes, and what is answered in their name, is for nobody else to say."""
    if not may_own(visit):
        raise Http404(_("Only the owner of this mailbox may change that."))


@require_GET
@visiting
def addresses(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The addresses, each with how far it is; below them what mail programs need."""
    own = may_own(visit)
    return page(
        request,
        visit,
        "forwarding",
        "webmail/settings_forwarding.html",
        {
            "may_own": own,
            "forwardings": filters.forwarding(visit.mailspace) if own else (),
            **programs(visit),
        },
    )


@require_POST
@visiting
def change(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask an address (again), forward everything there or not, keep a copy or not, remove it."""
    require_own(visit)
    try:
        said = _do(request, visit.mailspace)
    except NoSuchForwarding as gone:
        raise Http404(str(gone)) from gone
    except CannotFilter as refused:
        messages.error(request, str(refused))
    else:
        messages.info(request, said)
    return redirect("mail:settings-forwarding")


def _do(request: HttpRequest, space: int) -> str:
    asked, do = request.POST.get("address", "").strip()[:400], request.POST.get("do", "")
    id_ = number(request.POST.get("id", "")) or 0
    match do:
        case "ask":
            found = filters.ask_forwarding(space, asked, keep="keep" in request.POST)
            if found.confirmed:
                return _("%s has agreed already.") % found.address
            return _("We wrote to %s. Nothing is forwarded before somebody there agrees.") % found.address
        case "on" | "off":
            found = filters.change_forwarding(space, id_, enabled=do == "on")
            if found.enabled:
                return _("Everything that arrives is forwarded to %s.") % found.address
            return _("Nothing is forwarded to %s any more, but for what filters say.") % found.address
        case "keep" | "drop":
            filters.change_forwarding(space, id_, keep=do == "keep")
            if do == "keep":
                return _("A copy stays here.")
            return _("What is forwarded leaves no copy in the Inbox; it goes to Trash.")
        case "remove":
            filters.remove_forwarding(space, id_)
            return _("The address was removed.")
    raise CannotFilter(_("Nothing was chosen."))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Anybody with the link: who asks for what, and the button that agrees."""
    try:
        owner, address = filters.asked(token)
        if request.method == "POST":
            filters.confirm_forwarding(token)
    except NoSuchForwarding as gone:
        return render(request, "webmail/forward_confirm.html", {"gone": str(gone)}, status=404)
    context = {"owner": owner, "address": address, "agreed": request.method == "POST"}
    response = render(request, "webmail/forward_confirm.html", context)
    response["Referrer-Policy"] = "no-referrer"  # the address is the secret
    return response
