"""Blocked senders: an address, a domain, or the senders of what a menu was opened for; and freeing them again."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from mta.filters import service as filters
from mta.filters.service import CannotFilter
from mta.mailstore.service import ConversationMessage
from webmail import rules
from webmail.views.rules import messages_named
from webmail.visit import Visit, visiting, wants_parts


@require_POST
@visiting
def block(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Block or free (`do=free`) an address or a domain, or the senders of messages or conversations."""
    visit.require_organise()
    free = request.POST.get("do") == "free"
    named = request.POST.get("address", "").strip()[:400]
    wanted = [named] if named else rules.senders_of(_meant(request, visit))
    wanted += [each[:400] for each in request.POST.getlist("addresses")[: rules.MOST_LIKE]]
    try:
        if not wanted:
            raise CannotFilter(_("Name an address or a domain."))
        for each in wanted:
            (filters.unblock if free else filters.block)(visit.mailspace, each)
    except CannotFilter as refused:
        return _answer(request, str(refused), status=400)
    return _answer(request, _freed(wanted) if free else _stopped(wanted), addresses=wanted)


def _meant(request: HttpRequest, visit: Visit) -> list[ConversationMessage]:
    """The messages of a menu's item, or what a list without scripts has chosen."""
    sent = request.POST
    if one := sent.get("about"):
        return messages_named({"messages": one}, visit)
    if ids := sent.getlist("ids"):
        return messages_named({"messages" if sent.get("messages") else "conversations": ".".join(ids)}, visit)
    return messages_named(sent, visit)


def _freed(addresses: list[str]) -> str:
    return _("%(who)s is no longer blocked.") % {"who": ", ".join(addresses)}


def _stopped(addresses: list[str]) -> str:
    if len(addresses) == 1:
        return _("%(who)s is blocked. New mail from there goes to Spam.") % {"who": addresses[0]}
    return _("%(who)s are blocked. New mail from them goes to Spam.") % {"who": ", ".join(addresses)}


def _answer(
    request: HttpRequest, text: str, *, addresses: Sequence[str] = (), status: int = 200
) -> HttpResponse:
    if wants_parts(request):
        return JsonResponse({"text": text, "addresses": list(addresses)}, status=status)
    messages.add_message(request, messages.INFO if status == 200 else messages.ERROR, text)
    return redirect(f"{reverse('mail:settings-filters')}#blocked")
