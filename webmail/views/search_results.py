"""A page of what a search found, and the ways from it: newer, older, further back.

By date a search has no way backwards, so an address keeps the keys of the pages before (`back`); by how well messages
match, it counts (`from`). Asked by views.search.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.utils import formats

from mta.mailstore import service as mailstore
from mta.mailstore.errors import TooMuch
from mta.mailstore.service import ThreadPage
from webmail.search_box import Search
from webmail.searching import search_url, understood
from webmail.templatetags.look import as_datetime
from webmail.views.mail import key, key_of
from webmail.visit import Visit, number

MAX_PAGES_BACK = 50
MAX_OFFSET = 10_000
FIRST = "0"  # the key of the first page, among those of the pages before
BEST = "best"  # the order by how well a message matches


@dataclass(frozen=True, slots=True)
class Results:
    """A page, the place of its first row, its neighbours' addresses; `slow`: the search was given up.

    `reached` is the day back to which was searched, if it took too long to search on, and `further` where it goes on.
    """

    page: ThreadPage
    first: int
    newer: str = ""
    older: str = ""
    slow: bool = False
    reached: str = ""
    further: str = ""

    @property
    def is_cut(self) -> bool:
        """Whether the search was given up before it had seen everything."""
        return self.slow or bool(self.reached)

    @property
    def pager(self) -> dict[str, object]:
        """Counted as far as an index knows that they are few; "many" otherwise."""
        page = self.page
        last = self.first + len(page.rows) - 1
        return {
            "first": self.first if page.rows else 0,
            "last": last if page.rows else 0,
            "total": page.total if page.total is not None else (None if page.has_older else last),
            "newer_url": self.newer,
            "older_url": self.older,
        }


def results(request: HttpRequest, visit: Visit, asked: Search, *, best: bool) -> Results:
    """What the address asks for."""
    try:
        return _best(request, visit, asked) if best else _newest(request, visit, asked)
    except TooMuch:
        return Results(ThreadPage((), False, False, 0, 0, 0), 1, slow=True)


def finds(visit: Visit, line: str) -> bool:
    """Whether a search finds something, as far as that is known in its time."""
    asked = understood(visit, line)
    try:
        page = mailstore.search_threads(
            visit.mailspace, asked.criteria, limit=1, include_junk_trash=asked.everywhere
        )
    except TooMuch:
        return False
    return bool(page.rows)


def _best(request: HttpRequest, visit: Visit, asked: Search) -> Results:
    size = visit.preferences.page_size
    offset = min(number(request.GET.get("from", "")) or 0, MAX_OFFSET)
    page = mailstore.search_threads(
        visit.mailspace,
        asked.criteria,
        limit=size,
        include_junk_trash=asked.everywhere,
        best_from=offset,
    )

    def at(place: int) -> str:
        return search_url(q=asked.text, sort=BEST, **{"from": str(place or "")})

    # What is older than was searched has no order yet: it goes on by date.
    further = (
        "" if page.reached is None else search_url(q=asked.text, before=_key_below(page.reached), back=FIRST)
    )
    return Results(
        page,
        offset + 1,
        newer=at(max(0, offset - size)) if offset else "",
        older=at(offset + size) if page.has_older and not further else further,
        reached=_day(page.reached),
        further=further,
    )


def _newest(request: HttpRequest, visit: Visit, asked: Search) -> Results:
    before, back = request.GET.get("before"), _back(request)
    page = mailstore.search_threads(
        visit.mailspace,
        asked.criteria,
        before=key(before),
        limit=visit.preferences.page_size,
        include_junk_trash=asked.everywhere,
    )
    newer = older = ""
    if page.reached is not None or (page.has_older and page.rows):
        last = key_of(page.rows[-1]) if page.reached is None else _key_below(page.reached)
        older = search_url(q=asked.text, before=last, back=".".join([*back, before or FIRST]))
    if back:
        above = "" if back[-1] == FIRST else back[-1]
        newer = search_url(q=asked.text, before=above, back=".".join(back[:-1]))
    return Results(
        page,
        len(back) * visit.preferences.page_size + 1,
        newer=newer,
        older=older,
        reached=_day(page.reached),
        further="" if page.reached is None else older,
    )


def _back(request: HttpRequest) -> list[str]:
    parts = request.GET.get("back", "").split(".")
    return [part for part in parts if part == FIRST or key(part)][-MAX_PAGES_BACK:]


def _key_below(moment: int) -> str:
    """Of a page of what arrived then or before."""
    return f"{moment + 1}-0"


def _day(moment: int | None) -> str:
    day = as_datetime(moment)
    return "" if day is None else formats.date_format(day, "DATE_FORMAT")
