"""Changing the address book: each view takes a form, calls one service, and leads to a page that offers the way back."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from webmail import chores
from webmail.chores import CannotDo
from webmail.models import Chore
from webmail.visit import Visit, number, show, visiting

from . import background, cards, forms, photos, service
from .service import CannotKeep, CannotRead, Person
from .values import line
from .views import finding, frame, title_of


@require_http_methods(["GET", "POST"])
@visiting
def new(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Somebody new; `?email=` and `?name=` fill the form in."""
    if request.method == "POST":
        visit.require_organise()
        person = forms.person_of(request.POST)
        error = forms.wrong(person, request.POST)
        if not error:
            try:
                kept = service.add(visit.mailspace, person)
            except CannotKeep:
                error = _("The address book is full.")
            else:
                _picture(request, visit, kept.id)
                messages.success(request, _("%s is in your contacts.") % kept.person.called)
                return redirect("mail:contact", kept.id)
        return _form(request, visit, person, error=error)
    email = line(request.GET.get("email", ""), 320)
    emails = (("", email),) if "@" in email else ()
    return _form(request, visit, Person(name=line(request.GET.get("name", "")), emails=emails))


@require_http_methods(["GET", "POST"])
@finding
def edit(request: HttpRequest, visit: Visit, contact: int) -> HttpResponse:
    """Everything about somebody, to be changed."""
    kept = service.contact(visit.mailspace, contact)
    if request.method == "GET":
        return _form(request, visit, kept.person, contact=contact, has_photo=kept.has_photo)
    visit.require_organise()
    person = forms.person_of(request.POST)
    error = forms.wrong(person, request.POST, kept.person)
    if error:
        return _form(
            request, visit, person, contact=contact, has_photo=kept.has_photo, error=error, before=kept.person
        )
    past = service.change(visit.mailspace, contact, person)
    if request.POST.get("no_photo"):
        service.set_photo(visit.mailspace, contact, b"")
    _picture(request, visit, contact)
    return redirect(f"{reverse('mail:contact', args=[contact])}?{urlencode({'undo': past})}")


def _form(
    request: HttpRequest,
    visit: Visit,
    person: Person,
    *,
    contact: int | None = None,
    has_photo: bool = False,
    error: str = "",
    before: Person | None = None,
) -> HttpResponse:
    """The form, after a mistake as it was typed."""
    heading = _("Edit contact") if contact else _("New contact")
    return show(
        request,
        visit,
        "webmail/contacts/form.html",
        frame(visit, "all")
        | {
            "heading": heading,
            "person": person,
            "contact": contact,
            "has_photo": has_photo,
            "lists": forms.lines_of(person, request.POST if error else None, before),
            "new_group": line(request.POST.get("new_group", ""), 100),
            "labels": forms.labels(),
            "error": error,
            "title": title_of(visit, heading),
        },
    )


def _picture(request: HttpRequest, visit: Visit, contact: int) -> None:
    given = request.FILES.get("photo")
    if not isinstance(given, UploadedFile):
        return
    too_large = (given.size or 0) > photos.MAX_FILE
    if too_large or not service.set_photo(visit.mailspace, contact, given.read()):
        messages.error(request, _("That file is no picture that can be shown. JPEG and PNG up to 5 MB can."))


@require_POST
@finding
def delete(request: HttpRequest, visit: Visit, contact: int) -> HttpResponse:
    """One contact, from its page."""
    visit.require_organise()
    service.contact(visit.mailspace, contact)
    past = service.delete(visit.mailspace, [contact])
    return _offer(request, _("Contact deleted."), past)


@require_POST
@finding
def several(request: HttpRequest, visit: Visit) -> HttpResponse:
    """What is done to the contacts that are ticked: deleted, merged, put into a group or taken out of it."""
    visit.require_organise()
    ids = [id_ for each in request.POST.getlist("ids")[:500] if (id_ := number(each)) is not None]
    do = request.POST.get("do", "")
    if not ids:
        messages.info(request, _("Tick the contacts first."))
    elif do == "delete":
        past = service.delete(visit.mailspace, ids)
        return _offer(
            request, ngettext("%d contact deleted.", "%d contacts deleted.", len(ids)) % len(ids), past
        )
    elif do == "merge" and len(ids) > 1:
        return redirect(f"{reverse('mail:contact-merge')}?{urlencode({'ids': ids}, doseq=True)}")
    elif do == "merge":
        messages.info(request, _("Tick two contacts at least, to merge them."))
    elif do in ("group", "ungroup") and (group := number(request.POST.get("group", ""))) is not None:
        service.put_in_group(visit.mailspace, ids, group, member=do == "group")
        messages.success(request, _("Saved."))
        return redirect(f"{reverse('mail:contacts')}?{urlencode({'group': group})}")
    else:
        messages.info(request, _("Choose a group first."))
    return redirect("mail:contacts")


