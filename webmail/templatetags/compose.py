"""The dock of compose windows, which every page of the web client carries: `{% compose_dock visit %}`.

It is their place and a script of a few lines; what a window is made of comes with the first one, from
webmail/views/compose_window.py, whose words and choices are here, too. Somebody who may not send gets an empty dock.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy, pgettext
from django.utils.translation import gettext as _

from webmail.compose import attachment_words, room
from webmail.visit import Visit
from webmail.writing import account_mark, desk_of

register = template.Library()

# name, icon, words, keys; "" begins a new group of the bar
FORMATS = (
    ("undo", "undo-2", gettext_lazy("Undo"), "Ctrl+Z"),
    ("redo", "redo-2", gettext_lazy("Redo"), "Ctrl+Y"),
    ("size", "a-large-small", gettext_lazy("Size"), "Ctrl+Shift+- +"),
    ("bold", "bold", gettext_lazy("Bold"), "Ctrl+B"),
    ("italic", "italic", gettext_lazy("Italic"), "Ctrl+I"),
    ("underline", "underline", gettext_lazy("Underline"), "Ctrl+U"),
    ("strike", "strikethrough", gettext_lazy("Strike through"), "Alt+Shift+5"),
    ("colour", "baseline", gettext_lazy("Colours"), ""),
    ("align", "text-align-start", gettext_lazy("Alignment"), ""),
    ("numbered", "list-ordered", gettext_lazy("Numbered list"), "Ctrl+Shift+7"),
    ("bulleted", "list", gettext_lazy("Bulleted list"), "Ctrl+Shift+8"),
    ("less", "list-indent-decrease", gettext_lazy("Indent less"), "Ctrl+["),
    ("indent", "list-indent-increase", gettext_lazy("Indent more"), "Ctrl+]"),
    ("quote", "text-quote", gettext_lazy("Quote"), "Ctrl+Shift+9"),
    ("clear", "remove-formatting", gettext_lazy("Remove formatting"), "Ctrl+\\"),
)
MENUS = ("size", "colour", "align")
ALIGNMENTS = (
    ("start", "text-align-start", gettext_lazy("To the start"), "Ctrl+Shift+L"),
    ("center", "text-align-center", gettext_lazy("Centred"), "Ctrl+Shift+E"),
    ("end", "text-align-end", gettext_lazy("To the end"), "Ctrl+Shift+R"),
    ("justify", "text-align-justify", gettext_lazy("To both sides"), ""),
)


@register.simple_tag
def compose_dock(visit: Visit) -> SafeString:
    desk = desk_of(visit)
    senders = tuple((each.address, each.name) for each in desk.senders) if desk else None
    return _dock(get_language() or "", account_mark(visit), room(None), senders)


@lru_cache(maxsize=128)
def _dock(language: str, mark: str, left: int, senders: tuple[tuple[str, str], ...] | None) -> SafeString:
    """The same for a person as long as their identities are the same: drawn once."""
    context = {
        "desk": senders is not None,
        "mark": mark,
        "room": left,
    }
    return render_to_string("webmail/compose_dock.html", context)


def formats() -> list[dict[str, Any]]:
    """The buttons of the formatting bar."""
    return [
        {"name": n, "icon": i, "text": str(text), "key": key, "opens": n in MENUS}
        for n, i, text, key in FORMATS
    ]


def alignments() -> list[dict[str, str]]:
    return [{"name": n, "icon": i, "text": str(text), "key": key} for n, i, text, key in ALIGNMENTS]


def sizes() -> list[tuple[str, str]]:
    return [
        ("small", pgettext("size of letters", "Small")),
        ("", pgettext("size of letters", "Normal")),
        ("large", pgettext("size of letters", "Large")),
        ("huge", pgettext("size of letters", "Huge")),
    ]


def colours(names: Iterable[str]) -> list[tuple[str, str]]:
    """Names of colours with their words, for who does not see them."""
    said = {
        "grey": _("Grey"),
        "red": _("Red"),
        "orange": _("Orange"),
        "yellow": _("Yellow"),
        "olive": _("Olive"),
        "green": _("Green"),
        "teal": _("Teal"),
        "blue": _("Blue"),
        "purple": _("Purple"),
        "pink": _("Pink"),
    }
    return [(name, said[name]) for name in names]


def words() -> dict[str, Any]:
    """Every sentence that the scripts say. `{}` is filled in there."""
    return {
        "new": _("New message"),
        "saving": _("Saving…"),
        "saved": _("Draft saved"),
        "unsaved": _("Not saved yet"),
        "offline": _("No connection. What you wrote is kept here."),
        "restored": _("Restored"),
        "signedOut": _("Your session has ended. What you wrote is kept here."),
        "signIn": _("Sign in"),
        "nobody": _("Add at least one recipient."),
        "wrong": _("This is no mail address: {}"),
        "blank": _("This message has no subject and no text."),
        "forgotten": _("You mention an attachment, but none is here."),
        "add": _("Add"),
        "sendAnyway": _("Send anyway"),
        "waiting": _("Waiting for files…"),
        "sending": _("Sending…"),
        "sendingIn": _("Sending in {} s."),
        "undo": _("Undo"),
        "sent": _("Sent."),
        "view": _("View"),
        "takenBack": _("Taken back. It was not sent."),
        "tooLate": _("Too late: the message is on its way."),
        "discarded": _("Draft discarded."),
        "failed": _("This could not be done just now. Try again."),
        "uploadFailed": _("Could not be uploaded"),
        "tooBig": _("Too big: {} are left"),
        "remove": _("Remove {}"),
        "more": _("+{} more"),
        "placeholder": _("Write something"),
        "people": _("People"),
        "attachmentWords": attachment_words(),
        "left": _("{} are left"),
        "changedElsewhere": _(
            "Somebody, perhaps you, changed this draft in another place. What stands here is what counts now."
        ),
        "none": _("None"),
        "noLabels": _("You have no labels yet."),
        "noSignatures": _("You have no signatures yet."),
        "noTemplates": _("You have no templates yet."),
        "templateSaved": _("Saved as a template."),
        "scheduled": _("Will be sent: {}"),
        "pickTime": _("Choose a day and a time."),
        "pieces": _("Smileys and people|Nature and food|Going and doing|Things|Signs"),
        "lately": _("Used lately"),
        "blocked": _(
            "The browser did not let a new window open. Allow windows of this page, then try again."
        ),
        "added": _("{} added"),
        "removed": _("{} removed"),
    }
