"""Outside pictures: the address behind which one of them is fetched, and the two answers to "pictures held back"."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from hosting.access import mailspaces_for
from mta.mailstore import service as mailstore
from webmail import pictures
from webmail.content import foreign
from webmail.models import ShownSender
from webmail.visit import Visit, visiting, wants_parts

NOTHING_RUNS = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
KEPT = "private, max-age=604800, immutable"
MOST_SENDERS = 2000
# Shown in place of what could not be had: a dashed frame that says nothing and asks for nothing.
MISSING = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="48" height="32" viewBox="0 0 48 32" fill="none" stroke="#7A827A">'
    '<rect x=".5" y=".5" width="47" height="31" rx="4" stroke-dasharray="3 3"/>'
    '<path d="M18 21l4-5 3 3 2-2 4 4M18 11h12v10H18z" stroke-linejoin="round"/></svg>'
)


@require_GET
@foreign
def picture(request: HttpRequest, visit: Visit, token: str) -> HttpResponse:
    """One outside picture, drawn anew. Answers the one reader whom the token was made for."""
    wanted = pictures.opened(token)
    if wanted is None or wanted.account != visit.account.pk:
        raise Http404(_("There is no such picture."))
    if all(each.mailspace != wanted.mailspace for each in mailspaces_for(visit.account)):
        raise Http404(_("There is no such picture."))
    found = pictures.load(wanted.mailspace, wanted.url)
    if found is None:
        response = HttpResponse(MISSING, content_type="image/svg+xml")
        response["Cache-Control"] = "private, max-age=60"
    else:
        response = HttpResponse(found.data, content_type=found.type)
        response["Cache-Control"] = KEPT
    response["Content-Security-Policy"] = NOTHING_RUNS
    response["X-Content-Type-Options"] = "nosniff"
    response["Vary"] = "Cookie"
    return response


@require_POST
@visiting
def show(request: HttpRequest, visit: Visit, message: int) -> HttpResponseBase:
    """Show this message's pictures, this time."""
    mailstore.message(visit.mailspace, message)  # not theirs: 404
    return _shown(request, visit, message)


@require_POST
@visiting
def always(request: HttpRequest, visit: Visit, message: int) -> HttpResponseBase:
    """Show this sender's pictures from now on."""
    about = mailstore.message(visit.mailspace, message)
    address = about.from_.email.lower()
    if "@" not in address or len(address) > 320:
        raise Http404(_("This message names no sender."))
    if ShownSender.objects.filter(account=visit.account).count() < MOST_SENDERS:
        ShownSender.objects.get_or_create(account=visit.account, address=address)
    return _shown(request, visit, message)


def _shown(request: HttpRequest, visit: Visit, message: int) -> HttpResponseBase:
    word = pictures.once(visit.account.pk, message)
    if wants_parts(request):
        return JsonResponse({"pictures": word})
    back = request.POST.get("next", "")
    if not back.startswith("/mail/") or ".." in back or not url_has_allowed_host_and_scheme(back, None):
        back = "/mail/"
    return redirect(f"{back.partition('#')[0].partition('?')[0]}?open={message}&pictures={word}#m-{message}")
