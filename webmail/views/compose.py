"""The views of compose: a page that works by itself, and the answers that its window asks for (JSON).

Each takes what was posted, calls one service, and says how the draft now stands. See webmail/compose.py for what is
saved and webmail/writing.py for what happens when something cannot be done.
"""

from __future__ import annotations

import json
import re
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from mta.flow import submit
from mta.flow.errors import Refused
from mta.mailstore import service as mailstore
from mta.mailstore.service import DraftFile, DraftInfo
from webmail import compose
from webmail.answering import MODES, NEW, Opening, open_answer, open_new
from webmail.compose import CannotWrite, Written
from webmail.own_html import SHOWN_PICTURES, editor_html, file_url, own_text, paragraphs
from webmail.people import read_people, write_people, wrong_people
from webmail.templatetags.look import file_hue, file_icon
from webmail.visit import show
from webmail.writing import Desk, writing

_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


# --- for the window -----------------------------------------------------------------------------------------
@require_GET
@writing
def opening(request: HttpRequest, desk: Desk) -> JsonResponse:
    """How a message begins: `?mode=reply&message=12`, `?mode=draft&draft=3` (or `&message=`), `?mailto=…`."""
    if request.GET.get("mode") == "draft":
        return JsonResponse(as_window(_draft_of(request, desk)))
    return JsonResponse(_as_new_window(_opening(request, desk)))


def _opening(request: HttpRequest, desk: Desk) -> Opening:
    mode, message = request.GET.get("mode", NEW), request.GET.get("message", "")
    if mode == NEW or mode not in MODES:
        return open_new(desk.senders, request.GET.get("mailto", "")[:20_000])
    return open_answer(mode, mailstore.message(desk.mailspace, _number(message)), desk.senders)


def _draft_of(request: HttpRequest, desk: Desk) -> DraftInfo:
    if request.GET.get("draft"):
        found = mailstore.draft(desk.mailspace, _number(request.GET["draft"]))
        if found.state != "open":
            raise CannotWrite(_("This message was already sent or discarded."))
        return found
    message = _number(request.GET.get("message", ""))
    return mailstore.draft_for_message(desk.mailspace, message, cause=desk.visit.cause)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise CannotWrite(_("There is no such message."))
    return int(text)


def _as_new_window(begun: Opening) -> dict[str, Any]:
    return {
        "mode": begun.mode,
        "message": begun.parent,
        "from": begun.sender.address,
        "to": begun.to,
        "cc": begun.cc,
        "bcc": begun.bcc,
        "subject": begun.subject,
        "html": begun.html,
        "quote": reverse("mail:compose-quote-of", args=[begun.parent]) + f"?mode={begun.mode}"
        if begun.parent
        else "",
        "files": [
            {"part": file.number, "name": file.name, "type": file.type, "size": file.size} | _look(file.type)
            for file in begun.files
        ],
    }


def as_window(draft: DraftInfo) -> dict[str, Any]:
    """A draft as its window shows it."""
    fields = draft.fields
    return {
        "draft": draft.id,
        "version": draft.version,
        "mode": fields.mode,
        "message": fields.parent,
        "from": fields.identity,
        "to": fields.to,
        "cc": fields.cc,
        "bcc": fields.bcc,
        "subject": fields.subject,
        "html": editor_html(draft),
        "quote": reverse("mail:compose-quote", args=[draft.id]) if fields.quoted_html else "",
        "files": [as_file(draft.id, file) for file in draft.attachments if not file.inline],
    }


def as_file(draft: int, file: DraftFile) -> dict[str, Any]:
    return {
        "id": file.id,
        "name": file.name,
        "type": file.type,
        "size": file.size,
        "url": file_url(draft, file.id),
        "picture": file.type in SHOWN_PICTURES,
    } | _look(file.type)


def _look(media_type: str) -> dict[str, str]:
    return {"icon": str(file_icon(media_type)), "hue": file_hue(media_type)}


