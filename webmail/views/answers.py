"""How what a reader asked for with one button is answered: JSON for scripts, a redirect and a message for forms."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme

from webmail.visit import wants_parts


def said(request: HttpRequest, text: str, *, status: int = 200, **more: object) -> HttpResponse:
    """`text` is the sentence about it; the form's `next` is where a page without scripts goes on."""
    if wants_parts(request):
        return JsonResponse({"text": text, **more}, status=status)
    messages.add_message(request, messages.INFO if status == 200 else messages.ERROR, text)
    following = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(following, allowed_hosts={request.get_host()})
    return redirect(following if safe and following.startswith("/") else "mail:inbox")
