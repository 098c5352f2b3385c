"""`/mail/settings/outside/`: addresses at other hosts to write from, each with its server and how far it is proven."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from hosting import audit
from hosting.actor import Actor
from hosting.errors import HostingError
from hosting.views.frame import client_ip
from webmail.views.settings_frame import page
from webmail.visit import Visit, visiting

from . import forms, hosts, senders
from .errors import BadPassword, Trouble
from .forms import Asked, Wrong
from .models import OutsideAddress
from .views import require_own

HOME = "mail:settings-outside"


@sensitive_post_parameters("password")
@visiting
def outside(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The addresses, and the form for another one."""
    require_own(visit)
    if request.method != "POST":
        return _page(request, visit)
    asked: Asked | None = None
    try:
        asked = forms.read(request.POST.dict(), kind="smtp")
        row = senders.add(visit.account, visit.mailspace, asked, name=request.POST.get("name", "")[:400])
    except Wrong as wrong:
        return _page(request, visit, errors={wrong.field: str(wrong)}, asked=asked)
    except BadPassword as wrong:
        return _page(request, visit, errors={"password": str(wrong)}, asked=asked)
    except HostingError as wrong:
        return _page(request, visit, errors={"name": str(wrong)}, asked=asked)
    except Trouble as trouble:
        return _page(request, visit, errors={"host": str(trouble)}, asked=asked)
    if row.confirmed_at is None:
        messages.info(request, _("We wrote to %s. Enter the code of that mail here.") % row.address)
    else:
        messages.info(request, _("Settings saved."))
    return redirect(HOME)


@require_POST
@visiting
def change(request: HttpRequest, visit: Visit, outside: int) -> HttpResponse:
    """Enter the code, ask for another one, or remove the address: `do`."""
    require_own(visit)
    row = OutsideAddress.objects.filter(pk=outside, account=visit.account, mailspace=visit.mailspace).first()
    if row is None:
        raise Http404
    try:
        said = _do(request, visit, row)
    except Trouble as trouble:
        messages.error(request, str(trouble))
        return redirect(HOME)
    messages.info(request, said)
    return redirect(HOME)


def _do(request: HttpRequest, visit: Visit, row: OutsideAddress) -> str:
    actor = Actor(visit.account, "web mail", client_ip(request))
    match request.POST.get("do", ""):
        case "confirm":
            senders.confirm(row, request.POST.get("code", ""))
            audit.record(actor, "account.outside.add", of=visit.account, after={"address": row.address})
            return _("You can write as %s now: choose it in From.") % row.address
        case "again":
            if row.confirmed_at is None:
                senders.send_code(row)
            return _("We wrote to %s. Enter the code of that mail here.") % row.address
        case "remove":
            if row.confirmed_at is not None:
                audit.record(
                    actor, "account.outside.remove", of=visit.account, before={"address": row.address}
                )
            row.delete()
            return _("%s is forgotten here, with its password.") % row.address
    raise Http404


def _page(
    request: HttpRequest, visit: Visit, *, errors: dict[str, str] | None = None, asked: Asked | None = None
) -> HttpResponse:
    rows = OutsideAddress.objects.filter(account=visit.account, mailspace=visit.mailspace).order_by("address")
    names = ("address", "name", "username", "host", "port", "tls")
    said = {name: request.POST.get(name, "") for name in names}
    if asked is not None:
        said |= {"host": asked.server.host, "port": str(asked.server.port), "tls": asked.server.tls}
    elif request.method != "POST":
        said["name"] = visit.account.full_name
    known = hosts.guess(said["address"]) if "@" in said["address"] else None
    context: dict[str, Any] = {
        "rows": list(rows),
        "said": said,
        "errors": errors or {},
        "hint": known if errors and "password" in errors else None,
    }
    return page(request, visit, "outside", "moving/outside.html", context, status=422 if errors else 200)
