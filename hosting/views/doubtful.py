"""Doubtful mail of one domain: what is held for its people, and what happens with such mail."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from hosting import access, inbound
from hosting.errors import NotFound
from hosting.forms import InboundForm
from hosting.models import Domain
from hosting.views.domains import frame, get
from hosting.views.frame import PanelRequest, attempt, panel, show
from mta.directory import InboundPolicy
from mta.mailstore.service import KEEP_DAYS

PAGE = 50


@require_http_methods(["GET", "HEAD", "POST"])
@panel
def page(request: PanelRequest, name: str) -> HttpResponse:
    """Both; a POST changes what happens with such mail."""
    domain = get(request.actor, name)
    form = InboundForm(request.POST or None, policy=inbound.policy(domain))
    if request.method == "POST" and form.is_valid():
        wanted = InboundPolicy(**form.policy())
        changed = attempt(form, lambda: inbound.set_policy(domain, wanted, actor=request.actor))
        if changed is not None:
            messages.success(request, _("Saved. It holds for mail that arrives from now on."))
            return redirect("hosting:doubtful", domain.name)
    return show(
        request, "doubtful.html", **_context(request, domain, form), status=422 if form.errors else 200
    )


def _context(request: PanelRequest, domain: Domain, form: InboundForm) -> dict[str, Any]:
    before = _key(request.GET.get("before", ""))
    found = inbound.held_for(domain, actor=request.actor, before=before, limit=PAGE + 1)
    older = "{}.{}".format(*found[PAGE - 1].held.key) if len(found) > PAGE else ""
    return frame(request, domain, tab="doubtful") | {
        "rows": found[:PAGE],
        "older_url": f"?before={older}" if older else "",
        "form": form,
        "keep_days": KEEP_DAYS,
        "may_change": access.may(request.actor, access.DOMAIN_EDIT, domain),
    }


@require_POST
@panel
def settle(request: PanelRequest, name: str) -> HttpResponse:
    """Release or delete a held message."""
    domain = get(request.actor, name)
    account, message = request.POST.get("account", ""), request.POST.get("message", "")
    do = request.POST.get("do", "")
    if not (_is_number(account) and _is_number(message) and do in ("release", "delete")):
        raise NotFound(_("That message is no longer held."))
    said = inbound.settle(domain, int(account), int(message), do, actor=request.actor)
    messages.success(request, said)
    return redirect("hosting:doubtful", domain.name)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


def _key(text: str) -> tuple[int, int] | None:
    at, _dot, message = text.partition(".")
    return (int(at), int(message)) if _is_number(at) and _is_number(message) else None
