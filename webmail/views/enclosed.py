"""Messages inside messages, and files inside Outlook's `winmail.dat`.

An enclosed message opens as a page in place: read only, its text and its HTML through the same sanitiser, frame and
policy as any other, its outside pictures held back as the reader wants it for spam and strangers: always asked for.
Everything is found in the bytes of the outer message, so what is not the reader's stays not found.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from mta.mailstore import service as mailstore
from mta.message.parse import Facts, parse_message
from mta.message.tree import Part, find, parse_tree
from webmail import tnef
from webmail.boxes import COMPOSE
from webmail.content import address_within, foreign
from webmail.pictures import address_of, asked_for, survey
from webmail.plain import text_to_html
from webmail.reading import read
from webmail.rows import attachment_url
from webmail.sanitize import has_form, is_painted
from webmail.views.attachments import SAFE_PICTURES, send_bytes
from webmail.views.body import clean_body, framed, wants_dark
from webmail.visit import Visit, show, visiting

MESSAGE = "message/rfc822"


@dataclass(frozen=True, slots=True)
class Enclosed:
    """One file of an enclosed message, as components/attachment.html draws it."""

    name: str
    type: str
    size: int
    url: str
    opens: str = ""


def _inner(visit: Visit, message: int, part: str) -> tuple[bytes, Part]:
    """The bytes of an enclosed message, and the part it is."""
    raw = mailstore.raw(visit.mailspace, message)
    found = find(parse_tree(raw), part)
    if found is None or found.content_type != MESSAGE or found.message is None:
        raise Http404(_("This message has no such file."))
    return raw[found.body_start : found.body_end], found


@visiting
def enclosed(request: HttpRequest, visit: Visit, message: int, part: str) -> HttpResponse:
    """`?pictures=` shows the outside pictures, when the page before it has asked for them."""
    about = mailstore.message(visit.mailspace, message)
    raw, _part = _inner(visit, message, part)
    facts = parse_message(raw)
    reading = read(raw, whole=True)
    frame = reverse("mail:enclosed-body", args=[message, part])
    asked = asked_for(visit.account.pk, request.GET.get("pictures", "")) == message
    outside = survey(reading.html)
    return show(
        request,
        visit,
        "webmail/enclosed.html",
        {
            "message": about,
            "facts": facts,
            "subject": facts.subject or _("(no subject)"),
            "lines": _lines(facts),
            "at": facts.sent_at,
            "back_url": f"/mail/all/{about.thread}/?open={message}#m-{message}",
            "download_url": attachment_url(message, part, "message.eml"),
            "frame": f"{frame}?pictures={request.GET['pictures']}" if asked else frame,
            "html": bool(reading.html),
            "painted": is_painted(reading.html),
            "form": has_form(reading.html),
            "held": 0 if asked else outside.count,
            "only_trackers": outside.count == outside.trackers,
            "text": text_to_html(reading.text.strip("\n"), compose=COMPOSE) if reading.text else "",
            "note": reading.note,
            "files": _files(facts, message, part),
            "title": f"{facts.subject or _('(no subject)')} - Mailstead",
        },
    )


def _lines(facts: Facts) -> list[tuple[str, str]]:
    def people(them: object) -> str:
        return ", ".join(
            f"{each.name} <{each.email}>" if each.name else each.email
            for each in list(them)[:50]  # type: ignore[call-overload]
        )

    found = [(_("From"), people(facts.from_)), (_("To"), people(facts.to)), (_("Cc"), people(facts.cc))]
    return [(term, text) for term, text in found if text]


def _files(facts: Facts, message: int, part: str) -> list[Enclosed]:
    found = []
    for file in facts.attachments:
        number = f"{part}.{file.number}"
        opens = reverse("mail:enclosed", args=[message, number]) if file.type == MESSAGE else ""
        url = attachment_url(message, number, file.name)
        found.append(Enclosed(file.name or _("unnamed file"), file.type, file.size, url, opens))
    return found


@foreign
def enclosed_body(request: HttpRequest, visit: Visit, message: int, part: str) -> HttpResponse:
    raw, found = _inner(visit, message, part)
    reading = read(raw, whole=True)

    def picture(url: str) -> str:
        return address_within(request, visit, address_of(visit.account.pk, visit.mailspace, url))

    asked = asked_for(visit.account.pk, request.GET.get("pictures", "")) == message
    dark = wants_dark(request, visit)
    body = clean_body(
        raw,
        message,
        reading.html,
        outside=picture if asked else None,
        dark=dark,
        within=lambda address: address_within(request, visit, address),
        inside=found.number,
    )
    return framed(request, body, painted=is_painted(reading.html), dark=dark, apart=True)


# --- winmail.dat --------------------------------------------------------------------------------------------
@foreign
def packed(
    request: HttpRequest, visit: Visit, message: int, part: str, place: int, name: str
) -> HttpResponseBase:
    """One file out of Outlook's envelope; `place` counts from 1, `name` is only for people."""
    raw = mailstore.raw(visit.mailspace, message)
    found = find(parse_tree(raw), part)
    if found is None or not tnef.is_tnef(found.content_type, found.filename):
        raise Http404(_("This message has no such file."))
    files = tnef.opened_part(raw, found).files
    if not 0 < place <= len(files):
        raise Http404(_("This message has no such file."))
    file = files[place - 1]
    inline = "inline" in request.GET and file.type in SAFE_PICTURES
    return send_bytes(file.data, file.type or "application/octet-stream", file.name, inline=inline)
