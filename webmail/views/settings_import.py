"""`/mail/settings/import/`: mail from a file, read in the background, with its progress and the way back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from mta.mailstore.errors import StoreError
from webmail import bringing, chores
from webmail.chores import CannotDo
from webmail.models import Chore
from webmail.templatetags.look import grouped
from webmail.views.settings_frame import page
from webmail.visit import Visit, visiting


@visiting
def bring(request: HttpRequest, visit: Visit) -> HttpResponse:
    """What was brought, and how far it is; POST with a file begins."""
    visit.require_organise()
    if request.method != "POST":
        return _page(request, visit)
    file = request.FILES.get("file")
    if file is None:
        return _page(request, visit, error=_("Choose a file."), status=422)
    try:
        bringing.begin(
            visit.account,
            visit.mailspace,
            file,
            into=_label(request.POST.get("into", "")),
            seen=bool(request.POST.get("seen")),
        )
    except CannotDo as error:
        return _page(request, visit, error=str(error), status=422)
    return redirect("mail:settings-import")


def _label(text: str) -> str:
    """A name as people write it; what the store does not take becomes what it does, when mail comes there."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:200]).split()).strip("/")


@require_POST
@visiting
def change(request: HttpRequest, visit: Visit, chore: int) -> HttpResponse:
    """Stop what is under way, or take back what has come."""
    visit.require_organise()
    mine = Chore.objects.filter(account=visit.account, mailspace=visit.mailspace, kind=Chore.IMPORT)
    row = mine.filter(pk=chore).first()
    if row is None:
        raise Http404
    if chores.is_open(row):
        chores.remove(row)
        messages.info(request, _("Stopped. What has come so far stays; Recent changes takes it back."))
        return redirect("mail:settings-import")
    try:
        bringing.take_back(row, cause=visit.cause)
    except StoreError:
        messages.warning(request, _("That can no longer be undone."))
        return redirect("mail:settings-import")
    chores.remove(row)
    return redirect("mail:changes")


def _page(request: HttpRequest, visit: Visit, *, error: str = "", status: int = 200) -> HttpResponse:
    mine = Chore.objects.filter(account=visit.account, mailspace=visit.mailspace, kind=Chore.IMPORT)
    rows = list(mine.order_by("-id")[:5])
    context: dict[str, Any] = {
        "chore": next((row for row in rows if chores.is_open(row)), None),
        "ended": [_told(row) for row in rows if not chores.is_open(row)],
        "error": error,
    }
    return page(request, visit, "import", "webmail/settings_import.html", context, status=status)


def _told(row: Chore) -> dict[str, Any]:
    """What came of one, in sentences."""
    data = row.data
    count, there, broken = data.get("messages", 0), data.get("there", 0), data.get("unread", 0)
    said = []
    if row.state == Chore.FAILED:
        said.append(row.problem or _("The file could not be read to its end."))
    if count or row.state == Chore.DONE:
        text = ngettext("%s message has come.", "%s messages have come.", count)
        said.append(text % grouped(count))
    if there:
        text = ngettext("%s was here already.", "%s were here already.", there)
        said.append(text % grouped(there))
    if broken:
        text = ngettext("%s could not be read.", "%s could not be read.", broken)
        said.append(text % grouped(broken))
    if data.get("unmade"):
        said.append(_("Labels beyond the first 500 were not made; their mail is in Archive."))
    if data.get("full"):
        said.append(_("Then your mailbox was full. Make room, and bring the same file again for the rest."))
    return {
        "chore": row,
        "name": data.get("name", ""),
        "said": " ".join(said),
        "broken": data.get("broken", ()),
        "undoable": bool(count and data.get("actions")),
    }
