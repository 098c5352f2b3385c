"""The dock of compose windows, which every page of the web client carries: `{% compose_dock visit %}`.

It holds what a window needs before the server is asked again: the identities, the words, and the templates that
static/js/compose-window.js clones. Somebody who may not send gets an empty dock.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from webmail.compose import attachment_words, room
from webmail.visit import Visit
from webmail.writing import account_mark, desk_of

register = template.Library()

FORMATS = (
    ("undo", "undo-2", gettext_lazy("Undo"), "Ctrl+Z"),
    ("redo", "redo-2", gettext_lazy("Redo"), "Ctrl+Y"),
    ("bold", "bold", gettext_lazy("Bold"), "Ctrl+B"),
    ("italic", "italic", gettext_lazy("Italic"), "Ctrl+I"),
    ("underline", "underline", gettext_lazy("Underline"), "Ctrl+U"),
    ("strike", "strikethrough", gettext_lazy("Strike through"), "Alt+Shift+5"),
    ("numbered", "list-ordered", gettext_lazy("Numbered list"), "Ctrl+Shift+7"),
    ("bulleted", "list", gettext_lazy("Bulleted list"), "Ctrl+Shift+8"),
    ("quote", "text-quote", gettext_lazy("Quote"), "Ctrl+Shift+9"),
    ("link", "link", gettext_lazy("Link"), "Ctrl+K"),
    ("clear", "remove-formatting", gettext_lazy("Remove formatting"), "Ctrl+\\"),
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
        "senders": senders or (),
        "words": words(),
        "formats": formats(),
    }
    return render_to_string("webmail/compose_dock.html", context)


def formats() -> list[dict[str, str]]:
    """The buttons of the formatting bar."""
    return [{"name": n, "icon": i, "text": str(text), "key": key} for n, i, text, key in FORMATS]


def words() -> dict[str, Any]:
    """Every sentence that the scripts say. `{}` is filled in there."""
    return {
        "new": _("New message"),
        "saving": _("Saving…"),
        "saved": _("Draft saved"),
        "unsaved": _("Not saved yet"),
        "offline": _("No connection. What you wrote is kept here."),
        "elsewhere": _("Also changed elsewhere; this is the newer text"),
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
        "discarded": _("Draft discarded."),
        "failed": _("This could not be done just now. Try again."),
        "uploadFailed": _("Could not be uploaded"),
        "tooBig": _("Too big: {} are left"),
        "remove": _("Remove {}"),
        "more": _("+{} more"),
        "placeholder": _("Write something"),
        "people": _("People"),
        "attachmentWords": attachment_words(),
        "dropHere": _("Drop files here"),
    }
