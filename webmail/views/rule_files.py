"""Filters as a file, out and in; for the owner of a mailbox, as forwarding and the automatic reply go along.

Our own JSON comes in at once. Gmail's mailFilters.xml is shown first: what each filter will look for and do here, and
what cannot be brought; the page carries the file along, so that nothing is kept of one that is not wanted.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from mta.archive import gmail_filters
from mta.archive.gmail_filters import NotFilters
from mta.filters import service as filters
from mta.filters.service import CannotFilter
from mta.mailstore.errors import StoreError
from webmail.gmail_rules import Brought, Here, translated
from webmail.own_html import mail_html
from webmail.searching import understood
from webmail.views.forwarding import require_own
from webmail.views.settings_frame import page
from webmail.visit import Visit, number, visiting

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
    """Add what such a file holds to what is here; Gmail's is shown before."""
    require_own(visit)
    try:
        if carried := request.POST.get("gmail"):
            chosen = {number(each) for each in request.POST.getlist("take")}
            brought = _brought(visit, _carried(carried))
            entries = [each.entry for at, each in enumerate(brought) if at in chosen and each.entry]
        else:
            data = _file(request)
            if gmail_filters.is_xml(data):
                return _before(request, visit, data)
            entries = _entries(data)
        count, refused = filters.restore(visit.mailspace, entries, cause=visit.cause)
    except (CannotFilter, StoreError) as wrong:
        messages.error(request, str(wrong))
        return redirect("mail:settings-filters")
    said = ngettext("%d entry was added.", "%d entries were added.", count) % count
    messages.info(request, " ".join((said, *refused[:5])))
    return redirect("mail:settings-filters")


def _file(request: HttpRequest) -> bytes:
    file = request.FILES.get("file")
    if file is None:
        raise CannotFilter(_("Choose a file."))
    if (file.size or 0) > MAX_FILE:
        raise CannotFilter(_("That file is too large for filters."))
    return bytes(file.read())


def _entries(data: bytes) -> list[Any]:
    try:
        held = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise CannotFilter(_("That is not a file of filters.")) from None
    entries = held.get("entries") if isinstance(held, dict) else held
    if not isinstance(entries, list):
        raise CannotFilter(_("That is not a file of filters."))
    return [_clean(each) for each in entries]


def _clean(entry: Any) -> Any:
    """The automatic reply goes out as it stands: of its HTML stays what the editor could have made."""
    if isinstance(entry, dict) and isinstance(entry.get("html"), str):
        return entry | {"html": mail_html(entry["html"][:MAX_FILE], ())}
    return entry


# --- Gmail's
def _before(request: HttpRequest, visit: Visit, data: bytes) -> HttpResponse:
    """What would be made of the file; nothing is yet."""
    brought = _brought(visit, data)
    context = {
        "brought": brought,
        "fit": sum(each.entry is not None for each in brought),
        "carried": base64.b64encode(data).decode(),
    }
    return page(request, visit, "filters-import", "webmail/settings_filters_gmail.html", context)


def _brought(visit: Visit, data: bytes) -> list[Brought]:
    try:
        found = gmail_filters.read(data)
    except NotFilters:
        raise CannotFilter(_("That is not a file of filters.")) from None
    if not found:
        raise CannotFilter(_("There is no filter in this file."))
    agreed = frozenset(each.address for each in filters.forwarding(visit.mailspace) if each.confirmed)
    here = Here(visit.mailboxes, agreed, lambda line: understood(visit, line))
    return [translated(each, here) for each in found]


def _carried(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise CannotFilter(_("That is not a file of filters.")) from None
