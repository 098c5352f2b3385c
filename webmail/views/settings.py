"""`/mail/settings/…`: how the web client behaves for this person. Looks are cookies, set by their buttons.

Here are the tabs of plain choices (General, Labels, Inbox, Advanced) and the quick panel behind the gear; the others
have files of their own. Every tab has one form, saved by one address.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings as conf
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from hosting import accounts
from hosting.actor import Actor
from hosting.forms import Pop3Form
from hosting.views.frame import client_ip
from webmail import boxes
from webmail.models import Preferences
from webmail.views.settings_form import GROUPS, PreferencesForm
from webmail.views.settings_frame import address_of, page
from webmail.visit import CHOSEN, Visit, number, visiting, wants_parts

CHOICES = frozenset(tab for tab, _group, _title, _names in GROUPS)  # tabs that are forms of preferences


@visiting
def settings(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The first tab; and where every form of preferences is sent."""
    if request.method != "POST":
        return _choices(request, visit, "general")
    named = request.POST.get("every", "")
    only = named if named in CHOICES else ""
    form = PreferencesForm(request.POST, instance=visit.preferences, only=only)
    if not form.is_valid():
        if wants_parts(request):
            return JsonResponse({"text": _("That cannot be chosen.")}, status=422)
        return _choices(request, visit, only or _tab_of(next(iter(form.errors))), form=form)
    form.save()
    if wants_parts(request):
        return JsonResponse({"ok": True})
    messages.info(request, _("Settings saved."))
    return redirect(f"mail:settings-{only}" if only else "mail:settings")


def _tab_of(field: str) -> str:
    return next((tab for tab, _group, _title, names in GROUPS if field in names), "general")


@visiting
def choices(request: HttpRequest, visit: Visit, tab: str) -> HttpResponse:
    """General, Inbox, Advanced."""
    return _choices(request, visit, tab)


def _choices(
    request: HttpRequest, visit: Visit, tab: str, *, form: PreferencesForm | None = None
) -> HttpResponse:
    context: dict[str, Any] = {"form": form or PreferencesForm(instance=visit.preferences, only=tab)}
    context["groups"] = context["form"].groups(tab)
    if tab == "general":
        context["reply_url"] = address_of("reply")
    if tab == "advanced":
        context["ways"] = [way for way in _ways() if way["url"]]
    return page(request, visit, tab, f"webmail/settings_{tab}.html", context)


def _ways() -> list[dict[str, str]]:
    """What stands under Advanced besides its choices."""
    return [
        {
            "url": address_of("storage"),
            "icon": "hard-drive",
            "title": _("Storage"),
            "text": _("Where the room goes, and what could leave."),
        },
        {
            "url": address_of("export"),
            "icon": "package",
            "title": _("Take your mail with you"),
            "text": _("Everything as files, for another program or for a shelf."),
        },
        {
            "url": address_of("moving"),
            "icon": "folder-input",
            "title": _("Bring your mail"),
            "text": _("From Gmail, another host, or a file."),
        },
        {
            "url": reverse("mail:changes"),
            "icon": "history",
            "title": _("Recent changes"),
            "text": _("What was done to this mailbox, and the way back."),
        },
    ]


@visiting
def labels(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Where each label is shown; kept at once."""
    shown = boxes.sidebar(visit.mailboxes, looks=visit.preferences.label_looks)[2]
    return page(request, visit, "labels", "webmail/settings_labels.html", {"labels": shown})


@visiting
def quick(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The panel behind the gear, fetched when it is first opened; each choice shows at once."""
    if not wants_parts(request):
        return redirect("mail:settings")
    context = {"inboxes": Preferences.INBOXES, "chosen": visit.preferences}
    return render(request, "webmail/settings_quick.html", context)


@visiting
def pop3(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Save how the own inbox behaves over POP3."""
    if request.method != "POST" or not has_pop3(visit):
        return redirect("mail:settings-forwarding")
    form = Pop3Form.of(visit.account, request.POST)
    if not form.is_valid():
        context = {"pop3_form": form}
        return page(request, visit, "forwarding", "webmail/settings_forwarding_plain.html", context)
    accounts.set_maildrop(
        visit.account, form.options(), actor=Actor(visit.account, "web mail", client_ip(request))
    )
    messages.info(request, _("Settings saved."))
    return redirect("mail:settings-forwarding")


def has_pop3(visit: Visit) -> bool:
    """Whether the own mailbox can be read with POP3 here."""
    return visit.account.mailspace is not None and bool(conf.POP3_LISTEN or conf.POP3S_LISTEN)


@visiting
def choose(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Look at another mailspace this account may open."""
    wanted = number(request.POST.get("mailspace", ""))
    if request.method == "POST" and any(each.mailspace == wanted for each in visit.every):
        request.session[CHOSEN] = wanted
    return redirect("mail:inbox")
