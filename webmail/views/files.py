"""All attached files of a mailbox, `/mail/files/`, and what can be shown of one: small pictures, pages, plain text.

What is shown is drawn anew or is text (webmail.previews); the sender's bytes only ever leave as a download, by
webmail.views.attachments, or as one of four kinds of pictures. Whether there is such a file is asked in the visitor's
own mailspace, so what is not theirs is not found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from mta.mailstore import service as mailstore
from mta.mailstore.service import FileLine
from mta.message.tree import Part, find, parse_tree
from webmail import previews
from webmail.rows import attachment_url
from webmail.views.attachments import KEPT, NOTHING_RUNS
from webmail.visit import Visit, number, show, visiting

PAGE = 60
MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class Card:
    """A file in the grid, as templates/webmail/files.html draws it."""

    name: str
    type: str
    size: int
    at: int
    sender: str
    subject: str
    url: str
    thumbnail: str
    preview: str
    runs: bool
    conversation: str


@visiting
def files(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Newest first; `kind` and `name` narrow it, `before` is the key of the page."""
    kinds = kinds_shown()
    kind = request.GET.get("kind", "")
    kind = kind if kind in kinds else ""
    name = request.GET.get("name", "").strip()[:MAX_NAME]
    page = mailstore.files(
        visit.mailspace, before=_key(request.GET.get("before", "")), limit=PAGE, kind=kind or None, name=name
    )
    older = ""
    if page.older is not None:
        older = _address(kind=kind, name=name, before=f"{page.older[0]}-{page.older[1]}")
    return show(
        request,
        visit,
        "webmail/files.html",
        {
            "cards": [_card(each) for each in page.files],
            "kinds": [(text, _address(kind=each, name=name), each == kind) for each, text in kinds.items()],
            "kind": kind,
            "name": name,
            "older_url": older,
            "narrowed": bool(kind or name),
            "files_current": True,
            "title": f"{_('Files')} - {visit.address} - Mailstead",
        },
    )


def kinds_shown() -> dict[str, str]:
    """Kind → what it is called."""
    return {
        "": _("All files"),
        "image": _("Images"),
        "pdf": _("PDF"),
        "document": _("Documents"),
        "spreadsheet": _("Spreadsheets"),
        "presentation": _("Presentations"),
        "invite": _("Invitations"),
        "other": _("Other files"),
    }


def _address(**params: str) -> str:
    said = urlencode({name: value for name, value in params.items() if value})
    return f"{reverse('mail:files')}?{said}" if said else reverse("mail:files")


def _key(text: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"(\d{1,18})-(\d{1,18})", text)
    return (int(match[1]), int(match[2])) if match else None


def _card(line: FileLine) -> Card:
    return Card(
        name=line.name or _("unnamed file"),
        type=line.type,
        size=line.size,
        at=line.at,
        sender=line.sender.name or line.sender.email,
        subject=line.subject or _("(no subject)"),
        url=attachment_url(line.message, line.number, line.name),
        thumbnail=previews.thumbnail_url(line.message, line.number, line.name, line.type, line.size),
        preview=previews.preview_url(line.message, line.number, line.name, line.type, line.size),
        runs=previews.runs(line.name, line.type),
        conversation=f"/mail/all/{line.thread}/?open={line.message}#m-{line.message}",
    )


# --- one file
def _found(visit: Visit, message: int, part: str) -> tuple[bytes, Part, str]:
    """A file of a message, and how it is shown."""
    raw = mailstore.raw(visit.mailspace, message)
    found = find(parse_tree(raw), part)
    if found is None or found.maintype == "multipart":
        raise Http404(_("This message has no such file."))
    return raw, found, previews.kind_of(found.filename, found.content_type, found.body_end - found.body_start)


@visiting
def preview(request: HttpRequest, visit: Visit, message: int, part: str) -> HttpResponse:
    """A file as a page: in place for our script (static/js/preview.js), whole without scripts."""
    about = mailstore.message(visit.mailspace, message)
    raw, found, kind = _found(visit, message, part)
    name = found.filename or _("unnamed file")
    context: dict[str, object] = {
        "name": name,
        "kind": kind,
        "url": attachment_url(message, part, name),
        "picture": f"{attachment_url(message, part, name)}?inline",
        "back_url": f"/mail/all/{about.thread}/?open={message}#m-{message}",
        "runs": previews.runs(name, found.content_type),
        "title": f"{name} - Mailstead",
    }
    if kind == previews.TEXT:
        context["text"], context["cut"] = previews.text(raw, found)
    elif kind == previews.PDF:
        first = previews.page(_name(visit, message, part), raw, found, 0)
        context["first"] = first
        context["pages"] = range(1, first.pages + 1) if first is not None else ()
        context["page_url"] = reverse("mail:page", args=[message, part])
    return show(request, visit, "webmail/preview.html", context)


@visiting
def page(request: HttpRequest, visit: Visit, message: int, part: str) -> HttpResponse:
    """`?page=2` of a PDF, as a picture."""
    raw, found, kind = _found(visit, message, part)
    wanted = (number(request.GET.get("page", "1")) or 1) - 1
    drawn = previews.page(_name(visit, message, part), raw, found, wanted) if kind == previews.PDF else None
    return _picture(drawn.data if drawn is not None else None, "image/jpeg")


@visiting
def thumbnail(request: HttpRequest, visit: Visit, message: int, part: str) -> HttpResponse:
    """A small picture of a picture, or of the first page of a PDF."""
    raw, found, kind = _found(visit, message, part)
    small = (
        previews.thumbnail(_name(visit, message, part), raw, found, kind) if kind != previews.TEXT else None
    )
    return _picture(small, "image/webp")


def _name(visit: Visit, message: int, part: str) -> str:
    return f"{visit.mailspace}/{message}/{part}"


def _picture(data: bytes | None, type_: str) -> HttpResponse:
    if data is None:
        raise Http404(_("This file cannot be shown here."))
    response = HttpResponse(data, content_type=type_)
    response["Content-Security-Policy"] = NOTHING_RUNS
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = KEPT
    response["Vary"] = "Cookie"
    return response
