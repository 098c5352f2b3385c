"""`/mail/search/suggest/?q=`: what the search field suggests, as options of its list; and the recent searches."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from webmail.search_box import MAX_TEXT
from webmail.suggesting import forget, remember, suggestions
from webmail.visit import Visit, visiting


@require_GET
@visiting
def suggest(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The options for what was typed so far."""
    found = suggestions(visit, request.GET.get("q", "")[:MAX_TEXT])
    return render(request, "webmail/search_suggestions.html", {"suggestions": found})


@require_POST
@visiting
def recent(request: HttpRequest, visit: Visit) -> JsonResponse:
    """`q` was searched for; with `forget`, it is to be suggested no more."""
    text = request.POST.get("q", "")
    (forget if "forget" in request.POST else remember)(visit, text)
    return JsonResponse({})
