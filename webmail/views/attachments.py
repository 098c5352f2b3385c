"""Files of messages, and messages as files. Everything here is somebody else's bytes, so nothing of it may run:
a download, never a page, except pictures of four harmless kinds; `nosniff`; a policy that allows nothing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import TypeVar
from urllib.parse import quote

from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from mta.mailstore import service as mailstore
from mta.message.tree import Part, find, parse_tree, walk
from webmail import zipping
from webmail.content import foreign
from webmail.previews import content
from webmail.visit import Visit

SAFE_PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp"}
NOTHING_RUNS = "default-src 'none'; sandbox; frame-ancestors 'none'"
KEPT = "private, max-age=604800, immutable"  # the bytes of a part never change
R = TypeVar("R", bound=HttpResponseBase)
# A browser runs, styles by or parses these when a page names them, download or not; our own pages may name what lies
# on this host, so none of it goes out under its own type. The name of the file says enough to who saves it.
_ACTIVE = re.compile(r"script|html|xml|svg|css|json|wasm|manifest")


@foreign
def attachment(request: HttpRequest, visit: Visit, message: int, part: str, name: str) -> HttpResponse:
    """One part of a message. `?inline` shows it if it is a picture; the name in the address is only for people."""
    raw = mailstore.raw(visit.mailspace, message)
    found = find(parse_tree(raw), part)
    if found is None or found.maintype == "multipart":
        raise Http404(_("This message has no such file."))
    return _file(raw, found, inline="inline" in request.GET)


@foreign
def inline(request: HttpRequest, visit: Visit, message: int, content_id: str) -> HttpResponse:
    """A picture that the message's own text refers to by its Content-ID (RFC 2392)."""
    raw = mailstore.raw(visit.mailspace, message)
    for part in walk(parse_tree(raw)):
        if part.content_id == content_id and part.content_type in SAFE_PICTURES:
            return _file(raw, part, inline=True)
    raise Http404(_("This message has no such picture."))


def inline_url(message: int, content_id: str) -> str:
    """The address of such a picture. The name is one segment of it: a browser would follow `../` in a name
    to any page of ours."""
    return reverse("mail:inline", args=[message, "-"])[:-1] + quote(content_id, safe="@")


def _file(raw: bytes, part: Part, *, inline: bool) -> HttpResponse:
    name = part.filename or _fallback_name(part)
    return send_bytes(content(raw, part), part.content_type, name, inline=inline)


def send_bytes(data: bytes, kind: str, name: str, *, inline: bool) -> HttpResponse:
    """Somebody else's bytes under the type they claim, if it is a harmless one."""
    shown = inline and kind in SAFE_PICTURES
    plain = re.fullmatch(r"[a-z0-9.+-]+/[a-z0-9.+-]+", kind) and not _ACTIVE.search(kind)
    declared = kind if plain else "application/octet-stream"
    return _guard(HttpResponse(data, content_type=declared), name, attached=not shown)


def _fallback_name(part: Part) -> str:
    endings = {"message/rfc822": "message.eml", "text/plain": "text.txt", "text/html": "text.html"}
    return endings.get(part.content_type, f"part-{part.number or '1'}")


def _guard(response: R, name: str, *, attached: bool) -> R:
    plain = re.sub(r"[\x00-\x1f\x7f\u2028\u2029/\\]", "_", name)[:200] or "file"
    response["Content-Disposition"] = content_disposition_header(attached, plain) or "attachment"
    response["Content-Security-Policy"] = NOTHING_RUNS
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = KEPT
    response["Vary"] = "Cookie"
    return response


@foreign
def download(request: HttpRequest, visit: Visit, message: int) -> HttpResponse:
    """The whole message as an .eml file, byte for byte as it was received."""
    about = mailstore.message(visit.mailspace, message)
    response = HttpResponse(mailstore.raw(visit.mailspace, message), content_type="message/rfc822")
    return _guard(response, f"{about.subject[:80] or _('message')}.eml", attached=True)


@foreign
def every(request: HttpRequest, visit: Visit, message: int) -> StreamingHttpResponse:
    """All attached files of a message in one .zip, with names of their own; made while it is sent."""
    about = mailstore.message(visit.mailspace, message)
    raw = mailstore.raw(visit.mailspace, message)
    tree = parse_tree(raw)
    parts = [(file.name, find(tree, file.number)) for file in about.attachments]
    entries = [
        (name or _fallback_name(part), partial(content, raw, part))
        for name, part in parts
        if part is not None
    ]
    pieces = zipping.stream(entries)
    streaming = _in_turn(pieces) if isinstance(request, ASGIRequest) else pieces
    response = StreamingHttpResponse(streaming, content_type="application/zip")
    return _guard(response, f"{about.subject[:80] or _('files')}.zip", attached=True)


async def _in_turn(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each piece is made in a thread when the one before is on its way: other requests go on meanwhile."""
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece
