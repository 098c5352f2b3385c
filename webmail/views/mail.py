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
from mta.mailstore.service import Section, ThreadLine, ThreadPage
from webmail import faces
from webmail.boxes import COMPOSE, Box, box_of, hidden_in_rows
from webmail.models import Preferences
from webmail.rows import Row, rows_of
from webmail.sendings import deliveries_of
from webmail.views.auto_reply import notice_of
from webmail.visit import Visit, show, visiting, zone_of
from webmail.welcome import Welcome, welcome_of

Key = tuple[int, int]


def index(request: HttpRequest) -> HttpResponseRedirect:
    """`/mail/`"""
    return redirect("mail:inbox")


@visiting
def box(request: HttpRequest, visit: Visit, box: str) -> HttpResponse:
    """A page of a place. `before` and `after` are keys of rows, so a page stays where it is when mail arrives."""
    place = visit.box(box)
    clock = visit.clock  # before the rows: a change between is told again
    section = _section(visit, place, request)
    page = _page(visit, place, request, section)
    first = page.position + 1 if page.rows else 0
    above = _above(visit, place, page, section)
    return show(
        request,
        visit,
        "webmail/list.html",
        {
            "box": place,
            "clock": clock,
            "above": above,
            "rows": rows_for(visit, place, page.rows, first=first),
            "page": page,
            "total": None if page.total is None else page.total + (above["total"] if above else 0),
            "section": section,
            "section_title": section_titles().get(section or "", "") if above else "",
            "whole": not above and not section,
            "pager": _pager(place, page, first, section=section, messages=not by_thread(visit)),
            "first_page": page.position == 0,
            "singles": not by_thread(visit),
            "empty": empty_words(place),
            "reply_notice": notice_of(visit),
            "welcome": _welcome(visit, place, page, request),
            "title": page_title(visit, place),
            "targets": targets(visit, place),
        },
    )


def _welcome(visit: Visit, place: Box, page: ThreadPage, request: HttpRequest) -> Welcome | None:
    """What a new mailbox shows above the first page of its inbox."""
    if place.slug != "inbox" or page.position:
        return None
    zone = zone_of(visit, request).key if request.COOKIES.get("tz") else ""
    return welcome_of(visit, conversations=visit.total(place), zone=zone)


