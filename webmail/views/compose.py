"""The views of compose: a page that works by itself, and the answers that its window asks for (JSON).

Each takes what was posted, calls one service, and says how the draft now stands. See webmail/compose.py for what is
saved and webmail/writing.py for what happens when something cannot be done.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, RawPostDataException
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from mta.flow import submit
from mta.flow.errors import Refused
from mta.mailstore import service as mailstore
from mta.mailstore.service import ConversationMessage, DraftInfo
from webmail import answering, compose, signatures, templates
from webmail.answering import ANSWERS, ATTACH, NEW, Opening, open_answer, open_enclosing, open_new
from webmail.compose import CannotWrite, Written
from webmail.contacts import service as contacts
from webmail.enclosing import MOST_ENCLOSED
from webmail.faces import faces_of
from webmail.models import Template
from webmail.own_html import editor_html, for_editor, own_text, paragraphs
from webmail.people import read_people, write_people, wrong_people
from webmail.visit import show
from webmail.windows import as_new_window, as_window, standing
from webmail.writing import Desk, writing

_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


# --- for the window -----------------------------------------------------------------------------------------
@require_GET
@writing
def opening(request: HttpRequest, desk: Desk) -> JsonResponse:
    """How a message begins: `?mode=reply&message=12`, `?mode=draft&draft=3` (or `&message=`), `?mailto=…`."""
    if request.GET.get("mode") == "draft":
        return JsonResponse(as_window(_draft_of(request, desk), desk))
    return JsonResponse(as_new_window(_opening(request, desk), desk))


def _opening(request: HttpRequest, desk: Desk) -> Opening:
    mode, message = request.GET.get("mode", NEW), request.GET.get("message", "")
    if mode == ATTACH:
        return open_enclosing(desk.mailspace, _enclosed(request, desk), desk.senders)
    if mode not in ANSWERS:
        return _begun_of_template(
            request, desk, open_new(desk.senders, request.GET.get("mailto", "")[:20_000])
        )
    about = mailstore.message(desk.mailspace, numbered(message))
    sender = answering.written_to(desk.mailspace, desk.visit.account.pk, about, desk.senders)
    return open_answer(mode, about, desk.senders, written_to=sender)


def _enclosed(request: HttpRequest, desk: Desk) -> list[ConversationMessage]:
    """The messages that are to go along as files: single ones, or all of some conversations (`?thread=7,8`)."""

    def asked(name: str) -> list[int]:
        found = [each for text in request.GET.getlist(name) for each in text[:4000].split(",") if each]
        return [numbered(each) for each in found[:MOST_ENCLOSED]]

    found = [mailstore.message(desk.mailspace, each) for each in asked("message")]
    for thread in asked("thread"):
        conversation = mailstore.conversation(desk.mailspace, thread, aside=True)
        found += [each for each in conversation.messages if each.draft is None]
    return found[:MOST_ENCLOSED]


def _begun_of_template(request: HttpRequest, desk: Desk, begun: Opening) -> Opening:
    number = request.GET.get("template", "")
    if not number:
        return begun
    reader = read_people(request.GET.get("to", "")) or begun.to
    try:
        filled = templates.filled(desk.visit.account.pk, numbered(number), reader=reader, sender=begun.sender)
    except Template.DoesNotExist as error:
        raise CannotWrite(_("That template is no longer here.")) from error
    return replace(
        begun,
        subject=filled.subject,
        html=for_editor(filled.html),
        missing=filled.missing,
        to=begun.to or reader,
    )


def _draft_of(request: HttpRequest, desk: Desk) -> DraftInfo:
    if request.GET.get("draft"):
        found = mailstore.draft(desk.mailspace, numbered(request.GET["draft"]))
        if found.state != "open":
            raise CannotWrite(_("This message was already sent or discarded."))
        return found
    message = numbered(request.GET.get("message", ""))
    return mailstore.draft_for_message(desk.mailspace, message, cause=desk.visit.cause)


def numbered(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise CannotWrite(_("There is no such message."))
    return int(text)


@require_POST
@writing
def save(request: HttpRequest, desk: Desk) -> JsonResponse:
    """Save a window. `settle` also rewrites the draft's form in the Drafts mailbox: first save, idle, close."""
    data = posted(request)
    draft, known = _saved(desk, data)
    if data.get("settle") or not data.get("draft"):
        compose.materialise(desk.mailspace, draft, cause=desk.visit.cause)
    version = data.get("version")
    seen = version if isinstance(version, int) else 0
    said = standing(draft, check=bool(data.get("check")))
    return JsonResponse(said | {"elsewhere": bool(known and known > seen)})


