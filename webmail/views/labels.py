"""Labels of the left column: made, renamed, coloured, removed. Each is a form that also works by itself."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from mta.mailstore import service as mailstore
from mta.mailstore.errors import BadName, MailboxExists, StoreError
from mta.values import LABEL, MailboxInfo
from webmail.boxes import box_of
from webmail.visit import Visit, number, visiting, wants_parts

HUES = 12
LOOKS = {"list": ("unread", "hide"), "rows": ("hide",)}  # "" of each: shown


@require_POST
@visiting
def create(request: HttpRequest, visit: Visit) -> HttpResponse:
    """A new label, under `parent` if one is given."""
    visit.require_organise()
    parent = number(request.POST.get("parent", ""))
    under = "" if parent is None else f"{_label(visit, parent).name}/"
    name = under + request.POST.get("name", "").strip()
    try:
        made = mailstore.create_mailbox(visit.mailspace, name, cause=visit.cause, colour=_hue(request))
    except StoreError as error:
        return _refuse(request, error)
    return _done(request, _("Label %s made.") % made.name, box_of(made).url)


@require_POST
@visiting
def change(request: HttpRequest, visit: Visit, label: int) -> HttpResponse:
    """Another name, another colour, or both."""
    visit.require_organise()
    info = _label(visit, label)
    name = request.POST.get("name", "").strip()
    try:
        if name and name != info.name:
            mailstore.rename_mailbox(visit.mailspace, info.name, name, cause=visit.cause)
        if "colour" in request.POST:
            mailstore.set_colour(visit.mailspace, label, _hue(request))
    except StoreError as error:
        return _refuse(request, error)
    return _done(request, _("Label saved."), box_of(mailstore.mailbox_by_id(visit.mailspace, label)).url)


@require_POST
@visiting
def looks(request: HttpRequest, visit: Visit, label: int) -> HttpResponse:
    """Where a label is shown: in the left column (`list`), on rows (`rows`). One person's choice, for all browsers."""
    info = _label(visit, label)
    every = dict(visit.preferences.label_looks)
    look = dict(every.get(str(label), {}))
    for name, known in LOOKS.items():
        if name in request.POST:
            look[name] = request.POST[name] if request.POST[name] in known else ""
    every[str(label)] = {name: value for name, value in look.items() if value}
    visit.preferences.label_looks = {id_: each for id_, each in every.items() if each}
    visit.preferences.save()
    return _done(request, _("Label saved."), box_of(info).url)


@require_POST
@visiting
def remove(request: HttpRequest, visit: Visit, label: int) -> HttpResponse:
    """Take a label away; its conversations stay, those that lay nowhere else in Trash."""
    visit.require_organise()
    info = _label(visit, label)
    try:
        action = mailstore.delete_mailbox(visit.mailspace, info.name, cause=visit.cause)
    except StoreError as error:
        return _refuse(request, error)
    return _done(request, _("Label %s removed.") % info.name, "/mail/inbox/", action)


def _label(visit: Visit, label: int) -> MailboxInfo:
    found = next((each for each in visit.mailboxes if each.id == label and each.role == LABEL), None)
    if found is None:
        raise Http404(_("There is no such label."))
    return found


def _hue(request: HttpRequest) -> int | None:
    given = number(request.POST.get("colour", ""))
    return None if given is None else given % HUES


def _refuse(request: HttpRequest, error: StoreError) -> HttpResponse:
    words = {
        MailboxExists: _("There is a label of that name already."),
        BadName: _("That name cannot be used for a label."),
    }
    text = words.get(type(error), str(error))
    if wants_parts(request):
        return JsonResponse({"text": text}, status=400)
    messages.error(request, text)
    return redirect("mail:inbox")


def _done(request: HttpRequest, text: str, url: str, action: str = "") -> HttpResponse:
    if wants_parts(request):
        return JsonResponse({"text": text, "url": url, "action": action})
    messages.info(request, text)
    return redirect(url)
