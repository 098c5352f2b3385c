"""`/mail/settings/export/`: everything of a mailbox as one file, made in the background and kept for seven days."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from hosting import audit, signing_in
from hosting.actor import Actor
from hosting.views.frame import client_ip
from webmail import chores
from webmail.models import Chore
from webmail.views.settings_frame import page
from webmail.visit import Visit, visiting


@visiting
def export(request: HttpRequest, visit: Visit) -> HttpResponse:
    """How far it is and what is ready; POST with the password begins."""
    _require_own(visit)
    if request.method != "POST":
        return _page(request, visit)
    password = request.POST.get("password", "")
    if signing_in.verify(visit.account.username, password, remember=False) is None:
        return _page(request, visit, error=_("That is not your password."), status=422)
    chores.start(visit.account, visit.mailspace, Chore.EXPORT)
    actor = Actor(visit.account, "web mail", client_ip(request))
    audit.record(actor, "account.export", of=visit.account, after={"format": "zip"})
    return redirect("mail:settings-export")


def _page(request: HttpRequest, visit: Visit, *, error: str = "", status: int = 200) -> HttpResponse:
    mine = Chore.objects.filter(account=visit.account, mailspace=visit.mailspace, kind=Chore.EXPORT)
    rows = list(mine.order_by("-id")[:5])
    context: dict[str, Any] = {
        "chore": next((row for row in rows if chores.is_open(row)), None),
        "failed": rows[0] if rows and rows[0].state == Chore.FAILED else None,
        "ready": [
            {"chore": row, "until": row.finished_at + chores.KEPT}
            for row in rows
            if row.state == Chore.DONE and row.file and row.finished_at
        ],
        "error": error,
    }
    return page(request, visit, "export", "webmail/settings_export.html", context, status=status)


@require_GET
@visiting
def download(request: HttpRequest, visit: Visit, chore: int) -> HttpResponseBase:
    """The file; only to who asked for it."""
    _require_own(visit)
    row = _chore(visit, chore, kind=Chore.EXPORT)
    path = chores.path_of(row)
    if row.state != Chore.DONE or path is None:
        raise Http404
    try:
        file = path.open("rb")
    except OSError as error:
        raise Http404(_("The file is no longer here.")) from error
    name = re.sub(r"[^\w.@-]", "-", visit.account.username)
    day = row.created_at.date().isoformat()
    return FileResponse(
        file, as_attachment=True, filename=f"{name}-{day}.zip", content_type="application/zip"
    )


@require_POST
@visiting
def remove(request: HttpRequest, visit: Visit, chore: int) -> HttpResponse:
    """Remove a file before its time, or stop what is under way."""
    row = _chore(visit, chore, kind=Chore.EXPORT)
    chores.remove(row)
    messages.info(request, _("The file is gone.") if row.file else _("Stopped."))
    return redirect("mail:settings-export")


@require_GET
@visiting
def progress(request: HttpRequest, visit: Visit, chore: int) -> JsonResponse:
    """How far a chore is, for the page that waits for it."""
    row = _chore(visit, chore)
    return JsonResponse(
        {"state": row.state, "done": row.done, "total": row.total, "ended": not chores.is_open(row)}
    )


def _chore(visit: Visit, id_: int, **which: str) -> Chore:
    found = Chore.objects.filter(pk=id_, account=visit.account, mailspace=visit.mailspace, **which).first()
    if found is None:
        raise Http404
    return found


def _require_own(visit: Visit) -> None:
    if visit.access.rights != "own":
        raise Http404(_("Only the owner of a mailbox may take it along."))
