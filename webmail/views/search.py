"""`/mail/search/?q=`: what the store finds, as the same rows as a list. Understanding is webmail.search_box's."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.access import senders_for
from mta.mailstore import service as mailstore
from mta.values import ALL
from webmail.boxes import Box
from webmail.rows import rows_of
from webmail.search_box import MAX_TEXT, Names, parse
from webmail.views.mail import key, key_of, targets
from webmail.visit import Visit, show, visiting

MAX_PAGES_BACK = 50
FIRST = "0"  # the key of the first page, among those of the pages before


@visiting
def search(request: HttpRequest, visit: Visit) -> HttpResponse:
    """A page of results; `back` keeps the keys of the pages before, because a search has no way backwards."""
    text = request.GET.get("q", "").strip()[:MAX_TEXT]
    own = tuple(each.address for each in senders_for(visit.account.pk) if each.mailspace == visit.mailspace)
    asked = parse(
        text, Names(visit.mailboxes, own or (visit.address,), timezone.get_current_timezone(), timezone.now())
    )
    clock = mailstore.clocks([visit.mailspace])[visit.mailspace]
    before = key(request.GET.get("before"))
    page = mailstore.search_threads(
        visit.mailspace,
        asked.criteria,
        before=before,
        limit=visit.preferences.page_size,
        include_junk_trash=asked.everywhere,
    )
    place = Box(ALL, "all", _("Search"))
    back = [part for part in request.GET.get("back", "").split(".") if part == FIRST or key(part)][
        -MAX_PAGES_BACK:
    ]
    first = len(back) * visit.preferences.page_size + 1
    older = newer = ""
    if page.has_older and page.rows:
        older = _url(
            q=text, before=key_of(page.rows[-1]), back=".".join([*back, request.GET.get("before") or FIRST])
        )
    if back:
        newer = _url(q=text, before="" if back[-1] == FIRST else back[-1], back=".".join(back[:-1]))
    last = first + len(page.rows) - 1
    return show(
        request,
        visit,
        "webmail/search.html",
        {
            "box": place,
            "clock": clock,
            "query": text,
            "rows": rows_of(page.rows, place, visit.mailboxes, first=first, search=text),
            "page": page,
            "pager": {
                "first": first if page.rows else 0,
                "last": last if page.rows else 0,
                # Counted as far as an index knows that they are few; "many" otherwise.
                "total": page.total if page.total is not None else (None if page.has_older else last),
                "newer_url": newer,
                "older_url": older,
            },
            "chips": _chips(text),
            "everywhere": asked.everywhere,
            "everywhere_url": _url(q=f"{text} in:anywhere"),
            "title": f"{text or _('Search')} - {visit.address} - Mailstead",
            "targets": targets(visit, place),
        },
    )


def _url(**params: str) -> str:
    return f"{reverse('mail:search')}?{urlencode({name: value for name, value in params.items() if value})}"


def _chips(text: str) -> list[dict[str, object]]:
    """The choices under the field: each adds one operator to the text, or takes it out again."""
    choices = (
        ("is:unread", _("Unread")),
        ("is:starred", _("Starred")),
        ("has:attachment", _("With attachment")),
        ("from:me", _("From me")),
        ("to:me", _("To me")),
        ("newer_than:7d", _("Last 7 days")),
        ("newer_than:1y", _("Last year")),
    )
    words = text.split()
    chips = []
    for operator, label in choices:
        on = operator in words
        changed = [word for word in words if word != operator] if on else [*words, operator]
        chips.append({"text": label, "on": on, "url": _url(q=" ".join(changed)) if changed else _url(q="")})
    return chips