@require_POST
@writing
def save(request: HttpRequest, desk: Desk) -> JsonResponse:
    """Save a window. `settle` also rewrites the draft's form in the Drafts mailbox: first save, idle, close."""
    data = _posted(request)
    draft, known = _saved(desk, data)
    if data.get("settle") or not data.get("draft"):
        compose.materialise(desk.mailspace, draft, cause=desk.visit.cause)
    version = data.get("version")
    seen = version if isinstance(version, int) else 0
    return JsonResponse(_standing(draft) | {"elsewhere": bool(known and known > seen)})


def _posted(request: HttpRequest) -> dict[str, Any]:
    try:
        data = json.loads(_whole_characters(request.body))
    except (ValueError, RecursionError) as error:
        raise CannotWrite(_("This message could not be read. Reload the page and try again.")) from error
    return data if isinstance(data, dict) else {}


def _whole_characters(body: bytes) -> bytes | str:
    """JSON with no half of a pair of surrogates, which a script may cut out of an emoji and nothing can store."""
    if not _HALF.search(body):
        return body
    text = json.dumps(json.loads(body), ensure_ascii=False)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _saved(desk: Desk, data: dict[str, Any]) -> tuple[DraftInfo, int | None]:
    """The saved draft, and the version it had before (None if it is new)."""
    number = data.get("draft")
    draft_id = number if isinstance(number, int) else None
    before = mailstore.draft(desk.mailspace, draft_id).version if draft_id else None
    draft = compose.save(
        desk.mailspace,
        draft_id,
        Written.from_json(data),
        senders=desk.senders,
        cause=desk.visit.cause,
    )
    return draft, before


def _standing(draft: DraftInfo) -> dict[str, Any]:
    return {
        "draft": draft.id,
        "version": draft.version,
        "quote": reverse("mail:compose-quote", args=[draft.id]) if draft.fields.quoted_html else "",
        "files": [as_file(draft.id, file) for file in draft.attachments if not file.inline],
        "room": compose.room(draft),
    }


@require_POST
@writing
def send(request: HttpRequest, desk: Desk, draft: int) -> JsonResponse:
    """Send a draft as it was last saved; it waits as long as the writer wants to be able to take it back."""
    delay = desk.visit.preferences.undo_seconds
    sent = submit.submit_draft(
        desk.mailspace, desk.visit.account.pk, draft, cause=desk.visit.cause, undo_seconds=delay
    )
    thread = mailstore.message(desk.mailspace, sent.message).thread if sent.message else 0
    url = reverse("mail:conversation", args=["sent", thread]) if thread else ""
    return JsonResponse({"outgoing": sent.outgoing, "seconds": delay, "url": url, "message": sent.message})


@require_POST
@writing
def undo(request: HttpRequest, desk: Desk, outgoing: int) -> JsonResponse:
    """Take a message back while it waits; its draft is open again."""
    draft = submit.cancel(desk.mailspace, outgoing, cause=desk.visit.cause)
    if draft is None:
        raise CannotWrite(_("Too late: the message is on its way."))
    found = mailstore.draft(desk.mailspace, draft)
    compose.materialise(desk.mailspace, found, cause=desk.visit.cause)
    return JsonResponse(as_window(found))


@require_POST
@writing
def discard(request: HttpRequest, desk: Desk, draft: int) -> JsonResponse:
    """Throw a draft away; `action` brings it back."""
    done = mailstore.discard(desk.mailspace, draft, cause=desk.visit.cause)
    return JsonResponse({"action": done.action})


@require_POST
@writing
def restore(request: HttpRequest, desk: Desk) -> JsonResponse:
    """Bring back a draft that was thrown away."""
    data = _posted(request)
    action = str(data.get("action", ""))[:64].replace("\0", "")  # which PostgreSQL does not take
    mailstore.undo(desk.mailspace, action, cause=desk.visit.cause)
    found = mailstore.draft(desk.mailspace, _number(str(data.get("draft", ""))))
    return JsonResponse(as_window(found))


@require_GET
@writing
def people(request: HttpRequest, desk: Desk) -> JsonResponse:
    """Whom the writer may mean: people of recent mail whose name or address has a word that begins so."""
    prefix = request.GET.get("q", "").strip()[:100]
    found = (
        mailstore.people(desk.mailspace, prefix, without=request.GET.getlist("not")[:100]) if prefix else ()
    )
    return JsonResponse({"people": [(each.name, each.email) for each in found]})


