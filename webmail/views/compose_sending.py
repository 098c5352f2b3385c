"""Sending what was written: now, with the time to take it back; at a chosen hour; and taking it back.

The message goes as it was last saved. See mta.flow.submit and mta.flow.scheduled.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from mta.flow import scheduled, submit
from mta.mailstore import service as mailstore
from mta.mailstore.errors import NothingToUndo, StoreError
from mta.mailstore.service import DraftInfo
from webmail import compose, sending_times, snoozing
from webmail.answering import ANSWERS
from webmail.compose import CannotWrite
from webmail.people import wrong_people
from webmail.views.compose import draft_page, posted
from webmail.visit import wants_parts
from webmail.windows import as_window
from webmail.writing import Desk, writing

# Seconds that a browser's time to take back begins late and its Undo is on the way: what it offers must be true.
ON_THE_WAY = 2


@require_POST
@writing
def send(request: HttpRequest, desk: Desk, draft: int) -> JsonResponse:
    """Send a draft as it was last saved: `{at: µs}` or `{local: "2026-11-24T08:00"}` for later, `archive` to put the
    conversation that it answers away."""
    data = _told(request)
    at = _asked_for(desk, data)
    delay = 0 if at else desk.visit.preferences.undo_seconds
    found = mailstore.draft(desk.mailspace, draft)
    if at:
        _check_people(found)
    sent = submit.submit_draft(
        desk.mailspace,
        desk.visit.account.pk,
        draft,
        cause=desk.visit.cause,
        undo_seconds=delay and delay + ON_THE_WAY,
        send_at=snoozing.micros(at) if at else None,
    )
    thread = mailstore.message(desk.mailspace, sent.message).thread if sent.message else 0
    slug = "scheduled" if at else "sent"
    return JsonResponse(
        {
            "outgoing": sent.outgoing,
            "seconds": delay,
            "url": reverse("mail:conversation", args=[slug, thread]) if thread else "",
            "message": sent.message,
            "scheduled": at is not None,
            "at": snoozing.micros(at) if at else None,
            "when": sending_times.said(at, timezone.localtime()) if at else "",
            "archived": _archived(desk, found) if data.get("archive") else "",
        }
    )


def _told(request: HttpRequest) -> dict[str, Any]:
    """What was said with it, which may be nothing."""
    return posted(request) if request.content_type == "application/json" and request.body else {}


def _asked_for(desk: Desk, data: dict[str, Any]) -> datetime | None:
    """The moment at which the message is to go, by the person's clock; None for now."""
    now = timezone.localtime()
    wanted, local = data.get("at"), data.get("local")
    try:
        if isinstance(local, str) and local:
            at = snoozing.picked(local, now)
        elif isinstance(wanted, int) and not isinstance(wanted, bool):
            at = sending_times.checked(wanted, now)
        elif wanted is None and not local:
            return None
        else:  # a moment that cannot be read is no wish to send at once
            raise snoozing.NotAhead(str(wanted)[:40])
        at = sending_times.checked(snoozing.micros(at), now)
    except snoozing.NotAhead as error:
        raise CannotWrite(_("Choose a time that is still to come, within a year.")) from error
    return at if at - now >= sending_times.SOONEST else None


def _check_people(draft: DraftInfo) -> None:
    """Nobody is there to read of a slip at eight in the morning."""
    fields = draft.fields
    wrong = wrong_people((*fields.to, *fields.cc, *fields.bcc))
    if wrong:
        raise CannotWrite(_("This is no mail address: %s") % ", ".join(wrong))


def _archived(desk: Desk, draft: DraftInfo) -> str:
    """Put the conversation that was answered away; the action that undoes it."""
    if draft.fields.mode not in ANSWERS or draft.fields.parent is None or not desk.visit.may_organise:
        return ""
    try:
        thread = mailstore.message(desk.mailspace, draft.fields.parent).thread
        return mailstore.archive(desk.mailspace, [thread], cause=desk.visit.cause).action
    except StoreError:
        return ""  # gone meanwhile; the answer went all the same


@require_POST
@writing
def undo(request: HttpRequest, desk: Desk, outgoing: int) -> JsonResponse:
    """Take a message back while it waits; its draft is open again. `{archived}` undoes that, too."""
    data = _told(request)
    draft = submit.cancel(desk.mailspace, outgoing, cause=desk.visit.cause)
    if draft is None:
        raise CannotWrite(_("Too late: the message is on its way."))
    _unarchive(desk, data.get("archived"))
    return JsonResponse(as_window(_opened(desk, draft), desk))


def _unarchive(desk: Desk, action: Any) -> None:
    if isinstance(action, str) and action.isalnum() and len(action) <= 64:
        try:
            mailstore.undo(desk.mailspace, action, cause=desk.visit.cause)
        except NothingToUndo:
            return


def _opened(desk: Desk, draft: int) -> DraftInfo:
    found = mailstore.draft(desk.mailspace, draft)
    compose.materialise(desk.mailspace, found, cause=desk.visit.cause)
    return mailstore.draft(desk.mailspace, draft)


@require_POST
@writing
def unschedule(request: HttpRequest, desk: Desk, message: int) -> HttpResponseBase:
    """A message does not go at its hour after all; it is a draft again."""
    draft = scheduled.take_back(desk.mailspace, message, cause=desk.visit.cause)
    if draft is None:
        raise CannotWrite(_("Too late: the message is on its way."))
    found = _opened(desk, draft)
    if wants_parts(request):
        return JsonResponse(as_window(found, desk))
    messages.success(request, _("It does not go at that time any more. It is a draft again."))
    return redirect(draft_page(found))


@require_GET
@writing
def times(request: HttpRequest, desk: Desk) -> JsonResponse:
    """The hours that are offered for sending later."""
    now = timezone.localtime()
    offered = sending_times.choices(now, desk.visit.hours)
    return JsonResponse(
        {
            "times": [
                {"key": each.key, "label": each.label, "at": each.at, "when": each.when} for each in offered
            ],
            "choices": [{"text": each.label, "note": each.when, "at": each.at} for each in offered],
            "zone": str(timezone.get_current_timezone()),
        }
    )
