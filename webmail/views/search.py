"""`/mail/search/?q=`: what the store finds, as the same rows as a list; `/mail/search/advanced/`: the form alone.

What a chip's or the advanced form sends (`edit=1`, fields of webmail.search_fields) becomes a line, and the line the
address. Understanding a line is webmail.search_box's business; suggestions are views.suggest's.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import formats
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from mta.mailstore import service as mailstore
from mta.mailstore.errors import TooMuch
from mta.mailstore.service import ThreadPage
from mta.values import ALL
from webmail import search_chips
from webmail.boxes import Box
from webmail.highlight import highlights
from webmail.rows import rows_of
from webmail.search_advice import advice
from webmail.search_box import MAX_TEXT, Search
from webmail.searching import search_url, understood
from webmail.templatetags.look import as_datetime
from webmail.views.mail import key, key_of, targets
from webmail.visit import Visit, number, show, visiting, wants_parts

MAX_PAGES_BACK = 50
FIRST = "0"  # the key of the first page, among those of the pages before
BEST = "best"  # the order by how well a message matches


@require_GET
@visiting
def search(request: HttpRequest, visit: Visit) -> HttpResponse:
    """A page of results. By date, `back` keeps the keys of the pages before, because a search has no way backwards."""
    text = request.GET.get("q", "").strip()[:MAX_TEXT]
    sort = BEST if request.GET.get("sort") == BEST else ""
    if "edit" in request.GET:
        text = search_chips.from_form(text, request.GET.dict())
        if not wants_parts(request):
            return redirect(search_url(q=text, sort=sort))
    asked = understood(visit, text)
    marks = highlights(asked.criteria)
    clock = visit.clock  # before the rows: a change between is told again
    ranked = sort == BEST and bool(marks)
    page, first, slow = _page(request, visit, asked, best=ranked)
    newer, older = _neighbours(request, visit, text, page, best=ranked)
    place = Box(ALL, "all", _("Search"))
    last = first + len(page.rows) - 1
    return show(
        request,
        visit,
        "webmail/search.html",
        {
            "box": place,
            "clock": clock,
            "query": text,
            "canonical": search_url(q=text, sort=sort) if "edit" in request.GET else "",
            "rows": rows_of(page.rows, place, visit.mailboxes, first=first, search=text, marks=marks),
            "page": page,
            "pager": {
                "first": first if page.rows else 0,
                "last": last if page.rows else 0,
                # Counted as far as an index knows that they are few; "many" otherwise.
                "total": page.total if page.total is not None else (None if page.has_older else last),
                "newer_url": newer,
                "older_url": older,
            },
            "chips": search_chips.chips(text, sort=sort),
            "advice": None if page.rows else advice(asked),
            "sort": sort,
            "sorts": bool(marks),
            "by_date_url": search_url(q=text),
            "by_match_url": search_url(q=text, sort=BEST),
            "slow": slow,
            "reached": _day(page.reached),
            "further_url": _further(text, page, older, best=ranked),
            "everywhere_url": search_url(q=f"{text} in:anywhere".strip(), sort=sort),
            "aside_url": search_url(q=text, advanced="1", sort=sort),
            "advanced": search_chips.advanced(text, visit.mailboxes) if "advanced" in request.GET else None,
            "title": f"{text or _('Search')} - {visit.address} - Mailstead",
            "targets": targets(visit, place),
        },
    )


def _page(request: HttpRequest, visit: Visit, asked: Search, *, best: bool) -> tuple[ThreadPage, int, bool]:
    """A page, the place of its first row, and whether the search was given up because it took too long."""
    size = visit.preferences.page_size
    offset = min(number(request.GET.get("from", "")) or 0, 10_000)
    first = offset + 1 if best else len(_back(request)) * size + 1
    try:
        page = mailstore.search_threads(
            visit.mailspace,
            asked.criteria,
            before=None if best else key(request.GET.get("before")),
            limit=size,
            include_junk_trash=asked.everywhere,
            best_from=offset if best else None,
        )
    except TooMuch:
        return ThreadPage((), False, False, 0, 0, 0), 1, True
    return page, first, False


def _back(request: HttpRequest) -> list[str]:
    parts = request.GET.get("back", "").split(".")
    return [part for part in parts if part == FIRST or key(part)][-MAX_PAGES_BACK:]


def _neighbours(
    request: HttpRequest, visit: Visit, text: str, page: ThreadPage, *, best: bool
) -> tuple[str, str]:
    """The addresses of the pages before and after this one."""
    newer = older = ""
    if best:
        size = visit.preferences.page_size
        offset = min(number(request.GET.get("from", "")) or 0, 10_000)
        if page.has_older:
            older = search_url(q=text, sort=BEST, **{"from": str(offset + size)})
        if offset:
            newer = search_url(q=text, sort=BEST, **{"from": str(max(0, offset - size) or "")})
        return newer, older
    back = _back(request)
    if page.reached is not None or (page.has_older and page.rows):
        here = request.GET.get("before") or FIRST
        last = key_of(page.rows[-1]) if page.reached is None else _key_below(page.reached)
        older = search_url(q=text, before=last, back=".".join([*back, here]))
    if back:
        newer = search_url(q=text, before="" if back[-1] == FIRST else back[-1], back=".".join(back[:-1]))
    return newer, older


def _key_below(moment: int) -> str:
    """Of a page of what arrived then or before."""
    return f"{moment + 1}-0"


def _further(text: str, page: ThreadPage, older: str, *, best: bool) -> str:
    """Where a search goes on that took too long; the best of what is older still has no order."""
    if page.reached is None:
        return ""
    return search_url(q=text, before=_key_below(page.reached), back=FIRST) if best else older


def _day(moment: int | None) -> str:
    day = as_datetime(moment)
    return "" if day is None else formats.date_format(day, "DATE_FORMAT")


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
