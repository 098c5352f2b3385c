"""What the windows that write are made of: their markup, words and choices, fetched once before the first one opens.

Kept out of the pages, which most visits only read. static/js/compose-net.js takes it in.
"""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, RawPostDataException
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from mta.values import LABEL
from webmail import signatures
from webmail.compose import room
from webmail.models import IdentityLook, Preferences, Template
from webmail.own_styles import BACKS, INKS
from webmail.templatetags.compose import alignments, colours, formats, sizes, words
from webmail.writing import Desk, writing


@require_GET
@writing
def parts(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The markup of a window, its words, and who writes with which signature."""
    context = {
        "desk": _choices(desk),
        "senders": [(each.address, each.name) for each in desk.visit.shown_senders],
        "may_mask": desk.visit.access.rights == "own",
        "room": room(None),
        "words": words(),
        "formats": formats(),
        "sizes": sizes(),
        "alignments": alignments(),
        "inks": colours(INKS),
        "backs": colours(BACKS),
    }
    return render(request, "webmail/compose_parts.html", context)


def _choices(desk: Desk) -> dict[str, Any]:
    """What a new window starts from, which asks no server."""
    account, chosen = desk.visit.account.pk, desk.visit.preferences
    return {
        "signatures": signatures.choices(account),
        "looks": {
            each.address: {"new": each.signature_new_id, "answer": each.signature_answer_id}
            for each in IdentityLook.objects.filter(account=account)
        },
        "templates": list(Template.objects.filter(account=account).order_by("name").values("id", "name")),
        "labels": [{"id": each.id, "name": each.name} for each in desk.visit.mailboxes if each.role == LABEL]
        if desk.visit.may_organise
        else [],
        "full": chosen.compose_full,
        "plain": chosen.write_plain,
        "above": chosen.signature_above,
        "archive": chosen.send_archive,
    }


@require_POST
@writing
def full(request: HttpRequest, desk: Desk) -> JsonResponse:
    """Remember whether windows open over the whole page."""
    try:
        on = json.loads(request.body).get("on") is True
    except (ValueError, AttributeError, RecursionError, RawPostDataException):
        on = False
    Preferences.objects.update_or_create(account=desk.visit.account, defaults={"compose_full": on})
    return JsonResponse({"full": on})
