"""Live updates: the event stream, and the questions a browser asks after a ring."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.contrib.auth import aget_user
from django.db import connections
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET

from hosting.access import mailspaces_for
from hosting.models import Account
from mta.mailstore import service as mailstore
from mta.values import SEEN
from webmail import boxes, faces
from webmail.events import stream
from webmail.rows import rows_of
from webmail.searching import marks_of
from webmail.sendings import sending_of, sendings_of
from webmail.views.mail import by_thread, deliveries, page_title
from webmail.visit import Visit, number, visiting

MAX_CHANGED = 200  # more than that, and the page is loaded anew


@require_GET
async def events(request: HttpRequest) -> HttpResponseBase:
    """`/mail/events/`: an endless answer of rings for the mailspaces this account may open."""
    mailspaces = await _audible(request)
    if not mailspaces:
        return HttpResponse(status=204)  # tells an EventSource not to come again
    response = StreamingHttpResponse(_lines(request, mailspaces), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


async def _lines(request: HttpRequest, mailspaces: tuple[int, ...]) -> AsyncIterator[bytes]:
    known = _known(request.headers.get("Last-Event-ID") or request.GET.get("since", ""), mailspaces)
    async for line in stream(mailspaces, known=known):
        yield line


async def _audible(request: HttpRequest) -> tuple[int, ...]:
    account = await aget_user(request)
    if not isinstance(account, Account):
        return ()
    found = await sync_to_async(mailspaces_for)(account)
    await sync_to_async(connections.close_all)()  # the stream may last; its connection must not
    return tuple(each.mailspace for each in found)


def _known(text: str, mailspaces: tuple[int, ...]) -> dict[int, int]:
    """`7:1234,9:88`: clocks by mailspace, of those that may be heard."""
    pairs = re.findall(r"(\d{1,18}):(\d{1,18})", text[:2000])
    return {int(mailspace): int(clock) for mailspace, clock in pairs if int(mailspace) in mailspaces}


@require_GET
@visiting
def rows(request: HttpRequest, visit: Visit, box: str) -> JsonResponse:
    """The rows of a place that changed since a clock: new markup, those that left, all counts."""
    place = visit.box(box)
    since = number(request.GET.get("since", "")) or 0
    changed, clock = mailstore.threads_changed(visit.mailspace, since, limit=MAX_CHANGED + 1)
    answer: dict[str, object] = {"clock": clock, "counts": boxes.counts(visit.mailboxes)}
    answer |= {"title": page_title(visit, place), "total": visit.total(place)}
    if len(changed) > MAX_CHANGED or (changed and not by_thread(visit)):
        return JsonResponse(answer | {"reload": True})
    lines = mailstore.thread_lines(visit.mailspace, place.id, changed) if changed else ()
    here = {line.thread for line in lines}
    drawn = [
        {
            "id": row.id,
            "at": row.sort_at,
            "unread": row.unread,
            "html": str(row),
        }
        for row in faces.on_rows(
            visit,
            rows_of(
                lines,
                place,
                visit.mailboxes,
                first=0,
                search=request.GET.get("q", ""),
                marks=marks_of(visit, request.GET.get("q", "")),
                deliveries=deliveries(visit, place, lines),
                hidden=boxes.hidden_in_rows(visit.preferences.label_looks),
            ),
        )
    ]
    return JsonResponse(answer | {"rows": drawn, "gone": [each for each in changed if each not in here]})


@require_GET
@visiting
def sending(request: HttpRequest, visit: Visit, message: int) -> JsonResponse:
    """How a message that was just sent stands, for the toast of whoever sent it."""
    found = sending_of(visit.mailspace, message)
    if found is None:
        raise Http404("nothing of that name is being sent")
    return JsonResponse(
        {"state": found.state, "waiting": found.waiting, "news": found.news, "again": found.again}
    )


@require_GET
@visiting
def conversation(request: HttpRequest, visit: Visit, thread: int) -> JsonResponse:
    """What an open conversation must know: its messages, their stars and reading, how their sending stands."""
    clock = mailstore.clocks([visit.mailspace])[visit.mailspace]
    found = mailstore.conversation(visit.mailspace, thread, aside=bool(request.GET.get("aside")))
    sent = [message for message in found.messages if message.own and message.draft is None]
    sendings = sendings_of(visit.mailspace, sent, hours=visit.hours)
    return JsonResponse(
        {
            "clock": clock,
            "counts": boxes.counts(visit.mailboxes),
            "boxes": found.boxes,
            "messages": [
                {
                    "id": message.id,
                    "own": message.own,
                    "draft": message.draft is not None,
                    "unread": not message.flags & SEEN,
                    "starred": bool(message.flags & 4),
                }
                for message in found.messages
            ],
            "sendings": {
                message: {
                    "state": sending.state,
                    "text": sending.text,
                    "waiting": sending.waiting,
                    "html": render_to_string(
                        "webmail/sending.html",
                        {"sending": sending, "message": message},
                        request=request,
                    ),
                }
                for message, sending in sendings.items()
            },
        }
    )
