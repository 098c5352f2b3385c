"""The list of a place: `/mail/inbox/`, `/mail/label/Work/`. Reads one page of kept rows; changes nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from mta.mailstore import service as mailstore
from mta.mailstore.service import ThreadLine, ThreadPage
from webmail.boxes import Box, box_of
from webmail.letters import deliveries_of
from webmail.rows import rows_of
from webmail.visit import Visit, show, visiting

Key = tuple[int, int]


def index(request: HttpRequest) -> HttpResponseRedirect:
    """`/mail/`"""
    return redirect("mail:inbox")


@visiting
def box(request: HttpRequest, visit: Visit, box: str) -> HttpResponse:
    """A page of a place. `before` and `after` are keys of rows, so a page stays where it is when mail arrives."""
    place = visit.box(box)
    clock = mailstore.clocks([visit.mailspace])[
        visit.mailspace
    ]  # before the rows: a change between is told again
    page = _page(visit, place, request)
    first = page.position + 1 if page.rows else 0
    return show(
        request,
        visit,
        "webmail/list.html",
        {
            "box": place,
            "clock": clock,
            "rows": rows_of(
                page.rows, place, visit.mailboxes, first=first, deliveries=deliveries(visit, place, page.rows)
            ),
            "page": page,
            "pager": _pager(place, page, first),
            "first_page": page.position == 0,
            "empty": empty_words(place),
            "title": page_title(visit, place),
            "targets": targets(visit, place),
        },
    )


def deliveries(visit: Visit, place: Box, lines: Sequence[ThreadLine]) -> dict[int, tuple[str, str]]:
    """In Sent, how the newest message of each line stands where it has not reached everybody."""
    if place.slug != "sent" or not lines:
        return {}
    return deliveries_of(visit.mailspace, [line.last_message for line in lines])


def _page(visit: Visit, place: Box, request: HttpRequest) -> ThreadPage:
    size = visit.preferences.page_size
    if request.GET.get("last"):
        return mailstore.threads(visit.mailspace, place.id, limit=size, oldest_first=True)
    before, after = key(request.GET.get("before")), key(request.GET.get("after"))
    page = mailstore.threads(visit.mailspace, place.id, before=before, after=after, limit=size)
    if (after or before) and (not page.rows or (after and page.position == 0)):
        return mailstore.threads(visit.mailspace, place.id, limit=size)
    return page


def key(text: str | None) -> Key | None:
    """A row's key in an address: `<sort_at>-<thread>`."""
    match = re.fullmatch(r"(\d{1,18})-(\d{1,18})", text or "")
    return (int(match[1]), int(match[2])) if match else None


def key_of(line: ThreadLine) -> str:
    return f"{line.sort_at}-{line.thread}"


def _pager(place: Box, page: ThreadPage, first: int) -> dict[str, Any]:
    newer = older = ""
    if page.rows and page.has_newer:
        newer = f"{place.url}?{urlencode({'after': key_of(page.rows[0])})}"
    if page.rows and page.has_older:
        older = f"{place.url}?{urlencode({'before': key_of(page.rows[-1])})}"
    return {
        "first": first,
        "last": first + len(page.rows) - 1 if page.rows else 0,
        "total": page.total,
        "newer_url": newer,
        "older_url": older,
    }


def page_title(visit: Visit, place: Box) -> str:
    """`Inbox (3) - ann@example.test - Mailstead`"""
    unread = next((each.unread_threads for each in visit.mailboxes if each.id == place.id), 0)
    unread = 0 if place.is_outgoing or place.slug in ("trash", "archive") else unread
    counted = f"{place.title} ({unread})" if unread else place.title
    return f"{counted} - {visit.address} - Mailstead"


def targets(visit: Visit, place: Box) -> list[Box]:
    """Where conversations may be moved, for the menu: labels first, then the places that take mail."""
    from_roles = {"inbox", "archive", "spam", "trash"}
    every = [each for each in map(box_of, visit.mailboxes) if each.id != place.id]
    labels = sorted((each for each in every if each.is_label), key=lambda each: each.name.casefold())
    return labels + [each for each in every if each.slug in from_roles]


def empty_words(place: Box) -> dict[str, str]:
    """What an empty place says: one sentence in the letter voice, one plain."""
    words = {
        "inbox": (_("Nothing waiting for you."), _("New mail appears here by itself.")),
        "starred": (_("No stars yet."), _("Star a conversation to find it here again.")),
        "snoozed": (_("Nothing is asleep."), _("Conversations that sleep wait here until their time.")),
        "sent": (
            _("You have not sent anything yet."),
            _("What you send is kept here, with its way to each reader."),
        ),
        "drafts": (_("No drafts."), _("What you begin to write is kept here until you send it.")),
        "scheduled": (
            _("Nothing is waiting for its time."),
            _("Mail that is to be sent later is listed here."),
        ),
        "spam": (_("No spam."), _("What looks like spam is put here, with the reason.")),
        "trash": (_("Trash is empty."), _("What you delete stays here for 30 days.")),
        "archive": (_("The archive is empty."), _("Conversations that you archive are kept here.")),
        "all": (_("No mail yet."), _("Every conversation outside Spam and Trash is listed here.")),
    }
    title, text = words.get(
        place.slug, (_("No mail carries this label yet."), _("Drag conversations onto it, or use the key l."))
    )
    return {"title": title, "text": text}
