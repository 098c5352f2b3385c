"""`/mail/settings/`: how the web client behaves for this person. Looks are cookies, set by their buttons."""

from __future__ import annotations

from datetime import time
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings as conf
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import formats
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, pgettext

from hosting import accounts
from hosting.actor import Actor
from hosting.forms import Pop3Form
from hosting.views.frame import client_ip
from webmail import boxes
from webmail.models import Preferences
from webmail.visit import CHOSEN, Visit, number, show, visiting


@cache
def _names() -> list[str]:
    """Read once: it walks the system's folders of zones, a tenth of a second each time."""
    return sorted(
        name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix"))
    )


def _zones() -> list[tuple[str, str]]:
    return [
        ("", _("As this browser says")),
        ("UTC", "UTC"),
        *((name, name.replace("_", " ")) for name in _names()),
    ]


def _languages() -> list[tuple[str, str]]:
    return [("", _("As this browser says")), *((code, _(name)) for code, name in conf.LANGUAGES)]


def _hours() -> list[tuple[int, str]]:
    return [
        (hour, formats.time_format(time(hour), pgettext("date format of a row: today", "H:i")))
        for hour in range(24)
    ]


GROUPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("lists", gettext_noop("Inbox and lists"), ("inbox_type", "conversations", "page_size", "after_action")),
    ("reading", gettext_noop("Reading"), ("read_after", "pictures", "pictures_at_delivery", "dark_mail")),
    ("hands", gettext_noop("Keyboard and touch"), ("keyboard", "swipe_right", "swipe_left")),
    ("times", gettext_noop("Language and time"), ("language", "time_zone", "morning", "evening")),
    ("notices", gettext_noop("Notifications on this computer"), ("notifications",)),
)


class PreferencesForm(forms.ModelForm):  # type: ignore[type-arg]
    """What can be chosen. What a request does not name stays as it is; the page itself names everything (`every`)."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language"), choices=lazy(_languages, list), required=False
    )
    time_zone = forms.ChoiceField(label=gettext_lazy("Time zone"), choices=lazy(_zones, list), required=False)
    morning = forms.TypedChoiceField(
        label=gettext_lazy("A day begins at"),
        choices=lazy(_hours, list),
        coerce=int,
        help_text=gettext_lazy("When conversations that sleep until “tomorrow” wake."),
    )
    evening = forms.TypedChoiceField(
        label=gettext_lazy("An evening begins at"),
        choices=lazy(_hours, list),
        coerce=int,
        help_text=gettext_lazy("When conversations that sleep until “later today” wake."),
    )

    class Meta:
        model = Preferences
        fields = tuple(name for _group, _title, names in GROUPS for name in names)
        labels = {
            "inbox_type": gettext_lazy("Order of the inbox"),
            "conversations": gettext_lazy("Put the messages of a conversation together"),
            "page_size": gettext_lazy("Conversations per page"),
            "after_action": gettext_lazy("After archiving or deleting an open conversation"),
            "read_after": gettext_lazy("An open conversation becomes read"),
            "pictures": gettext_lazy("Pictures from elsewhere"),
            "pictures_at_delivery": gettext_lazy("Fetch pictures when mail arrives"),
            "dark_mail": gettext_lazy("Darken mail in the dark theme"),
            "keyboard": gettext_lazy("Single keys do things"),
            "swipe_right": gettext_lazy("Swiping a row to the right"),
            "swipe_left": gettext_lazy("Swiping a row to the left"),
            "notifications": gettext_lazy("Show new mail"),
        }
        help_texts = {
            "conversations": gettext_lazy("Off: every message is a row of its own."),
            "pictures": gettext_lazy("Senders see from a picture that is fetched that you read their mail."),
            "pictures_at_delivery": gettext_lazy(
                "Then nobody learns when you read. It takes storage on this host."
            ),
            "dark_mail": gettext_lazy("Changes the senders' own colours; contrast is kept."),
            "keyboard": gettext_lazy("j and k move, e archives; ? lists them all."),
            "notifications": gettext_lazy("While a tab with your mail is open."),
        }
        widgets = {
            name: forms.CheckboxInput(attrs={"data-switch": ""})
            for name in ("conversations", "pictures_at_delivery", "dark_mail", "keyboard")
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_bound and "every" not in self.data:
            for name in [name for name in self.fields if name not in self.data]:
                del self.fields[name]

    def groups(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        """The fields as the page shows them."""
        return [
            (group, _(title), [self[name] for name in names if name in self.fields])
            for group, title, names in GROUPS
        ]


@visiting
def settings(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show and save."""
    form = PreferencesForm(request.POST or None, instance=visit.preferences)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.info(request, _("Settings saved."))
        return redirect("mail:settings")
    return _page(request, visit, form=form)


@visiting
def pop3(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Save how the own inbox behaves over POP3."""
    if request.method != "POST" or not _has_pop3(visit):
        return redirect("mail:settings")
    form = Pop3Form.of(visit.account, request.POST)
    if not form.is_valid():
        return _page(request, visit, pop3_form=form)
    accounts.set_maildrop(
        visit.account, form.options(), actor=Actor(visit.account, "web mail", client_ip(request))
    )
    messages.info(request, _("Settings saved."))
    return redirect("mail:settings")


def _page(
    request: HttpRequest,
    visit: Visit,
    *,
    form: PreferencesForm | None = None,
    pop3_form: Pop3Form | None = None,
) -> HttpResponse:
    """The page, with the form that could not be taken as it was sent."""
    return show(
        request,
        visit,
        "webmail/settings.html",
        {
            "form": form or PreferencesForm(instance=visit.preferences),
            "storage": _storage(visit),
            "labels": boxes.sidebar(visit.mailboxes, looks=visit.preferences.label_looks)[2],
            "pop3_form": (pop3_form or Pop3Form.of(visit.account)) if _has_pop3(visit) else None,
            "title": f"{_('Settings')} - {visit.address} - Mailstead",
        },
    )


def _storage(visit: Visit) -> list[dict[str, Any]]:
    """Where the room goes, the largest place first; a message under two labels is counted under both."""
    largest = sorted(visit.mailboxes, key=lambda each: each.size, reverse=True)[:6]
    return [
        {"box": boxes.box_of(each), "size": each.size, "messages": each.messages}
        for each in largest
        if each.size
    ]


def _has_pop3(visit: Visit) -> bool:
    return visit.account.mailspace is not None and bool(conf.POP3_LISTEN or conf.POP3S_LISTEN)


@visiting
def choose(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Look at another mailspace this account may open."""
    wanted = number(request.POST.get("mailspace", ""))
    if request.method == "POST" and any(each.mailspace == wanted for each in visit.every):
        request.session[CHOSEN] = wanted
    return redirect("mail:inbox")
