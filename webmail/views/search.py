"""`/mail/search/?q=`: what the store finds, as the same rows as a list; `/mail/search/advanced/`: the form alone.

What a chip's or the advanced form sends (`edit=1`, fields of webmail.search_fields) becomes a line, and the line the
address. Understanding a line is webmail.search_box's business; suggestions are views.suggest's.
"""

from __future__ import annotations

from functools import partial

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from mta.values import ALL
from webmail import faces, search_chips
from webmail.boxes import Box
from webmail.highlight import highlights
from webmail.rows import rows_of
from webmail.search_advice import advice
from webmail.search_box import MAX_TEXT
from webmail.searching import search_url, understood
from webmail.views.mail import targets
from webmail.views.search_results import BEST, finds, results
from webmail.visit import Visit, show, visiting, wants_parts


@require_GET
@visiting
def search(request: HttpRequest, visit: Visit) -> HttpResponse:
    """A page of results; what a form sent becomes a line first."""
    text = request.GET.get("q", "").strip()[:MAX_TEXT]
    sort = BEST if request.GET.get("sort") == BEST else ""
    if "edit" in request.GET:
        text = search_chips.from_form(text, request.GET.dict())
        if not wants_parts(request):
            return redirect(search_url(q=text, sort=sort))
    asked = understood(visit, text)
    marks = highlights(asked.criteria)
    clock = visit.clock  # before the rows: a change between is told again
    found = results(request, visit, asked, best=sort == BEST and bool(marks))
    page, place = found.page, Box(ALL, "all", _("Search"))
    return show(
        request,
        visit,
        "webmail/search.html",
        {
            "box": place,
            "clock": clock,
            "query": text,
            "canonical": search_url(q=text, sort=sort) if "edit" in request.GET else "",
            "rows": faces.on_rows(
                visit,
                rows_of(page.rows, place, visit.mailboxes, first=found.first, search=text, marks=marks),
            ),
            "page": page,
            "pager": found.pager,
            "chips": search_chips.chips(text, sort=sort),
            "advice": None
            if page.rows or page.aside or found.is_cut
            else advice(asked, partial(finds, visit)),
            "sort": sort,
            "sorts": bool(marks),
            "by_date_url": search_url(q=text),
            "by_match_url": search_url(q=text, sort=BEST),
            "slow": found.slow,
            "reached": found.reached,
            "further_url": found.further,
            "everywhere_url": search_url(q=f"{text} in:anywhere".strip(), sort=sort),
            "advanced": search_chips.advanced(text, visit.mailboxes) if "advanced" in request.GET else None,
            "title": f"{text or _('Search')} - {visit.address} - Mailstead",
            "targets": targets(visit, place),
        },
    )


@require_GET
@visiting
def advanced(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The advanced form as a line fills it, for the panel under the field."""
    text = request.GET.get("q", "").strip()[:MAX_TEXT]
    return render(
        request,
        "webmail/search_advanced.html",
        {"query": text, "advanced": search_chips.advanced(text, visit.mailboxes)},
    )