@visiting
def snooze_choices(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The moments of the snooze menu, worked out anew for a page that was drawn some time ago."""
    place = visit.box(request.GET.get("box") or "inbox")
    return show(request, visit, "webmail/snooze_fresh.html", {"box": place})


def by_thread(visit: Visit) -> bool:
    """Whether a row is a conversation; else every message is one."""
    return visit.preferences.conversations


def rows_for(visit: Visit, place: Box, lines: Sequence[ThreadLine], *, first: int = 1) -> list[Row]:
    """Lines as rows of a place, as this person wants to see them."""
    rows = rows_of(
        lines,
        place,
        visit.mailboxes,
        first=first,
        deliveries=deliveries(visit, place, lines),
        hidden=hidden_in_rows(visit.preferences.label_looks),
        messages=not by_thread(visit),
    )
    return faces.on_rows(visit, rows)


def deliveries(visit: Visit, place: Box, lines: Sequence[ThreadLine]) -> dict[int, tuple[str, str]]:
    """In Sent, how the newest message of each line stands where it has not reached everybody; in Scheduled, what did
    not go at its hour."""
    stuck = [
        line for line in lines if place.slug == "sent" or (place.slug == "scheduled" and not line.wake_at)
    ]
    return deliveries_of(visit.mailspace, [line.last_message for line in stuck]) if stuck else {}


# The inbox in two parts (webmail spec 3.13): what is asked for first, and the rest.
_PARTS: dict[str, tuple[Section, Section]] = {
    Preferences.UNREAD_FIRST: ("unread", "read"),
    Preferences.STARRED_FIRST: ("starred", "unstarred"),
}
ABOVE = 25  # rows of the first part; the others are behind a link


def section_titles() -> dict[str, str]:
    return {
        "unread": _("Unread"),
        "starred": _("Starred"),
        "read": _("Everything else"),
        "unstarred": _("Everything else"),
    }


def _section(visit: Visit, place: Box, request: HttpRequest) -> Section | None:
    """The part of the inbox that the page goes through, if the inbox has parts."""
    parts = _PARTS.get(visit.preferences.inbox_type) if place.slug == "inbox" and by_thread(visit) else None
    if parts is None:
        return None
    asked = request.GET.get("section")
    return parts[0] if asked == parts[0] else parts[1]


def _above(visit: Visit, place: Box, page: ThreadPage, section: Section | None) -> dict[str, Any] | None:
    """The first part of the inbox, over the first page of the rest."""
    if section not in ("read", "unstarred") or page.position:
        return None
    name = _PARTS[visit.preferences.inbox_type][0]
    found = mailstore.threads(visit.mailspace, place.id, limit=ABOVE, section=name)
    return {
        "name": name,
        "title": section_titles()[name],
        "rows": rows_for(visit, place, found.rows),
        "total": found.total or 0,
        "size": ABOVE,
        "url": f"{place.url}?{urlencode({'section': name})}" if found.has_older else "",
    }


def _page(visit: Visit, place: Box, request: HttpRequest, section: Section | None) -> ThreadPage:
    def ask(**which: Any) -> ThreadPage:
        size = visit.preferences.page_size
        if by_thread(visit):
            return mailstore.threads(visit.mailspace, place.id, limit=size, section=section, **which)
        return mailstore.message_lines(visit.mailspace, place.id, limit=size, **which)

    if request.GET.get("last"):
        return ask(oldest_first=True)
    before, after = key(request.GET.get("before")), key(request.GET.get("after"))
    page = ask(before=before, after=after)
    if (after or before) and (not page.rows or (after and page.position == 0)):
        return ask()
    return page


def key(text: str | None) -> Key | None:
    """A row's key in an address: `<sort_at>-<thread>`."""
    match = re.fullmatch(r"(\d{1,18})-(\d{1,18})", text or "")
    return (int(match[1]), int(match[2])) if match else None


def key_of(line: ThreadLine, *, messages: bool = False) -> str:
    return f"{line.sort_at}-{line.last_message if messages else line.thread}"


def _pager(
    place: Box, page: ThreadPage, first: int, *, section: Section | None, messages: bool
) -> dict[str, Any]:
    def url(**params: str) -> str:
        if section in ("unread", "starred") or (section and params):
            params["section"] = section
        return f"{place.url}?{urlencode(params)}" if params else place.url

    newer = older = ""
    if page.rows and page.has_newer:
        newer = url(after=key_of(page.rows[0], messages=messages))
    if page.rows and page.has_older:
        older = url(before=key_of(page.rows[-1], messages=messages))
    return {
        "first": first,
        "last": first + len(page.rows) - 1 if page.rows else 0,
        "total": page.total,
        "newer_url": newer,
        "older_url": older,
        "newest_url": url(),
        "oldest_url": url(last="1"),
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
    """What an empty place says: one sentence in the letter voice, one plain, one thing to do."""
    write = (_("Write a message"), f"{COMPOSE}?mode=new")
    back = (_("Go to the inbox"), "/mail/inbox/")
    words = {
        "inbox": (_("Nothing waiting for you."), _("New mail appears here by itself."), write),
        "starred": (_("No stars yet."), _("Star a conversation to find it here again."), back),
        "snoozed": (_("Nothing is asleep."), _("Conversations that sleep wait here until their time."), back),
        "sent": (
            _("You have not sent anything yet."),
            _("What you send is kept here, with its way to each reader."),
            write,
        ),
        "drafts": (_("No drafts."), _("What you begin to write is kept here until you send it."), write),
        "scheduled": (
            _("Nothing is waiting for its time."),
            _("Mail that is to be sent later is listed here."),
            write,
        ),
        "spam": (_("No spam."), _("What looks like spam is put here, with the reason."), back),
        "trash": (_("Trash is empty."), _("What you delete stays here for 30 days."), back),
        "archive": (_("The archive is empty."), _("Conversations that you archive are kept here."), back),
        "all": (_("No mail yet."), _("Every conversation outside Spam and Trash is listed here."), write),
    }
    label = (_("No mail carries this label yet."), _("Drag conversations onto it, or use the key l."), back)
    title, text, (button, url) = words.get(place.slug, label)
    return {"title": title, "text": text, "button": button, "url": url}
