"""`/mail/changes/`: everything that was done to this mailbox, by whom, and the way back.

The journal keeps what a change took away, so each can be undone from here, whoever made it; and the whole mailbox can
be put back to how it was at a moment. Both run in the background (mailstore.start_undo, start_rewind) and are changes
themselves, with a line of their own. Words: webmail.changes.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_time
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from mta.mailstore import service as mailstore
from mta.mailstore.errors import NoSuchJob, NothingToUndo, StoreError
from mta.mailstore.service import BulkInfo, HistoryLine
from webmail import changes as said
from webmail.templatetags.look import full_date, grouped
from webmail.visit import Visit, number, show, visiting, wants_parts

PAGE = 100  # commands; small ones of one kind are told as one line


@require_GET
@visiting
def changes(request: HttpRequest, visit: Visit) -> HttpResponse:
    """A page of the journal, newest first; `before` is the time of the last line shown, `by` a kind of cause."""
    by = request.GET.get("by", "")
    before = number(request.GET.get("before", ""))
    lines = mailstore.history(visit.mailspace, before=before, limit=PAGE + 1, cause=said.KINDS.get(by))
    shown = lines[:PAGE]
    older = (
        urlencode({"by": by, "before": shown[-1].at} if by else {"before": shown[-1].at})
        if lines[PAGE:]
        else ""
    )
    return show(
        request,
        visit,
        "webmail/history.html",
        {
            "clock": mailstore.clocks([visit.mailspace])[visit.mailspace],
            "days": said.days(shown, me=visit.account.username, mailboxes=visit.mailboxes),
            "by": by,
            "causes": [(name, said.cause_title(name)) for name in said.CAUSES],
            "older_url": f"?{older}" if older else "",
            "first_page": before is None,
            "jobs": [_progress(each) for each in mailstore.bulks(visit.mailspace) if each.running],
            "changes_current": True,
            "title": f"{_('Recent changes')} - {visit.address} - Mailstead",
        }
        | _rewinding(request, visit),
    )


# --- putting the mailbox back ---------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Moment:
    """A moment to go back to, and where its words came from."""

    at: datetime
    choice: str = ""

    @property
    def micros(self) -> int:
        return int(self.at.timestamp() * 1_000_000)


def _moment(values: Any) -> Moment | None:
    """What a form or an address names: `at` in µs, a quick choice, or a day and a time in the reader's zone."""
    now = timezone.localtime()
    exact = number(values.get("at", ""))
    if exact is not None and exact < int(now.timestamp() * 1_000_000):
        return Moment(timezone.localtime(datetime.fromtimestamp(exact / 1_000_000, tz=now.tzinfo)))
    choice = values.get("to", "")
    for name, _words, at in said.moments(now):
        if name == choice:
            return Moment(at, name)
    try:
        day, clock = parse_date(values.get("day", "")), parse_time(values.get("time", ""))
    except ValueError:
        return None
    if day is None or clock is None:
        return None
    at = timezone.make_aware(datetime.combine(day, clock.replace(tzinfo=None)))
    return Moment(at) if at < now else None


def _rewinding(request: HttpRequest, visit: Visit) -> dict[str, Any]:
    """What the panel "Put this mailbox back" shows: choices, and what the chosen one would take back."""
    now = timezone.localtime()
    context: dict[str, Any] = {"moments": said.moments(now), "today": now.date().isoformat()}
    if not {"at", "to", "day"} & request.GET.keys():
        return context
    moment = _moment(request.GET)
    if moment is None:
        return context | {"rewind_error": _("Choose a day and a time that are past.")}
    try:
        lines = mailstore.rewind_preview(visit.mailspace, moment.micros)
    except StoreError as error:
        return context | {"moment": moment, "rewind_error": str(error)}
    return context | {"moment": moment, "preview": preview(lines, visit)}


def preview(lines: tuple[HistoryLine, ...], visit: Visit) -> dict[str, Any]:
    """What would be taken back, in words."""
    lines = tuple(line for line in lines if line.verb not in said.ARRIVALS)
    count = sum(line.count for line in lines)
    taking = ngettext("%(n)s change", "%(n)s changes", len(lines)) % {"n": grouped(len(lines))}
    touching = ngettext("%(n)s message", "%(n)s messages", count) % {"n": grouped(count)}
    sentences = said.preview(lines, mailboxes=visit.mailboxes)
    return {
        "empty": not lines,
        "text": _("This takes back %(changes)s to %(messages)s. Mail that has arrived since stays.")
        % {"changes": taking, "messages": touching},
        "lines": sentences[:8],
        "more": max(0, len(sentences) - 8),
    }


# --- doing it -------------------------------------------------------------------------------------------------
@require_POST
@visiting
def undo(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Take one change back, of any size, whoever made it; or the small ones that are told as one."""
    visit.require_organise()
    actions = [each[:32] for each in request.POST.getlist("action")][:PAGE]
    try:
        for small in actions[1:]:
            _undo_at_once(visit, small)
        job = mailstore.start_undo(visit.mailspace, actions[0] if actions else "", cause=visit.cause)
    except StoreError as error:
        return _refuse(request, error)
    return _started(request, job, _("Taken back."))


def _undo_at_once(visit: Visit, action: str) -> None:
    with suppress(NothingToUndo):  # it was, in another window
        mailstore.undo(visit.mailspace, action, cause=visit.cause)


@require_POST
@visiting
def rewind(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Put the mailbox back to how it was at a moment."""
    visit.require_organise()
    moment = _moment(request.POST)
    if moment is None:
        return _refuse(request, _("Choose a day and a time that are past."))
    try:
        job = mailstore.start_rewind(visit.mailspace, moment.micros, cause=visit.cause)
    except StoreError as error:
        return _refuse(request, error)
    return _started(request, job, _("The mailbox is as it was: %s.") % full_date(moment.micros))


@require_GET
@visiting
def progress(request: HttpRequest, visit: Visit, job: int) -> JsonResponse:
    """How far a background job is."""
    try:
        return JsonResponse(_progress(mailstore.bulk(visit.mailspace, job)))
    except NoSuchJob as error:
        return JsonResponse({"text": str(error)}, status=404)


def _progress(job: BulkInfo) -> dict[str, Any]:
    text = _("%(done)s of %(total)s") % {"done": grouped(job.seen), "total": grouped(job.total or 0)}
    skipped = ngettext(
        "%s message had been changed since and stays as it is.",
        "%s messages had been changed since and stay as they are.",
        job.skipped,
    )
    return {
        "id": job.id,
        "running": job.running,
        "failed": job.state == "failed",
        "done": job.seen,
        "total": job.total or 0,
        "text": text if job.running and job.total else "",
        "note": skipped % grouped(job.skipped) if job.skipped else "",
    }


def _started(request: HttpRequest, job: BulkInfo, text: str) -> HttpResponse:
    if wants_parts(request):
        return JsonResponse(_progress(job) | {"text": text, "progress": _progress(job)["text"]})
    messages.info(request, _("It is being done. This page shows how far it is.") if job.running else text)
    return redirect("mail:changes")


def _refuse(request: HttpRequest, error: StoreError | str) -> HttpResponse:
    if wants_parts(request):
        return JsonResponse({"text": str(error)}, status=400)
    messages.error(request, str(error))
    return redirect(reverse("mail:changes"))
