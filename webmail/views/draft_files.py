"""Files of a draft, and the original under it: uploaded, shown to their writer, removed.

What is shown here may be somebody else's bytes, so nothing of it runs: pictures of four harmless kinds, or a
download, under a policy that allows nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from mta.mailstore import service as mailstore
from mta.message.address import split
from webmail import compose
from webmail.answering import FORWARD, REPLY, quotation
from webmail.compose import CannotWrite
from webmail.own_html import SHOWN_PICTURES, file_url
from webmail.sanitize import clean, is_painted
from webmail.views.attachments import NOTHING_RUNS, inline_url
from webmail.views.body import POLICY, document
from webmail.windows import as_file
from webmail.writing import Desk, writing


@require_POST
@writing
def upload(request: HttpRequest, desk: Desk, draft: int) -> JsonResponse:
    """Attach one file; with `inline` it is a picture of the text."""
    found = mailstore.draft(desk.mailspace, draft)
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.MAX_MESSAGE_SIZE + 64 * 1024:
        compose.check_room(found, settings.MAX_MESSAGE_SIZE)
    file = request.FILES.get("file")
    if file is None:
        raise CannotWrite(_("No file arrived. Try again."))
    compose.check_room(found, file.size or 0)
    kind = (file.content_type or "application/octet-stream").lower()
    inline = bool(request.POST.get("inline")) and kind in SHOWN_PICTURES
    domain = split(found.fields.identity)[1] or "local"
    made = mailstore.attach(
        desk.mailspace,
        draft,
        file.name or _("file"),
        kind,
        file.read(),
        content_id=f"{secrets.token_hex(12)}@{domain}" if inline else "",
        inline=inline,
        cause=desk.visit.cause,
    )
    now = mailstore.draft(desk.mailspace, draft)
    return JsonResponse(as_file(draft, made) | {"version": now.version, "room": compose.room(now)})


@require_POST
@writing
def remove(request: HttpRequest, desk: Desk, draft: int, file: int) -> JsonResponse:
    """Take a file off the draft."""
    mailstore.detach(desk.mailspace, draft, file, cause=desk.visit.cause)
    now = mailstore.draft(desk.mailspace, draft)
    return JsonResponse({"version": now.version, "room": compose.room(now)})


@require_GET
@writing
def file(request: HttpRequest, desk: Desk, draft: int, file: int) -> HttpResponse:
    """The bytes of a draft's file: a picture to look at, anything else as a download."""
    found = mailstore.draft(desk.mailspace, draft)
    about = next((each for each in found.attachments if each.id == file), None)
    if about is None:
        raise Http404(_("That file is no longer attached."))
    shown = about.type in SHOWN_PICTURES
    data = mailstore.attachment_bytes(desk.mailspace, draft, file)
    response = HttpResponse(data, content_type=about.type if shown else "application/octet-stream")
    name = "".join(char for char in about.name if char.isprintable() and char not in '/\\"')[:200] or "file"
    response["Content-Disposition"] = content_disposition_header(not shown, name) or "attachment"
    response["Content-Security-Policy"] = NOTHING_RUNS
    response["Cache-Control"] = "private, max-age=86400, immutable"
    response["Vary"] = "Cookie"
    return response


@require_GET
@writing
def quote(request: HttpRequest, desk: Desk, draft: int) -> HttpResponse:
    """The original under a draft, as the document of a frame."""
    found = mailstore.draft(desk.mailspace, draft)
    urls = {each.content_id: file_url(draft, each.id) for each in found.attachments if each.content_id}
    return _framed(request, found.fields.quoted_html, urls.get)


@require_GET
@writing
def quote_of_message(request: HttpRequest, desk: Desk, message: int) -> HttpResponse:
    """The original under an answer that is not saved yet."""
    mode = FORWARD if request.GET.get("mode") == FORWARD else REPLY
    original = quotation(desk.mailspace, mode, mailstore.message(desk.mailspace, message))

    def picture(name: str) -> str | None:
        return inline_url(message, name)

    return _framed(request, original.html, picture)


def _framed(request: HttpRequest, html: str, picture: Callable[[str], str | None]) -> HttpResponse:
    """Nothing from outside is loaded: the writer has not asked for the sender's pictures."""
    theme = request.COOKIES.get("theme", "system")
    body = document(
        clean(html, picture=picture),
        painted=is_painted(html),
        theme=theme if theme in ("light", "dark") else "system",
    )
    response = HttpResponse(body)
    response["Content-Security-Policy"] = POLICY
    response["X-Frame-Options"] = "SAMEORIGIN"
    response["Referrer-Policy"] = "no-referrer"
    return response
