"""Looking into the address book: `/mail/contacts/` and the pages below it. What changes it is in `changing`."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from mta.correspondents import service as correspondents
from mta.flow import acquainting
from mta.mailstore import service as mailstore
from mta.message.text import fold
from webmail.searching import understood
from webmail.visit import Visit, number, show, visiting

from . import service
from .service import Kept, NoSuchContact
from .values import line

P = ParamSpec("P")
RECENT = 8  # conversations of a contact's page
LETTERS = string.ascii_lowercase + "#"


def finding(
    view: Callable[Concatenate[HttpRequest, Visit, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """`@visiting`, for pages about a contact or a group: what is not in this address book is a 404."""

    @wraps(view)
    def found(request: HttpRequest, visit: Visit, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return view(request, visit, *args, **kwargs)
        except NoSuchContact as error:
            raise Http404(_("There is no such contact.")) from error

    return visiting(found)


@require_GET
@finding
def book(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Everybody by name; `q`, `group` and `letter` narrow it, `after` is the key of the page."""
    query = line(request.GET.get("q", ""), 100)
    group = number(request.GET.get("group", ""))
    letter = request.GET.get("letter", "")
    letter = letter if letter and letter in LETTERS else ""
    around = frame(visit, "all" if group is None else "group")
    chosen = next((each for each in around["groups"] if each.id == group), None)
    if group is not None and chosen is None:
        raise NoSuchContact
    people, older = service.contacts(
        visit.mailspace, query=query, group=group, letter=letter, after=_key(request.GET.get("after", ""))
    )
    narrowed = {"q": query, "group": str(group or ""), "letter": letter}
    return show(
        request,
        visit,
        "webmail/contacts/book.html",
        around
        | {
            "sections": _sections(people),
            "group": chosen,
            "query_here": query,
            "letter": letter,
            "letters": [(each, each.upper()) for each in LETTERS],
            "total": service.count(visit.mailspace),
            "narrowed": bool(query or letter),
            "older_url": _address(narrowed | {"after": f"{older[1]}-{older[0]}"}) if older else "",
            "undo": number(request.GET.get("undo", "")),
            "title": title_of(visit, _("Contacts")),
        },
    )


def _sections(people: tuple[Kept, ...]) -> list[tuple[str, list[Kept]]]:
    """Under their letters."""
    found: list[tuple[str, list[Kept]]] = []
    for each in people:
        first = fold(each.person.called)[:1].upper()
        first = first if first.isalpha() else "#"
        if not found or found[-1][0] != first:
            found.append((first, []))
        found[-1][1].append(each)
    return found


def _key(text: str) -> tuple[str, int] | None:
    match = re.fullmatch(r"(\d{1,18})-(.{0,100})", text, re.DOTALL)
    return (match[2].replace("\0", ""), int(match[1])) if match else None


def _address(params: dict[str, str]) -> str:
    return f"{reverse('mail:contacts')}?{urlencode({name: value for name, value in params.items() if value})}"


def title_of(visit: Visit, heading: str) -> str:
    return f"{heading} - {visit.address} - Mailstead"


def frame(visit: Visit, tab: str) -> dict[str, Any]:
    """What every page of the book shows around itself."""
    return {
        "contacts_current": True,
        "tab": tab,
        "may_organise": visit.may_organise,
        "groups": service.groups(visit.mailspace),
    }


@require_GET
@finding
def card(request: HttpRequest, visit: Visit, contact: int) -> HttpResponse:
    """One person: everything that is known, and the conversations with them."""
    kept = service.contact(visit.mailspace, contact)
    emails = [value for _label, value in kept.person.emails]
    query = " OR ".join(
        f"from:{each} OR to:{each}" for each in emails[:5] if not re.search(r"[\s\"()]", each)
    )
    found = (
        mailstore.search_threads(visit.mailspace, understood(visit, query).criteria, limit=RECENT).rows
        if query
        else ()
    )
    acquainting.catch_up(visit.mailspace)
    known = correspondents.about(visit.mailspace, emails)
    return show(
        request,
        visit,
        "webmail/contacts/card.html",
        frame(visit, "all")
        | {
            "kept": kept,
            "person": kept.person,
            "conversations": [(each, f"/mail/all/{each.thread}/") for each in found],
            "more_url": f"{reverse('mail:search')}?{urlencode({'q': query})}" if query else "",
            "written": sum(each.written for each in known.values()),
            "heard": sum(each.heard for each in known.values()),
            "last_at": max((each.last_at for each in known.values()), default=0),
            "undo": number(request.GET.get("undo", "")),
            "title": title_of(visit, kept.person.called),
        },
    )


@require_GET
@visiting
def of(request: HttpRequest, visit: Visit) -> HttpResponse:
    """`?email=…&name=…`: to the contact who has this address, or to the form that adds them."""
    email, name = line(request.GET.get("email", ""), 320), line(request.GET.get("name", ""))
    kept = service.contact_of(visit.mailspace, email) if email else None
    if kept is not None:
        return redirect("mail:contact", kept.id)
    return redirect(f"{reverse('mail:contact-new')}?{urlencode({'email': email, 'name': name})}")


@require_GET
@finding
def photo(request: HttpRequest, visit: Visit, contact: int) -> HttpResponse:
    """A picture of ours."""
    kind, data = service.photo(visit.mailspace, contact)
    response = HttpResponse(data, content_type=kind)
    kept = "604800, immutable" if "v" in request.GET else "300"  # where the address changes with the picture
    response["Cache-Control"] = f"private, max-age={kept}"
    response["Vary"] = "Cookie"
    response["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'; sandbox"
    return response


@require_GET
@visiting
def others(request: HttpRequest, visit: Visit) -> HttpResponse:
    """People collected from use: written to, or heard from again and again, but not kept yet."""
    acquainting.catch_up(visit.mailspace)
    match = re.fullmatch(r"(-?\d{1,12}(?:\.\d{1,20})?)_(\d{1,18})", request.GET.get("after", ""))
    people, older = correspondents.collected(
        visit.mailspace, after=(float(match[1]), int(match[2])) if match else None, limit=service.PAGE
    )
    own = {fold(each.address) for each in visit.senders}
    return show(
        request,
        visit,
        "webmail/contacts/others.html",
        frame(visit, "others")
        | {
            "people": [each for each in people if fold(each.email) not in own],
            "older_url": f"?{urlencode({'after': f'{older[0]!r}_{older[1]}'})}" if older else "",
            "title": title_of(visit, _("Other contacts")),
        },
    )


@require_GET
@visiting
def duplicates(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Contacts that seem to be the same person."""
    return show(
        request,
        visit,
        "webmail/contacts/duplicates.html",
        frame(visit, "duplicates")
        | {
            "sets": service.duplicates(visit.mailspace),
            "title": title_of(visit, _("Duplicates")),
        },
    )


@require_GET
@visiting
def export(request: HttpRequest, visit: Visit) -> StreamingHttpResponse:
    """The whole book, or a group, as a file: vCard, or a table (`?as=csv`)."""
    day = timezone.localdate().isoformat()
    if request.GET.get("as") == "csv":
        content, name, kind = service.export_csv(visit.mailspace), f"contacts-{day}.csv", "text/csv"
    else:
        group = number(request.GET.get("group", ""))
        content, name, kind = (
            service.export_vcards(visit.mailspace, group=group),
            f"contacts-{day}.vcf",
            "text/vcard",
        )
    response = StreamingHttpResponse(content, content_type=f"{kind}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response