# --- the page, which needs no script ------------------------------------------------------------------------
@writing
def page(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """A message on a page of its own: `/mail/compose/?mode=reply&message=12`."""
    if request.method == "POST":
        return _page_posted(request, desk)
    if request.GET.get("mode") == "draft":
        return _page(request, desk, as_window(_draft_of(request, desk)))
    return _page(request, desk, _as_new_window(_opening(request, desk)))


def _page(
    request: HttpRequest,
    desk: Desk,
    window: dict[str, Any],
    *,
    worries: list[str] | None = None,
    error: str = "",
) -> HttpResponse:
    shown = window | {
        "to": write_people(window["to"]),
        "cc": write_people(window["cc"]),
        "bcc": write_people(window["bcc"]),
        "text": own_text(window["html"]),
    }
    context = {
        "window": shown,
        "senders": desk.senders,
        "worries": worries or [],
        "error": error,
        "room": compose.room(None),
        "title": f"{window['subject'] or _('New message')} - {desk.visit.address} - Mailstead",
    }
    return show(request, desk.visit, "webmail/compose.html", context)


def _page_posted(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Save what the page says, then do what its button said."""
    draft = _page_saved(request, desk)
    wanted = request.POST.get("do", "send")
    if wanted == "discard":
        mailstore.discard(desk.mailspace, draft.id, cause=desk.visit.cause)
        messages.success(request, _("Draft discarded."))
        return redirect("mail:inbox")
    if wanted.startswith("remove-"):
        mailstore.detach(desk.mailspace, draft.id, _number(wanted[7:]), cause=desk.visit.cause)
        return redirect(_page_of(draft))
    if wanted == "send":
        return _page_sent(request, desk, draft)
    compose.materialise(desk.mailspace, draft, cause=desk.visit.cause)
    messages.success(request, _("Draft saved."))
    return redirect(_page_of(draft))


def _page_of(draft: DraftInfo) -> str:
    return f"{reverse('mail:compose')}?mode=draft&draft={draft.id}"


def _page_saved(request: HttpRequest, desk: Desk) -> DraftInfo:
    post = request.POST
    written = Written.from_json(
        {
            "mode": post.get("mode", NEW),
            "message": post.get("message") or None,
            "keep": post.getlist("keep"),
            "from": post.get("from", ""),
            "to": read_people(post.get("to", "")),
            "cc": read_people(post.get("cc", "")),
            "bcc": read_people(post.get("bcc", "")),
            "subject": post.get("subject", ""),
            "html": paragraphs(post.get("text", "")),
            "quote": post.get("quote", "yes") == "yes",
        }
    )
    draft_id = _number(post["draft"]) if post.get("draft") else None
    draft = compose.save(desk.mailspace, draft_id, written, senders=desk.senders, cause=desk.visit.cause)
    for file in request.FILES.getlist("files"):
        compose.check_room(draft, file.size or 0)
        mailstore.attach(
            desk.mailspace,
            draft.id,
            file.name or "",
            file.content_type or "",
            file.read(),
            cause=desk.visit.cause,
        )
        draft = mailstore.draft(desk.mailspace, draft.id)
    return draft


def _page_sent(request: HttpRequest, desk: Desk, draft: DraftInfo) -> HttpResponse:
    fields = draft.fields
    wrong = wrong_people((*fields.to, *fields.cc, *fields.bcc))
    if wrong:
        error = _("This is no mail address: %s") % ", ".join(wrong)
        return _page(request, desk, as_window(draft), error=error)
    worries = compose.worries(draft)
    if worries and not request.POST.get("anyway"):
        return _page(request, desk, as_window(draft), worries=worries)
    try:
        submit.submit_draft(desk.mailspace, desk.visit.account.pk, draft.id, cause=desk.visit.cause)
    except Refused as refused:
        return _page(request, desk, as_window(draft), error=str(refused))
    messages.success(request, _("Sent."))
    return redirect("mail:inbox")
