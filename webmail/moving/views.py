"""`/mail/settings/moving/`: mail from an old mailbox, with its progress; and what becomes of it afterwards."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from webmail.templatetags.look import grouped
from webmail.views.settings_frame import page
from webmail.visit import Visit, visiting

from . import forms, hosts, service
from .errors import BadPassword, Trouble
from .forms import Asked, Wrong
from .models import Source

HOME = "mail:settings-moving"


def require_own(visit: Visit) -> None:
    if visit.access.rights != "own":
        raise Http404(_("Only the owner of this mailbox may change that."))


def own(visit: Visit, source: int) -> Source:
    require_own(visit)
    found = Source.objects.filter(pk=source, account=visit.account, mailspace=visit.mailspace).first()
    if found is None:
        raise Http404
    return found


@sensitive_post_parameters("password")
@visiting
def moving(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The old mailboxes, and the form that begins another one."""
    require_own(visit)
    if request.method != "POST":
        return _page(request, visit)
    asked: Asked | None = None
    try:
        asked = forms.read(request.POST.dict())
        service.begin(
            visit.account,
            visit.mailspace,
            asked,
            into=label_of(request.POST.get("into", "")),
            keep="keep" in request.POST,
            leave=True,
            label=asked.address if "keep" in request.POST else "",
        )
    except Wrong as wrong:
        return _page(request, visit, errors={wrong.field: str(wrong)}, asked=asked)
    except BadPassword as wrong:
        return _page(request, visit, errors={"password": str(wrong)}, asked=asked)
    except Trouble as trouble:
        return _page(request, visit, errors={"host": str(trouble)}, asked=asked)
    return redirect(HOME)


def label_of(text: str) -> str:
    """A name as people write it."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:200]).split()).strip("/")


@sensitive_post_parameters("password")
@require_POST
@visiting
def change(request: HttpRequest, visit: Visit, source: int) -> HttpResponse:
    """One thing with an old mailbox: `do`."""
    found = own(visit, source)
    try:
        said = _do(request, visit, found)
    except Trouble as trouble:
        messages.error(request, str(trouble))
        return redirect(HOME)
    messages.info(request, said)
    return redirect("mail:changes" if request.POST.get("do") == "undo" else HOME)


def _do(request: HttpRequest, visit: Visit, source: Source) -> str:
    match request.POST.get("do", ""):
        case "stop":
            service.stop(source)
            return _("Stopped. What has come so far stays.")
        case "go":
            service.go_on(source)
            return _("It goes on from where it was.")
        case "fetch":
            service.fetch_now(source)
            return _("We look for new mail now.")
        case "password":
            password = request.POST.get("password", "")[: forms.MAX_PASSWORD]
            service.set_password(source, password)
            return _("%s lets us in again.") % source.host
        case "keep":
            service.keep(
                source,
                on="keep" in request.POST,
                label=label_of(request.POST.get("label", "")),
                leave=source.protocol == Source.IMAP or "leave" in request.POST,
            )
            return _("Settings saved.")
        case "undo":
            if not service.take_back(source, cause=visit.cause):
                raise Trouble(_("That can no longer be undone."))
            return _("What has come from %s goes again.") % source.address
        case "remove":
            service.remove(source)
            return _("%s is forgotten here, with its password. The mail stays.") % source.address
    raise Http404


@require_GET
@visiting
def progress(request: HttpRequest, visit: Visit, source: int) -> JsonResponse:
    """How far one is, for the page that waits for it."""
    row = own(visit, source)
    ended = row.state != Source.MOVING
    return JsonResponse({"state": row.state, "done": row.done, "total": row.total, "ended": ended})


def _page(
    request: HttpRequest, visit: Visit, *, errors: dict[str, str] | None = None, asked: Asked | None = None
) -> HttpResponse:
    rows = Source.objects.filter(account=visit.account, mailspace=visit.mailspace).order_by("-id")
    said = {
        name: request.POST.get(name, "") for name in ("address", "username", "into", "host", "port", "tls")
    }
    if asked is not None:
        said |= {"host": asked.server.host, "port": str(asked.server.port), "tls": asked.server.tls}
    address = said["address"] or ""
    known = hosts.guess(address) if "@" in address else None
    context: dict[str, Any] = {
        "sources": [_told(row) for row in rows],
        "said": said | {"protocol": request.POST.get("protocol", "imap"), "keep": "keep" in request.POST},
        "errors": errors or {},
        "hint": known if errors and "password" in errors else None,
        "ways": _ways(),
    }
    return page(request, visit, "moving", "moving/moving.html", context, status=422 if errors else 200)


def _ways() -> list[dict[str, str]]:
    return [
        {
            "url": reverse("mail:settings-import"),
            "icon": "folder-input",
            "title": _("Bring mail from a file"),
            "text": _("Google Takeout, an mbox, a Maildir or messages in a .zip."),
        },
        {
            "url": reverse("mail:settings-filters"),
            "icon": "funnel",
            "title": _("Bring filters from Gmail"),
            "text": _("The file mailFilters.xml of Gmail's settings."),
        },
        {
            "url": reverse("mail:contacts-import"),
            "icon": "users",
            "title": _("Bring contacts"),
            "text": _("A vCard file or a table of Google's or Outlook's."),
        },
    ]


def _told(row: Source) -> dict[str, Any]:
    """How one stands, in sentences."""
    lines = []
    if row.messages or row.state == Source.DONE:
        text = ngettext("%s message has come.", "%s messages have come.", row.messages)
        lines.append(text % grouped(row.messages))
    if row.there:
        lines.append(
            ngettext("%s was here already.", "%s were here already.", row.there) % grouped(row.there)
        )
    if row.left_out:
        text = ngettext("%s could not be fetched.", "%s could not be fetched.", row.left_out)
        lines.append(text % grouped(row.left_out))
    if row.unmade:
        lines.append(_("Labels beyond the first 500 were not made; their mail is in Archive."))
    if row.arrived:
        text = ngettext("%s has arrived since.", "%s have arrived since.", row.arrived)
        lines.append(text % grouped(row.arrived))
    return {
        "row": row,
        "moving": row.state == Source.MOVING,
        "done": row.state == Source.DONE,
        "stopped": row.state == Source.STOPPED,
        "refused": row.state == Source.REFUSED,
        "protocol": row.protocol.upper(),
        "pop3": row.protocol == Source.POP3,
        "said": " ".join(lines),
        "undoable": bool(row.messages) and row.state != Source.MOVING,
        "known": hosts.of_host(row.host),
    }