def posted(request: HttpRequest) -> dict[str, Any]:
    try:
        data = json.loads(_whole_characters(request.body))
    except (ValueError, RecursionError, RawPostDataException) as error:
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
    return compose.save_over(
        desk.mailspace,
        draft_id,
        Written.from_json(data),
        senders=desk.senders,
        account=desk.visit.account.pk,
        above=desk.visit.preferences.signature_above,
        cause=desk.visit.cause,
    )


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
    data = posted(request)
    action = str(data.get("action", ""))[:64].replace("\0", "")  # which PostgreSQL does not take
    mailstore.undo(desk.mailspace, action, cause=desk.visit.cause)
    found = mailstore.draft(desk.mailspace, numbered(str(data.get("draft", ""))))
    return JsonResponse(as_window(found, desk))


@require_GET
@writing
def people(request: HttpRequest, desk: Desk) -> JsonResponse:
    """Whom the writer may mean: correspondents and groups that have a word that begins so. A group brings its people."""
    found = contacts.suggest(
        desk.mailspace, request.GET.get("q", "").strip()[:100], without=request.GET.getlist("not")[:100]
    )
    pictures = faces_of(desk.visit, (each.email for each in found))
    return JsonResponse(
        {
            "people": [(each.name, each.email or each.members) for each in found],
            "faces": {
                each.email.lower(): pictures[each.email.lower()]
                for each in found
                if each.email.lower() in pictures
            },
        }
    )


# --- the page, which needs no script ------------------------------------------------------------------------
@writing
def page(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """A message on a page of its own: `/mail/compose/?mode=reply&message=12`."""
    if request.method == "POST":
        return _page_posted(request, desk)
    if request.GET.get("mode") == "draft":
        return _page(request, desk, as_window(_draft_of(request, desk), desk))
    return _page(request, desk, as_new_window(_opening(request, desk), desk))


def _page(
    request: HttpRequest,
    desk: Desk,
    window: dict[str, Any],
    *,
    worries: list[str] | None = None,
    error: str = "",
) -> HttpResponse:
    shown = window | {name: write_people(window[name]) for name in ("to", "cc", "bcc")}
    context = {
        "window": shown,
        "senders": window["senders"],
        "signatures": signatures.every(desk.visit.account.pk),
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
        mailstore.detach(desk.mailspace, draft.id, numbered(wanted[7:]), cause=desk.visit.cause)
        return redirect(draft_page(draft))
    if wanted == "send":
        return _page_sent(request, desk, draft)
    compose.materialise(desk.mailspace, draft, cause=desk.visit.cause)
    messages.success(request, _("Draft saved."))
    return redirect(draft_page(draft))


def draft_page(draft: DraftInfo) -> str:
    """Where a draft is written without a script."""
    return f"{reverse('mail:compose')}?mode=draft&draft={draft.id}"


def _page_saved(request: HttpRequest, desk: Desk) -> DraftInfo:
    post = request.POST
    draft_id = numbered(post["draft"]) if post.get("draft") else None
    plain, typed = bool(post.get("plain")), post.get("text", "")
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
            "html": "" if plain else _unscripted(desk, draft_id, typed),
            "text": typed,
            "plain": plain,
            "quote": post.get("quote", "yes") == "yes",
            "receipt": bool(post.get("receipt")),
            "attach": [numbered(each) for each in post.getlist("attach")],
        }
        | ({"signature": numbered(post["signature"] or "0")} if "signature" in post else {})
    )
    draft = compose.save(
        desk.mailspace,
        draft_id,
        written,
        senders=desk.senders,
        account=desk.visit.account.pk,
        above=desk.visit.preferences.signature_above,
        cause=desk.visit.cause,
    )
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


def _unscripted(desk: Desk, draft: int | None, typed: str) -> str:
    """The typed text as HTML; where nothing was typed anew, what an editor made of it stays."""
    if draft is not None:
        before = mailstore.draft(desk.mailspace, draft)
        if " ".join(own_text(before.fields.html).split()) == " ".join(typed.split()):
            return editor_html(before)
    return paragraphs(typed)


def _page_sent(request: HttpRequest, desk: Desk, draft: DraftInfo) -> HttpResponse:
    fields = draft.fields
    wrong = wrong_people((*fields.to, *fields.cc, *fields.bcc))
    if wrong:
        error = _("This is no mail address: %s") % ", ".join(wrong)
        return _page(request, desk, as_window(draft, desk), error=error)
    worries = [text for _kind, text in compose.worries(draft)]
    if worries and not request.POST.get("anyway"):
        return _page(request, desk, as_window(draft, desk), worries=worries)
    try:
        submit.submit_draft(desk.mailspace, desk.visit.account.pk, draft.id, cause=desk.visit.cause)
    except Refused as refused:
        return _page(request, desk, as_window(draft, desk), error=str(refused))
    messages.success(request, _("Sent."))
    return redirect("mail:inbox")