def _offer(request: HttpRequest, said: str, past: int | None) -> HttpResponse:
    messages.success(request, said)
    return redirect(
        f"{reverse('mail:contacts')}?{urlencode({'undo': past})}" if past else reverse("mail:contacts")
    )


@require_POST
@visiting
def undo(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Take back a change of the address book."""
    visit.require_organise()
    past = number(request.POST.get("past", ""))
    if past is not None and service.undo(visit.mailspace, past):
        messages.success(request, _("Undone."))
    else:
        messages.info(request, _("That can no longer be undone."))
    return redirect("mail:contacts")


@require_http_methods(["GET", "POST"])
@finding
def merge(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Several contacts made one: first shown, then done."""
    said = request.POST if request.method == "POST" else request.GET
    ids = [id_ for each in said.getlist("ids")[:50] if (id_ := number(each)) is not None]
    if request.method == "POST":
        visit.require_organise()
        contact, past = service.merge(visit.mailspace, ids)
        return redirect(f"{reverse('mail:contact', args=[contact])}?{urlencode({'undo': past})}")
    people, whole = service.preview(visit.mailspace, ids)
    context = {"people": people, "person": whole, "title": title_of(visit, _("Merge contacts"))}
    return show(request, visit, "webmail/contacts/merge.html", frame(visit, "duplicates") | context)


@require_POST
@visiting
def keep(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Put somebody of the other contacts into the address book, with one click."""
    visit.require_organise()
    email, name = line(request.POST.get("email", ""), 320), line(request.POST.get("name", ""))
    if "@" not in email:
        return redirect("mail:contacts-others")
    if service.contact_of(visit.mailspace, email) is None:
        service.add(visit.mailspace, Person(name=name, emails=(("", email),)))
    messages.success(request, _("%s is in your contacts.") % (name or email))
    return redirect("mail:contacts-others")


# --- groups -------------------------------------------------------------------------------------------------
@require_POST
@visiting
def new_group(request: HttpRequest, visit: Visit) -> HttpResponse:
    visit.require_organise()
    try:
        made = service.add_group(visit.mailspace, request.POST.get("name", "")[:400])
    except CannotKeep:
        messages.error(request, _("Give the group a name."))
        return redirect("mail:contacts")
    return redirect(f"{reverse('mail:contacts')}?{urlencode({'group': made.id})}")


@require_POST
@finding
def change_group(request: HttpRequest, visit: Visit, group: int) -> HttpResponse:
    """Another name, or none any more (`do=remove`): its people stay."""
    visit.require_organise()
    if request.POST.get("do") == "remove":
        service.remove_group(visit.mailspace, group)
        messages.success(request, _("Group removed. Its people are still in your contacts."))
        return redirect("mail:contacts")
    try:
        service.change_group(visit.mailspace, group, request.POST.get("name", "")[:400])
    except CannotKeep:
        messages.error(request, _("There is a group of that name already, or the name is empty."))
    return redirect(f"{reverse('mail:contacts')}?{urlencode({'group': group})}")


# --- bringing in --------------------------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
@visiting
def bring(request: HttpRequest, visit: Visit) -> HttpResponse:
    """A file with contacts: vCard or a table. Says what came of it, with the way back; a large one is read in the
    background."""
    context: dict[str, object] = {"title": title_of(visit, _("Import contacts"))}
    if request.method == "POST":
        visit.require_organise()
        given = request.FILES.get("file")
        if not isinstance(given, UploadedFile):
            context["error"] = _("Choose a file first.")
        elif (given.size or 0) > cards.MAX_FILE:
            context["error"] = _("That file is larger than 40 MB. Export it in parts.")
        else:
            context |= _brought(visit, given.read(), given.name or "")
    elif (chore := chores.last(visit.account, visit.mailspace, Chore.CONTACTS)) is not None:
        context |= {"chore": chore} if chores.is_open(chore) else _ended(chore)
    if context.pop("begun", False):
        return redirect("mail:contacts-import")
    return show(request, visit, "webmail/contacts/import.html", frame(visit, "import") | context)


def _brought(visit: Visit, data: bytes, name: str) -> dict[str, object]:
    try:
        if len(data) > background.LARGE:
            background.begin(visit.account, visit.mailspace, data, name)
            return {"begun": True}
        return {"imported": service.import_file(visit.mailspace, data, name)}
    except CannotKeep:
        return {"error": _("The address book is full: it holds 100,000 contacts.")}
    except (CannotDo, CannotRead) as error:
        return {"error": str(error)}


def _ended(chore: Chore) -> dict[str, object]:
    """What came of the last file that was read in the background."""
    failed = _("%s could not be read.") % chore.data.get("name", "")
    return {
        "imported": background.result_of(chore),
        "imported_name": chore.data.get("name", ""),
        "error": (chore.problem or failed) if chore.state == Chore.FAILED else "",
    }
