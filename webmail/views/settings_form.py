"""What a person can choose about the web client, in the groups and tabs of the settings pages.

A form of a tab names that tab in `every` and so says all of its fields, also the switches that are off; what any
other request does not name stays as it is.
"""

from __future__ import annotations

from datetime import time
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings as conf
from django.utils import formats
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, pgettext

from webmail.models import Preferences


@cache
def _names() -> list[str]:
    """Read once: it walks the system's folders of zones, a tenth of a second each time."""
    return sorted(
        name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix"))
    )


def zones() -> list[tuple[str, str]]:
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


# (tab, group, title, fields)
GROUPS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    (
        "general",
        "times",
        gettext_noop("Language and time"),
        ("language", "time_zone", "morning", "evening"),
    ),
    (
        "general",
        "reading",
        gettext_noop("Reading"),
        ("read_after", "pictures", "pictures_at_delivery", "dark_mail", "receipts"),
    ),
    (
        "general",
        "writing",
        gettext_noop("Writing"),
        ("undo_seconds", "answer_all", "send_archive", "write_plain", "compose_full", "signature_above"),
    ),
    ("general", "notices", gettext_noop("Notifications on this computer"), ("notifications",)),
    ("inbox", "lists", gettext_noop("Lists"), ("inbox_type", "conversations", "page_size", "after_action")),
    ("advanced", "hands", gettext_noop("Keyboard and touch"), ("keyboard", "swipe_right", "swipe_left")),
)
_SWITCHES = (
    *("conversations", "pictures_at_delivery", "dark_mail", "keyboard"),
    *("answer_all", "send_archive", "write_plain", "compose_full", "signature_above"),
)


class PreferencesForm(forms.ModelForm):  # type: ignore[type-arg]
    """All choices, those of a tab (`only`), or those that a request names."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language"), choices=lazy(_languages, list), required=False
    )
    time_zone = forms.ChoiceField(label=gettext_lazy("Time zone"), choices=lazy(zones, list), required=False)
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
        fields = tuple(name for _tab, _group, _title, names in GROUPS for name in names)
        labels = {
            "inbox_type": gettext_lazy("Order of the inbox"),
            "conversations": gettext_lazy("Put the messages of a conversation together"),
            "page_size": gettext_lazy("Conversations per page"),
            "after_action": gettext_lazy("After archiving or deleting an open conversation"),
            "read_after": gettext_lazy("An open conversation becomes read"),
            "pictures": gettext_lazy("Pictures from elsewhere"),
            "pictures_at_delivery": gettext_lazy("Fetch pictures when mail arrives"),
            "dark_mail": gettext_lazy("Darken mail in the dark theme"),
            "receipts": gettext_lazy("When a sender asks whether you have read it"),
            "undo_seconds": gettext_lazy("Time to take back what you send"),
            "answer_all": gettext_lazy("Reply to everybody by default"),
            "send_archive": gettext_lazy("Offer to send and archive"),
            "write_plain": gettext_lazy("Write plain text"),
            "compose_full": gettext_lazy("Write over the whole page"),
            "signature_above": gettext_lazy("Signature above the quoted text"),
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
            "answer_all": gettext_lazy("What the key r and the button under a message do."),
            "send_archive": gettext_lazy(
                "A second button that puts the conversation away as it is answered."
            ),
            "write_plain": gettext_lazy("New messages begin without fonts and colours."),
            "compose_full": gettext_lazy("Instead of in a window at the corner."),
            "signature_above": gettext_lazy("Off: it stands below, at the very end."),
            "keyboard": gettext_lazy("j and k move, e archives; ? lists them all."),
            "notifications": gettext_lazy("While a tab with your mail is open."),
        }
        widgets = {name: forms.CheckboxInput(attrs={"data-switch": ""}) for name in _SWITCHES}

    def __init__(self, *args: Any, only: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if only:
            names = {name for tab, _group, _title, those in GROUPS if tab == only for name in those}
            for name in [name for name in self.fields if name not in names]:
                del self.fields[name]
        elif self.is_bound and "every" not in self.data:
            for name in [name for name in self.fields if name not in self.data]:
                del self.fields[name]

    def groups(self, tab: str) -> list[tuple[str, str, list[forms.BoundField]]]:
        """The fields as the page of a tab shows them."""
        return [
            (group, _(title), shown)
            for of, group, title, names in GROUPS
            if of == tab and (shown := [self[name] for name in names if name in self.fields])
        ]
