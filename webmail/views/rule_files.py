"""Filters as a JSON file, out and in; for the owner of a mailbox, as forwarding and the automatic reply go along."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from mta.filters import service as filters
from mta.filters.service import CannotFilter
from mta.mailstore.errors import StoreError
from webmail.views.forwarding import require_own
from webmail.visit import Visit, visiting

MAX_FILE = 2_000_000


@require_GET
@visiting
def export(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Filters, blocked senders, forwarding and the automatic reply as one JSON file."""
    require_own(visit)
    data = json.dumps({"mailstead": "filters", "entries": filters.stored(visit.mailspace)}, indent=1)
    return HttpResponse(
        data,
        content_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="filters.json"'},
    )


@require_POST
@visiting
def import_(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Add what such a file holds to what is here."""
    require_own(visit)
    try:
        count, refused = filters.restore(visit.mailspace, _entries(request), cause=visit.cause)
    except (CannotFilter, StoreError) as wrong:
        messages.error(request, str(wrong))
        return redirect("mail:settings-filters")
    said = ngettext("%d entry was added.", "%d entries were added.", count) % count
    messages.info(request, " ".join((said, *refused[:5])))
    return redirect("mail:settings-filters")


def _entries(request: HttpRequest) -> list[Any]:
    file = request.FILES.get("file")
    if file is None:
        raise CannotFilter(_("Choose a file."))
    if (file.size or 0) > MAX_FILE:
        raise CannotFilter(_("That file is too large for filters."))
    try:
        held = json.loads(file.read().decode("utf-8"))
    except (ValueError, RecursionError):
        raise CannotFilter(_("That is not a file of filters.")) from None
    entries = held.get("entries") if isinstance(held, dict) else held
    if not isinstance(entries, list):
        raise CannotFilter(_("That is not a file of filters."))
    return entries
