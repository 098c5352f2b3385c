"""`/mail/changes/`: everything that was done to this mailbox, by whom, and the way back. Words: webmail.changes."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from mta.mailstore import service as mailstore
from mta.mailstore.errors import StoreError
from webmail import changes as said
from webmail.visit import Visit, number, show, visiting, wants_parts

PAGE = 40


@require_GET
@visiting
def changes(request: HttpRequest, visit: Visit) -> HttpResponse:
    """A page of the journal, newest first; `before` is the time of the last line shown."""
    before = number(request.GET.get("before", ""))
    lines = mailstore.history(visit.mailspace, before=before, limit=PAGE + 1)
    shown = lines[:PAGE]
    return show(
        request,
        visit,
        "webmail/history.html",
        {
            "clock": mailstore.clocks([visit.mailspace])[visit.mailspace],
            "days": said.days(shown, me=visit.account.username, mailboxes=visit.mailboxes),
            "older_url": f"?{urlencode({'before': shown[-1].at})}" if lines[PAGE:] else "",
            "first_page": before is None,
            "changes_current": True,
            "title": f"{_('Recent changes')} - {visit.address} - Mailstead",
        },
    )


@require_POST
@visiting
def undo(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Take one change back."""
    if not visit.may_organise:
        raise Http404(_("You may read this mailbox, but not change it."))
    try:
        mailstore.undo(visit.mailspace, request.POST.get("action", "")[:32], cause=visit.cause)
    except StoreError as error:
        if wants_parts(request):
            return JsonResponse({"text": str(error)}, status=400)
        messages.error(request, str(error))
        return redirect("mail:changes")
    if wants_parts(request):
        return JsonResponse({"text": _("Taken back."), "running": False})
    messages.info(request, _("Taken back."))
    return redirect("mail:changes")
