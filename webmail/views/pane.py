"""A conversation beside its list: what `/mail/inbox/123/` is, in a browser that shows the reading pane.

Without the pane, and for our own scripts, it is the conversation alone (webmail.views.conversation). With it, the page
is the list, and what its pane holds is the same conversation, drawn as a part.
"""

from __future__ import annotations

from copy import copy

from django.http import HttpRequest, HttpResponseBase
from django.utils.safestring import mark_safe

from webmail.views import conversation as alone
from webmail.views import mail, search
from webmail.visit import chosen_pane, wants_parts


def conversation(request: HttpRequest, box: str, thread: int) -> HttpResponseBase:
    """The conversation, beside its list where this browser has a pane."""
    if wants_parts(request) or chosen_pane(request) == "none" or request.method != "GET":
        return alone.conversation(request, box=box, thread=thread)
    inner = alone.conversation(_as_part(request), box=box, thread=thread)
    if inner.status_code != 200:
        return inner
    content = getattr(inner, "content", b"").decode()
    message = request.GET.get("message", "")
    opened = f"{request.path}?message={message}" if message.isdigit() else request.path
    request.pane = (opened, mark_safe(content))  # type: ignore[attr-defined]  # noqa: S308 - a page of ours
    if request.GET.get("q"):
        return search.search(request)
    return mail.box(request, box=box)


def _as_part(request: HttpRequest) -> HttpRequest:
    """The same question, asked the way that our script asks for what goes into the pane."""
    asked = copy(request)
    asked.META = request.META | {"HTTP_X_MAILSTEAD": "pane", "HTTP_ACCEPT_ENCODING": ""}
    asked.__dict__.pop("headers", None)  # read from META again
    return asked
