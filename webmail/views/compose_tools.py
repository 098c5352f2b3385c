"""What a window that writes can ask besides saving: another form of its text, templates, how mail travels to a host.

Each is one question and one answer (JSON), or the page to print.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hosting.access import Sender
from mta.mailstore import service as mailstore
from webmail import editing_anew, routes, signatures, templates
from webmail.answering import ATTACH
from webmail.compose import MAX_HTML, CannotWrite, find_sender
from webmail.enclosing import MOST_ENCLOSED
from webmail.models import Template
from webmail.own_html import for_editor, mail_html, own_text, paragraphs
from webmail.people import read_people
from webmail.views import printing
from webmail.views.compose import draft_page, posted
from webmail.visit import number, wants_parts
from webmail.windows import as_window
from webmail.writing import Desk, writing


@require_POST
@writing
def edit(request: HttpRequest, desk: Desk, message: int) -> HttpResponseBase:
    """A draft that begins as this message is."""
    about = mailstore.message(desk.mailspace, message)
    draft = editing_anew.begin(desk.mailspace, about, senders=desk.senders, cause=desk.visit.cause)
    if wants_parts(request):
        return JsonResponse(as_window(draft, desk))
    return redirect(draft_page(draft))


@require_POST
@writing
def attach(request: HttpRequest, desk: Desk) -> HttpResponse:
    """From the tools of a list without scripts: a new message with the chosen conversations in it as files."""
    kind = "message" if request.POST.get("messages") or not desk.visit.preferences.conversations else "thread"
    chosen = ",".join(each for each in request.POST.getlist("ids")[:MOST_ENCLOSED] if number(each))
    return redirect(f"{reverse('mail:compose')}?{urlencode({'mode': ATTACH, kind: chosen})}")


@require_POST
@writing
def edit_quote(request: HttpRequest, desk: Desk, draft: int) -> JsonResponse:
    """The original as the editor takes it, which loses what the editor cannot make."""
    found = mailstore.draft(desk.mailspace, draft)
    return JsonResponse({"html": for_editor(found.fields.quoted_html, found)})


@require_POST
@writing
def convert(request: HttpRequest, desk: Desk) -> JsonResponse:
    """The same words as plain text, or as the editor's HTML."""
    data = posted(request)
    if data.get("to") == "plain":
        return JsonResponse({"text": own_text(mail_html(_text(data, "html"), ()))})
    return JsonResponse({"html": paragraphs(_text(data, "text"))})


@require_http_methods(["GET", "POST"])
@writing
def every_template(request: HttpRequest, desk: Desk) -> JsonResponse:
    """The templates, filled in for `?to=`; or the text of a window kept as one."""
    account = desk.visit.account.pk
    if request.method == "POST":
        data = posted(request)
        html = mail_html(_text(data, "html"), ())
        made = templates.save(account, name=_text(data, "name"), subject=_text(data, "subject"), html=html)
        return JsonResponse({"id": made.pk, "name": made.name})
    found = Template.objects.filter(account=account).order_by("name").values_list("pk", flat=True)[:200]
    return JsonResponse({"templates": [_filled(request, desk, each) for each in found]})


@require_GET
@writing
def template(request: HttpRequest, desk: Desk, template: int) -> JsonResponse:
    """One template, filled in."""
    return JsonResponse(_filled(request, desk, template))


def _filled(request: HttpRequest, desk: Desk, number: int) -> dict[str, Any]:
    asked = request.GET
    reader = read_people(asked.get("to", ""))
    if len(reader) == 1 and asked.get("name") and not reader[0][0]:
        reader = ((asked["name"][:250], reader[0][1]),)
    try:
        found = templates.filled(desk.visit.account.pk, number, reader=reader, sender=_sender(desk, asked))
    except Template.DoesNotExist as error:
        raise Http404(_("That template is no longer here.")) from error
    return {
        "id": number,
        "name": found.name,
        "subject": found.subject,
        "html": for_editor(found.html),
        "missing": found.missing,
    }


def _sender(desk: Desk, asked: Any) -> Sender:
    return find_sender(desk.senders, asked.get("from", ""))


@require_GET
@writing
def every_signature(request: HttpRequest, desk: Desk) -> JsonResponse:
    """The signatures there are to choose from."""
    return JsonResponse({"signatures": signatures.choices(desk.visit.account.pk)})


@require_POST
@writing
def security(request: HttpRequest, desk: Desk) -> JsonResponse:
    """How safely mail travelled to some domains, or to the hosts of some people, last time."""
    data = posted(request)
    domains, people = data.get("domains"), data.get("people")
    wanted = [str(each)[:255] for each in domains[: routes.MOST]] if isinstance(domains, list) else []
    if isinstance(people, list):
        wanted += [str(each)[-255:].rpartition("@")[2] for each in people[: routes.MOST]]
    found = routes.routes(desk.mailspace, wanted)
    return JsonResponse(
        {"domains": {name: {"state": each.state, "text": each.text} for name, each in found.items()}}
    )


@require_GET
@writing
def printed(request: HttpRequest, desk: Desk, draft: int) -> HttpResponse:
    """What is written so far, on paper."""
    return printing.draft(request, desk.visit, mailstore.draft(desk.mailspace, draft))


def _text(data: dict[str, Any], name: str) -> str:
    found = data.get(name, "")
    if not isinstance(found, str) or len(found) > MAX_HTML:
        raise CannotWrite(_("This message could not be read. Reload the page and try again."))
    return found
