"""Files of messages, and messages as files. Everything here is somebody else's bytes, so nothing of it may run:
a download, never a page, except pictures of four harmless kinds; `nosniff`; a policy that allows nothing.
"""

from __future__ import annotations

import re
import zipfile
from tempfile import SpooledTemporaryFile
from typing import TypeVar
from urllib.parse import quote

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from mta.mailstore import service as mailstore
from mta.message.tree import Part, decoded, find, parse_tree, walk
from webmail.content import foreign
from webmail.visit import Visit

SAFE_PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp"}
NOTHING_RUNS = "default-src 'none'; sandbox; frame-ancestors 'none'"
KEPT = "private, max-age=604800, immutable"  # the bytes of a part never change
R = TypeVar("R", bound=HttpResponseBase)
IN_MEMORY = 8 * 1024 * 1024
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
    kind = part.content_type
    is_message = kind == "message/rfc822"  # RFC 2046 §5.2.1: never encoded
    data = raw[part.body_start : part.body_end] if is_message else decoded(raw, part)
    return send_bytes(data, kind, part.filename or _fallback_name(part), inline=inline)


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
def every(request: HttpRequest, visit: Visit, message: int) -> FileResponse:
    """All attached files of a message in one .zip, with names of their own."""
    about = mailstore.message(visit.mailspace, message)
    raw = mailstore.raw(visit.mailspace, message)
    tree = parse_tree(raw)
    packed = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  # FileResponse closes it
    taken: set[str] = set()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for file in about.attachments:
            part = find(tree, file.number)
            if part is not None:
                archive.writestr(_free_name(file.name, taken), decoded(raw, part))
    packed.seek(0)
    response = FileResponse(packed, content_type="application/zip")
    return _guard(response, f"{about.subject[:80] or _('files')}.zip", attached=True)


def _free_name(name: str, taken: set[str]) -> str:
    """A name without folders (`../` in archives), and not one that is used already."""
    plain = re.sub(r"[\x00-\x1f\x7f/\\:]", "_", name).strip(". ")[:150] or "file"
    stem, dot, ending = plain.rpartition(".")
    wanted, number = plain, 2
    while wanted.lower() in taken:
        wanted = f"{stem} ({number}).{ending}" if dot else f"{plain} ({number})"
        number += 1
    taken.add(wanted.lower())
    return wanted
