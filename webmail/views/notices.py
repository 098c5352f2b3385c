"""`/mail/live/notices/`: what a desktop notification says of mail that has just come into the inbox."""

from __future__ import annotations

import time

from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from mta.mailstore import service as mailstore
from mta.mailstore.service import ThreadLine
from mta.values import INBOX
from webmail.models import Preferences
from webmail.visit import Visit, number, visiting

MOST = 3  # at once; more is said as a number
LOOKED_AT = 50


@require_GET
@visiting
def notices(request: HttpRequest, visit: Visit) -> JsonResponse:
    """The inbox's unread conversations that got mail since a clock and a moment (µs). Without a clock: from now on."""
    since, at = number(request.GET.get("since", "")), number(request.GET.get("at", "")) or 0
    now = time.time_ns() // 1000
    if not since:
        return JsonResponse(
            {"clock": mailstore.clocks([visit.mailspace])[visit.mailspace], "at": now, "notices": []}
        )
    changed, clock = mailstore.threads_changed(visit.mailspace, since, limit=LOOKED_AT)
    inbox = mailstore.mailbox_by_role(visit.mailspace, INBOX).id
    lines = mailstore.thread_lines(visit.mailspace, inbox, changed) if changed else ()
    fresh = [line for line in lines if line.unread and line.sort_at >= at and not line.muted]
    if visit.preferences.notifications == Preferences.IMPORTANT:
        fresh = [line for line in fresh if line.important]
    if visit.preferences.notifications == Preferences.QUIET:
        fresh = []
    return JsonResponse({"clock": clock, "at": now, "notices": [_notice(line) for line in _few(fresh)]})


def _few(lines: list[ThreadLine]) -> list[ThreadLine]:
    return sorted(lines, key=lambda line: line.sort_at)[-MOST:]


def _notice(line: ThreadLine) -> dict[str, object]:
    last = line.people[-1] if line.people else None
    who = (last.name or last.email) if last else _("New mail")
    return {
        "id": line.thread,
        "title": who,
        "text": f"{line.subject or _('(no subject)')}\n{line.snippet[:140]}",
        "url": reverse("mail:conversation", args=["inbox", line.thread]),
    }
