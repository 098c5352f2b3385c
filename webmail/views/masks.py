"""Masked addresses: `/mail/settings/masks/` for who owns the mailbox, and a new one from the window that writes."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from hosting import masks, names
from hosting.actor import Actor
from hosting.errors import HostingError, NotFound
from hosting.models import Mask
from hosting.views.frame import client_ip
from webmail.compose import CannotWrite
from webmail.views.compose import posted
from webmail.views.forwarding import may_own, require_own
from webmail.views.settings_frame import page
from webmail.visit import Visit, visiting
from webmail.writing import Desk, writing


@visiting
def every(request: HttpRequest, visit: Visit) -> HttpResponse:
    """All of them, and a form for one more. A POST makes it."""
    require_own(visit)
    note = request.POST.get("note", "")[:200]
    if request.method != "POST":
        return _page(request, visit)
    try:
        made = masks.make(visit.account, visit.mailspace, note=note, actor=_actor(request, visit))
    except HostingError as error:
        return _page(request, visit, note=note, error=str(error), status=422)
    shown = names.shown_address(str(made.address))
    messages.success(request, _("%s is yours. Give it away in place of your own address.") % shown)
    return redirect("mail:settings-masks")


def _page(
    request: HttpRequest, visit: Visit, *, note: str = "", error: str = "", status: int = 200
) -> HttpResponse:
    rows = [_row(each) for each in masks.of(visit.account, visit.mailspace)[: masks.MOST]]
    context = {"masks": rows, "note": note, "error": error}
    return page(request, visit, "masks", "webmail/settings_masks.html", context, status=status)


def _row(mask: Mask) -> dict[str, Any]:
    address = str(mask.address)
    return {
        "id": mask.pk,
        "address": names.shown_address(address),
        "note": mask.note,
        "is_open": not mask.address.closed,
        "used": mask.used,
        "last_used_at": mask.last_used_at,
        "mail": f"{reverse('mail:search')}?{urlencode({'q': f'deliveredto:{address}'})}",
    }


@require_POST
@visiting
def change(request: HttpRequest, visit: Visit, mask: int) -> HttpResponse:
    """`do`: disable, enable, note or delete. A message's panel asks with `next`, and gets the reader back to it."""
    require_own(visit)
    try:
        found = masks.find(visit.account, visit.mailspace, mask)
    except NotFound as gone:
        raise Http404(str(gone)) from gone
    messages.info(request, _do(request, visit, found))
    if next_ := _number_of_message(request.POST.get("message", "")):
        return redirect("mail:why", next_)
    return redirect("mail:settings-masks")


def _number_of_message(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _do(request: HttpRequest, visit: Visit, found: Mask) -> str:
    actor, shown = _actor(request, visit), names.shown_address(str(found.address))
    match request.POST.get("do", ""):
        case "disable":
            masks.set_open(found, False, actor=actor)
            return _("%s is disabled. Mail to it is refused.") % shown
        case "enable":
            masks.set_open(found, True, actor=actor)
            return _("%s takes mail again.") % shown
        case "note":
            masks.set_note(found, request.POST.get("note", ""))
            return _("The note is saved.")
        case "delete":
            masks.remove(found, actor=actor)
            return _("%s is deleted.") % shown
    return _("Nothing was chosen.")


@require_POST
@writing
def from_compose(request: HttpRequest, desk: Desk) -> JsonResponse:
    """A new one to write this very message from: `{"note": "shop.example"}` → `{"address": …}`."""
    if not may_own(desk.visit):
        raise CannotWrite(_("Only the owner of this mailbox may change that."))
    note = posted(request).get("note", "")
    try:
        made = masks.make(
            desk.visit.account,
            desk.mailspace,
            note=note if isinstance(note, str) else "",
            actor=_actor(request, desk.visit),
        )
    except HostingError as error:
        raise CannotWrite(str(error)) from error
    return JsonResponse({"address": str(made.address)})


def _actor(request: HttpRequest, visit: Visit) -> Actor:
    return Actor(visit.account, "web mail", client_ip(request))
