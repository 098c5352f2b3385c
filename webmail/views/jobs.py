"""`/mail/jobs/<number>/`: how far something is that is done to everything in a place, and Stop."""

from __future__ import annotations

from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from mta.mailstore import service as mailstore
from mta.mailstore.errors import NoSuchJob
from mta.mailstore.service import BulkInfo
from webmail import jobs
from webmail.boxes import box_of
from webmail.visit import Visit, visiting


@require_GET
@visiting
def job(request: HttpRequest, visit: Visit, job: int) -> JsonResponse:
    """One job of this mailbox; another's is not there."""
    try:
        return JsonResponse(_told(visit, mailstore.bulk(visit.mailspace, job)))
    except NoSuchJob as error:
        raise Http404(str(error)) from error


@require_POST
@visiting
def stop(request: HttpRequest, visit: Visit, job: int) -> JsonResponse:
    """Do no more of it; what was done stays, and can be undone."""
    visit.require_organise()
    try:
        return JsonResponse(_told(visit, mailstore.stop_bulk(visit.mailspace, job)))
    except NoSuchJob as error:
        raise Http404(str(error)) from error


def _told(visit: Visit, job: BulkInfo) -> dict[str, object]:
    names = {place.id: place.name or place.title for place in map(box_of, visit.mailboxes)}
    return {
        "job": job.id,
        "text": jobs.doing(job) if job.running else jobs.outcome(names, job),
        "done": job.seen,
        "total": job.total or 0,
        "ended": not job.running,
        "action": job.action,
        "undoable": not job.running and not jobs.is_undo(job) and job.messages > 0,
    }
